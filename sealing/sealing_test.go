package sealing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// use is what the signer asks about a document of a batch.
func use(batch, document string) Use {
	sum := sha256.Sum256([]byte(document))
	return Use{Batch: batch, Department: "transport", Seal: seal, Policy: "asic-seal", Level: "B-B", Documents: [][]byte{sum[:]}}
}

// One asks, another approves, and from then on these documents may be sealed, and no others, by no other seal, in no
// other way.
func TestAuthorized(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	chan1, wong := h.operator("transport", "chan", Sealer), h.operator("transport", "wong", Sealer, Approver)
	a := h.batch(chan1, "letter one", "letter two")
	no := func(name string, u Use) {
		t.Helper()
		if err := h.Authorized(t.Context(), u); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%s: %v", name, err)
		}
	}
	no("a draft", use(a, "letter one"))
	h.asked(chan1, a)
	no("asked for only", use(a, "letter one"))
	h.approved(wong, a)
	for _, d := range []string{"letter one", "letter two"} {
		if err := h.Authorized(t.Context(), use(a, d)); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
	no("another document", use(a, "letter three"))
	for name, change := range map[string]func(*Use){
		"no document":           func(u *Use) { u.Documents = nil },
		"one more document":     func(u *Use) { u.Documents = append(u.Documents, make([]byte, 32)) },
		"another seal":          func(u *Use) { u.Seal = "0199a000-0000-7000-8000-000000000002" },
		"another department":    func(u *Use) { u.Department = "lands" },
		"another level":         func(u *Use) { u.Level = "B-LT" },
		"another format":        func(u *Use) { u.Policy = "pades-seal" },
		"no such batch":         func(u *Use) { u.Batch = seal },
		"what is no batch's id": func(u *Use) { u.Batch = "x" },
	} {
		u := use(a, "letter one")
		change(&u)
		no(name, u)
	}
}

// Whoever asks does not approve, whatever their roles; nor does who has not the role, or is of another department.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wong, chan1 := h.operator("transport", "wong", Sealer, Approver), h.operator("transport", "chan", Sealer)
	lands := h.operator("lands", "ho", Sealer, Approver)
	a := h.batch(wong, "letter")
	h.asked(wong, a)
	if err := h.Approve(t.Context(), wong, a, h.word(wong, a, ActApprove)); !errors.Is(err, ErrFourEyes) {
		t.Errorf("their own: %v", err)
	}
	if err := h.Approve(t.Context(), chan1, a, h.word(chan1, a, ActApprove)); !errors.Is(err, ErrForbidden) {
		t.Errorf("without the role: %v", err)
	}
	if _, err := h.Challenge(t.Context(), lands, a, ActApprove); !errors.Is(err, ErrUnknown) {
		t.Errorf("another department looks: %v", err)
	}
	if err := h.Approve(t.Context(), lands, a, h.word(wong, a, ActApprove)); !errors.Is(err, ErrUnknown) {
		t.Errorf("another department approves: %v", err)
	}
	if err := h.Withdraw(t.Context(), lands, a); !errors.Is(err, ErrUnknown) {
		t.Errorf("another department withdraws: %v", err)
	}
	// The word for another batch, and one of another act.
	leung := h.operator("transport", "leung", Approver)
	b := h.batch(chan1, "another letter")
	h.asked(chan1, b)
	for name, word := range map[string]string{"another batch": b} {
		if err := h.Approve(t.Context(), leung, a, h.word(leung, word, ActApprove)); !errors.Is(err, ErrAssertion) {
			t.Errorf("a word about %s: %v", name, err)
		}
	}
	if err := h.Approve(t.Context(), leung, a, h.word(leung, a, ActAsk)); !errors.Is(err, ErrAssertion) {
		t.Errorf("a word that asks: %v", err)
	}
	h.approved(leung, a)
	if err := h.Decline(t.Context(), leung, a, "too late"); !errors.Is(err, ErrState) {
		t.Errorf("declined after it was approved: %v", err)
	}
}

