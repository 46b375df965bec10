package xmldsig

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 300) + strings.Repeat("</a>", 300)
	var spaces strings.Builder
	for i := range maxScope + 10 {
		fmt.Fprintf(&spaces, " xmlns:n%d='u%d'", i, i)
	}
	for name, c := range map[string]struct {
		text   string
		limits Limits
		want   error
	}{
		"no XML":               {"hello", Limits{}, ErrMalformed},
		"nothing":              {"", Limits{}, ErrMalformed},
		"two roots":            {"<a/><b/>", Limits{}, ErrMalformed},
		"unbound prefix":       {"<p:a/>", Limits{}, ErrMalformed},
		"doubled attribute":    {"<a b='1' b='2'/>", Limits{}, ErrMalformed},
		"doubled by namespace": {"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", Limits{}, ErrMalformed},
		"XML 1.1":              {"<?xml version='1.1'?><a/>", Limits{}, ErrMalformed},
		"entity":               {"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", Limits{}, ErrDTD},
		"entity unused":        {"<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", Limits{}, ErrDTD},
		"parameter entity":     {"<!DOCTYPE a [<!ENTITY % x 'y'>]><a/>", Limits{}, ErrDTD},
		"external entity":      {"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", Limits{}, nil},
		"external DTD":         {"<!DOCTYPE a SYSTEM 'a.dtd'><a/>", Limits{}, ErrDTD},
		"public DTD":           {"<!DOCTYPE a PUBLIC '-//X//Y' 'http://x/'><a/>", Limits{}, ErrDTD},
		"laughs": {"<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;'>]><a>&c;</a>",
			Limits{}, ErrDTD},
		"depth":      {deep, Limits{}, ErrMalformed},
		"size":       {"<a/>", Limits{Size: 3}, ErrLimit},
		"elements":   {"<a><b/><b/><b/></a>", Limits{Elements: 3}, ErrLimit},
		"attributes": {"<a b='1' c='1' d='1'/>", Limits{Attributes: 2}, ErrLimit},
		"namespaces": {"<a xmlns='u' xmlns:p='u'/>", Limits{Namespaces: 1}, ErrLimit},
		"scope":      {"<a" + spaces.String() + "/>", Limits{}, ErrLimit},
	} {
		_, err := Open(t.Context(), []byte(c.text), c.limits)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// The canonical form is UTF-8, whatever the document is in.
func TestEncodings(t *testing.T) {
	t.Parallel()
	var utf16 []byte
	for _, r := range "\ufeff<?xml version='1.0' encoding='UTF-16'?><a b='é'>陳</a>" {
		utf16 = append(utf16, byte(r>>8), byte(r))
	}
	m, err := ParseC14N(Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"UTF-16": utf16, "UTF-8": []byte("<a b='é'>陳</a>"), "with a mark": []byte("\xef\xbb\xbf<a b='é'>陳</a>"),
		"Latin 1": []byte("<?xml version='1.0' encoding='ISO-8859-1'?><a b='\xe9'>&#x9673;</a>"),
	} {
		d, err := Open(t.Context(), data, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b bytes.Buffer
		if err := d.Canonical(&b, d.Root(), m); err != nil || b.String() != `<a b="é">陳</a>` {
			t.Errorf("%s: %s, %v", name, b.String(), err)
		}
	}
	if _, err := Open(t.Context(), []byte("<a>\xff</a>"), Limits{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("no UTF-8: %v", err)
	}
}

// signatureOver is a signature whose digest is of nothing, over what references say.
func signatureOver(references string) string {
	return `<ds:Signature xmlns:ds="` + NS + `"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="` + Exclusive + `"/>` +
		`<ds:SignatureMethod Algorithm="` + nsMore + `rsa-sha256"/>` + references +
		`</ds:SignedInfo><ds:SignatureValue>AAAA</ds:SignatureValue></ds:Signature>`
}

func reference(uri, transforms string) string {
	return `<ds:Reference` + uri + `><ds:Transforms>` + transforms + `</ds:Transforms><ds:DigestMethod Algorithm="` + nsEnc +
		`sha256"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>`
}

func xpathOf(text string) string {
	return `<ds:Transform Algorithm="` + xpathTransform + `"><ds:XPath>` + text + `</ds:XPath></ds:Transform>`
}

func filterOf(kind, text string) string {
	return `<ds:Transform Algorithm="` + filter2Transform + `"><XPath xmlns="` + filter2Transform + `" Filter="` + kind + `">` + text + `</XPath></ds:Transform>`
}

func transformOf(uri string) string { return `<ds:Transform Algorithm="` + uri + `"></ds:Transform>` }

// What a reference may and may not do. ErrDigest means that it was processed to its end.
func TestReferences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reference string
		want      error
		signed    string // what was digested, as elements of the document below
	}{
		"whole":                  {reference(` URI=""`, ""), ErrDigest, "doc x y z w Signature"},
		"enveloped":              {reference(` URI=""`, transformOf(EnvelopedSignature)), ErrDigest, "doc x y z w"},
		"by id":                  {reference(` URI="#one"`, ""), ErrDigest, "x y"},
		"by xpointer":            {reference(` URI="#xpointer(id('one'))"`, ""), ErrDigest, "x y"},
		"xpointer root":          {reference(` URI="#xpointer(/)"`, ""), ErrDigest, "doc x y z w Signature"},
		"other xpointer":         {reference(` URI="#xpointer(//x)"`, ""), ErrUndecided, ""},
		"no such id":             {reference(` URI="#none"`, ""), ErrNotFound, ""},
		"empty id":               {reference(` URI="#"`, ""), ErrNotFound, ""},
		"doubled id":             {reference(` URI="#two"`, ""), ErrAmbiguous, ""},
		"another file":           {reference(` URI="file:///etc/passwd"`, ""), ErrNotFound, ""},
		"the network":            {reference(` URI="http://example.org/x"`, ""), ErrNotFound, ""},
		"a file given":           {reference(` URI="given"`, ""), ErrDigest, ""},
		"no URI":                 {reference(``, ""), ErrNotFound, ""},
		"XSLT":                   {reference(` URI=""`, transformOf(xsltTransform)), ErrRefused, ""},
		"unknown transform":      {reference(` URI=""`, transformOf("urn:none")), ErrUndecided, ""},
		"unknown C14N":           {reference(` URI=""`, transformOf(C14N10+"#none")), ErrUndecided, ""},
		"not base64":             {reference(` URI="#one"`, transformOf(Base64)), ErrMalformed, ""},
		"all but signatures":     {reference(` URI=""`, xpathOf("not(ancestor-or-self::ds:Signature)")), ErrDigest, "doc x y z w"},
		"all but something":      {reference(` URI=""`, xpathOf("not(ancestor-or-self::x)")), ErrUndecided, ""},
		"another prefix":         {reference(` URI=""`, xpathOf("not(ancestor-or-self::dsig:Signature)")), ErrUndecided, ""},
		"any XPath":              {reference(` URI=""`, xpathOf("true()")), ErrUndecided, ""},
		"subtract signature":     {reference(` URI=""`, filterOf("subtract", "here()/ancestor::ds:Signature[1]")), ErrDigest, "doc x y z w"},
		"subtract signatures":    {reference(` URI=""`, filterOf("subtract", " /descendant::ds:Signature ")), ErrDigest, "doc x y z w"},
		"subtract anything":      {reference(` URI=""`, filterOf("subtract", "//x")), ErrUndecided, ""},
		"intersect one":          {reference(` URI=""`, filterOf("intersect", "//x")), ErrDigest, "x y"},
		"intersect several":      {reference(` URI=""`, filterOf("intersect", "//w")), ErrUndecided, ""},
		"union":                  {reference(` URI=""`, filterOf("union", "//x")), ErrUndecided, ""},
		"enveloped after octets": {reference(` URI="given"`, transformOf(EnvelopedSignature)), ErrUndecided, ""},
		"too many transforms":    {reference(` URI=""`, strings.Repeat(transformOf(EnvelopedSignature), 9)), ErrLimit, ""},
	} {
		text := `<doc><x Id="one">!<y/></x><z Id="two"/><w id="two"/>` + signatureOver(c.reference) + `</doc>`
		if name == "intersect several" {
			text = strings.Replace(text, "<z ", "<w/><z ", 1)
		}
		d, err := Open(t.Context(), []byte(text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.SignatureElements()
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		s, err := d.ReadSignature(list[0])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.Check(Sources{File: func(uri string) ([]byte, bool) { return []byte("abc"), uri == "given" }})
		r := s.References[0]
		if !errors.Is(r.Err, c.want) {
			t.Errorf("%s: %v, want %v", name, r.Err, c.want)
		}
		if c.signed == "" || r.Signed == nil {
			continue
		}
		var seen []string
		for _, e := range append([]*Element{d.Root()}, Elements(d.Root())...) {
			if r.Signed.Contains(e) {
				seen = append(seen, e.LocalName())
			}
			for _, inner := range Children(e, "", "y") {
				if r.Signed.Contains(inner) {
					seen = append(seen, "y")
				}
			}
		}
		if got := strings.Join(seen, " "); got != c.signed {
			t.Errorf("%s: signed are %q, want %q", name, got, c.signed)
		}
	}
}

func TestWorkIsLimited(t *testing.T) {
	t.Parallel()
	text := `<doc>` + strings.Repeat("<x/>", 10_000) + signatureOver(strings.Repeat(reference(` URI=""`, ""), 500)) + `</doc>`
	results, err := Verify(t.Context(), []byte(text), Options{Limits: Limits{Work: 1 << 20}})
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	s := results[0].Signature
	s.Check(Sources{})
	if got := s.References[499].Err; !errors.Is(got, ErrLimit) {
		t.Errorf("the last of 500 references: %v, want ErrLimit", got)
	}
}

func TestSignatureIsReadStrictly(t *testing.T) {
	t.Parallel()
	good := signatureOver(reference(` URI=""`, ""))
	info := good[strings.Index(good, "<ds:SignedInfo>"):strings.Index(good, "<ds:SignatureValue>")]
	for name, text := range map[string]string{
		"two SignedInfo":      strings.Replace(good, info, info+info, 1),
		"value first":         strings.Replace(good, info, "", 1),
		"something before":    strings.Replace(good, info, "<x/>"+info, 1),
		"something after":     strings.Replace(good, "</ds:Signature>", "<x/></ds:Signature>", 1),
		"no reference":        strings.Replace(good, reference(` URI=""`, ""), "", 1),
		"two DigestValue":     strings.Replace(good, "</ds:Reference>", "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>", 1),
		"value is no base64":  strings.Replace(good, "<ds:SignatureValue>AAAA", "<ds:SignatureValue>A!", 1),
		"element in a digest": strings.Replace(good, "<ds:DigestValue>AAAA", "<ds:DigestValue>AA<x/>AA", 1),
	} {
		if text == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		results, err := Verify(t.Context(), []byte(text), Options{})
		if err != nil || len(results) != 1 || !errors.Is(results[0].Err, ErrMalformed) {
			t.Errorf("%s: %v %v, want ErrMalformed", name, results, err)
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	text := `<?xml version="1.0"?><!-- <a> --><a x=">"><![CDATA[<b>]]><?p <c> ?><b y='"/>'/><c><d></d></c></a>`
	d, err := Open(t.Context(), []byte(text), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	children := Elements(d.Root())
	spans, err := d.Locate([]byte(text), d.Root(), children[0], children[1])
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{text[strings.Index(text, "<a x"):], `<b y='"/>'/>`, "<c><d></d></c>"} {
		if got := text[spans[i].Start:spans[i].End]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !spans[1].Empty() || spans[2].Empty() || text[spans[2].Inner:spans[2].Close] != "<d></d>" {
		t.Errorf("%+v", spans)
	}
}
