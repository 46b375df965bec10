package immd_test

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"chop/registration/hkic"
	"chop/registration/immd"
)

// The register is what it says: of every kind, each with a right card, the same for a seed.
func TestRegister(t *testing.T) {
	t.Parallel()
	people := immd.Register(noon, "test", 10000)
	if len(people) != 10000 || !reflect.DeepEqual(people[:10], immd.People(noon)) {
		t.Fatalf("%d people, the first ten are not those of People", len(people))
	}
	if !reflect.DeepEqual(people, immd.Register(noon, "test", 10000)) {
		t.Error("the same seed gives other people")
	}
	if reflect.DeepEqual(people[10:20], immd.Register(noon, "other", 20)[10:]) {
		t.Error("another seed gives the same people")
	}
	count := map[string]int{}
	seen := map[hkic.Number]bool{}
	for _, p := range people {
		c, err := p.Card.Check(noon)
		if err != nil || c != p.Card {
			t.Fatalf("%s: %v, normal form %+v", p.Note, err, c)
		}
		if seen[c.Number] {
			t.Fatalf("%s twice", c.Number)
		}
		seen[c.Number] = true
		for kind, is := range map[string]bool{
			"two letters": len(c.Number.Normal()) == 8, "no Chinese name": c.ChineseName == "",
			"beyond the BMP": strings.ContainsFunc(c.ChineseName, func(r rune) bool { return r > 0xffff }),
			"year only":      c.Birth.Month == 0, "month only": c.Birth.Month != 0 && c.Birth.Day == 0,
			"no gender": c.Gender == "", "ten": c.Birth.AgeAt(noon) == 10, "eleven": c.Birth.AgeAt(noon) == 11,
			"too young": !c.OldEnough(noon), "dead": p.Deceased, "replaced": len(p.Before) > 0, "one name": c.GivenNames == "",
			"six characters": utf8.RuneCountInString(c.ChineseName) == 6, "refer": p.Portrait == immd.Refer, "fail": p.Portrait == immd.Fail,
		} {
			if is {
				count[kind]++
			}
		}
		for _, b := range p.Before {
			if !b.Before(c.Issued) {
				t.Errorf("%s: a card was replaced by an earlier one", p.Note)
			}
		}
	}
	for kind, n := range count {
		if n < 500 {
			t.Errorf("%d are %s, want 500 at least", n, kind)
		}
	}
	if len(count) != 15 {
		t.Errorf("%d kinds, want 15: %v", len(count), count)
	}
	// Every one of them is answered by the server as what they are.
	ref, err := immd.NewReference(immd.ReferenceConfig{Key: newKey(t), KeyID: "immd-1", Now: now, People: people})
	if err != nil || ref == nil {
		t.Fatal(err)
	}
}

// TestPortrait: by the rule in the record, and never anything for data that are not on record.
func TestPortrait(t *testing.T) {
	t.Parallel()
	people := immd.Register(noon, "portrait", 200)
	d := start(t, func(c *immd.ReferenceConfig) { c.People = people })
	client := d.connect(t)
	selfie := immd.Sample{Type: immd.SampleJPEG, Data: bytes.Repeat([]byte{7}, 300<<10)}
	of := func(note string) hkic.Card {
		for _, p := range people {
			if p.Note == note {
				return p.Card
			}
		}
		t.Fatalf("nobody is %q", note)
		return hkic.Card{}
	}
	other := of("adult")
	other.GivenNames = "Somebody Else"
	for name, c := range map[string]struct {
		card hkic.Card
		want immd.Result
	}{
		"pass": {of("adult"), immd.Pass}, "refer": {of("the portrait is referred"), immd.Refer}, "fail": {of("the portrait never matches"), immd.Fail},
		"other data": {other, immd.Fail}, "deceased": {of("deceased"), immd.Fail},
	} {
		a, err := client.MatchPortrait(t.Context(), immd.Query{Card: c.card, Reference: reference}, selfie)
		if err != nil || a.Result != c.want {
			t.Errorf("%s: %+v, %v; want %s", name, a, err, c.want)
			continue
		}
		if bytes.Contains(a.Signed, []byte("BwcHBwcH")) {
			t.Errorf("%s: the answer has the sample", name)
		}
	}
	q := immd.Query{Card: of("adult"), Reference: reference}
	for name, s := range map[string]immd.Sample{
		"empty": {Type: immd.SampleJPEG}, "too long": {Type: immd.SampleJPEG, Data: make([]byte, 512<<10+1)}, "other type": {Type: "video/mp4", Data: []byte{1}},
	} {
		asked := d.asked.Load()
		if a, err := client.MatchPortrait(t.Context(), q, s); err == nil || a != nil || d.asked.Load() != asked {
			t.Errorf("%s: %+v, %v; want a refusal before anybody is asked", name, a, err)
		}
	}
	// The answer to one question is none to the other, though key, subject and time are right.
	var portrait []byte
	d.bend = func(w http.ResponseWriter, raw []byte) { portrait = bytes.Clone(raw); w.Write(raw) }
	if _, err := client.MatchPortrait(t.Context(), q, selfie); err != nil {
		t.Fatal(err)
	}
	d.bend = func(w http.ResponseWriter, _ []byte) { w.Write(portrait) }
	if a, err := client.Verify(t.Context(), q); !errors.Is(err, immd.ErrUntrusted) || a != nil {
		t.Errorf("a portrait's answer to a verification: %+v, %v", a, err)
	}
	d.bend = func(w http.ResponseWriter, raw []byte) {
		w.Write(resign(t, raw, d.key, "immd-1", func(r reply) { r["result"] = "pass" }))
	}
	if a, err := client.Verify(t.Context(), q); !errors.Is(err, immd.ErrUntrusted) || a != nil {
		t.Errorf("the word pass for a verification: %+v, %v", a, err)
	}
}

