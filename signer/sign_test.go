package signer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chop/signer/pades"
)

func TestSignPDF(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, scheme string }{{"p256", ""}, {"p384", ""}, {"rsa2048", ""}, {"rsa2048", "pss"}} {
		r := newRig(t, nil)
		seal := r.seal(t, c.spec, c.scheme)
		in := r.document(t, 1000)
		req := r.request(seal, in, "out.pdf")
		before := r.keys.uses.Load()
		if err := r.SignPDF(context.Background(), req); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		if n := r.keys.uses.Load() - before; n != 1 {
			t.Errorf("%v: the key was used %d times", c, n)
		}
		old, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(req.Out)
		if err != nil || !bytes.HasPrefix(got, old) || len(got) == len(old) {
			t.Errorf("%v: the output has %d bytes, the original %d: %v", c, len(got), len(old), err)
		}
		records, events := r.states(t)
		if !maps.Equal(records, map[string]int{"signed": 1}) {
			t.Errorf("%v: records %v", c, records)
		}
		for _, action := range []string{"signer.request-seal", "signer.create-seal", "signer.prepare", "signer.sign"} {
			if events[action] != 1 {
				t.Errorf("%v: events %v, want one %s", c, events, action)
			}
		}
	}
}

func TestSignInPlaceAndThroughALink(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	seal, in := r.seal(t, "p256", ""), r.document(t, 1000)
	link := filepath.Join(r.folder, "link.pdf")
	if err := os.Symlink(in, link); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		req := r.request(seal, in, "link.pdf")
		if err := r.SignPDF(context.Background(), req); err != nil {
			t.Fatalf("signature %d: %v", i, err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if b, err := os.ReadFile(in); err != nil || bytes.Count(b, []byte("/ByteRange")) != 3 {
		t.Errorf("the file holds %d signatures: %v", bytes.Count(b, []byte("/ByteRange")), err)
	}
}

// Whatever goes wrong, the output stays as it was, and the record says what happened.
func TestNothingIsHandedOutThatFailed(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		config  func(*Config)
		break_  func(*rig)
		request func(*PDFRequest)
		want    error
		records map[string]int
	}{
		{"unknown policy", nil, nil, func(q *PDFRequest) { q.Policy = "nobody's" }, ErrPolicy, nil},
		{"policy for residents", nil, nil, func(q *PDFRequest) { q.Policy, q.Level = "pades-resident", "B-T" }, ErrPolicy, nil},
		{"level that the policy lacks", nil, nil, func(q *PDFRequest) { q.Policy, q.Level = "pades-resident", "B-B" }, ErrPolicy, nil},
		{"no such level", nil, nil, func(q *PDFRequest) { q.Level = "B-Z" }, pades.ErrRequest, nil},
		{"no operator", nil, nil, func(q *PDFRequest) { q.Operator = "" }, pades.ErrRequest, nil},
		{"no such credential", nil, nil, func(q *PDFRequest) { q.Credential = "0190a1b2-0000-7000-8000-000000000000" }, ErrCredentialNotFound, nil},
		{"no id at all", nil, nil, func(q *PDFRequest) { q.Credential = "' OR 1=1" }, ErrCredentialNotFound, nil},
		{"suspended", nil, func(r *rig) { r.ca.bad = boom }, nil, ErrCertificate, nil},
		{"expired", func(c *Config) { c.Now = func() time.Time { return time.Now().AddDate(3, 0, 0) } }, nil, nil, ErrCertificate, nil},
		{"no such file", nil, nil, func(q *PDFRequest) { q.In += ".absent" }, os.ErrNotExist, nil},
		{"a folder", nil, nil, func(q *PDFRequest) { q.In = filepath.Dir(q.In) }, pades.ErrNotPDF, nil},
		{"no such field", nil, nil, func(q *PDFRequest) { q.Field = "Nowhere" }, pades.ErrFieldNotFound, nil},
		{"no timestamp", nil, nil, func(q *PDFRequest) { q.Level = "B-T" }, errUnused, map[string]int{"failed": 1}},
		{"token fails", nil, func(r *rig) { r.keys.fail = boom }, nil, boom, map[string]int{"failed": 1}},
		{"another key", nil, func(r *rig) { r.keys.sign = func(crypto.Signer) crypto.Signer { return stranger } }, nil, ErrKey, map[string]int{"failed": 1}},
		{"a false signature", nil, func(r *rig) { r.keys.sign = func(k crypto.Signer) crypto.Signer { return liar{k} } }, nil, pades.ErrSignature, map[string]int{"failed": 1}},
		{"refused by validation", func(c *Config) { c.Checker = structure{boom} }, nil, nil, ErrRefused, map[string]int{"failed": 1}},
		{"output is a folder", nil, nil, func(q *PDFRequest) { q.Out = filepath.Dir(q.Out) }, ErrOutput, nil},
		{"output in no folder", nil, nil, func(q *PDFRequest) { q.Out = filepath.Join(filepath.Dir(q.Out), "absent", "out.pdf") }, ErrOutput, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.config)
			seal := r.seal(t, "p256", "")
			req := r.request(seal, r.document(t, 1000), "out.pdf")
			kept := req.Out
			if err := os.WriteFile(kept, []byte("the old file"), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.break_ != nil {
				c.break_(r)
			}
			if c.request != nil {
				c.request(&req)
			}
			if err := r.SignPDF(context.Background(), req); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if b, err := os.ReadFile(kept); err != nil || string(b) != "the old file" {
				t.Errorf("the old file is %q, %v", b, err)
			}
			if left := r.leftovers(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			records, events := r.states(t)
			if !maps.Equal(records, c.records) && len(records)+len(c.records) > 0 {
				t.Errorf("records %v, want %v", records, c.records)
			}
			if events["signer.sign"] != 0 || events["signer.fail"] != c.records["failed"] {
				t.Errorf("events %v", events)
			}
		})
	}
}

// liar signs something else than it is asked for.
type liar struct{ crypto.Signer }

func (l liar) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	other := bytes.Clone(digest)
	other[0] ^= 1
	return l.Signer.Sign(r, other, opts)
}

func TestDisabledCredentialStopsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	seal, in := r.seal(t, "p256", ""), r.document(t, 1000)
	if err := r.SignPDF(context.Background(), r.request(seal, in, "one.pdf")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.db.Pool.Exec(context.Background(), `UPDATE signer_credential SET state = 'disabled'`); err != nil {
		t.Fatal(err)
	}
	uses := r.keys.uses.Load()
	if err := r.SignPDF(context.Background(), r.request(seal, in, "two.pdf")); !errors.Is(err, ErrCredentialNotActive) {
		t.Errorf("error %v, want ErrCredentialNotActive although the credential is cached", err)
	}
	if r.keys.uses.Load() != uses {
		t.Error("the key was used")
	}
}

func TestSealsWithoutCertificates(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := context.Background()
	r.ca.fail = errors.New("issuance is stopped")
	if _, err := r.CreateSeal(ctx, SealRequest{Name: "Never", Operator: "local:alice"}); !errors.Is(err, r.ca.fail) {
		t.Fatalf("error %v", err)
	}
	list, err := r.Credentials(ctx)
	if err != nil || len(list) != 1 || list[0].State != StateRequested {
		t.Fatalf("credentials %+v, %v", list, err)
	}
	if err := r.SignPDF(ctx, r.request(list[0], r.document(t, 10), "out.pdf")); !errors.Is(err, ErrCredentialNotActive) {
		t.Errorf("signing: %v, want ErrCredentialNotActive", err)
	}
	for _, bad := range []SealRequest{
		{Name: " ", Operator: "local:alice"},
		{Name: "X"},
		{Name: "X", KeySpec: "rsa1024", Operator: "local:alice"},
		{Name: "X", KeySpec: "p256", Scheme: "pss", Operator: "local:alice"},
		{Name: "X", KeySpec: "rsa2048", Scheme: "oaep", Operator: "local:alice"},
	} {
		if _, err := r.CreateSeal(ctx, bad); !errors.Is(err, pades.ErrRequest) {
			t.Errorf("%+v: %v, want ErrRequest", bad, err)
		}
	}
	if n, err := r.AbandonStale(ctx, -time.Minute); err != nil || n != 1 {
		t.Errorf("AbandonStale closed %d, %v", n, err)
	}
	if c, err := r.Credential(ctx, list[0].ID); err != nil || c.State != StateAbandoned {
		t.Errorf("credential %+v, %v", c, err)
	}
}
