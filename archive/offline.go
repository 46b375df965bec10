package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"chop/internal/audit"
	"chop/validation"
	"chop/validation/bundle"
)

// Limits of an export's files, in bytes.
const (
	maxExported = 1 << 30
	maxAudit    = 256 << 20
	maxRecord   = 16 << 20
)

// VerifyExport judges what Export wrote, without the store and the network: the digests of its
// files, that the newest generation holds the original, the audit log's proof, and the
// document by the evidence that lies beside, as of the moment of the export. Whom to trust
// is the judge's to know; kept are heads of the audit log that the reader has from elsewhere:
// without one, the proof says only that log and record fit each other. ErrExport.
func VerifyExport(ctx context.Context, judge Judge, o validation.Options, dir string, kept ...audit.Head) (*Verification, *Record, error) {
	text, err := readLimited(filepath.Join(dir, exportRecord), maxRecord)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	r, err := readRecord(text)
	if err != nil {
		return nil, nil, err
	}
	v := &Verification{ID: r.ID, Problems: []string{}, Generation: r.newest().Number, ValidAt: r.At, FadesAt: r.FadesAt}
	exported, err := v.events(dir, r, kept)
	if err != nil {
		return nil, nil, err
	}
	newest := v.read(dir, exportDocument, r.Name, r.newest().SHA256)
	original := v.read(dir, exportOriginal, r.Name, r.Original)
	var covered []validation.File
	for _, c := range r.Covered {
		covered = append(covered, validation.File{Name: c.Name, Content: v.read(dir, exportCovered, c.Name, c.SHA256)})
	}
	if newest != nil && original != nil {
		if err := holds(ctx, &file{form: r.Format, bytes: newest}, &file{form: r.Format, bytes: original}); err != nil {
			v.say("the newest generation is not the original with something added: %v", err)
		}
	}
	if newest != nil {
		if err := v.evidence(ctx, judge, o, dir, exported, newest, covered); err != nil {
			return nil, nil, err
		}
	}
	v.OK = len(v.Problems) == 0
	return v, r, nil
}

// events judges the audit log's proof, and finds the digest of the evidence in it.
func (v *Verification) events(dir string, r *Record, kept []audit.Head) (evidence Digest, err error) {
	text, err := readLimited(filepath.Join(dir, exportAudit), maxAudit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrExport, err)
	}
	proof, err := audit.ReadProof(text)
	if err != nil {
		v.say("%v", err)
		return nil, nil
	}
	entries, err := proof.Verify(kept...)
	if err != nil {
		v.say("%v", err)
		return nil, nil
	}
	v.Events, v.Head = len(entries), proof.Head
	for _, problem := range r.proven(entries) {
		v.say("the audit log: %s", problem)
	}
	return exported(entries), nil
}

func (v *Verification) read(dir, folder, name string, sum Digest) []byte {
	b, err := readLimited(filepath.Join(dir, folder, name), maxExported)
	if err != nil {
		v.say("%s: %v", folder, err)
		return nil
	}
	if !v.same(folder, b, sum) {
		return nil
	}
	return b
}

func (v *Verification) same(what string, b []byte, sum Digest) bool {
	got := sha256.Sum256(b)
	if bytes.Equal(got[:], sum) {
		return true
	}
	v.say("%s: the file has the digest %x, and not %s", what, got, sum)
	return false
}

func (v *Verification) evidence(ctx context.Context, judge Judge, o validation.Options, dir string, sum Digest, newest []byte, covered []validation.File) error {
	text, err := readLimited(filepath.Join(dir, exportEvidence), maxExported)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrExport, err)
	}
	v.same(exportEvidence, text, sum) // headers of the ZIP carry nothing, and still are not what was written
	b, err := bundle.Read(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		v.say("%v", err)
		return nil
	}
	if !bytes.Equal(b.Document, newest) {
		v.say("the evidence is about another file")
	}
	o.At, o.Offline, o.Detached = v.ValidAt, true, covered
	o.Certificates, o.CRLs, o.OCSPs = b.Material.Certificates, b.Material.CRLs, b.Material.OCSPs
	report, err := judge.Validate(ctx, bytes.NewReader(newest), int64(len(newest)), o)
	if err != nil && !errors.Is(err, validation.ErrFormat) && !errors.Is(err, validation.ErrOptions) {
		return fmt.Errorf("validate: %w", err)
	}
	v.judged(report, err)
	return nil
}

func readLimited(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s: it is not a regular file, or larger than %d bytes", path, limit)
	}
	return os.ReadFile(path)
}
