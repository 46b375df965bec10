package sealing

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"chop/internal/solecontrol"
)

// The acts that operators sign.
const (
	ActAsk     = "ask"
	ActApprove = "approve"
)

// statement is what an operator's passkey signs, as a digest: its JSON, members in this order, behind a line that no
// other protocol of the appliance begins with.
type statement struct {
	Act        string            `json:"act"`
	Operator   string            `json:"operator"`
	Batch      string            `json:"batch"`
	Nonce      solecontrol.Bytes `json:"nonce"`
	Department string            `json:"department"`
	Seal       string            `json:"seal"`
	Level      string            `json:"level"`
	Reason     string            `json:"reason"`
	Documents  []entry           `json:"documents"`
}

type entry struct {
	Number int               `json:"number"`
	Name   string            `json:"name"`
	Format string            `json:"format"`
	SHA256 solecontrol.Bytes `json:"sha256"`
}

const statementLine = "chop department sealing 1\n"

// challenge is the digest that the passkey answers to.
func (s statement) challenge() (solecontrol.Digest, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return solecontrol.Digest{}, fmt.Errorf("write statement: %w", err)
	}
	return sha256.Sum256(append([]byte(statementLine), text...)), nil
}

// stated is a batch's statement by an operator.
func stated(act, operator string, batch *Batch, documents []*Document) statement {
	s := statement{
		Act: act, Operator: operator, Batch: batch.ID, Nonce: batch.nonce, Department: batch.Department, Seal: batch.Seal,
		Level: batch.Level, Reason: batch.Reason, Documents: []entry{},
	}
	for _, d := range documents {
		s.Documents = append(s.Documents, entry{d.Number, d.Name, d.Format, d.SHA256})
	}
	return s
}

// verifyWord checks that the passkey of a pin signed a statement.
func (b *Book) verifyWord(id, key []byte, s statement, a solecontrol.Assertion) error {
	challenge, err := s.challenge()
	if err != nil {
		return err
	}
	public, err := solecontrol.ParseCOSE(key)
	if err != nil {
		return fmt.Errorf("%w: read passkey: %w", ErrAssertion, err)
	}
	_, err = a.Verify(solecontrol.Expected{Challenge: challenge, Origin: b.c.Origin, RPID: b.c.RPID, PasskeyID: id, Key: public})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAssertion, err)
	}
	return nil
}
