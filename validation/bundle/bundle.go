// Package bundle keeps, in one ZIP file, a signed document with all that its verdict rests on: the files that it
// covers, the report, and every certificate, CRL, OCSP response and time-stamp. Who has it can judge the document
// again when the responders are gone.
//
// Nothing in a bundle is trusted: evidence is verified as if it came from the network, the report is for people, and
// whom to trust is the reader's to say. Its digests tell damage, not forgery. It proves no time: what was not
// time-stamped when it was made is no older for being in it.
package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"chop/validation"
)

// ErrBundle says that a file is no bundle, or is damaged.
var ErrBundle = errors.New("no readable evidence bundle")

// Limits of what is read: a bundle is a stranger's file.
const (
	maxEntries  = 10_000
	maxFile     = 512 << 20
	maxTotal    = 1 << 30
	maxManifest = 4 << 20
)

// The places in a bundle.
const (
	manifestName = "manifest.json"
	documentDir  = "document/"
	detachedDir  = "detached/"
	reportDir    = "report/"
	evidenceDir  = "evidence/"
)

// Bundle is what one holds.
type Bundle struct {
	Made     time.Time
	Name     string // of the document
	Document []byte
	Detached []validation.File
	Reports  []validation.File // for people and programs
	Material validation.Material
}

// manifest lists the files with their digests, and which is the document.
type manifest struct {
	Version  int               `json:"version"`
	Made     time.Time         `json:"made"`
	Document string            `json:"document"`
	SHA256   map[string]string `json:"sha256"`
}

// kinds are the folders of evidence, with how their files end (RFC 2585, 6960, 3161).
func kinds(m *validation.Material) []struct {
	dir, ext string
	list     *[][]byte
} {
	return []struct {
		dir, ext string
		list     *[][]byte
	}{
		{evidenceDir + "certificates/", ".cer", &m.Certificates}, {evidenceDir + "crls/", ".crl", &m.CRLs},
		{evidenceDir + "ocsps/", ".ors", &m.OCSPs}, {evidenceDir + "timestamps/", ".tst", &m.Timestamps},
	}
}

// Write writes a bundle.
func Write(to io.Writer, b Bundle) error {
	z := zip.NewWriter(to)
	m := manifest{Version: 1, Made: b.Made.UTC(), SHA256: map[string]string{}}
	add := func(name string, content []byte) error {
		if _, twice := m.SHA256[name]; twice {
			return fmt.Errorf("write bundle: two files are named %q", name)
		}
		sum := sha256.Sum256(content)
		m.SHA256[name] = hex.EncodeToString(sum[:])
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.Made.UTC()})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	m.Document = documentDir + safe(b.Name)
	if err := add(m.Document, b.Document); err != nil {
		return err
	}
	for dir, list := range map[string][]validation.File{detachedDir: b.Detached, reportDir: b.Reports} {
		for _, f := range list {
			if err := add(dir+safe(f.Name), f.Content); err != nil {
				return err
			}
		}
	}
	for _, k := range kinds(&b.Material) {
		for _, der := range *k.list {
			sum := sha256.Sum256(der)
			if err := add(k.dir+hex.EncodeToString(sum[:])+k.ext, der); err != nil {
				return err
			}
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: manifestName, Method: zip.Deflate, Modified: b.Made.UTC()})
	if err == nil {
		_, err = w.Write(text)
	}
	return errors.Join(err, z.Close())
}

// safe is a name without a path.
func safe(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == "/" || name == ".." {
		return "unnamed"
	}
	return name
}

// Read reads a bundle whole. ErrBundle.
func Read(from io.ReaderAt, size int64) (*Bundle, error) {
	z, err := zip.NewReader(from, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("%w: %d files", ErrBundle, len(z.File))
	}
	files, total := map[string][]byte{}, int64(0)
	for _, f := range z.File {
		if _, twice := files[f.Name]; twice {
			return nil, fmt.Errorf("%w: two files are named %q", ErrBundle, f.Name)
		}
		limit := int64(maxFile)
		if f.Name == manifestName {
			limit = maxManifest
		}
		content, err := readFile(f, min(limit, maxTotal-total))
		if err != nil {
			return nil, fmt.Errorf("%w: %.200q: %w", ErrBundle, f.Name, err)
		}
		files[f.Name], total = content, total+int64(len(content))
	}
	var m manifest
	if err := json.Unmarshal(files[manifestName], &m); err != nil || m.Version != 1 {
		return nil, fmt.Errorf("%w: no manifest of version 1", ErrBundle)
	}
	delete(files, manifestName)
	if len(files) != len(m.SHA256) {
		return nil, fmt.Errorf("%w: %d files, and %d in the manifest", ErrBundle, len(files), len(m.SHA256))
	}
	for name, content := range files {
		if sum := sha256.Sum256(content); m.SHA256[name] != hex.EncodeToString(sum[:]) {
			return nil, fmt.Errorf("%w: %.200q is damaged", ErrBundle, name)
		}
	}
	return sorted(m, files)
}

// readFile stops a bomb: what a header says of the length is not believed.
func readFile(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return content, err
}

// sorted puts files where they belong.
func sorted(m manifest, files map[string][]byte) (*Bundle, error) {
	b := &Bundle{Made: m.Made}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		content := files[name]
		dir, base := path.Split(name)
		at := slices.IndexFunc(kinds(&b.Material), func(k struct {
			dir, ext string
			list     *[][]byte
		}) bool {
			return k.dir == dir
		})
		switch {
		case name == m.Document && dir == documentDir:
			b.Name, b.Document = base, content
		case dir == detachedDir && base != "":
			b.Detached = append(b.Detached, validation.File{Name: base, Content: content})
		case dir == reportDir && base != "":
			b.Reports = append(b.Reports, validation.File{Name: base, Content: content})
		case at >= 0:
			list := kinds(&b.Material)[at].list
			*list = append(*list, bytes.Clone(content))
		default:
			return nil, fmt.Errorf("%w: %.200q has no place in it", ErrBundle, name)
		}
	}
	if b.Name == "" {
		return nil, fmt.Errorf("%w: no document", ErrBundle)
	}
	return b, nil
}
