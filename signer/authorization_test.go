package signer

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// operators had some documents sealed; what they are asked about is kept.
type operators struct {
	sealed [][]byte // SHA-256
	asked  []Use
}

func (o *operators) Authorized(_ context.Context, u Use) error {
	o.asked = append(o.asked, u)
	for _, d := range u.Documents {
		if !slices.ContainsFunc(o.sealed, func(s []byte) bool { return string(s) == string(d) }) {
			return errors.New("not theirs")
		}
	}
	return nil
}

// A department's seal signs what its operators had sealed, and its key is not used for anything else; nor is another
// seal's under an authorization that is not about it.
func TestDepartmentSealWantsAuthorization(t *testing.T) {
	t.Parallel()
	said := &operators{}
	r := newRig(t, func(c *Config) { c.Authorizer, c.WholeChecker = said, jsonStructure{} })
	seal, err := r.CreateSeal(t.Context(), SealRequest{Name: "Transport Department", Department: "transport", Operator: "local:alice"})
	if err != nil || seal.Department != "transport" {
		t.Fatal(seal, err)
	}
	in := r.document(t, 100)
	content, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	said.sealed = [][]byte{sum[:]}
	refused := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, ErrUnauthorized) || r.keys.uses.Load() != 1 { // the one that proved possession
			t.Errorf("%s: %v, and the key was used %d times", name, err, r.keys.uses.Load())
		}
	}
	pdf := r.request(seal, in, "out.pdf")
	refused("without an authorization", r.SignPDF(t.Context(), pdf))
	pdf.Authorization = "batch"
	pdf.In = r.document(t, 200)
	refused("a document that is not in it", r.SignPDF(t.Context(), pdf))
	json := r.jsonRequest(t, seal)
	json.Authorization = "batch"
	refused("JSON that is not in it", r.SignJSON(t.Context(), json))
	content, err = os.ReadFile(json.In)
	if err != nil {
		t.Fatal(err)
	}
	second := sha256.Sum256(content)
	said.sealed = append(said.sealed, second[:])
	// A second file that goes into the signature is asked about as the first.
	beside := filepath.Join(r.folder, "beside.json")
	if err := os.WriteFile(beside, []byte(`{"payload":"e30","signatures":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	json.Beside = beside
	if err := r.SignJSON(t.Context(), json); err == nil {
		t.Error("signed beside another signature")
	}
	json.Beside, pdf.In = "", in
	if err := errors.Join(r.SignPDF(t.Context(), pdf), r.SignJSON(t.Context(), json)); err != nil {
		t.Fatal(err)
	}
	u := said.asked[len(said.asked)-1]
	if u.Authorization != "batch" || u.Department != "transport" || u.Credential != seal.ID || u.Policy != DefaultJSONPolicy || u.Level != "B-B" {
		t.Errorf("asked %+v", u)
	}
	other := r.seal(t, "p256", "")
	pdf.Credential = other.ID
	if err := r.SignPDF(t.Context(), pdf); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("a seal of nobody, under an authorization: %v", err)
	}
	list, err := SealsOf(t.Context(), r.db, "transport")
	if err != nil || len(list) != 1 || list[0].ID != seal.ID {
		t.Errorf("the department's seals: %v, %v", list, err)
	}
}
