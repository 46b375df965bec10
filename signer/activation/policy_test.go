package activation

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"chop/internal/solecontrol"
)

// A passkey that travels with a cloud account is refused, or needs the page's own
// key beside it, whose signature is then demanded at each approval.
func TestSyncedPasskeys(t *testing.T) {
	r := newRig(t)
	p := r.newPerson()
	p.device.Settings.BackupEligible, p.device.Settings.BackedUp = true, true
	begun, err := r.client.BeginEnrolment(t.Context(), EnrolmentRequest{Account: p.account, Case: p.caseID, UserName: "x", Number: "47", Return: "http://localhost:8080/"})
	if err != nil {
		t.Fatal(err)
	}
	o, err := p.page.EnrolOffer(t.Context(), begun.Enrolment)
	if err != nil || o.DeviceKey {
		t.Fatalf("%+v, %v", o, err)
	}
	if err := p.page.MakePasskey(t.Context(), o); errorCode(err) != "refused" {
		t.Errorf("refuse: %v, want refused", err)
	}

	r = newRig(t, func(c *Config) { c.Policy.BackupEligible = WithDeviceKey })
	p = r.newPerson()
	p.device.Settings.BackupEligible, p.device.Settings.BackedUp = true, true
	r.finishEnrolment(p, r.begin(p))
	st, err := r.client.Credential(t.Context(), p.credential)
	if err != nil || !st.BackupEligible || !st.DeviceKey {
		t.Fatalf("%+v, %v", st, err)
	}
	m := r.mint(p, "a")
	_, a := r.approvalOf(p, m.Tx)
	without := *a
	without.DeviceSignature = nil
	r.refusedWith(p.page.Send(t.Context(), m.Tx, &without), m.Tx, "assertion")
	wrong := *a
	wrong.DeviceSignature = bytes.Clone(a.DeviceSignature)
	wrong.DeviceSignature[40] ^= 1
	r.refusedWith(p.page.Send(t.Context(), m.Tx, &wrong), m.Tx, "assertion")
	if err := p.page.Send(t.Context(), m.Tx, a); err != nil {
		t.Fatal(err)
	}
	c := r.signed(p, m.Tx, "a")
	key, err := solecontrol.ParseSPKI(c.Evidence.DeviceKey)
	if err != nil {
		t.Fatal(err)
	}
	challenge := solecontrol.ApprovalChallenge(c.Evidence.Request)
	if err := solecontrol.VerifyRaw(key, challenge[:], c.Evidence.DeviceSignature); err != nil {
		t.Errorf("evidence: %v", err)
	}
	// The bit is bound: a passkey that says otherwise now is another one.
	p.device.Settings.BackupEligible, p.device.Settings.BackedUp = false, false
	m = r.mint(p, "b")
	r.refusedWith(p.page.Sign(t.Context(), m.Tx), m.Tx, "assertion")
}

// What a certificate must be to be bound.
func TestBindCertificate(t *testing.T) {
	r := newRig(t)
	p := r.newPerson()
	passkey := r.begin(p)
	if _, err := r.client.PresentTicket(t.Context(), p.enrolment, r.ticket(p, passkey.COSEKey, "wong", nil)); err != nil {
		t.Fatal(err)
	}
	if err := p.page.Enrol(t.Context(), p.enrolment, ""); err != nil {
		t.Fatal(err)
	}
	st, err := r.client.Enrolment(t.Context(), p.enrolment)
	if err != nil {
		t.Fatal(err)
	}
	p.credential = st.Credential
	own, err := solecontrol.ParseSPKI(r.service.Identity())
	if err != nil {
		t.Fatal(err)
	}
	statement, err := st.Statement.Verify(own)
	if err != nil || statement.Account != p.account || statement.Credential != p.credential {
		t.Fatalf("%+v, %v", statement, err)
	}
	request, err := x509.ParseCertificateRequest(st.CSR)
	if err != nil || !bytes.Equal(request.RawSubjectPublicKeyInfo, statement.SPKI) {
		t.Fatalf("CSR is not for the statement's key: %v", err)
	}
	other := r.enrol()
	thiefCA := newKey(t)
	byThief := func() []byte {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: r.ca.Subject, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &thiefCA.PublicKey, thiefCA)
		if err != nil {
			t.Fatal(err)
		}
		parent, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		saved, key := r.ca, r.caKey
		r.ca, r.caKey = parent, thiefCA
		defer func() { r.ca, r.caKey = saved, key }()
		return r.issue(p, st.CSR, nil)
	}
	renamed := *p
	renamed.subject.Surname = "WONG"
	for name, der := range map[string][]byte{
		"another person's":    other.certificate.Raw,
		"by another CA":       byThief(),
		"for authentication":  r.issue(p, st.CSR, func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDigitalSignature }),
		"of a CA":             r.issue(p, st.CSR, func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }),
		"expired":             r.issue(p, st.CSR, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }),
		"to another name":     r.issue(&renamed, st.CSR, nil),
		"no certificate":      []byte("x"),
		"with another member": append(bytes.Clone(other.certificate.Raw), 0),
	} {
		if _, err := r.client.BindCertificate(t.Context(), p.credential, der); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	if _, err := r.tryMint(other, "a"); err != nil {
		t.Error(err)
	}
	good := r.issue(p, st.CSR, nil)
	for range 2 { // once, and again without harm
		if st, err := r.client.BindCertificate(t.Context(), p.credential, good); err != nil || st.State != "active" || st.Version != 2 {
			t.Fatalf("%+v, %v", st, err)
		}
	}
	if st, err := r.client.Enrolment(t.Context(), p.enrolment); err != nil || st.State != EnrolIssued {
		t.Errorf("%+v, %v", st, err)
	}
	if o, err := p.page.EnrolOffer(t.Context(), p.enrolment); err != nil || o.State != EnrolIssued {
		t.Errorf("what the page learns: %+v, %v", o, err)
	}
	// A renewal for the same key.
	if st, err := r.client.BindCertificate(t.Context(), p.credential, r.issue(p, st.CSR, nil)); err != nil || st.Version != 3 {
		t.Errorf("renewal: %+v, %v", st, err)
	}
}

func TestConfig(t *testing.T) {
	good := func() Config {
		return Config{RPID: "approve.example.hk", ApproveOrigin: "https://approve.example.hk", PortalOrigin: "https://example.hk",
			Policy: Policy{BackupEligible: RefuseBackup, Attestation: AttestationNone}}
	}
	for name, change := range map[string]func(*Config){
		"RP ID of the parent":  func(c *Config) { c.RPID = "example.hk" },
		"one origin for both":  func(c *Config) { c.PortalOrigin = c.ApproveOrigin },
		"without TLS":          func(c *Config) { c.PortalOrigin = "http://example.hk" },
		"with a path":          func(c *Config) { c.PortalOrigin += "/" },
		"unknown policy":       func(c *Config) { c.Policy.BackupEligible = "allow" },
		"listed, and no model": func(c *Config) { c.Policy.Attestation = AttestationListed },
	} {
		c := good()
		change(&c)
		// What is missing is said first: here everything else is there.
		err := c.checkOrigins()
		if err == nil {
			err = c.Policy.check()
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	c := good()
	if err := c.checkOrigins(); err != nil {
		t.Error(err)
	}
	if err := c.check(); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("without its parts: %v", err)
	}
}
