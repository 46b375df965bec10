// Package asic makes associated signature containers, EN 319 162-1: ASiC-S around one file
// and ASiC-E around several, signed with XAdES or CAdES at level B-B to B-LTA. It raises the
// level of a container, and renews an old one (Extend).
//
// The signatures are those of packages xades and cades, of which it adds the places: in an
// ASiC-E with CAdES the manifest is what is signed, and B-LTA is a time-stamp over a manifest
// of everything (4.4.3.2), which holds when the digests in the first manifest are weak.
//
// What it refuses: two files of one name, and to change a container whose signature is
// archived in a way that its archive time-stamps would not stand.
package asic

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chop/internal/asic"
	"chop/signer/pades"
)

// What is shared with package pades.
type (
	Level          = pades.Level
	Identity       = pades.Identity
	Timestamper    = pades.Timestamper
	EvidenceSource = pades.EvidenceSource
)

// A Kind is ASiC-S or ASiC-E.
type Kind = asic.Kind

// Kinds.
const (
	Simple   = asic.Simple
	Extended = asic.Extended
)

// A Form is that of the signatures in a container.
type Form string

// Forms.
const (
	XAdES Form = "xades"
	CAdES Form = "cades"
)

// The names of what is put into a container. Numbers follow where there may be several.
const (
	simpleXAdES   = "META-INF/signatures.xml"
	simpleCAdES   = "META-INF/signature.p7s"
	extendedXAdES = "META-INF/signatures%03d.xml"
	extendedCAdES = "META-INF/signature%03d.p7s"
	manifestName  = "META-INF/ASiCManifest%03d.xml"
	simpleStamp   = "META-INF/timestamp.tst"
	extendedStamp = "META-INF/timestamp%03d.tst"

	mimeCAdES = "application/pkcs7-signature"
	mimeStamp = "application/vnd.etsi.timestamp-token"
)

// ErrContainer means that a container cannot be made of these files, or not be extended. The
// wrapped error says why.
var ErrContainer = errors.New("the container cannot be made or extended")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", pades.ErrRequest, fmt.Sprintf(format, args...))
}

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrContainer, fmt.Errorf(format, args...))
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// A content is a container in the making: its files but for the media type.
type content struct {
	mimeType string
	files    []asic.File
}

func (c *content) write() ([]byte, error) {
	b, err := asic.Write(c.mimeType, c.files)
	if err != nil {
		return nil, unfit("%w", err)
	}
	return b, nil
}

func (c *content) file(name string) ([]byte, bool) {
	for _, f := range c.files {
		if f.Name == name {
			return f.Data, true
		}
	}
	return nil, false
}

func (c *content) set(name string, data []byte) {
	for i, f := range c.files {
		if f.Name == name {
			c.files[i].Data = data
			return
		}
	}
	c.files = append(c.files, asic.File{Name: name, Data: data})
}

// fill makes a container of files, whose names are judged as a reader judges them.
func fill(kind Kind, files []File) (content, error) {
	c := content{mimeType: asic.MIMEExtended}
	switch {
	case kind != Simple && kind != Extended:
		return c, bad("no container %q, there are %s and %s", kind, Simple, Extended)
	case len(files) == 0, kind == Simple && len(files) != 1:
		return c, bad("an ASiC-S holds one file, an ASiC-E one or more")
	case kind == Simple:
		c.mimeType = asic.MIMESimple
	}
	for _, f := range files {
		if asic.RoleOf(f.Name) != asic.Data {
			return c, unfit("the name %q is the container's own", f.Name)
		}
		c.files = append(c.files, asic.File{Name: f.Name, Data: f.Data})
	}
	b, err := c.write()
	if err == nil {
		if _, err = asic.Open(b); err != nil {
			err = unfit("%w", err)
		}
	}
	return c, err
}

// free is the first name of a form, with a number, that no file has to a file system.
func (c *content) free(form string) string {
	for n := 1; ; n++ {
		name := fmt.Sprintf(form, n)
		if !slices.ContainsFunc(c.files, func(f asic.File) bool { return strings.EqualFold(f.Name, name) }) {
			return name
		}
	}
}

// archive adds a time-stamp over a manifest of all that is there.
func (c *content) archive(ctx context.Context, src Timestamper, h crypto.Hash) error {
	manifest := c.free("META-INF/ASiCArchiveManifest%03d.xml")
	m := asic.ASiCManifest{Signature: c.free(extendedStamp)}
	for _, f := range c.files {
		o := asic.DataObject{URI: f.Name, Hash: h, Digest: sum(h, f.Data)}
		switch asic.RoleOf(f.Name) {
		case asic.CAdES:
			o.MIMEType = mimeCAdES
		case asic.Timestamp:
			o.MIMEType = mimeStamp
		case asic.Manifest, asic.ArchiveManifest:
			o.MIMEType = "text/xml"
		}
		m.Objects = append(m.Objects, o)
	}
	b, err := m.Marshal(mimeStamp)
	if err != nil {
		return err
	}
	token, err := pades.Stamp(ctx, src, h, sum(h, b))
	if err != nil {
		return fmt.Errorf("archive timestamp: %w", err)
	}
	c.set(manifest, b)
	c.set(m.Signature, token)
	return nil
}
