package sigpolicy

import (
	"crypto"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const works = `# Contracts of works.
id: urn:oid:1.3.6.1.4.1.32473.553.9.1
name: Contracts of works
document: works.txt
level: B-T
commitments: [approval, "http://uri.etsi.org/01903/v1.2.2#ProofOfCreation", 1.2.3.4]
roles: [Director of Works, 工務司]
algorithms: [sha256, ecdsa-p256, rsa-3072]
certificate_policies: [1.3.6.1.4.1.32473.553.1.2]
`

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "works.txt", "the policy")
	file := write(t, dir, "works.yaml", works)
	write(t, dir, "other.yaml", "id: https://example.org/policy\nname: Other\ndocument: works.txt\n")
	for path, n := range map[string]int{file: 1, dir: 2} {
		s, err := Read(path)
		if err != nil || s.Len() != n {
			t.Fatalf("%s: %d, %v", path, s.Len(), err)
		}
		for _, id := range []string{"1.3.6.1.4.1.32473.553.9.1", "urn:oid:1.3.6.1.4.1.32473.553.9.1", " URN:OID:1.3.6.1.4.1.32473.553.9.1\n"} {
			p := s.Find(id)
			if p == nil || p.Name != "Contracts of works" || len(p.CertificatePolicies) != 1 || !slices.Equal(p.Commitments, []string{"approval", "creation", "1.2.3.4"}) {
				t.Fatalf("%q: %+v", id, p)
			}
			digest := sha256.Sum256([]byte("the policy"))
			if !p.Matches(crypto.SHA256, digest[:]) || p.Matches(crypto.SHA384, digest[:]) || p.Matches(0, nil) {
				t.Errorf("digest")
			}
		}
		if s.Find("1.2.3") != nil {
			t.Errorf("found what is not there")
		}
	}
	var none *Store
	if none.Find("1.2.3") != nil || none.Len() != 0 {
		t.Errorf("a nil store holds something")
	}
}

func TestReadRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"a key that is not known": {"level:", "levels:"}, "no id": {"id: urn:oid:1.3.6.1.4.1.32473.553.9.1", "id: works"},
		"no name": {"name: Contracts of works", "name:"}, "level": {"B-T", "B-X"}, "algorithm": {"sha256", "md5"},
		"commitment": {"approval", "agreement"}, "policy": {"1.3.6.1.4.1.32473.553.1.2", "seal"}, "role": {"工務司", `""`},
		"elsewhere": {"document: works.txt", "document: ../works.txt"}, "no document": {"document: works.txt", "document: none.txt"},
		"two documents": {"# Contracts", "---\nx: y\n---\n# "}, "no YAML": {"id:", "{"}, "absent": {"document: works.txt", ""},
	} {
		dir := t.TempDir()
		write(t, dir, "works.txt", "the policy")
		file := write(t, dir, "works.yaml", strings.Replace(works, change[0], change[1], 1))
		if _, err := Read(file); err == nil || name != "no document" && !errors.Is(err, ErrPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if _, err := Read(dir); !errors.Is(err, ErrPolicy) {
		t.Errorf("an empty folder: %v", err)
	}
	write(t, dir, "works.txt", "the policy")
	write(t, dir, "a.yaml", works)
	write(t, dir, "b.yaml", works)
	if _, err := Read(dir); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "a second policy") {
		t.Errorf("twice: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

func TestAllows(t *testing.T) {
	p := &Policy{Algorithms: []string{"sha256", "ecdsa-p256", "rsa-3072", "rsa-pss-2048"}}
	for name, want := range map[string]bool{
		"sha256": true, "sha384": false, "ecdsa-p256": true, "ecdsa-p384": false, "rsa-pkcs1-2048": false, "rsa-pkcs1-3072": true,
		"rsa-pkcs1-16384": true, "rsa-pss-2048": true, "rsa-pss-1024": false, "ed25519": false, "": false, "dsa-3072": false,
	} {
		if p.Allows(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	if !(&Policy{}).Allows("sha1") {
		t.Errorf("a policy that asks for nothing refuses")
	}
}

func TestCommitment(t *testing.T) {
	for id, want := range map[string]string{
		"1.2.840.113549.1.9.16.6.5": "approval", "urn:oid:1.2.840.113549.1.9.16.6.1": "origin", "approval": "approval",
		"http://uri.etsi.org/01903/v1.2.2#ProofOfSender": "sender", "1.2.840.113549.1.9.16.6.55": "1.2.840.113549.1.9.16.6.55", "5": "5",
	} {
		if got := Commitment(id); got != want {
			t.Errorf("%s: %s", id, got)
		}
	}
}

// Whatever is parsed is found by its id, and asks for what is there only.
func FuzzParse(f *testing.F) {
	f.Add([]byte(works))
	f.Add([]byte("id: https://example.org/p\nname: x\ndocument: a\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b, func(string) ([]byte, error) { return []byte("document"), nil })
		if err != nil {
			if !errors.Is(err, ErrPolicy) {
				t.Errorf("%v", err)
			}
			return
		}
		if Normal(p.ID) != p.ID || p.Name == "" || p.Level != "" && !slices.Contains(Levels, p.Level) {
			t.Errorf("%+v", p)
		}
	})
}
