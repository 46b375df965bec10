package validation

import (
	"bytes"
	"crypto/x509"
	"sync"

	"chop/internal/ocsp"
)

// Limits on what is remembered of each kind. A parsed object takes a few times its DER.
const (
	maxRemembered      = 1024
	maxRememberedBytes = 4 << 20
	maxRememberedOne   = 32 << 10
)

// remembered are the parsed forms of validation data that recur: what bytes mean does not depend on the document they
// came with, so a department's certificate is not read anew in each of its letters. Whether any of it is believed is
// judged anew in each run. What is returned is shared, and nobody changes it. Safe for concurrent use; a stranger can
// at most push entries out.
type remembered struct {
	certs parsed[*x509.Certificate]
	crls  parsed[*crl]
	ocsps parsed[*ocsp.Response]
}

type parsed[T any] struct {
	mu    sync.Mutex
	known map[digest]T
	bytes int
}

// read returns what parse makes of der, whose digest is h. What cannot be parsed is not remembered.
func (p *parsed[T]) read(h digest, der []byte, parse func([]byte) (T, error)) (T, error) {
	p.mu.Lock()
	v, ok := p.known[h]
	p.mu.Unlock()
	if ok {
		return v, nil
	}
	if len(der) > maxRememberedOne {
		return parse(der)
	}
	v, err := parse(bytes.Clone(der)) // der may be a piece of a whole message, which the parsed form would keep alive
	if err != nil {
		return v, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxRemembered || p.bytes+len(der) > maxRememberedBytes {
		p.known, p.bytes = map[digest]T{}, 0
	}
	p.known[h] = v
	p.bytes += len(der)
	return v, nil
}
