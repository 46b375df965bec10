package activation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"chop/hsm"
	"chop/internal/cms"
	"chop/internal/solecontrol"
	"chop/signer/approval/device"
)

// The attacks of docs/sole-control.md on a running appliance: portal, API,
// database and proxy are the attacker's, the approval page and this process are
// not. Each first shows that what it changes would have signed.

// approvalOf has the person's device approve what is open, and does not send it.
func (r *rig) approvalOf(p *person, tx string) (*solecontrol.Offer, *solecontrol.Approval) {
	t := r.t
	t.Helper()
	o, err := p.page.Offer(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	request, err := p.page.Request(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.page.Approval(o, request)
	if err != nil {
		t.Fatal(err)
	}
	return o, a
}

func (r *rig) exec(sql string, args ...any) {
	r.t.Helper()
	tag, err := r.cfg.DB.Pool.Exec(r.t.Context(), sql, args...)
	if err != nil || tag.RowsAffected() == 0 {
		r.t.Fatalf("%s: %v, %v", sql, tag, err)
	}
}

// refusedWith demands a refusal by its word, and that nothing was released.
func (r *rig) refusedWith(err error, tx string, codes ...string) {
	r.t.Helper()
	var refusal *device.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(" "+strings.Join(codes, " ")+" ", " "+refusal.Code+" ") {
		r.t.Errorf("got %v, want a refusal by %v", err, codes)
	}
	var n int
	if err := r.cfg.DB.Pool.QueryRow(r.t.Context(), `SELECT count(*) FROM transaction WHERE id = $1 AND signatures IS NOT NULL`, tx).Scan(&n); err != nil || n != 0 {
		r.t.Errorf("signatures were kept for a refused transaction: %v", err)
	}
}

// signsNow shows that nothing but the attack stood in the way.
func (r *rig) signsNow(p *person) {
	r.t.Helper()
	m := r.mint(p, "control")
	if err := p.page.Sign(r.t.Context(), m.Tx); err != nil {
		r.t.Fatalf("the control does not sign: %v", err)
	}
	r.signed(p, m.Tx, "control")
}

func TestAttackPasskeyReplacedInTheDatabase(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	r.signsNow(p)
	m := r.mint(p, "a")

	thief := device.New()
	if _, err := thief.Create(r.cfg.RPID, r.origin, solecontrol.Digest{}, solecontrol.NewNonce(), false); err != nil {
		t.Fatal(err)
	}
	key := thief.Passkeys(r.cfg.RPID)[0]
	c, err := r.service.load(t.Context(), p.credential)
	if err != nil {
		t.Fatal(err)
	}
	forged := *c.binding
	forged.PasskeyID, forged.PasskeyKey = key.ID, key.COSE()
	binding, err := forged.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	record := *c.record
	record.Binding = solecontrol.BindingDigest(binding)
	encoded, err := record.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	// The binding alone; and with a record that fits it, whose tag nobody can make.
	for name, put := range map[string]func(){
		"binding": func() { r.exec(`UPDATE credential SET binding = $2 WHERE id = $1`, p.credential, binding) },
		"binding and record": func() {
			r.exec(`UPDATE credential SET binding = $2, record = $3 WHERE id = $1`, p.credential, binding, encoded)
		},
	} {
		put()
		if _, err := r.tryMint(p, "b"); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: minting: %v, want ErrMismatch", name, err)
		}
		o, err := p.page.Offer(t.Context(), m.Tx)
		if err != nil {
			t.Fatal(err)
		}
		o.Passkey = key.ID
		page := r.page(thief)
		request, err := page.Request(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		a, err := page.Approval(o, request)
		if err != nil {
			t.Fatal(err)
		}
		r.refusedWith(page.Send(t.Context(), m.Tx, a), m.Tx, "mismatch")
	}
	r.exec(`UPDATE credential SET binding = $2, record = $3 WHERE id = $1`, p.credential, c.row.Binding, c.row.Record)
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Errorf("put back, it does not sign: %v", err)
	}
}

func TestAttackAssertionReplayed(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	first := r.mint(p, "a")
	_, a := r.approvalOf(p, first.Tx)
	if err := p.page.Send(t.Context(), first.Tx, a); err != nil {
		t.Fatal(err)
	}
	if err := p.page.Send(t.Context(), first.Tx, a); errorCode(err) != "used" {
		t.Errorf("the same approval again: %v, want used", err)
	}
	second := r.mint(p, "a") // the very same document
	r.refusedWith(p.page.Send(t.Context(), second.Tx, a), second.Tx, "mismatch")
	o, err := p.page.Offer(t.Context(), second.Tx)
	if err != nil {
		t.Fatal(err)
	}
	request, err := p.page.Request(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	replayed := *a
	replayed.Request = request
	r.refusedWith(p.page.Send(t.Context(), second.Tx, &replayed), second.Tx, "assertion")
	// A true approval with the ciphertext of an older one: the challenge is its AAD.
	_, mixed := r.approvalOf(p, second.Tx)
	mixed.Enc, mixed.Ciphertext = a.Enc, a.Ciphertext
	r.refusedWith(p.page.Send(t.Context(), second.Tx, mixed), second.Tx, "refused")
	r.signsNow(p)
}

func errorCode(err error) string {
	var refusal *device.Refusal
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

func TestAttackOneHashChangedAfterApproval(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a", "b")
	_, a := r.approvalOf(p, m.Tx)
	request, err := solecontrol.ParseRequest(a.Request)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*solecontrol.RequestDocument){
		"digest": func(d *solecontrol.RequestDocument) { d.SHA256[0] ^= 1 },
		"dtbsr":  func(d *solecontrol.RequestDocument) { d.DTBSR[0] ^= 1 },
		"name":   func(d *solecontrol.RequestDocument) { d.Name = "other.pdf" },
	} {
		bad := *request
		bad.Documents = append([]solecontrol.RequestDocument(nil), request.Documents...)
		d := &bad.Documents[1]
		d.SHA256, d.DTBSR = bytes.Clone(d.SHA256), bytes.Clone(d.DTBSR)
		change(d)
		changed := *a
		if changed.Request, err = bad.Marshal(); err != nil {
			t.Fatal(err)
		}
		t.Log(name)
		r.refusedWith(p.page.Send(t.Context(), m.Tx, &changed), m.Tx, "mismatch")
	}
	// One byte that means nothing: the passkey signed other bytes.
	spaced := *a
	spaced.Request = bytes.Replace(a.Request, []byte(`{"kind"`), []byte(`{ "kind"`), 1)
	r.refusedWith(p.page.Send(t.Context(), m.Tx, &spaced), m.Tx, "assertion")
	// The person sees one document, the API has minted another: the page finds it.
	r.files.Store(m.Tx+"/1", []byte(strings.Repeat("x", 123)))
	if err := p.page.Sign(t.Context(), m.Tx); !errors.Is(err, device.ErrPage) && err == nil {
		t.Errorf("the page approved a document that is not the one that is signed: %v", err)
	}
	if err := p.page.Send(t.Context(), m.Tx, a); err != nil {
		t.Errorf("unchanged, it does not sign: %v", err)
	}
}

func TestAttackOtherOrigin(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	for _, origin := range []string{"http://localhost:8080", r.origin + ".evil.example", r.origin + "0", "http://approve.localhost", strings.Replace(r.origin, "http", "https", 1)} {
		m := r.mint(p, "a")
		o, err := p.page.Offer(t.Context(), m.Tx)
		if err != nil {
			t.Fatal(err)
		}
		request, err := p.page.Request(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		evil := *p.page
		evil.Origin = origin
		a, err := evil.Approval(o, request)
		if err != nil {
			t.Fatal(err)
		}
		r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "assertion")
		if _, err := r.client.Cancel(t.Context(), m.Tx); err != nil {
			t.Fatal(err)
		}
	}
	r.signsNow(p)
}

func TestAttackUserVerificationAbsent(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	p.device.Settings.NoVerification = true
	r.refusedWith(p.page.Sign(t.Context(), m.Tx), m.Tx, "assertion")
	p.device.Settings.NoVerification = false
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Errorf("with the person verified: %v", err)
	}
}

func TestAttackExpired(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	_, a := r.approvalOf(p, m.Tx)
	r.clock.add(maxTTL + time.Second)
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "expired")
	// The database's clock does not help.
	r.exec(`UPDATE transaction SET not_after = not_after + interval '1 day' WHERE id = $1`, m.Tx)
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "expired")
	if err := r.service.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.exec(`UPDATE transaction SET state = 'open', closed_at = NULL WHERE id = $1`, m.Tx)
	r.clock.add(-maxTTL) // not even a clock that goes back: the key is gone
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "expired", "used")
	r.exec(`UPDATE transaction SET state = 'expired', closed_at = now() WHERE id = $1`, m.Tx)
	r.clock.add(maxTTL)
	r.signsNow(p)
}

