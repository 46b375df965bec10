package chop_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The import rules. Reading these tables is reading the architecture; a new line
// in one of them needs a sentence in docs/decisions.md.

// layers says which of our packages each of our packages may import. A package
// that is not here is refused.
var layers = []struct{ folder, imports string }{
	{"cmd/chop", "..."}, // the only place where everything meets

	// Services, one a folder. None but cmd/chop knows the tokens: a key is a crypto.Signer.
	{"ca", "ca/journal ca/issued policies internal/ocsp internal/postgres internal/audit internal/web"},
	{"ca/journal", "internal/postgres internal/audit"},
	{"ca/issued", "internal/postgres"},
	{"ca/infra", "internal/postgres internal/audit"},
	{"timestamping", "policies internal/cms internal/web"},
	{"signer", "policies signer/pades signer/adobe signer/ledger signer/enrolled signer/evidence internal/solecontrol internal/cms internal/postgres internal/audit internal/web"},
	{"signer/ledger", "internal/postgres internal/audit"},
	{"signer/enrolled", "internal/postgres internal/audit"},
	{"signer/evidence", "internal/solecontrol internal/cms"},
	{"signer/activation", "hsm internal/solecontrol internal/cms internal/postgres internal/audit internal/web"}, // the one service that knows a token: it alone has its PIN
	{"signer/activation/benchmark", "signer/activation signer/approval/device hsm internal/solecontrol internal/cms internal/postgres"},
	{"signer/approval/device", "internal/solecontrol"},
	{"signer/approval", "internal/web"}, // it relays: what it carries is for signer/activation to judge
	{"registration", "policies notification registration/hkic registration/immd registration/officers registration/personal registration/attempts registration/steps internal/solecontrol internal/postgres internal/audit"},
	{"registration/hkic", ""},
	{"registration/immd", "registration/hkic internal/solecontrol internal/web"},
	{"registration/officers", "policies registration/hkic registration/personal internal/solecontrol internal/postgres internal/audit"},
	{"registration/personal", "internal/postgres"}, // data keys, fields and look-ups: the only place where personal data are opened
	{"registration/attempts", "internal/postgres internal/audit"},
	{"registration/steps", "internal/postgres"}, // a journal as ca/journal is
	{"notification", "internal/postgres internal/audit"},
	{"signer/pades", "internal/cms internal/pdf internal/typeset"},
	{"signer/adobe", "signer/pades internal/cms internal/pdf"}, // pades judges what pdfsign may touch; the own formats judge what it made
	{"validation", "policies internal/cms internal/pdf internal/ocsp validation/changes"},
	{"validation/changes", "internal/pdf"},
	// Pages over the services. It looks at an upload with the signer's own eyes.
	{"portal", "registration registration/hkic signer signer/pades notification policies portal/forms internal/pdf internal/postgres internal/audit internal/web"},
	{"portal/forms", "internal/pdf internal/typeset"},
	{"portal/desk", "registration registration/hkic registration/officers policies internal/solecontrol internal/postgres internal/web"},

	// Leaves.
	{"hsm", ""},
	{"policies", ""},
	{"internal/cms", ""},
	{"internal/ocsp", ""},
	{"internal/pdf", ""},
	{"internal/solecontrol", ""},
	{"internal/typeset", "internal/pdf"},
	{"internal/postgres", ""},
	{"internal/web", ""},
	{"internal/supervisor", ""},
	{"internal/audit", "internal/postgres"},

	// For tests, and for the house.
	{"hsm/hsmtest", "hsm"},
	{"ca/catest", "ca policies internal/postgres internal/postgres/postgrestest"},
	{"signer/signertest", "internal/cms"},
	{"internal/postgres/postgrestest", "internal/postgres"},
	{"scripts/verdict", ""},
	{".", ""},
}

