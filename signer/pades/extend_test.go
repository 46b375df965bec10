package pades

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"chop/internal/pdf"
	"chop/signer/signertest"
)

func (w *world) tryExtend(t testing.TB, in []byte, level Level, change func(*ExtendRequest)) ([]byte, error) {
	t.Helper()
	out := tempOutput(t)
	req := ExtendRequest{In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Level: level, Timestamper: w, Evidence: w}
	if change != nil {
		change(&req)
	}
	if err := Extend(context.Background(), req); err != nil {
		return nil, err
	}
	return contentOf(t, out), nil
}

func (w *world) extend(t testing.TB, in []byte, level Level) []byte {
	t.Helper()
	out, err := w.tryExtend(t, in, level, nil)
	if err != nil {
		t.Fatalf("extend to %s: %v", level, err)
	}
	if !bytes.HasPrefix(out, in) {
		t.Fatal("the original's bytes were changed")
	}
	return out
}

// dss counts what is in a file's DSS, and fails on anything that is there twice.
func dss(t testing.TB, data []byte) (certs, ocsps, crls int, vri pdf.Dict) {
	t.Helper()
	f, v := opened(t, data)
	d, err := v.Dict(catalogOf(t, v)["DSS"])
	if err != nil {
		t.Fatal(err)
	}
	count := func(key pdf.Name) int {
		list, err := v.Array(d[key])
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, o := range list {
			s, err := v.Stream(o)
			if err != nil || s == nil {
				t.Fatalf("/%s holds %v: %v", key, o, err)
			}
			b, err := f.Decode(s)
			if err != nil {
				t.Fatal(err)
			}
			if seen[string(b)] {
				t.Errorf("/%s holds the same bytes twice", key)
			}
			seen[string(b)] = true
		}
		return len(list)
	}
	if vri, err = v.Dict(d["VRI"]); err != nil {
		t.Fatal(err)
	}
	return count("Certs"), count("OCSPs"), count("CRLs"), vri
}

func TestDSSHoldsTheEvidence(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := w.sign(t, plainFile("", ""), w.ecSigner("One"), LevelLT, nil)
	certs, ocsps, crls, vri := dss(t, out)
	// Signer, TSU, issuer and root; an answer for signer and TSU; the ARL (made anew each time here).
	if certs != 4 || ocsps != 2 || crls < 1 {
		t.Errorf("%d certificates, %d OCSP responses, %d CRLs", certs, ocsps, crls)
	}
	if vri[pdf.Name(vriKey(signatures(t, out)[0].contents))] == nil || len(vri) != 1 {
		t.Errorf("VRI %v lacks the signature's key", vri)
	}
	again := w.sign(t, out, w.ecSigner("Two"), LevelLT, nil)
	certs2, ocsps2, _, vri2 := dss(t, again)
	if certs2 != 5 || ocsps2 != 4 || len(vri2) != 2 {
		t.Errorf("after a second signature: %d certificates, %d OCSP responses, %d VRI entries", certs2, ocsps2, len(vri2))
	}
	w.accept(t, again, 2)
}

// Somebody else's DSS, with entries that we do not know, indirect in every part.
func TestForeignDSSSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := byQPDF(t, plainFile("/DSS 6 0 R", "",
		"<< /Certs 7 0 R /VRI 8 0 R /Other (kept) >>",
		"[9 0 R]",
		"<< /AAAABBBBCCCCDDDDEEEEFFFF0000111122223333 << /Cert [9 0 R] /TU (D:20200101000000Z) >> >>",
		"<< /Length 8 >>\nstream\nforeign!\nendstream"))
	out := w.sign(t, in, w.ecSigner("Ours"), LevelLTA, nil)
	w.accept(t, out, 1)
	_, v := opened(t, out)
	d, err := v.Dict(catalogOf(t, v)["DSS"])
	if err != nil || text(t, d["Other"]) != "(kept)" {
		t.Errorf("/Other is %v, %v", d["Other"], err)
	}
	certs, _, _, vri := dss(t, out)
	if certs != 5 || len(vri) != 2 || vri["AAAABBBBCCCCDDDDEEEEFFFF0000111122223333"] == nil {
		t.Errorf("%d certificates, VRI %v", certs, vri)
	}
}

