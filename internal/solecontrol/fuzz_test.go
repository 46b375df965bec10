package solecontrol

import (
	"bytes"
	"testing"
)

// Whatever is accepted is whole: encoded again it is the same thing, and none of
// the parsers panics or reads for long.

func FuzzRequest(f *testing.F) {
	good, _ := sampleRequest(f).Marshal()
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			return
		}
		again, err := r.Marshal()
		if err != nil {
			t.Fatalf("accepted and not encoded: %v\n%s", err, b)
		}
		if back, err := ParseRequest(again); err != nil || len(back.Documents) != len(r.Documents) {
			t.Fatalf("encoded and not accepted: %v\n%s", err, again)
		}
	})
}

func FuzzEnrolment(f *testing.F) {
	r := sampleRequest(f)
	good, _ := (&Enrolment{Kind: "enrol", Enrolment: NewID(), Nonce: NewNonce(), NotAfter: r.NotAfter, HPKEKey: r.HPKEKey, RPID: r.RPID,
		Account: newUUID(), Passkey: random(32), Ticket: random(32)}).Marshal()
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ParseEnrolment(b); err == nil {
			if _, err := e.Marshal(); err != nil {
				t.Fatalf("accepted and not encoded: %v\n%s", err, b)
			}
		}
	})
}

func FuzzTicketOrderStatement(f *testing.F) {
	ticket, _ := sampleTicket(f).Marshal()
	order, _ := sampleOrder().Marshal()
	statement, _ := Encode(sampleStatement(f))
	answer, _ := Encode(SignedAnswer{Answer: []byte(`{"request":"1"}`), Signature: random(64), Key: "immd-1"})
	for _, b := range [][]byte{ticket, order, statement, answer} {
		f.Add(b)
	}
	key := newKey(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := ParseTicket(b); err == nil {
			if _, err := v.Marshal(); err != nil {
				t.Fatalf("accepted and not encoded: %v\n%s", err, b)
			}
		}
		if v, err := ParseOrder(b); err == nil {
			if _, err := v.Marshal(); err != nil {
				t.Fatalf("accepted and not encoded: %v\n%s", err, b)
			}
		}
		if _, err := ParseStatement(b); err == nil {
			if err := (&SignedOffer{b, random(64)}).Verify(&key.PublicKey); err == nil {
				t.Fatal("a signature of nobody")
			}
		}
		_, _ = ParseSignedAnswer(b)
		sig, err := SignRaw(key, AnswerMessage(b))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := (&SignedAnswer{Answer: b, Signature: sig}).Verify(&key.PublicKey); err == nil && (a.At.IsZero() || len(a.Subject) != 32) {
			t.Fatalf("an answer without its parts: %s", b)
		}
	})
}

func FuzzClientData(f *testing.F) {
	challenge := Digest(random(32))
	f.Add([]byte(usual(challenge).clientData))
	f.Add([]byte(`{"type":"webauthn.get","challenge":"x","origin":"https://approve.example.hk","crossOrigin":false,"x":{"y":[1,2]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkClientData(b, "webauthn.get", challenge[:], testOrigin) == nil && !bytes.Contains(b, []byte("webauthn")) && !bytes.Contains(b, []byte(`\u`)) {
			t.Fatalf("accepted: %s", b)
		}
	})
}

func FuzzAuthenticatorData(f *testing.F) {
	key := newKey(f)
	a := usual(Digest{}).sign(f, key)
	f.Add([]byte(a.AuthenticatorData))
	c := creation(f, key, Digest{}, "none", func([]byte) []byte { return []byte{0xa0} })
	f.Add([]byte(c.AttestationObject))
	f.Add(cose(f, key))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseAuthenticatorData(b); err == nil && d.Attested != nil && len(d.Attested.COSE) != coseSize {
			t.Fatalf("%x", b)
		}
		if c, err := ParseAttestationObject(b); err == nil && c.Attested == nil {
			t.Fatalf("%x", b)
		}
		if k, err := ParseCOSE(b); err == nil {
			if again, err := MarshalCOSE(k); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("%x is encoded as %x, %v", b, again, err)
			}
		}
	})
}

func FuzzBindingAndRecord(f *testing.F) {
	binding, _ := sampleBinding(f).Marshal()
	record, _ := sampleRecord().Marshal()
	f.Add(binding)
	f.Add(record)
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := ParseBinding(b); err == nil {
			if again, err := v.Marshal(); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("binding %x is encoded as %x, %v", b, again, err)
			}
		}
		if v, err := ParseRecord(b); err == nil {
			if again, err := v.Marshal(); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("record %x is encoded as %x, %v", b, again, err)
			}
		}
	})
}
