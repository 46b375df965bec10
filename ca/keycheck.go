package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math/big"
	"sync"
)

// keyKind names a public key as profiles do ("p256", "rsa2048", …) after the
// checks that any key must pass. The standard library has checked before that
// an EC point lies on its curve.
func keyKind(pub crypto.PublicKey) (string, error) {
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return "p256", nil
		case elliptic.P384():
			return "p384", nil
		}
		return "", fmt.Errorf("%w: curve %s", ErrWeakKey, k.Curve.Params().Name)
	case *rsa.PublicKey:
		if err := checkRSA(k); err != nil {
			return "", err
		}
		return fmt.Sprintf("rsa%d", k.N.BitLen()), nil
	}
	return "", fmt.Errorf("%w: type %T", ErrWeakKey, pub)
}

// checkRSA refuses moduli that can be factored because of how they were made.
func checkRSA(k *rsa.PublicKey) error {
	switch bits := k.N.BitLen(); bits {
	case 2048, 3072, 4096:
	default:
		return fmt.Errorf("%w: RSA modulus of %d bits", ErrWeakKey, bits)
	}
	// NIST SP 800-56B, 6.2.1: odd and 2^16 < e; the upper bound is Go's.
	if k.E < 1<<16+1 || k.E&1 == 0 {
		return fmt.Errorf("%w: RSA exponent %d", ErrWeakKey, k.E)
	}
	if !coprimeToSmall(k.N) {
		return fmt.Errorf("%w: RSA modulus has a small factor", ErrWeakKey)
	}
	if isROCA(k.N) {
		return fmt.Errorf("%w: RSA modulus carries the mark of CVE-2017-15361 (ROCA)", ErrWeakKey)
	}
	if factorsByFermat(k.N, 100) {
		return fmt.Errorf("%w: RSA modulus is a product of two close primes", ErrWeakKey)
	}
	return nil
}

// smallProduct is the product of the odd primes below 752, as NIST SP 800-89,
// 5.3.3 asks.
var smallProduct = sync.OnceValue(func() *big.Int {
	p := big.NewInt(1)
	for _, q := range primesBelow(752) {
		p.Mul(p, big.NewInt(q))
	}
	return p
})

func coprimeToSmall(n *big.Int) bool {
	return n.Bit(0) == 1 && new(big.Int).GCD(nil, nil, n, smallProduct()).Cmp(big.NewInt(1)) == 0
}

func primesBelow(limit int64) (odd []int64) {
	for n := int64(3); n < limit; n += 2 {
		if big.NewInt(n).ProbablyPrime(0) { // exact below 2^64
			odd = append(odd, n)
		}
	}
	return odd
}

// roca maps each of the first odd primes q, up to 167, to the residues that
// powers of 65537 take modulo q. The flawed library made its primes as
// k·M + (65537^a mod M) with M the product of the primes up to 167 or more, so
// every modulus of its keys lies in all these subgroups; another modulus does
// so by chance once in 2^27 or so.
var roca = sync.OnceValue(func() map[int64]map[int64]bool {
	out := make(map[int64]map[int64]bool)
	for _, q := range primesBelow(168) {
		powers := make(map[int64]bool)
		for p := int64(1); !powers[p]; p = p * 65537 % q {
			powers[p] = true
		}
		out[q] = powers
	}
	return out
})

func isROCA(n *big.Int) bool {
	var q, r big.Int
	for prime, powers := range roca() {
		if !powers[r.Mod(n, q.SetInt64(prime)).Int64()] {
			return false
		}
	}
	return true
}

// factorsByFermat tries to write n as a difference of squares: primes that
// were drawn close to each other are found within a few rounds (CVE-2022-26320).
func factorsByFermat(n *big.Int, rounds int) bool {
	a := new(big.Int).Sqrt(n)
	if new(big.Int).Mul(a, a).Cmp(n) < 0 {
		a.Add(a, big.NewInt(1))
	}
	var b2, b big.Int
	for range rounds {
		b2.Sub(b2.Mul(a, a), n)
		b.Sqrt(&b2)
		if new(big.Int).Mul(&b, &b).Cmp(&b2) == 0 {
			return true
		}
		a.Add(a, big.NewInt(1))
	}
	return false
}
