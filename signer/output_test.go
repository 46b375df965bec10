package signer

import (
	"os"
	"testing"
)

// A file that replaces another keeps its permissions: who could not read the one may not read the other.
func TestOutputKeepsPermissions(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	c := r.seal(t, "p256", "")
	in := r.document(t, 100)
	for _, mode := range []os.FileMode{0o600, 0o640, 0o400} {
		req := r.request(c, in, "private.pdf")
		if err := os.WriteFile(req.Out, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(req.Out, mode); err != nil {
			t.Fatal(err)
		}
		if err := r.SignPDF(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(req.Out); err != nil || info.Mode() != mode || info.Size() == 0 {
			t.Errorf("%v, %v, want mode %v", info, err, mode)
		}
		if err := os.Remove(req.Out); err != nil {
			t.Fatal(err)
		}
	}
}
