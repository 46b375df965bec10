package pades

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"

	"chop/internal/pdf"
)

// evidence is what proves one signature's certificates, each item DER.
type evidence struct {
	certs, ocsps, crls [][]byte
}

func (e *evidence) gather(ctx context.Context, src EvidenceSource, cert *x509.Certificate, after time.Time) error {
	certs, ocsps, crls, err := src.Evidence(ctx, cert, after)
	if err != nil {
		return fmt.Errorf("%w for %q: %w", ErrEvidence, cert.Subject, err)
	}
	e.certs = append(e.certs, certs...)
	e.ocsps = append(e.ocsps, ocsps...)
	e.crls = append(e.crls, crls...)
	return nil
}

// vriKey names a signature within a DSS: SHA-1 over the octets of its Contents string,
// padding included; EN 319 142-1, clause 5.4.2.3. SHA-1 is a name here and proves nothing.
func vriKey(contents []byte) string {
	sum := sha1.Sum(contents)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// appendDSS appends a revision whose DSS holds what the file's DSS held and the
// evidence of some signatures, by VRI key.
func (a *appender) appendDSS(bySignature map[string]*evidence) error {
	f, err := a.open()
	if err != nil {
		return err
	}
	r, err := newRevision(f)
	if err != nil {
		return err
	}
	if err := r.mergeDSS(bySignature); err != nil {
		return err
	}
	if err := r.declareExtension(); err != nil {
		return err
	}
	inc, err := r.build()
	if err != nil {
		return err
	}
	return a.increment(inc)
}

// mergeDSS extends the DSS: nothing that is in it is removed, nothing is stored twice.
// Unknown entries stay. EN 319 142-1, clause 5.4.2.2.
func (r *revision) mergeDSS(bySignature map[string]*evidence) error {
	dss, store, err := r.entry("DSS")
	if err != nil {
		return err
	}
	dss["Type"] = pdf.Name("DSS")
	lists := map[pdf.Name]*pool{}
	for _, key := range []pdf.Name{"Certs", "OCSPs", "CRLs"} {
		if lists[key], err = r.openPool(dss[key]); err != nil {
			return fmt.Errorf("read DSS's %s: %w", key, err)
		}
	}
	vri, err := r.view.Dict(dss["VRI"])
	if err != nil {
		return fmt.Errorf("read VRI: %w", err)
	}
	if vri = vri.Clone(); vri == nil {
		vri = pdf.Dict{}
	}
	keys := make([]string, 0, len(bySignature))
	for key := range bySignature {
		keys = append(keys, key)
	}
	sort.Strings(keys) // the same input gives the same file
	for _, key := range keys {
		if err := r.mergeVRI(vri, pdf.Name(key), bySignature[key], lists); err != nil {
			return fmt.Errorf("extend VRI %s: %w", key, err)
		}
	}
	for key, p := range lists {
		if len(p.refs) > 0 {
			dss[key] = p.refs
		}
	}
	if ref, ok := dss["VRI"].(pdf.Ref); ok && len(vri) > 0 {
		r.up.Set(ref, vri)
	} else {
		dss["VRI"] = vri
	}
	store(dss)
	return nil
}

func (r *revision) mergeVRI(vri pdf.Dict, key pdf.Name, e *evidence, lists map[pdf.Name]*pool) error {
	entry, err := r.view.Dict(vri[key])
	if err != nil {
		return err
	}
	if entry = entry.Clone(); entry == nil {
		entry = pdf.Dict{"Type": pdf.Name("VRI")}
	}
	for _, part := range []struct {
		key, list pdf.Name
		items     [][]byte
	}{{"Cert", "Certs", e.certs}, {"OCSP", "OCSPs", e.ocsps}, {"CRL", "CRLs", e.crls}} {
		refs, err := r.view.Array(entry[part.key])
		if err != nil {
			return err
		}
		refs = append(pdf.Array(nil), refs...)
		for _, der := range part.items {
			refs = appendRef(refs, lists[part.list].add(r.up, der))
		}
		if len(refs) > 0 {
			entry[part.key] = refs
		}
	}
	if ref, ok := vri[key].(pdf.Ref); ok {
		r.up.Set(ref, entry)
	} else {
		vri[key] = entry
	}
	return nil
}

func appendRef(refs pdf.Array, ref pdf.Ref) pdf.Array {
	for _, have := range refs {
		if have == ref {
			return refs
		}
	}
	return append(refs, ref)
}

// A pool is one of the DSS's lists of streams, indexed by what is in them.
type pool struct {
	refs pdf.Array
	have map[[sha256.Size]byte]pdf.Ref
}

func (r *revision) openPool(o pdf.Object) (*pool, error) {
	list, err := r.view.Array(o)
	if err != nil {
		return nil, err
	}
	p := &pool{refs: append(pdf.Array(nil), list...), have: map[[sha256.Size]byte]pdf.Ref{}}
	for _, e := range list {
		ref, ok := e.(pdf.Ref)
		if !ok {
			continue // not a stream; kept as it is
		}
		s, err := r.view.Stream(e)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		data, err := r.view.File().Decode(s)
		if err != nil {
			return nil, fmt.Errorf("decode %v: %w", ref, err)
		}
		p.have[sha256.Sum256(data)] = ref
	}
	return p, nil
}

func (p *pool) add(up *pdf.Update, der []byte) pdf.Ref {
	sum := sha256.Sum256(der)
	if ref, ok := p.have[sum]; ok {
		return ref
	}
	// Not compressed: DER of keys, serials and signatures gains nothing by it.
	ref := up.Add(pdf.NewStream(pdf.Dict{}, der))
	p.have[sum] = ref
	p.refs = append(p.refs, ref)
	return ref
}
