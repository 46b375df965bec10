package validation

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"chop/internal/cms"
	"chop/validation/changes"
)

// Limits on one CMS file. Package cms has its own, on what is read.
const (
	maxMessageSignatures = 100 // counter-signatures included
	maxCounterDepth      = 3
	maxTokens            = 64      // of one signature
	maxMessageWork       = 1 << 30 // bytes of one file, to be digested of what stands beside signatures
)

// isCMS reports whether a document is to be read as a CMS message: DER or BER of a
// ContentInfo that says it is SignedData, or PEM.
func isCMS(doc io.ReaderAt, size int64) bool {
	start := make([]byte, min(size, 64))
	if _, err := doc.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	if bytes.HasPrefix(bytes.TrimLeft(start, " \t\r\n"), []byte("-----BEGIN ")) {
		return true
	}
	signedData := []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2}
	return len(start) > 0 && start[0] == 0x30 && bytes.Contains(start[:min(len(start), 20)], signedData)
}

// validateCMS judges a CMS message: CAdES (EN 319 122-1), or plain signatures (RFC 5652).
func (v *Validator) validateCMS(ctx context.Context, doc io.ReaderAt, size int64, o Options) (*Report, error) {
	if err := checkFiles(o.Detached); err != nil {
		return nil, err
	}
	data, err := readAll(doc, size, maxMessage)
	if err != nil {
		return nil, err
	}
	m, err := openCMS(data)
	if err != nil {
		return nil, err
	}
	var files []*signedData
	switch {
	case m.Content == nil:
		for _, f := range o.Detached {
			files = append(files, &signedData{name: "file " + f.Name, octets: f.Content, given: len(f.Digests) > 0, sums: maps.Clone(f.Digests)})
		}
	default:
		files = []*signedData{{name: fmt.Sprintf("the content of the message, %d bytes", len(m.Content)), octets: m.Content}}
	}
	m.files, m.fetches = files, v.newFetches(o)
	list, err := v.judgeMessage(ctx, m, o)
	if err != nil {
		return nil, err
	}
	report := &Report{Signatures: []Signature{}, Document: Document{Modifications: changes.None}}
	for _, s := range list {
		report.Signatures = append(report.Signatures, s.reported())
	}
	for _, f := range o.Detached {
		name := "file " + f.Name
		if len(report.Document.Unsigned) < maxUnsigned && !slices.ContainsFunc(report.Signatures, func(s Signature) bool {
			return s.Indication == TotalPassed && slices.Contains(s.Signed, name)
		}) {
			report.Document.Unsigned = append(report.Document.Unsigned, name)
		}
	}
	return report, nil
}

// maxMessage is how large a file is that is held in memory, in bytes.
const maxMessage = 256 << 20

func readAll(doc io.ReaderAt, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, size, limit)
	}
	data := make([]byte, size)
	if n, err := doc.ReadAt(data, 0); int64(n) < size {
		return nil, fmt.Errorf("read document: %w", err)
	}
	return data, nil
}

// A cmsFile is a message in a file.
type cmsFile struct {
	*cms.SignedData
	followed bool           // other bytes stand behind the message
	files    []*signedData  // what its signatures may be over
	manifest *manifestCheck // what that says of other files, or nil
	outer    []*outerStamp  // the time-stamps over the whole message
	work     *int           // bytes digested so far, of the whole file
	fetches  *fetches
}

