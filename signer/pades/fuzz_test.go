package pades

import (
	"bytes"
	"context"
	"io"
	"testing"

	"chop/internal/pdf"
)

// fuzzOutput is an Output in memory with a limit.
type fuzzOutput struct{ memory }

func (o *fuzzOutput) Write(p []byte) (int, error) {
	if len(o.b)+len(p) > 16<<20 {
		return 0, io.ErrShortWrite
	}
	return o.memory.Write(p)
}

// FuzzSign: whatever the file says, signing it ends with an error or with a file that
// starts with the original and in which the signature can be found.
func FuzzSign(f *testing.F) {
	w := newWorld(f)
	s := w.ecSigner("Fuzz")
	signed := w.sign(f, plainFile("", ""), s, LevelLTA, func(r *Request) { r.Certify = FormsAndSigning })
	f.Add(plainFile("", ""), "")
	f.Add(formFile("direct", ""), "Applicant")
	f.Add(formFile("form fields annots", "/SV << /Ff 8 /Reasons [(x)] >> /Lock << /Action /All /P 2 >>"), "Applicant")
	f.Add(byQPDF(f, formFile("form", ""), "--object-streams=generate"), "")
	f.Add(signed, "")
	f.Fuzz(func(t *testing.T, in []byte, field string) {
		out := &fuzzOutput{}
		req := w.request(in, out, s, LevelB)
		req.Field, req.Font = field, ming
		if field == "" && len(in)%2 == 1 {
			req.Visible = &Place{1, 10, 10, 200, 80}
		}
		doc, err := Prepare(context.Background(), req)
		if err != nil {
			return
		}
		_, dtbsr := doc.DTBSR()
		sig, err := s.sign(dtbsr)
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Finish(context.Background(), sig); err != nil {
			t.Fatalf("prepared, but not finished: %v", err)
		}
		if !bytes.HasPrefix(out.b, in) {
			t.Fatal("the original's bytes were changed")
		}
		file, err := pdf.Open(bytes.NewReader(out.b), int64(len(out.b)), pdf.Limits{})
		if err != nil {
			t.Fatalf("the output cannot be read: %v", err)
		}
		sigs, err := pdf.Signatures(file.Latest())
		if err != nil {
			t.Fatalf("the output's form cannot be read: %v", err)
		}
		for _, sig := range sigs {
			if sig.Field.Name == doc.Field() && sig.Value != nil {
				return
			}
		}
		t.Fatalf("no signature in field %q", doc.Field())
	})
}

// FuzzExtend: a file with any signatures and any DSS is extended or refused.
func FuzzExtend(f *testing.F) {
	w := newWorld(f)
	s := w.ecSigner("Fuzz")
	for _, level := range []Level{LevelB, LevelT, LevelLT, LevelLTA} {
		f.Add(w.sign(f, plainFile("", ""), s, level, nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := &fuzzOutput{}
		err := Extend(context.Background(), ExtendRequest{
			In: bytes.NewReader(in), Size: int64(len(in)), Out: out, Level: LevelLTA, Timestamper: w, Evidence: w,
			OnSkip: func(string, error) {},
		})
		if err == nil && !bytes.HasPrefix(out.b, in) {
			t.Fatal("the original's bytes were changed")
		}
	})
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
			w, err := face.width(l.text)
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
