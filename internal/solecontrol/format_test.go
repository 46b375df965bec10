package solecontrol

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestBindingAndRecord(t *testing.T) {
	b := sampleBinding(t)
	encoded, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseBinding(encoded)
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Fatalf("binding %+v, %v; want %+v", got, err, b)
	}
	r := sampleRecord()
	record, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseRecord(record)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Fatalf("record %+v, %v; want %+v", back, err, r)
	}
	if bytes.Equal(RecordInput(record), record) || !bytes.HasPrefix(RecordInput(record), []byte("chop/record/v1\x00")) {
		t.Errorf("input %q", RecordInput(record))
	}
	for name, data := range map[string][]byte{"binding": encoded, "record": record} {
		parse := func(b []byte) error {
			if name == "binding" {
				_, err := ParseBinding(b)
				return err
			}
			_, err := ParseRecord(b)
			return err
		}
		for n := range data {
			if parse(data[:n]) == nil {
				t.Errorf("%s cut to %d bytes was accepted", name, n)
			}
		}
		if parse(append(bytes.Clone(data), 0)) == nil {
			t.Errorf("%s with a byte behind was accepted", name)
		}
		if other := bytes.Clone(data); other[0] == 1 {
			other[0] = 2
			if parse(other) == nil {
				t.Errorf("%s of version 2 was accepted", name)
			}
		}
	}
	for name, change := range map[string]func(*Record){
		"active without a certificate": func(r *Record) { r.Certificate = nil },
		"made with a certificate":      func(r *Record) { r.State = Made },
		"unknown state":                func(r *Record) { r.State = "good" },
		"version 0":                    func(r *Record) { r.Version = 0 },
		"no KEK":                       func(r *Record) { r.KEK = nil },
		"short digest":                 func(r *Record) { r.Certificate = r.Certificate[:31] },
	} {
		bad := *sampleRecord()
		change(&bad)
		if _, err := bad.Marshal(); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}

// The seal opens for its secret, its binding, its KEK and its mechanism, and two
// seals of one key differ.
func TestSeal(t *testing.T) {
	b := sampleBinding(t)
	binding, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s, kek, wrapped := random(32), random(16), []byte("a wrapped key")
	sealed, err := Seal(s, binding, kek, 0x210a, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenSeal(s, binding, kek, 0x210a, sealed); err != nil || !bytes.Equal(got, wrapped) {
		t.Fatalf("opened %q, %v", got, err)
	}
	if again, err := Seal(s, binding, kek, 0x210a, wrapped); err != nil || bytes.Equal(again, sealed) {
		t.Errorf("two seals are the same: %v", err)
	}
	other := *b
	other.BackupEligible = false
	otherBinding, err := other.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another secret":    func() ([]byte, error) { return OpenSeal(random(32), binding, kek, 0x210a, sealed) },
		"a short secret":    func() ([]byte, error) { return OpenSeal(s[:31], binding, kek, 0x210a, sealed) },
		"another binding":   func() ([]byte, error) { return OpenSeal(s, otherBinding, kek, 0x210a, sealed) },
		"another KEK":       func() ([]byte, error) { return OpenSeal(s, binding, random(16), 0x210a, sealed) },
		"another mechanism": func() ([]byte, error) { return OpenSeal(s, binding, kek, 0x2109, sealed) },
		"changed":           func() ([]byte, error) { return OpenSeal(s, binding, kek, 0x210a, flipped) },
		"cut short":         func() ([]byte, error) { return OpenSeal(s, binding, kek, 0x210a, sealed[:20]) },
	} {
		if _, err := open(); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: %v, want ErrSeal", name, err)
		}
	}
}

