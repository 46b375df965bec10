package activation

import (
	"errors"
	"testing"

	"chop/signer"
)

// The signer's process died when it had asked and before it had written that down: nobody knows the question. The
// resident does not wait for its end: the next question takes its place, and it can be approved by none.
func TestLostQuestion(t *testing.T) {
	s := newSigning(t)
	lost := s.rig.mint(s.person, "lost")
	asked := s.ask("form.pdf")
	if st, err := s.client.Transaction(t.Context(), lost.Tx); err != nil || st.State != TxCancelled || st.Reason != "replaced" {
		t.Errorf("the lost question: %+v, %v", st, err)
	}
	if err := s.person.page.Sign(t.Context(), lost.Tx); err == nil {
		t.Error("the lost question could be approved")
	}
	if err := s.person.page.Sign(t.Context(), asked.Tx); err != nil {
		t.Fatal(err)
	}
	if got, err := s.residents.Signing(t.Context(), s.by, asked.ID); err != nil || got.State != signer.SigningSigned {
		t.Errorf("%+v, %v", got, err)
	}
	// Without a word of that, one is open at a time.
	s.rig.mint(s.person, "open")
	if _, err := s.tryMint(s.person, "another"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second transaction: %v, want ErrBusy", err)
	}
}

// What another process of the activation service holds is ended too: there it has its key still, and fails at its record.
func TestLostQuestionElsewhere(t *testing.T) {
	s := newSigning(t)
	lost := s.rig.mint(s.person, "lost")
	held := s.service.inMemory(lost.Tx)
	s.service.drop(held)
	asked := s.ask("form.pdf")
	if st, err := s.client.Transaction(t.Context(), lost.Tx); err != nil || st.State != TxCancelled || st.Reason != "replaced" {
		t.Errorf("the lost question: %+v, %v", st, err)
	}
	s.service.mu.Lock()
	s.service.open[held.id] = held
	s.service.mu.Unlock()
	if held.key == nil || held.state != TxOpen {
		t.Fatalf("the other process knows of its end: %s", held.state)
	}
	if err := s.person.page.Sign(t.Context(), lost.Tx); err == nil {
		t.Error("the lost question could be approved in the other process")
	}
	if st, err := s.client.Transaction(t.Context(), lost.Tx); err != nil || st.State != TxCancelled {
		t.Errorf("the lost question, after an attempt: %+v, %v", st, err)
	}
	if err := s.person.page.Sign(t.Context(), asked.Tx); err != nil {
		t.Fatal(err)
	}
}