// In a department with that rule one operator's word is enough.
func TestSingleOperator(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "transport")
	o := h.operator("transport", "chan", Sealer)
	a := h.batch(o, "letter")
	h.asked(o, a)
	if err := h.Authorized(t.Context(), use(a, "letter")); err != nil {
		t.Error(err)
	}
	other := h.operator("lands", "ho", Sealer)
	b := h.batch(other, "letter")
	h.asked(other, b)
	u := use(b, "letter")
	u.Department = "lands"
	if err := h.Authorized(t.Context(), u); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("a department without it: %v", err)
	}
}

// Whoever has taken over the database, or the server, cannot have anything sealed: not by rows, and not by operators'
// real words about something else.
func TestForgedRows(t *testing.T) {
	t.Parallel()
	letter := "letter"
	for name, attack := range map[string]func(h *house, a string, chan1, wong *Operator){
		"another document": func(h *house, a string, _, _ *Operator) {
			sum := sha256.Sum256([]byte("forged"))
			h.exec(`UPDATE sealing_document SET sha256 = $2 WHERE batch = $1`, a, sum[:])
			letter = "forged"
		},
		"one more document": func(h *house, a string, _, _ *Operator) {
			sum := sha256.Sum256([]byte("forged"))
			h.exec(`INSERT INTO sealing_document (batch, number, name, format, sha256, size) VALUES ($1, 2, 'z', 'ASiC', $2, 1)`, a, sum[:])
			letter = "forged"
		},
		"another format": func(h *house, a string, _, _ *Operator) {
			h.exec(`UPDATE sealing_document SET format = 'PDF' WHERE batch = $1`, a)
		},
		"another level": func(h *house, a string, _, _ *Operator) {
			h.exec(`UPDATE sealing_batch SET level = 'B-LT' WHERE id = $1`, a)
		},
		"a word of nobody": func(h *house, a string, _, wong *Operator) {
			h.exec(`UPDATE sealing_word SET operator = $2 WHERE batch = $1 AND act = 'approve'`, a, h.operator("transport", "leung", Approver).ID)
		},
		"an own passkey in the book": func(h *house, a string, _, wong *Operator) {
			thief := h.operator("lands", "thief", Approver)
			h.exec(`UPDATE sealing_operator SET passkey_id = NULL, passkey_key = NULL WHERE id = $1`, thief.ID)
			h.exec(`UPDATE sealing_operator SET passkey_id = $2, passkey_key = $3 WHERE id = $1`, wong.ID, thief.PasskeyID, thief.PasskeyKey)
			h.exec(`DELETE FROM sealing_word WHERE batch = $1 AND act = 'approve'`, a)
			robbed := h.look(wong.ID)
			h.forge(a, ActApprove, robbed.ID, h.word(robbed, a, ActApprove))
		},
		"an operator of another department": func(h *house, a string, _, wong *Operator) {
			thief := h.operator("lands", "thief", Approver)
			h.exec(`DELETE FROM sealing_word WHERE batch = $1 AND act = 'approve'`, a)
			h.exec(`UPDATE sealing_operator SET department = 'transport' WHERE id = 'thief'`)
			thief.Department = "transport"
			h.forge(a, ActApprove, thief.ID, h.word(thief, a, ActApprove))
		},
		"whoever asked, approving": func(h *house, a string, chan1, _ *Operator) {
			h.exec(`DELETE FROM sealing_word WHERE batch = $1 AND act = 'approve'`, a)
			h.exec(`ALTER TABLE sealing_word DROP CONSTRAINT sealing_word_batch_operator_key`)
			h.exec(`UPDATE sealing_operator SET roles = '{sealer,approver}' WHERE id = $1`, chan1.ID)
			h.pin() // they may approve, but not this
			h.forge(a, ActApprove, chan1.ID, h.word(chan1, a, ActApprove))
		},
		"no word at all": func(h *house, a string, _, _ *Operator) { h.exec(`DELETE FROM sealing_word WHERE batch = $1`, a) },
		"an operator who was removed": func(h *house, a string, _, wong *Operator) {
			h.must(h.Remove(context.Background(), "local:root", wong.ID, "left"))
			h.pin()
			h.exec(`UPDATE sealing_operator SET state = 'active' WHERE id = $1`, wong.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			letter = "letter"
			chan1, wong := h.operator("transport", "chan", Sealer), h.operator("transport", "wong", Approver)
			a := h.batch(chan1, "letter")
			h.asked(chan1, a)
			h.approved(wong, a)
			if err := h.Authorized(t.Context(), use(a, "letter")); err != nil {
				t.Fatal(err)
			}
			attack(h, a, chan1, wong)
			u := use(a, letter)
			switch name {
			case "another format":
				u.Policy = "pades-seal"
			case "another level":
				u.Level = "B-LT"
			}
			if err := h.Authorized(t.Context(), u); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("sealed: %v", err)
			}
		})
	}
}

