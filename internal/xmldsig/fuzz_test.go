package xmldsig

import (
	"bytes"
	"path/filepath"
	"testing"

	"chop/internal/corpus"
)

// FuzzVerify feeds anything to the parser, the references and the transforms. What comes
// out valid must be so again, and what is handed on must be what was digested.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`<doc><x Id="one"/>` + signatureOver(reference(` URI="#one"`, transformOf(Exclusive))+reference(` URI=""`, transformOf(EnvelopedSignature))) + `</doc>`))
	f.Add([]byte(`<doc>` + signatureOver(reference(` URI=""`, xpathOf("not(ancestor-or-self::ds:Signature)"))+reference(` URI=""`, filterOf("intersect", "//x"))) + `<x/></doc>`))
	f.Add([]byte(`<!DOCTYPE a [<!ATTLIST b i ID #IMPLIED c CDATA "d">]><a xml:lang="x"><b i="j"/>` + signatureOver(reference(` URI="#j"`, transformOf(C14N11))) + `</a>`))
	dir, _ := corpus.Find("xmlsec")
	files, _ := filepath.Glob(filepath.Join(dir, "tests/*/*.xml"))
	for i, name := range files {
		if i%6 == 0 {
			f.Add(read(f, name))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{Size: 1 << 20, Work: 4 << 20, Elements: 20_000, Attributes: 20_000}
		results, err := Verify(t.Context(), data, Options{Limits: limits})
		if err != nil {
			return
		}
		for _, r := range results {
			if r.Signature == nil {
				continue
			}
			r.Signature.Check(Sources{})
			for _, ref := range r.Signature.References {
				if ref.Err != nil {
					continue
				}
				if list, err := ref.Unrendered(); err == nil && len(list) > 0 && ref.Inclusive() {
					t.Fatalf("inclusive, and %+v is not shown", list)
				}
				var again bytes.Buffer
				if err := r.Signature.Octets(&again, ref, Sources{}); err != nil || !bytes.Equal(sum(ref.Hash, again.Bytes()), ref.Digest) {
					t.Fatalf("a reference that held does not hold again: %v", err)
				}
			}
			if _, err := r.Signature.SignedOctets(); err == nil && r.Err == nil && r.Key == nil {
				t.Fatal("valid without a key")
			}
		}
	})
}

// FuzzLocate checks that the bytes found for an element are its own.
func FuzzLocate(f *testing.F) {
	f.Add([]byte(`<a x=">"><![CDATA[<b>]]><?p <c> ?><b y='"/>'/><c><d></d></c></a>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Open(t.Context(), data, Limits{Size: 1 << 16})
		if err != nil {
			return
		}
		all(d.Root(), func(e *Element) bool {
			if n := len(Attributes(e)) + len(e.Namespaces()); n > 2*maxAttributes {
				t.Fatalf("%s has %d attributes", e.Name(), n)
			}
			return true
		})
		children := Elements(d.Root())
		spans, err := d.Locate(data, append([]*Element{d.Root()}, children...)...)
		if err != nil {
			return
		}
		for i, e := range children {
			s := spans[i+1]
			if s.Start < spans[0].Inner || s.End > spans[0].Close || s.Start > s.Inner || s.Inner > s.Close || s.Close > s.End {
				t.Fatalf("%s at %+v within %+v", e.Name(), s, spans[0])
			}
		}
	})
}
