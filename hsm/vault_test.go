package hsm

import (
	"crypto/ecdsa"
	"crypto/x509"
	"testing"
)

func parseECKey(t *testing.T, pkcs8 []byte) *ecdsa.PrivateKey {
	t.Helper()
	k, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	return k.(*ecdsa.PrivateKey)
}
