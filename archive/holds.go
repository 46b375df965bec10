package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"chop/internal/asic"
	"chop/internal/cms"
	"chop/internal/jws"
	"chop/internal/xmldsig"
	"chop/validation"
)

// holds checks that a later generation is the earlier one with something added: a PDF begins
// with it; elsewhere each signature is there with the value that it had, in the same order,
// and each file of a container is as it was. Who signed what is then the same, since the
// later one passes validation.
func holds(ctx context.Context, later, earlier *file) error {
	if later.form != earlier.form {
		return fmt.Errorf("it is %s, and was %s", later.form, earlier.form)
	}
	switch later.form {
	case validation.FormPDF:
		if !bytes.HasPrefix(later.bytes, earlier.bytes) {
			return errors.New("it does not begin with the bytes of the one before")
		}
		return nil
	case validation.FormASiC:
		return holdsContainer(ctx, later.bytes, earlier.bytes)
	}
	return holdsValues(ctx, later.form, later.bytes, earlier.bytes)
}

func holdsValues(ctx context.Context, form string, later, earlier []byte) error {
	before, err := values(ctx, form, earlier)
	if err != nil {
		return err
	}
	after, err := values(ctx, form, later)
	if err != nil {
		return err
	}
	if len(before) != len(after) || len(before) == 0 {
		return fmt.Errorf("it has %d signatures, and had %d", len(after), len(before))
	}
	for i := range before {
		if !bytes.Equal(before[i], after[i]) {
			return fmt.Errorf("signature %d has another value", i+1)
		}
	}
	return nil
}

// values are those of the signatures, in their order.
func values(ctx context.Context, form string, b []byte) (list [][]byte, err error) {
	switch form {
	case validation.FormXML:
		d, err := xmldsig.Open(ctx, b, xmldsig.Limits{})
		if err != nil {
			return nil, err
		}
		elements, err := d.SignatureElements()
		if err != nil {
			return nil, err
		}
		for _, e := range elements {
			s, err := d.ReadSignature(e)
			if err != nil {
				return nil, err
			}
			list = append(list, s.Value)
		}
	case validation.FormCMS:
		der, err := cms.FromPEM(b)
		if err != nil {
			return nil, err
		}
		m, err := cms.Parse(der)
		if err != nil {
			return nil, err
		}
		for _, s := range m.SignerInfos {
			list = append(list, s.Signature)
		}
	case validation.FormJSON:
		d, err := jws.Open(b, jws.Limits{})
		if err != nil {
			return nil, err
		}
		for _, s := range d.Signatures {
			list = append(list, s.Value)
		}
	}
	return list, nil
}

func holdsContainer(ctx context.Context, later, earlier []byte) error {
	before, err := asic.Open(earlier)
	if err != nil {
		return err
	}
	after, err := asic.Open(later)
	if err != nil {
		return err
	}
	signatures := map[string]string{}
	kind, _ := before.Kind()
	for _, f := range before.SignatureFiles(kind) {
		signatures[f.Name] = validation.FormXML
	}
	// A time-stamp is CMS too: its unit's evidence is added to it (EN 319 162-1, 4.4.3.2).
	for _, role := range []asic.Role{asic.CAdES, asic.Timestamp} {
		for _, f := range before.Named(role) {
			signatures[f.Name] = validation.FormCMS
		}
	}
	for _, f := range before.Files {
		now, there := after.File(f.Name)
		switch form := signatures[f.Name]; {
		case !there:
			return fmt.Errorf("%.100q is not in it any more", f.Name)
		case form != "":
			if err := holdsValues(ctx, form, now, f.Data); err != nil {
				return fmt.Errorf("%.100q: %w", f.Name, err)
			}
		case !bytes.Equal(now, f.Data):
			return fmt.Errorf("%.100q is another file", f.Name)
		}
	}
	return nil
}
