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
	{"cmd/chop-kiosk", "registration/hkic registration/kiosk/agent"},                  // the one program that needs libpcsclite
	{"cmd/chop-card", "registration/hkic registration/hkic/issuer registration/immd"}, // plays cards; nothing of the appliance needs it

	// Services, one a folder. None but cmd/chop knows the tokens: a key is a crypto.Signer.
	{"ca", "ca/journal ca/issued policies internal/ocsp internal/postgres internal/audit internal/web"},
	{"ca/journal", "internal/postgres internal/audit"},
	{"ca/issued", "internal/postgres"},
	{"ca/infra", "internal/postgres internal/audit"},
	{"timestamping", "policies internal/cms internal/web"},
	{"signer", "policies signer/pades signer/xades signer/cades signer/asic signer/adobe signer/ledger signer/enrolled signer/evidence internal/solecontrol internal/cms internal/postgres internal/audit internal/web signer/jades"},
	{"sealing", "policies internal/solecontrol internal/postgres internal/audit"}, // who may have a seal used; the key is the signer's
	{"signer/ledger", "internal/postgres internal/audit"},
	{"signer/enrolled", "internal/postgres internal/audit"},
	{"signer/evidence", "internal/solecontrol internal/cms"},
	{"signer/activation", "hsm internal/solecontrol internal/cms internal/postgres internal/audit internal/web"}, // the one service that knows a token: it alone has its PIN
	{"signer/activation/benchmark", "signer/activation signer/approval/device hsm internal/solecontrol internal/cms internal/postgres"},
	{"signer/approval/device", "internal/solecontrol"},
	{"signer/approval", "internal/web"}, // it relays: what it carries is for signer/activation to judge
	{"registration", "policies notification registration/hkic registration/immd registration/officers registration/personal registration/attempts registration/steps registration/places internal/solecontrol internal/postgres internal/audit"},
	{"registration/places", ""},
	{"registration/photos", ""},
	{"registration/ocr", "registration/hkic internal/confined"},
	{"registration/face", "policies"},
	{"registration/face/nets", "registration/face"},
	{"registration/face/liveness", "policies registration/face"},
	{"registration/hkic", "internal/cms"},                          // a card's security object is a CMS message
	{"registration/hkic/issuer", "registration/hkic internal/cms"}, // made-up cards, for tests and for trying out
	{"registration/kiosk", "registration registration/hkic registration/kiosk/agent registration/attempts registration/personal internal/solecontrol internal/postgres internal/audit internal/web"},
	{"registration/kiosk/page", "registration registration/hkic registration/kiosk registration/places internal/web"},
	{"registration/kiosk/agent", "registration/hkic registration/immd internal/solecontrol"}, // runs on kiosks: no database, no server
	{"registration/immd", "registration/hkic internal/solecontrol internal/web"},
	{"registration/officers", "policies registration/hkic registration/personal registration/places internal/solecontrol internal/postgres internal/audit"},
	{"registration/personal", "internal/postgres"}, // data keys, fields and look-ups: the only place where personal data are opened
	{"registration/attempts", "internal/postgres internal/audit"},
	{"registration/retention", "policies registration/personal internal/postgres internal/audit"}, // it opens nothing
	{"registration/steps", "internal/postgres"},                                                   // a journal as ca/journal is
	{"notification", "internal/postgres internal/audit"},
	{"signer/pades", "internal/cms internal/pdf internal/typeset"},
	{"signer/xades", "signer/pades internal/cms internal/xmldsig"},                       // levels, identities, timestampers and evidence are those of pades
	{"signer/cades", "signer/pades internal/cms internal/ocsp"},                          // it asks for no evidence that a message holds
	{"signer/asic", "signer/pades signer/xades signer/cades internal/asic internal/cms"}, // its signatures are those of the two
	{"signer/adobe", "signer/pades internal/cms internal/pdf"},                           // pades judges what pdfsign may touch; the own formats judge what it made
	{"validation", "policies internal/cms internal/pdf internal/xmldsig internal/asic internal/ocsp validation/changes internal/jws validation/certpath validation/trustlist validation/sigpolicy"},
	{"signer/jades", "signer/pades internal/cms internal/jws"}, // as there
	{"validation/changes", "internal/pdf"},
	{"validation/certpath", ""},
	{"validation/trustlist", "internal/xmldsig"},
	{"validation/sigpolicy", ""},
	{"validation/eto", "policies validation validation/changes"}, // the law on top of the technical verdict
	{"validation/bundle", "validation"},
	{"validation/reports", "validation validation/changes validation/eto internal/pdf internal/raster internal/typeset"}, // what the verdict says, in words
	// The long-term store extends what it keeps itself: it is no signature, and another hash is its policy's to choose.
	{"archive", "policies validation validation/changes validation/bundle signer/pades signer/xades signer/cades signer/asic signer/jades internal/cms internal/xmldsig internal/jws internal/asic internal/postgres internal/audit internal/web"},
	{"validation/service", "policies validation validation/eto validation/trustlist validation/sigpolicy internal/web"},
	// Other projects' files, for the command and the tests alike.
	{"validation/corpus", "policies validation validation/certpath internal/corpus/manifest internal/pdf internal/xmldsig"},
	// Pages over the services. It looks at an upload with the signer's own eyes.
	{"portal", "registration registration/hkic registration/places signer signer/pades notification policies portal/forms internal/pdf internal/postgres internal/audit internal/web"},
	{"portal/forms", "internal/pdf internal/typeset"},
	{"portal/verify", "policies validation validation/changes validation/eto validation/service internal/pdf internal/web"}, // verdicts in words, and where on the pages
	{"portal/department", "sealing internal/solecontrol internal/postgres internal/web"},                                    // its acts are those of sealing
	{"portal/desk", "registration registration/hkic registration/kiosk registration/officers registration/places policies internal/solecontrol internal/postgres internal/web"},

	// Leaves.
	{"hsm", ""},
	{"policies", ""},
	{"internal/cms", ""},
	{"internal/ocsp", ""},
	{"internal/pdf", ""},
	{"internal/confined", ""},
	{"internal/raster", "internal/confined"},
	{"internal/xmldsig", ""},
	{"internal/asic", "internal/xmldsig"}, // manifests are XML, read as strictly as signatures
	{"internal/jws", ""},
	{"internal/solecontrol", ""},
	{"internal/typeset", "internal/pdf"},
	{"internal/postgres", ""},
	{"internal/web", ""},
	{"internal/supervisor", ""},
	{"internal/audit", "internal/postgres"},

	// For tests, and for the house.
	{"hsm/hsmtest", "hsm"},
	{"internal/corpus", "internal/corpus/manifest"},
	{"internal/corpus/manifest", ""},
	{"ca/catest", "ca policies internal/postgres internal/postgres/postgrestest"},
	{"signer/signertest", "internal/cms"},
	{"internal/postgres/postgrestest", "internal/postgres"},
	{"registration/face/facetest", "registration/face"},
	{"cmd/chop-kiosk/readertest", ""},
	{"registration/photos/phototest", ""},
	{"registration/ocr/cardface", "registration/hkic internal/typeset"},
	{"scripts/verdict", ""},
	{"test/strangers", ""},
	{"test/browser", ""}, // it knows the program and the pages, as people do
	{".", ""},
}

