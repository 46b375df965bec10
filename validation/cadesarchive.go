package validation

import (
	"cmp"
	"crypto"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"chop/internal/cms"
)

// An archiveStamp is an archive time-stamp in a signature that is over what it should be: of
// the third version (EN 319 122-1, 5.5.3), or of the second (RFC 5126, 6.4.1).
type archiveStamp struct {
	*token
	index     *cms.HashIndex // nil: of the second version, which is over all that is there
	attribute cms.Attribute
	value     []byte
}

func (a *archiveStamp) coversElement(e cms.Element) bool {
	return a.index == nil || a.index.CoversElement(e)
}

func (a *archiveStamp) coversAttribute(attribute cms.Attribute, value []byte) bool {
	if a.index == nil {
		return !laterArchive(attribute, a.Info.GenTime)
	}
	return a.index.CoversAttribute(attribute, value)
}

// laterArchive reports whether an attribute is an archive time-stamp that is not older than
// a time: one of the second version is not over such.
func laterArchive(a cms.Attribute, at time.Time) bool {
	if !slices.ContainsFunc([]asn1.ObjectIdentifier{cms.OIDArchiveTimestampV1, cms.OIDArchiveTimestampV2, cms.OIDArchiveTimestampV3}, a.Type.Equal) {
		return false
	}
	return slices.ContainsFunc(a.Values, func(v []byte) bool {
		t, err := cms.ParseTimestampToken(v)
		return err != nil || !t.Info.GenTime.Before(at)
	})
}

// An outerStamp is a time-stamp that the container of a message has over the whole of it.
type outerStamp struct {
	*cms.TimestampToken
	name string
	// covers reports whether it is over a file of the container.
	covers func(name string) bool
}

// sumsOf gives the digests of some data under several algorithms.
func sumsOf(d *signedData, wanted []crypto.Hash) map[crypto.Hash][]byte {
	sums := map[crypto.Hash][]byte{}
	for _, h := range wanted {
		if sum := d.sum(h); sum != nil {
			sums[h] = sum
		}
	}
	return sums
}

// wanted lists the algorithms under which the content is digested.
func (s *cadesSignature) wanted() []crypto.Hash {
	list := []crypto.Hash{s.signer.Digest}
	for _, der := range slices.Concat(s.signer.ContentTimestamps(), s.signer.ArchiveTimestamps()) {
		if len(list) > maxTokens {
			break
		}
		if t, err := cms.ParseTimestampToken(der); err == nil {
			list = append(list, t.Info.HashAlgorithm)
		}
	}
	return list
}

// load is how much has to be digested for the signature: everything beside it, once for the
// pool of evidence, and once and again for each archive time-stamp.
func (s *cadesSignature) load() int {
	n := 0
	for _, e := range s.message.Elements() {
		n += len(e.Raw)
	}
	for _, a := range s.signer.UnsignedAttrs {
		for _, v := range a.Values {
			n += len(v)
		}
	}
	return n * (1 + 3*len(s.archiveTokens()))
}

// archiveTokens are those of both versions.
func (s *cadesSignature) archiveTokens() [][]byte {
	list := s.signer.ArchiveTimestamps()
	for _, a := range s.signer.UnsignedAttrs {
		if a.Type.Equal(cms.OIDArchiveTimestampV2) {
			list = append(list, a.Values...)
		}
	}
	return list
}

// findArchives finds the archive time-stamps and brings them in the order of their times.
// One that is over something else, or over something that is gone, was never a time-stamp of
// this signature as it is here.
func (s *cadesSignature) findArchives(outer []*outerStamp) {
	s.outer = outer
	if s.fatal.ind != "" {
		return
	}
	for _, a := range s.signer.UnsignedAttrs {
		switch {
		case a.Type.Equal(cms.OIDArchiveTimestampV1):
			s.checks.add("TSV", Warning, "an archive time-stamp of the first version is not looked at")
		case a.Type.Equal(cms.OIDArchiveTimestampV2):
			for _, value := range a.Values {
				s.findOldArchive(a, value)
			}
		case a.Type.Equal(cms.OIDArchiveTimestampV3):
			for _, value := range a.Values {
				s.findArchive(a, value)
			}
		}
	}
	slices.SortStableFunc(s.archives, func(a, b *archiveStamp) int { return a.Info.GenTime.Compare(b.Info.GenTime) })
}

func (s *cadesSignature) findArchive(a cms.Attribute, value []byte) {
	if s.data == nil {
		s.checks.add("TSV", Warning, "archive time-stamp: the file that it covers was not given")
		return
	}
	t, err := cms.ParseTimestampToken(value)
	if err != nil {
		s.breach("archive time-stamp: %v", err)
		return
	}
	index, err := s.archived(t)
	if err != nil {
		s.breach("archive time-stamp: %v", err)
		return
	}
	s.archives = append(s.archives, &archiveStamp{token: &token{TimestampToken: t}, index: index, attribute: a, value: value})
}

// findOldArchive takes one of the second version if it is over the message as it is. What
// somebody added since to certificates or crls, for a signature of their own, may be why it
// is not, and then it proves nothing.
func (s *cadesSignature) findOldArchive(a cms.Attribute, value []byte) {
	t, err := cms.ParseTimestampToken(value)
	if err == nil && s.data == nil {
		err = errors.New("the file that it covers was not given")
	}
	if err == nil {
		var external, octets []byte
		if s.message.Content == nil {
			external = s.data.octets
		}
		octets, err = s.message.ArchiveImprintV2(s.signer, external, func(b cms.Attribute) bool { return laterArchive(b, t.Info.GenTime) })
		if err == nil && t.Covers(octets) != nil {
			err = errors.New("it is not over the message as it is")
		}
	}
	if err != nil {
		s.checks.add("TSV", Warning, "archive time-stamp of the second version: %v", err)
		return
	}
	s.archives = append(s.archives, &archiveStamp{token: &token{TimestampToken: t}, attribute: a, value: value})
}

