package bundle

import (
	"archive/zip"
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"chop/validation"
)

func sample() Bundle {
	return Bundle{
		Made: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC), Name: "信.pdf", Document: []byte("the document"),
		Detached: []validation.File{{Name: "plan.dwg", Content: []byte("a plan")}},
		Reports:  []validation.File{{Name: "report.json", Content: []byte("{}")}},
		Material: validation.Material{Certificates: [][]byte{[]byte("cert")}, CRLs: [][]byte{[]byte("crl")}, OCSPs: [][]byte{[]byte("ocsp")}, Timestamps: [][]byte{[]byte("tst")}},
	}
}

func written(t testing.TB, b Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	data := written(t, sample())
	got, err := Read(bytes.NewReader(data), int64(len(data)))
	if want := sample(); err != nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	b := sample()
	b.Name = "../../etc/passwd"
	if data = written(t, b); true {
		if got, err = Read(bytes.NewReader(data), int64(len(data))); err != nil || got.Name != "passwd" {
			t.Errorf("a name with a path: %v %+v", err, got)
		}
	}
	b.Detached = append(b.Detached, b.Detached[0])
	if err := Write(&bytes.Buffer{}, b); err == nil {
		t.Error("two files of one name were written")
	}
}

// rezip changes the files of a bundle.
func rezip(t *testing.T, data []byte, change func(name string, content []byte) (string, []byte)) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		content, err := readFile(f, maxFile)
		if err != nil {
			t.Fatal(err)
		}
		name, content := change(f.Name, content)
		if name == "" {
			continue
		}
		to, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		to.Write(content)
	}
	w.Close()
	return out.Bytes()
}

func TestReadRefuses(t *testing.T) {
	data := written(t, sample())
	for name, change := range map[string]func(string, []byte) (string, []byte){
		"damaged": func(n string, c []byte) (string, []byte) {
			return n, bytes.Replace(c, []byte("a plan"), []byte("b plan"), 1)
		},
		"missing":     func(n string, c []byte) (string, []byte) { return strings.TrimPrefix(n, "detached/plan.dwg"), c },
		"no manifest": func(n string, c []byte) (string, []byte) { return strings.TrimPrefix(n, manifestName), c },
		"out of place": func(n string, c []byte) (string, []byte) {
			if n == manifestName {
				return n, bytes.Replace(c, []byte("detached/"), []byte("elsewhere/"), 1)
			}
			return strings.Replace(n, "detached/", "elsewhere/", 1), c
		},
		"another version": func(n string, c []byte) (string, []byte) {
			return n, bytes.Replace(c, []byte(`"version": 1`), []byte(`"version": 2`), 1)
		},
	} {
		b := rezip(t, data, change)
		if got, err := Read(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrBundle) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	if _, err := Read(strings.NewReader("x"), 1); !errors.Is(err, ErrBundle) {
		t.Errorf("no ZIP: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(written(f, sample()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := Read(bytes.NewReader(data), int64(len(data))); err == nil && b.Name == "" {
			t.Error("a bundle without a document")
		}
	})
}
