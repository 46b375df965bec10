package hsm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// What parses is written again byte for byte; what does not is refused by the
// sentinel; nothing panics or allocates beyond its limit.

func FuzzParseWrapped(f *testing.F) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	spki, err := marshalSPKI(k.Public())
	if err != nil {
		f.Fatal(err)
	}
	good, err := (&wrappedKey{mechanism: kwp, generation: 1, kekID: make([]byte, 16), spki: spki, pkcs8: make([]byte, 80)}).marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("CWK\x01"))
	f.Add(bytes.Repeat([]byte{0xff}, MaxWrapped+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := parseWrapped(b)
		if err != nil {
			if !errors.Is(err, ErrWrappedKey) {
				t.Fatalf("got %v, want ErrWrappedKey", err)
			}
			return
		}
		again, err := w.marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x, %v", b, again, err)
		}
		if pub, err := w.public(); err == nil {
			if _, err := specOf(pub); err != nil {
				t.Fatalf("accepted a key that we do not make: %v", err)
			}
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	add := func(id uint64, op op, fields ...[]byte) {
		b, err := appendMessage(nil, id, op, fields...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[4:])
	}
	add(1, opKeys)
	add(2, opUseSign, make([]byte, 8), []byte("kek"), []byte("wrapped"), make([]byte, 32), make([]byte, 9))
	add(0, opPulse, make([]byte, 16))
	add(3, opError, encodeError(ErrWrappedKey)...)
	add(4, opHello, hello{Config{Module: "/m", Label: "l", PIN: "p", Sessions: 8}, time.Second}.encode()...)
	add(5, opHello, (&launched{hello: hello{Config{Module: "/m", Label: "l", PIN: "p"}, time.Second}, uses: UseKeys}).encode()...)
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x01\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			return
		}
		if _, err := decodeHello(m.fields); err == nil && len(m.fields) != 6 {
			t.Fatal("hello of another length")
		}
		if l, err := decodeLaunch(m.fields); err == nil && (l.uses == 0 || len(m.fields) != 7) {
			t.Fatal("a launch for no use")
		}
		if err := decodeError(m.fields); err == nil || err.Error() == "" && len(m.fields[1]) > 0 {
			t.Fatal("an error became none")
		}
		_, _ = decodeKeys(m.fields)
		for _, field := range m.fields {
			if o, err := decodeOpts(field); err == nil {
				again, err := encodeOpts(o)
				if err != nil || again[0] == 1 && !bytes.Equal(again, field) {
					t.Fatalf("options %x became %x, %v", field, again, err)
				}
			}
		}
		again, err := appendMessage(nil, m.id, m.op, m.fields...)
		if err != nil || !bytes.Equal(again[4:], b) || binary.BigEndian.Uint32(again) != uint32(len(b)) {
			t.Fatalf("%x became %x, %v", b, again, err)
		}
	})
}

func FuzzParseSealed(f *testing.F) {
	f.Add(append([]byte{1, 2, 9, 9}, make([]byte, gcmIV+gcmTag)...))
	f.Add([]byte{1, 255})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		id, iv, ciphertext, err := parseSealed(b)
		if err != nil {
			if !errors.Is(err, ErrSealed) {
				t.Fatalf("got %v, want ErrSealed", err)
			}
			return
		}
		again := append([]byte{1, byte(len(id))}, id...)
		again = append(append(again, iv...), ciphertext...)
		if !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// FuzzPublicKey decodes the attributes that a module answers.
func FuzzPublicKey(f *testing.F) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			f.Fatal(err)
		}
		spec, _ := specOf(k.Public())
		params, _ := asn1.Marshal(curveOID(spec))
		raw, err := k.PublicKey.Bytes()
		if err != nil {
			f.Fatal(err)
		}
		wrapped, _ := asn1.Marshal(raw)
		f.Add(params, raw)
		f.Add(params, wrapped)
	}
	f.Add(new(big.Int).SetBit(big.NewInt(1), 2047, 1).Bytes(), []byte{1, 0, 1})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if pub, err := ecPublicKey(a, b); err == nil {
			if _, err := specOf(pub); err != nil {
				t.Fatal(err)
			}
			if _, err := pub.ECDH(); err != nil {
				t.Fatalf("a point that is not on its curve: %v", err)
			}
		}
		if pub, err := rsaPublicKey(a, b); err == nil {
			if _, err := specOf(pub); err != nil || pub.E < 3 {
				t.Fatalf("%+v: %v", pub, err)
			}
		}
	})
}

// The standard's OCTET STRING around a point and some modules' raw point give
// the same key; anything between does not.
func TestECPointForms(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	params, _ := asn1.Marshal(oidP384)
	p256, _ := asn1.Marshal(oidP256)
	p521, _ := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 132, 0, 35})
	raw, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	wrapped, _ := asn1.Marshal(raw)
	off := append([]byte(nil), raw...)
	off[len(off)-1] ^= 1
	for name, tc := range map[string]struct {
		params, point []byte
		ok            bool
	}{
		"raw":                  {params, raw, true},
		"OCTET STRING":         {params, wrapped, true},
		"trailing byte":        {params, append(append([]byte(nil), wrapped...), 0), false},
		"cut":                  {params, raw[:len(raw)-1], false},
		"empty":                {params, nil, false},
		"not on the curve":     {params, off, false},
		"another curve":        {p256, raw, false},
		"a curve we lack":      {p521, raw, false},
		"compressed":           {params, append([]byte{2}, raw[1:49]...), false},
		"parameters not named": {[]byte{0x30, 0}, raw, false},
	} {
		pub, err := ecPublicKey(tc.params, tc.point)
		if (err == nil) != tc.ok || tc.ok && !pub.Equal(k.Public()) {
			t.Errorf("%s: got %v, %v", name, pub, err)
		}
	}
}

func TestErrorsCrossTheSocket(t *testing.T) {
	for i, s := range sentinels() {
		err := fmt.Errorf("doing this: %w", s)
		got := decodeError(encodeError(err))
		if !errors.Is(got, s) || got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
		for j, other := range sentinels() {
			if i != j && errors.Is(got, other) {
				t.Errorf("%v became %v as well", s, other)
			}
		}
	}
	both := errors.Join(ErrUnsafeToken, ErrKeyNotFound)
	if got := decodeError(encodeError(both)); !errors.Is(got, ErrUnsafeToken) || !errors.Is(got, ErrKeyNotFound) {
		t.Errorf("two sentinels became %v", got)
	}
	for _, o := range []crypto.SignerOpts{crypto.SHA256, &rsa.PSSOptions{Hash: crypto.SHA384, SaltLength: rsa.PSSSaltLengthEqualsHash}} {
		b, err := encodeOpts(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeOpts(b)
		if err != nil || fmt.Sprintf("%T %+v", got, got) != fmt.Sprintf("%T %+v", o, o) {
			t.Errorf("%T %+v became %T %+v, %v", o, o, got, got, err)
		}
	}
}
