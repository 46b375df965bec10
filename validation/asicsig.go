package validation

import (
	"slices"

	"chop/internal/asic"
	"chop/internal/xmldsig"
)

// judgeCAdES judges the CAdES signatures: each is over its manifest, or in an ASiC-S over the
// one data object.
func (c *container) judgeCAdES() error {
	for _, f := range c.Named(asic.CAdES) {
		m, err := openCMS(f.Data)
		if err != nil {
			if err := c.unreadable(f.Name, FormatCAdESFile, err); err != nil {
				return err
			}
			continue
		}
		m.fetches, m.outer, m.work = c.fetches, c.over(f.Name), &c.work
		var signs []string
		data := c.Named(asic.Data)
		manifest := c.manifests[f.Name]
		switch {
		case manifest != nil:
			m.manifest = manifest.check()
			m.files = []*signedData{c.digests[manifest.name]}
			signs = append(slices.Clone(manifest.files), manifest.name)
		case c.kind == asic.Simple && len(data) == 1:
			m.files = []*signedData{c.digests[data[0].Name]}
			signs = []string{data[0].Name}
		}
		list, err := c.v.judgeMessage(c.ctx, m, c.o)
		if err != nil {
			return err
		}
		for _, s := range list {
			if m.Content != nil {
				s.breach("the signature holds a content of its own, beside the container's")
				s.settle(s.strict)
			}
			row := s.reported()
			row.Field = f.Name + ": " + row.Field
			of := signs
			if s.on != nil {
				of = nil // it is over a signature
			}
			if err := c.add(row, of); err != nil {
				return err
			}
		}
	}
	return nil
}

// unreadable adds a row for a file that should hold signatures, and cannot be read.
func (c *container) unreadable(name, format string, err error) error {
	row := Signature{Field: name, Format: format, Indication: TotalFailed, SubIndication: FormatFailure}
	l := checks{}
	l.conclude("FC", fail(FormatFailure, "%v", err), "")
	row.Checks = l
	return c.add(row, nil)
}

// judgeXAdES judges the XML signatures in each file of them.
func (c *container) judgeXAdES() error {
	for _, f := range c.SignatureFiles(c.kind) {
		if err := c.judgeXMLFile(f); err != nil {
			return err
		}
	}
	return nil
}

func (c *container) judgeXMLFile(f asic.File) error {
	parsed, err := xmldsig.Open(c.ctx, f.Data, xmldsig.Limits{})
	if err != nil {
		return c.unreadable(f.Name, FormatXAdES, err)
	}
	elements, err := parsed.SignatureElements()
	if err != nil {
		return c.unreadable(f.Name, FormatXAdES, err)
	}
	c.surroundings(f.Name, parsed, elements)
	for i, e := range elements {
		s := &xmlSignature{doc: parsed, element: e, sources: c.sources()}
		s.form = s
		s.field = fieldName(e, i)
		s.read()
		r := c.v.newRun(c.ctx, c.o, c.fetches)
		s.gather(r)
		r.addGiven(c.o)
		s.archive(r)
		r.judge(&s.subject)
		row := s.row()
		row.Field = f.Name + ": " + row.Field
		row.Level = r.level(&s.subject)
		signs := c.signedBy(s)
		for _, name := range signs[:min(len(signs), maxTold)] {
			row.Signed = append(row.Signed, "file "+name)
		}
		if err := c.add(row, signs); err != nil {
			return err
		}
	}
	return nil
}

// surroundings wants a file of signatures to hold them and nothing else: what stands beside
// them is signed by nobody.
func (c *container) surroundings(name string, doc *xmldsig.Document, signatures []*xmldsig.Element) {
	root := doc.Root()
	if slices.Contains(signatures, root) {
		return
	}
	for _, e := range xmldsig.Elements(root) {
		if !slices.Contains(signatures, e) {
			c.fault("%s: it holds %.100q beside its signatures", name, e.Name())
		}
	}
}

// sources gives a reference the file of its name, and no other. Each time it is asked, the
// file is digested.
func (c *container) sources() xmldsig.Sources {
	return xmldsig.Sources{File: func(uri string) ([]byte, bool) {
		name := c.Resolve(uri)
		if name == "" {
			return nil, false
		}
		b, ok := c.File(name)
		if c.served += len(b); c.served > maxServed {
			if len(c.faults) == 0 || c.faults[len(c.faults)-1] != tooMuch {
				c.fault("%s", tooMuch)
			}
			return nil, false
		}
		return b, ok
	}}
}

const tooMuch = "its signatures want more of its files digested than is done for one container"

// signedBy lists the files that references lead to that hold, whole.
func (c *container) signedBy(s *xmlSignature) []string {
	if s.signature == nil {
		return nil
	}
	var list []string
	for _, r := range s.signature.References {
		if r.Err != nil || !r.Outside() || r.Decoded || r.Signed != nil && !(r.Signed.Whole() && r.Signed.Complete()) {
			continue
		}
		if name := c.Resolve(r.URI); name != "" && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}
