package evidence

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"chop/internal/cms"
	"chop/internal/solecontrol"
)

// prove proves one signing: nil, or what is wrong with it.
func (a *audit) prove(s *Signature) error {
	collected, signed := a.collected[s.Signing], a.signed[s.Signing]
	for _, e := range []*event{collected, signed} {
		if e != nil {
			e.seen = true
		}
	}
	if s.Approval == nil {
		return refused("there is no evidence of an approval")
	}
	if collected == nil {
		return refused("the log does not know of it")
	}
	if s.State == "signed" && signed == nil {
		return refused("it is recorded as signed, and not so in the log")
	}
	enrolled, err := a.enrolmentOf(hex.EncodeToString(s.Certificate))
	if err != nil {
		return err
	}
	cert, statement, ticket := enrolled.cert, enrolled.statement, enrolled.ticket
	if statement.Credential != s.Credential || statement.Account != s.Account {
		return refused("its certificate belongs to another credential or account")
	}
	if passkey := sha256.Sum256(s.Approval.Passkey); !bytes.Equal(passkey[:], statement.Passkey) || s.Approval.RPID != statement.RPID {
		return refused("the passkey is not the one that the statement names")
	}
	docs, err := s.verify(cert)
	if err != nil {
		return err
	}
	if err := s.Approval.Check(Expected{
		Credential: s.Credential, Certificate: s.Certificate, PasskeyKey: ticket.PasskeyKey, DeviceKey: statement.DeviceKey, Documents: docs,
	}); err != nil {
		return err
	}
	r, err := solecontrol.ParseRequest(s.Approval.Request)
	if err != nil {
		return refused("read request: %w", err)
	}
	approved := a.approved[r.Tx]
	if approved == nil {
		return refused("the activation process's own log does not know transaction %s", r.Tx)
	}
	if approved.seen {
		return refused("the approval of transaction %s is used twice", r.Tx)
	}
	approved.seen = true
	if approved.subject != "credential:"+s.Credential {
		return refused("the activation process's log has transaction %s for another credential", r.Tx)
	}
	binding, err := hex.DecodeString(approved.texts["binding"])
	if err != nil || len(binding) != sha256.Size {
		return refused("the activation process's log has no binding for transaction %s", r.Tx)
	}
	if err := s.Approval.checkBinding(binding, s.Account, s.Credential, cert); err != nil {
		return err
	}
	for name, e := range map[string]*event{"activation process": approved, "signer": collected} {
		if err := s.compare(e); err != nil {
			return refused("%s's log: %w", name, err)
		}
	}
	if signed != nil {
		return s.compare(signed)
	}
	return nil
}

// verify checks each document's signature under the certificate: the attributes must be of
// the digest and of this certificate.
func (s *Signature) verify(cert *x509.Certificate) ([]ExpectedDocument, error) {
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, refused("the certificate's key is a %T", cert.PublicKey)
	}
	if len(s.Documents) == 0 {
		return nil, refused("it has no document")
	}
	docs := make([]ExpectedDocument, len(s.Documents))
	for i, d := range s.Documents {
		dtbsr := sha256.Sum256(d.Attributes)
		attributes, err := cms.ParseSignedAttributes(d.Attributes)
		if err != nil {
			return nil, refused("document %d: %w", i, err)
		}
		info := cms.SignerInfo{SignedAttrs: attributes}
		if digest, err := info.MessageDigest(); err != nil || !bytes.Equal(digest, d.Digest) {
			return nil, refused("document %d: the signed digest is another one", i)
		}
		if err := info.BindsCertificate(cert.Raw); err != nil {
			return nil, refused("document %d: %w", i, err)
		}
		if !ecdsa.VerifyASN1(key, dtbsr[:], d.Signature) {
			return nil, refused("document %d: the signature does not verify under the certificate", i)
		}
		docs[i] = ExpectedDocument{d.Digest, dtbsr[:]}
	}
	return docs, nil
}

// compare compares an event's digests with the evidence.
func (s *Signature) compare(e *event) error {
	for key, want := range s.Approval.Digests() {
		if got := e.texts[key]; got != want {
			return refused("%s is %q, of the evidence %s", key, got, want)
		}
	}
	if e.texts["certificate_sha256"] != hex.EncodeToString(s.Certificate) {
		return refused("it names another certificate")
	}
	if len(e.docs) != len(s.Documents) {
		return refused("it has %d documents", len(e.docs))
	}
	for i, d := range s.Documents {
		if e.docs[i]["dtbsr"] != hexSum(d.Attributes) || e.docs[i]["signature_sha256"] != hexSum(d.Signature) {
			return refused("document %d is another one", i)
		}
	}
	return nil
}
