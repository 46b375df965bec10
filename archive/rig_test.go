package archive

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"chop/internal/cms"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/policies"
	signasic "chop/signer/asic"
	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/signertest"
	"chop/signer/xades"
	"chop/validation"
)

// rig is a store with a clock that moves, in a world with time-stamping units that come and go.
type rig struct {
	*signertest.World
	t      *testing.T
	db     *postgres.DB
	dir    string
	key    crypto.Signer
	id     *pades.Identity
	policy *policies.Preservation
	suite  *policies.Suite
	max    int64

	mu  sync.Mutex
	now time.Time
	tsa error // what the timestamper says instead
}

var (
	clerk    = Caller{Actor: "department:transport", Department: "transport"}
	stranger = Caller{Actor: "department:lands", Department: "lands"}
	operator = Caller{Actor: "local:wong"}
)

func newRig(t *testing.T) *rig {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{World: signertest.New(t), t: t, db: postgrestest.New(t), dir: filepath.Join(t.TempDir(), "store"), now: signertest.Epoch}
	if r.policy, err = set.Preservation("default"); err != nil {
		t.Fatal(err)
	}
	if r.suite, err = set.Suite("default"); err != nil {
		t.Fatal(err)
	}
	r.World.Now = r.clock
	r.NewUnit("Harbour TSU 1", signertest.Epoch.Add(-time.Hour), signertest.Epoch.AddDate(1, 0, 0))
	r.key = signertest.ECKey(t, elliptic.P256())
	if r.id, err = pades.NewIdentity(r.Signer("Chan Tai Man", r.key.Public()), []*x509.Certificate{r.Issuer, r.Root}, cms.ECDSA, crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	return r
}

// clock ticks a little each time it is asked.
func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(time.Millisecond)
	return r.now
}

func (r *rig) goTo(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = at
}

func (r *rig) Timestamp(ctx context.Context, h crypto.Hash, imprint []byte) ([]byte, error) {
	r.mu.Lock()
	err := r.tsa
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return r.World.Timestamp(ctx, h, imprint)
}

// Issuers and Revocation are the world's CAs on line.
func (r *rig) Issuers(context.Context, *x509.Certificate) ([][]byte, error) {
	return [][]byte{r.Issuer.Raw}, nil
}

func (r *rig) Revocation(ctx context.Context, cert, _ *x509.Certificate) (crls, ocsps [][]byte, err error) {
	_, ocsps, crls, err = r.Evidence(ctx, cert, time.Time{})
	return crls, ocsps, err
}

