package signer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"chop/internal/solecontrol"
	"chop/signer/ledger"
)

// ReceiptVersion is that of the form in which receipts are handed out.
const ReceiptVersion = "chop/receipt/v1"

// Receipt is a resident's own proof of a signing: who asked for what, what was approved,
// when and by which passkey, and with which certificate it was signed. It marshals to the
// JSON that is handed out, and holds no document. Bytes are base64url without padding,
// digests SHA-256 in hexadecimal.
type Receipt struct {
	Version     string             `json:"version"`
	Signing     string             `json:"signing"`
	Service     ResidentService    `json:"service"`
	Reason      string             `json:"reason,omitempty"`
	Kind        string             `json:"document_kind,omitempty"`
	RequestedAt time.Time          `json:"requested_at"`
	ApprovedAt  time.Time          `json:"approved_at"`
	SignedAt    time.Time          `json:"signed_at"`
	Certificate ReceiptCertificate `json:"certificate"`
	Documents   []ReceiptDocument  `json:"documents"`
	Approval    ReceiptApproval    `json:"approval"`
}

// ReceiptCertificate is the certificate that the signatures verify under.
type ReceiptCertificate struct {
	Subject      string            `json:"subject"`
	Subscriber   string            `json:"subscriber"` // the reference number
	Issuer       string            `json:"issuer"`
	Serial       string            `json:"serial"`
	NotBefore    time.Time         `json:"not_before"`
	NotAfter     time.Time         `json:"not_after"`
	SHA256       string            `json:"sha256"`
	DER          solecontrol.Bytes `json:"der"`
	PolicyOIDs   []string          `json:"policies"`
	CredentialID string            `json:"credential"`
}

// ReceiptDocument is one document that was signed.
type ReceiptDocument struct {
	Name        string            `json:"name"`
	Field       string            `json:"field"`
	Level       string            `json:"level"`
	Policy      string            `json:"policy"`
	Approved    string            `json:"approved_sha256"` // over the bytes that were shown
	DTBSR       string            `json:"dtbsr"`
	Attributes  solecontrol.Bytes `json:"attributes"`
	Signature   solecontrol.Bytes `json:"signature"`
	TimestampAt time.Time         `json:"timestamp_at"`
	Timestamp   solecontrol.Bytes `json:"timestamp"` // RFC 3161 token
	File        string            `json:"file_sha256"`
	Size        int64             `json:"file_size"`
}

// ReceiptApproval is the passkey's assertion, and the digests by which the audit log names it.
type ReceiptApproval struct {
	*ApprovalEvidence
	Challenge string            `json:"challenge"`
	Digests   map[string]string `json:"digests"`
}

// Receipt returns the receipt of a signing that is signed. It is kept when the files are
// not any more.
func (r *Residents) Receipt(ctx context.Context, by Caller, id string) (*Receipt, error) {
	g, err := r.own(ctx, by, id)
	if err != nil {
		return nil, err
	}
	if g.State != ledger.Signed {
		return nil, fmt.Errorf("%w: it is %s", ErrState, shown(g.State))
	}
	m, err := r.material(ctx, g)
	if err != nil {
		return nil, err
	}
	docs, err := r.store.Documents(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	a, err := readEvidence(g)
	if err != nil {
		return nil, err
	}
	challenge := solecontrol.ApprovalChallenge(a.Request)
	out := &Receipt{
		Version: ReceiptVersion, Signing: g.ID.String(), Service: ResidentService{g.ServiceID, g.ServiceName}, Reason: g.Reason, Kind: g.Kind,
		RequestedAt: g.CreatedAt.UTC(), ApprovedAt: timeOf(g.ApprovedAt).UTC(), SignedAt: timeOf(g.ClosedAt).UTC(),
		Certificate: receiptCertificate(m),
		Approval:    ReceiptApproval{a, hex.EncodeToString(challenge[:]), a.Digests()},
	}
	for _, d := range docs {
		if d.SignedSize == nil {
			return nil, errors.New("a signed document has no file")
		}
		out.Documents = append(out.Documents, ReceiptDocument{
			Name: d.Name, Field: d.Field, Level: g.Level, Policy: r.policy.OID, Approved: hex.EncodeToString(d.Digest),
			DTBSR: hex.EncodeToString(d.DTBSR), Attributes: d.Attributes, Signature: d.Signature,
			TimestampAt: timeOf(d.TimestampAt).UTC(), Timestamp: d.TimestampToken, File: hex.EncodeToString(d.SignedSHA256), Size: *d.SignedSize,
		})
	}
	return out, nil
}

func receiptCertificate(m *residentMaterial) ReceiptCertificate {
	c := m.certificate.Certificate
	out := ReceiptCertificate{
		Subject: c.Subject.CommonName, Subscriber: c.Subject.SerialNumber, Issuer: c.Issuer.CommonName, Serial: m.certificate.Serial,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, SHA256: hex.EncodeToString(m.certificate.SHA256), DER: c.Raw,
		CredentialID: m.credential.ID.String(),
	}
	for _, oid := range c.PolicyIdentifiers {
		out.PolicyOIDs = append(out.PolicyOIDs, oid.String())
	}
	return out
}