func TestAttackNonceRowDeleted(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	_, a := r.approvalOf(p, m.Tx)
	if err := p.page.Send(t.Context(), m.Tx, a); err != nil {
		t.Fatal(err)
	}
	var row struct {
		service   string
		documents int
	}
	if err := r.cfg.DB.Pool.QueryRow(t.Context(), `SELECT service, documents FROM transaction WHERE id = $1`, m.Tx).Scan(&row.service, &row.documents); err != nil {
		t.Fatal(err)
	}
	r.exec(`DELETE FROM evidence WHERE transaction = $1`, m.Tx)
	r.exec(`DELETE FROM transaction WHERE id = $1`, m.Tx)
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "used", "not-found")
	// And written again, as open.
	r.exec(`INSERT INTO transaction (id, credential, service, documents, state, minted_at, not_after)
		VALUES ($1, $2, $3, $4, 'open', now(), now() + interval '1 hour')`, m.Tx, p.credential, row.service, row.documents)
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "used", "not-found")
	r.restart()
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "expired")
	// Deleted before the approval: the intent cannot be recorded, so the key is not used.
	m = r.mint(p, "a")
	_, a = r.approvalOf(p, m.Tx)
	r.exec(`DELETE FROM transaction WHERE id = $1`, m.Tx)
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "used")
	r.signsNow(p)
}

