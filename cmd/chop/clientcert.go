package main

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"

	"software.sslmate.com/src/go-pkcs12"

	"chop/ca/infra"
)

// browserFile is a client certificate and its key (PEM) as a file that browsers take (PKCS #12), and its password.
func browserFile(text []byte, cert *x509.Certificate) (p12 []byte, password string, err error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, "", err
	}
	password = rand.Text()
	if p12, err = pkcs12.Modern.Encode(pair.PrivateKey, cert, nil, password); err != nil {
		return nil, "", fmt.Errorf("write the browser's file: %w", err)
	}
	return p12, password, nil
}

// holderOf is whom the client certificate of a request belongs to, if it is of that kind, and that certificate. Whoever has
// none, or one that is not in the book now, is the stranger.
func holderOf(r *http.Request, authority *infra.Authority, kind string, stranger error) (infra.Holder, *x509.Certificate, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return infra.Holder{}, nil, stranger
	}
	cert := r.TLS.PeerCertificates[0]
	holder, err := authority.Known(r.Context(), cert)
	if errors.Is(err, infra.ErrUnknown) || err == nil && holder.Kind != kind {
		return infra.Holder{}, nil, fmt.Errorf("%w: %w", stranger, err)
	}
	return holder, cert, err
}
