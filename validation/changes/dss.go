package changes

import (
	"errors"
	"fmt"
	"slices"

	"chop/internal/pdf"
)

// dss wants a document security store (EN 319 142-1, 5.4) to be one, and to keep what
// it held: nobody honest takes evidence away, and what was taken may have been the
// proof of a revocation.
func (w *walk) dss(catalog pdf.Ref, before, after pdf.Object) {
	w.account(after)
	w.permit(before)
	if !w.differs(before, after) {
		return
	}
	if err := w.compareDSS(before, after); err != nil {
		w.other(catalog, 0, "/DSS: %v", err)
		return
	}
	w.report(Change{Kind: Evidence, Ref: catalog, Detail: "document security store"})
}

func (w *walk) compareDSS(before, after pdf.Object) error {
	old, err := w.old.Dict(before)
	if err != nil {
		return err
	}
	d, err := w.new.Dict(after)
	if err != nil {
		return err
	}
	for key, e := range d {
		switch key {
		case "Type":
			if e != pdf.Name("DSS") {
				err = errors.New("its Type is wrong")
			}
		case "Certs", "CRLs", "OCSPs", "VRI":
		default:
			err = fmt.Errorf("unknown entry %s", key)
		}
		if err != nil {
			return err
		}
	}
	for _, key := range []pdf.Name{"Certs", "CRLs", "OCSPs"} {
		if err := w.growing(old[key], d[key]); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return w.compareVRI(old["VRI"], d["VRI"])
}

// compareVRI wants the index by signature to keep its keys. What stands under a key
// may change, since it only repeats what the lists hold.
func (w *walk) compareVRI(before, after pdf.Object) error {
	old, err := w.old.Dict(before)
	if err != nil {
		return nil // it was none before either
	}
	d, err := w.new.Dict(after)
	if err != nil {
		return err
	}
	for key, e := range old {
		if e != nil && d[key] == nil {
			return fmt.Errorf("VRI %s was removed", key)
		}
	}
	for key, e := range d {
		if key == "Type" {
			continue
		}
		if err := w.checkVRI(e); err != nil {
			return fmt.Errorf("VRI %s: %w", key, err)
		}
	}
	return nil
}

func (w *walk) checkVRI(o pdf.Object) error {
	d, err := w.new.Dict(o)
	if err != nil {
		return err
	}
	if d == nil {
		return errors.New("is null")
	}
	for key, e := range d {
		switch key {
		case "Cert", "CRL", "OCSP":
			if _, err := w.streams(w.new, e); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		case "TS", "TU", "Type":
		default:
			return fmt.Errorf("unknown entry %s", key)
		}
	}
	return nil
}

// growing wants arrays of streams of which the newer holds all that the older held,
// in whatever objects.
func (w *walk) growing(before, after pdf.Object) error {
	list, err := w.streams(w.new, after)
	if err != nil {
		return err
	}
	old, err := w.streams(w.old, before)
	if err != nil {
		return nil // it was none before either
	}
	for i, s := range old {
		if !slices.ContainsFunc(list, func(n *pdf.Stream) bool { return w.equalData(s, n) }) {
			return fmt.Errorf("element %d was removed", i)
		}
	}
	return nil
}

func (w *walk) streams(v *pdf.View, o pdf.Object) ([]*pdf.Stream, error) {
	list, err := v.Array(o)
	if err != nil {
		return nil, err
	}
	out := make([]*pdf.Stream, len(list))
	for i, e := range list {
		if out[i], err = v.Stream(e); err != nil {
			return nil, err
		}
		if out[i] == nil {
			return nil, fmt.Errorf("element %d is null", i)
		}
	}
	return out, nil
}
