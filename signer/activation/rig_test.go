package activation

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/hsm"
	"chop/hsm/hsmtest"
	"chop/internal/cms"
	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
	"chop/internal/solecontrol"
	"chop/signer/approval/device"
)

// rig is an appliance around the activation process: a token, a database, a CA,
// officers, a kiosk, the Immigration Department, an approval origin. All of it is
// made up; the token and the database are real.
type rig struct {
	t         testing.TB
	service   *Service
	cfg       Config
	client    *Client // on the API's socket
	approval  *Client // on the approval process's socket
	admin     *postgres.DB
	dsn       string
	origin    string
	hsm       hsm.Config
	worker    *hsm.Worker
	pins      *Pins
	ca        *x509.Certificate
	caKey     *ecdsa.PrivateKey
	immd      *ecdsa.PrivateKey
	kiosk     *ecdsa.PrivateKey
	officers  map[string]*device.Device
	files     sync.Map // tx/n -> bytes
	clock     *clock
	recorded  *recorder // all bytes on both sockets
	logged    *recorder
	transport *http.Client
}

type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off += d
}

// recorder keeps what went over a socket, both ways.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all.Write(b)
}

func (r *recorder) bytes() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.all.Bytes())
}

type recordedListener struct {
	net.Listener
	to *recorder
}

func (l recordedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return recordedConn{c, l.to}, nil
}

type recordedConn struct {
	net.Conn
	to *recorder
}

func (c recordedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.to.Write(b[:n])
	return n, err
}

func (c recordedConn) Write(b []byte) (int, error) {
	c.to.Write(b)
	return c.Conn.Write(b)
}

const officerOrigin = "https://localhost:8443"

func newRig(t testing.TB, adjust ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, officers: make(map[string]*device.Device), clock: &clock{}, recorded: &recorder{}, logged: &recorder{}}
	r.admin = postgrestest.New(t)
	var db *postgres.DB
	db, r.dsn = postgrestest.Activation(t, r.admin)
	if err := Migrate(t.Context(), db, "chop"); err != nil {
		t.Fatal(err)
	}
	r.hsm = hsmtest.SoftHSM(t)
	r.worker = startWorker(t, r.hsm)
	vault, err := r.worker.Vault(t.Context(), "resident")
	if err != nil {
		t.Fatal(err)
	}
	mac, err := r.worker.MAC(t.Context(), "records")
	if err != nil {
		t.Fatal(err)
	}
	identity, err := r.worker.GenerateKey(t.Context(), "identity", hsm.P256)
	if err != nil {
		t.Fatal(err)
	}
	r.makePins()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.origin = fmt.Sprintf("http://approve.localhost:%d", l.Addr().(*net.TCPAddr).Port)
	r.cfg = Config{
		DB: db, Vault: vault, MAC: mac, Identity: identity, Pins: func() (*Pins, error) { return r.pins, nil },
		Policy: Policy{BackupEligible: RefuseBackup, Attestation: AttestationNone},
		RPID:   "approve.localhost", RPName: "Chop", ApproveOrigin: r.origin, PortalOrigin: "http://localhost:8080",
		VersionsFile: filepath.Join(t.TempDir(), "versions"), Now: r.clock.now, Log: slog.New(slog.NewTextHandler(r.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range adjust {
		f(&r.cfg)
	}
	r.start()
	origin := httptest.NewUnstartedServer(http.HandlerFunc(r.approvalOrigin))
	origin.Listener.Close()
	origin.Listener = l
	origin.Start()
	t.Cleanup(origin.Close)
	return r
}

// start runs the service on two sockets.
func (r *rig) start() {
	r.t.Helper()
	var err error
	if r.service, err = New(r.t.Context(), r.cfg); err != nil {
		r.t.Fatal(err)
	}
	r.client = r.socket(r.service.APIHandler())
	r.approval = r.socket(r.service.ApprovalHandler())
}

func (r *rig) socket(h http.Handler, err error) *Client {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "act") // short, unlike TempDir
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := Listen(path, []int{os.Getuid()}, r.cfg.Log)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = serve(ctx, recordedListener{l, r.recorded}, h, r.cfg.Log) }()
	c := Dial(path)
	r.t.Cleanup(func() { c.Close(); stop(); <-done; os.RemoveAll(dir) })
	return c
}

