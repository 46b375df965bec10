package jws

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Header is a protected header: what the signer signed beside the payload.
type Header struct {
	Algorithm Algorithm
	// ContentType is cty.
	ContentType string
	// Chain is x5c, DER, the signing certificate first. It is the message's own word.
	Chain [][]byte
	// Names are the digests that name the signing certificate: x5t#S256, x5t#o, sigX5ts.
	Names []CertificateDigest
	// Unencoded is b64: false (RFC 7797): the payload is signed as it is.
	Unencoded bool
	// SigningTime is iat, or sigT; zero: none.
	SigningTime time.Time
	// Policy is sigPId; nil: none.
	Policy *Policy
	// Commitments are the identifiers in srCms, Roles the texts claimed in srAts.
	Commitments, Roles []string
	// Files is sigD; nil: absent.
	Files *Files
	// Content are the tokens of adoTst, DER.
	Content [][]byte
	// JAdES reports whether there is a parameter that TS 119 182-1 alone defines.
	JAdES bool
}

// A CertificateDigest names a certificate.
type CertificateDigest struct {
	Hash   crypto.Hash // 0: one that is not known here
	Digest []byte
}

// Matches reports whether der is the certificate that is named.
func (c CertificateDigest) Matches(der []byte) bool {
	return c.Hash.Available() && bytes.Equal(sum(c.Hash, der), c.Digest)
}

// etsi are the parameters of TS 119 182-1, 5.2, which crit may name; b64 is RFC 7797's.
var etsi = []string{"sigT", "x5t#o", "sigX5ts", "srCms", "sigPl", "srAts", "adoTst", "sigPId", "sigD"}

// registered are the parameters of RFC 7515 and RFC 7518, which crit may not name.
var registered = []string{"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "enc", "zip", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c"}

func (s *Signature) breach(why string) { s.Breaches = append(s.Breaches, why) }

// readHeader reads what is known here; what has another type than the standard says is no
// header.
func (s *Signature) readHeader(v *value) error {
	h := &Header{}
	name, err := v.str("alg")
	if err != nil {
		return err
	}
	if h.Algorithm, err = parseAlgorithm(name); err != nil {
		return err
	}
	if h.ContentType, err = v.str("cty"); err != nil {
		return err
	}
	if b := v.get("b64"); b != nil {
		if b.text != "true" && b.text != "false" || b.kind != 'l' {
			return malformed("b64 is neither true nor false")
		}
		h.Unencoded = b.text == "false"
	}
	for _, name := range etsi {
		h.JAdES = h.JAdES || v.get(name) != nil
	}
	s.Header = h
	for _, read := range []func(*value) error{h.readChain, s.readNames, s.readTime, s.readPolicy, h.readStatement, h.readFiles, h.readContent} {
		if err := read(v); err != nil {
			return err
		}
	}
	h.JAdES = h.JAdES || s.etsiU != nil || v.get("iat") != nil && len(h.Names) > 0
	s.Critical = critical(v)
	return nil
}

// critical enforces crit (RFC 7515, 4.1.11): a list of names, each once, of parameters that
// are there, that are no RFC's own, and that are understood here.
func critical(v *value) error {
	wrong := func(why string) error { return errorf(ErrCritical, "%s", why) }
	crit := v.get("crit")
	if crit == nil {
		if v.get("b64") != nil && v.get("b64").text == "false" {
			return wrong("b64 is not among them (RFC 7797, 6)")
		}
		return nil
	}
	if crit.kind != '[' || len(crit.items) == 0 {
		return wrong("crit is not a list of names")
	}
	var names []string
	for _, item := range crit.items {
		switch {
		case item.kind != '"':
			return wrong("crit is not a list of names")
		case slices.Contains(names, item.text):
			return wrong(strconv.Quote(item.text) + " is named twice")
		case slices.Contains(registered, item.text):
			return wrong(strconv.Quote(item.text) + " is a parameter that crit may not name")
		case v.get(item.text) == nil:
			return wrong(strconv.Quote(item.text) + " is named, and is not there")
		case item.text != "b64" && item.text != "iat" && !slices.Contains(etsi, item.text):
			return wrong(strconv.Quote(item.text) + " is not understood")
		}
		names = append(names, item.text)
	}
	if v.get("b64") != nil && v.get("b64").text == "false" && !slices.Contains(names, "b64") {
		return wrong("b64 is not among them (RFC 7797, 6)")
	}
	return nil
}

// readChain reads x5c: DER in base64, not base64url (RFC 7515, 4.1.6).
func (h *Header) readChain(v *value) error {
	items, err := v.list("x5c", '"', maxCertificates)
	if err != nil {
		return err
	}
	if v.get("x5c") != nil && len(items) == 0 {
		return malformed("x5c is empty")
	}
	for _, item := range items {
		der, err := decodeStd(item.text)
		if err != nil {
			return err
		}
		h.Chain = append(h.Chain, der)
	}
	return nil
}

// readNames reads the references to the signing certificate (TS 119 182-1, 5.1.7, 5.2.2). A
// digest that is written in another way than base64url names none.
func (s *Signature) readNames(v *value) error {
	h := s.Header
	read := func(h crypto.Hash, text string) CertificateDigest {
		digest, err := decode(text)
		if err != nil {
			s.breach("the digest of the signing certificate: " + err.Error())
			h = 0
		}
		return CertificateDigest{h, digest}
	}
	thumbprint, err := v.str("x5t#S256")
	if err != nil {
		return err
	}
	if thumbprint != "" {
		h.Names = append(h.Names, read(crypto.SHA256, thumbprint))
	}
	others, err := v.list("sigX5ts", '{', maxCertificates)
	if err != nil {
		return err
	}
	if o := v.get("x5t#o"); o != nil {
		if o.kind != '{' {
			return malformed("x5t#o is not an object")
		}
		others = append([]*value{o}, others...)
	}
	for _, o := range others {
		alg, err := o.str("digAlg")
		if err != nil {
			return err
		}
		text, err := o.str("digVal")
		if err != nil {
			return err
		}
		h.Names = append(h.Names, read(hashByName(alg), text))
	}
	return nil
}

// readTime reads the claimed time of signing: iat since version 1.2.1, sigT before (5.1.11,
// 5.2.1). A time that cannot be read is none.
func (s *Signature) readTime(v *value) error {
	iat := v.get("iat")
	sigT, err := v.str("sigT")
	if err != nil {
		return err
	}
	if sigT != "" {
		if s.Header.SigningTime, err = time.Parse("2006-01-02T15:04:05Z", sigT); err != nil {
			s.breach("sigT is not a time of the form 2006-01-02T15:04:05Z")
		}
	}
	if iat == nil {
		return nil
	}
	if iat.kind != '0' {
		return malformed("iat is not a number")
	}
	if sigT != "" {
		s.breach("both iat and sigT")
	}
	seconds, err := strconv.ParseFloat(iat.text, 64)
	if err != nil || seconds < 0 || seconds > 253402300799 {
		s.breach("iat is not a number of seconds before the year 10000")
		return nil
	}
	whole, part := math.Modf(seconds)
	s.Header.SigningTime = time.Unix(int64(whole), int64(part*1e9)).UTC()
	return nil
}

// readContent reads adoTst (5.2.6).
func (h *Header) readContent(v *value) (err error) {
	if a := v.get("adoTst"); a != nil {
		h.Content, err = tokens(a)
	}
	return err
}

// decodeStd reads base64 with its padding, and nothing else.
func decodeStd(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return nil, malformed("base64")
	}
	return b, nil
}