// TestFaults: whatever the server is told to do wrong, to both questions, there is no answer, and there is one as soon as it is right again.
func TestFaults(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	ref, err := immd.NewReference(immd.ReferenceConfig{Key: key, KeyID: "immd-1", Now: now, Slow: 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(ref.Handler())
	t.Cleanup(server.Close)
	quick := func(timeout time.Duration) *immd.Client {
		client, err := immd.New(immd.Config{
			URL: server.URL, Keys: map[string]*ecdsa.PublicKey{"immd-1": &key.PublicKey}, Tries: 2, Pause: time.Millisecond,
			Broken: 1000, Timeout: timeout, Now: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
	patient, hasty := quick(time.Minute), quick(50*time.Millisecond)
	q := immd.Query{Card: card(t, "adult"), Reference: reference}
	dead := immd.Query{Card: card(t, "deceased"), Reference: reference}
	sample := immd.Sample{Type: immd.SampleDescriptor, Data: []byte{1}}
	tell := func(f immd.Fault) {
		res, err := http.Post(server.URL+"/v1/fault", "application/json", strings.NewReader(`{"fault":"`+string(f)+`"}`))
		if err != nil || res.StatusCode != http.StatusNoContent {
			t.Fatalf("tell %s: %v %v", f, res, err)
		}
		res.Body.Close()
	}
	for _, f := range immd.Faults {
		client := patient
		if f == immd.Slow {
			client = hasty
		}
		if a, err := patient.Verify(t.Context(), q); err != nil || a.Result != immd.Match {
			t.Fatalf("before %s: %+v, %v", f, a, err)
		}
		tell(f)
		for what, ask := range map[string]func() (*immd.Answer, error){
			"verify":      func() (*immd.Answer, error) { return client.Verify(t.Context(), q) },
			"verify dead": func() (*immd.Answer, error) { return client.Verify(t.Context(), dead) },
			"portrait":    func() (*immd.Answer, error) { return client.MatchPortrait(t.Context(), q, sample) },
		} {
			if a, err := ask(); !errors.Is(err, immd.ErrUnavailable) || a != nil {
				t.Errorf("%s, %s: %+v, %v; want ErrUnavailable", f, what, a, err)
			} else if s := err.Error(); strings.Contains(s, "A123456") || strings.Contains(s, "CHAN") {
				t.Errorf("%s, %s: the error has personal data: %s", f, what, s)
			}
		}
		tell(immd.Honest)
		if a, err := patient.Verify(t.Context(), dead); err != nil || a.Result != immd.Deceased {
			t.Errorf("after %s: %+v, %v", f, a, err)
		}
	}
	res, err := http.Post(server.URL+"/v1/fault", "application/json", strings.NewReader(`{"fault":"kind"}`))
	if err != nil || res.StatusCode != http.StatusBadRequest || ref.Fault() != immd.Honest {
		t.Errorf("an unknown fault: %v %v", res, err)
	}
	res.Body.Close()
}

func FuzzPortrait(f *testing.F) {
	key := newKey(f)
	ref, err := immd.NewReference(immd.ReferenceConfig{Key: key, KeyID: "immd-1", Now: now})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"person":{"request":"AAAAAAAAAAAAAAAAAAAAAA","number":"A123456(3)","surname":"CHAN","givenNames":"Tai Man","chineseName":"陳大文","birth":"1985-03-14","gender":"M","issued":"2019-09-16","reference":"SRN0123456789"},"type":"image/jpeg","sample":"AAAA"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if raw, err := ref.Compare(body); err == nil && !bytes.Contains(raw, []byte(`"signature"`)) {
			t.Fatalf("%q", raw)
		}
	})
}
