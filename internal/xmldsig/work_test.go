package xmldsig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// openOne opens a document with one signature.
func openOne(t *testing.T, text string, l Limits) (*Document, *Signature) {
	t.Helper()
	d, err := Open(t.Context(), []byte(text), l)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.SignatureElements()
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	s, err := d.ReadSignature(list[0])
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

// Each way to have work done without much being written ends with the budget.
func TestAllWorkIsCounted(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("QUJD"), 64<<10)
	comments := []byte("<a><!--" + strings.Repeat("much is read and nothing written ", 4000) + "--></a>")
	var own bytes.Buffer
	for i := range 4000 {
		fmt.Fprintf(&own, "<y%d/>", i)
	}
	names := ""
	for i := range 400 { // each a search of its own
		names += reference(` URI=""`, filterOf("intersect", fmt.Sprintf("//y%d", i+3500)))
	}
	for name, c := range map[string]struct{ before, references string }{
		"searching by name": {own.String(), names},
		"base64":            {`<b Id="b">` + strings.Repeat("QUJD", 4000) + `</b>`, strings.Repeat(reference(` URI="#b"`, transformOf(Base64)), 400)},
		"files":             {"", strings.Repeat(reference(` URI="f"`, ""), 400)},
		"files in base64":   {"", strings.Repeat(reference(` URI="f"`, transformOf(Base64)), 400)},
		"parsing again":     {"", strings.Repeat(reference(` URI="comments"`, transformOf(Exclusive)), 400)},
		"many prefixes":     {`<m` + prefixes(200) + `>` + strings.Repeat("<n1:y xmlns:z='urn:z'/>", 300) + `</m>`, strings.Repeat(reference(` URI=""`, xpathOf("not(ancestor-or-self::ds:Signature)")+transformOf(Exclusive)), 50)},
		"scopes":            {deepScopes(100), strings.Repeat(reference(` URI="#deep"`, transformOf(Exclusive)), 400)},
	} {
		_, s := openOne(t, `<doc>`+c.before+signatureOver(c.references)+`</doc>`, Limits{Work: 1 << 20})
		s.Check(Sources{File: func(uri string) ([]byte, bool) {
			if uri == "comments" {
				return comments, true
			}
			return file, true
		}})
		if got := s.References[len(s.References)-1].Err; !errors.Is(got, ErrLimit) {
			t.Errorf("%s: the last of %d references: %v, want ErrLimit", name, len(s.References), got)
		}
		if got := s.References[0].Err; !errors.Is(got, ErrDigest) {
			t.Errorf("%s: the first reference: %v, want ErrDigest", name, got)
		}
	}
}

func prefixes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " xmlns:n%d='urn:u'", i)
	}
	return b.String()
}

// deepScopes is an element under many that each declare a prefix.
func deepScopes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<a xmlns:n%d='urn:u'>", i)
	}
	return b.String() + `<b Id="deep"/>` + strings.Repeat("</a>", n)
}

// A file may be digested as often as honest time-stamps ask for, however small the
// document is.
func TestFilesAddToTheBudget(t *testing.T) {
	t.Parallel()
	file := make([]byte, 1<<20)
	_, s := openOne(t, signatureOver(reference(` URI="f"`, "")), Limits{Work: 1000})
	for range 20 {
		var b bytes.Buffer
		if err := s.Octets(&b, s.References[0], Sources{File: func(string) ([]byte, bool) { return file, true }}); err != nil || b.Len() != len(file) {
			t.Fatal(b.Len(), err)
		}
	}
}

