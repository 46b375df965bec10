package sealing

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chop/internal/postgres/postgrestest"
	"chop/internal/solecontrol"
	"chop/policies"
	"chop/signer/approval/device"
)

const (
	origin = "https://localhost:8446"
	seal   = "0199a000-0000-7000-8000-000000000001"
)

// A house has departments' operators with passkeys, and the file that says whose word counts.
type house struct {
	*Book
	t      *testing.T
	device *device.Device
	pins   string
	at     time.Time
}

func newHouse(t *testing.T, single ...string) *house {
	t.Helper()
	set, err := policies.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, device: device.New(), pins: filepath.Join(t.TempDir(), "operators.json"), at: time.Date(2026, 11, 27, 2, 0, 0, 0, time.UTC)}
	h.Book, err = New(Config{
		DB: postgrestest.New(t), Policies: set, Origin: origin, RPID: "localhost", Pins: PinsFile(h.pins), SingleOperator: single, Now: func() time.Time { return h.at },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// operator is one who was admitted, and pinned.
func (h *house) operator(department, id string, roles ...string) *Operator {
	h.t.Helper()
	h.must(h.Propose(h.t.Context(), "local:root", Operator{ID: id, Department: department, Name: id, Roles: roles}))
	challenge, err := h.PasskeyChallenge(h.t.Context(), id)
	h.must(err)
	made, err := h.device.Create("localhost", origin, solecontrol.Digest(challenge), []byte(id), false)
	h.must(err)
	h.must(h.Enrol(h.t.Context(), id, *made))
	h.must(h.Admit(h.t.Context(), "local:root", id))
	h.pin()
	return h.look(id)
}

func (h *house) look(id string) *Operator {
	h.t.Helper()
	o, err := h.Operator(h.t.Context(), id)
	h.must(err)
	return o
}

// pin is what the appliance's operator does after each change.
func (h *house) pin() {
	h.t.Helper()
	text, err := h.Pinned(h.t.Context())
	h.must(err)
	h.must(os.WriteFile(h.pins, text, 0o600))
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// batch is a draft with these documents.
func (h *house) batch(o *Operator, documents ...string) string {
	h.t.Helper()
	id, err := h.Begin(h.t.Context(), o, NewBatch{Seal: seal, Level: "B-B", Reason: "Renewals"})
	h.must(err)
	for i, d := range documents {
		h.must(h.Add(h.t.Context(), o, id, string(rune('a'+i))+".txt", "", []byte(d)))
	}
	return id
}

// word is an operator's passkey's answer about a batch.
func (h *house) word(o *Operator, batch, act string) solecontrol.Assertion {
	h.t.Helper()
	challenge, err := h.Challenge(h.t.Context(), o, batch, act)
	h.must(err)
	a, _, err := h.device.Get("localhost", origin, challenge, o.PasskeyID, nil)
	h.must(err)
	return *a
}

func (h *house) asked(o *Operator, batch string) {
	h.t.Helper()
	h.must(h.Ask(h.t.Context(), o, batch, h.word(o, batch, ActAsk)))
}

func (h *house) approved(o *Operator, batch string) {
	h.t.Helper()
	h.must(h.Approve(h.t.Context(), o, batch, h.word(o, batch, ActApprove)))
}

// exec does to the database what somebody who has taken it over does.
func (h *house) exec(sql string, arguments ...any) {
	h.t.Helper()
	_, err := h.c.DB.Pool.Exec(context.Background(), sql, arguments...)
	h.must(err)
}

func (h *house) forge(batch, act, operator string, a solecontrol.Assertion) {
	h.t.Helper()
	text, err := json.Marshal(a)
	h.must(err)
	h.exec(`INSERT INTO sealing_word (batch, act, operator, assertion, at) VALUES ($1, $2, $3, $4, now())`, batch, act, operator, text)
}
