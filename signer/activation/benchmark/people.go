package benchmark

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/google/uuid"

	"chop/internal/cms"
	"chop/internal/solecontrol"
	"chop/signer/activation"
	"chop/signer/approval/device"
)

// authority is everyone whose keys the activation process has pinned: a CA, a
// kiosk, the Immigration Department. All made up, for one run.
type authority struct {
	pins               *activation.Pins
	ca                 *x509.Certificate
	caKey, kiosk, immd *ecdsa.PrivateKey
}

func newAuthority() (authority, error) {
	var a authority
	var err error
	for _, k := range []**ecdsa.PrivateKey{&a.caKey, &a.kiosk, &a.immd} {
		if *k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return a, fmt.Errorf("make key: %w", err)
		}
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"HK"}, CommonName: "Benchmark CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.caKey.PublicKey, a.caKey)
	if err != nil {
		return a, fmt.Errorf("make CA: %w", err)
	}
	if a.ca, err = x509.ParseCertificate(der); err != nil {
		return a, fmt.Errorf("make CA: %w", err)
	}
	kiosk, err := x509.MarshalPKIXPublicKey(&a.kiosk.PublicKey)
	if err != nil {
		return a, fmt.Errorf("pin kiosk: %w", err)
	}
	immd, err := x509.MarshalPKIXPublicKey(&a.immd.PublicKey)
	if err != nil {
		return a, fmt.Errorf("pin immigration: %w", err)
	}
	b, err := solecontrol.Encode(activation.Pins{
		Officers: []activation.OfficerPin{}, Kiosks: []activation.KeyPin{{ID: "k", Key: kiosk}},
		Immigration: []activation.KeyPin{{ID: "i", Key: immd}}, Issuing: []solecontrol.Bytes{der},
	})
	if err != nil {
		return a, err
	}
	a.pins, err = activation.ParsePins(b)
	return a, err
}

// ticket is the kiosk's.
func (a *authority) ticket(e activation.EnrolmentRequest, enrolment string, key, subject []byte) (*solecontrol.SignedTicket, error) {
	answer := fmt.Appendf(nil, `{"request":"1","at":"%s","result":"match","subject":"%s"}`,
		time.Now().UTC().Format("2006-01-02T15:04:05Z"), solecontrol.Bytes(subject))
	sig, err := solecontrol.SignRaw(a.immd, solecontrol.AnswerMessage(answer))
	if err != nil {
		return nil, err
	}
	envelope, err := solecontrol.Encode(solecontrol.SignedAnswer{Answer: answer, Signature: sig, Key: "i"})
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(answer)
	t, err := (&solecontrol.Ticket{
		Kind: "ticket", Case: e.Case, Account: e.Account, Enrolment: enrolment, PasskeyKey: key, RPID: rpID, Subject: subject,
		Immd: digest[:], Signer: "kiosk:k", Place: "benchmark", Expires: solecontrol.At(time.Now().Add(10 * time.Minute)),
	}).Marshal()
	if err != nil {
		return nil, err
	}
	out := &solecontrol.SignedTicket{Ticket: t, ImmdAnswer: envelope}
	out.Signature, err = solecontrol.SignRaw(a.kiosk, solecontrol.TicketMessage(t))
	return out, err
}

// enrol makes a resident with an active credential.
func (w *world) enrol(ctx context.Context) (*resident, error) {
	account, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make account: %w", err)
	}
	request := activation.EnrolmentRequest{Account: account.String(), Case: account.String(), UserName: "Made-up person", Number: "47", Return: portal + "/"}
	begun, err := w.service.BeginEnrolment(ctx, request)
	if err != nil {
		return nil, err
	}
	r := &resident{device: device.New()}
	o, err := w.enrolOffer(ctx, begun.Enrolment)
	if err != nil {
		return nil, err
	}
	made, err := r.device.Create(rpID, origin, solecontrol.CreateChallenge(o.Nonce), o.UserHandle, false)
	if err != nil {
		return nil, err
	}
	if err := w.service.Passkey(ctx, begun.Enrolment, made); err != nil {
		return nil, err
	}
	subject := solecontrol.Subject{Country: "HK", CommonName: "MADE UP", Surname: "MADE", GivenName: "UP", SerialNumber: "SRN0000000000"}
	digest, err := subject.Digest()
	if err != nil {
		return nil, err
	}
	ticket, err := w.ticket(request, begun.Enrolment, r.device.Passkeys(rpID)[0].COSE(), digest[:])
	if err != nil {
		return nil, err
	}
	if _, err := w.service.PresentTicket(ctx, begun.Enrolment, ticket); err != nil {
		return nil, err
	}
	if o, err = w.enrolOffer(ctx, begun.Enrolment); err != nil {
		return nil, err
	}
	page := &device.Page{Device: r.device, Origin: origin}
	approval, err := page.SealApproval(o)
	if err != nil {
		return nil, err
	}
	if err := w.service.Seal(ctx, begun.Enrolment, approval); err != nil {
		return nil, err
	}
	status, err := w.service.Enrolment(ctx, begun.Enrolment)
	if err != nil {
		return nil, err
	}
	r.credential = status.Credential
	certificate, err := w.issue(status.CSR, subject)
	if err != nil {
		return nil, err
	}
	if _, err := w.service.BindCertificate(ctx, r.credential, certificate.Raw); err != nil {
		return nil, err
	}
	return r, r.draw(certificate)
}

