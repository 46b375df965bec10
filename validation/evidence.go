package validation

import (
	"fmt"

	"chop/internal/cms"
	"chop/internal/pdf"
)

// gather fills the pool with the document's own validation data: the document
// security store of every revision (EN 319 142-1, 5.4), so that what a later revision
// drops is not lost, and the messages of all signatures.
func (r *run) gather(file *pdf.File, list []*signature) (troubles []string) {
	st := store{r: r, file: file, seen: map[pdf.Entry]bool{}}
	for i := range file.Len() {
		if err := st.revision(i); err != nil {
			troubles = append(troubles, fmt.Sprintf("DSS of revision %d: %v", i, err))
		}
	}
	for _, s := range list {
		if s.message != nil {
			r.gatherMessage(s.message, s.signer, s.revision+1)
		}
	}
	return troubles
}

// gatherMessage takes certificates and revocation data from a CMS message and from
// the time-stamp tokens in its attributes.
func (r *run) gatherMessage(m *cms.SignedData, signer *cms.SignerInfo, place int) {
	for _, der := range m.Certificates {
		r.pool.addCertificate(der, place, true)
	}
	for _, der := range m.CRLs {
		r.pool.addCRL(der, place, true)
	}
	for _, der := range m.OCSPs {
		r.pool.addOCSP(der, place, true)
	}
	if old, err := signer.AdobeRevocation(); err == nil && old != nil {
		for _, der := range old.CRLs {
			r.pool.addCRL(der, place, true)
		}
		for _, der := range old.OCSPs {
			r.pool.addOCSP(der, place, true)
		}
	}
	for _, der := range append(signer.SignatureTimestamps(), signer.ContentTimestamps()...) {
		if t, err := cms.ParseTimestampToken(der); err == nil {
			r.gatherMessage(t.SignedData, t.Signer, place)
		}
	}
}

// A store reads document security stores.
type store struct {
	r    *run
	file *pdf.File
	seen map[pdf.Entry]bool // streams that an earlier revision already held
	view *pdf.View
}

func (st *store) revision(i int) error {
	st.view = st.file.Shared(i)
	catalog, err := st.view.Catalog()
	if err != nil {
		return err
	}
	dss, err := st.view.Dict(catalog["DSS"])
	if err != nil || dss == nil {
		return err
	}
	if err := st.lists(dss, "Certs", "CRLs", "OCSPs"); err != nil {
		return err
	}
	vri, err := st.view.Dict(dss["VRI"])
	if err != nil {
		return err
	}
	for key, o := range vri {
		if key == "Type" {
			continue
		}
		one, err := st.view.Dict(o)
		if err != nil {
			return err
		}
		if err := st.lists(one, "Cert", "CRL", "OCSP"); err != nil {
			return err
		}
	}
	return nil
}

func (st *store) lists(d pdf.Dict, certs, crls, ocsps pdf.Name) error {
	place := st.view.Index()
	for _, list := range []struct {
		key pdf.Name
		add func([]byte, int, bool)
	}{
		{certs, st.r.pool.addCertificate}, {crls, st.r.pool.addCRL}, {ocsps, st.r.pool.addOCSP},
	} {
		a, err := st.view.Array(d[list.key])
		if err != nil {
			return err
		}
		for _, o := range a {
			if ref, ok := o.(pdf.Ref); ok {
				e, _ := st.view.Entry(ref.Num)
				if st.seen[e] {
					continue
				}
				st.seen[e] = true
			}
			s, err := st.view.Stream(o)
			if err != nil {
				return err
			}
			if s == nil {
				continue
			}
			der, err := st.file.Decode(s)
			if err != nil {
				return err
			}
			list.add(der, place, true)
		}
	}
	return nil
}