// Whatever two readers could see differently is refused.
func TestDecodeIsStrict(t *testing.T) {
	good, err := sampleRequest(t).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseRequest(good); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(good), `\u00`) {
		t.Errorf("HTML was escaped: %s", good)
	}
	text := string(good)
	r := func(old, new string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("%q is not in %s", old, text)
		}
		return strings.Replace(text, old, new, 1)
	}
	// Bytes at random may have a "-7" of their own.
	notV7 := regexp.MustCompile(`("credential":"[0-9a-f]{8}-[0-9a-f]{4})-7`).ReplaceAllString(text, "$1-4")
	if notV7 == text {
		t.Fatalf("the credential is no UUIDv7: %s", text)
	}
	for name, bad := range map[string]string{
		"unknown key":           r(`{"kind"`, `{"x":1,"kind"`),
		"key twice":             r(`{"kind":"sign"`, `{"kind":"sign","kind":"sign"`),
		"key twice, escaped":    r(`{"kind":"sign"`, `{"kind":"sign","\u006bind":"sign"`),
		"key in another case":   r(`"tx"`, `"Tx"`),
		"inner key twice":       r(`"id":"hkp"`, `"id":"hkp","id":"hkp"`),
		"key missing":           r(`"kind":"sign",`, ``),
		"null":                  r(`"kind":"sign"`, `"kind":null`),
		"number for a text":     r(`"kind":"sign"`, `"kind":1`),
		"object for a text":     r(`"kind":"sign"`, `"kind":{}`),
		"array for a text":      r(`"kind":"sign"`, `"kind":[]`),
		"object for bytes":      r(`"nonce":"`, `"nonce":{},"x":"`),
		"another kind":          r(`"kind":"sign"`, `"kind":"enrol"`),
		"something behind":      text + `{}`,
		"white space behind":    text + "\n\n x",
		"cut short":             text[:len(text)-1],
		"not NFC":               r(`郵政`, "e\u0301"),
		"not NFC, escaped":      r(`郵政`, `e\u0301`),
		"direction of writing":  r(`郵政`, `\u202e`),
		"zero width":            r(`郵政`, `\u200b`),
		"control":               r(`郵政`, `\u0007`),
		"lone surrogate":        r(`郵政`, `\ud800`),
		"not UTF-8":             r(`郵政`, "\xff"),
		"padding":               r(`"certificate":"`, `"certificate":"=`),
		"offset":                r(`Z"`, `+00:00"`),
		"fraction":              r(`Z"`, `.5Z"`),
		"another type":          r(`application/pdf`, `text/html`),
		"another hash":          r(`"sha256"`+`,"dtbsr"`, `"sha1","dtbsr"`),
		"no documents":          text[:strings.Index(text, `"documents":[`)] + `"documents":[]}`,
		"21 documents":          many(text, 21),
		"no OID":                r(`1.3.6.1.4.1.99999.1`, `policy`),
		"an OID in another way": r(`1.3.6.1.4.1.99999.1`, `1.03.6`),
		"not v7":                notV7,
	} {
		if _, err := ParseRequest([]byte(bad)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat\n%s", name, err, bad)
		}
	}
	if _, err := ParseRequest([]byte(many(text, 20))); err != nil {
		t.Errorf("20 documents: %v", err)
	}
	if _, err := ParseRequest([]byte(" " + text + "\n")); err != nil {
		t.Errorf("white space around, which changes the challenge and not the meaning: %v", err)
	}
}

// many repeats the document.
func many(text string, n int) string {
	i := strings.Index(text, `"documents":[`) + len(`"documents":[`)
	one := text[i : len(text)-2]
	return text[:i] + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]}"
}

func TestBytesAndTime(t *testing.T) {
	for _, bad := range []string{"A", "AB", "AA==", "AA\n", "A-_", "+/", "AAB"} {
		if _, err := ParseBytes(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	for text, want := range map[string]string{"": "", "AA": "\x00", "-_8": "\xfb\xff"} {
		if got, err := ParseBytes(text); err != nil || string(got) != want {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
	at := At(time.Date(2026, 3, 2, 12, 0, 0, 999, time.FixedZone("HKT", 8*3600)))
	if b, err := at.MarshalText(); err != nil || string(b) != "2026-03-02T04:00:00Z" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestTicketOrderStatement(t *testing.T) {
	ticket, order := sampleTicket(t), sampleOrder()
	tb, err := ticket.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseTicket(tb); err != nil || !reflect.DeepEqual(got, ticket) {
		t.Errorf("%+v, %v", got, err)
	}
	ob, err := order.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseOrder(ob); err != nil || !reflect.DeepEqual(got, order) {
		t.Errorf("%+v, %v", got, err)
	}
	order.Second = order.First
	if _, err := order.Marshal(); !errors.Is(err, ErrFormat) {
		t.Errorf("one officer twice: %v", err)
	}
	order.Second = "kiosk:1"
	if _, err := order.Marshal(); !errors.Is(err, ErrFormat) {
		t.Errorf("a kiosk's order: %v", err)
	}
	// One message is never another one: the same bytes have five challenges.
	seen := make(map[Digest]string)
	for name, d := range map[string]Digest{
		"approval": ApprovalChallenge(tb), "create": CreateChallenge(tb), "enrol": EnrolChallenge(tb), "ticket": TicketChallenge(tb), "order": OrderChallenge(tb),
	} {
		if other, twice := seen[d]; twice {
			t.Errorf("%s and %s have one challenge", name, other)
		}
		seen[d] = name
	}

	key := newKey(t)
	s, err := SignStatement(key, sampleStatement(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(&key.PublicKey); err != nil {
		t.Error(err)
	}
	if _, err := s.Verify(&newKey(t).PublicKey); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: %v", err)
	}
	// A statement is not an offer, whoever signed it.
	if err := (&SignedOffer{s.Statement, s.Signature}).Verify(&key.PublicKey); !errors.Is(err, ErrSignature) {
		t.Errorf("a statement as an offer: %v", err)
	}
	s.Statement = bytes.Replace(s.Statement, []byte(`"deviceKey":false`), []byte(`"deviceKey":true`), 1)
	if _, err := s.Verify(&key.PublicKey); !errors.Is(err, ErrSignature) {
		t.Errorf("changed: %v", err)
	}
}

func TestSubjectDigest(t *testing.T) {
	s := Subject{"HK", "CHAN TAI MAN <&>", "CHAN", "TAI MAN", "SRN0000000001"}
	d, err := s.Digest()
	if err != nil {
		t.Fatal(err)
	}
	want := labelled("chop/subject/v1\x00", []byte(`{"country":"HK","commonName":"CHAN TAI MAN <&>","surname":"CHAN","givenName":"TAI MAN","serialNumber":"SRN0000000001"}`))
	if d != want {
		t.Errorf("digest %x, want %x", d, want)
	}
}
