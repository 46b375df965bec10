package cms

import (
	"bytes"
	"crypto"
	"errors"
	"testing"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// berOf encodes a DER message again with indefinite lengths and OCTET STRINGs in segments, as old signers do, but
// leaves the certificates alone.
func berOf(der []byte, depth int, exact bool) []byte {
	h, err := readHeader(der)
	if err != nil {
		panic(err)
	}
	content := der[h.size : h.size+h.length]
	switch {
	case exact || !h.constructed() && h.tag != byte(cbasn1.OCTET_STRING):
		return der[:h.size+h.length]
	case h.tag == byte(cbasn1.OCTET_STRING):
		half := len(content) / 2
		inner := append(element(cbasn1.OCTET_STRING, content[:half]), element(cbasn1.OCTET_STRING, content[half:])...)
		return append(append([]byte{tagOctetStringConstructed, 0x80}, inner...), 0, 0)
	}
	out := []byte{h.tag, 0x80}
	for len(content) > 0 {
		child, _ := readHeader(content)
		n := child.size + child.length
		out = append(out, berOf(content[:n], depth+1, isExact(h.tag, depth))...)
		content = content[n:]
	}
	return append(out, 0, 0)
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeBuild: func(p *BuildParams) {
		p.Unsigned = []Attribute{{Type: OIDSignatureTimestamp, Values: [][]byte{{0x30, 3, 2, 1, 1}}}}
	}})
	ber := berOf(der, 0, false)
	sd := parse(t, ber)
	if !sd.BER || !bytes.Equal(sd.Raw, ber) {
		t.Fatalf("BER %v", sd.BER)
	}
	if err := sd.SignerInfos[0].Verify(s.key.Public(), hashOf(crypto.SHA256, sd.Content)); err != nil {
		t.Fatal(err)
	}
	if again, err := sd.Marshal(); err != nil || !bytes.Equal(again, der) {
		t.Fatalf("normalised message differs from the DER that it was made of: %v\n%x\n%x", err, again, der)
	}
	padded := append(bytes.Clone(ber), make([]byte, 100)...)
	if got, err := TrimContents(padded); err != nil || !bytes.Equal(got, ber) {
		t.Fatalf("trim: %v", err)
	}
	padded[len(padded)-1] = 1
	if got, err := TrimContents(padded); !errors.Is(err, ErrPadding) || !bytes.Equal(got, ber) {
		t.Fatalf("trim of garbage: %v", err)
	}
}

func TestNormaliseRefuses(t *testing.T) {
	t.Parallel()
	nested := func(n int, indefinite bool) []byte {
		b := []byte{0x30, 0}
		for range n {
			if indefinite {
				b = append(append([]byte{0x30, 0x80}, b...), 0, 0)
			} else {
				b = element(cbasn1.SEQUENCE, b)
			}
		}
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		want error
	}{
		{"empty", nil, ErrMalformed},
		{"one octet", []byte{0x30}, ErrMalformed},
		{"cut off", []byte{0x30, 5, 1}, ErrMalformed},
		{"trailing", []byte{0x30, 0, 0}, ErrMalformed},
		{"indefinite without end", []byte{0x30, 0x80, 5, 0}, ErrMalformed},
		{"indefinite primitive", []byte{0x04, 0x80, 0, 0}, ErrMalformed},
		{"end of contents in a definite element", []byte{0x30, 4, 0x30, 0x80, 0, 0}, nil},
		{"child longer than its parent", []byte{0x30, 3, 4, 5, 1, 1, 1}, ErrMalformed},
		{"large tag number", []byte{0x3f, 0x81, 1, 0}, ErrMalformed},
		{"length of lengths", append([]byte{0x30, 0xff}, make([]byte, 127)...), nil},
		{"length over the limit", []byte{0x30, 0x86, 1, 0, 0, 0, 0, 0}, ErrLimit},
		{"length beyond the input", append([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, 1), ErrMalformed},
		{"length not minimal", []byte{0x30, 0x81, 1, 5}, ErrMalformed},
		{"integer in an OCTET STRING", []byte{0x24, 3, 2, 1, 1}, ErrMalformed},
		{"at the depth limit", nested(maxDepth, false), nil},
		{"over the depth limit", nested(maxDepth+1, false), ErrLimit},
		{"indefinite over the depth limit", nested(maxDepth+1, true), ErrLimit},
		{"deep without end", bytes.Repeat([]byte{0x30, 0x80}, 1<<20), ErrLimit},
		{"too many elements", element(cbasn1.SEQUENCE, bytes.Repeat([]byte{5, 0}, maxElements)), ErrLimit},
	} {
		_, _, err := normalise(c.in, 0)
		if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// A certificate that is itself not DER keeps its bytes: its signature covers them.
func TestNormaliseKeepsCertificates(t *testing.T) {
	t.Parallel()
	s := newSigner(t, "p256")
	strange := []byte{0x30, 0x06, 0x30, 0x81, 0x03, 0x02, 0x01, 0x05} // an inner length that is not minimal
	der := s.sign(t, message{scheme: ECDSA, hash: crypto.SHA256, content: content, changeBuild: func(p *BuildParams) {
		p.Certificates = [][]byte{strange, s.cert.Raw}
		p.CRLs = [][]byte{strange}
	}})
	for _, b := range [][]byte{der, berOf(der, 0, false)} {
		sd := parse(t, b)
		if len(sd.Certificates) != 2 || !bytes.Equal(sd.Certificates[0], strange) || !bytes.Equal(sd.CRLs[0], strange) {
			t.Errorf("certificates %x", sd.Certificates)
		}
		if !bytes.Equal(sd.SignerInfos[0].FindCertificate(sd.Certificates), s.cert.Raw) {
			t.Error("the signer's certificate was not found beside a strange one")
		}
	}
}
