package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"chop/internal/solecontrol"
	"chop/registration/hkic"
	"chop/registration/immd"
)

var fuzzed = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// Whatever of a message is accepted, by the server or by the agent, is whole: written again it is the same, and the card's
// bytes in it are judged without a panic.
func FuzzMessages(f *testing.F) {
	bytes := solecontrol.Bytes{1, 2, 3}
	kinds := []any{
		Offer{"0198c2ab-0000-7000-8000-000000000000", bytes, solecontrol.At(fuzzed)}, Reading{"0198c2ab-0000-7000-8000-000000000000", bytes, bytes, bytes, bytes, bytes},
		Problem{"0198c2ab-0000-7000-8000-000000000000", "removed"}, Verdict{"refused", "cloned"}, Question{"0198c2ab-0000-7000-8000-000000000000"},
		Ticket{TicketSign, bytes, "SRN0123456789"}, Signed{"0198c2ab-0000-7000-8000-000000000000", bytes, bytes},
	}
	for i, k := range kinds {
		text, err := solecontrol.Encode(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), text)
	}
	f.Fuzz(func(t *testing.T, kind byte, text []byte) {
		m := reflect.New(reflect.TypeOf(kinds[int(kind)%len(kinds)]))
		if solecontrol.Decode(text, m.Interface()) != nil {
			return
		}
		again, err := solecontrol.Encode(m.Elem().Interface())
		if err != nil {
			t.Fatalf("accepted and not written: %v\n%s", err, text)
		}
		back := reflect.New(m.Elem().Type())
		if err := solecontrol.Decode(again, back.Interface()); err != nil || !reflect.DeepEqual(m.Elem().Interface(), back.Elem().Interface()) {
			t.Fatalf("written and read again it is another: %v\n%s\n%s", err, text, again)
		}
		if r, ok := m.Interface().(*Reading); ok {
			if _, err := r.Evidence().Verify(make([]byte, hkic.ChallengeSize), hkic.Trust{}, fuzzed); err == nil {
				t.Fatalf("a card under no issuer is believed:\n%s", text)
			}
		}
	})
}

// No ticket is owed but one of this session, for this kiosk to sign, that lives ten minutes at most.
func FuzzTicket(f *testing.F) {
	const session, id = "0198c2ab-0000-7000-8000-000000000000", "kiosk-1"
	a := &Agent{cfg: Config{ID: id, Now: func() time.Time { return fuzzed }}}
	card, reference := immd.People(fuzzed)[0].Card, "SRN0123456789"
	subject, err := immd.Subject(card, reference).Digest()
	if err != nil {
		f.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	cose, err := solecontrol.MarshalCOSE(&key.PublicKey)
	if err != nil {
		f.Fatal(err)
	}
	good, err := (&solecontrol.Ticket{
		Kind: "ticket", Case: session, Account: "0198c2ab-0000-7000-8000-000000000001", Enrolment: solecontrol.NewID(), PasskeyKey: cose, RPID: "approve.localhost",
		Subject: subject[:], Immd: make([]byte, 32), Signer: "kiosk:" + id, Place: "here", Expires: solecontrol.At(fuzzed.Add(time.Minute)),
	}).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	if err := a.owes(&Ticket{State: TicketSign, Ticket: good, Reference: reference}, session, card); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"kind":"ticket"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if a.owes(&Ticket{State: TicketSign, Ticket: text, Reference: reference}, session, card) != nil {
			return
		}
		k, err := solecontrol.ParseTicket(text)
		if err != nil || k.Case != session || k.Signer != "kiosk:"+id || k.Expires.Sub(fuzzed) > ahead {
			t.Fatalf("owed: %+v, %v\n%s", k, err, text)
		}
	})
}
