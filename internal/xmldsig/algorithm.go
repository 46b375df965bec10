package xmldsig

import (
	"crypto"
	_ "crypto/sha1" // for old documents; whoever verifies decides by their own suite
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"fmt"
	"strconv"
)

const (
	nsEnc  = "http://www.w3.org/2001/04/xmlenc#"
	nsMore = "http://www.w3.org/2001/04/xmldsig-more#"
	ns2007 = "http://www.w3.org/2007/05/xmldsig-more#"
	ns2021 = "http://www.w3.org/2021/04/xmldsig-more#"
)

// digests are the digest algorithms (XML Signature 1.1, 6.2; RFC 9231, 2.1).
var digests = map[string]crypto.Hash{
	NS + "sha1": crypto.SHA1, nsMore + "sha224": crypto.SHA224, nsEnc + "sha256": crypto.SHA256,
	nsMore + "sha384": crypto.SHA384, nsEnc + "sha512": crypto.SHA512,
	ns2007 + "sha3-224": crypto.SHA3_224, ns2007 + "sha3-256": crypto.SHA3_256,
	ns2007 + "sha3-384": crypto.SHA3_384, ns2007 + "sha3-512": crypto.SHA3_512,
}

// ParseDigest reads the identifier of a digest algorithm: ErrUndecided.
func ParseDigest(uri string) (crypto.Hash, error) {
	if h, ok := digests[uri]; ok {
		return h, nil
	}
	return 0, fmt.Errorf("%w: digest algorithm %q", ErrUndecided, clip(uri))
}

// DigestURI is the identifier of a digest algorithm; "" for one that has none here.
func DigestURI(h crypto.Hash) string {
	for uri, known := range digests {
		if known == h {
			return uri
		}
	}
	return ""
}

// A Family is a kind of signature algorithm.
type Family string

// Families.
const (
	RSAPKCS1 Family = "RSASSA-PKCS1-v1_5"
	RSAPSS   Family = "RSASSA-PSS"
	ECDSA    Family = "ECDSA"
	DSA      Family = "DSA"
	HMAC     Family = "HMAC"
)

// A Method is a signature method.
type Method struct {
	Family Family
	Hash   crypto.Hash
	// Salt is the length of the salt of RSA-PSS in octets, MGF the hash in its mask.
	Salt int
	MGF  crypto.Hash
	// Bits is the length that an HMAC was cut to; 0: whole.
	Bits int
}

// methods are the signature algorithms (XML Signature 1.1, 6.3 and 6.4; RFC 9231, 2.2 and
// 2.3). Those whose hash is MD5 or RIPEMD-160 are left out.
var methods = map[string]Method{
	NS + "rsa-sha1": {Family: RSAPKCS1, Hash: crypto.SHA1}, nsMore + "rsa-sha224": {Family: RSAPKCS1, Hash: crypto.SHA224},
	nsMore + "rsa-sha256": {Family: RSAPKCS1, Hash: crypto.SHA256}, nsMore + "rsa-sha384": {Family: RSAPKCS1, Hash: crypto.SHA384},
	nsMore + "rsa-sha512": {Family: RSAPKCS1, Hash: crypto.SHA512},

	ns2007 + "sha1-rsa-MGF1": pss(crypto.SHA1), ns2007 + "sha224-rsa-MGF1": pss(crypto.SHA224),
	ns2007 + "sha256-rsa-MGF1": pss(crypto.SHA256), ns2007 + "sha384-rsa-MGF1": pss(crypto.SHA384),
	ns2007 + "sha512-rsa-MGF1": pss(crypto.SHA512), ns2007 + "sha3-224-rsa-MGF1": pss(crypto.SHA3_224), ns2007 + "sha3-256-rsa-MGF1": pss(crypto.SHA3_256),
	ns2007 + "sha3-384-rsa-MGF1": pss(crypto.SHA3_384), ns2007 + "sha3-512-rsa-MGF1": pss(crypto.SHA3_512),

	nsMore + "ecdsa-sha1": {Family: ECDSA, Hash: crypto.SHA1}, nsMore + "ecdsa-sha224": {Family: ECDSA, Hash: crypto.SHA224},
	nsMore + "ecdsa-sha256": {Family: ECDSA, Hash: crypto.SHA256}, nsMore + "ecdsa-sha384": {Family: ECDSA, Hash: crypto.SHA384},
	nsMore + "ecdsa-sha512": {Family: ECDSA, Hash: crypto.SHA512},

	ns2021 + "ecdsa-sha3-224": {Family: ECDSA, Hash: crypto.SHA3_224}, ns2021 + "ecdsa-sha3-256": {Family: ECDSA, Hash: crypto.SHA3_256},
	ns2021 + "ecdsa-sha3-384": {Family: ECDSA, Hash: crypto.SHA3_384}, ns2021 + "ecdsa-sha3-512": {Family: ECDSA, Hash: crypto.SHA3_512},

	NS + "dsa-sha1": {Family: DSA, Hash: crypto.SHA1}, NS11 + "dsa-sha256": {Family: DSA, Hash: crypto.SHA256},

	NS + "hmac-sha1": {Family: HMAC, Hash: crypto.SHA1}, nsMore + "hmac-sha224": {Family: HMAC, Hash: crypto.SHA224},
	nsMore + "hmac-sha256": {Family: HMAC, Hash: crypto.SHA256}, nsMore + "hmac-sha384": {Family: HMAC, Hash: crypto.SHA384},
	nsMore + "hmac-sha512": {Family: HMAC, Hash: crypto.SHA512},
}

