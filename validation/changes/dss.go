package changes

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"chop/internal/pdf"
)

// dss wants a document security store (EN 319 142-1, 5.4) to be one, and to keep what
// it held: nobody honest takes evidence away, and what was taken may have been the
// proof of a revocation.
func (w *walk) dss(catalog pdf.Ref, before, after pdf.Object) {
	w.account(after)
	w.permit(before)
	if !w.grew(before, after) && !w.differs(before, after) {
		return
	}
	if err := w.compareDSS(before, after); err != nil {
		w.other(catalog, 0, "/DSS: %v", err)
		return
	}
	w.report(Change{Kind: Evidence, Ref: catalog, Detail: "document security store"})
}

// dssLists are what a security store holds; the rest of it is an index.
var dssLists = []pdf.Name{"Certs", "CRLs", "OCSPs"}

// grew reports whether a list has more or fewer elements than before: what every signature
// with its evidence brings about is seen without looking at the elements.
func (w *walk) grew(before, after pdf.Object) bool {
	old, errOld := w.old.Dict(before)
	d, err := w.new.Dict(after)
	if errOld != nil || err != nil {
		return false
	}
	return slices.ContainsFunc(dssLists, func(key pdf.Name) bool {
		was, errOld := w.old.Array(old[key])
		is, err := w.new.Array(d[key])
		return errOld == nil && err == nil && len(was) != len(is)
	})
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
	for _, key := range dssLists {
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
	held := w.index(list)
	for i, s := range old {
		if ok, err := held.has(s); err != nil || !ok {
			return errors.Join(fmt.Errorf("element %d was removed", i), err)
		}
	}
	return nil
}

// A streamIndex finds streams by their encoded data. Comparing each with each would be
// work by the square of what a file with many signatures holds.
type streamIndex struct {
	w       *walk
	list    []*pdf.Stream
	spans   map[pdf.Span]bool
	digests map[[sha256.Size]byte]bool // made when a place in the file does not decide
}

func (w *walk) index(list []*pdf.Stream) *streamIndex {
	x := &streamIndex{w: w, list: list, spans: map[pdf.Span]bool{}}
	for _, s := range list {
		x.spans[s.Span()] = true
	}
	return x
}

func (x *streamIndex) has(s *pdf.Stream) (bool, error) {
	if s.Span().Len() > 0 && x.spans[s.Span()] {
		return true, nil
	}
	if x.digests == nil {
		x.digests = map[[sha256.Size]byte]bool{}
		for _, s := range x.list {
			d, err := x.w.digest(s)
			if err != nil {
				return false, err
			}
			x.digests[d] = true
		}
	}
	d, err := x.w.digest(s)
	return x.digests[d], err
}

// digest is that of the encoded data.
func (w *walk) digest(s *pdf.Stream) (d [sha256.Size]byte, err error) {
	if err := w.step(); err != nil {
		return d, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, w.f.Raw(s)); err != nil {
		return d, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
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