// A draft takes each document once, in bounds, and nothing after it was asked for.
func TestDraft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o, approver := h.operator("transport", "chan", Sealer), h.operator("transport", "wong", Approver)
	a := h.batch(o, "letter")
	add := func(name, format, content string) error {
		return h.Add(t.Context(), o, a, name, format, []byte(content))
	}
	h.must(add("a.txt", "", "letter")) // sent again: the answer was lost
	for name, c := range map[string]struct {
		err                   error
		name, format, content string
	}{
		"another of that name": {ErrTaken, "a.txt", "", "another letter"},
		"empty":                {ErrInvalid, "b.txt", "", ""},
		"no PDF":               {ErrInvalid, "b.pdf", "", "text"},
		"no format":            {ErrInvalid, "b.txt", "Word", "text"},
		"no name":              {ErrInvalid, "/", "", "text"},
		"a hidden one":         {ErrInvalid, "../.ssh", "", "text"},
		"a long name":          {ErrInvalid, strings.Repeat("x", maxName+1), "", "text"},
		"a line in the name":   {ErrInvalid, "a\nb", "", "text"},
		"too large":            {ErrLimit, "b.txt", "", strings.Repeat("x", MaxBytes+1)},
	} {
		if err := add(c.name, c.format, c.content); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.must(add(`C:\letters\b.pdf`, "", "%PDF-1.7"))
	if err := h.Add(t.Context(), approver, a, "c.txt", "", []byte("x")); !errors.Is(err, ErrForbidden) {
		t.Errorf("an approver brings a letter: %v", err)
	}
	early := h.word(o, a, ActAsk)
	h.must(add("c.txt", "CMS", "one more"))
	if err := h.Ask(t.Context(), o, a, early); !errors.Is(err, ErrAssertion) {
		t.Errorf("a word about the draft as it was: %v", err)
	}
	h.asked(o, a)
	if err := add("d.txt", "", "late"); !errors.Is(err, ErrState) {
		t.Errorf("after it was asked for: %v", err)
	}
	documents, err := h.Documents(t.Context(), a)
	h.must(err)
	var names []string
	for _, d := range documents {
		names = append(names, d.Result())
	}
	if want := []string{"a.txt.asics", "b.pdf", "c.txt.p7m"}; !slices.Equal(names, want) {
		t.Errorf("the sealed files are %q, want %q", names, want)
	}
	h.must(h.Decline(t.Context(), approver, a, "not ours"))
	if _, err := h.Content(t.Context(), a, 1, false); !errors.Is(err, ErrGone) {
		t.Errorf("kept after it was declined: %v", err)
	}
	empty := h.batch(o)
	if err := h.Ask(t.Context(), o, empty, h.word(o, empty, ActAsk)); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty batch: %v", err)
	}
}

