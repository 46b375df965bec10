package cms

import (
	"encoding/asn1"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// AddUnsigned appends an unsigned attribute with one value (DER). The order is kept, since archive timestamps of
// the older kind cover the attributes in the order in which they stand.
func (si *SignerInfo) AddUnsigned(oid asn1.ObjectIdentifier, der []byte) {
	si.UnsignedAttrs = append(si.UnsignedAttrs, Attribute{Type: oid, Values: [][]byte{der}})
}

// RemoveUnsigned drops every unsigned attribute of one type.
func (si *SignerInfo) RemoveUnsigned(oid asn1.ObjectIdentifier) {
	si.UnsignedAttrs = slices.DeleteFunc(si.UnsignedAttrs, func(a Attribute) bool { return a.Type.Equal(oid) })
}

// Marshal encodes a parsed message with the unsigned attributes that its signers have now. Everything else comes from
// the parsed bytes and changes of other fields are ignored, so that all that is signed stays what it was. A message
// that was BER comes out as DER as far as its lengths go.
func (sd *SignedData) Marshal() ([]byte, error) {
	signers := make([][]byte, len(sd.SignerInfos))
	for i, si := range sd.SignerInfos {
		der, err := si.marshal()
		if err != nil {
			return nil, fmt.Errorf("marshal CMS: signer %d: %w", i, err)
		}
		signers[i] = der
	}
	der, err := wrapSignedData(sd.head, signers)
	if err != nil {
		return nil, fmt.Errorf("marshal CMS: %w", err)
	}
	return der, nil
}

func (si *SignerInfo) marshal() ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(si.head)
		if len(si.UnsignedAttrs) == 0 {
			return
		}
		b.AddASN1(tagConstructed1, func(b *cryptobyte.Builder) {
			for _, a := range si.UnsignedAttrs {
				der, err := encodeAttribute(a)
				if err != nil {
					b.SetError(err)
					return
				}
				b.AddBytes(der)
			}
		})
	})
	return b.Bytes()
}