func TestExtendStepByStep(t *testing.T) {
	t.Parallel()
	for _, from := range []Level{LevelB, LevelT, LevelLT, LevelLTA} {
		for _, to := range []Level{LevelT, LevelLT, LevelLTA} {
			w := newWorld(t)
			s := w.ecSigner("Extended")
			in := w.sign(t, plainFile("", ""), s, from, nil)
			w.Timestamps, w.Asked = 0, nil
			out, err := w.tryExtend(t, in, to, nil)
			if to != LevelLTA && from.AtLeast(to) {
				if !errors.Is(err, ErrAtLevel) {
					t.Errorf("%s to %s: %v, want ErrAtLevel", from, to, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s to %s: %v", from, to, err)
				continue
			}
			if !bytes.HasPrefix(out, in) {
				t.Errorf("%s to %s: the original's bytes were changed", from, to)
			}
			w.accept(t, out, 1)
			stamps := 0
			if from == LevelB {
				stamps++
			}
			if to == LevelLTA {
				stamps++
			}
			if w.Timestamps != stamps || s.uses != 1 {
				t.Errorf("%s to %s: %d timestamps, want %d; key used %d times", from, to, w.Timestamps, stamps, s.uses)
			}
			if _, _, _, vri := dss(t, out); to.AtLeast(LevelLT) && len(vri) == 0 {
				t.Errorf("%s to %s: no VRI", from, to)
			}
		}
	}
}

// Renewal: evidence for the last document timestamp and a new one over all, again and
// again; never for what is sealed already.
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := signertest.Epoch
	w.Now = func() time.Time { return now }
	out := w.sign(t, plainFile("", ""), w.ecSigner("Old"), LevelLTA, nil)
	for i := range 3 {
		now = now.AddDate(1, 0, 0)
		w.Timestamps, w.Asked = 0, nil
		before := out
		out = w.extend(t, before, LevelLTA)
		if w.Timestamps != 1 || len(w.Asked) != 1 {
			t.Errorf("renewal %d: %d timestamps and evidence for %d certificates, want one each", i, w.Timestamps, len(w.Asked))
		}
		stamps := 0
		var last signedPart
		for _, p := range signatures(t, out) {
			if p.isTimestamp() {
				stamps++
				if p.end > last.end {
					last = p
				}
			}
		}
		if stamps != i+2 || last.end != int64(len(out)) {
			t.Errorf("renewal %d: %d document timestamps, the last ends at %d of %d", i, stamps, last.end, len(out))
		}
	}
	w.accept(t, out, 1)
}

func TestExtendSkipsOnlyOthers(t *testing.T) {
	t.Parallel()
	ours, theirs := newWorld(t), newWorld(t)
	foreign := theirs.sign(t, plainFile("", ""), theirs.ecSigner("Foreign"), LevelB, nil)
	if _, err := ours.tryExtend(t, foreign, LevelLT, nil); !errors.Is(err, ErrEvidence) {
		t.Errorf("a foreign signature: %v, want ErrEvidence", err)
	}
	both := ours.sign(t, foreign, ours.ecSigner("Ours"), LevelB, nil)
	if _, err := ours.tryExtend(t, both, LevelLT, nil); !errors.Is(err, ErrEvidence) {
		t.Errorf("a foreign signature beside ours: %v, want ErrEvidence", err)
	}
	var skipped []string
	out, err := ours.tryExtend(t, both, LevelLTA, func(r *ExtendRequest) {
		r.OnSkip = func(field string, _ error) { skipped = append(skipped, field) }
	})
	if err != nil || len(skipped) != 1 || skipped[0] != "Signature1" {
		t.Fatalf("skipped %q, %v", skipped, err)
	}
	if _, _, _, vri := dss(t, out); len(vri) != 2 {
		t.Errorf("VRI for %d, want our signature and the document timestamp", len(vri))
	}
}

func TestExtendRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.tryExtend(t, plainFile("", ""), LevelT, nil); !errors.Is(err, ErrUnsigned) {
		t.Errorf("no signature: %v, want ErrUnsigned", err)
	}
	if _, err := w.tryExtend(t, []byte("no"), LevelT, nil); !errors.Is(err, ErrNotPDF) {
		t.Errorf("no PDF: %v, want ErrNotPDF", err)
	}
	if _, err := w.tryExtend(t, plainFile("", ""), LevelB, nil); !errors.Is(err, ErrRequest) {
		t.Errorf("to B-B: %v, want ErrRequest", err)
	}
}