// hand seals by putting a word before the document, or fails as it is told.
type hand struct {
	fail func(Job) error
}

func (s hand) Seal(ctx context.Context, j Job) ([]byte, error) {
	if s.fail != nil {
		if err := s.fail(j); err != nil {
			return nil, err
		}
	}
	return append([]byte("sealed "), j.Content...), nil
}

// What is approved is sealed, each document once; who dies at one leaves it to the next, and a failure that is not the
// document's is tried again.
func TestRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o, wong := h.operator("transport", "chan", Sealer), h.operator("transport", "wong", Approver)
	a := h.batch(o, "one", "two", "three")
	h.asked(o, a)
	h.approved(wong, a)
	dead, alive := uuid.New(), uuid.New()
	if j, err := claim(t.Context(), h.c.DB, dead, h.at, h.at.Add(lease)); err != nil || j.Number != 1 { // and is killed
		t.Fatal(j, err)
	}
	step := func(s Signer) (bool, error) { return h.step(t.Context(), alive, s) }
	away := errors.New("the token is away")
	if more, err := step(hand{func(Job) error { return away }}); more || !errors.Is(err, away) {
		t.Errorf("a token that is away: %v, %v", more, err)
	}
	if more, err := step(hand{func(j Job) error { return fmt.Errorf("%w: broken\x00", ErrRefused) }}); !more || err != nil {
		t.Errorf("a document that cannot be sealed: %v, %v", more, err)
	}
	if more, err := step(hand{}); !more || err != nil {
		t.Errorf("the third: %v, %v", more, err)
	}
	if more, err := step(hand{}); more || err != nil {
		t.Errorf("while somebody else has the first: %v, %v", more, err)
	}
	h.at = h.at.Add(lease + time.Second)
	if more, err := step(hand{}); !more || err != nil {
		t.Errorf("the dead one's: %v, %v", more, err)
	}
	b, err := h.Batch(t.Context(), "transport", a)
	h.must(err)
	if b.State != Done || b.Sealed != 2 || b.Refused != 1 {
		t.Errorf("the batch is %+v", b)
	}
	// The dead one was not dead: its result comes too late, and changes nothing.
	late := &Job{Batch: a, Number: 1}
	h.must(finish(t.Context(), h.c.DB, dead, late, []byte("late"), "", h.event("system:sealing", "seal", "batch:x", "", nil)))
	if got, err := h.Content(t.Context(), a, 1, true); err != nil || string(got) != "sealed one" {
		t.Errorf("the first is %q, %v", got, err)
	}
	if _, err := h.Content(t.Context(), a, 1, false); !errors.Is(err, ErrGone) {
		t.Errorf("the original is kept: %v", err)
	}
	h.at = h.at.AddDate(0, 0, 31)
	h.must(h.Expire(t.Context()))
	if _, err := h.Content(t.Context(), a, 1, true); !errors.Is(err, ErrGone) {
		t.Errorf("kept after its time: %v", err)
	}
}

// A draft with which nobody goes on ends, and its bytes with it; Run ends with its context.
func TestExpire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	o := h.operator("transport", "chan", Sealer)
	a := h.batch(o, "letter")
	h.at = h.at.AddDate(0, 0, 6)
	h.must(h.Expire(t.Context()))
	if _, err := h.Content(t.Context(), a, 1, false); err != nil {
		t.Errorf("after six days: %v", err)
	}
	h.at = h.at.AddDate(0, 0, 2)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx, hand{}, slog.New(slog.DiscardHandler)) }()
	for {
		if _, err := h.Content(t.Context(), a, 1, false); errors.Is(err, ErrGone) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	h.must(<-ended)
	if b, err := h.Batch(t.Context(), "transport", a); err != nil || b.State != Expired {
		t.Errorf("the batch is %+v, %v", b, err)
	}
}
