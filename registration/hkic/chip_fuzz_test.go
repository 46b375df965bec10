package hkic_test

import (
	"bytes"
	"testing"

	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
)

// replay is a chip that answers from a script: each answer is a length (two bytes) and that many bytes.
type replay struct{ script []byte }

func (r *replay) Transmit([]byte) ([]byte, error) {
	if len(r.script) < 2 {
		return []byte{0x90, 0x00}, nil
	}
	n := min(int(r.script[0])<<8|int(r.script[1]), len(r.script)-2)
	answer := r.script[2 : 2+n]
	r.script = r.script[2+n:]
	return answer, nil
}

// recorder writes such a script of a real card.
type recorder struct {
	hkic.Chip
	script []byte
}

func (r *recorder) Transmit(command []byte) ([]byte, error) {
	answer, err := r.Chip.Transmit(command)
	r.script = append(append(r.script, byte(len(answer)>>8), byte(len(answer))), answer...)
	return answer, err
}

// Whatever a card answers, it is read to its end, within limits, or refused with a reason.
func FuzzAPDU(f *testing.F) {
	i := newIssuer(f)
	challenge := make([]byte, hkic.ChallengeSize)
	for _, kind := range issuer.Kinds {
		r := &recorder{Chip: chip(f, i, kind)}
		_, _ = hkic.Collect(f.Context(), r, challenge) // what it says is the seed, whether refused or not
		f.Add(r.script)
	}
	f.Add([]byte{0, 2, 0x90, 0, 0, 2, 0x61, 0x10, 0, 2, 0x6C, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		e, err := hkic.Collect(t.Context(), &replay{script}, challenge)
		if err != nil {
			if hkic.Reason(err) == "" || e != nil {
				t.Fatalf("%v with %v", err, e)
			}
			return
		}
		for _, file := range append(e.Groups[:], e.Security) {
			if len(file) > 4<<10 {
				t.Fatalf("a file of %d bytes was read", len(file))
			}
		}
		if got, err := e.Verify(challenge, i.Trust(), noon); (err == nil) != (got != nil) || err != nil && hkic.Reason(err) == "" {
			t.Fatalf("%v with %v", err, got)
		}
	})
}

// Data groups that are read are written again byte for byte.
func FuzzTLV(f *testing.F) {
	i := newIssuer(f)
	challenge := make([]byte, hkic.ChallengeSize)
	for _, kind := range []issuer.Kind{issuer.Genuine, issuer.Expired} {
		e, err := hkic.Collect(f.Context(), chip(f, i, kind), challenge)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(e.Groups[0], e.Groups[1], e.Groups[2])
	}
	f.Add([]byte{0x61, 0}, []byte{0x62, 0x81, 0}, []byte{0x63, 0x82, 1, 0})
	f.Fuzz(func(t *testing.T, holder, issue, key []byte) {
		d, err := hkic.ParseGroups(hkic.Groups{holder, issue, key})
		if err != nil {
			if hkic.Reason(err) != "unreadable" {
				t.Fatal(err)
			}
			return
		}
		again, err := d.Groups()
		if err != nil || !bytes.Equal(again[0], holder) || !bytes.Equal(again[1], issue) || !bytes.Equal(again[2], key) {
			t.Fatalf("read %x, written %x (%v)", [][]byte{holder, issue, key}, again, err)
		}
	})
}

// No security object but the issuer's own is believed, whatever it looks like.
func FuzzSecurityObject(f *testing.F) {
	i := newIssuer(f)
	challenge := make([]byte, hkic.ChallengeSize)
	e, err := hkic.Collect(f.Context(), chip(f, i, issuer.Genuine), challenge)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Security)
	stranger, err := hkic.Collect(f.Context(), chip(f, i, issuer.Foreign), challenge)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stranger.Security)
	f.Add([]byte{0x77, 0x02, 0x30, 0x00})
	f.Fuzz(func(t *testing.T, file []byte) {
		bent := *e
		bent.Security = file
		got, err := bent.Verify(challenge, i.Trust(), noon)
		switch {
		case err != nil && (hkic.Reason(err) == "" || got != nil):
			t.Fatalf("%v with %v", err, got)
		case err == nil && got.Card() != card(t):
			t.Fatalf("believed as %v", got.Card().Number)
		}
	})
}