func TestAttackStateFlipped(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	r.signsNow(p)
	if _, err := r.client.Suspend(t.Context(), p.credential, Act{By: "officer:wong", Reason: "lost"}); err != nil {
		t.Fatal(err)
	}
	r.exec(`UPDATE credential SET state = 'active', stopped = false WHERE id = $1`, p.credential)
	for range 2 { // this process, and the next
		if _, err := r.tryMint(p, "a"); !errors.Is(err, ErrMismatch) {
			t.Errorf("minting: %v, want ErrMismatch", err)
		}
		r.restart()
	}
	c, err := r.service.store.credential(t.Context(), p.credential)
	if err != nil {
		t.Fatal(err)
	}
	record, err := solecontrol.ParseRecord(c.Record)
	if err != nil {
		t.Fatal(err)
	}
	record.State = solecontrol.Active
	forged, err := record.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r.exec(`UPDATE credential SET record = $2 WHERE id = $1`, p.credential, forged)
	if _, err := r.tryMint(p, "a"); !errors.Is(err, ErrMismatch) {
		t.Errorf("with a record of its own: %v, want ErrMismatch", err)
	}
}

// hookVault does something between the unwrapping and the signature.
type hookVault struct {
	hsm.Vault
	before func()
}

func (v *hookVault) Use(ctx context.Context, wrapped []byte, fn func(crypto.Signer) error) error {
	return v.Vault.Use(ctx, wrapped, func(k crypto.Signer) error {
		if v.before != nil {
			v.before()
		}
		return fn(k)
	})
}

