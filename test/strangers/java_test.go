//go:build java

package strangers

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/signer/signertest"
	"chop/signer/xades"
)

// jars are those of Debian's libpdfbox2-java, libbcpkix-java, libxml-security-java, and what they need.
var jars = []string{"pdfbox2", "fontbox2", "commons-logging", "bcpkix", "bcprov", "bcutil", "xmlsec", "slf4j-api", "slf4j-nop", "stax2-api"}

// A judged file is one line for Judge.java, and what it must answer.
type judged struct {
	name, kind, path, beside string
	signatures               int // with time-stamps; 0: it must be refused
}

// What our signer makes is accepted, and with one other byte refused, by other people's Java.
func TestJava(t *testing.T) {
	w := signertest.New(t)
	p := &press{T: t, w: w, dir: t.TempDir()}
	p.beside = p.save("note.txt", []byte(note))
	for _, c := range []struct {
		name   string
		key    crypto.Signer
		scheme cms.Scheme
		hash   crypto.Hash
	}{
		{"P-256", signertest.ECKey(t, elliptic.P256()), cms.ECDSA, crypto.SHA256},
		{"P-384", signertest.ECKey(t, elliptic.P384()), cms.ECDSA, crypto.SHA384},
		{"RSA-2048", signertest.RSAKey(t, 2048), cms.PKCS1, crypto.SHA256},
		{"RSA-PSS", signertest.RSAKey(t, 2048), cms.PSS, crypto.SHA512},
	} {
		id, err := pades.NewIdentity(w.Signer("陳大文 "+c.name, c.key.Public()), []*x509.Certificate{w.Issuer, w.Root}, c.scheme, c.hash)
		if err != nil {
			t.Fatal(err)
		}
		p.key, p.id = c.key, id
		for i, level := range []pades.Level{pades.LevelB, pades.LevelT, pades.LevelLT, pades.LevelLTA} {
			name := fmt.Sprintf("%s %s", c.name, level)
			stamps := min(i, 1)
			p.pdf(name, level, 1+stamps+i/3) // an archive time-stamp is one more in the document
			p.cms(name, level, 1+stamps)
			p.xml(name, level)
		}
	}
	answers := p.ask()
	reasons := map[string]int{}
	for i, f := range p.files {
		switch want := fmt.Sprintf("OK %d", f.signatures); {
		case f.signatures > 0 && answers[i] != want:
			t.Errorf("%s: %s, want %s", f.name, answers[i], want)
		case f.signatures == 0 && !strings.HasPrefix(answers[i], "BAD "):
			t.Errorf("%s: %s, want BAD", f.name, answers[i])
		case f.signatures == 0:
			reasons[answers[i]]++
		}
	}
	t.Logf("%d files judged; refused: %v", len(p.files), reasons)
}

const (
	note  = "Chan Tai Man owes 100 dollars\n"
	order = "<order xmlns=\"urn:example:order\"><to>Chan Tai Man</to><amount>100 dollars</amount></order>\n"
)

// A press makes the files.
type press struct {
	*testing.T
	w           *signertest.World
	key         crypto.Signer
	id          *pades.Identity
	dir, beside string
	files       []judged
}

func (p *press) save(name string, data []byte) string {
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		p.Fatal(err)
	}
	return path
}

// add puts a file on the list, and its twin that owes nine times as much.
func (p *press) add(kind, name string, doc []byte, beside string, signatures int) {
	path := p.save(fmt.Sprintf("%d.%s", len(p.files), kind), doc)
	p.files = append(p.files, judged{kind + " " + name, kind, path, beside, signatures})
	if beside != "" && kind != "xml" {
		other := p.save("other.txt", []byte(strings.Replace(note, "100", "900", 1)))
		p.files = append(p.files, judged{kind + " " + name + ", changed", kind, path, other, 0})
		return
	}
	changed := bytes.Replace(doc, []byte("100 dollars"), []byte("900 dollars"), 1)
	if bytes.Equal(changed, doc) {
		return // it lies in base64, or beside
	}
	path = p.save(fmt.Sprintf("%d.%s", len(p.files), kind), changed)
	p.files = append(p.files, judged{kind + " " + name + ", changed", kind, path, beside, 0})
}

// A document is what the packages of all formats prepare.
type document interface {
	DTBSR() (crypto.Hash, []byte)
	Finish(context.Context, []byte) error
}

func (p *press) finish(d document, err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := p.key.Sign(rand.Reader, dtbsr, p.id.SignerOpts())
	if err == nil {
		err = d.Finish(p.Context(), value)
	}
	if err != nil {
		p.Fatal(err)
	}
}

func (p *press) pdf(name string, level pades.Level, signatures int) {
	in, out := page(), new(memory)
	d, err := pades.Prepare(p.Context(), pades.Request{
		In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Identity: p.id, Level: level, Timestamper: p.w, Evidence: p.w, Time: time.Now(),
	})
	p.finish(d, err)
	p.add("pdf", name, out.data, "", signatures)
}

func (p *press) cms(name string, level pades.Level, signatures int) {
	for _, detached := range []bool{false, true} {
		d, err := cades.Prepare(cades.Request{
			In: []byte(note), Detached: detached, Identity: p.id, Level: level, Timestamper: p.w, Evidence: p.w, Time: time.Now(),
		})
		p.finish(d, err)
		if detached {
			p.add("cms-detached", name, d.Bytes(), p.beside, signatures)
		} else {
			p.add("cms", name, d.Bytes(), "", signatures)
		}
	}
}

func (p *press) xml(name string, level pades.Level) {
	for _, packaging := range []xades.Packaging{xades.Enveloped, xades.Enveloping, xades.Detached} {
		in, file := order, "order.xml"
		if packaging == xades.Detached {
			in, file = note, "note.txt"
		}
		d, err := xades.Prepare(p.Context(), xades.Request{
			In: []byte(in), Name: file, Packaging: packaging, Identity: p.id, Level: level, Timestamper: p.w, Evidence: p.w, Time: time.Now(),
		})
		p.finish(d, err)
		p.add("xml", fmt.Sprintf("%s %s", packaging, name), d.Bytes(), "", 1)
	}
}

// ask runs the judge once, over all files.
func (p *press) ask() []string {
	var lines strings.Builder
	for _, f := range p.files {
		fmt.Fprintf(&lines, "%s\t%s\t%s\n", f.kind, f.path, f.beside)
	}
	var path []string
	for _, jar := range jars {
		path = append(path, "/usr/share/java/"+jar+".jar")
	}
	cmd := exec.Command("java", "-cp", strings.Join(path, ":"), "Judge.java", p.w.RootFile(p))
	cmd.Stdin = strings.NewReader(lines.String())
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	answers := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(answers) != len(p.files) {
		p.Fatalf("%v, %d answers on %d files; hint: scripts/deps soak\n%s", err, len(answers), len(p.files), errs.String())
	}
	return answers
}

// page is a PDF of one page.
func page() []byte {
	var b bytes.Buffer
	var at []int
	text := "BT /F1 24 Tf 72 720 Td (Pay 100 dollars) Tj ET"
	b.WriteString("%PDF-1.7\n")
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, a := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", a)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

// memory is a file in memory.
type memory struct{ data []byte }

func (m *memory) Write(b []byte) (int, error) {
	m.data = append(m.data, b...)
	return len(b), nil
}

func (m *memory) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > int64(len(m.data)) {
		return 0, io.ErrShortWrite
	}
	return copy(m.data[at:], b), nil
}

func (m *memory) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(b, at)
}
