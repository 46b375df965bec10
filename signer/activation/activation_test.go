package activation

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"chop/internal/solecontrol"
)

// A resident enrols and signs three documents by one approval.
func TestEnrolAndSign(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "form A", "form B", "form C")
	if _, err := r.tryMint(p, "another"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second transaction: %v, want ErrBusy", err)
	}
	o, err := p.page.Offer(t.Context(), m.Tx)
	if err != nil || o.Code != m.Code || o.State != TxOpen {
		t.Fatalf("offer %+v, %v", o, err)
	}
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Fatal(err)
	}
	c := r.signed(p, m.Tx, "form A", "form B", "form C")

	// The evidence proves by itself that the passkey approved exactly this.
	key, err := solecontrol.ParseCOSE(c.Evidence.COSEKey)
	if err != nil {
		t.Fatal(err)
	}
	assertion := solecontrol.Assertion{ID: c.Evidence.Passkey, AuthenticatorData: c.Evidence.AuthenticatorData, ClientDataJSON: c.Evidence.ClientDataJSON, Signature: c.Evidence.Signature}
	if _, err := assertion.Verify(solecontrol.Expected{
		Challenge: solecontrol.ApprovalChallenge(c.Evidence.Request), Origin: c.Evidence.Origin, RPID: c.Evidence.RPID, PasskeyID: c.Evidence.Passkey, Key: key,
	}); err != nil {
		t.Errorf("evidence: %v", err)
	}
	request, err := solecontrol.ParseRequest(c.Evidence.Request)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"form A", "form B", "form C"} {
		d, _ := document(t, p.certificate, text)
		if dtbsr := sha256.Sum256(d.Attributes); string(dtbsr[:]) != string(request.Documents[i].DTBSR) {
			t.Errorf("evidence for document %d is over another hash", i+1)
		}
	}

	st, err := r.client.Transaction(t.Context(), m.Tx)
	if err != nil || st.State != TxApproved || st.At == nil {
		t.Errorf("%+v, %v", st, err)
	}
	r.signed(p, m.Tx, "form A", "form B", "form C") // again
	if err := r.client.Acknowledge(t.Context(), m.Tx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Collect(t.Context(), m.Tx); !errors.Is(err, ErrUsed) {
		t.Errorf("after acknowledging: %v, want ErrUsed", err)
	}
	status, err := r.client.Credential(t.Context(), p.credential)
	if err != nil || status.Approvals != 1 || status.State != "active" {
		t.Errorf("%+v, %v", status, err)
	}
	// And the next one.
	m = r.mint(p, "form D")
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Fatal(err)
	}
	r.signed(p, m.Tx, "form D")
	r.eventsAre(t, "activation.enrol", "activation.passkey", "activation.ticket", "activation.made", "activation.certificate", "activation.mint", "activation.signed", "activation.mint", "activation.signed")
}