func (r *rig) judge() *validation.Validator {
	r.t.Helper()
	v, err := validation.New(validation.Config{Suite: r.suite, Trust: []*x509.Certificate{r.Root}, Fetcher: r, Now: r.clock})
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// store is one process's.
func (r *rig) store() *Store {
	r.t.Helper()
	s, err := New(Config{
		DB: r.db, Policy: r.policy, Dir: r.dir, Sealer: xor{}, Judge: r.judge(), Timestamper: r, Evidence: r, Now: r.clock, MaxBytes: r.max,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// xor stands for the sealer's token.
type xor struct{}

func (xor) Seal(_ context.Context, plain, aad []byte) ([]byte, error) {
	return append(bytes.Clone(aad), plain...), nil
}

func (xor) Open(_ context.Context, sealed, aad []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, aad)
	if !ok {
		return nil, errors.New("another label")
	}
	return bytes.Clone(plain), nil
}

// finish signs what was prepared.
func (r *rig) finish(d interface {
	DTBSR() (crypto.Hash, []byte)
	Finish(context.Context, []byte) error
}, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	_, dtbsr := d.DTBSR()
	value, err := r.key.Sign(rand.Reader, dtbsr, r.id.SignerOpts())
	if err == nil {
		err = d.Finish(r.t.Context(), value)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

const letter = "A letter that somebody signed."

// signed are files of each form that our own signer makes, at B-T.
func (r *rig) signed() map[string]AddRequest {
	r.t.Helper()
	at, list := r.clock(), map[string]AddRequest{}
	list["letter.pdf"] = AddRequest{Document: r.pdf("")}
	for name, packaging := range map[string]xades.Packaging{"enveloped.xml": xades.Enveloped, "detached.xml": xades.Detached} {
		q := AddRequest{}
		in := []byte("<letter><to>Chan Tai Man</to></letter>")
		if packaging == xades.Detached {
			in = []byte(letter)
			q.Covered = []validation.File{{Name: "letter.txt", Content: in}}
		}
		d, err := xades.Prepare(r.t.Context(), xades.Request{In: in, Name: "letter.txt", Packaging: packaging, Identity: r.id, Level: pades.LevelT, Timestamper: r, Evidence: r, Time: at})
		r.finish(d, err)
		q.Document = d.Bytes()
		list[name] = q
	}
	for _, detached := range []bool{false, true} {
		q, c := AddRequest{}, AddRequest{}
		if detached {
			q.Covered = []validation.File{{Name: "letter.txt", Content: []byte(letter)}}
			c.Covered = q.Covered
		}
		d, err := cades.Prepare(cades.Request{In: []byte(letter), Detached: detached, Identity: r.id, Level: pades.LevelT, Timestamper: r, Evidence: r, Time: at})
		r.finish(d, err)
		q.Document = d.Bytes()
		list[fmt.Sprintf("letter-%t.p7s", detached)] = q
		j, err := jades.Prepare(jades.Request{In: []byte(`{"to": "Chan Tai Man"}`), Name: "letter.txt", Detached: detached, Identity: r.id, Level: pades.LevelT, Timestamper: r, Evidence: r, Time: at})
		r.finish(j, err)
		if detached {
			c.Covered = []validation.File{{Name: "letter.txt", Content: []byte(`{"to": "Chan Tai Man"}`)}}
		}
		c.Document = j.Bytes()
		list[fmt.Sprintf("letter-%t.jws", detached)] = c
	}
	for _, kind := range []signasic.Kind{signasic.Simple, signasic.Extended} {
		for _, form := range []signasic.Form{signasic.XAdES, signasic.CAdES} {
			d, err := signasic.Prepare(r.t.Context(), signasic.Request{
				Kind: kind, Form: form, Files: []signasic.File{{Name: "letter.txt", Data: []byte(letter), MIMEType: "text/plain"}},
				Identity: r.id, Level: pades.LevelT, Timestamper: r, Evidence: r, Time: at,
			})
			r.finish(d, err)
			list[fmt.Sprintf("%s-%v.zip", kind, form)] = AddRequest{Document: d.Bytes()}
		}
	}
	for name, q := range list {
		q.Name = name
		list[name] = q
	}
	return list
}

// pdf is a signed one, which padding makes another.
func (r *rig) pdf(padding string) []byte {
	r.t.Helper()
	in, out := blank(padding), &memory{}
	d, err := pades.Prepare(r.t.Context(), pades.Request{
		In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Identity: r.id, Level: pades.LevelT, Timestamper: r, Evidence: r, Time: r.clock(),
	})
	r.finish(d, err)
	return out.data
}

// blank is a PDF of one empty page.
func blank(padding string) []byte {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.7\n%" + padding + "\n")
	for i, o := range []string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
	} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	b.WriteString("xref\n0 4\n0000000000 65535 f \n")
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

func (r *rig) add(s *Store, c Caller, q AddRequest) *Document {
	r.t.Helper()
	d, already, err := s.Add(r.t.Context(), c, q)
	if err != nil || already {
		r.t.Fatalf("%s: already %t, %v", q.Name, already, err)
	}
	return d
}

// good wants a document to be whole and proven.
func (r *rig) good(s *Store, id string) *Verification {
	r.t.Helper()
	v, err := s.Verify(r.t.Context(), operator, id)
	if err != nil || !v.OK || v.Indication != validation.TotalPassed {
		r.t.Errorf("verify %s: %+v, %v", id, v, err)
	}
	return v
}