// testLayers says what the _test.go files of a package may import besides: the
// helpers for tests, and where two packages are tried together.
var testLayers = []struct{ folder, imports string }{
	{"...", "hsm/hsmtest internal/corpus internal/postgres internal/postgres/postgrestest"},
	{"ca", "ca/catest"},
	{"registration", "hsm signer/approval/device registration/hkic/issuer registration/retention"},                     // a real sealer; officers' passkeys; cards
	{"registration/kiosk", "hsm ca/infra policies registration/immd registration/hkic/issuer registration/kiosk/page"}, // over real mutual TLS
	{"cmd/chop-kiosk", "cmd/chop-kiosk/readertest registration/hkic/issuer registration/immd internal/solecontrol"},    // cards in a virtual reader
	{"registration/hkic", "registration/hkic/issuer registration/immd"},                                                // cards of the made-up people
	{"signer", "internal/pdf internal/xmldsig signer/signertest ca ca/catest timestamping validation internal/jws"},
	{"registration/personal", "hsm"},
	{"registration/photos", "registration/photos/phototest"},
	{"registration/ocr", "registration/ocr/cardface"},
	{"registration/ocr/cardface", "policies registration/face registration/face/nets registration/face/facetest"},
	{"registration/face/nets", "registration/face/facetest"},
	{"registration/face/liveness", "registration/face/nets registration/face/facetest"},
	{"test/browser", "cmd/chop-kiosk/readertest registration/photos/phototest policies registration/hkic registration/immd registration/face registration/face/nets registration/face/facetest registration/ocr/cardface internal/pdf"}, // what readers and cameras see; a PDF that is changed after it was signed
	{"portal/department", "policies signer/approval/device"},
	{"sealing", "policies signer/approval/device"},                                       // operators' passkeys
	{"portal/desk", "registration/immd signer/approval/device registration/hkic/issuer"}, // a case to decide about; officers' passkeys
	{"signer/activation", "signer/approval/device signer signer/evidence signer/signertest policies"},
	{"validation", "signer/pades signer/xades signer/cades signer/asic signer/jades"},  // XML and JSON to be judged is what our own signer makes
	{"validation/service", "signer/cades signer/pades signer/signertest internal/cms"}, // a signature to be judged
	{"archive", "signer/signertest"},
	{"signer/adobe", "signer/signertest"},
	{"test/strangers", "signer/pades signer/xades signer/cades signer/signertest internal/cms"},
	{"signer/pades", "signer/signertest"},
	{"signer/xades", "signer/signertest"},
	{"signer/cades", "signer/signertest"},
	{"signer/jades", "signer/signertest"},
	{"signer/asic", "signer/signertest internal/xmldsig"},                                                  // what a value is over, for openssl
	{"portal/forms", "signer/pades signer/signertest"},                                                     // forms are there to be signed
	{"portal/verify", "signer/pades signer/xades signer/cades signer/asic signer/jades signer/signertest"}, // documents to be received
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
	{"golang.org/x/image", "portal/forms registration/ocr/cardface"}, // the Go fonts; drawing of made-up cards
	{"github.com/lestrrat-go/helium", "internal/xmldsig"},
	{"github.com/jackc/pgx/v5", "internal/postgres internal/postgres/postgrestest internal/audit */store.go */crlstore.go tests"},
	{"github.com/pressly/goose/v3", "internal/postgres"},
	{"github.com/go-chi/chi/v5", "cmd/chop */http.go tests"},
	{"github.com/skip2/go-qrcode", "portal portal/desk registration/kiosk/page"},
	{"github.com/ebfe/scard", "cmd/chop-kiosk cmd/chop-kiosk/readertest"},
	{"github.com/alecthomas/kong", "cmd/chop cmd/chop-card cmd/chop-kiosk"},
	{"software.sslmate.com/src/go-pkcs12", "cmd/chop"}, // an officer's client certificate
	{"gopkg.in/yaml.v3", "policies ca notification registration/places registration/kiosk/page portal/forms portal/desk portal/department cmd/chop portal/verify validation/sigpolicy"},
	{"github.com/go-chi/httprate", "portal validation/service portal/verify"},
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
	{"github.com/getkin/kin-openapi", "tests"}, // what is published is what is answered
	{"github.com/google/go-cmp", "tests"},
	{"github.com/rogpeppe/go-internal", "tests"},
	{"pgregory.net/rapid", "tests"},

	{"math/rand", "tests"},
	{"math/rand/v2", "internal/postgres */bench_large.go tests"}, // a pause, a filling; never a serial, a nonce, a key
	{"os/exec", "internal/confined internal/supervisor hsm hsm/hsmtest internal/postgres internal/postgres/postgrestest cmd/chop cmd/chop-kiosk/readertest tests"},
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

// A table says each thing once: of two rows for one folder or module, one is what somebody forgot.
func TestLayersOnce(t *testing.T) {
	var folders, tests, modules []string
	for _, l := range layers {
		folders = append(folders, l.folder)
	}
	for _, l := range testLayers {
		tests = append(tests, l.folder)
	}
	for _, h := range homes {
		modules = append(modules, h.module)
	}
	for table, rows := range map[string][]string{"layers": folders, "testLayers": tests, "homes": modules} {
		for _, row := range twice(rows) {
			t.Errorf("%s has %q twice", table, row)
		}
	}
	if got := twice([]string{"a", "b", "a"}); len(got) != 1 || got[0] != "a" {
		t.Errorf("twice finds %q in a, b, a", got)
	}
}

// twice lists what is there more than once.
func twice(list []string) (again []string) {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s] {
			again = append(again, s)
		}
		seen[s] = true
	}
	return again
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