func TestAttackSuspendedBetweenApprovalAndSigning(t *testing.T) {
	hook := &hookVault{}
	r := newRig(t, func(c *Config) { hook.Vault = c.Vault; c.Vault = hook })
	p := r.enrol()
	r.signsNow(p)
	m := r.mint(p, "a")
	hook.before = func() {
		hook.before = nil
		if st, err := r.client.Suspend(t.Context(), p.credential, Act{By: "officer:wong", Reason: "hotline"}); err != nil || st.State != "suspended" {
			t.Errorf("suspend: %+v, %v", st, err)
		}
	}
	r.refusedWith(p.page.Sign(t.Context(), m.Tx), m.Tx, "suspended")
	if _, err := r.client.Collect(t.Context(), m.Tx); err == nil {
		t.Error("something can be collected")
	}
	// Suspended before the page sends: refused, and so is the next attempt.
	if _, err := r.client.Resume(t.Context(), p.credential, r.order(p, nil)); err != nil {
		t.Fatal(err)
	}
	m = r.mint(p, "b")
	_, a := r.approvalOf(p, m.Tx)
	if _, err := r.client.Suspend(t.Context(), p.credential, Act{By: "officer:wong", Reason: "hotline"}); err != nil {
		t.Fatal(err)
	}
	r.refusedWith(p.page.Send(t.Context(), m.Tx, a), m.Tx, "suspended")
	if _, err := r.tryMint(p, "c"); !errors.Is(err, ErrSuspended) {
		t.Errorf("minting: %v, want ErrSuspended", err)
	}
}

func TestAttackDTBSThatIsATBSCertificate(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	other := r.enrol()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, r.kiosk)
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := document(t, p.certificate, "a")
	digest := make([]byte, 32)
	marshal := func(a cms.SignedAttributes) []byte {
		b, err := a.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, der := range map[string][]byte{
		"TBSCertificate":                p.certificate.RawTBSCertificate,
		"CertificationRequestInfo":      request.RawTBSCertificateRequest,
		"TBSCertificate in a SET":       append([]byte{0x31, 0x82, byte(len(p.certificate.RawTBSCertificate) >> 8), byte(len(p.certificate.RawTBSCertificate))}, p.certificate.RawTBSCertificate...),
		"a bare hash":                   digest,
		"another person's certificate":  marshal(cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: digest, Certificate: other.certificate, Hash: crypto.SHA256}),
		"no certificate":                marshal(cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: digest, Hash: crypto.SHA256}),
		"content type of a timestamp":   marshal(cms.SignedAttributes{ContentType: cms.OIDTSTInfo, MessageDigest: digest, Certificate: p.certificate, Hash: crypto.SHA256}),
		"content type of a SignedData":  marshal(cms.SignedAttributes{ContentType: cms.OIDSignedData, MessageDigest: digest, Certificate: p.certificate, Hash: crypto.SHA256}),
		"an attribute of no meaning":    marshal(cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: digest, Certificate: p.certificate, Hash: crypto.SHA256, Extra: []cms.Attribute{{Type: cms.OIDAdobeRevocation, Values: [][]byte{{5, 0}}}}}),
		"something behind":              append(bytes.Clone(d.Attributes), 0),
		"not sorted, so not DER":        unsorted(t, d.Attributes),
		"a digest of another algorithm": marshal(cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: make([]byte, 48), Certificate: p.certificate, Hash: crypto.SHA384}),
	} {
		bad := d
		bad.Attributes = der
		_, err := r.client.Mint(t.Context(), MintRequest{Credential: p.credential, Service: solecontrol.Service{ID: "x", Name: "x"}, Return: "http://localhost:8080/", Documents: []solecontrol.OfferDocument{bad}})
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	r.signsNow(p)
}

// unsorted puts the last attribute first.
func unsorted(t *testing.T, set []byte) []byte {
	t.Helper()
	list, err := cms.ParseSignedAttributes(set)
	if err != nil || len(list) < 2 || set[1] >= 0x80 && set[1] != 0x81 {
		t.Fatalf("%d attributes, %v", len(list), err)
	}
	head := 2
	if set[1] == 0x81 {
		head = 3
	}
	first := 2 + int(set[head+1])
	out := bytes.Clone(set[:head])
	return append(append(out, set[head+first:]...), set[head:head+first]...)
}

