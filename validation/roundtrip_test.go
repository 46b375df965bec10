package validation_test

import (
	"bytes"
	"crypto"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chop/internal/jws"
	signasic "chop/signer/asic"
	"chop/signer/cades"
	"chop/signer/jades"
	"chop/signer/pades"
	"chop/signer/xades"
	"chop/validation"
)

// A trip is a document in one form by one key at one level, signed by us.
type trip struct {
	name, format string
	doc          []byte
	file         []validation.File // that the signature is beside
	says         string            // what the report says is signed; "": the format's report does not
	rows         int
	// moved compares the document with one of which a byte was changed: what of it is another now, in the words
	// in which the report says what is outside of what is signed. None: what is signed is not the same.
	moved func(t *testing.T, was, now []byte, at int) []string
}

// Every format, packaging, level and kind of key: what we sign passes, at that level, and says what it signs. With one
// byte changed it never passes, unless the byte is outside of what is signed; then the report says that such are. The
// strangers' judgement of the same forms is in the tests of package signer's formats, and in test/strangers.
func TestRoundTrip(t *testing.T) {
	for format, trips := range map[string]func(*world, *signerKey, pades.Level) []trip{
		"PAdES": (*world).tripsPDF, "XAdES": (*world).tripsXML, "CAdES": (*world).tripsCMS, "ASiC": (*world).tripsASiC, "JAdES": (*world).tripsJSON,
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			keys := w.keys()
			tally := map[string]int{}
			for _, name := range slices.Sorted(maps.Keys(keys)) {
				for _, level := range allLevels {
					for _, trip := range trips(w, keys[name], level) {
						trip.name = fmt.Sprintf("%s %s %s", name, trip.name, level)
						w.travel(t, trip, keys[name], level, tally)
					}
				}
			}
			t.Logf("%v", tally)
		})
	}
}

// byteChanges is how many single bytes of each document are changed, one at a time; CHOP_CHANGES sets it for a long run.
func byteChanges(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CHOP_CHANGES")
	if text == "" {
		return 20
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CHOP_CHANGES=%q; hint: a number, for example 200", text)
	}
	return n
}

func (w *world) travel(t *testing.T, x trip, by *signerKey, level pades.Level, tally map[string]int) {
	t.Helper()
	o := w.given(&by.person, level)
	o.Detached = x.file
	r, err := w.tryValidate(t, x.doc, o)
	if err != nil {
		t.Fatalf("%s: %v", x.name, err)
	}
	s := r.Signatures[0]
	if !r.Passed() || len(r.Signatures) != x.rows || s.Level != string(level) || s.Format != x.format || !slices.Contains(s.Signed, x.says) && x.says != "" {
		t.Errorf("%s: want %s, %d rows, signed %q: %s", x.name, x.format, x.rows, x.says, told(r))
	}
	random, seed := drawn(t)
	for range byteChanges(t) {
		altered := bytes.Clone(x.doc)
		at := random.IntN(len(altered))
		altered[at] ^= byte(1 + random.IntN(255))
		r, err := w.tryValidate(t, altered, o)
		if err != nil || !r.Passed() {
			tally["refused"]++
			continue
		}
		parts := x.moved(t, x.doc, altered, at)
		if len(parts) == 0 {
			t.Errorf("%s, seed %d: byte %d is signed and became %q, and it passes\n%s", x.name, seed, at, altered[at], told(r))
		}
		for _, part := range parts {
			tally["passed, "+strings.TrimRight(part, "0123456789 to")]++
			if !tellsOutside(r, part) {
				t.Errorf("%s, seed %d: byte %d became %q, and it passes; the report does not say that %q is outside of what is signed\n%s", x.name, seed, at, altered[at], part, told(r))
			}
		}
	}
}

// tellsOutside reports whether a row says that a part is outside of what it signs.
func tellsOutside(r *validation.Report, part string) bool {
	return slices.ContainsFunc(r.Signatures, func(s validation.Signature) bool {
		return slices.ContainsFunc(s.Checks, func(c validation.Check) bool {
			list, ok := strings.CutPrefix(c.Detail, "outside of what is signed: ")
			return ok && strings.Contains(list, part)
		})
	})
}

func (w *world) tripsPDF(by *signerKey, level pades.Level) []trip {
	rows := 1
	if level == pades.LevelLTA {
		rows = 2 // and the document time-stamp
	}
	return []trip{{name: "PDF", format: validation.FormatCAdES, doc: w.signPDF(&by.person, w.identity(&by.person, by.scheme, by.hash), level), rows: rows, moved: movedPDF}}
}

func (w *world) tripsXML(by *signerKey, level pades.Level) (list []trip) {
	for p, says := range map[xades.Packaging]string{
		xades.Enveloped: "the whole document but for signatures", xades.Enveloping: "/ds:Signature/ds:Object[1]", xades.Detached: "file order.xml",
	} {
		x := trip{name: string(p), format: validation.FormatXAdES, says: says, rows: 1, moved: movedXML}
		x.doc = w.signXML(&by.person, xades.Request{Level: level, Packaging: p, Name: "order.xml", Identity: w.identity(&by.person, by.scheme, by.hash)})
		if p == xades.Detached {
			x.file = []validation.File{{Name: "order.xml", Content: []byte(order)}}
		}
		list = append(list, x)
	}
	return list
}

func (w *world) tripsCMS(by *signerKey, level pades.Level) (list []trip) {
	for _, apart := range []bool{false, true} {
		x := trip{name: "attached", format: validation.FormatCAdESFile, says: fmt.Sprintf("the content of the message, %d bytes", len(note)), rows: 1, moved: movedCMS}
		x.doc = w.signCMS(&by.person, cades.Request{Level: level, Detached: apart, Identity: w.identity(&by.person, by.scheme, by.hash)})
		if apart {
			x.name, x.says, x.file = "detached", "file note.txt", detached(note)
		}
		list = append(list, x)
	}
	return list
}

func (w *world) tripsASiC(by *signerKey, level pades.Level) (list []trip) {
	for _, f := range asicForms {
		x := trip{name: fmt.Sprintf("%s %s", f.kind, f.form), format: validation.FormatXAdES, says: "file 欠條 note.txt", rows: 1, moved: movedASiC}
		if f.form == signasic.CAdES {
			x.format = validation.FormatCAdESFile
			if f.kind == signasic.Extended && level == pades.LevelLTA {
				x.rows = 2 // and the container's own time-stamp
			}
		}
		x.doc = w.signASiC(&by.person, signasic.Request{Kind: f.kind, Form: f.form, Level: level, Identity: w.identity(&by.person, by.scheme, by.hash)})
		list = append(list, x)
	}
	return list
}

func (w *world) tripsJSON(by *signerKey, level pades.Level) (list []trip) {
	id := w.identity(&by.person, by.scheme, jades.Hash(by.key.Public(), crypto.SHA256))
	for _, form := range []jws.Serialization{jades.Compact, jades.Flattened, jades.General} {
		for _, apart := range []bool{false, true} {
			if form == jades.Compact && level != pades.LevelB {
				continue
			}
			x := trip{name: fmt.Sprintf("%s, detached %v", form, apart), format: validation.FormatJAdES, says: fmt.Sprintf("the payload, %d bytes, json", len(receipt)), rows: 1, moved: movedJSON}
			x.doc = w.signJSON(&by.person, jades.Request{Level: level, Serialization: form, Detached: apart, Identity: id})
			if apart {
				x.says, x.file = "file receipt.json", []validation.File{{Name: "receipt.json", Content: []byte(receipt)}}
			}
			list = append(list, x)
		}
	}
	return list
}
