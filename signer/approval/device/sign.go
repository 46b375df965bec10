package device

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/internal/solecontrol"
)

// ErrPage: the page does not approve what it was sent.
var ErrPage = errors.New("the page refuses")

// Offer reads and verifies what is asked for.
func (p *Page) Offer(ctx context.Context, tx string) (*solecontrol.Offer, error) {
	key, err := p.identity(ctx)
	if err != nil {
		return nil, err
	}
	var signed solecontrol.SignedOffer
	if err := p.ask(ctx, http.MethodGet, path("tx", tx), nil, &signed); err != nil {
		return nil, err
	}
	o, err := signed.Sign(key)
	if err != nil {
		return nil, err
	}
	if o.Tx != tx {
		return nil, fmt.Errorf("%w: an offer for another transaction", ErrPage)
	}
	return o, nil
}

// Sign looks at a transaction's documents and approves them.
func (p *Page) Sign(ctx context.Context, tx string) error {
	o, err := p.Offer(ctx, tx)
	if err != nil {
		return err
	}
	request, documents, err := p.look(ctx, o)
	if err != nil {
		return err
	}
	if p.Show != nil {
		if err := p.Show(Request{o.Service, o.Code, documents}); err != nil {
			return errors.Join(err, p.Decline(ctx, tx, "declined"))
		}
	}
	approval, err := p.Approval(o, request)
	if err != nil {
		return err
	}
	return p.Send(ctx, tx, approval)
}

// Send posts an approval.
func (p *Page) Send(ctx context.Context, tx string, a *solecontrol.Approval) error {
	var answer struct {
		State string           `json:"state"`
		At    solecontrol.Time `json:"at"`
	}
	if err := p.ask(ctx, http.MethodPost, path("tx", tx, "approve"), a, &answer); err != nil {
		return err
	}
	if answer.State != "approved" {
		return fmt.Errorf("%w: the answer is %q", ErrPage, answer.State)
	}
	return nil
}

// Decline refuses a transaction: "declined", or "not-me".
func (p *Page) Decline(ctx context.Context, tx, reason string) error {
	return p.ask(ctx, http.MethodPost, path("tx", tx, "decline"), map[string]string{"reason": reason}, nil)
}

// look downloads the documents, checks them against what the key will sign, and
// builds R.
func (p *Page) look(ctx context.Context, o *solecontrol.Offer) ([]byte, []Document, error) {
	if o.State != "open" {
		return nil, nil, fmt.Errorf("%w: the transaction is %s", ErrPage, o.State)
	}
	r := &solecontrol.Request{
		Kind: "sign", Tx: o.Tx, Nonce: o.Nonce, NotAfter: o.NotAfter, HPKEKey: o.HPKEKey, RPID: o.RPID,
		Credential: o.Credential, Certificate: o.Certificate, Service: o.Service,
	}
	var documents []Document
	for i := range o.Documents {
		d := &o.Documents[i]
		if err := d.Check(); err != nil {
			return nil, nil, err
		}
		file, err := p.do(ctx, http.MethodGet, path("tx", o.Tx, "documents", strconv.Itoa(i)), nil, d.Size)
		if err != nil {
			return nil, nil, err
		}
		line, err := CheckDocument(d, file)
		if err != nil {
			return nil, nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		r.Documents = append(r.Documents, *line)
		documents = append(documents, Document{d.Name, file})
	}
	request, err := r.Marshal()
	return request, documents, err
}

// CheckDocument compares a file with what the key will sign: that the byte range
// is all of it but one empty signature, that its digest is the one in the signed
// attributes; and gives its line of R.
func CheckDocument(d *solecontrol.OfferDocument, file []byte) (*solecontrol.RequestDocument, error) {
	a, b := d.ByteRange[1], d.ByteRange[2]
	if int64(len(file)) != d.Size || d.ByteRange[0] != 0 || a < 1 || b < a+2 || b > d.Size || d.ByteRange[3] != d.Size-b {
		return nil, fmt.Errorf("%w: the file is not what the byte range says", ErrPage)
	}
	gap := file[a:b]
	if gap[0] != '<' || gap[len(gap)-1] != '>' || len(bytes.Trim(gap[1:len(gap)-1], "0")) > 0 {
		return nil, fmt.Errorf("%w: there is something where the signature goes", ErrPage)
	}
	h := sha256.New()
	h.Write(file[:a])
	h.Write(file[b:])
	digest := h.Sum(nil)
	signed, err := messageDigest(d.Attributes)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(signed, digest) {
		return nil, fmt.Errorf("%w: the key would sign another document", ErrPage)
	}
	dtbsr := sha256.Sum256(d.Attributes)
	return &solecontrol.RequestDocument{Name: d.Name, Type: d.Type, SHA256: digest, Policy: d.Policy, Hash: d.Hash, DTBSR: dtbsr[:]}, nil
}

// messageDigest finds the one message-digest in a SET OF Attribute. RFC 5652, 11.2.
func messageDigest(attributes []byte) ([]byte, error) {
	in := cryptobyte.String(attributes)
	var set cryptobyte.String
	var found []byte
	ok := in.ReadASN1(&set, cbasn1.SET) && in.Empty()
	for ok && !set.Empty() {
		var attribute, oid, values, value cryptobyte.String
		if ok = set.ReadASN1(&attribute, cbasn1.SEQUENCE) && attribute.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) &&
			attribute.ReadASN1(&values, cbasn1.SET) && attribute.Empty(); !ok {
			break
		}
		if string(oid) != "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04" {
			continue
		}
		ok = found == nil && values.ReadASN1(&value, cbasn1.OCTET_STRING) && values.Empty() && len(value) == sha256.Size
		found = value
	}
	if !ok || found == nil {
		return nil, fmt.Errorf("%w: the signed attributes do not parse", ErrPage)
	}
	return found, nil
}

// Approval has the passkey approve R, and encrypts the secret to the offer's key.
func (p *Page) Approval(o *solecontrol.Offer, request []byte) (*solecontrol.Approval, error) {
	return p.approval(o.RPID, o.Passkey, o.PRFSalt, nil, o.DeviceKey, o.HPKEKey, solecontrol.ApprovalChallenge(request), solecontrol.ApprovalInfo(o.Tx), request)
}

// approval asks the passkey. before, if not nil, is what its PRF answered before.
func (p *Page) approval(rpID string, passkey, salt, before []byte, deviceKey bool, hpkeKey []byte, challenge solecontrol.Digest, info, request []byte) (*solecontrol.Approval, error) {
	assertion, secret, err := p.Device.Get(rpID, p.Origin, challenge, passkey, salt)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	if before != nil && !bytes.Equal(before, secret) {
		return nil, fmt.Errorf("%w: the passkey's PRF answers differently each time", ErrPage)
	}
	a := &solecontrol.Approval{Request: request, Assertion: *assertion}
	if a.Enc, a.Ciphertext, err = solecontrol.SendSecret(hpkeKey, info, challenge[:], secret); err != nil {
		return nil, err
	}
	if deviceKey {
		if a.DeviceSignature, err = p.Device.SignByDeviceKey(rpID, passkey, challenge); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Request gives the R that the page would build for an offer.
func (p *Page) Request(ctx context.Context, o *solecontrol.Offer) ([]byte, error) {
	request, _, err := p.look(ctx, o)
	return request, err
}

// word is the code of a problem.
func word(problem []byte) string {
	var p struct{ Code, Title string }
	if json.Unmarshal(problem, &p) != nil {
		return ""
	}
	if p.Code != "" {
		return p.Code
	}
	return p.Title
}

// wait sleeps between two questions.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
