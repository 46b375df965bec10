package signer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chop/internal/pdf"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/policies"
	"chop/signer/pades"
)

// softKeys is a vault of software keys; "wrapped" is an index.
type softKeys struct {
	mu   sync.Mutex
	keys []crypto.Signer
	uses atomic.Int64
	fail error                             // of the next use
	sign func(crypto.Signer) crypto.Signer // what the vault hands out instead
}

func (k *softKeys) Generate(_ context.Context, spec string) (crypto.PublicKey, []byte, error) {
	var key crypto.Signer
	var err error
	switch spec {
	case "p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "rsa2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "rsa3072":
		key, err = rsa.GenerateKey(rand.Reader, 3072)
	default:
		err = fmt.Errorf("key specification %q", spec)
	}
	if err != nil {
		return nil, nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append(k.keys, key)
	return key.Public(), binary.BigEndian.AppendUint32(nil, uint32(len(k.keys)-1)), nil
}

func (k *softKeys) Use(_ context.Context, wrapped []byte, fn func(crypto.Signer) error) error {
	k.uses.Add(1)
	k.mu.Lock()
	key, fail := k.keys[binary.BigEndian.Uint32(wrapped)], k.fail
	k.fail = nil
	k.mu.Unlock()
	if fail != nil {
		return fail
	}
	if k.sign != nil {
		key = k.sign(key)
	}
	return fn(key)
}

// authority is a CA of one issuer and the status of its certificates.
type authority struct {
	cert   *x509.Certificate
	key    crypto.Signer
	bad    error // what CertificateGood says
	fail   error // of IssueSeal
	refuse error // of CheckSeal
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key}
}

func (a *authority) CheckSeal(string) error { return a.refuse }

func (a *authority) IssueSeal(_ context.Context, r IssueRequest) ([]*x509.Certificate, error) {
	if a.fail != nil {
		return nil, a.fail
	}
	csr, err := x509.ParseCertificateRequest(r.CSR)
	if err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: r.Name}, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().AddDate(2, 0, 0), KeyUsage: x509.KeyUsageContentCommitment,
	}, a.cert, csr.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return []*x509.Certificate{cert, a.cert}, err
}

func (a *authority) CertificateGood(context.Context, *x509.Certificate) error { return a.bad }

// structure is a Checker that wants every signature of the file to be there and whole;
// it stands in for validation, whose own tests judge the rest.
type structure struct{ refuse error }

func (s structure) Check(_ context.Context, r io.ReaderAt, size int64) error {
	f, err := pdf.Open(r, size, pdf.Limits{})
	if err != nil {
		return err
	}
	sigs, err := pdf.Signatures(f.Latest())
	if err != nil {
		return err
	}
	for _, sig := range sigs {
		contents, err := f.Latest().String(sig.Value["Contents"])
		if err != nil {
			return err
		}
		if bytes.Count(contents, []byte{0}) == len(contents) {
			return fmt.Errorf("field %q is signed with nothing", sig.Field.Name)
		}
	}
	return s.refuse
}

// unused is a Timestamper and EvidenceSource that must not be asked.
type unused struct{}

var errUnused = errors.New("not at this level")

func (unused) Timestamp(context.Context, crypto.Hash, []byte) ([]byte, error) { return nil, errUnused }
func (unused) Evidence(context.Context, *x509.Certificate, time.Time) (a, b, c [][]byte, err error) {
	return nil, nil, nil, errUnused
}

// A rig is a service with all that it stands on.
type rig struct {
	*Service
	db     *postgres.DB
	keys   *softKeys
	ca     *authority
	folder string
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{db: postgrestest.New(t), keys: &softKeys{}, ca: newAuthority(t), folder: t.TempDir()}
	c := Config{
		DB: r.db, Policies: set, Keys: r.keys, Timestamper: unused{}, Evidence: unused{},
		Checker: structure{}, Issuer: r.ca, Status: r.ca,
	}
	if change != nil {
		change(&c)
	}
	if r.Service, err = New(c); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) seal(t testing.TB, spec, scheme string) *Credential {
	t.Helper()
	c, err := r.CreateSeal(context.Background(), SealRequest{Name: "Department of Tests 測試署", KeySpec: spec, Scheme: scheme, Operator: "local:alice"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// document writes a PDF of about size bytes into the rig's folder.
func (r *rig) document(t testing.TB, size int) string {
	t.Helper()
	path := filepath.Join(r.folder, fmt.Sprintf("in-%d.pdf", size))
	if err := os.WriteFile(path, testPDF(size), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// testPDF is a PDF of about size bytes.
func testPDF(size int) []byte {
	var b bytes.Buffer
	var at []int
	object := func(format string, args ...any) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), fmt.Sprintf(format, args...))
	}
	b.WriteString("%PDF-1.7\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>")
	object("<< /Length %d >>\nstream\n%s\nendstream", size, bytes.Repeat([]byte("x"), size))
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, off := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", off)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}

func (r *rig) request(c *Credential, in, out string) PDFRequest {
	return PDFRequest{Credential: c.ID, Level: string(pades.LevelB), Operator: "local:alice", In: in, Out: filepath.Join(r.folder, out)}
}

// states counts the signatures' records by state, and the audit events by action.
func (r *rig) states(t testing.TB) (records, events map[string]int) {
	t.Helper()
	count := func(query string) map[string]int {
		rows, err := r.db.Pool.Query(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		got := map[string]int{}
		for rows.Next() {
			var key string
			var n int
			if err := rows.Scan(&key, &n); err != nil {
				t.Fatal(err)
			}
			got[key] = n
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	return count(`SELECT state, count(*) FROM signer_signature GROUP BY state`),
		count(`SELECT action, count(*) FROM audit_pending GROUP BY action`)
}

// leftovers lists what is in the folder beside the documents.
func (r *rig) leftovers(t testing.TB) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.folder, tempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A name that gets no certificate is refused before there is a key, and is in no record.
func TestSealNameIsLookedAtFirst(t *testing.T) {
	t.Parallel()
	no := errors.New("no certificate for that name")
	r := newRig(t, func(c *Config) { c.Issuer = &authority{refuse: no} })
	if _, err := r.CreateSeal(t.Context(), SealRequest{Name: "A name of nobody", Operator: "operator:1"}); !errors.Is(err, no) {
		t.Errorf("got %v", err)
	}
	for _, query := range []string{`SELECT count(*) FROM signer_credential`, `SELECT count(*) FROM audit_pending`} {
		n := -1
		if err := r.db.Pool.QueryRow(t.Context(), query).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", query, n, err)
		}
	}
}
