package asic

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"chop/internal/asic"
	"chop/signer/cades"
	"chop/signer/pades"
	"chop/signer/xades"
)

// An ExtendRequest raises the level of a signed container, or renews a B-LTA.
type ExtendRequest struct {
	In []byte
	// Level is B-T, B-LT or B-LTA.
	Level Level
	// Hash is for imprints and the digests in manifests; 0 means SHA-256.
	Hash crypto.Hash
	// Timestamper is needed, Evidence from B-LT on.
	Timestamper Timestamper
	Evidence    EvidenceSource
	// OnSkip is told of each signature that stays as it is. The last one of each file with
	// signatures is never skipped.
	OnSkip func(field string, err error)
}

// An extension is a container that is being extended.
type extension struct {
	ExtendRequest
	*asic.Container
	content content
	last    string // signature
	changed bool
}

// Extend returns the container with what its signatures lack for the level, and the name of
// the last of them. It returns pades.ErrAtLevel if nothing lacks.
func Extend(ctx context.Context, r ExtendRequest) (container []byte, last string, err error) {
	if r.Hash == 0 {
		r.Hash = crypto.SHA256
	}
	if !r.Level.AtLeast(pades.LevelT) || r.Timestamper == nil || r.Level.AtLeast(pades.LevelLT) && r.Evidence == nil {
		return nil, "", bad("a container is extended to B-T, B-LT or B-LTA, with a timestamper and from B-LT on a source of evidence")
	}
	c, err := asic.Open(r.In)
	if err != nil {
		return nil, "", unfit("%w", err)
	}
	kind, unknown := c.Kind()
	if unknown != "" {
		return nil, "", unfit("its media type is %.100q", unknown)
	}
	x := &extension{ExtendRequest: r, Container: c, content: content{mimeType: asic.MIMEExtended}}
	if kind == Simple {
		x.content.mimeType = asic.MIMESimple
	}
	for _, f := range c.Files {
		if f.Name == asic.MIMEFile {
			x.content.mimeType = string(f.Data)
			continue
		}
		x.content.files = append(x.content.files, f)
	}
	if err := x.extendXAdES(ctx, kind); err != nil {
		return nil, "", err
	}
	if err := x.extendCAdES(ctx, kind); err != nil {
		return nil, "", err
	}
	switch {
	case x.last == "":
		return nil, "", fmt.Errorf("%w: %w", ErrContainer, pades.ErrUnsigned)
	case !x.changed:
		return nil, "", pades.ErrAtLevel
	}
	container, err = x.content.write()
	return container, x.last, err
}

func (x *extension) extendXAdES(ctx context.Context, kind Kind) error {
	for _, f := range x.SignatureFiles(kind) {
		out, id, err := xades.Extend(ctx, xades.ExtendRequest{
			In: f.Data, Level: x.Level, Hash: x.Hash, Timestamper: x.Timestamper, Evidence: x.Evidence, OnSkip: x.OnSkip,
			File: func(uri string) ([]byte, bool) { return x.File(x.Resolve(uri)) },
		})
		if err := x.took(f.Name, out, id, err); err != nil {
			return err
		}
	}
	return nil
}

// took puts an extended file in its place.
func (x *extension) took(name string, out []byte, field string, err error) error {
	switch {
	case errors.Is(err, pades.ErrAtLevel):
		if x.last == "" {
			x.last = name
		}
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	x.content.set(name, out)
	x.last, x.changed = name+": "+field, true
	return nil
}

func (x *extension) extendCAdES(ctx context.Context, kind Kind) error {
	files := x.Named(asic.CAdES)
	if len(files) == 0 {
		return nil
	}
	covers, err := x.covers(ctx)
	if err != nil {
		return err
	}
	archived := len(x.Named(asic.ArchiveManifest)) > 0
	level := x.Level
	if kind != Simple && level.AtLeast(pades.LevelLTA) {
		level = pades.LevelLT
	}
	for _, f := range files {
		if archived { // and may not change any more
			x.last = f.Name + ": signer 1"
			continue
		}
		covered := covers[f.Name]
		if data := x.Named(asic.Data); covered == nil && kind == Simple && len(data) == 1 {
			covered = data[0].Data
		}
		if covered == nil {
			return unfit("nothing says what %s is over", f.Name)
		}
		out, field, err := cades.Extend(ctx, cades.ExtendRequest{
			In: f.Data, Level: level, Hash: x.Hash, Timestamper: x.Timestamper, Evidence: x.Evidence, Content: covered, OnSkip: x.OnSkip,
		})
		if err := x.took(f.Name, out, field, err); err != nil {
			return err
		}
		if x.last == f.Name {
			x.last += ": signer 1"
		}
	}
	if kind == Simple || !x.Level.AtLeast(pades.LevelLTA) {
		return nil
	}
	if err := x.keep(ctx); err != nil {
		return err
	}
	x.changed = true
	return x.content.archive(ctx, x.Timestamper, x.Hash)
}

// covers gives the manifest that each signature is over.
func (x *extension) covers(ctx context.Context) (map[string][]byte, error) {
	of := map[string][]byte{}
	for _, f := range x.Named(asic.Manifest) {
		m, err := asic.ParseManifest(ctx, f.Data)
		if err != nil {
			return nil, unfit("%s: %w", f.Name, err)
		}
		of[x.Resolve(m.Signature)] = f.Data
	}
	return of, nil
}

// keep adds evidence for the unit of each archive time-stamp that has none yet, to the
// token's own certificates and crls: the newest, which no other time-stamp covers.
func (x *extension) keep(ctx context.Context) error {
	covered := map[string]bool{}
	for _, f := range x.Named(asic.ArchiveManifest) {
		m, err := asic.ParseManifest(ctx, f.Data)
		if err != nil {
			return unfit("%s: %w", f.Name, err)
		}
		for _, o := range m.Objects {
			covered[x.Resolve(o.URI)] = true
		}
	}
	for _, f := range x.Named(asic.Timestamp) {
		if covered[f.Name] {
			continue
		}
		der, err := withEvidence(ctx, x.Evidence, f.Name, f.Data)
		if err != nil {
			return err
		}
		x.content.set(f.Name, der)
	}
	return nil
}
