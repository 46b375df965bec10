package signer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"chop/ca"
	"chop/ca/catest"
	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/signer/evidence"
	"chop/signer/signertest"
	"chop/timestamping"
	"chop/validation"
)

// statedBy verifies real statements by a real identity key.
type statedBy struct{ key *ecdsa.PublicKey }

func (v statedBy) VerifyStatement(envelope []byte) (*ca.Statement, error) {
	var signed solecontrol.SignedStatement
	if err := solecontrol.Decode(envelope, &signed); err != nil {
		return nil, err
	}
	s, err := signed.Verify(v.key)
	if err != nil {
		return nil, err
	}
	return &ca.Statement{
		Digest: sha256.Sum256(signed.Statement), Credential: s.Credential, Account: s.Account, SPKI: s.SPKI, Subject: [32]byte(s.Subject),
		BackupEligible: s.BackupEligible, DeviceKey: s.DeviceKey, At: s.At.Time,
	}, nil
}

// judge is our own validation as the appliance wires it.
type judge struct{ *validation.Validator }

func (j judge) Check(ctx context.Context, doc io.ReaderAt, size int64) error {
	report, err := j.Validate(ctx, doc, size, validation.Options{})
	if err != nil {
		return err
	}
	if len(report.Signatures) == 0 {
		return errors.New("no signature")
	}
	for _, s := range report.Signatures {
		if s.Indication != validation.TotalPassed {
			return fmt.Errorf("%s: %s/%s %+v", s.Field, s.Indication, s.SubIndication, s.Checks)
		}
	}
	return nil
}

type caStatus struct{ *ca.Authority }

func (c caStatus) CertificateGood(ctx context.Context, cert *x509.Certificate) error {
	s, err := c.Status(ctx, cert.SerialNumber)
	if err == nil && s.State != ca.Good {
		err = fmt.Errorf("it is %s", s.State)
	}
	return err
}

// A proof is a residents' service on the real CA, timestamping authority and validator,
// with the identity key of an activation process whose log is written as it writes it.
type proof struct {
	*residentRig
	ca       *catest.CA
	auth     *ca.Authority
	identity *ecdsa.PrivateKey
	spki     []byte
}

