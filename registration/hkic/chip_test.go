package hkic_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
)

func newIssuer(t testing.TB) *issuer.Issuer {
	t.Helper()
	i, err := issuer.New(noon)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func chip(t testing.TB, i *issuer.Issuer, kind issuer.Kind) *issuer.Card {
	t.Helper()
	c, err := i.Make(kind, issuer.Person{Card: card(t), Before: hkic.Date{Year: 2012, Month: 6, Day: 1}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newChallenge() []byte {
	b := make([]byte, hkic.ChallengeSize)
	rand.Read(b)
	return b
}

// counted counts commands.
type counted struct {
	hkic.Chip
	n int
}

func (c *counted) Transmit(command []byte) ([]byte, error) {
	c.n++
	return c.Chip.Transmit(command)
}

// Each kind of card is believed, or refused for its own reason.
func TestKinds(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for kind, want := range map[issuer.Kind]error{
		issuer.Genuine: nil, issuer.Replaced: nil, issuer.Cloned: hkic.ErrCloned, issuer.Tampered: hkic.ErrTampered,
		issuer.Expired: hkic.ErrExpired, issuer.Foreign: hkic.ErrForeign, issuer.Other: hkic.ErrForeign,
	} {
		got, err := hkic.Read(t.Context(), chip(t, i, kind), i.Trust(), noon)
		if !errors.Is(err, want) || (err == nil) != (got != nil) {
			t.Errorf("%s: %v, want %v", kind, err, want)
		}
		if want != nil && hkic.Reason(err) == "" {
			t.Errorf("%s: no word for %v", kind, err)
		}
		expected := card(t)
		if kind == issuer.Replaced {
			expected.Issued = hkic.Date{Year: 2012, Month: 6, Day: 1}
		}
		if err == nil && got.Card() != expected {
			t.Errorf("%s: got %+v, want %+v", kind, got.Card(), expected)
		}
	}
	if len(issuer.Kinds) != 7 {
		t.Errorf("%d kinds, and the table has 7", len(issuer.Kinds))
	}
}

// What the Immigration Department's made-up people have on their cards, chips say too.
func TestPeople(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for n, p := range immd.People(noon) {
		c, err := i.Make(issuer.Genuine, issuer.Person{Card: p.Card}, noon)
		if err != nil {
			t.Fatalf("person %d, %s: %v", n, p.Note, err)
		}
		got, err := hkic.Read(t.Context(), c, i.Trust(), noon)
		if err != nil {
			t.Errorf("person %d, %s: %v", n, p.Note, err)
		} else if got.Card() != p.Card {
			t.Errorf("person %d, %s: got %+v, want %+v", n, p.Note, got.Card(), p.Card)
		}
	}
}

// Pulled out at each command in turn, a card gives ErrRemoved and nothing else; put back, it is read.
func TestPulledOut(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := &counted{Chip: chip(t, i, issuer.Genuine)}
	if _, err := hkic.Read(t.Context(), c, i.Trust(), noon); err != nil {
		t.Fatal(err)
	}
	if c.n < 7 {
		t.Fatalf("a card was read by %d commands", c.n)
	}
	for n := 1; n <= c.n+1; n++ {
		same := chip(t, i, issuer.Genuine)
		e, err := hkic.Collect(t.Context(), issuer.PulledOut(same, n), newChallenge())
		if n <= c.n {
			if !errors.Is(err, hkic.ErrRemoved) || e != nil || hkic.Reason(err) != "removed" {
				t.Errorf("out at command %d of %d: %v, %v; want ErrRemoved and nothing", n, c.n, e, err)
			}
		} else if err != nil {
			t.Errorf("out after the last command: %v", err)
		}
		same.Reset()
		if _, err := hkic.Read(t.Context(), same, i.Trust(), noon); err != nil {
			t.Errorf("put back after command %d: %v", n, err)
		}
	}
}

// A recorded answer is worth nothing under another challenge, and one card's answer nothing for another's files.
func TestEvidenceOfOthers(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	challenge := newChallenge()
	collect := func(kind issuer.Kind) *hkic.Evidence {
		e, err := hkic.Collect(t.Context(), chip(t, i, kind), challenge)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	mine, theirs := collect(issuer.Genuine), collect(issuer.Genuine)
	if _, err := mine.Verify(challenge, i.Trust(), noon); err != nil {
		t.Fatal(err)
	}
	bend := func(change func(e *hkic.Evidence)) *hkic.Evidence {
		e := *mine
		e.Security, e.Response = bytes.Clone(mine.Security), bytes.Clone(mine.Response)
		change(&e)
		return &e
	}
	for name, c := range map[string]struct {
		e         *hkic.Evidence
		challenge []byte
		at        time.Time
		want      error
	}{
		"another challenge":             {mine, newChallenge(), noon, hkic.ErrCloned},
		"another card's answer":         {bend(func(e *hkic.Evidence) { e.Response = theirs.Response }), challenge, noon, hkic.ErrCloned},
		"no answer":                     {bend(func(e *hkic.Evidence) { e.Response = nil }), challenge, noon, hkic.ErrCloned},
		"zeros as an answer":            {bend(func(e *hkic.Evidence) { e.Response = make([]byte, 64) }), challenge, noon, hkic.ErrCloned},
		"another card's key":            {bend(func(e *hkic.Evidence) { e.Groups[2] = theirs.Groups[2] }), challenge, noon, hkic.ErrTampered},
		"another card's issue":          {bend(func(e *hkic.Evidence) { e.Groups[1] = theirs.Groups[1] }), challenge, noon, hkic.ErrTampered},
		"another card's security":       {bend(func(e *hkic.Evidence) { e.Security = theirs.Security }), challenge, noon, hkic.ErrTampered},
		"no security object":            {bend(func(e *hkic.Evidence) { e.Security = nil }), challenge, noon, hkic.ErrUnreadable},
		"something behind it":           {bend(func(e *hkic.Evidence) { e.Security = append(e.Security, 0) }), challenge, noon, hkic.ErrUnreadable},
		"no groups":                     {bend(func(e *hkic.Evidence) { e.Groups = hkic.Groups{} }), challenge, noon, hkic.ErrTampered},
		"a group without end":           {bend(func(e *hkic.Evidence) { e.Groups[0] = make([]byte, 1<<20) }), challenge, noon, hkic.ErrUnreadable},
		"a bit of the signature":        {bend(func(e *hkic.Evidence) { e.Security[len(e.Security)-1] ^= 1 }), challenge, noon, hkic.ErrTampered},
		"when its signer is long over":  {mine, challenge, noon.AddDate(15, 0, 0), hkic.ErrExpired},
		"before its signer was there":   {mine, challenge, noon.AddDate(-2, 0, 0), hkic.ErrExpired},
		"a certificate of another kind": {withCA(t, mine), challenge, noon, hkic.ErrUnreadable},
	} {
		if got, err := c.e.Verify(c.challenge, i.Trust(), c.at); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := mine.Verify(challenge, hkic.Trust{}, noon); !errors.Is(err, hkic.ErrForeign) {
		t.Errorf("with nobody trusted: %v, want ErrForeign", err)
	}
	if _, err := mine.Verify(challenge[:8], i.Trust(), noon); err == nil {
		t.Error("a short challenge was accepted")
	}
}

// withCA breaks the embedded certificate, in the middle of the object.
func withCA(t *testing.T, e *hkic.Evidence) *hkic.Evidence {
	t.Helper()
	out := *e
	out.Security = bytes.Clone(e.Security)
	at := bytes.Index(out.Security, []byte("Made-up document signer"))
	if at < 0 {
		t.Fatal("the signer's name is not in the security object")
	}
	out.Security[at-2] = 0x05 // the name's string becomes a NULL
	return &out
}

// A day after the last one, a card that had an end is over.
func TestLastDay(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c, err := i.Personalise(hkic.ChipData{Card: card(t), Expires: hkic.Today(noon)})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]error{noon: nil, noon.Add(11 * time.Hour): nil, noon.Add(12 * time.Hour): hkic.ErrExpired} {
		if _, err := hkic.Read(t.Context(), c, i.Trust(), at); !errors.Is(err, want) {
			t.Errorf("at %v: %v, want %v", at, err, want)
		}
	}
}

// scripted makes a chip of a genuine one and a function that may change the nth answer.
type scripted struct {
	hkic.Chip
	n    int
	bend func(n int, response []byte) ([]byte, error)
}

func (s *scripted) Transmit(command []byte) ([]byte, error) {
	response, err := s.Chip.Transmit(command)
	if err != nil {
		return nil, err
	}
	s.n++
	return s.bend(s.n, response)
}

// A card or reader that breaks the protocol is refused, and never followed without end.
func TestBrokenCards(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	reader := errors.New("the reader is gone")
	for name, c := range map[string]struct {
		bend func(n int, r []byte) ([]byte, error)
		want error
	}{
		"reader fails":           {func(int, []byte) ([]byte, error) { return nil, reader }, hkic.ErrUnreadable},
		"empty responses":        {func(int, []byte) ([]byte, error) { return nil, nil }, hkic.ErrUnreadable},
		"endless response":       {func(_ int, r []byte) ([]byte, error) { return make([]byte, 300), nil }, hkic.ErrUnreadable},
		"always more":            {func(int, []byte) ([]byte, error) { return []byte{0x61, 0x10}, nil }, hkic.ErrUnreadable},
		"always another length":  {func(int, []byte) ([]byte, error) { return []byte{0x6C, 0x10}, nil }, hkic.ErrUnreadable},
		"a file of another kind": {func(n int, r []byte) ([]byte, error) { return change(n == 2, r, 0, 0x70) }, hkic.ErrUnreadable},
		"a file that is shorter": {func(n int, r []byte) ([]byte, error) { return cut(n == 2, r) }, hkic.ErrUnreadable},
		"a file that ends early": {func(n int, r []byte) ([]byte, error) { return cut(n == 6, r) }, hkic.ErrUnreadable},
		"too long a file": {func(n int, r []byte) ([]byte, error) {
			if n == 2 {
				return append([]byte{0x61, 0x82, 0x40, 0}, append(r[4:len(r)-2], 0x90, 0)...), nil
			}
			return r, nil
		}, hkic.ErrUnreadable},
		"no such file": {func(n int, r []byte) ([]byte, error) {
			if n == 3 {
				return []byte{0x6A, 0x82}, nil
			}
			return r, nil
		}, hkic.ErrUnreadable},
		"no key": {func(n int, r []byte) ([]byte, error) {
			if len(r) == 66 {
				return []byte{0x6D, 0x00}, nil
			}
			return r, nil
		}, hkic.ErrCloned},
	} {
		got, err := hkic.Read(t.Context(), &scripted{Chip: chip(t, i, issuer.Genuine), bend: c.bend}, i.Trust(), noon)
		if !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hkic.Read(ctx, chip(t, i, issuer.Genuine), i.Trust(), noon); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func change(when bool, r []byte, at int, to byte) ([]byte, error) {
	if when {
		r[at] = to
	}
	return r, nil
}

func cut(when bool, r []byte) ([]byte, error) {
	if when {
		return append(bytes.Clone(r[:len(r)-3]), 0x90, 0x00), nil
	}
	return r, nil
}

// A card that hands its answers out in parts, or wants exact lengths, is read all the same.
func TestChains(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	got, err := hkic.Read(t.Context(), &parts{Chip: chip(t, i, issuer.Genuine)}, i.Trust(), noon)
	if err != nil || got.Card() != card(t) {
		t.Errorf("in parts: %v", err)
	}
}

// parts gives 100 bytes at a time, and the rest to GET RESPONSE.
type parts struct {
	hkic.Chip
	rest []byte
}

func (p *parts) Transmit(command []byte) ([]byte, error) {
	if command[1] == 0xB0 && command[4] == 0 && command[2]&0x80 != 0 && command[2] != 0x80|29 {
		whole, err := p.Chip.Transmit(command)
		if err != nil || whole[len(whole)-2] != 0x90 {
			return whole, err
		}
		return []byte{0x6C, byte(len(whole) - 2)}, nil
	}
	if command[1] != 0xC0 {
		whole, err := p.Chip.Transmit(command)
		if err != nil {
			return nil, err
		}
		p.rest = whole[:len(whole)-2]
		if len(p.rest) == 0 {
			p.rest = nil
			return whole, nil
		}
	}
	n := min(100, len(p.rest))
	out := bytes.Clone(p.rest[:n])
	if p.rest = p.rest[n:]; len(p.rest) == 0 {
		p.rest = nil
		return append(out, 0x90, 0x00), nil
	}
	return append(out, 0x61, byte(min(100, len(p.rest)))), nil
}

// Errors of a card never quote it.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for _, kind := range issuer.Kinds {
		_, err := hkic.Read(t.Context(), chip(t, i, kind), i.Trust(), noon)
		for _, secret := range []string{"123456", "CHAN", "Tai Man", "陳大文"} {
			if err != nil && bytes.Contains([]byte(fmt.Sprintf("%+v", err)), []byte(secret)) {
				t.Errorf("%s: the error tells %q: %v", kind, secret, err)
			}
		}
	}
}