// testLayers says what the _test.go files of a package may import besides: the
// helpers for tests, and where two packages are tried together.
var testLayers = []struct{ folder, imports string }{
	{"...", "hsm/hsmtest internal/postgres internal/postgres/postgrestest"},
	{"ca", "ca/catest"},
	{"signer", "internal/pdf signer/signertest ca ca/catest timestamping validation"},
	{"registration", "hsm signer/approval/device"}, // a real sealer; officers' passkeys
	{"registration/personal", "hsm"},
	{"signer", "internal/pdf"},
	{"signer/activation", "signer/approval/device signer signer/evidence signer/signertest policies"},
	{"signer", "internal/pdf signer/signertest"},
	{"signer/activation", "signer/approval/device"},
	{"signer/adobe", "signer/signertest"},
	{"signer/pades", "signer/signertest"},
	{"portal/forms", "signer/pades signer/signertest"}, // forms are there to be signed
	{"cmd/chop", "..."},
}

// homes says where each module of somebody else may be imported, and a few
// packages of the standard library that need a reason. A place is a folder, a
// file name as */store.go, or tests (any _test.go file). A module that is not
// here is refused.
var homes = []struct{ module, places string }{
	{"github.com/miekg/pkcs11", "hsm"},
	{"github.com/smallstep/certificates", "ca"},
	{"go.step.sm/crypto", "ca"},
	{"github.com/zmap/zlint/v3", "ca"},
	{"github.com/zmap/zcrypto", "ca"}, // zlint's own X.509 type
	{"github.com/digitorus/pdfsign", "signer/adobe"},
	{"github.com/digitorus/pdf", "signer/adobe"}, // pdfsign's own reader type
	{"github.com/tdewolff/font", "internal/typeset"},
	{"golang.org/x/image", "portal/forms"}, // the Go fonts
	{"github.com/jackc/pgx/v5", "internal/postgres internal/postgres/postgrestest internal/audit */store.go */crlstore.go tests"},
	{"github.com/pressly/goose/v3", "internal/postgres"},
	{"github.com/go-chi/chi/v5", "cmd/chop */http.go tests"},
	{"github.com/skip2/go-qrcode", "portal portal/desk"},
	{"github.com/alecthomas/kong", "cmd/chop"},
	{"software.sslmate.com/src/go-pkcs12", "cmd/chop"}, // an officer's client certificate
	{"gopkg.in/yaml.v3", "policies ca notification portal/forms portal/desk cmd/chop"},
	{"github.com/go-chi/httprate", "portal"},
	{"github.com/alexedwards/scs/v2", "portal"},
	{"github.com/alexedwards/scs/pgxstore", "portal"},
	{"github.com/go-webauthn/webauthn", "portal tests"}, // the sign-in passkey; elsewhere a second opinion
	{"github.com/nicksnyder/go-i18n/v2", "portal"},
	{"github.com/BurntSushi/toml", "portal"},                          // the format of its texts
	{"github.com/riverqueue/river", "notification internal/postgres"}, // the queue; its tables are made with ours
	{"github.com/wneessen/go-mail", "notification"},

	{"github.com/google/uuid", "..."},
	{"golang.org/x/crypto/cryptobyte", "..."},
	{"golang.org/x/sync", "..."},
	{"golang.org/x/sys", "..."},
	{"golang.org/x/text", "..."},

	// Second opinions and tools of tests; none of them judges anything in the appliance.
	{"github.com/digitorus/timestamp", "tests"},
	{"github.com/smallstep/pkcs7", "tests"},
	{"github.com/pdfcpu/pdfcpu", "tests"},
	{"golang.org/x/crypto/ocsp", "signer/signertest tests"},
	{"github.com/google/go-cmp", "tests"},
	{"github.com/rogpeppe/go-internal", "tests"},
	{"pgregory.net/rapid", "tests"},

	{"math/rand", "tests"},
	{"math/rand/v2", "internal/postgres */bench_large.go tests"}, // a pause, a filling; never a serial, a nonce, a key
	{"os/exec", "internal/supervisor hsm hsm/hsmtest internal/postgres internal/postgres/postgrestest cmd/chop tests"},
	{"unsafe", "hsm"},
	{"C", "hsm"}, // attribute arrays, which pkcs11 cannot say
}

// maxLines is where a file has more than one idea.
const maxLines = 400

