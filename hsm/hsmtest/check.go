package hsmtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"testing"
)

// checkAll signs with every scheme that the key has.
func checkAll(t *testing.T, k crypto.Signer) {
	t.Helper()
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		check(t, k, h)
		if _, ok := k.Public().(*rsa.PublicKey); !ok {
			continue
		}
		for _, salt := range []int{rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto, 20} {
			check(t, k, &rsa.PSSOptions{Hash: h, SaltLength: salt})
		}
	}
}

func check(t *testing.T, k crypto.Signer, opts crypto.SignerOpts) {
	t.Helper()
	if err := signAndVerify(k, opts); err != nil {
		t.Error(err)
	}
}

// signAndVerify signs a random message and verifies it with the standard
// library.
func signAndVerify(k crypto.Signer, opts crypto.SignerOpts) error {
	message := make([]byte, 100)
	rand.Read(message)
	h := opts.HashFunc().New()
	h.Write(message)
	digest := h.Sum(nil)
	sig, err := k.Sign(rand.Reader, digest, opts)
	if err != nil {
		return fmt.Errorf("sign with %T, %v: %w", k.Public(), opts, err)
	}
	switch pub := k.Public().(type) {
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(pub, digest, sig) {
			return fmt.Errorf("ECDSA signature does not verify: %x", sig)
		}
		return nil
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(pub, pss.Hash, digest, sig, pss)
		}
		return rsa.VerifyPKCS1v15(pub, opts.HashFunc(), digest, sig)
	}
	return fmt.Errorf("public key of type %T", k.Public())
}
