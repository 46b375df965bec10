// Package evidence proves residents' approvals: that a passkey, with its person verified,
// has signed a challenge over exactly the documents that a signature is on. It does so
// offline, from an export of the log and of what was kept, so that an auditor need not
// believe the appliance, its database or its operators.
//
// What proves an approval, from the outside in: the log says that the signature was made
// and has the digests of its evidence; the certificate was issued on an enrolment
// statement of the activation process, over whose identity key the auditor has a copy;
// the statement names the enrolment ticket, and the ticket the passkey's public key; that
// key has signed the challenge, which is a digest of the request R; R names each
// document's digest and what was signed of it; and the certificate's key has signed that.
//
// It believes no field that repeats what can be computed. It decides nothing about the
// validity of certificates in time, which is for package validation.
package evidence

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"

	"chop/internal/solecontrol"
)

// ErrEvidence: the evidence does not prove an approval of what was signed.
var ErrEvidence = errors.New("no proof of approval")

// Approval is the passkey's assertion over the request R, as it was collected.
type Approval struct {
	Request           solecontrol.Bytes `json:"request"` // R, exactly
	AuthenticatorData solecontrol.Bytes `json:"authenticatorData"`
	ClientDataJSON    solecontrol.Bytes `json:"clientDataJSON"`
	Signature         solecontrol.Bytes `json:"signature"` // DER
	Passkey           solecontrol.Bytes `json:"passkey"`   // id
	COSEKey           solecontrol.Bytes `json:"coseKey"`
	RPID              string            `json:"rpId"`
	Origin            string            `json:"origin"`
	DeviceKey         solecontrol.Bytes `json:"deviceKey,omitempty"` // SubjectPublicKeyInfo
	DeviceSignature   solecontrol.Bytes `json:"deviceSignature,omitempty"`
	// Binding is what B is a digest of: it tied the key to the account and the passkey when the key was made.
	Binding solecontrol.Bytes `json:"binding,omitempty"`
}

// Expected is what an approval must be of.
type Expected struct {
	Tx         string // empty: not compared
	Credential string
	// Certificate is SHA-256 of the signing certificate.
	Certificate []byte
	// PasskeyKey is the COSE key that was enrolled; nil: not compared.
	PasskeyKey []byte
	// DeviceKey: a key of the device must have signed too.
	DeviceKey bool
	Documents []ExpectedDocument
}

// ExpectedDocument is one document that must have been approved.
type ExpectedDocument struct{ Digest, DTBSR []byte }

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrEvidence, fmt.Errorf(format, args...))
}

// Check verifies an approval from its bytes alone and compares what was approved. The
// origin must be the relying party's own host: no other page could have asked.
func (a *Approval) Check(e Expected) error {
	r, err := solecontrol.ParseRequest(a.Request)
	if err != nil {
		return refused("read request: %w", err)
	}
	switch {
	case e.Tx != "" && r.Tx != e.Tx:
		return refused("the request is of another transaction")
	case r.Credential != e.Credential:
		return refused("the request is about another credential")
	case !bytes.Equal(r.Certificate, e.Certificate):
		return refused("the request is about another certificate")
	case len(r.Documents) != len(e.Documents):
		return refused("%d documents were approved, and %d signed", len(r.Documents), len(e.Documents))
	case r.RPID != a.RPID:
		return refused("the request is for another relying party")
	case e.PasskeyKey != nil && !bytes.Equal(a.COSEKey, e.PasskeyKey):
		return refused("the passkey is not the enrolled one")
	}
	for i, d := range e.Documents {
		if !bytes.Equal(r.Documents[i].SHA256, d.Digest) {
			return refused("document %d: another file was approved", i)
		}
		if !bytes.Equal(r.Documents[i].DTBSR, d.DTBSR) {
			return refused("document %d: other attributes were approved", i)
		}
	}
	return a.checkAssertion(e)
}

func (a *Approval) checkAssertion(e Expected) error {
	origin, err := url.Parse(a.Origin)
	if err != nil || origin.Hostname() != a.RPID {
		return refused("the page's origin is not the relying party's host")
	}
	key, err := solecontrol.ParseCOSE(a.COSEKey)
	if err != nil {
		return refused("read passkey's key: %w", err)
	}
	challenge := solecontrol.ApprovalChallenge(a.Request)
	assertion := solecontrol.Assertion{
		ID: a.Passkey, AuthenticatorData: a.AuthenticatorData, ClientDataJSON: a.ClientDataJSON, Signature: a.Signature,
	}
	if _, err := assertion.Verify(solecontrol.Expected{
		Challenge: challenge, Origin: a.Origin, RPID: a.RPID, PasskeyID: a.Passkey, Key: key,
	}); err != nil {
		return refused("%w", err)
	}
	if !e.DeviceKey && len(a.DeviceKey) == 0 {
		return nil
	}
	device, err := solecontrol.ParseSPKI(a.DeviceKey)
	if err != nil {
		return refused("read device's key: %w", err)
	}
	if err := solecontrol.VerifyRaw(device, challenge[:], a.DeviceSignature); err != nil {
		return refused("device's key: %w", err)
	}
	return nil
}

// checkBinding recomputes B: what the key, the account and the passkey were tied to when
// the key was made.
func (a *Approval) checkBinding(digest []byte, account, credential string, cert *x509.Certificate) error {
	if len(a.Binding) == 0 {
		return refused("it has no binding")
	}
	if got := solecontrol.BindingDigest(a.Binding); !bytes.Equal(got[:], digest) {
		return refused("the binding is not the one in the log")
	}
	b, err := solecontrol.ParseBinding(a.Binding)
	if err != nil {
		return refused("read binding: %w", err)
	}
	if b.Credential != credential || b.Account != account || !bytes.Equal(b.SPKI, cert.RawSubjectPublicKeyInfo) ||
		b.RPID != a.RPID || !bytes.Equal(b.PasskeyID, a.Passkey) || !bytes.Equal(b.PasskeyKey, a.COSEKey) || !bytes.Equal(b.DeviceKey, a.DeviceKey) {
		return refused("the binding is of another key, account or passkey")
	}
	return nil
}

// Digests are what the log says of an approval, in hexadecimal; the keys are the same in
// the events of the activation process and of the signer.
func (a *Approval) Digests() map[string]string {
	return map[string]string{
		"request_sha256":            hexSum(a.Request),
		"authenticator_data_sha256": hexSum(a.AuthenticatorData),
		"client_data_sha256":        hexSum(a.ClientDataJSON),
		"assertion_sha256":          hexSum(a.Signature),
		"passkey_key_sha256":        hexSum(a.COSEKey),
		"device_signature_sha256":   hexSum(a.DeviceSignature),
	}
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return fmt.Sprintf("%x", s[:])
}