// restart is a new process: what was in memory only is gone.
func (r *rig) restart() {
	r.t.Helper()
	if err := r.service.versions.close(); err != nil {
		r.t.Fatal(err)
	}
	r.start()
}

func startWorker(t testing.TB, cfg hsm.Config) *hsm.Worker {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w, err := hsm.StartWorker(t.Context(), hsm.WorkerConfig{Role: "activation", Argv: []string{exe, "hsm-worker"}, Token: cfg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// approvalOrigin is the relay that signer/approval is in the appliance.
func (r *rig) approvalOrigin(w http.ResponseWriter, q *http.Request) {
	if q.Host != strings.TrimPrefix(r.origin, "http://") {
		http.Error(w, "another host", http.StatusMisdirectedRequest)
		return
	}
	if q.URL.Path == "/identity.json" {
		b, _ := solecontrol.Encode(Identity{r.service.Identity()})
		w.Write(b)
		return
	}
	if file, ok := r.files.Load(strings.Replace(strings.TrimPrefix(q.URL.Path, "/api/tx/"), "/documents", "", 1)); ok {
		w.Write(file.([]byte))
		return
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(http.MaxBytesReader(w, q.Body, 1<<20)); err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	status, answer, err := r.approval.Forward(q.Context(), q.Method, "/v1"+strings.TrimPrefix(q.URL.Path, "/api"), body.Bytes())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(status)
	w.Write(answer)
}

func (r *rig) page(d *device.Device) *device.Page {
	key, err := solecontrol.ParseSPKI(r.service.Identity())
	if err != nil {
		r.t.Fatal(err)
	}
	if r.transport == nil {
		r.transport = device.LocalClient()
	}
	return &device.Page{Device: d, Origin: r.origin, Identity: key, HTTP: r.transport}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func spkiOf(t testing.TB, k *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (r *rig) makePins() {
	t := r.t
	t.Helper()
	r.immd, r.kiosk, r.caKey = newKey(t), newKey(t), newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"HK"}, CommonName: "Test issuing CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &r.caKey.PublicKey, r.caKey)
	if err != nil {
		t.Fatal(err)
	}
	if r.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pins := Pins{
		Kiosks:      []KeyPin{{ID: "kiosk-1", Key: spkiOf(t, r.kiosk)}},
		Immigration: []KeyPin{{ID: "immd-1", Key: spkiOf(t, r.immd)}},
		Issuing:     []solecontrol.Bytes{der},
	}
	for _, name := range []string{"wong", "leung"} {
		d := device.New()
		if _, err := d.Create("localhost", officerOrigin, solecontrol.Digest{}, solecontrol.NewNonce(), false); err != nil {
			t.Fatal(err)
		}
		p := d.Passkeys("localhost")[0]
		pins.Officers = append(pins.Officers, OfficerPin{ID: name, Passkey: p.ID, Key: p.COSE(), RPID: "localhost", Origin: officerOrigin})
		r.officers[name] = d
	}
	b, err := solecontrol.Encode(pins)
	if err != nil {
		t.Fatal(err)
	}
	if r.pins, err = ParsePins(b); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) officerAsserts(name string, challenge solecontrol.Digest) *solecontrol.Assertion {
	r.t.Helper()
	d := r.officers[name]
	a, _, err := d.Get("localhost", officerOrigin, challenge, d.Passkeys("localhost")[0].ID, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func newUUID() string { return uuid.Must(uuid.NewV7()).String() }

// person is a made-up resident with a device.
type person struct {
	account, caseID, enrolment, credential string
	device                                 *device.Device
	page                                   *device.Page
	certificate                            *x509.Certificate
	subject                                solecontrol.Subject
}

func (r *rig) newPerson() *person {
	d := device.New()
	return &person{
		account: newUUID(), caseID: newUUID(), device: d, page: r.page(d),
		subject: solecontrol.Subject{Country: "HK", CommonName: "CHAN TAI MAN", Surname: "CHAN", GivenName: "TAI MAN", SerialNumber: "SRN0000000001"},
	}
}

// begin goes as far as the ticket.
func (r *rig) begin(p *person) *PasskeyInfo {
	t := r.t
	t.Helper()
	begun, err := r.client.BeginEnrolment(t.Context(), EnrolmentRequest{Account: p.account, Case: p.caseID, UserName: "Chan Tai Man", Number: "47", Return: "http://localhost:8080/account"})
	if err != nil {
		t.Fatal(err)
	}
	p.enrolment = begun.Enrolment
	o, err := p.page.EnrolOffer(t.Context(), p.enrolment)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.page.MakePasskey(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	st, err := r.client.Enrolment(t.Context(), p.enrolment)
	if err != nil || st.State != EnrolTicket || st.Passkey == nil {
		t.Fatalf("after create(): %+v, %v", st, err)
	}
	return st.Passkey
}

// answer is the Immigration Department's, about a subject's digest.
func (r *rig) answer(result string, at time.Time, subject []byte) []byte {
	r.t.Helper()
	b := fmt.Appendf(nil, `{"request":"q-1","at":"%s","result":"%s","subject":"%s","more":{"a":[1]}}`,
		at.UTC().Format("2006-01-02T15:04:05Z"), result, solecontrol.Bytes(subject))
	sig, err := solecontrol.SignRaw(r.immd, solecontrol.AnswerMessage(b))
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := solecontrol.Encode(solecontrol.SignedAnswer{Answer: b, Signature: sig, Key: "immd-1"})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// ticket makes the ticket of an enrolment, with changes; signer is an officer's
// name or "kiosk-1".
func (r *rig) ticket(p *person, key []byte, signer string, change func(*solecontrol.Ticket, *[]byte)) *solecontrol.SignedTicket {
	t := r.t
	t.Helper()
	subject, err := p.subject.Digest()
	if err != nil {
		t.Fatal(err)
	}
	envelope := r.answer("match", r.clock.now(), subject[:])
	who := "officer:" + signer
	if signer == "kiosk-1" {
		who = "kiosk:" + signer
	}
	ticket := &solecontrol.Ticket{
		Kind: "ticket", Case: p.caseID, Account: p.account, Enrolment: p.enrolment, PasskeyKey: key, RPID: r.cfg.RPID,
		Subject: subject[:], Signer: who, Place: "counter 3", Expires: solecontrol.At(r.clock.now().Add(10 * time.Minute)),
	}
	if change != nil {
		change(ticket, &envelope)
	}
	signed, err := solecontrol.ParseSignedAnswer(envelope)
	if err != nil {
		t.Fatal(err)
	}
	if ticket.Immd == nil {
		ticket.Immd = sum(signed.Answer)
	}
	b, err := ticket.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	out := &solecontrol.SignedTicket{Ticket: b, ImmdAnswer: envelope}
	if signer == "kiosk-1" {
		if out.Signature, err = solecontrol.SignRaw(r.kiosk, solecontrol.TicketMessage(b)); err != nil {
			t.Fatal(err)
		}
	} else {
		out.Assertion = r.officerAsserts(signer, solecontrol.TicketChallenge(b))
	}
	return out
}

// issue is what the CA does against a statement.
func (r *rig) issue(p *person, csr []byte, change func(*x509.Certificate)) []byte {
	t := r.t
	t.Helper()
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil || request.CheckSignature() != nil {
		t.Fatalf("CSR: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: r.clock.now().Add(-time.Minute), NotAfter: r.clock.now().AddDate(3, 0, 0),
		KeyUsage: x509.KeyUsageContentCommitment,
		Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: p.subject.Country}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: p.subject.CommonName},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 4}, Value: p.subject.Surname}, {Type: asn1.ObjectIdentifier{2, 5, 4, 42}, Value: p.subject.GivenName},
			{Type: asn1.ObjectIdentifier{2, 5, 4, 5}, Value: p.subject.SerialNumber},
		}},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, r.ca, request.PublicKey, r.caKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// enrol makes a person with an active credential.
func (r *rig) enrol() *person {
	t := r.t
	t.Helper()
	p := r.newPerson()
	r.finishEnrolment(p, r.begin(p))
	return p
}

func (r *rig) finishEnrolment(p *person, passkey *PasskeyInfo) {
	t := r.t
	t.Helper()
	if _, err := r.client.PresentTicket(t.Context(), p.enrolment, r.ticket(p, passkey.COSEKey, "wong", nil)); err != nil {
		t.Fatal(err)
	}
	if err := p.page.Enrol(t.Context(), p.enrolment, "47"); err != nil {
		t.Fatal(err)
	}
	st, err := r.client.Enrolment(t.Context(), p.enrolment)
	if err != nil || st.State != EnrolMade || st.Credential == "" {
		t.Fatalf("after the seal: %+v, %v", st, err)
	}
	p.credential = st.Credential
	der := r.issue(p, st.CSR, nil)
	if p.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	bound, err := r.client.BindCertificate(t.Context(), p.credential, der)
	if err != nil || bound.State != "active" {
		t.Fatalf("bind certificate: %+v, %v", bound, err)
	}
}

// document is a file with a place for a signature, as a signer prepares it.
func document(t testing.TB, certificate *x509.Certificate, text string) (solecontrol.OfferDocument, []byte) {
	t.Helper()
	head, tail := "%PDF-1.7\n% "+text+"\n/Contents ", "\n%%EOF\n"
	file := []byte(head + "<" + strings.Repeat("0", 64) + ">" + tail)
	a := int64(len(head))
	b := a + 66
	h := sha256.New()
	h.Write(file[:a])
	h.Write(file[b:])
	attributes, err := cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: h.Sum(nil), Certificate: certificate, Hash: 5}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return solecontrol.OfferDocument{
		Name: text + ".pdf", Type: solecontrol.TypePDF, Size: int64(len(file)), Policy: "1.3.6.1.4.1.99999.1", Hash: solecontrol.SHA256,
		Attributes: attributes, ByteRange: [4]int64{0, a, b, int64(len(tail))},
	}, file
}

// mint opens a transaction over documents of these texts.
func (r *rig) mint(p *person, texts ...string) *Minted {
	r.t.Helper()
	m, err := r.tryMint(p, texts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *rig) tryMint(p *person, texts ...string) (*Minted, error) {
	r.t.Helper()
	q := MintRequest{Credential: p.credential, Service: solecontrol.Service{ID: "hkp", Name: "香港郵政 Hongkong Post"}, Return: "http://localhost:8080/sign/1"}
	var files [][]byte
	for _, text := range texts {
		d, file := document(r.t, p.certificate, text)
		q.Documents, files = append(q.Documents, d), append(files, file)
	}
	m, err := r.client.Mint(r.t.Context(), q)
	if err != nil {
		return nil, err
	}
	for i, file := range files {
		r.files.Store(fmt.Sprintf("%s/%d", m.Tx, i), file)
	}
	return m, nil
}

// signed collects and verifies what a transaction released.
func (r *rig) signed(p *person, tx string, texts ...string) *Collected {
	t := r.t
	t.Helper()
	c, err := r.client.Collect(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Signatures) != len(texts) {
		t.Fatalf("%d signatures for %d documents", len(c.Signatures), len(texts))
	}
	for i, text := range texts {
		d, _ := document(t, p.certificate, text)
		digest := sha256.Sum256(d.Attributes)
		if !ecdsa.VerifyASN1(p.certificate.PublicKey.(*ecdsa.PublicKey), digest[:], c.Signatures[i]) {
			t.Errorf("signature %d does not verify", i+1)
		}
	}
	return c
}
