package signer

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"

	"chop/signer/pades"
)

// A DeclaredPolicy is the signature policy that a signature names (EN 319 122-1, 5.2.9; EN 319
// 132-1, 5.2.9; TS 119 182-1, 5.2.7), so that whoever holds its document knows what was meant.
// It is not one of our own signature policies, which say what the appliance signs.
type DeclaredPolicy struct {
	// OID names it, with dots.
	OID string
	// Document is the path of what it says, whose digest is signed.
	Document string
	// URL is where it can be read; optional, and not in CAdES.
	URL string
}

// read returns what is signed of the policy; a nil policy is none.
func (p *DeclaredPolicy) read(h crypto.Hash) (oid asn1.ObjectIdentifier, digest []byte, err error) {
	for part := range strings.SplitSeq(strings.TrimPrefix(p.OID, "urn:oid:"), ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || len(oid) == 64 {
			return nil, nil, fmt.Errorf("%w: the policy %q is no object identifier", pades.ErrRequest, p.OID)
		}
		oid = append(oid, int(n))
	}
	if len(oid) < 2 || oid[0] > 2 || oid[0] < 2 && oid[1] > 39 {
		return nil, nil, fmt.Errorf("%w: the policy %q is no object identifier", pades.ErrRequest, p.OID)
	}
	if p.Document == "" {
		return nil, nil, fmt.Errorf("%w: a policy that is named wants its document", pades.ErrRequest)
	}
	b, err := readWhole(p.Document)
	if err != nil {
		return nil, nil, err
	}
	w := h.New()
	w.Write(b)
	return oid, w.Sum(nil), nil
}
