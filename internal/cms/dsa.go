package cms

import (
	"crypto/dsa" //lint:ignore SA1019 old signatures are verified, none is made
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// verifyDSA checks a DSA signature (FIPS 186-4, 4.7), whose value is a SEQUENCE of r
// and s. Of the digest the leftmost bits count, as many as the group order has.
func verifyDSA(key *dsa.PublicKey, alg SignatureAlgorithm, digest, sig []byte) error {
	if alg.Scheme != DSA {
		return fmt.Errorf("%w: %v with a DSA key", ErrAlgorithm, alg.OID)
	}
	if key.P.BitLen() > maxModulus || key.Q.BitLen() > 512 || key.Q.BitLen()%8 != 0 || key.P.Sign() <= 0 || key.Q.Sign() <= 0 {
		return fmt.Errorf("%w: DSA parameters of %d and %d bits", ErrAlgorithm, key.P.BitLen(), key.Q.BitLen())
	}
	in := cryptobyte.String(sig)
	var seq cryptobyte.String
	r, s := new(big.Int), new(big.Int)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(r) || !seq.ReadASN1Integer(s) || !seq.Empty() {
		return ErrSignature
	}
	if !dsa.Verify(key, digest[:min(len(digest), key.Q.BitLen()/8)], r, s) {
		return ErrSignature
	}
	return nil
}