func (w *world) enrolOffer(ctx context.Context, id string) (*solecontrol.EnrolOffer, error) {
	signed, err := w.service.EnrolOffer(ctx, id)
	if err != nil {
		return nil, err
	}
	key, err := solecontrol.ParseSPKI(w.service.Identity())
	if err != nil {
		return nil, err
	}
	return signed.Enrol(key)
}

func (a *authority) issue(csr []byte, s solecontrol.Subject) (*x509.Certificate, error) {
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, fmt.Errorf("read CSR: %w", err)
	}
	var names []pkix.AttributeTypeAndValue
	for _, n := range []struct {
		arc   int
		value string
	}{{6, s.Country}, {3, s.CommonName}, {4, s.Surname}, {42, s.GivenName}, {5, s.SerialNumber}} {
		names = append(names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, n.arc}, Value: n.value})
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().AddDate(0, 6, 0),
		KeyUsage: x509.KeyUsageContentCommitment, Subject: pkix.Name{ExtraNames: names},
	}, a.ca, request.PublicKey, a.caKey)
	if err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	return x509.ParseCertificate(der)
}

// draw makes the document that the resident signs each time.
func (r *resident) draw(certificate *x509.Certificate) error {
	head, tail := "%PDF-1.7\n/Contents ", "\n%%EOF\n"
	file := []byte(head + "<" + strings.Repeat("0", 64) + ">" + tail)
	a, b := int64(len(head)), int64(len(head)+66)
	digest := sha256.Sum256(append([]byte(head), tail...))
	attributes, err := cms.SignedAttributes{ContentType: cms.OIDData, MessageDigest: digest[:], Certificate: certificate, Hash: 5}.Marshal()
	if err != nil {
		return err
	}
	r.document = solecontrol.OfferDocument{
		Name: "form.pdf", Type: solecontrol.TypePDF, Size: int64(len(file)), Policy: "1.3.6.1.4.1.99999.1", Hash: solecontrol.SHA256,
		Attributes: attributes, ByteRange: [4]int64{0, a, b, int64(len(tail))},
	}
	r.line, err = device.CheckDocument(&r.document, file)
	return err
}

// prepare opens a transaction and has the device approve it, without sending that.
func (w *world) prepare(ctx context.Context, r *resident) (string, *solecontrol.Approval, error) {
	m, err := w.service.Mint(ctx, activation.MintRequest{
		Credential: r.credential, Service: solecontrol.Service{ID: "bench", Name: "Benchmark"}, Return: portal + "/", Documents: []solecontrol.OfferDocument{r.document},
	})
	if err != nil {
		return "", nil, err
	}
	signed, err := w.service.Offer(ctx, m.Tx)
	if err != nil {
		return "", nil, err
	}
	key, err := solecontrol.ParseSPKI(w.service.Identity())
	if err != nil {
		return "", nil, err
	}
	o, err := signed.Sign(key)
	if err != nil {
		return "", nil, err
	}
	request, err := (&solecontrol.Request{
		Kind: "sign", Tx: o.Tx, Nonce: o.Nonce, NotAfter: o.NotAfter, HPKEKey: o.HPKEKey, RPID: o.RPID, Credential: o.Credential,
		Certificate: o.Certificate, Service: o.Service, Documents: []solecontrol.RequestDocument{*r.line},
	}).Marshal()
	if err != nil {
		return "", nil, err
	}
	approval, err := (&device.Page{Device: r.device, Origin: origin}).Approval(o, request)
	return m.Tx, approval, err
}
