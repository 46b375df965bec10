package activation

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"chop/internal/audit"
	"chop/internal/postgres"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/signer"
	"chop/signer/approval/device"
	"chop/signer/evidence"
	"chop/signer/signertest"
)

// port is the client in the signer's words, as the appliance wires it.
type port struct{ *Client }

func portError(err error) error {
	for from, to := range map[error]error{
		ErrBusy: signer.ErrBusy, ErrSuspended: signer.ErrSuspended, ErrNotFound: signer.ErrNoTransaction,
		ErrUsed: signer.ErrNoTransaction, ErrExpired: signer.ErrNoTransaction,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}

func (p port) Mint(ctx context.Context, m signer.MintRequest) (signer.Minted, error) {
	ask := MintRequest{Credential: m.Credential, Service: solecontrol.Service(m.Service), Return: m.Return, Instead: true}
	for _, d := range m.Documents {
		ask.Documents = append(ask.Documents, solecontrol.OfferDocument{
			Name: d.Name, Type: d.Type, Size: d.Size, Policy: d.Policy, Hash: d.Hash, Attributes: d.Attributes, ByteRange: d.ByteRange,
		})
	}
	got, err := p.Client.Mint(ctx, ask)
	if err != nil {
		return signer.Minted{}, portError(err)
	}
	return signer.Minted{Tx: got.Tx, Code: got.Code, NotAfter: got.NotAfter.Time}, nil
}

func (p port) Transaction(ctx context.Context, tx string) (signer.TransactionState, error) {
	got, err := p.Client.Transaction(ctx, tx)
	if err != nil {
		return signer.TransactionState{}, portError(err)
	}
	return signer.TransactionState{State: got.State, Reason: got.Reason}, nil
}

func (p port) Cancel(ctx context.Context, tx string) error {
	_, err := p.Client.Cancel(ctx, tx)
	return portError(err)
}

func (p port) Collect(ctx context.Context, tx string) (*signer.Collected, error) {
	got, err := p.Client.Collect(ctx, tx)
	if err != nil {
		return nil, portError(err)
	}
	e := got.Evidence
	c := &signer.Collected{At: got.At.Time, Evidence: signer.ApprovalEvidence{
		Request: e.Request, AuthenticatorData: e.AuthenticatorData, ClientDataJSON: e.ClientDataJSON, Signature: e.Signature, Passkey: e.Passkey,
		COSEKey: e.COSEKey, RPID: e.RPID, Origin: e.Origin, DeviceKey: e.DeviceKey, DeviceSignature: e.DeviceSignature, Binding: e.Binding,
	}}
	for _, s := range got.Signatures {
		c.Signatures = append(c.Signatures, s)
	}
	return c, nil
}

func (p port) Acknowledge(ctx context.Context, tx string) error {
	return portError(p.Client.Acknowledge(ctx, tx))
}

// appliance stands in for what residents' signing needs beside the activation process.
type appliance struct{}

func (appliance) MaySign(context.Context, string) error                    { return nil }
func (appliance) NotMe(context.Context, string) error                      { return nil }
func (appliance) Notify(context.Context, postgres.Tx, signer.Notice) error { return nil }
func (appliance) Check(context.Context, io.ReaderAt, int64) error          { return nil }
func (appliance) CertificateGood(context.Context, *x509.Certificate) error { return nil }
func (appliance) Seal(_ context.Context, plain, _ []byte) ([]byte, error) {
	return bytes.Clone(plain), nil
}
func (appliance) Open(_ context.Context, sealed, _ []byte) ([]byte, error) {
	return bytes.Clone(sealed), nil
}

// signing is residents' signing over the real activation process, with one resident.
type signing struct {
	*rig
	residents *signer.Residents
	person    *person
	by        signer.Caller
	ticket    []byte
	statement []byte // envelope
}

func newSigning(t *testing.T, adjust ...func(*Config)) *signing {
	t.Helper()
	s := &signing{rig: newRig(t, adjust...)}
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	w := signertest.New(t)
	s.residents, err = signer.NewResidents(signer.ResidentConfig{
		DB: s.admin, Policies: set, Activation: port{s.client}, Accounts: appliance{}, Notifier: appliance{}, Sealer: appliance{},
		Timestamper: w, Evidence: w, Checker: appliance{}, Status: appliance{},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.join(s.newPerson())
	return s
}

// join enrols a person from the passkey to the recorded credential.
func (s *signing) join(p *person) {
	t, ctx := s.t, s.t.Context()
	t.Helper()
	passkey := s.begin(p)
	ticket := s.rig.ticket(p, passkey.COSEKey, "wong", nil)
	if _, err := s.client.PresentTicket(ctx, p.enrolment, ticket); err != nil {
		t.Fatal(err)
	}
	if err := p.page.Enrol(ctx, p.enrolment, "47"); err != nil {
		t.Fatal(err)
	}
	made, err := s.client.Enrolment(ctx, p.enrolment)
	if err != nil || made.State != EnrolMade {
		t.Fatalf("enrolment: %+v, %v", made, err)
	}
	p.credential = made.Credential
	der := s.issue(p, made.CSR, nil)
	if p.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.BindCertificate(ctx, p.credential, der); err != nil {
		t.Fatal(err)
	}
	if s.statement, err = solecontrol.Encode(made.Statement); err != nil {
		t.Fatal(err)
	}
	s.person, s.by, s.ticket = p, signer.Caller{Account: p.account}, ticket.Ticket
	err = s.admin.InTx(ctx, func(tx postgres.Tx) error {
		// What the CA's own issuance writes into the log.
		if err := audit.Record(ctx, tx, audit.Event{
			At: time.Now(), Actor: "system:ca", Action: evidence.ActionIssued, Subject: "certificate:" + hex.EncodeToString(p.certificate.SerialNumber.Bytes()),
			Detail: map[string]any{"certificate_sha256": digestOf(der), "statement_sha256": digestOf(made.Statement.Statement)},
		}); err != nil {
			return err
		}
		return s.residents.AddCredential(ctx, tx, signer.NewResidentCredential{
			Account: p.account, Credential: p.credential, Profile: "resident", Certificates: [][]byte{der, s.ca.Raw}, Ticket: s.ticket, Actor: "officer:wong",
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func digestOf(b []byte) string { return hex.EncodeToString(sum(b)) }

// ask prepares documents and shows them to the approval page.
func (s *signing) ask(names ...string) *signer.Signing {
	s.t.Helper()
	q := signer.ResidentRequest{Service: signer.ResidentService{ID: "td", Name: "Transport Department 運輸署"}, Level: "B-T", Return: "http://localhost:8080/sign"}
	for _, name := range names {
		q.Documents = append(q.Documents, signer.ResidentDocument{Name: name, PDF: onePage()})
	}
	got, err := s.residents.Prepare(s.t.Context(), s.by, q)
	if err != nil {
		s.t.Fatal(err)
	}
	for n := range got.Documents {
		b, err := s.residents.Prepared(s.t.Context(), got.Tx, n)
		if err != nil {
			s.t.Fatal(err)
		}
		s.files.Store(fmt.Sprintf("%s/%d", got.Tx, n), b)
	}
	return got
}

func (s *signing) now(id string) *signer.Signing {
	s.t.Helper()
	got, err := s.residents.Signing(s.t.Context(), s.by, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func onePage() []byte {
	var b bytes.Buffer
	var at []int
	b.WriteString("%PDF-1.7\n")
	for i, o := range []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"} {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 4\n0000000000 65535 f \n%010d 00000 n \n%010d 00000 n \n%010d 00000 n \n", at[0], at[1], at[2])
	fmt.Fprintf(&b, "trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", start)
	return b.Bytes()
}

func (s *signing) export() []byte {
	s.t.Helper()
	var b bytes.Buffer
	err := signer.ExportApprovals(s.t.Context(), signer.Export{
		DB: s.admin, Identity: s.service.Identity(), At: time.Now(),
		Settle: func(ctx context.Context) error { _, err := MoveEvents(ctx, s.admin); return err },
		Certificates: []evidence.Certificate{{
			Serial: hex.EncodeToString(s.person.certificate.SerialNumber.Bytes()), Profile: "resident", Credential: s.person.credential,
			DER: s.person.certificate.Raw, Statement: s.statement,
		}},
	}, &b)
	if err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

type records struct{ *Client }

func (r records) Account(ctx context.Context, credential string) (string, error) {
	c, err := r.Credential(ctx, credential)
	if err != nil {
		return "", err
	}
	return c.Account, nil
}

// A device approves at the page's protocol, the activation process signs, the files are
// finished, and an auditor proves it from the export with the identity key alone.
func TestResidentsSign(t *testing.T) {
	for name, adjust := range map[string]func(*Config){"device-bound": func(*Config) {}} {
		t.Run(name, func(t *testing.T) {
			s := newSigning(t, adjust)
			one := s.ask("form.pdf", "附件.pdf")
			if err := s.person.page.Sign(t.Context(), one.Tx); err != nil {
				t.Fatal(err)
			}
			if got := s.now(one.ID); got.State != signer.SigningSigned {
				t.Fatalf("%+v", got)
			}
			if _, err := s.client.Collect(t.Context(), one.Tx); !errors.Is(err, ErrUsed) {
				t.Errorf("the activation process still has the signatures: %v", err)
			}
			two := s.ask("another.pdf")
			if err := s.person.page.Decline(t.Context(), two.Tx, "declined"); err != nil {
				t.Fatal(err)
			}
			if got := s.now(two.ID); got.State != signer.SigningDeclined {
				t.Errorf("%+v", got)
			}
			if _, err := s.residents.Renew(t.Context(), s.by, two.ID); err != nil {
				t.Errorf("renewed: %v", err)
			}
			if got, err := s.residents.Cancel(t.Context(), s.by, two.ID); err != nil || got.State != signer.SigningCancelled {
				t.Errorf("cancelled: %+v, %v", got, err)
			}
			export := s.export()
			report, err := evidence.Reconcile(t.Context(), bytes.NewReader(export), s.service.Identity(), records{s.client})
			if err != nil || !report.OK() || report.Proven != 1 || report.Documents != 2 || report.Enrolled != 1 {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

// Suspended while it waits: the question is over, and the next one is not put.
func TestResidentsSuspended(t *testing.T) {
	s := newSigning(t)
	waiting := s.ask("form.pdf")
	if _, err := s.client.Suspend(t.Context(), s.person.credential, Act{By: "officer:wong", Reason: "the phone is lost"}); err != nil {
		t.Fatal(err)
	}
	if err := s.person.page.Sign(t.Context(), waiting.Tx); err == nil {
		t.Error("the device could still approve")
	}
	if got := s.now(waiting.ID); got.State != signer.SigningFailed || got.Failure != "suspended" {
		t.Errorf("what waited: %+v", got)
	}
	got, err := s.residents.Prepare(t.Context(), s.by, signer.ResidentRequest{
		Service: signer.ResidentService{ID: "td", Name: "Transport Department"}, Level: "B-T", Return: "http://localhost:8080/sign",
		Documents: []signer.ResidentDocument{{Name: "next.pdf", PDF: onePage()}},
	})
	if !errors.Is(err, signer.ErrSuspended) || got == nil || got.Failure != "suspended" {
		t.Errorf("the next one: %+v, %v", got, err)
	}
}

// Everything is stolen: the database, the token's keys in the clear, and s. The thief
// signs with the resident's own key, and writes the records and the log as they like.
// What they do not have is the passkey's signature over it, and so it is found.
func TestForgedWithEverythingStolen(t *testing.T) {
	s := newSigning(t)
	one := s.ask("form.pdf")
	if err := s.person.page.Sign(t.Context(), one.Tx); err != nil {
		t.Fatal(err)
	}
	s.now(one.ID)
	l := s.steal(s.person)
	l.pile = [][]byte{s.secret(s.person, l)}
	wrapped, _ := l.open(t)
	key := l.privateKey(t, wrapped)
	if key == nil {
		t.Fatal("the theft is not whole")
	}
	s2, victim := "0190a1b2-0000-7000-8000-00000000000a", one.ID
	forged := offered(t, s.person.certificate, "I owe you")
	dtbsr := sha256.Sum256(forged.Attributes)
	sig, err := ecdsa.SignASN1(rand.Reader, key, dtbsr[:])
	if err != nil || !ecdsa.VerifyASN1(s.person.certificate.PublicKey.(*ecdsa.PublicKey), dtbsr[:], sig) {
		t.Fatalf("the forgery is no signature: %v", err)
	}
	doc := evidence.Document{Digest: forged.digest, Attributes: forged.Attributes, Signature: sig}
	own := device.New()
	for name, approve := range map[string]func(*evidence.Approval){
		"with the victim's evidence":  func(*evidence.Approval) {},
		"with R changed":              func(a *evidence.Approval) { a.Request = s.request(a.Request, forged) },
		"with a passkey of their own": func(a *evidence.Approval) { a.Request = s.request(a.Request, forged); s.assertBy(own, a) },
		"as the victim's passkey's id": func(a *evidence.Approval) {
			a.Request = s.request(a.Request, forged)
			id := a.Passkey
			s.assertBy(own, a)
			a.Passkey = id
		},
	} {
		var out bytes.Buffer
		err := evidence.Read(bytes.NewReader(s.export()), func(line any) error {
			if sig, ok := line.(*evidence.Signature); ok {
				again := *sig
				a := *sig.Approval
				approve(&a)
				again.Signing, again.Approval, again.Documents = s2, &a, []evidence.Document{doc}
				if err := evidence.Write(&out, again); err != nil {
					return err
				}
				for _, action := range []string{evidence.ActionApproved, evidence.ActionCollect, evidence.ActionSigned} {
					if err := evidence.Write(&out, s.logged(action, s2, again)); err != nil {
						return err
					}
				}
			}
			return evidence.Write(&out, line)
		})
		if err != nil {
			t.Fatal(err)
		}
		report, err := evidence.Check(bytes.NewReader(out.Bytes()), s.service.Identity())
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(report.Problems, "\n")
		if report.OK() || !strings.Contains(all, s2) {
			t.Errorf("%s: not found: %v", name, report.Problems)
		}
		if report.Proven != 1 || strings.Contains(all, victim) {
			t.Errorf("%s: the victim's own signature %s is not proven any more: %v", name, victim, report.Problems)
		}
	}
}

// forgery is a document as offered, with its digest.
type forgery struct {
	solecontrol.OfferDocument
	digest []byte
}

func offered(t *testing.T, cert *x509.Certificate, text string) forgery {
	t.Helper()
	d, file := document(t, cert, text)
	return forgery{d, sum(append(bytes.Clone(file[:d.ByteRange[1]]), file[d.ByteRange[2]:]...))}
}

// request is R of the victim, made to be about another document.
func (s *signing) request(r []byte, d forgery) []byte {
	s.t.Helper()
	q, err := solecontrol.ParseRequest(r)
	if err != nil {
		s.t.Fatal(err)
	}
	q.Tx = solecontrol.NewID()
	q.Documents[0].Name, q.Documents[0].SHA256, q.Documents[0].DTBSR = d.Name, d.digest, sum(d.Attributes)
	b, err := q.Marshal()
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// assertBy has another device's passkey approve.
func (s *signing) assertBy(d *device.Device, a *evidence.Approval) {
	s.t.Helper()
	if len(d.Passkeys(s.cfg.RPID)) == 0 {
		if _, err := d.Create(s.cfg.RPID, s.origin, solecontrol.Digest{}, []byte("thief"), false); err != nil {
			s.t.Fatal(err)
		}
	}
	p := d.Passkeys(s.cfg.RPID)[0]
	got, _, err := d.Get(s.cfg.RPID, s.origin, solecontrol.ApprovalChallenge(a.Request), p.ID, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	a.Passkey, a.COSEKey = p.ID, p.COSE()
	a.AuthenticatorData, a.ClientDataJSON, a.Signature = got.AuthenticatorData, got.ClientDataJSON, got.Signature
}

// logged is an event as the thief would write it: all of it fits.
func (s *signing) logged(action, id string, line evidence.Signature) evidence.Event {
	s.t.Helper()
	q, err := solecontrol.ParseRequest(line.Approval.Request)
	if err != nil {
		s.t.Fatal(err)
	}
	detail := map[string]any{
		"transaction": q.Tx, "binding": strings.Repeat("00", 32), "certificate_sha256": hex.EncodeToString(line.Certificate),
		"documents": []map[string]string{{"dtbsr": digestOf(line.Documents[0].Attributes), "signature_sha256": digestOf(line.Documents[0].Signature)}},
	}
	for k, v := range line.Approval.Digests() {
		detail[k] = v
	}
	b, err := json.Marshal(detail)
	if err != nil {
		s.t.Fatal(err)
	}
	e := evidence.Event{Kind: "event", ID: id, At: time.Now(), Action: action, Subject: "signing:" + id, Detail: b}
	if action == evidence.ActionApproved {
		e.Subject = "credential:" + line.Credential
	}
	return e
}
