package asic

import (
	"chop/internal/asic"
	"chop/signer/pades"
)

// open takes the container to which a signature is added: its files, and of what kind and form
// it is. What is in it stays byte for byte, but for the file of an ASiC-S with the signatures.
func (d *Document) open() error {
	r := &d.req
	if len(r.Files) > 0 {
		return bad("a signature that is added is over the files in the container")
	}
	if r.Identity == nil {
		return bad("no identity")
	}
	c, err := asic.Open(r.Beside)
	if err != nil {
		return unfit("%w", err)
	}
	kind, unknown := c.Kind()
	if unknown != "" || kind != Simple && kind != Extended {
		return unfit("its media type is %.100q", unknown)
	}
	form, err := formOf(c, kind)
	if err != nil {
		return err
	}
	if r.Kind != "" && r.Kind != kind || r.Form != "" && r.Form != form {
		return bad("the container is an %s with %s", kind, form)
	}
	r.Kind, r.Form = kind, form
	if r.Kind == Extended && r.Form == CAdES && r.Level.AtLeast(pades.LevelLTA) {
		return bad("a signature that is added to an ASiC-E with CAdES reaches B-LT; extend the container to B-LTA")
	}
	d.content.mimeType = asic.MIMEExtended
	if kind == Simple {
		d.content.mimeType = asic.MIMESimple
	}
	for _, f := range c.Files {
		if f.Name == asic.MIMEFile {
			d.content.mimeType = string(f.Data)
			continue
		}
		d.content.files = append(d.content.files, f)
	}
	for _, f := range c.Named(asic.Data) {
		r.Files = append(r.Files, File{Name: f.Name, Data: f.Data})
	}
	if len(r.Files) == 0 || kind == Simple && len(r.Files) != 1 {
		return unfit("it holds %d files", len(r.Files))
	}
	return nil
}

// formOf tells the form of a container's signatures; two forms in one are not the standard's.
func formOf(c *asic.Container, kind Kind) (Form, error) {
	x, p := c.Named(asic.XAdES), c.Named(asic.CAdES)
	switch {
	case len(x) > 0 && len(p) > 0:
		return "", unfit("it has signatures of both forms")
	case len(x)+len(p) == 0:
		return "", unfit("%w", pades.ErrUnsigned)
	case kind == Simple && len(x)+len(p) > 1, kind == Simple && len(x) == 1 && x[0].Name != simpleXAdES, kind == Simple && len(p) == 1 && p[0].Name != simpleCAdES:
		return "", unfit("its signatures are not in %s or %s", simpleXAdES, simpleCAdES)
	case len(x) > 0:
		return XAdES, nil
	}
	return CAdES, nil
}
