package asic

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"chop/internal/asic"
	"chop/signer/pades"
)

// beside is a request for one more signature in a container.
func (r *rig) beside(container []byte, level Level) Request {
	q := r.request("", "", level)
	q.Files, q.Beside = nil, container
	return q
}

// A second and a third signature, in each kind and form; what stands in the container stays as
// it was but for the file that an ASiC-S has for its signatures, and strangers verify it.
func TestBeside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, f := range forms {
		for _, level := range []Level{pades.LevelB, pades.LevelLTA} {
			name := fmt.Sprintf("%s %s %s", f.kind, f.form, level)
			first, _ := r.sign(t, r.request(f.kind, f.form, level))
			second, field := r.sign(t, r.beside(first, pades.LevelB))
			third, last := r.sign(t, r.beside(second, pades.LevelLT))
			if field == last {
				t.Errorf("%s: two signatures are %s", name, field)
			}
			old, err := asic.Open(first)
			if err != nil {
				t.Fatal(err)
			}
			c, err := asic.Open(third)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range old.Files {
				b, ok := c.File(file.Name)
				if same := string(b) == string(file.Data); !ok || !same && (f.kind == Extended || asic.RoleOf(file.Name) == asic.Data) {
					t.Errorf("%s: %s changed", name, file.Name)
				}
			}
			more := map[Kind]map[Form]int{Simple: {XAdES: 0, CAdES: 0}, Extended: {XAdES: 2, CAdES: 4}}[f.kind][f.form]
			if len(c.Files) != len(old.Files)+more || !c.Stored {
				t.Errorf("%s: %d files, there were %d", name, len(c.Files), len(old.Files))
			}
			r.judge(t, name, third, c)
		}
	}
}

func TestBesideRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cades, _ := r.sign(t, r.request(Extended, CAdES, pades.LevelB))
	simple, _ := r.sign(t, r.request(Simple, XAdES, pades.LevelB))
	stamped, _, err := Stamp(context.Background(), StampRequest{Kind: Simple, Files: r.request(Simple, XAdES, "").Files, Timestamper: r})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in     []byte
		change func(*Request)
		want   error
	}{
		"no container":     {[]byte("plan"), func(*Request) {}, ErrContainer},
		"no signature":     {stamped, func(*Request) {}, pades.ErrUnsigned},
		"files":            {simple, func(q *Request) { q.Files = []File{{Name: "a"}} }, pades.ErrRequest},
		"another form":     {simple, func(q *Request) { q.Form = CAdES }, pades.ErrRequest},
		"another kind":     {cades, func(q *Request) { q.Kind = Simple }, pades.ErrRequest},
		"B-LTA, by itself": {cades, func(q *Request) { q.Level = pades.LevelLTA }, pades.ErrRequest},
		"no identity":      {cades, func(q *Request) { q.Identity = nil }, pades.ErrRequest},
		"no timestamper":   {cades, func(q *Request) { q.Timestamper, q.Level = nil, pades.LevelT }, pades.ErrRequest},
	} {
		q := r.beside(c.in, pades.LevelB)
		c.change(&q)
		if _, err := Prepare(context.Background(), q); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// A time-stamp alone, over the one file of an ASiC-S or the manifest of an ASiC-E.
func TestStamp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, kind := range []Kind{Simple, Extended} {
		req := StampRequest{Kind: kind, Files: r.request(kind, XAdES, "").Files, Timestamper: r, Evidence: r}
		before := r.Timestamps
		out, name, err := Stamp(context.Background(), req)
		if err != nil {
			t.Fatal(err)
		}
		want := map[Kind]string{Simple: "META-INF/timestamp.tst", Extended: "META-INF/timestamp001.tst"}[kind]
		c, err := asic.Open(out)
		if err != nil || name != want || r.Timestamps != before+1 {
			t.Fatalf("%s: %q, %d timestamps, %v", kind, name, r.Timestamps-before, err)
		}
		if got, _ := c.Kind(); got != kind || len(c.Named(asic.Timestamp)) != 1 || len(c.Named(asic.Data)) != len(req.Files) {
			t.Errorf("%s: %s, %d files", kind, got, len(c.Files))
		}
	}
	files := r.request(Extended, XAdES, "").Files
	for name, req := range map[string]StampRequest{
		"two files in one": {Kind: Simple, Files: files, Timestamper: r}, "no file": {Kind: Simple, Timestamper: r},
		"no timestamper": {Kind: Extended, Files: files}, "no kind": {Files: files, Timestamper: r}, "no hash": {Kind: Extended, Files: files, Timestamper: r, Hash: 99},
	} {
		if _, _, err := Stamp(context.Background(), req); !errors.Is(err, pades.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