func TestLayers(t *testing.T) {
	for _, f := range sources(t) {
		i := slices.IndexFunc(layers, func(l struct{ folder, imports string }) bool { return l.folder == f.folder })
		if i < 0 {
			t.Errorf("%s: package %s is not in the table", f.path, f.folder)
			continue
		}
		allowed := strings.Fields(layers[i].imports)
		if f.test {
			allowed = append(allowed, f.folder) // package x_test
			for _, l := range testLayers {
				if l.folder == "..." || l.folder == f.folder {
					allowed = append(allowed, strings.Fields(l.imports)...)
				}
			}
		}
		for _, imported := range f.imports {
			if folder, ours := strings.CutPrefix(imported, "chop/"); ours {
				if !slices.Contains(allowed, folder) && !slices.Contains(allowed, "...") {
					t.Errorf("%s imports %s; %s may import: %s", f.path, folder, f.folder, strings.Join(allowed, " "))
				}
			} else if err := atHome(f, imported); err != nil {
				t.Errorf("%s: %v", f.path, err)
			}
		}
		if !f.test && f.lines > maxLines {
			t.Errorf("%s has %d lines, at most %d: which second idea moved in?", f.path, f.lines, maxLines)
		}
	}
}

// atHome looks an import up in homes: the longest module name counts.
func atHome(f source, imported string) error {
	best := -1
	for i, h := range homes {
		if (imported == h.module || strings.HasPrefix(imported, h.module+"/")) && (best < 0 || len(h.module) > len(homes[best].module)) {
			best = i
		}
	}
	if best < 0 {
		if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
			return nil // the standard library
		}
		return fmt.Errorf("imports %s, which has no home in the table", imported)
	}
	for place := range strings.FieldsSeq(homes[best].places) {
		name, byName := strings.CutPrefix(place, "*/")
		switch {
		case place == "...", place == "tests" && f.test, place == f.folder, byName && name == path.Base(f.path):
			return nil
		}
	}
	return fmt.Errorf("imports %s, whose home is: %s", imported, homes[best].places)
}

// source is what matters here of a Go file.
type source struct {
	path, folder string
	imports      []string
	test         bool
	lines        int
}

// sources parses all Go files itself, so that build tags hide none.
func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules" || p == "bin" || p == "data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := source{
			path: filepath.ToSlash(p), folder: path.Dir(filepath.ToSlash(p)),
			test:  strings.HasSuffix(p, "_test.go"),
			lines: files.Position(parsed.End()).Line,
		}
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, name)
		}
		found = append(found, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d Go files: is this the root of the repository?", len(found))
	}
	return found
}

// The check must be able to fail: what it must refuse, on files that it must.
func TestLayersRefuse(t *testing.T) {
	for _, c := range []struct {
		file     source
		imported string
		ok       bool
	}{
		{source{path: "hsm/local.go", folder: "hsm"}, "github.com/miekg/pkcs11", true},
		{source{path: "ca/ca.go", folder: "ca"}, "github.com/miekg/pkcs11", false},
		{source{path: "ca/store.go", folder: "ca"}, "github.com/jackc/pgx/v5/pgconn", true},
		{source{path: "ca/issue.go", folder: "ca"}, "github.com/jackc/pgx/v5", false},
		{source{path: "ca/a_test.go", folder: "ca", test: true}, "golang.org/x/crypto/ocsp", true},
		{source{path: "ca/ocsp.go", folder: "ca"}, "golang.org/x/crypto/ocsp", false},
		{source{path: "ca/ocsp.go", folder: "ca"}, "golang.org/x/crypto/cryptobyte/asn1", true},
		{source{path: "ca/ca.go", folder: "ca"}, "crypto/x509", true},
		{source{path: "ca/ca.go", folder: "ca"}, "math/rand/v2", false},
		{source{path: "ca/ca.go", folder: "ca"}, "github.com/someone/new", false},
		{source{path: "ca/ca.go", folder: "ca"}, "github.com/miekg/pkcs11extra", false},
	} {
		if err := atHome(c.file, c.imported); (err == nil) != c.ok {
			t.Errorf("%s importing %s: %v, want ok %v", c.file.path, c.imported, err, c.ok)
		}
	}
}
