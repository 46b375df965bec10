// Package asic reads and writes associated signature containers, EN 319 162-1: a ZIP file
// with data objects and, under META-INF, signatures, time-stamps and manifests. It verifies
// nothing.
//
// A container is read strictly, because what one program unpacks and another verifies must
// be the same: every byte belongs to one entry or to the one directory; each local header
// says what the directory says; no two names are alike to a file system; no name leads out
// of a folder, or is a link; sizes and checksums are as declared; and all that is unpacked
// together is limited. Encryption, several volumes and ZIP64 are refused.
package asic

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Media types (EN 319 162-1, 4.3.3.1, 4.4.3.1).
const (
	MIMESimple   = "application/vnd.etsi.asic-s+zip"
	MIMEExtended = "application/vnd.etsi.asic-e+zip"
	odfPrefix    = "application/vnd.oasis.opendocument."
)

// The names of what the standard puts into a container.
const (
	MIMEFile      = "mimetype"
	metaFolder    = "META-INF/"
	ODFManifest   = metaFolder + "manifest.xml"
	odfSignatures = metaFolder + "documentsignatures.xml"
)

var (
	// ErrMalformed: the bytes are no container, or not one that all programs read alike.
	ErrMalformed = errors.New("malformed container")
	// ErrLimit: the container is larger, or has more in it, than this package reads.
	ErrLimit = errors.New("over a limit of containers")
)

// Limits on what Open reads.
const (
	maxSize     = 256 << 20 // of the container, in bytes
	maxUnpacked = 256 << 20 // of all that is in it
	maxEntries  = 4096
	maxName     = 1024
)

// A File is one entry of a container.
type File struct {
	Name string
	Data []byte
}

// A Container is what a ZIP file holds, folders left out, in its order.
type Container struct {
	Files []File
	// Stored says that the first entry is the media type, as it is and not compressed, so
	// that a program that looks at the first bytes knows the container by it (A.1).
	Stored bool
	// Comment is the ZIP file's. Nobody signs it.
	Comment string
	byName  map[string]int
}

// File returns the content of a file.
func (c *Container) File(name string) ([]byte, bool) {
	i, ok := c.byName[name]
	if !ok {
		return nil, false
	}
	return c.Files[i].Data, true
}

// A Kind is what a container says that it is.
type Kind string

// Kinds.
const (
	Simple       Kind = "ASiC-S"
	Extended     Kind = "ASiC-E"
	OpenDocument Kind = "OpenDocument" // signed as ASiC-E with XAdES is, with a name of its own
)

// Kind says what the container is: by its media type, or where there is none by what is in
// it. unknown is a media type that says something else.
func (c *Container) Kind() (kind Kind, unknown string) {
	b, ok := c.File(MIMEFile)
	text := strings.TrimRight(strings.TrimPrefix(string(b), "\ufeff"), "\r\n ")
	switch {
	case text == MIMESimple:
		return Simple, ""
	case text == MIMEExtended:
		return Extended, ""
	case strings.HasPrefix(text, odfPrefix):
		return OpenDocument, ""
	case ok:
		unknown = text
	case len(c.Named(Data)) == 1 && len(c.Named(Manifest))+len(c.Named(ArchiveManifest)) == 0:
		return Simple, ""
	}
	return Extended, unknown
}

// A Role is what a file is for.
type Role int

// Roles, by the names that EN 319 162-1, 4.3.3.2 and 4.4.3.2 give.
const (
	Data Role = iota
	MediaType
	XAdES
	CAdES
	Timestamp
	Manifest        // of a signature or time-stamp
	ArchiveManifest // of a time-stamp over signatures and manifests
	EvidenceRecord  // or its manifest: not judged here
	Package         // the manifest of OpenDocument
	Other           // in META-INF, and nothing of the standard's
)

// RoleOf tells a file's role by its name.
func RoleOf(name string) Role {
	if name == MIMEFile {
		return MediaType
	}
	meta, ok := strings.CutPrefix(name, metaFolder)
	if !ok {
		return Data
	}
	lower := strings.ToLower(meta)
	ext := path.Ext(lower)
	switch {
	case name == ODFManifest:
		return Package
	case strings.HasPrefix(lower, "asicevidencerecordmanifest") && ext == ".xml",
		strings.Contains(lower, "evidencerecord") && (ext == ".xml" || ext == ".ers"):
		return EvidenceRecord
	case strings.HasPrefix(lower, "asicarchivemanifest") && ext == ".xml":
		return ArchiveManifest
	case strings.HasPrefix(lower, "asicmanifest") && ext == ".xml":
		return Manifest
	case strings.Contains(lower, "signatures") && ext == ".xml":
		return XAdES
	case strings.Contains(lower, "signature") && ext == ".p7s":
		return CAdES
	case strings.Contains(lower, "timestamp") && ext == ".tst":
		return Timestamp
	}
	return Other
}

// Named lists the files of a role.
func (c *Container) Named(r Role) []File {
	var list []File
	for _, f := range c.Files {
		if RoleOf(f.Name) == r {
			list = append(list, f)
		}
	}
	return list
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
