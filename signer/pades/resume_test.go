package pades

import (
	"bytes"
	"context"
	"crypto"
	"crypto/elliptic"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chop/signer/signertest"
)

// prepared prepares a file in memory, and forgets the document.
func (w *world) prepared(t testing.TB, in []byte, s *signer, level Level, change func(*Request)) (file, state []byte, doc *Document) {
	t.Helper()
	out := NewBuffer(nil)
	req := w.request(in, out, s, level)
	req.TokenSize = 4096
	if change != nil {
		change(&req)
	}
	doc, err := Prepare(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	state, err = doc.State()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(out.Bytes()), state, doc
}

func (w *world) resumeRequest(file, state []byte, s *signer) ResumeRequest {
	return ResumeRequest{State: state, Out: NewBuffer(slices.Clone(file)), Identity: s.Identity, Timestamper: w, Evidence: w}
}

// A document outlives its process at every level, and strangers accept what comes out.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Chan Tai Man 陳大文")
	for _, level := range []Level{LevelB, LevelT, LevelLT, LevelLTA} {
		for name, in := range shapes(t) {
			t.Run(fmt.Sprintf("%s/%s", name, level), func(t *testing.T) {
				file, state, doc := w.prepared(t, in, s, level, nil)
				if len(state) > 2048 {
					t.Errorf("the description has %d bytes", len(state))
				}
				r := w.resumeRequest(file, state, s)
				again, err := Resume(context.Background(), r)
				if err != nil {
					t.Fatal(err)
				}
				_, want := doc.DTBSR()
				h, dtbsr := again.DTBSR()
				if h != crypto.SHA256 || !bytes.Equal(dtbsr, want) || !bytes.Equal(again.SignedAttributes(), doc.SignedAttributes()) ||
					again.ByteRange() != doc.ByteRange() || again.Field() != doc.Field() {
					t.Error("the resumed document is another one")
				}
				sig, err := s.sign(dtbsr)
				if err != nil {
					t.Fatal(err)
				}
				if err := again.Finish(context.Background(), sig); err != nil {
					t.Fatal(err)
				}
				if _, at := again.Timestamp(); at.IsZero() != (level == LevelB) {
					t.Errorf("timestamp at %v", at)
				}
				if _, err := again.State(); !errors.Is(err, ErrFinished) {
					t.Errorf("a finished document describes itself: %v", err)
				}
				w.accept(t, r.Out.(*Buffer).Bytes(), 1)
			})
		}
	}
}

// The ByteRange is what a page that shows the document needs: all but <00…0>.
func TestByteRangeOfPreparedDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.ecSigner("Chan")
	file, _, doc := w.prepared(t, plainFile("", ""), s, LevelT, nil)
	br := doc.ByteRange()
	if br[0] != 0 || br[2]+br[3] != int64(len(file)) {
		t.Fatalf("ByteRange %v of %d bytes", br, len(file))
	}
	gap := string(file[br[1]:br[2]])
	if gap != "<"+strings.Repeat("0", len(gap)-2)+">" {
		t.Errorf("the gap holds %.20s…", gap)
	}
	covered := append(slices.Clone(file[:br[1]]), file[br[2]:]...)
	if !bytes.Equal(digestOf(crypto.SHA256, covered), doc.Digest()) {
		t.Error("the digest is over other bytes")
	}
}

// Whatever is changed between the two processes is found before the signature enters.
func TestResumeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, other := w.ecSigner("Chan"), w.ecSigner("Wong")
	in := plainFile("", "")
	file, state, doc := w.prepared(t, in, s, LevelLT, nil)
	file2, state2, _ := w.prepared(t, bigFile(4096), s, LevelLT, nil)
	br := doc.ByteRange()
	at := func(i int64, c byte) []byte { b := slices.Clone(file); b[i] = c; return b }
	edit := func(old, new string) []byte {
		if !bytes.Contains(state, []byte(old)) {
			t.Fatalf("no %q in %s", old, state)
		}
		return bytes.Replace(slices.Clone(state), []byte(old), []byte(new), 1)
	}
	wrongHash := w.signer("Chan", signertest.ECKey(t, elliptic.P256()), "", crypto.SHA384)
	for name, c := range map[string]struct {
		file, state []byte
		who         *signer
	}{
		"page changed":           {at(int64(bytes.Index(file, []byte("The text"))), 't'), state, s},
		"gap filled":             {at(br[1]+5, '1'), state, s},
		"gap opened":             {at(br[1], '('), state, s},
		"shorter":                {file[:len(file)-1], state, s},
		"longer":                 {append(slices.Clone(file), '\n'), state, s},
		"another file":           {file2, state, s},
		"another description":    {file, state2, s},
		"another certificate":    {file, state, other},
		"another hash":           {file, state, wrongHash},
		"another level's word":   {file, edit(`"B-LT"`, `"B-X"`), s},
		"another field":          {file, edit(`"Signature1"`, `"Signature9"`), s},
		"another version":        {file, edit(`"version":1`, `"version":2`), s},
		"an unknown key":         {file, edit(`{`, `{"extra":1,`), s},
		"a doubled key":          {file, edit(`"version":1,`, `"version":1,"version":1,`), s},
		"white space":            {file, edit(`{`, `{ `), s},
		"trailing bytes":         {file, append(slices.Clone(state), '\n'), s},
		"a ByteRange elsewhere":  {file, edit(fmt.Sprintf(",%d,", br[1]), fmt.Sprintf(",%d,", br[1]+2)), s},
		"a ByteRange with start": {file, edit("[0,", "[1,"), s},
		"no description":         {file, nil, s},
	} {
		r := w.resumeRequest(c.file, c.state, c.who)
		if _, err := Resume(context.Background(), r); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v, want ErrState", name, err)
		}
	}
	r := w.resumeRequest(file, state, s)
	r.Timestamper = nil
	if _, err := Resume(context.Background(), r); !errors.Is(err, ErrRequest) {
		t.Errorf("without timestamper: %v, want ErrRequest", err)
	}
	r = w.resumeRequest(file, state, s)
	again, err := Resume(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	_, dtbsr := again.DTBSR()
	foreign, err := other.sign(dtbsr)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Finish(context.Background(), foreign); !errors.Is(err, ErrSignature) {
		t.Errorf("another's signature: %v, want ErrSignature", err)
	}
}

// Two descriptions of one file must not lead to two gaps.
func FuzzResume(f *testing.F) {
	w := newWorld(f)
	s := w.ecSigner("Fuzz")
	for _, level := range []Level{LevelB, LevelLTA} {
		file, state, _ := w.prepared(f, plainFile("", ""), s, level, nil)
		f.Add(file, state)
	}
	f.Fuzz(func(t *testing.T, file, state []byte) {
		r := w.resumeRequest(file, state, s)
		doc, err := Resume(context.Background(), r)
		if err != nil {
			return
		}
		again, err := doc.State()
		if err != nil || !bytes.Equal(again, state) {
			t.Fatalf("state %s became %s, %v", state, again, err)
		}
		br := doc.ByteRange()
		covered := append(slices.Clone(file[:br[1]]), file[br[2]:]...)
		if !bytes.Equal(digestOf(crypto.SHA256, covered), doc.Digest()) {
			t.Fatal("the digest is over other bytes")
		}
	})
}
