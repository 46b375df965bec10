package jws

import (
	"bytes"
	"crypto"
)

// Sources are where signed data is that does not stand in the JWS. Nothing is fetched.
type Sources struct {
	// File returns what a name refers to, as it stands in sigD; the name is empty if the
	// payload is merely left out (RFC 7515, appendix F).
	File func(name string) ([]byte, bool)
}

// Mechanisms of sigD (TS 119 182-1, 5.2.8).
const (
	ObjectIDByURI     = "http://uri.etsi.org/19182/ObjectIdByURI"
	ObjectIDByURIHash = "http://uri.etsi.org/19182/ObjectIdByURIHash"
	HTTPHeaders       = "http://uri.etsi.org/19182/HttpHeaders"
)

// Files are what sigD refers to.
type Files struct {
	Mechanism string
	Names     []string
	// Types are the content types, if given.
	Types []string
	// Hash and Digests are those of ObjectIdByURIHash. 0: one that is not known here.
	Hash    crypto.Hash
	Digests [][]byte
}

// readFiles reads sigD.
func (h *Header) readFiles(v *value) error {
	d := v.get("sigD")
	if d == nil {
		return nil
	}
	if d.kind != '{' {
		return malformed("sigD is not an object")
	}
	f := &Files{}
	var err error
	if f.Mechanism, err = d.str("mId"); err != nil {
		return err
	}
	h.Files = f
	names, err := d.list("pars", '"', maxFiles)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return malformed("sigD refers to nothing")
	}
	for _, n := range names {
		f.Names = append(f.Names, n.text)
	}
	types, err := d.list("ctys", '"', maxFiles)
	if err != nil {
		return err
	}
	for _, t := range types {
		f.Types = append(f.Types, t.text)
	}
	if f.Mechanism != ObjectIDByURIHash {
		return nil
	}
	method, err := d.str("hashM")
	if err != nil {
		return err
	}
	f.Hash = hashByName(method)
	digests, err := d.list("hashV", '"', maxFiles)
	if err != nil {
		return err
	}
	if len(digests) != len(names) {
		return malformed("sigD has %d names and %d digests", len(names), len(digests))
	}
	for _, t := range digests {
		b, err := decode(t.text)
		if err != nil { // CheckFile says so: of an unknown method we do not know how it is written
			b = nil
		}
		f.Digests = append(f.Digests, b)
	}
	return nil
}

// SigningInput returns the octets that the value is over (RFC 7515, 5.1; RFC 7797, 3).
func (s *Signature) SigningInput(src Sources) ([]byte, error) {
	if s.Err != nil {
		return nil, s.Err
	}
	var payload []byte
	if f := s.Header.Files; f == nil || f.Mechanism == ObjectIDByURI {
		var err error
		if payload, err = s.data(src); err != nil {
			return nil, err
		}
	} else if f.Mechanism != ObjectIDByURIHash {
		return nil, f.unknown()
	}
	input := make([]byte, 0, len(s.Protected)+1+len(payload))
	return append(append(append(input, s.Protected...), '.'), payload...), nil
}

// data returns what is signed as the signature reads it, in base64url unless b64 is false:
// the payload, or one file after the other.
func (s *Signature) data(src Sources) ([]byte, error) {
	f := s.Header.Files
	if f == nil {
		if s.doc.Payload != "" {
			return []byte(s.doc.Payload), nil
		}
		f = &Files{Names: []string{""}}
	} else if f.Mechanism != ObjectIDByURI && f.Mechanism != ObjectIDByURIHash {
		return nil, f.unknown()
	}
	var b bytes.Buffer
	for _, name := range f.Names {
		content, err := src.file(name)
		if err != nil {
			return nil, err
		}
		b.Write(s.form(content))
	}
	return b.Bytes(), nil
}

// form is how the signature takes octets in.
func (s *Signature) form(content []byte) []byte {
	if s.Header.Unencoded {
		return content
	}
	return encoding.AppendEncode(nil, content)
}

func (src Sources) file(name string) ([]byte, error) {
	if src.File != nil {
		if b, ok := src.File(name); ok {
			return b, nil
		}
	}
	if name == "" {
		return nil, errorf(ErrNotFound, "the payload is detached")
	}
	return nil, errorf(ErrNotFound, "%.200q", name)
}

func (f *Files) unknown() error {
	if f.Mechanism == HTTPHeaders {
		return errorf(ErrNotFound, "the signature is over a HTTP message (HttpHeaders), and there is none here, only files")
	}
	return errorf(ErrUndecided, "mechanism %.200q of sigD", f.Mechanism)
}

// CheckFile compares file i with the digest in sigD. By the other mechanisms, the value is
// over the files themselves, and there is nothing to compare.
func (s *Signature) CheckFile(i int, src Sources) error {
	f := s.Header.Files
	content, err := src.file(f.Names[i])
	if err != nil || f.Mechanism != ObjectIDByURIHash {
		return err
	}
	if !f.Hash.Available() || len(f.Digests[i]) != f.Hash.Size() {
		return errorf(ErrUndecided, "the digest algorithm of sigD, or its digest of %.200q, is not known here", f.Names[i])
	}
	if !bytes.Equal(sum(f.Hash, s.form(content)), f.Digests[i]) {
		return errorf(ErrDigest, "of %.200q", f.Names[i])
	}
	return nil
}

// CheckFiles compares all of them; it returns the first error that is no ErrNotFound, for
// what is wrong outdoes what lacks.
func (s *Signature) CheckFiles(src Sources) error {
	if s.Err != nil || s.Header.Files == nil {
		return s.Err
	}
	var lacks error
	for i := range s.Header.Files.Names {
		err := s.CheckFile(i, src)
		if err != nil && (lacks == nil || !isNotFound(err)) {
			lacks = err
		}
		if err != nil && !isNotFound(err) {
			return err
		}
	}
	return lacks
}
