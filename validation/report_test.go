package validation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"crypto/x509"

	"chop/internal/pdf"
	"chop/validation"
)

// The report's JSON is read by others' programs: no key more, none less.
func TestReportJSON(t *testing.T) {
	w := newWorld(t)
	doc := w.sign(blank(0), draft{by: w.signer("Chan Tai Man"), field: "Signature1", stamp: day})
	b, err := json.Marshal(w.validate(doc, day, soft))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	keys := func(m any, want ...string) map[string]any {
		t.Helper()
		o := m.(map[string]any)
		if len(o) != len(want) {
			t.Errorf("keys %v, want %v", o, want)
		}
		for _, k := range want {
			if _, ok := o[k]; !ok {
				t.Errorf("no %q in %v", k, o)
			}
		}
		return o
	}
	top := keys(got, "signatures", "document")
	row := keys(top["signatures"].([]any)[0], "field", "format", "level", "indication", "sub_indication", "signer", "signing_time", "best_signature_time", "checks")
	for k, v := range map[string]any{
		"field": "Signature1", "format": "ETSI.CAdES.detached", "level": "B-T", "indication": "TOTAL-PASSED", "sub_indication": "",
		"signer": "CN=Chan Tai Man", "signing_time": "2026-03-02T09:30:00Z", "best_signature_time": "2026-03-02T09:30:00Z",
	} {
		if row[k] != v {
			t.Errorf("%s is %v, want %v", k, row[k], v)
		}
	}
	for _, c := range row["checks"].([]any) {
		check := keys(c, "name", "status", "detail")
		if !slices.Contains([]string{"FC", "ISC", "VCI", "CV", "XCV", "RFC", "TSV", "SAV", "PSV"}, check["name"].(string)) ||
			!slices.Contains([]string{"PASSED", "FAILED", "WARNING", "IGNORED"}, check["status"].(string)) {
			t.Errorf("check %v", check)
		}
	}
	keys(top["document"], "modifications")
	b, err = json.Marshal(w.validate(blank(0), day, soft))
	if want := `{"signatures":[],"document":{"modifications":"none"}}`; err != nil || string(b) != want {
		t.Errorf("unsigned: %s, want %s", b, want)
	}
}

type failing struct{ io.ReaderAt }

var errDisk = errors.New("the disk is gone")

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at > 50<<10 {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, at)
}

// Errors are for what cannot be judged.
func TestErrors(t *testing.T) {
	w := newWorld(t)
	v := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}})
	doc := w.sign(blank(100<<10), draft{by: w.signer("Chan Tai Man"), field: "S"})
	try := func(doc io.ReaderAt, size int, o validation.Options) error {
		r, err := v.Validate(context.Background(), doc, int64(size), o)
		if err == nil {
			t.Errorf("judged: %+v", r)
		}
		return err
	}
	if err := try(strings.NewReader("hello"), 5, soft); !errors.Is(err, validation.ErrFormat) || errors.Is(err, pdf.ErrNotPDF) { // it is none of the other formats either
		t.Errorf("text: %v", err)
	}
	if err := try(bytes.NewReader(doc[:len(doc)/2]), len(doc)/2, soft); !errors.Is(err, validation.ErrFormat) {
		t.Errorf("half a file: %v", err)
	}
	if err := try(bytes.NewReader(doc), len(doc), validation.Options{Revocation: "some"}); !errors.Is(err, validation.ErrOptions) {
		t.Errorf("unknown option: %v", err)
	}
	if err := try(failing{bytes.NewReader(doc)}, len(doc), soft); !errors.Is(err, errDisk) || errors.Is(err, validation.ErrFormat) {
		t.Errorf("broken disk: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Validate(ctx, bytes.NewReader(doc), int64(len(doc)), soft); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, cfg := range []validation.Config{{}, {Suite: suite(t, "default"), Trust: []*x509.Certificate{nil}}} {
		if _, err := validation.New(cfg); err == nil {
			t.Errorf("New(%+v) succeeded", cfg)
		}
	}
}

// Memory does not grow with the document.
func TestMemoryIsConstant(t *testing.T) {
	w := newWorld(t)
	by := w.signer("Chan Tai Man")
	v := newValidator(t, validation.Config{Trust: []*x509.Certificate{w.root.cert}})
	allocated := func(size int) uint64 {
		doc := w.sign(blank(size), draft{by: by, field: "S"})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := v.Validate(context.Background(), bytes.NewReader(doc), int64(len(doc)), validation.Options{At: day, Revocation: validation.RevocationSoft})
		runtime.ReadMemStats(&after)
		if err != nil || !r.Passed() {
			t.Fatalf("%+v, %v", r, err)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := allocated(1<<20), allocated(32<<20)
	if large > 2*small+1<<20 {
		t.Errorf("1 MB: %d bytes allocated, 32 MB: %d", small, large)
	}
}

// One Validator serves many callers.
func TestConcurrent(t *testing.T) {
	d := newLongTerm(t)
	v := newValidator(t, validation.Config{Trust: []*x509.Certificate{d.root.cert}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				r, err := v.Validate(context.Background(), bytes.NewReader(d.lta), int64(len(d.lta)), validation.Options{At: years(10)})
				if err != nil || !r.Passed() {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
}