func TestAttackEnrolmentWithoutATicket(t *testing.T) {
	r := newRig(t)
	p := r.newPerson()
	passkey := r.begin(p)
	o, err := p.page.EnrolOffer(t.Context(), p.enrolment)
	if err != nil {
		t.Fatal(err)
	}
	o.Ticket = make([]byte, 32)
	if err := p.page.Seal(t.Context(), o); errorCode(err) != "used" {
		t.Errorf("sealing without a ticket: %v, want used", err)
	}
	r.noKey(p)
	r.finishEnrolment(p, passkey)
}

// noKey: nothing was made for the person.
func (r *rig) noKey(p *person) {
	r.t.Helper()
	var n int
	if err := r.cfg.DB.Pool.QueryRow(r.t.Context(), `SELECT count(*) FROM credential WHERE account = $1`, p.account).Scan(&n); err != nil || n != 0 {
		r.t.Errorf("%d keys were made, %v", n, err)
	}
}

func TestAttackEnrolmentWithAForgedTicket(t *testing.T) {
	r := newRig(t)
	p := r.newPerson()
	passkey := r.begin(p)
	thief := device.New()
	if _, err := thief.Create("localhost", officerOrigin, solecontrol.Digest{}, solecontrol.NewNonce(), false); err != nil {
		t.Fatal(err)
	}
	key := passkey.COSEKey
	made := func(signer string, change func(*solecontrol.Ticket, *[]byte)) *solecontrol.SignedTicket {
		return r.ticket(p, key, signer, change)
	}
	otherKey := thief.Passkeys("localhost")[0].COSE()
	changed := func(s *solecontrol.SignedTicket) *solecontrol.SignedTicket {
		s.Ticket = bytes.Replace(s.Ticket, []byte("counter 3"), []byte("counter 4"), 1)
		return s
	}
	for name, bad := range map[string]*solecontrol.SignedTicket{
		"changed, officer": changed(made("wong", nil)),
		"changed, kiosk":   changed(made("kiosk-1", nil)),
		"by nobody":        func() *solecontrol.SignedTicket { s := made("wong", nil); s.Assertion = nil; return s }(),
		"by a thief's passkey": func() *solecontrol.SignedTicket {
			s := made("wong", nil)
			a, _, err := thief.Get("localhost", officerOrigin, solecontrol.TicketChallenge(s.Ticket), thief.Passkeys("localhost")[0].ID, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Assertion = a
			return s
		}(),
		"by another officer than it says": func() *solecontrol.SignedTicket {
			s := made("wong", nil)
			s.Assertion = r.officerAsserts("leung", solecontrol.TicketChallenge(s.Ticket))
			return s
		}(),
		"by an unknown officer":  made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Signer = "officer:ho" }),
		"for another passkey":    made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.PasskeyKey = otherKey }),
		"for another account":    made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Account = newUUID() }),
		"for another case":       made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Case = newUUID() }),
		"for another enrolment":  made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Enrolment = solecontrol.NewID() }),
		"for another RP ID":      made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.RPID = "localhost" }),
		"expired":                made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Expires = solecontrol.At(r.clock.now().Add(-time.Second)) }),
		"for ever":               made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Expires = solecontrol.At(r.clock.now().AddDate(1, 0, 0)) }),
		"another answer's":       made("wong", func(k *solecontrol.Ticket, _ *[]byte) { k.Immd = make([]byte, 32) }),
		"on an answer of no use": made("wong", func(k *solecontrol.Ticket, a *[]byte) { *a = r.answer("no-match", r.clock.now(), k.Subject) }),
		"on an old answer": made("wong", func(k *solecontrol.Ticket, a *[]byte) {
			*a = r.answer("match", r.clock.now().Add(-25*time.Hour), k.Subject)
		}),
		"on an answer about another": made("wong", func(_ *solecontrol.Ticket, a *[]byte) { *a = r.answer("match", r.clock.now(), make([]byte, 32)) }),
		"on a forged answer": made("wong", func(k *solecontrol.Ticket, a *[]byte) {
			signed, err := solecontrol.ParseSignedAnswer(r.answer("no-match", r.clock.now(), k.Subject))
			if err != nil {
				t.Fatal(err)
			}
			signed.Answer = bytes.Replace(signed.Answer, []byte("no-match"), []byte("match"), 1)
			if *a, err = solecontrol.Encode(signed); err != nil {
				t.Fatal(err)
			}
		}),
	} {
		if _, err := r.client.PresentTicket(t.Context(), p.enrolment, bad); err == nil {
			t.Errorf("ticket %s was accepted", name)
			return
		}
	}
	if err := p.page.Seal(t.Context(), mustEnrol(t, p)); err == nil {
		t.Error("sealed")
	}
	r.noKey(p)
	if _, err := r.client.PresentTicket(t.Context(), p.enrolment, made("kiosk-1", nil)); err != nil {
		t.Errorf("a kiosk's true ticket: %v", err)
	}
}

