package pades

import (
	"bytes"
	"testing"

	"chop/internal/pdf"
)

// The targets stop before anything random (a key, a timestamp), because chance in the
// paths taken makes the fuzzer believe that every input is interesting.

// FuzzPrepare: whatever the file says, preparing it for a signature ends with an error,
// or with an increment after which the file can be read and has the signature.
func FuzzPrepare(f *testing.F) {
	w := newWorld(f)
	s := w.ecSigner("Fuzz")
	small := func(r *Request) { r.TokenSize, r.Certify = 100, FormsAndSigning }
	f.Add(plainFile("", ""), "")
	f.Add(formFile("direct", ""), "Applicant")
	f.Add(formFile("form fields annots", "/SV << /Ff 8 /Reasons [(x)] >> /Lock << /Action /All /P 2 >>"), "Applicant")
	f.Add(byQPDF(f, formFile("form", ""), "--object-streams=generate"), "")
	f.Add(w.sign(f, plainFile("", ""), s, LevelB, small), "")
	f.Fuzz(func(t *testing.T, in []byte, field string) {
		file, err := pdf.Open(bytes.NewReader(in), int64(len(in)), pdf.Limits{})
		if err != nil {
			return
		}
		req := w.request(in, nil, s, LevelB)
		req.Field, req.Font = field, ming
		if field == "" && len(in)%2 == 1 {
			req.Visible = &Place{1, 10, 10, 200, 80}
		}
		inc, name, err := signatureRevision(file, &req)
		if err != nil {
			return
		}
		after := grown(t, in, inc)
		sigs, err := pdf.Signatures(after.Latest())
		if err != nil {
			t.Fatalf("the output's form cannot be read: %v", err)
		}
		for _, sig := range sigs {
			if sig.Field.Name == name && sig.Value != nil {
				return
			}
		}
		t.Fatalf("no signature in field %q", name)
	})
}

// FuzzDSS: a file with any signatures and any DSS is read for extending, and takes more
// evidence, or is refused.
func FuzzDSS(f *testing.F) {
	w := newWorld(f)
	s := w.ecSigner("Fuzz")
	for _, level := range []Level{LevelB, LevelT, LevelLTA} {
		f.Add(w.sign(f, plainFile("", ""), s, level, func(r *Request) { r.TokenSize = 2048 }))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := pdf.Open(bytes.NewReader(in), int64(len(in)), pdf.Limits{})
		if err != nil {
			return
		}
		entries, err := inventory(file)
		if err != nil {
			return
		}
		done, err := kept(file, entries)
		if err != nil {
			return
		}
		for _, e := range entries {
			_, _ = done(e), e.provenAt(entries)
		}
		r, err := newRevision(file)
		if err != nil {
			return
		}
		key := vriKey([]byte("a signature"))
		proof := []byte("proof")
		if r.mergeDSS(map[string]*evidence{key: {[][]byte{proof}, [][]byte{proof}, [][]byte{proof, proof}}}) != nil {
			return
		}
		inc, err := r.build()
		if err != nil {
			return
		}
		dss, err := dssOf(grown(t, in, inc).Latest())
		if err != nil || dss["Certs"] == nil || dss["OCSPs"] == nil || dss["CRLs"] == nil || dss["VRI"] == nil {
			t.Fatalf("the DSS is %v, %v", dss, err)
		}
	})
}

func grown(t *testing.T, in []byte, inc *pdf.Increment) *pdf.File {
	t.Helper()
	if inc.Base != int64(len(in)) {
		t.Fatalf("the increment starts at byte %d of %d", inc.Base, len(in))
	}
	out := append(bytes.Clone(in), inc.Bytes...)
	file, err := pdf.Open(bytes.NewReader(out), int64(len(out)), pdf.Limits{})
	if err != nil {
		t.Fatalf("the output cannot be read: %v", err)
	}
	return file
}

// FuzzLayout: no text makes the layout lose a character or leave its box.
func FuzzLayout(f *testing.F) {
	f.Add("CHAN Tai Man 陳大文", 120.0, 60.0)
	f.Add("，。字，", 30.0, 10.0)
	f.Add("Wolfeschlegelsteinhausenbergerdorff", 50.0, 100.0)
	f.Fuzz(func(t *testing.T, s string, width, height float64) {
		face, err := ming()
		if err != nil {
			t.Fatal(err)
		}
		if s, err = plain(s); err != nil || len(s) > 2000 {
			return
		}
		lines, size, err := flow(face, []paragraph{{s, style{1, ink}}}, width, height)
		if err != nil {
			return
		}
		var got bytes.Buffer
		for _, l := range lines {
			w, err := face.Width(l.text)
			if err != nil || w*size > width+1e-9 {
				t.Errorf("line %q is %g wide, the box %g: %v", l.text, w*size, width, err)
			}
			got.WriteString(l.text)
		}
		if a, b := bytes.ReplaceAll(got.Bytes(), []byte(" "), nil), bytes.ReplaceAll([]byte(s), []byte(" "), nil); !bytes.Equal(a, b) {
			t.Errorf("text %q became %q", b, a)
		}
	})
}