// pssURI is RSA-PSS with parameters (RFC 9231, 2.3.9).
const pssURI = ns2007 + "rsa-pss"

func pss(h crypto.Hash) Method { return Method{Family: RSAPSS, Hash: h, MGF: h, Salt: h.Size()} }

// MethodURI is the identifier of a signature method that has no parameters; "" if there is
// none here.
func MethodURI(f Family, h crypto.Hash) string {
	for uri, m := range methods {
		if m.Family == f && m.Hash == h {
			return uri
		}
	}
	return ""
}

// parseMethod reads a SignatureMethod element.
func parseMethod(e *Element) (Method, error) {
	uri, _ := Attr(e, "Algorithm")
	if uri == pssURI {
		return parsePSS(e)
	}
	m, ok := methods[uri]
	if !ok {
		return Method{}, fmt.Errorf("%w: signature algorithm %q", ErrUndecided, clip(uri))
	}
	cut, err := Child(e, NS, "HMACOutputLength")
	if err != nil {
		return Method{}, err
	}
	if cut == nil {
		return m, nil
	}
	if m.Bits, err = number(cut); err != nil || m.Family != HMAC || m.Bits <= 0 || m.Bits%8 != 0 || m.Bits > 8*m.Hash.Size() {
		return Method{}, fmt.Errorf("%w: HMACOutputLength", ErrMalformed)
	}
	return m, nil
}

// parsePSS reads RSAPSSParams; what is left out is SHA-256, a mask and a salt of it.
func parsePSS(e *Element) (Method, error) {
	m := pss(crypto.SHA256)
	params, err := Child(e, ns2007, "RSAPSSParams")
	if err != nil || params == nil {
		return m, err
	}
	digest, err := Child(params, NS, "DigestMethod")
	if err != nil {
		return m, err
	}
	if digest != nil {
		uri, _ := Attr(digest, "Algorithm")
		h, err := ParseDigest(uri)
		if err != nil {
			return m, err
		}
		m = pss(h)
	}
	mask, err := Child(params, ns2007, "MaskGenerationFunction")
	if err != nil {
		return m, err
	}
	if mask != nil {
		if uri, _ := Attr(mask, "Algorithm"); uri != ns2007+"MGF1" {
			return m, fmt.Errorf("%w: mask %q", ErrUndecided, clip(uri))
		}
		inner, err := Child(mask, NS, "DigestMethod")
		if err != nil {
			return m, err
		}
		if inner != nil {
			uri, _ := Attr(inner, "Algorithm")
			if m.MGF, err = ParseDigest(uri); err != nil {
				return m, err
			}
		}
	}
	for _, n := range []struct {
		name string
		to   *int
	}{{"SaltLength", &m.Salt}, {"TrailerField", new(1)}} {
		c, err := Child(params, ns2007, n.name)
		if err != nil {
			return m, err
		}
		if c != nil {
			if *n.to, err = number(c); err != nil {
				return m, err
			}
		}
		if n.name == "TrailerField" && *n.to != 1 {
			return m, fmt.Errorf("%w: trailer field %d", ErrUndecided, *n.to)
		}
	}
	return m, nil
}

func number(e *Element) (int, error) {
	text, err := Text(e)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(trim(text))
	if err != nil || n < 0 || n > 1<<20 {
		return 0, fmt.Errorf("%w: number in %s", ErrMalformed, e.LocalName())
	}
	return n, nil
}