func TestContextEndsTheWork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d, err := Open(ctx, []byte("<a/>"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	var b bytes.Buffer
	if err := d.Canonical(&b, d.Root(), C14N{uri: C14N10}); !errors.Is(err, ErrLimit) || !errors.Is(err, context.Canceled) {
		t.Errorf("canonical form: %v", err)
	}
	if _, err := Open(ctx, []byte("<a/>"), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}

// The parser compares each attribute of an element with each: they are counted before, in
// every encoding that is read, wherever a = may stand.
func TestCrowdedElements(t *testing.T) {
	t.Parallel()
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d='>'", i)
		}
		return b.String()
	}
	wide := func(s, mark string, high int) []byte {
		b := []byte(mark)
		for _, c := range []byte(s) {
			b = append(b, 0, 0)
			b[len(b)-2+1-high] = c
		}
		return b
	}
	crowd := "<!-- < ' --><a><![CDATA[<']]><?p <'?><b" + attributes(maxAttributes+1) + "/></a>"
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"crowded":            {[]byte(crowd), ErrLimit},
		"crowded, UTF-16":    {wide(crowd, "\xfe\xff", 0), ErrLimit},
		"crowded, UTF-16LE":  {wide(crowd, "\xff\xfe", 1), ErrLimit},
		"crowded after DTD":  {[]byte(`<!DOCTYPE a [<!-- it's --><!ATTLIST a x CDATA "=">]>` + crowd), ErrLimit},
		"crowded, Latin 1":   {[]byte("<?xml version='1.0' encoding='ISO-8859-1'?>" + crowd), ErrLimit},
		"as many as may be":  {[]byte("<a><b" + attributes(maxAttributes) + "/></a>"), nil},
		"in a value":         {[]byte("<a b='" + strings.Repeat("=", 5000) + "'>" + strings.Repeat("=", 5000) + "</a>"), nil},
		"by default":         {[]byte("<!DOCTYPE a [" + strings.Repeat("<!ATTLIST a x CDATA '>'>", maxAttributes+1) + "]><a/>"), ErrLimit},
		"by default, often":  {[]byte("<!DOCTYPE b [<!ATTLIST b" + attributeDefaults(1000) + ">]><b>" + strings.Repeat("<b/>", 5000) + "</b>"), ErrLimit},
		"hidden by entities": {[]byte("<!DOCTYPE a [<!ENTITY % d \"&#60;!ATTLIST a x CDATA 'y'>\">%d;]><a/>"), ErrDTD},
		"hidden by a name":   {[]byte("<!DOCTYPE a SYSTEM '<!--'>" + crowd + "<!-- -->"), ErrDTD},
		"hidden by notation": {[]byte("<!DOCTYPE a [<!NOTATION n SYSTEM '<!--'>]>" + crowd + "<!-- -->"), ErrDTD},
		"two types":          {[]byte(strings.Repeat("<!DOCTYPE ", 100_000)), ErrMalformed},
		"some by default":    {[]byte("<!DOCTYPE b [<!ATTLIST b" + attributeDefaults(10) + ">]><b>" + strings.Repeat("<b/>", 5000) + "</b>"), nil},
		"an entity in CDATA": {[]byte("<a><![CDATA[<!ENTITY]]></a>"), nil},
		"EBCDIC":             {[]byte("\x4c\x6f\xa7\x94\x93\x40"), ErrMalformed},
		"a spacious one":     {[]byte("<?xml version='1.0'" + strings.Repeat(" ", 1000) + "encoding='ISO-2022-JP'?><a/>"), ErrMalformed},
		"a hidden one":       {[]byte("<?xml version=' encoding=\"UTF-8\"' encoding='ISO-2022-JP'?><a/>"), ErrMalformed},
		"UTF-16 by name":     {[]byte("<?xml version='1.0' encoding='UTF-16'?><a/>"), ErrMalformed},
		"an encoding's name": {[]byte("<?xml version='1.0' encoding='ISO-2022-JP'?><a/>"), ErrMalformed},
	} {
		if _, err := Open(t.Context(), c.data, Limits{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func attributeDefaults(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d CDATA 'x'", i)
	}
	return b.String()
}

// References to KeyInfo that refer to KeyInfo lead to a bounded number of parts.
func TestKeyInfoIsBounded(t *testing.T) {
	t.Parallel()
	const n = 250
	retrieve := func(id string) string { return strings.Repeat(`<ds:RetrievalMethod URI="#`+id+`"/>`, n) }
	for name, last := range map[string]string{
		"unknown parts":   strings.Repeat("<x/>", n),
		"in X509Data":     `<ds:X509Data>` + strings.Repeat("<x/>", n) + `</ds:X509Data>`,
		"in a bare value": `<ds:KeyValue>` + strings.Repeat("<x/>", n) + `</ds:KeyValue>`,
	} {
		text := `<doc><ds:KeyInfo xmlns:ds="` + NS + `" Id="two">` + retrieve("three") + `</ds:KeyInfo><ds:KeyInfo xmlns:ds="` + NS + `" Id="three">` + last + `</ds:KeyInfo>` +
			strings.Replace(signatureOver(reference(` URI=""`, "")), "</ds:Signature>", "<ds:KeyInfo>"+retrieve("two")+"</ds:KeyInfo></ds:Signature>", 1) + `</doc>`
		_, s := openOne(t, text, Limits{})
		k, err := s.ReadKeyInfo()
		if !errors.Is(err, ErrLimit) || k.parts > maxParts+1 {
			t.Errorf("%s: %d parts, %v, want ErrLimit", name, k.parts, err)
		}
	}
}

// An id that a document has often is looked up, and refused, at once.
func TestSameIDOften(t *testing.T) {
	t.Parallel()
	d, err := Open(t.Context(), []byte(`<a>`+strings.Repeat(`<b id="x" Id="x"/>`, 1000)+`<c Id="y" id="y" ID="y"/></a>`), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.ByID("x"); !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), "1000 times") {
		t.Error(err)
	}
	if e, err := d.ByID("y"); err != nil || e.LocalName() != "c" {
		t.Error(e, err)
	}
}

// What leaves nothing to digest signs nothing, and any document has its digest.
func TestNothingIsNotSigned(t *testing.T) {
	t.Parallel()
	sig := func(r string) string {
		return strings.Replace(strings.Replace(signatureOver(r), "<ds:Signature ", `<ds:Signature Id="sig" `, 1), "</ds:Signature>",
			`<ds:Object Id="o"><x/></ds:Object></ds:Signature>`, 1)
	}
	for name, c := range map[string]struct{ before, reference string }{
		"this signature without itself":     {"<doc>", reference(` URI="#sig"`, transformOf(EnvelopedSignature))},
		"its Object without it":             {"<doc>", reference(` URI="#o"`, transformOf(EnvelopedSignature))},
		"its Object without signatures":     {"<doc>", reference(` URI="#o"`, xpathOf("not(ancestor-or-self::ds:Signature)"))},
		"the same, and base64":              {"<doc>", reference(` URI="#o"`, transformOf(EnvelopedSignature)+transformOf(Base64))},
		"the same, and C14N":                {"<doc>", reference(` URI="#o"`, transformOf(EnvelopedSignature)+transformOf(C14N10))},
		"a signature as the whole document": {"", reference(` URI=""`, transformOf(EnvelopedSignature))},
	} {
		text := c.before + sig(c.reference)
		if c.before != "" {
			text += "</doc>"
		}
		_, s := openOne(t, text, Limits{})
		s.Check(Sources{})
		if r := s.References[0]; !errors.Is(r.Err, ErrRefused) || r.Signed != nil {
			t.Errorf("%s: %v, want ErrRefused", name, r.Err)
		}
	}
}

// Of base64 the octets are signed, not the element that holds them.
func TestBase64IsDecoded(t *testing.T) {
	t.Parallel()
	_, s := openOne(t, `<doc><x Id="one" to="Mallory">QUJD</x>`+signatureOver(reference(` URI="#one"`, transformOf(Base64))+reference(` URI="#one"`, ""))+`</doc>`, Limits{})
	s.Check(Sources{})
	if r := s.References[0]; !r.Decoded || string(r.Octets) != "ABC" || r.Signed.Apex().LocalName() != "x" {
		t.Errorf("%+v", r)
	}
	if s.References[1].Decoded {
		t.Error("without base64")
	}
}

// Only UTF-8 is added to: what is put in between is.
func TestLocateEncoding(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>":                          ErrUndecided,
		"<?xml version='1.0'" + strings.Repeat(" ", 1000) + "encoding='ISO-8859-1'?><a/>": ErrUndecided,
		"<?xml version='1.0' encoding='ISO-8859-1'?><a>&#xe9;</a>":                        ErrUndecided,
		"<?xml version='1.0' encoding='utf-8'?><a>\u9673</a>":                             nil,
		"\xef\xbb\xbf<?xml version='1.0' encoding='Big5'?><a></a>":                        ErrUndecided,
		"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><a></a>":                       nil,
		"<?xml version=\"1.0\" encoding=\"US-ASCII\"?><a></a>":                            nil,
		"<?xml version=\"1.0\" encoding = \"windows-1252\" ?><a></a>":                     ErrUndecided,
	} {
		d, err := Open(t.Context(), []byte(text), Limits{})
		if err != nil {
			if want == nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if _, err := d.Locate([]byte(text), d.Root()); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
}

// xml:base of what is not signed is joined to the signed element's own (Canonical XML 1.1,
// 2.4), also where a reference leads to one element.
func TestBaseOfOmittedAncestors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<a xml:base="http://x.example/p/"><b Id="b" xml:base="q/r"/></a>`:              `<b Id="b" xml:base="http://x.example/p/q/r"></b>`,
		`<a xml:base="http://x.example/p/"><b Id="b"/></a>`:                             `<b Id="b" xml:base="http://x.example/p/"></b>`,
		`<a xml:base="p/"><m xml:base="../q/"><b Id="b" xml:base="r"/></m></a>`:         `<b Id="b" xml:base="q/r"></b>`,
		`<a><b Id="b" xml:base="../r/./s"/></a>`:                                        `<b Id="b" xml:base="../r/./s"></b>`,
		`<a xml:lang="en" xml:id="i" xml:base="p/"><b Id="b"><c xml:base="s"/></b></a>`: `<b Id="b" xml:base="p/" xml:lang="en"><c xml:base="s"></c></b>`,
	} {
		d, err := Open(t.Context(), []byte(text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.ByID("b")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := d.Canonical(&out, e, C14N{uri: C14N11}); err != nil || out.String() != want {
			t.Errorf("%s\ngot  %s %v\nwant %s", text, out.String(), err, want)
		}
	}
}

// Exclusive C14N does not show what only content uses.
func TestUnrenderedDeclarations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, transform, want string }{
		"used by names only":          {`<x:x xmlns:x="urn:x" x:a="b"/>`, transformOf(Exclusive), ""},
		"in an attribute":             {`<a xmlns:x="urn:x" type="x:T"/>`, transformOf(Exclusive), `a x=urn:x content`},
		"in a text":                   {`<a xmlns:x="urn:x">child::x:T</a>`, transformOf(Exclusive), `a x=urn:x content`},
		"declared around":             {`<o xmlns:x="urn:x"><a Id="i" type="x:T"/></o>`, transformOf(Exclusive), `a x=urn:x content`},
		"not used":                    {`<a xmlns:x="urn:x" xmlns="urn:y">xx:T</a>`, transformOf(Exclusive), `a x=urn:x`},
		"a default for nobody":        {`<x:a xmlns:x="urn:x" xmlns="urn:y"/>`, transformOf(Exclusive), `a =urn:y`},
		"bound anew where it is used": {`<x:a xmlns:x="urn:x"><b xmlns:x="urn:evil" type="x:T"/></x:a>`, transformOf(Exclusive), `b x=urn:evil content`},
		"declared twice the same":     {`<x:a xmlns:x="urn:x"><b xmlns:x="urn:x" type="x:T"/></x:a>`, transformOf(Exclusive), ""},
		"moved to where names use it": {`<a xmlns:x="urn:evil" type="x:T"><x:b xmlns:x="urn:x"/></a>`, transformOf(Exclusive), `a x=urn:evil content`},
		"in the PrefixList": {`<a xmlns:x="urn:x" type="x:T"/>`,
			`<ds:Transform Algorithm="` + Exclusive + `"><e:InclusiveNamespaces xmlns:e="` + Exclusive + `" PrefixList="x"/></ds:Transform>`, ""},
		"inclusive": {`<a xmlns:x="urn:x" type="x:T"/>`, transformOf(C14N10), ""},
	} {
		in, uri := c.in, ` URI="#i"`
		if !strings.Contains(in, "Id=") {
			in = strings.Replace(in, " ", ` Id="i" `, 1)
		}
		_, s := openOne(t, `<doc>`+in+signatureOver(reference(uri, c.transform))+`</doc>`, Limits{})
		s.Check(Sources{})
		r := s.References[0]
		if !errors.Is(r.Err, ErrDigest) {
			t.Fatal(name, r.Err)
		}
		r.Err = nil // its digest is of nothing
		list, err := r.Unrendered()
		if err != nil {
			t.Fatal(name, err)
		}
		var got []string
		for _, d := range list {
			word := d.Element.LocalName() + " " + d.Prefix + "=" + d.URI
			if d.InContent {
				word += " content"
			}
			got = append(got, word)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