func mustEnrol(t *testing.T, p *person) *solecontrol.EnrolOffer {
	t.Helper()
	o, err := p.page.EnrolOffer(t.Context(), p.enrolment)
	if err != nil {
		t.Fatal(err)
	}
	o.Ticket = make([]byte, 32)
	return o
}

func TestAttackEnrolmentWithAReusedTicket(t *testing.T) {
	r := newRig(t)
	p := r.newPerson()
	passkey := r.begin(p)
	ticket := r.ticket(p, passkey.COSEKey, "wong", nil)
	if _, err := r.client.PresentTicket(t.Context(), p.enrolment, ticket); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.PresentTicket(t.Context(), p.enrolment, ticket); !errors.Is(err, ErrUsed) {
		t.Errorf("presented again: %v, want ErrUsed", err)
	}
	if err := p.page.Enrol(t.Context(), p.enrolment, "47"); err != nil {
		t.Fatal(err)
	}
	// For a second key, on a second enrolment of the same person and passkey.
	again := *p
	again.page, again.device = p.page, p.device
	r.begin(&again)
	if _, err := r.client.PresentTicket(t.Context(), again.enrolment, ticket); !errors.Is(err, ErrRefused) {
		t.Errorf("for another enrolment: %v, want ErrRefused", err)
	}
	// Even if the database is made to forget: the digest is what counts once.
	r.exec(`UPDATE enrolment SET state = 'ticket', credential = NULL WHERE id = $1`, p.enrolment)
	if _, err := r.client.PresentTicket(t.Context(), p.enrolment, ticket); !errors.Is(err, ErrUsed) {
		t.Errorf("after the state was put back: %v, want ErrUsed", err)
	}
	var n int
	if err := r.cfg.DB.Pool.QueryRow(t.Context(), `SELECT count(*) FROM credential WHERE account = $1`, p.account).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d keys, %v; want 1", n, err)
	}
}

func TestAttackCounterGoesDown(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	r.signsNow(p)
	m := r.mint(p, "a")
	p.device.Passkeys(r.cfg.RPID)[0].Count = 0 // a copy of the passkey, from before
	r.refusedWith(p.page.Sign(t.Context(), m.Tx), m.Tx, "suspended")
	if st, err := r.client.Credential(t.Context(), p.credential); err != nil || st.State != "suspended" {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestAttackPRFResultsAreSent(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	for _, body := range []string{
		`{"prf":{"results":{"first":"AAAA"}}}`,
		`{"request":"AA","assertion":{"clientExtensionResults":{}}}`,
		`{"request":"AA","\u0070rf":1}`,
		`[{"a":[{"prf":null}]}]`,
		`{"prf": broken`,
	} {
		status, answer, err := r.approval.Forward(t.Context(), "POST", "/v1/tx/"+m.Tx+"/approve", []byte(body))
		if err != nil || status != 400 || !strings.Contains(string(answer), `"code":"refused"`) {
			t.Errorf("%s: %d %s %v, want 400", body, status, answer, err)
		}
	}
	var n int
	if err := r.cfg.DB.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_pending WHERE action = 'activation.alarm'`).Scan(&n); err != nil || n != 5 {
		t.Errorf("%d alarms were recorded, %v; want 5", n, err)
	}
	// The page's own server raises it by name.
	if status, _, err := r.approval.Forward(t.Context(), "POST", "/v1/alarm", []byte(`{"what":"prf"}`)); err != nil || status != 200 {
		t.Errorf("alarm: %d, %v", status, err)
	}
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Errorf("without them: %v", err)
	}
}