func newProof(t *testing.T) *proof {
	t.Helper()
	p := &proof{}
	var err error
	if p.identity, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if p.spki, err = x509.MarshalPKIXPublicKey(p.identity.Public()); err != nil {
		t.Fatal(err)
	}
	p.residentRig = newResidentRig(t, func(c *ResidentConfig) {
		p.ca = catest.New(t, catest.Options{DB: c.DB})
		cfg := p.ca.Config
		cfg.Statements = statedBy{&p.identity.PublicKey}
		if p.auth, err = ca.New(cfg); err != nil {
			t.Fatal(err)
		}
		unit, err := catest.NewKey("p256")
		if err != nil {
			t.Fatal(err)
		}
		policy, err := c.Policies.Timestamp("default")
		if err != nil {
			t.Fatal(err)
		}
		tsa, err := timestamping.New(timestamping.Config{
			Key: unit, Certificate: p.ca.TSAUnit(t, unit), Chain: []*x509.Certificate{p.auth.Issuing()}, Policy: policy,
			Now: func() (time.Time, error) { return time.Now(), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		suite, err := c.Policies.Suite("default")
		if err != nil {
			t.Fatal(err)
		}
		v, err := validation.New(validation.Config{Suite: suite, Trust: []*x509.Certificate{p.auth.Root()}})
		if err != nil {
			t.Fatal(err)
		}
		c.Timestamper, c.Evidence, c.Checker, c.Status = tsa, p.auth, judge{v}, caStatus{p.auth}
	})
	p.by.Account = uuid.Must(uuid.NewV7()).String()
	p.cred = p.enrolReally(p.by.Account, "SRN0000000042")
	return p
}

func (p *proof) log(e audit.Event) {
	p.t.Helper()
	e.At = time.Now()
	if err := p.db.InTx(p.t.Context(), func(tx postgres.Tx) error { return audit.Record(p.t.Context(), tx, e) }); err != nil {
		p.t.Fatal(err)
	}
}

// enrolReally makes a key, states it as the activation process does, and has the CA issue
// on the statement.
func (p *proof) enrolReally(account, reference string) string {
	p.t.Helper()
	key := signertest.ECKey(p.t, elliptic.P256()).(*ecdsa.PrivateKey)
	id := uuid.Must(uuid.NewV7()).String()
	ticket := p.ticket(account)
	subject := ca.Subject{Country: "HK", CommonName: "CHAN, Siu Ming", Surname: "CHAN", GivenName: "Siu Ming", SerialNumber: reference}
	cert := p.issueOn(id, account, key, subject, ticket)
	p.record(account, id, cert, []*x509.Certificate{p.auth.Issuing(), p.auth.Root()}, ticket, "resident")
	sum := sha256.Sum256(cert.Raw)
	p.device.keys[id], p.device.certs[id] = key, sum[:]
	cose, err := solecontrol.MarshalCOSE(&p.device.passkey.PublicKey)
	if err != nil {
		p.t.Fatal(err)
	}
	p.log(audit.Event{Actor: "resident:" + account, Action: evidence.ActionMade, Subject: "credential:" + id, Detail: map[string]any{
		"spki_sha256": hexSum(cert.RawSubjectPublicKeyInfo), "ticket_sha256": hexSum(ticket), "passkey_key_sha256": hexSum(cose),
	}})
	return id
}

func (p *proof) issueOn(id, account string, key *ecdsa.PrivateKey, subject ca.Subject, ticket []byte) *x509.Certificate {
	p.t.Helper()
	csr, err := ca.NewCSR(key, ca.Subject{CommonName: "whoever"})
	if err != nil {
		p.t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		p.t.Fatal(err)
	}
	digest, err := ca.SubjectDigest(subject)
	if err != nil {
		p.t.Fatal(err)
	}
	named := solecontrol.TicketDigest(ticket)
	passkey := sha256.Sum256(p.device.id)
	signed, err := solecontrol.SignStatement(p.identity, &solecontrol.Statement{
		Kind: "statement", Credential: id, Account: account, SPKI: spki, Ticket: named[:], Subject: digest[:], RPID: approvalHost,
		Passkey: passkey[:], At: solecontrol.At(time.Now()),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	envelope, err := solecontrol.Encode(signed)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := p.auth.Issue(p.t.Context(), ca.Request{
		Profile: "resident", CSR: csr, Subject: subject, Credential: id, Statement: envelope, Actor: "officer:1",
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return cert
}

// sign has the resident sign, and the activation process log it.
func (p *proof) sign(names ...string) *Signing {
	p.t.Helper()
	s := p.begin(names...)
	p.approve(s.Tx)
	p.device.txs[s.Tx].collected.Evidence.Binding = p.binding(s.Credential, nil)
	p.logApproval(s.Tx, s.Credential)
	s = p.state(s.ID)
	if s.State != SigningSigned {
		p.t.Fatalf("signed: %+v", s)
	}
	return s
}

// binding ties the credential's key to the account and the passkey, as it was when the key was made; change makes it
// another one.
func (p *proof) binding(credential string, change func(*solecontrol.Binding)) []byte {
	p.t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(p.device.keys[credential].Public())
	if err != nil {
		p.t.Fatal(err)
	}
	cose, err := solecontrol.MarshalCOSE(&p.device.passkey.PublicKey)
	if err != nil {
		p.t.Fatal(err)
	}
	bound := &solecontrol.Binding{
		Credential: credential, Account: p.by.Account, Algorithm: "p256", SPKI: spki, RPID: approvalHost, PasskeyID: p.device.id, PasskeyKey: cose,
		PRFSalt: [32]byte{1}, SealSalt: [32]byte{2},
	}
	if change != nil {
		change(bound)
	}
	b, err := bound.Marshal()
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *proof) logApproval(tx, credential string) {
	p.t.Helper()
	q := p.device.txs[tx]
	bound := solecontrol.BindingDigest(q.collected.Evidence.Binding)
	detail := map[string]any{"transaction": tx, "binding": hex.EncodeToString(bound[:]), "certificate_sha256": hex.EncodeToString(p.device.certs[credential])}
	for k, v := range q.collected.Evidence.Digests() {
		detail[k] = v
	}
	var docs []map[string]string
	for i, d := range q.ask.Documents {
		docs = append(docs, map[string]string{"dtbsr": hexSum(d.Attributes), "signature_sha256": hexSum(q.collected.Signatures[i])})
	}
	detail["documents"] = docs
	p.log(audit.Event{Actor: "resident:" + p.by.Account, Action: evidence.ActionApproved, Subject: "credential:" + credential, Detail: detail})
}

func (p *proof) export() []byte {
	p.t.Helper()
	var certs []evidence.Certificate
	for _, reference := range []string{"SRN0000000042", "SRN0000000043"} {
		issued, err := p.auth.CertificatesOf(p.t.Context(), reference)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, c := range issued {
			certs = append(certs, evidence.Certificate{Serial: c.Serial, Profile: c.Profile, Credential: c.Credential, DER: c.DER, Statement: c.Statement})
		}
	}
	var b bytes.Buffer
	if err := ExportApprovals(p.t.Context(), Export{DB: p.db, Identity: p.spki, Certificates: certs, At: time.Now()}, &b); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

// On the real CA, timestamps and validation: three documents at B-LT, proven offline.
func TestApprovalsAreProven(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	s := p.sign("form.pdf", "annex.pdf", "third.pdf")
	p.sign("another.pdf")
	for n := range s.Documents {
		if _, pdf, err := p.Document(t.Context(), p.by, s.ID, n); err != nil || len(pdf) == 0 {
			t.Errorf("document %d: %v", n, err)
		}
	}
	export := p.export()
	report, err := evidence.Check(bytes.NewReader(export), p.spki)
	if err != nil || !report.OK() || report.Proven != 2 || report.Documents != 4 {
		t.Fatalf("%+v, %v", report, err)
	}
	report, err = evidence.Reconcile(t.Context(), bytes.NewReader(export), nil, nil)
	if err != nil || !report.OK() || report.Enrolled != 1 || report.Certificates != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	// Suspended: the next one is refused before anybody is asked.
	issued, err := p.auth.CertificatesOf(t.Context(), "SRN0000000042")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.auth.Suspend(t.Context(), "officer:1", issued[0].Certificate.SerialNumber, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Prepare(t.Context(), p.by, p.ask("form.pdf")); !errors.Is(err, ErrCertificate) {
		t.Errorf("on hold: %v", err)
	}
}

// A certificate that is put on hold between the approval and the timestamp: nothing is handed out.
func TestHoldBeforeTheTimestamp(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	s := p.begin("form.pdf")
	p.approve(s.Tx)
	issued, err := p.auth.CertificatesOf(t.Context(), "SRN0000000042")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.auth.Suspend(t.Context(), "officer:1", issued[0].Certificate.SerialNumber, ca.Reason{}); err != nil {
		t.Fatal(err)
	}
	if s := p.state(s.ID); s.State != SigningFailed || s.Failure != "refused" {
		t.Errorf("%+v", s)
	}
}

// altered changes one line of an export: the first of that kind, as JSON.
func altered(t *testing.T, export []byte, kind string, change func(map[string]any)) []byte {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(export), []byte("\n"))
	for i, l := range lines {
		var m map[string]any
		if err := json.Unmarshal(l, &m); err != nil {
			t.Fatal(err)
		}
		if m["kind"] != kind || m["id"] != nil && kind == "credential" && !bytes.Contains(export, fmt.Appendf(nil, `"credential":"%s","state"`, m["id"])) {
			continue // a credential that has signed nothing
		}
		change(m)
		var err error
		if lines[i], err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		return append(bytes.Join(lines, []byte("\n")), '\n')
	}
	t.Fatalf("no line of kind %s", kind)
	return nil
}

func without(export []byte, text string) []byte {
	var kept [][]byte
	for l := range bytes.SplitSeq(export, []byte("\n")) {
		if !bytes.Contains(l, []byte(text)) {
			kept = append(kept, l)
		}
	}
	return bytes.Join(kept, []byte("\n"))
}

// rebound puts another binding into the evidence of the first signature, and its digest into the activation process's log.
func rebound(t *testing.T, p *proof, export []byte, change func(*solecontrol.Binding)) []byte {
	t.Helper()
	forged := p.binding(p.cred, change)
	was, is := solecontrol.BindingDigest(p.binding(p.cred, nil)), solecontrol.BindingDigest(forged)
	export = bytes.ReplaceAll(export, []byte(hex.EncodeToString(was[:])), []byte(hex.EncodeToString(is[:])))
	if !bytes.Contains(export, []byte(hex.EncodeToString(is[:]))) {
		t.Fatal("the log has no binding")
	}
	return altered(t, export, "signature", func(m map[string]any) {
		m["approval"].(map[string]any)["binding"] = solecontrol.Bytes(forged).String()
	})
}

// A forger with the database, the resident's key and s, but not the passkey: whatever they
// put in, the export names it.
func TestForgedApprovalsAreFound(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	victim := p.sign("form.pdf")
	export := p.export()
	thief := newResidentRig(t, nil).device
	approvalOf := func(m map[string]any) map[string]any { return m["approval"].(map[string]any) }
	flip := func(text string) string {
		b, err := solecontrol.ParseBytes(text)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		return b.String()
	}
	for name, forged := range map[string][]byte{
		"no evidence":         altered(t, export, "signature", func(m map[string]any) { delete(m, "approval") }),
		"no line at all":      without(export, `"kind":"signature"`),
		"no log":              without(export, evidence.ActionCollect),
		"no activation's log": without(export, evidence.ActionApproved),
		"no enrolment's log":  without(export, evidence.ActionMade),
		"no issuance's log":   without(export, evidence.ActionIssued),
		"another account":     altered(t, export, "signature", func(m map[string]any) { m["account"] = uuid.Must(uuid.NewV7()).String() }),
		"no statement":        altered(t, export, "certificate", func(m map[string]any) { delete(m, "statement") }),
		"another ticket":      altered(t, export, "credential", func(m map[string]any) { m["ticket"] = solecontrol.Bytes(p.ticket(p.by.Account)).String() }),
		"assertion changed":   altered(t, export, "signature", func(m map[string]any) { a := approvalOf(m); a["signature"] = flip(a["signature"].(string)) }),
		"request changed":     altered(t, export, "signature", func(m map[string]any) { a := approvalOf(m); a["request"] = flip(a["request"].(string)) }),
		"another origin":      altered(t, export, "signature", func(m map[string]any) { approvalOf(m)["origin"] = "http://localhost:8080" }),
		"no binding":          altered(t, export, "signature", func(m map[string]any) { delete(approvalOf(m), "binding") }),
		"another binding": altered(t, export, "signature", func(m map[string]any) {
			approvalOf(m)["binding"] = solecontrol.Bytes(p.binding(p.cred, func(b *solecontrol.Binding) { b.PRFSalt[0]++ })).String()
		}),
		"a binding of another passkey, in the log too": rebound(t, p, export, func(b *solecontrol.Binding) {
			b.PasskeyKey, _ = solecontrol.MarshalCOSE(&thief.passkey.PublicKey)
		}),
		"a binding of another account, in the log too": rebound(t, p, export, func(b *solecontrol.Binding) { b.Account = uuid.Must(uuid.NewV7()).String() }),
		"a binding of another key, in the log too": rebound(t, p, export, func(b *solecontrol.Binding) {
			b.SPKI, _ = x509.MarshalPKIXPublicKey(&thief.passkey.PublicKey)
		}),
		"another passkey": altered(t, export, "signature", func(m map[string]any) { m["approval"] = thief.assert(t, p.requestOf(victim)) }),
		"another document": altered(t, export, "signature", func(m map[string]any) {
			d := m["documents"].([]any)[0].(map[string]any)
			d["digest"] = flip(d["digest"].(string))
		}),
		"another's signature": altered(t, export, "signature", func(m map[string]any) {
			d := m["documents"].([]any)[0].(map[string]any)
			d["signature"] = p.forgedSignature(d["attributes"].(string), nil)
		}),
		"a second one by the key": altered(t, export, "signature", func(m map[string]any) {
			d := m["documents"].([]any)[0].(map[string]any)
			d["signature"] = p.forgedSignature(d["attributes"].(string), p.device.keys[p.cred])
		}),
	} {
		report, err := evidence.Check(bytes.NewReader(forged), p.spki)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if report.OK() {
			t.Errorf("%s: not found", name)
		} else if !strings.Contains(strings.Join(report.Problems, "\n"), victim.ID) {
			t.Errorf("%s: not named: %v", name, report.Problems)
		}
	}
	other, err := x509.MarshalPKIXPublicKey(thief.passkey.Public())
	if err != nil {
		t.Fatal(err)
	}
	if report, err := evidence.Check(bytes.NewReader(export), other); err != nil || report.OK() {
		t.Errorf("another identity key: %+v, %v", report, err)
	}
	for name, broken := range map[string][]byte{
		"empty": nil, "no head": without(export, `"kind":"head"`), "cut": export[:len(export)-20], "another version": bytes.Replace(export, []byte("approvals/v1"), []byte("approvals/v2"), 1),
		"unknown kind": append(slices.Clone(export), `{"kind":"wish"}`...), "unknown key": append(slices.Clone(export), `{"kind":"credential","key":1}`...),
	} {
		if _, err := evidence.Check(bytes.NewReader(broken), p.spki); !errors.Is(err, evidence.ErrExport) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (p *proof) requestOf(s *Signing) []byte {
	p.t.Helper()
	r, err := p.Receipt(p.t.Context(), p.by, s.ID)
	if err != nil {
		p.t.Fatal(err)
	}
	return r.Approval.Request
}

// forgedSignature signs attributes with a key, or with anybody's.
func (p *proof) forgedSignature(attributes string, key *ecdsa.PrivateKey) string {
	p.t.Helper()
	if key == nil {
		key = signertest.ECKey(p.t, elliptic.P256()).(*ecdsa.PrivateKey)
	}
	der, err := solecontrol.ParseBytes(attributes)
	if err != nil {
		p.t.Fatal(err)
	}
	dtbsr := sha256.Sum256(der)
	sig, err := ecdsa.SignASN1(rand.Reader, key, dtbsr[:])
	if err != nil {
		p.t.Fatal(err)
	}
	return solecontrol.Bytes(sig).String()
}

// A thief with the CA's PIN and the database: a certificate of their own in the
// resident's name, with a statement that the activation process never made.
func TestStrangeCertificateIsReconciled(t *testing.T) {
	t.Parallel()
	p := newProof(t)
	p.sign("form.pdf")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := ca.NewCSR(key, ca.Subject{CommonName: "CHAN, Siu Ming", Surname: "CHAN", GivenName: "Siu Ming", SerialNumber: "SRN0000000042"})
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := p.ca.Issue(t.Context(), ca.Request{Profile: "resident", CSR: csr, Actor: "officer:1"}) // whose verifier believes the thief
	if err != nil {
		t.Fatal(err)
	}
	report, err := evidence.Reconcile(t.Context(), bytes.NewReader(p.export()), p.spki, nil)
	if err != nil || report.OK() || !strings.Contains(strings.Join(report.Problems, "\n"), ca.FormatSerial(stolen.SerialNumber)) || report.Enrolled != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	live := registrar{p.cred: p.by.Account}
	if report, err := evidence.Reconcile(t.Context(), bytes.NewReader(p.export()), p.spki, live); err != nil || report.Enrolled != 1 {
		t.Errorf("with the activation process: %+v, %v", report, err)
	}
	if report, err := evidence.Reconcile(t.Context(), bytes.NewReader(p.export()), p.spki, registrar{}); err != nil || report.Enrolled != 0 {
		t.Errorf("unknown to the activation process: %+v, %v", report, err)
	}
}

type registrar map[string]string

func (r registrar) Account(_ context.Context, credential string) (string, error) {
	if a, ok := r[credential]; ok {
		return a, nil
	}
	return "", errors.New("no such credential")
}
