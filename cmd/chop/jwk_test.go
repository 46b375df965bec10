package main_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"chop/internal/jws"
)

// jwk writes the key of the certificate in a JSON web signature as RFC 7517 has it, for jose.
func jwk(ts *testscript.TestScript, _ bool, args []string) {
	d, err := jws.Open([]byte(ts.ReadFile(args[0])), jws.Limits{})
	ts.Check(err)
	cert, err := x509.ParseCertificate(d.Signatures[0].Header.Chain[0])
	ts.Check(err)
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		ts.Fatalf("a key of type %T", cert.PublicKey)
	}
	point, err := key.Bytes()
	ts.Check(err)
	x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
	text := fmt.Sprintf(`{"kty":"EC","crv":"%s","x":"%s","y":"%s"}`, key.Curve.Params().Name, jws.Encode(x), jws.Encode(y))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}