// eventsAre moves activation's events into the appliance's log and compares.
func (r *rig) eventsAre(t *testing.T, want ...string) {
	t.Helper()
	if _, err := MoveEvents(t.Context(), r.admin); err != nil {
		t.Fatal(err)
	}
	rows, err := r.admin.Pool.Query(t.Context(), `SELECT action FROM audit_pending ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var action string
		if err := rows.Scan(&action); err != nil {
			t.Fatal(err)
		}
		got = append(got, action)
	}
	if len(got) != len(want) {
		t.Fatalf("events %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("events %v, want %v", got, want)
		}
	}
	if n, err := MoveEvents(t.Context(), r.admin); err != nil || n != 0 {
		t.Errorf("moved %d events twice, %v", n, err)
	}
}

func TestDeclineAndCancel(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	if err := p.page.Decline(t.Context(), m.Tx, "declined"); err != nil {
		t.Fatal(err)
	}
	if st, err := r.client.Transaction(t.Context(), m.Tx); err != nil || st.State != TxDeclined || st.Reason != "declined" {
		t.Errorf("%+v, %v", st, err)
	}
	m = r.mint(p, "a")
	if st, err := r.client.Cancel(t.Context(), m.Tx); err != nil || st.State != TxCancelled {
		t.Errorf("%+v, %v", st, err)
	}
	if err := p.page.Sign(t.Context(), m.Tx); err == nil {
		t.Error("a cancelled transaction was approved")
	}
	// Somebody else asks in the person's name.
	m = r.mint(p, "a")
	if err := p.page.Decline(t.Context(), m.Tx, "not-me"); err != nil {
		t.Fatal(err)
	}
	if st, err := r.client.Credential(t.Context(), p.credential); err != nil || st.State != "suspended" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := r.tryMint(p, "b"); !errors.Is(err, ErrSuspended) {
		t.Errorf("minting: %v, want ErrSuspended", err)
	}
}

// order makes a resume order by two officers.
func (r *rig) order(p *person, change func(*solecontrol.Order)) *solecontrol.SignedOrder {
	t := r.t
	t.Helper()
	o := &solecontrol.Order{
		Kind: "resume", Credential: p.credential, Account: p.account, Case: newUUID(), First: "officer:wong", Second: "officer:leung",
		Place: "counter 3", Expires: solecontrol.At(r.clock.now().Add(10 * time.Minute)), Nonce: solecontrol.NewNonce(),
	}
	if change != nil {
		change(o)
	}
	b, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c := solecontrol.OrderChallenge(b)
	return &solecontrol.SignedOrder{Order: b, Assertions: []solecontrol.OrderAssertion{
		{Officer: "officer:wong", Assertion: *r.officerAsserts("wong", c)}, {Officer: "officer:leung", Assertion: *r.officerAsserts("leung", c)},
	}}
}

func TestSuspendAndResume(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	if st, err := r.client.Suspend(t.Context(), p.credential, Act{By: "officer:wong", Reason: "lost phone"}); err != nil || st.State != "suspended" {
		t.Fatalf("%+v, %v", st, err)
	}
	if st, err := r.client.Transaction(t.Context(), m.Tx); err != nil || st.State != TxCancelled {
		t.Errorf("the waiting transaction: %+v, %v", st, err)
	}
	if err := p.page.Sign(t.Context(), m.Tx); err == nil {
		t.Error("a suspended credential signed")
	}
	for name, bad := range map[string]*solecontrol.SignedOrder{
		"expired":            r.order(p, func(o *solecontrol.Order) { o.Expires = solecontrol.At(r.clock.now().Add(-time.Second)) }),
		"another credential": r.order(p, func(o *solecontrol.Order) { o.Credential = newUUID() }),
		"another account":    r.order(p, func(o *solecontrol.Order) { o.Account = newUUID() }),
		"unknown officer":    r.order(p, func(o *solecontrol.Order) { o.Second = "officer:ho" }),
		"one officer twice": func() *solecontrol.SignedOrder {
			o := r.order(p, nil)
			o.Assertions[1] = solecontrol.OrderAssertion{Officer: "officer:leung", Assertion: o.Assertions[0].Assertion}
			return o
		}(),
		"one officer only": func() *solecontrol.SignedOrder { o := r.order(p, nil); o.Assertions = o.Assertions[:1]; return o }(),
	} {
		if _, err := r.client.Resume(t.Context(), p.credential, bad); err == nil {
			t.Errorf("%s: resumed", name)
		}
	}
	good := r.order(p, nil)
	if st, err := r.client.Resume(t.Context(), p.credential, good); err != nil || st.State != "active" {
		t.Fatalf("%+v, %v", st, err)
	}
	m = r.mint(p, "b")
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Suspend(t.Context(), p.credential, Act{By: "resident:" + p.account, Reason: "lost phone"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Resume(t.Context(), p.credential, good); !errors.Is(err, ErrUsed) {
		t.Errorf("an order presented twice: %v, want ErrUsed", err)
	}
	// Destroyed is for ever.
	if st, err := r.client.Destroy(t.Context(), p.credential, Act{By: "officer:wong", Reason: "another device"}); err != nil || st.State != "destroyed" {
		t.Fatalf("%+v, %v", st, err)
	}
	if _, err := r.client.Resume(t.Context(), p.credential, r.order(p, nil)); err == nil {
		t.Error("a destroyed credential was resumed")
	}
	var sealed []byte
	if err := r.cfg.DB.Pool.QueryRow(t.Context(), `SELECT sealed FROM credential WHERE id = $1`, p.credential).Scan(&sealed); err != nil || sealed != nil {
		t.Errorf("the sealed key is still there: %d bytes, %v", len(sealed), err)
	}
}

// TestAnotherDevice: an approval that waits, or is made, on a phone whose place another took is worth nothing.
func TestAnotherDevice(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	m := r.mint(p, "a")
	if st, err := r.client.Destroy(t.Context(), p.credential, Act{By: "system:registration", Reason: "another device"}); err != nil || st.State != "destroyed" {
		t.Fatalf("%+v, %v", st, err)
	}
	if err := p.page.Sign(t.Context(), m.Tx); err == nil {
		t.Error("the old phone approved what waited for it")
	}
	if st, err := r.client.Transaction(t.Context(), m.Tx); err != nil || st.State == TxApproved {
		t.Errorf("what waited: %+v, %v", st, err)
	}
	if st, err := r.client.Destroy(t.Context(), p.credential, Act{By: "system:registration", Reason: "another device"}); err != nil || st.State != "destroyed" {
		t.Errorf("again: %+v, %v", st, err)
	}
	var sealed []byte
	if err := r.cfg.DB.Pool.QueryRow(t.Context(), `SELECT sealed FROM credential WHERE id = $1`, p.credential).Scan(&sealed); err != nil || sealed != nil {
		t.Errorf("the sealed key is still there: %d bytes, %v", len(sealed), err)
	}
}

// A process that was killed leaves nothing half done: what was open is closed,
// what was signed can be collected.
func TestRestart(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	done := r.mint(p, "a")
	if err := p.page.Sign(t.Context(), done.Tx); err != nil {
		t.Fatal(err)
	}
	open := r.mint(p, "b")
	other := r.newPerson()
	r.begin(other)
	r.restart()
	r.signed(p, done.Tx, "a")
	if st, err := r.client.Transaction(t.Context(), open.Tx); err != nil || st.State != TxExpired {
		t.Errorf("%+v, %v", st, err)
	}
	if st, err := r.client.Enrolment(t.Context(), other.enrolment); err != nil || st.State != EnrolFailed || st.Reason != "restarted" {
		t.Errorf("%+v, %v", st, err)
	}
	m := r.mint(p, "c")
	if err := p.page.Sign(t.Context(), m.Tx); err != nil {
		t.Fatal(err)
	}
}

// The database is away at the moment at which an approval has failed: the end is recorded later, and whoever asks
// meanwhile does not wait for nothing.
func TestFailedWhileTheDatabaseIsAway(t *testing.T) {
	r := newRig(t)
	p := r.enrol()
	away := func(away bool) {
		t.Helper()
		from, to := "transaction", "transaction_away"
		if !away {
			from, to = to, from
		}
		if _, err := r.service.store.db.Pool.Exec(t.Context(), "ALTER TABLE activation."+from+" RENAME TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	for name, settled := range map[string]func(m *Minted){
		"asked": func(*Minted) {},
		"tidied": func(m *Minted) {
			if err := r.service.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if row, err := r.service.store.transaction(t.Context(), m.Tx); err != nil || row.State != TxFailed || row.Closed == nil {
				t.Errorf("after housekeeping: %+v, %v", row, err)
			}
		},
		"cancelled": func(m *Minted) {
			if st, err := r.client.Cancel(t.Context(), m.Tx); err != nil || st.State != TxFailed {
				t.Errorf("cancelled: %+v, %v", st, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := r.mint(p, "a")
			away(true)
			if err := p.page.Sign(t.Context(), m.Tx); err == nil {
				t.Fatal("signed without a record")
			}
			if err := r.service.Tidy(t.Context()); err == nil {
				t.Error("housekeeping is silent without a database")
			}
			away(false)
			settled(m)
			if st, err := r.client.Transaction(t.Context(), m.Tx); err != nil || st.State != TxFailed || st.At == nil {
				t.Errorf("%+v, %v", st, err)
			}
			again := r.mint(p, "a") // the credential is not busy
			if err := p.page.Sign(t.Context(), again.Tx); err != nil {
				t.Fatal(err)
			}
		})
	}
}
