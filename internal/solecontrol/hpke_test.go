package solecontrol

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"
)

// HPKE written out a second time from RFC 9180, for this suite, so that what the
// approval protocol describes can be compared with what crypto/hpke does.

func labeledExtract(t *testing.T, suite, salt []byte, label string, ikm []byte) []byte {
	t.Helper()
	prk, err := hkdf.Extract(sha256.New, bytes.Join([][]byte{[]byte("HPKE-v1"), suite, []byte(label), ikm}, nil), salt)
	if err != nil {
		t.Fatal(err)
	}
	return prk
}

func labeledExpand(t *testing.T, suite, prk []byte, label string, info []byte, n int) []byte {
	t.Helper()
	out, err := hkdf.Expand(sha256.New, prk, string(bytes.Join([][]byte{{byte(n >> 8), byte(n)}, []byte("HPKE-v1"), suite, []byte(label), info}, nil)), n)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// schedule gives the AEAD and its base nonce. RFC 9180, 4.1 and 5.1.
func schedule(t *testing.T, dh, enc, public, info []byte) (cipher.AEAD, []byte) {
	t.Helper()
	kem := []byte("KEM\x00\x10")
	prk := labeledExtract(t, kem, nil, "eae_prk", dh)
	shared := labeledExpand(t, kem, prk, "shared_secret", append(bytes.Clone(enc), public...), 32)
	suite := []byte("HPKE\x00\x10\x00\x01\x00\x02")
	context := append([]byte{0}, labeledExtract(t, suite, nil, "psk_id_hash", nil)...)
	context = append(context, labeledExtract(t, suite, nil, "info_hash", info)...)
	secret := labeledExtract(t, suite, shared, "secret", nil)
	block, err := aes.NewCipher(labeledExpand(t, suite, secret, "key", context, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead, labeledExpand(t, suite, secret, "base_nonce", context, 12)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The working group's vector for this suite: base mode, DHKEM(P-256,
// HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Its thousand encryptions are given as a
// SHAKE128 over all of them, with lengths and contents drawn from SHAKE128.
func TestHPKEVector(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(unhex(t, "317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2"))
	if err != nil {
		t.Fatal(err)
	}
	public := unhex(t, "04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c")
	enc := unhex(t, "04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0")
	if !bytes.Equal(private.PublicKey().Bytes(), public) {
		t.Fatal("the vector's key pair")
	}
	ephemeral, err := ecdh.P256().NewPublicKey(enc)
	if err != nil {
		t.Fatal(err)
	}
	dh, err := private.ECDH(ephemeral)
	if err != nil {
		t.Fatal(err)
	}
	aead, nonce := schedule(t, dh, enc, public, unhex(t, "4f6465206f6e2061204772656369616e2055726e"))
	source, sink := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	draw := func() []byte {
		n := make([]byte, 1)
		source.Read(n)
		b := make([]byte, n[0])
		source.Read(b)
		return b
	}
	for seq := range 1000 {
		aad, plaintext := draw(), draw()
		iv := bytes.Clone(nonce)
		tail := binary.BigEndian.Uint64(iv[4:]) ^ uint64(seq)
		binary.BigEndian.PutUint64(iv[4:], tail)
		sink.Write(aead.Seal(nil, iv, plaintext, aad))
	}
	sum := make([]byte, 16)
	sink.Read(sum)
	if got := hex.EncodeToString(sum); got != "8d3263541fc1695b6e88ff3a1208577c" {
		t.Fatalf("encryptions %s", got)
	}
}

// What the page sends by a second implementation, this one opens, and the other
// way round; and for nothing else.
func TestHPKE(t *testing.T) {
	key, err := NewTransactionKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, aad := random(32), random(32)
	tx := NewID()
	ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dh, err := ephemeral.ECDH(key.key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	enc := ephemeral.PublicKey().Bytes()
	aead, nonce := schedule(t, dh, enc, key.Public(), ApprovalInfo(tx))
	ciphertext := aead.Seal(nil, nonce, secret, aad)
	if got, err := key.Open(ApprovalInfo(tx), aad, enc, ciphertext); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("opened %x, %v; want %x", got, err, secret)
	}
	enc, ciphertext, err = SendSecret(key.Public(), EnrolInfo(tx), aad, secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.Open(EnrolInfo(tx), aad, enc, ciphertext); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("opened %x, %v; want %x", got, err, secret)
	}
	other, err := NewTransactionKey()
	if err != nil {
		t.Fatal(err)
	}
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b }
	for name, c := range map[string]struct {
		key                        *TransactionKey
		info, aad, enc, ciphertext []byte
	}{
		"another key":           {other, EnrolInfo(tx), aad, enc, ciphertext},
		"an approval's info":    {key, ApprovalInfo(tx), aad, enc, ciphertext},
		"another id":            {key, EnrolInfo(NewID()), aad, enc, ciphertext},
		"another challenge":     {key, EnrolInfo(tx), flip(aad), enc, ciphertext},
		"no challenge":          {key, EnrolInfo(tx), nil, enc, ciphertext},
		"another encapsulation": {key, EnrolInfo(tx), aad, key.Public(), ciphertext},
		"no point":              {key, EnrolInfo(tx), aad, flip(enc), ciphertext},
		"a compressed point":    {key, EnrolInfo(tx), aad, append([]byte{2}, enc[1:33]...), ciphertext},
		"changed":               {key, EnrolInfo(tx), aad, enc, flip(ciphertext)},
		"cut short":             {key, EnrolInfo(tx), aad, enc, ciphertext[:47]},
		"empty":                 {key, EnrolInfo(tx), aad, enc, nil},
	} {
		if _, err := c.key.Open(c.info, c.aad, c.enc, c.ciphertext); !errors.Is(err, ErrSeal) {
			t.Errorf("%s: %v, want ErrSeal", name, err)
		}
	}
}
