package validation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"chop/internal/asic"
	"chop/validation/changes"
)

// A container is an associated signature container (EN 319 162-1) on its way to a report.
type container struct {
	*asic.Container
	v       *Validator
	ctx     context.Context
	o       Options
	kind    asic.Kind
	fetches *fetches
	// manifests are the readable ones of signatures and time-stamps, by the name of the file
	// that they are of.
	manifests map[string]*asicManifest
	stamps    []*containerStamp
	digests   map[string]*signedData
	// rows and, side by side with them, the files that each signs.
	rows   []Signature
	signs  [][]string
	faults []string
	// work is how much was digested beside signatures in CMS; served, how much of its files
	// for those in XML.
	work, served int
}

// maxServed is how many bytes of a container's files are digested for its XML signatures: a
// small container unpacks to much, and each signature may ask for all of it, again and again.
const maxServed = 2 << 30

// isContainer reports whether a document is to be read as a ZIP file.
func isContainer(doc io.ReaderAt, size int64) bool {
	start := make([]byte, min(size, 4))
	if _, err := doc.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return asic.Is(start)
}

// validateASiC judges a container: each signature and time-stamp in it, and whether all that
// is in it is signed.
func (v *Validator) validateASiC(ctx context.Context, doc io.ReaderAt, size int64, o Options) (*Report, error) {
	data, err := readAll(doc, size, maxMessage)
	if err != nil {
		return nil, err
	}
	opened, err := asic.Open(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	c := &container{Container: opened, v: v, ctx: ctx, o: o, fetches: v.newFetches(o), digests: map[string]*signedData{}}
	var unknown string
	if c.kind, unknown = c.Kind(); unknown != "" {
		c.fault("its media type is %.100q, which is none of a signed container", unknown)
	}
	for _, f := range c.Files {
		c.digests[f.Name] = &signedData{name: "file " + f.Name, octets: f.Data}
	}
	if n := len(c.Named(asic.Timestamp)); n > maxTokens {
		return nil, fmt.Errorf("%w: %d time-stamps, at most %d", ErrFormat, n, maxTokens)
	}
	c.conform()
	c.readManifests()
	c.readStamps()
	for _, judge := range []func() error{c.judgeXAdES, c.judgeCAdES, c.judgeStamps} {
		if err := judge(); err != nil {
			return nil, err
		}
	}
	report := &Report{Signatures: append([]Signature{}, c.rows...), Document: Document{Modifications: changes.None}}
	report.Document.Unsigned, report.Document.Faults = c.unsigned(), c.faults
	return report, nil
}

func (c *container) fault(format string, args ...any) {
	if len(c.faults) < maxUnsigned {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

// add adds a row and the files that it signs.
func (c *container) add(row Signature, signs []string) error {
	if len(c.rows) == maxMessageSignatures {
		return fmt.Errorf("%w: more than %d signatures", ErrFormat, maxMessageSignatures)
	}
	told := checks(row.Checks)
	told.outside(c.outside())
	row.Checks = told
	c.rows, c.signs = append(c.rows, row), append(c.signs, signs)
	return nil
}

// conform checks what a container of its kind may hold (4.3.3, 4.4.3).
func (c *container) conform() {
	data := c.Named(asic.Data)
	if c.kind == asic.Simple {
		if len(data) != 1 {
			c.fault("an ASiC-S holds one data object, and this one %d", len(data))
		}
		kinds := 0
		for _, role := range []asic.Role{asic.XAdES, asic.CAdES} {
			if n := len(c.Named(role)); n > 1 {
				c.fault("an ASiC-S has one file with signatures, and this one %d", n)
			} else {
				kinds += n
			}
		}
		if _, ok := c.File(simpleStamp); ok {
			kinds++
		}
		if kinds > 1 {
			c.fault("an ASiC-S has signatures of one form, or a time-stamp, and this one %d", kinds)
		}
	}
	if c.kind == asic.OpenDocument {
		return // whose package says more than its manifest tells
	}
	faults, err := c.PackageFaults(c.ctx)
	if err != nil {
		faults = append(faults, err.Error())
	}
	for _, f := range faults {
		c.fault("%s", f)
	}
}

// unsigned lists the files that no signature that passed covers, but for those that the
// standard puts there: a reader who unpacks the container takes them for signed. Where there
// is no signature, what is time-stamped counts.
func (c *container) unsigned() []string {
	signed := map[string]bool{}
	anySignature := slices.ContainsFunc(c.rows, func(s Signature) bool { return s.Format != FormatTimestamp })
	for i, row := range c.rows {
		if row.Indication == TotalPassed && (row.Format != FormatTimestamp || !anySignature) {
			for _, name := range c.signs[i] {
				signed[name] = true
			}
		}
	}
	var list []string
	for _, f := range c.Files {
		switch asic.RoleOf(f.Name) {
		case asic.Data, asic.Other:
		case asic.Manifest, asic.ArchiveManifest:
			if c.claimed(f.Name) {
				continue
			}
		case asic.Package, asic.MediaType:
			if c.kind != asic.OpenDocument { // whose programs read them for what the files are
				continue
			}
		case asic.CAdES, asic.Timestamp, asic.EvidenceRecord:
			continue
		case asic.XAdES:
			if slices.ContainsFunc(c.SignatureFiles(c.kind), func(s asic.File) bool { return s.Name == f.Name }) {
				continue
			}
		}
		if !signed[f.Name] && len(list) < maxUnsigned {
			list = append(list, "file "+f.Name)
		}
	}
	for _, f := range c.o.Detached {
		if len(list) < maxUnsigned {
			list = append(list, "file "+f.Name+", beside the container")
		}
	}
	return list
}
