package validation_test

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
	"chop/validation/sigpolicy"
)

var worksOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 553, 9, 1}

// held is a store with one policy, as a relying party writes it.
func held(t *testing.T, constraints string) *sigpolicy.Store {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"works.txt":  "Contracts of works are signed so.",
		"works.yaml": "id: " + worksOID.String() + "\nname: Contracts of works\ndocument: works.txt\n" + constraints,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sigpolicy.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A signature that names a policy, in each format that can: judged without the policy, with it,
// with another edition of it, and with what it asks for and the signature has not.
func TestSignaturePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := &person{key: key(t)}
	seal, err := x509.ParseOID("1.3.6.1.4.1.32473.553.1.2")
	if err != nil {
		t.Fatal(err)
	}
	w.certify(by, &x509.Certificate{Subject: pkix.Name{CommonName: "Chan Tai Man"}, KeyUsage: x509.KeyUsageContentCommitment,
		Policies: []x509.OID{seal}}, w.ca)
	digest := sha256.Sum256([]byte("Contracts of works are signed so."))
	other := sha256.Sum256([]byte("Contracts of works were signed otherwise."))
	sign := map[string]func(named bool, sum []byte) []byte{
		"CAdES": func(named bool, sum []byte) []byte {
			r := cades.Request{Level: pades.LevelT, Commitment: cades.ProofOfApproval, Roles: []string{"Director"}}
			if named {
				r.Policy = &cades.Policy{OID: worksOID, Hash: crypto.SHA256, Digest: sum}
			}
			return w.signCMS(by, r)
		},
		"XAdES": func(named bool, sum []byte) []byte {
			r := xades.Request{Level: pades.LevelT, Commitment: xades.ProofOfApproval, Roles: []string{"Director"}}
			if named {
				r.Policy = &xades.Policy{OID: worksOID, Hash: crypto.SHA256, Digest: sum}
			}
			return w.signXML(by, r)
		},
		"JAdES": func(named bool, sum []byte) []byte {
			r := jades.Request{Level: pades.LevelT, Commitment: jades.Commitment(xades.ProofOfApproval), Roles: []string{"Director"}}
			if named {
				r.Policy = &jades.Policy{OID: worksOID, Hash: crypto.SHA256, Digest: sum}
			}
			return w.signJSON(by, r)
		},
	}
	const all = "level: B-T\ncommitments: [approval, origin]\nroles: [Secretary, Director]\nalgorithms: [sha256, ecdsa-p256]\ncertificate_policies: [1.3.6.1.4.1.32473.553.1.2]\n"
	for format, make := range sign {
		named, older, plain := make(true, digest[:]), make(true, other[:]), make(false, nil)
		for _, x := range []struct {
			name, verdict, says string
			doc                 []byte
			held                *sigpolicy.Store
			required            bool
		}{
			{"no policy, none held", passed, "PASSED   algorithm suite default", plain, nil, false},
			{"no policy, one is required", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "names no signature policy", plain, held(t, all), true},
			{"none held", passed, "WARNING  the signature names a policy of its own, which was not applied", named, nil, false},
			{"another is held", passed, "is not held here, which was not applied", named, otherPolicy(t), false},
			{"another is held, and required", "INDETERMINATE/SIGNATURE_POLICY_NOT_AVAILABLE", "is not held here", named, otherPolicy(t), true},
			{"held", passed, "whose document has the digest that was signed", named, held(t, ""), false},
			{"held and required", passed, "all that policy 1.3.6.1.4.1.32473.553.9.1 asks for", named, held(t, all), true},
			{"another edition", "INDETERMINATE/POLICY_PROCESSING_ERROR", "is not the one that is held here", older, held(t, all), false},
			{"level", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "asks for level B-LT, and the signature is B-T", named, held(t, "level: B-LT\n"), false},
			{"commitment", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "allows the commitments creation, and the signer states approval", named, held(t, "commitments: [creation]\n"), false},
			{"role", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "one of the roles Secretary, and the signer claims Director", named, held(t, "roles: [Secretary]\n"), false},
			{"algorithm", "INDETERMINATE/CRYPTO_CONSTRAINTS_FAILURE", "does not allow sha256", named, held(t, "algorithms: [sha512, ecdsa-p256]\n"), false},
			{"certificate", "INDETERMINATE/CHAIN_CONSTRAINTS_FAILURE", "none of the certificate policies", named, held(t, "certificate_policies: [1.2.3]\n"), false},
			{"several", "INDETERMINATE/SIG_CONSTRAINTS_FAILURE", "one of the roles Secretary", named, held(t, "level: B-LTA\nroles: [Secretary]\n"), false},
		} {
			r, err := w.tryValidate(t, x.doc, validation.Options{Policies: x.held, RequirePolicy: x.required})
			if err != nil {
				t.Fatal(err)
			}
			if verdict(r.Signatures[0]) != x.verdict || !strings.Contains(tell(r), x.says) {
				t.Errorf("%s, %s: want %s with %q, got\n%s", format, x.name, x.verdict, x.says, tell(r))
			}
		}
		if format == "CAdES" { // what fails outdoes what is undecided
			broken := strings.Replace(string(named), note[:5], "xxxxx", 1)
			r, err := w.tryValidate(t, []byte(broken), validation.Options{Policies: held(t, "level: B-LTA\n")})
			if err != nil || verdict(r.Signatures[0]) != "TOTAL-FAILED/HASH_FAILURE" {
				t.Errorf("broken: %v\n%s", err, tell(r))
			}
		}
	}
}

// otherPolicy is a store without the policy that signatures here name.
func otherPolicy(t *testing.T) *sigpolicy.Store {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"p.txt": "p", "p.yaml": "id: https://example.org/p\nname: P\ndocument: p.txt\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sigpolicy.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