// archived checks what an archive time-stamp is over, and that all of it is there.
func (s *cadesSignature) archived(t *cms.TimestampToken) (*cms.HashIndex, error) {
	index, err := t.HashIndex()
	if err != nil {
		return nil, err
	}
	sum := s.content[t.Info.HashAlgorithm]
	if sum == nil {
		return nil, errors.New("its hash algorithm is not known")
	}
	octets, err := s.message.ArchiveImprint(s.signer, sum, index.Raw)
	if err != nil {
		return nil, err
	}
	if err := t.Covers(octets); err != nil {
		return nil, errImprint
	}
	return index, index.Check(s.message, s.signer)
}

// placeOf is the place of something beside the signature: that of the first archive
// time-stamp from which on all cover it. The i-th covers all places up to i; the signature
// itself, which all are over, is at 0. So what a later one leaves out, no earlier one's
// coverage is borrowed for. Those over the whole message come behind all.
func (s *cadesSignature) placeOf(covered func(*archiveStamp) bool) int {
	p := len(s.archives)
	for p > 0 && covered(s.archives[p-1]) {
		p--
	}
	return p
}

// gather fills the pool with the message's evidence.
func (s *cadesSignature) gather(r *run) {
	if s.fatal.ind != "" {
		return
	}
	for _, e := range s.message.Elements() {
		r.gatherElement(e, s.placeOf(func(x *archiveStamp) bool { return x.coversElement(e) }))
	}
	for i, o := range s.outer {
		r.gatherMessage(o.SignedData, o.Signer, s.outerPlace(i))
	}
	s.gatherTokens(r)
}

func (r *run) gatherElement(e cms.Element, place int) {
	switch {
	case e.X509 != nil:
		r.pool.addCertificate(e.X509, place, true)
	case e.CRL != nil:
		r.pool.addCRL(e.CRL, place, true)
	case e.OCSP != nil:
		r.pool.addOCSP(e.OCSP, place, true)
	}
}

// gatherTokens takes what lies in the signature's own attributes. Nothing else than the
// time-stamps is where EN 319 122-1 has it now; certificate-values and revocation-values were.
func (s *cadesSignature) gatherTokens(r *run) {
	for _, der := range s.signer.ContentTimestamps() {
		r.gatherTokens([][]byte{der}, s.place)
	}
	for _, a := range s.signer.UnsignedAttrs {
		for _, value := range a.Values {
			place := s.place
			if s.on == nil {
				place = s.placeOf(func(x *archiveStamp) bool { return x.coversAttribute(a, value) })
			}
			switch {
			case a.Type.Equal(cms.OIDSignatureTimestamp), a.Type.Equal(cms.OIDArchiveTimestampV3), a.Type.Equal(cms.OIDArchiveTimestampV2):
				r.gatherTokens([][]byte{value}, place)
			case a.Type.Equal(cms.OIDCertificateValues), a.Type.Equal(cms.OIDRevocationValues):
				certs, info := cms.EvidenceValues(cms.Attribute{Type: a.Type, Values: [][]byte{value}})
				for _, der := range certs {
					r.pool.addCertificate(der, place, true)
				}
				for _, der := range info.CRLs {
					r.pool.addCRL(der, place, true)
				}
				for _, der := range info.OCSPs {
					r.pool.addOCSP(der, place, true)
				}
			}
		}
	}
}

// archive validates the archive time-stamps, newest first (5.6.2.3), and enters what they
// prove into the timeline.
func (s *cadesSignature) archive(r *run) {
	for i := len(s.outer) - 1; i >= 0; i-- {
		t := &token{TimestampToken: s.outer[i].TimestampToken, place: s.outerPlace(i)}
		s.prove(r, t, len(s.archives)+i, "archive time-stamp of the container")
	}
	for i := len(s.archives) - 1; i >= 0; i-- {
		a := s.archives[i]
		a.place = s.placeOf(func(x *archiveStamp) bool { return x.coversAttribute(a.attribute, a.value) })
		s.prove(r, a.token, i, "archive time-stamp")
	}
}

func (s *cadesSignature) prove(r *run, t *token, place int, what string) {
	r.judgeToken(t, &s.checks)
	if !t.passed() {
		s.checks.add("TSV", Warning, "%s of %s: %s: %s", what, stamp(t.Info.GenTime), t.sub, t.why)
		return
	}
	s.checks.add("TSV", Passed, "%s of %s by %s", what, stamp(t.Info.GenTime), name(t.cert))
	r.timeline.prove(place, t.Info.GenTime)
	r.archives = append(r.archives, t)
}

// outerPlace is the place of the i-th of the container's time-stamps.
func (s *cadesSignature) outerPlace(i int) int {
	return len(s.archives) + i + 1 + placeAmong(s.outer[i+1:], s.outer[i].name)
}

// placeAmong is the place of a file: the first time-stamp from which on all cover it.
func placeAmong(list []*outerStamp, name string) int {
	p := len(list)
	for p > 0 && list[p-1].covers(name) {
		p--
	}
	return p
}

// byTime brings time-stamps into the order of their times.
func byTime(list []*outerStamp) {
	slices.SortStableFunc(list, func(a, b *outerStamp) int {
		return cmp.Or(a.Info.GenTime.Compare(b.Info.GenTime), a.Info.Serial.Cmp(b.Info.Serial))
	})
}
