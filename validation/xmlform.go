package validation

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"chop/internal/cms"
	"chop/internal/xmldsig"
	"chop/policies"
)

// What the process asks of an XML signature.

// verify is cryptographic verification (5.2.7): the value first, then each reference; what
// failed outdoes what could not be decided.
func (s *xmlSignature) verify(_ *run, raw []byte) conclusion {
	key, err := cms.PublicKey(raw)
	if err != nil {
		return undecided(CryptoConstraintsFailure, "key of the signing certificate: %v", err)
	}
	err = s.signature.VerifyValue(key, 0)
	s.verified = err == nil
	got := xmlConclusion(err)
	for _, r := range s.signature.References {
		if c := xmlConclusion(r.Err); got.passed() || got.ind == Indeterminate && c.ind == TotalFailed {
			got = c
		}
	}
	return got
}

// xmlConclusion turns an error of package xmldsig into a conclusion.
func xmlConclusion(err error) conclusion {
	switch {
	case err == nil:
		return pass()
	case errors.Is(err, xmldsig.ErrDigest):
		return fail(HashFailure, "%v", err)
	case errors.Is(err, xmldsig.ErrSignature), errors.Is(err, xmldsig.ErrKey):
		return fail(SigCryptoFailure, "%v", err)
	case errors.Is(err, xmldsig.ErrNotFound), errors.Is(err, xmldsig.ErrAmbiguous):
		return undecided(SignedDataNotFound, "%v", err)
	case errors.Is(err, xmldsig.ErrUndecided), errors.Is(err, xmldsig.ErrRefused), errors.Is(err, xmldsig.ErrLimit):
		return undecided(CryptoConstraintsFailure, "%v", err)
	}
	return fail(FormatFailure, "%v", err)
}

func (s *xmlSignature) binds() bool { return s.props != nil && len(s.props.Certificates) > 0 }

func (s *xmlSignature) stated() statement {
	if s.props == nil {
		return statement{}
	}
	said := statement{commitments: s.props.Commitments, roles: s.props.Roles}
	if p := s.props.Policy; p != "" {
		said.policy = &declared{id: p, hash: s.props.PolicyHash, digest: s.props.PolicyDigest, derived: s.props.PolicyDerived}
		if p == xmldsig.ImpliedPolicy {
			said.policy.id = ""
		}
	}
	return said
}

func (s *xmlSignature) complete() conclusion {
	if s.format == FormatXAdES && !s.binds() {
		return undecided(SigConstraintsFailure, "no signing-certificate property, which EN 319 132-1 demands")
	}
	return pass()
}

func (s *xmlSignature) algorithms(key crypto.PublicKey) [][]string {
	m := s.signature.Method
	list := [][]string{suiteNames(key, m.Family == xmldsig.RSAPSS, m.Hash)}
	for _, r := range s.signature.References {
		if names := []string{policies.HashAlgorithm(r.Hash)}; !slices.ContainsFunc(list, func(l []string) bool { return slices.Equal(l, names) }) {
			list = append(list, names)
		}
	}
	return list
}

func (s *xmlSignature) stamps() []stamped {
	var list []stamped
	if s.props == nil {
		return nil
	}
	for i, e := range s.props.Unsigned {
		if e.LocalName() != "SignatureTimeStamp" {
			continue
		}
		st, err := xmldsig.ReadStamp(e)
		if err != nil {
			s.checks.add("TSV", Warning, "signature time-stamp: %v", err)
			continue
		}
		for _, one := range stampedBy(st.Tokens, func(info *cms.TSTInfo) error {
			return s.over(info, func(w io.Writer) error { return s.signature.SignatureImprint(w, st.C14N) })
		}) {
			one.after = i + 1
			list = append(list, one)
		}
	}
	return list
}

func (s *xmlSignature) contentStamps() []stamped {
	var list []stamped
	if s.props == nil {
		return nil
	}
	for _, st := range s.props.Content {
		list = append(list, stampedBy(st.Tokens, func(info *cms.TSTInfo) error {
			return s.over(info, func(w io.Writer) error { return s.signature.ContentImprint(w, s.props, st, s.sources) })
		})...)
	}
	return list
}

// holds reports whether a reference signs nodes of this document.
func (s *xmlSignature) holds(r *xmldsig.Reference) bool {
	return r.Err == nil && r.Signed != nil && r.Signed.In(s.doc)
}

// coversFile reports whether the signature signs a file that was given.
func (s *xmlSignature) coversFile(files []File, i int) bool {
	return slices.ContainsFunc(s.signature.References, func(r *xmldsig.Reference) bool {
		return r.Err == nil && r.Outside() && named(files, r.URI) == i
	})
}

// maxSigned is how many signed things are told of one signature.
const maxSigned = 100

// signed tells what is signed, its own properties not told. Of a signature whose value does not
// verify nothing is: its references are anybody's word.
func (s *xmlSignature) signed(p *places) []string {
	if !s.verified {
		return nil
	}
	var list []string
	for i, r := range s.signature.References {
		if r.Err != nil || s.props != nil && r == s.props.Reference {
			continue
		}
		if len(list) == maxSigned {
			return append(list, fmt.Sprintf("and what %d more references lead to", len(s.signature.References)-i))
		}
		switch {
		case r.Outside() && (r.File != "" || !r.HasURI):
			list = append(list, "file "+r.File)
		case r.Signed == nil || !r.Signed.In(s.doc):
			list = append(list, "data at "+r.URI)
		case r.Decoded:
			list = append(list, "the base64 in "+p.where(r.Signed.Apex()))
		case r.Signed.Whole() && !r.Signed.Complete():
			list = append(list, "the whole document but for signatures")
		case r.Signed.Whole():
			list = append(list, "the whole document")
		default:
			what := p.where(r.Signed.Apex())
			if of := countersigned(r.Signed.Apex()); of != nil {
				if id, ok := xmldsig.Attr(of, "Id"); ok && len(id) <= 100 {
					what = "the value of " + id
				}
			}
			list = append(list, what)
		}
	}
	return list
}

// tellUnrendered warns of the declarations that exclusive canonicalisation leaves unsigned,
// and keeps those that content uses.
func (s *xmlSignature) tellUnrendered() {
	var names []string
	for _, r := range s.signature.References {
		if s.props != nil && r == s.props.Reference {
			continue // of which all is known
		}
		list, err := r.Unrendered()
		if err != nil {
			s.breach("declarations that are not signed: %v", err)
			return
		}
		for _, u := range list {
			if u.InContent && len(s.unrendered) < maxUnsigned {
				s.unrendered = append(s.unrendered, u)
			}
			if one := declaration(u); len(names) < maxUnsigned && !slices.Contains(names, one) {
				names = append(names, one)
			}
		}
	}
	if len(names) > 0 {
		s.checks.add("FC", Warning, "not signed, for exclusive canonicalisation leaves them out: %s", strings.Join(names, ", "))
	}
}
