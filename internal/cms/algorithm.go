package cms

import (
	"crypto"
	"crypto/ecdsa"
	_ "crypto/md5" // linked so that old signatures can be verified and reported
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// AlgorithmIdentifier is RFC 5280, 4.1.1.2. Parameters is the whole element, nil if absent.
type AlgorithmIdentifier struct {
	OID        asn1.ObjectIdentifier
	Parameters []byte
	Raw        []byte
}

// Scheme is how a key signs a digest.
type Scheme string

const (
	ECDSA   Scheme = "ecdsa"
	PKCS1   Scheme = "pkcs1"   // RSASSA-PKCS1-v1_5
	PSS     Scheme = "pss"     // RSASSA-PSS
	Ed25519 Scheme = "ed25519" // verified (RFC 8419), not made
	DSA     Scheme = "dsa"     // verified (RFC 5754, 3.1), not made
)

// SignatureAlgorithm is a signature algorithm that was understood; Scheme is empty if it was not.
type SignatureAlgorithm struct {
	AlgorithmIdentifier
	Scheme     Scheme
	Hash       crypto.Hash // 0 if the identifier names none (rsaEncryption): the digest algorithm then counts
	MGFHash    crypto.Hash // PSS only
	SaltLength int         // PSS only, octets
}

var hashes = []struct {
	hash crypto.Hash
	oid  asn1.ObjectIdentifier
}{
	{crypto.SHA256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}},
	{crypto.SHA384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}},
	{crypto.SHA512, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}},
	{crypto.SHA1, asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}},
	{crypto.SHA224, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}},
	{crypto.SHA512_256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 6}},
	{crypto.SHA3_224, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 7}},
	{crypto.SHA3_256, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 8}},
	{crypto.SHA3_384, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 9}},
	{crypto.SHA3_512, asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 10}},
	{crypto.MD5, asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}},
}

var (
	oidRSAEncryption = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidPSS           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	oidECPublicKey   = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidEd25519       = asn1.ObjectIdentifier{1, 3, 101, 112}
)

var signatures = []struct {
	oid    asn1.ObjectIdentifier
	scheme Scheme
	hash   crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, ECDSA, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, ECDSA, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, ECDSA, crypto.SHA512},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, PKCS1, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, PKCS1, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, PKCS1, crypto.SHA512},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, PKCS1, crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 14}, PKCS1, crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, PKCS1, crypto.MD5},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, ECDSA, crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 1}, ECDSA, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 9}, ECDSA, crypto.SHA3_224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 10}, ECDSA, crypto.SHA3_256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 11}, ECDSA, crypto.SHA3_384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 12}, ECDSA, crypto.SHA3_512},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 13}, PKCS1, crypto.SHA3_224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 14}, PKCS1, crypto.SHA3_256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 15}, PKCS1, crypto.SHA3_384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 16}, PKCS1, crypto.SHA3_512},
	{asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 3}, DSA, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 1}, DSA, crypto.SHA224},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 2}, DSA, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 3}, DSA, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 4}, DSA, crypto.SHA512},
	{asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, DSA, 0}, // the key's, which some signers write
	{oidRSAEncryption, PKCS1, 0},
	{oidECPublicKey, ECDSA, 0}, // this and the next are no signature algorithms, but some signers write them
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4}, ECDSA, 0},
	{oidEd25519, Ed25519, 0},
}

// HashByOID gives the hash function, 0 if it is not one of ours.
func HashByOID(oid asn1.ObjectIdentifier) crypto.Hash {
	for _, h := range hashes {
		if h.oid.Equal(oid) {
			return h.hash
		}
	}
	return 0
}

// OIDOfHash gives the identifier of a hash function, nil if it is not one of ours.
func OIDOfHash(hash crypto.Hash) asn1.ObjectIdentifier {
	for _, h := range hashes {
		if h.hash == hash {
			return h.oid
		}
	}
	return nil
}

func readAlgorithm(s *cryptobyte.String) (AlgorithmIdentifier, bool) {
	var a AlgorithmIdentifier
	var raw, seq cryptobyte.String
	if !s.ReadASN1Element(&raw, cbasn1.SEQUENCE) {
		return a, false
	}
	a.Raw = raw
	if !raw.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return a, false
	}
	var ok bool
	if a.OID, _, ok = readOID(&seq); !ok {
		return a, false
	}
	if !seq.Empty() {
		var params cryptobyte.String
		if !seq.ReadAnyASN1Element(&params, nil) || !seq.Empty() {
			return a, false
		}
		a.Parameters = params
	}
	return a, true
}

// plain: the parameters are absent or NULL, as they are for hash functions.
func (a AlgorithmIdentifier) plain() bool {
	return len(a.Parameters) == 0 || len(a.Parameters) == 2 && a.Parameters[0] == 5 && a.Parameters[1] == 0
}

// Hash gives the hash function that a names, 0 if it is none of ours or has parameters.
func (a AlgorithmIdentifier) Hash() crypto.Hash {
	if !a.plain() {
		return 0
	}
	return HashByOID(a.OID)
}

func signatureAlgorithm(a AlgorithmIdentifier) SignatureAlgorithm {
	s := SignatureAlgorithm{AlgorithmIdentifier: a}
	if a.OID.Equal(oidPSS) {
		return pssAlgorithm(a)
	}
	for _, c := range signatures {
		if c.oid.Equal(a.OID) {
			s.Scheme, s.Hash = c.scheme, c.hash
		}
	}
	return s
}

// SchemeFor says how a key of pub's type signs: wanted if it fits, or the usual one if wanted is empty.
func SchemeFor(pub crypto.PublicKey, wanted Scheme) (Scheme, error) {
	switch pub.(type) {
	case *ecdsa.PublicKey:
		if wanted == "" || wanted == ECDSA {
			return ECDSA, nil
		}
	case *rsa.PublicKey:
		if wanted == "" || wanted == PKCS1 {
			return PKCS1, nil
		}
		if wanted == PSS {
			return PSS, nil
		}
	}
	return "", fmt.Errorf("%w: scheme %q with a key of type %T", ErrAlgorithm, wanted, pub)
}

// SignerOpts is what crypto.Signer.Sign wants for a digest under the scheme.
func SignerOpts(s Scheme, h crypto.Hash) crypto.SignerOpts {
	if s == PSS {
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	return h
}
