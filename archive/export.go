package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"chop/internal/audit"
	"chop/validation/bundle"
)

// The files of an export.
const (
	exportRecord   = "store.json"
	exportAudit    = "audit.json"
	exportEvidence = "evidence.zip"
	exportDocument = "document"
	exportOriginal = "original"
	exportCovered  = "covered"
)

// Export writes a document into a new folder: the newest generation, the original, the files
// that they cover, a bundle with all evidence and the report of now, what the store says of
// it, and the audit log's proof of that. VerifyExport reads it without this store. The folder
// is there whole or not at all. ErrRequest if it is there already, ErrNotPassed, ErrNotFound,
// ErrRemoved, ErrBusy, ErrDamaged.
func (s *Store) Export(ctx context.Context, c Caller, id, dir string) (*Record, error) {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is there already", ErrRequest, dir)
	}
	row, err := s.own(ctx, c, id)
	if err != nil {
		return nil, err
	}
	room, err := s.enter(ctx, row.ID, row.DataKey)
	if err != nil {
		return nil, err
	}
	defer room.leave()
	if row, err = s.findDocument(ctx, row.ID); err != nil {
		return nil, err
	}
	if row.Generations == 0 {
		return nil, fmt.Errorf("%w: it is not extended yet", ErrBusy)
	}
	record, err := s.record(ctx, row)
	if err != nil {
		return nil, err
	}
	files, err := s.exported(ctx, c, room, row, record)
	if err != nil {
		return nil, err
	}
	return record, writeExport(dir, files)
}

// exported are the files of an export by their names.
func (s *Store) exported(ctx context.Context, c Caller, room *room, row *documentRow, record *Record) (map[string][]byte, error) {
	newest, err := s.load(ctx, room, row, row.NewestSHA256)
	if err != nil {
		return nil, err
	}
	original, err := room.read(row.OriginalSHA256)
	if err != nil {
		return nil, err
	}
	report, err := s.judge(ctx, newest)
	if err == nil {
		err = passed(report)
	}
	if err != nil {
		return nil, err
	}
	record.At = s.c.Now().UTC() // after the last of the evidence
	reports, err := reportFiles(report)
	if err != nil {
		return nil, err
	}
	var evidence bytes.Buffer
	if err := bundle.Write(&evidence, bundle.Bundle{
		Made: record.At, Name: row.Name, Document: newest.bytes, Detached: newest.covered, Reports: reports, Material: *report.Material,
	}); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(evidence.Bytes())
	err = s.recordEvent(ctx, audit.Event{
		At: record.At, Actor: c.Actor, Action: "archive.export", Subject: subject(row.ID),
		Detail: map[string]any{
			"generation": row.Generations, "sha256": Digest(row.NewestSHA256).String(),
			"original_sha256": Digest(row.OriginalSHA256).String(), "evidence_sha256": Digest(sum[:]).String(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("record an export: %w", err)
	}
	proof, err := proofOfEvents(ctx, s.c.DB, row.ID)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		filepath.Join(exportDocument, row.Name): newest.bytes, filepath.Join(exportOriginal, row.Name): original, exportEvidence: evidence.Bytes(),
	}
	for _, f := range newest.covered {
		files[filepath.Join(exportCovered, f.Name)] = f.Content
	}
	for name, v := range map[string]any{exportRecord: record, exportAudit: proof} {
		if files[name], err = json.MarshalIndent(v, "", " "); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// writeExport writes into a folder beside, which then gets its name.
func writeExport(dir string, files map[string][]byte) error {
	parent := filepath.Dir(filepath.Clean(dir))
	making, err := os.MkdirTemp(parent, ".export-*")
	if err != nil {
		return diskError("write the export", err)
	}
	defer os.RemoveAll(making)
	for name, content := range files {
		path := filepath.Join(making, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return diskError("write the export", err)
		}
		if err := writeSynced(path, content); err != nil {
			return diskError("write the export", err)
		}
	}
	for _, sub := range []string{exportDocument, exportOriginal, exportCovered, "."} {
		if err := syncFolder(filepath.Join(making, sub)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return diskError("write the export", err)
		}
	}
	if err := os.Rename(making, dir); err != nil {
		return diskError("write the export", err)
	}
	return syncFolder(parent)
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
