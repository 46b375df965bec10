package corpus

import (
	"context"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"chop/internal/corpus/manifest"
	"chop/validation"
	"chop/validation/certpath"
)

// pkitsTime is when the project has its certificates validated.
var pkitsTime = time.Date(2022, 5, 1, 0, 0, 0, 0, time.UTC)

// pkits compares the verdict on a certification path: every row has the anchor's list.
func (r *runner) pkits(ctx context.Context, row manifest.Row) (Result, error) {
	out := Result{ID: row["id"] + " " + row["name"], What: row["error_detail"], Format: "certification path", Scored: true, Want: row["expected"]}
	o := validation.Options{At: pkitsTime}
	p := validation.PathOptions{MaxDepth: -1, AnyAlgorithm: true}
	if row["revocation_checked"] == "False" {
		o.Revocation = validation.RevocationNone
	}
	roots := row.List("roots")
	if len(roots) == 0 {
		roots = []string{"TrustAnchorRootCertificate.crt"}
	}
	crls := append(row.List("crls"), "TrustAnchorRootCRL.crl")
	var err error
	if o.Trust, err = r.certificates(under("certs/", roots)); err != nil {
		return out, err
	}
	if o.Certificates, err = r.readAll(under("certs/", row.List("other_certs"))); err != nil {
		return out, err
	}
	if o.CRLs, err = r.readAll(under("crls/", crls)); err != nil {
		return out, err
	}
	if p.Inputs, err = pkitsInputs(row["pkix_params"]); err != nil {
		return out, err
	}
	if limit, err := strconv.Atoi(row["path_len"]); err == nil {
		p.MaxDepth = limit // certificates from the anchor's on: never what a row is about
	}
	cert, err := r.read("certs/" + row["cert"])
	if err != nil {
		return out, err
	}
	return r.path(ctx, out, cert, o, p, "VALID")
}

// path judges one certificate and compares.
func (r *runner) path(ctx context.Context, out Result, cert []byte, o validation.Options, p validation.PathOptions, good string) (Result, error) {
	report, err := r.v.ValidateCertificate(ctx, der(cert), o, p)
	if err != nil {
		return out, err
	}
	passed := report.Indication == validation.TotalPassed
	out.Got = string(report.Indication)
	if report.SubIndication != "" {
		out.Got += "/" + string(report.SubIndication)
	}
	var why []string
	for _, c := range report.Checks {
		why = append(why, string(c.Status)+" "+c.Detail)
	}
	out.Why = strings.Join(why, "; ")
	out.Agree = passed == (out.Want == good)
	out.Unsafe = out.Scored && passed && out.Want != good
	return out, nil
}

func under(folder string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = folder + n
	}
	return out
}

// pkitsInputs reads the parameters, whose JSON the manifest may hold in quotes.
func pkitsInputs(cell string) (in certpath.Inputs, err error) {
	if cell == "" || cell == `""` {
		return in, nil
	}
	var params struct {
		Policies []string `json:"user_initial_policy_set"`
		Explicit bool     `json:"initial_explicit_policy"`
		Mapping  bool     `json:"initial_policy_mapping_inhibit"`
		Any      bool     `json:"initial_any_policy_inhibit"`
	}
	if err := json.Unmarshal([]byte(cell), &params); err != nil {
		return in, fmt.Errorf("pkix_params: %w", err)
	}
	in.ExplicitPolicy, in.InhibitMapping, in.InhibitAnyPolicy = params.Explicit, params.Mapping, params.Any
	for _, p := range params.Policies {
		var oid asn1.ObjectIdentifier
		for arc := range strings.SplitSeq(p, ".") {
			n, err := strconv.Atoi(arc)
			if err != nil {
				return in, fmt.Errorf("policy %q: %w", p, err)
			}
			oid = append(oid, n)
		}
		in.Policies = append(in.Policies, oid)
	}
	return in, nil
}
