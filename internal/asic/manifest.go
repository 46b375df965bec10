package asic

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"

	"chop/internal/xmldsig"
)

// NS is the namespace of ASiC's own elements (EN 319 162-1, A.6).
const NS = "http://uri.etsi.org/02918/v1.2.1#"

const odfNS = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"

// An ASiCManifest says over which files a CAdES signature or a time-stamp is (4.4.3.2).
type ASiCManifest struct {
	// Signature is the URI of the signature or time-stamp.
	Signature string
	Objects   []DataObject
}

// A DataObject is a file that a manifest names, with its digest.
type DataObject struct {
	URI      string
	MIMEType string
	Hash     crypto.Hash
	Digest   []byte
}

// ParseManifest reads an ASiCManifest. One that names a file twice is refused.
func ParseManifest(ctx context.Context, b []byte) (*ASiCManifest, error) {
	d, err := xmldsig.Open(ctx, b, xmldsig.Limits{})
	if err != nil {
		return nil, malformed("manifest: %v", err)
	}
	root := d.Root()
	if !xmldsig.Is(root, NS, "ASiCManifest") {
		return nil, malformed("manifest: the root is %.80q", root.Name())
	}
	m := &ASiCManifest{}
	sig, err := xmldsig.Child(root, NS, "SigReference")
	if err != nil || sig == nil {
		return nil, malformed("manifest: not exactly one SigReference")
	}
	m.Signature, _ = xmldsig.Attr(sig, "URI")
	seen := map[string]bool{}
	for _, e := range xmldsig.Children(root, NS, "DataObjectReference") {
		o := DataObject{}
		o.URI, _ = xmldsig.Attr(e, "URI")
		o.MIMEType, _ = xmldsig.Attr(e, "MimeType")
		method, err := xmldsig.Child(e, xmldsig.NS, "DigestMethod")
		if err != nil || method == nil {
			return nil, malformed("manifest: %.80q has no digest method", o.URI)
		}
		algorithm, _ := xmldsig.Attr(method, "Algorithm")
		if o.Hash, err = xmldsig.ParseDigest(algorithm); err != nil {
			return nil, malformed("manifest: %.80q: %v", o.URI, err)
		}
		value, err := xmldsig.Child(e, xmldsig.NS, "DigestValue")
		if err != nil || value == nil {
			return nil, malformed("manifest: %.80q has no digest", o.URI)
		}
		if o.Digest, err = xmldsig.Bytes(value); err != nil {
			return nil, malformed("manifest: %.80q: %v", o.URI, err)
		}
		if seen[o.URI] || len(m.Objects) == maxEntries {
			return nil, malformed("manifest: %.80q is named twice, or there are too many", o.URI)
		}
		seen[o.URI] = true
		m.Objects = append(m.Objects, o)
	}
	if len(m.Objects) == 0 {
		return nil, malformed("manifest: it names no file")
	}
	return m, nil
}

// Marshal writes the manifest. URIs are names, which are encoded.
func (m *ASiCManifest) Marshal(sigMIMEType string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<asic:ASiCManifest xmlns:asic="` + NS + `" xmlns:ds="` + xmldsig.NS + `">` +
		`<asic:SigReference URI="` + URI(m.Signature) + `" MimeType="` + sigMIMEType + `"/>`)
	for _, o := range m.Objects {
		uri := xmldsig.DigestURI(o.Hash)
		if uri == "" {
			return nil, fmt.Errorf("manifest: hash %v has no name", o.Hash)
		}
		b.WriteString(`<asic:DataObjectReference URI="` + URI(o.URI) + `"`)
		if o.MIMEType != "" {
			b.WriteString(` MimeType="` + escape(o.MIMEType) + `"`)
		}
		b.WriteString(`><ds:DigestMethod Algorithm="` + uri + `"/><ds:DigestValue>` + base64.StdEncoding.EncodeToString(o.Digest) +
			`</ds:DigestValue></asic:DataObjectReference>`)
	}
	b.WriteString("</asic:ASiCManifest>\n")
	return []byte(b.String()), nil
}

// URI is a file's name as a relative reference, for an attribute.
func URI(name string) string { return escape((&url.URL{Path: name}).String()) }

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

// Resolve returns the file that a reference is to: its decoded name, or the name as it
// stands there, which some programs write. "" if there is none, or if both are there.
func (c *Container) Resolve(uri string) string {
	literal := strings.TrimPrefix(uri, "./")
	decoded, err := url.PathUnescape(literal)
	if err != nil {
		decoded = literal
	}
	_, one := c.byName[decoded]
	_, other := c.byName[literal]
	switch {
	case decoded == literal && one, one && !other:
		return decoded
	case other && !one:
		return literal
	}
	return ""
}

// PackageFaults compares the container with OpenDocument's manifest, if it has one: the
// files that the one has and the other has not.
func (c *Container) PackageFaults(ctx context.Context) ([]string, error) {
	b, ok := c.File(ODFManifest)
	if !ok {
		return nil, nil
	}
	d, err := xmldsig.Open(ctx, b, xmldsig.Limits{})
	if err != nil {
		return nil, malformed("%s: %v", ODFManifest, err)
	}
	listed := map[string]bool{}
	var faults []string
	for _, e := range xmldsig.Children(d.Root(), odfNS, "file-entry") {
		attr := e.GetAttributeNodeNS("full-path", odfNS)
		if attr == nil {
			continue
		}
		name := attr.Value()
		if name == "/" || strings.HasSuffix(name, "/") {
			continue
		}
		if _, there := c.File(name); !there {
			faults = append(faults, fmt.Sprintf("%s lists %q, which is not there", ODFManifest, name))
		}
		listed[name] = true
	}
	for _, f := range c.Named(Data) {
		if !listed[f.Name] {
			faults = append(faults, fmt.Sprintf("%s does not list %q", ODFManifest, f.Name))
		}
	}
	return faults, nil
}

// SignatureFiles are the files with XAdES signatures: those of OpenDocument have one name.
func (c *Container) SignatureFiles(k Kind) []File {
	if k != OpenDocument {
		return c.Named(XAdES)
	}
	if b, ok := c.File(odfSignatures); ok {
		return []File{{Name: odfSignatures, Data: b}}
	}
	return nil
}
