package pades

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"chop/internal/cms"
	"chop/internal/pdf"
)

// An entry is one signature or document timestamp of a file, as extending sees it.
type entry struct {
	field     string
	timestamp bool   // a document timestamp
	end       int64  // of its ByteRange
	contents  []byte // padding included
	signer    []byte // raw certificate
	at        time.Time
	stamps    []*token // signature timestamps
	err       error    // why it cannot be extended
}

// inventory lists what is signed in a file, oldest first. It reads only as much as
// extending needs; whether the signatures hold is for a validator to say.
func inventory(f *pdf.File) ([]*entry, error) {
	v := f.Latest()
	sigs, err := pdf.Signatures(v)
	if err != nil {
		return nil, fmt.Errorf("read signatures: %w", err)
	}
	var entries []*entry
	for _, s := range sigs {
		if s.Value == nil {
			continue
		}
		e := &entry{field: s.Field.Name}
		if err := e.read(v, s.Value); err != nil {
			e.err = fmt.Errorf("read signature of field %q: %w", e.field, err)
		}
		entries = append(entries, e)
	}
	sort.SliceStable(entries, func(i, j int) bool { return entries[i].end < entries[j].end })
	return entries, nil
}

func (e *entry) read(v *pdf.View, value pdf.Dict) error {
	br, err := v.Array(value["ByteRange"])
	if err != nil {
		return err
	}
	if len(br) != 4 {
		return fmt.Errorf("%w: ByteRange of %d numbers", ErrMalformed, len(br))
	}
	for _, o := range br[2:] {
		n, err := v.Int(o)
		if err != nil || n < 0 || n > v.File().Size() {
			return fmt.Errorf("%w: ByteRange", ErrMalformed)
		}
		e.end += n
	}
	contents, err := v.String(value["Contents"])
	if err != nil {
		return err
	}
	e.contents = contents
	der, err := cms.TrimContents(contents)
	if err != nil {
		return err
	}
	sub, err := v.Name(value["SubFilter"])
	if err != nil {
		return err
	}
	if sub == subFilterTime {
		e.timestamp = true
		return e.readTimestamp(der)
	}
	return e.readSignature(der)
}

func (e *entry) readTimestamp(der []byte) error {
	t, err := parseToken(der)
	if err != nil {
		return err
	}
	e.signer, e.at = t.signer, t.genTime()
	return nil
}

func (e *entry) readSignature(der []byte) error {
	sd, err := cms.Parse(der)
	if err != nil {
		return err
	}
	if len(sd.SignerInfos) != 1 {
		return fmt.Errorf("%w: %d signers in one CMS", ErrMalformed, len(sd.SignerInfos))
	}
	if e.signer = sd.SignerInfos[0].FindCertificate(sd.Certificates); e.signer == nil {
		return fmt.Errorf("%w: the CMS lacks its signer's certificate", ErrMalformed)
	}
	for _, raw := range sd.SignerInfos[0].SignatureTimestamps() {
		t, err := parseToken(raw)
		if err != nil {
			return err
		}
		e.stamps = append(e.stamps, t)
	}
	return nil
}

// provenAt returns the earliest trusted time at which the entry existed: by a
// timestamp of its own, or a later one over the document. Zero means none.
func (e *entry) provenAt(all []*entry) time.Time {
	var at time.Time
	take := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, t := range e.stamps {
		take(t.genTime())
	}
	if e.timestamp && e.err == nil {
		take(e.at)
	}
	for _, later := range all {
		if later.timestamp && later.err == nil && later.end > e.end {
			take(later.at)
		}
	}
	return at
}

// kept tells for which entries the file needs no more evidence: the DSS has it under
// the entry's key, or a later document timestamp sealed it together with a DSS.
func kept(f *pdf.File, all []*entry) (func(*entry) bool, error) {
	latest, err := dssOf(f.Latest())
	if err != nil {
		return nil, err
	}
	vri, err := f.Latest().Dict(latest["VRI"])
	if err != nil {
		return nil, fmt.Errorf("read VRI: %w", err)
	}
	var sealed int64 // all that ends before this is under a timestamp that covers a DSS
	for _, e := range all {
		if !e.timestamp || e.err != nil {
			continue
		}
		i := slices.IndexFunc(f.Revisions(), func(r pdf.Revision) bool { return r.End >= e.end || r.Tail >= e.end })
		if i < 0 {
			continue
		}
		dss, err := dssOf(f.View(i))
		if err != nil {
			return nil, err
		}
		if dss != nil {
			sealed = max(sealed, e.end)
		}
	}
	return func(e *entry) bool {
		return e.end < sealed || vri[pdf.Name(vriKey(e.contents))] != nil
	}, nil
}

func dssOf(v *pdf.View) (pdf.Dict, error) {
	catalog, err := v.Catalog()
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	dss, err := v.Dict(catalog["DSS"])
	if err != nil {
		return nil, fmt.Errorf("read DSS: %w", err)
	}
	return dss, nil
}
