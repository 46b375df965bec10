package pades

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"sync"
	"testing"

	"chop/internal/cms"
	"chop/signer/signertest"
)

// A world is the tests' PKI with signers in it.
type world struct {
	*signertest.World
	t      testing.TB
	nss    sync.Once
	nssDir string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return &world{World: signertest.New(t), t: t}
}

// signer is somebody with a key and a certificate. It counts its uses.
type signer struct {
	*Identity
	key  crypto.Signer
	uses int
}

func (w *world) signer(name string, key crypto.Signer, scheme cms.Scheme, h crypto.Hash) *signer {
	w.t.Helper()
	id, err := NewIdentity(w.Signer(name, key.Public()), []*x509.Certificate{w.Issuer, w.Root}, scheme, h)
	if err != nil {
		w.t.Fatal(err)
	}
	return &signer{Identity: id, key: key}
}

func (w *world) ecSigner(name string) *signer {
	return w.signer(name, signertest.ECKey(w.t, elliptic.P256()), "", crypto.SHA256)
}

func (s *signer) sign(dtbsr []byte) ([]byte, error) {
	s.uses++
	return s.key.Sign(rand.Reader, dtbsr, s.SignerOpts())
}