func openCMS(data []byte) (*cmsFile, error) {
	if data[0] != 0x30 {
		data = bytes.TrimLeft(data, " \t\r\n")
	}
	der, err := cms.FromPEM(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	trimmed, err := cms.TrimContents(der)
	if err != nil && !errors.Is(err, cms.ErrPadding) {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	m, err := cms.Parse(trimmed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return &cmsFile{SignedData: m, followed: len(trimmed) < len(der), work: new(int)}, nil
}

// signedData is what a signature may be over, and its digests.
type signedData struct {
	name   string
	octets []byte
	given  bool // the sums are all that is known of it
	sums   map[crypto.Hash][]byte
}

// sum is the digest, made once; nil under an algorithm that is not ours, or under one that was not given.
func (d *signedData) sum(h crypto.Hash) []byte {
	if d.given {
		return d.sums[h]
	}
	if h == 0 || !h.Available() {
		return nil
	}
	if d.sums == nil {
		d.sums = map[crypto.Hash][]byte{}
	}
	if d.sums[h] == nil {
		w := h.New()
		w.Write(d.octets)
		d.sums[h] = w.Sum(nil)
	}
	return d.sums[h]
}

// judgeMessage judges each signature of a message in a run of its own, and with it those
// upon it.
func (v *Validator) judgeMessage(ctx context.Context, m *cmsFile, o Options) ([]*cadesSignature, error) {
	var list []*cadesSignature
	for i, si := range m.SignerInfos {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("validate: %w", err)
		}
		s := &cadesSignature{cmsSigner: cmsSigner{message: m.SignedData, signer: si}, data: choose(m.files, si), manifest: m.manifest}
		s.form, s.field = s, fmt.Sprintf("signer %d", i+1)
		if s.read(); m.followed {
			s.breach("bytes follow the message, which nobody signed")
		}
		if *m.work += s.load(); *m.work > maxMessageWork && s.fatal.ind == "" {
			s.fatal = undecided(SigConstraintsFailure, "more stands beside the signatures than is digested for them, %d bytes", maxMessageWork)
		}
		r := v.newRun(ctx, o, m.fetches)
		s.findArchives(m.outer)
		s.gather(r)
		r.addGiven(o)
		s.archive(r)
		r.judge(&s.subject)
		s.level = r.level(&s.subject)
		list = append(list, s)
		list = s.judgeCounters(r, list, 1)
		if len(list) > maxMessageSignatures {
			return nil, fmt.Errorf("%w: more than %d signatures", ErrFormat, maxMessageSignatures)
		}
	}
	return list, nil
}

// choose takes the file whose digest a signature names; one alone is the one that is meant.
func choose(files []*signedData, si *cms.SignerInfo) *signedData {
	if len(files) == 1 {
		return files[0]
	}
	digest, err := si.MessageDigest()
	if err != nil || digest == nil {
		return nil
	}
	if i := slices.IndexFunc(files, func(d *signedData) bool { return bytes.Equal(d.sum(si.Digest), digest) }); i >= 0 {
		return files[i]
	}
	return nil
}

// judgeCounters judges the signatures on this one's value: rows of their own, in the same
// run, for what covers the attribute that holds one covers it.
func (s *cadesSignature) judgeCounters(r *run, list []*cadesSignature, depth int) []*cadesSignature {
	counters, err := s.signer.CounterSignatures()
	if err != nil {
		s.checks.add("FC", Warning, "%v", err)
	}
	for i, c := range counters {
		if depth > maxCounterDepth || len(list) > maxMessageSignatures {
			s.settle(s.checks.conclude("FC", undecided(SigConstraintsFailure, "counter-signature %d lies deeper than is looked at, or there are too many", i+1), ""))
			break
		}
		n := &cadesSignature{
			cmsSigner: cmsSigner{message: s.message, signer: c.SignerInfo}, on: s,
			data: &signedData{name: "the signature of " + s.field, octets: s.signer.Signature},
		}
		n.form, n.field = n, fmt.Sprintf("%s, counter-signature %d", s.field, i+1)
		if n.place = s.place; s.on == nil {
			n.place = s.placeOf(func(x *archiveStamp) bool { return x.coversAttribute(c.Attribute, c.Value) })
		}
		n.read()
		n.gatherTokens(r)
		r.judge(&n.subject)
		n.level = r.level(&n.subject)
		list = n.judgeCounters(r, append(list, n), depth+1)
	}
	return list
}
