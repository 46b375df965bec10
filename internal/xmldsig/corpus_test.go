package xmldsig

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"chop/internal/corpus"

	"github.com/lestrrat-go/helium"
	heliumc14n "github.com/lestrrat-go/helium/c14n"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A second opinion on whole documents, where the parser's own methods are right: the
// exclusive one is without xml: attributes.
func TestC14NAgainstHelium(t *testing.T) {
	t.Parallel()
	dir := corpus.Dir(t, "")
	files, err := filepath.Glob(filepath.Join(dir, "xmlsec/tests/*/*.xml"))
	more, err2 := filepath.Glob(filepath.Join(dir, "esig_dss/dss-xades/src/test/resources/validation/*.xml"))
	if files = append(files, more...); err != nil || err2 != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	compared := 0
	for _, f := range files {
		data := read(t, f)
		tree, err := helium.NewParser().Parse(context.Background(), data)
		if err != nil || tree.IntSubset() != nil {
			continue
		}
		modes := map[string]heliumc14n.Mode{C14N10 + withComments: heliumc14n.C14N10, C14N11 + withComments: heliumc14n.C14N11}
		if !bytes.Contains(data, []byte("xml:")) {
			modes[Exclusive+"WithComments"] = heliumc14n.ExclusiveC14N10
		}
		for uri, mode := range modes {
			want, err := heliumc14n.NewCanonicalizer(mode).Comments().CanonicalizeTo(tree)
			if err != nil {
				t.Fatal(err)
			}
			m, err := ParseC14N(uri)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			(&canonicalizer{C14N: m, w: &out, in: func(Node) bool { return true }}).document(tree)
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%s, %s: got\n%s\nwant\n%s", f, uri, out.Bytes(), want)
			}
			compared++
		}
	}
	if compared < 300 {
		t.Errorf("only %d comparisons", compared)
	}
}
