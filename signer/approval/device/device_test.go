package device

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/solecontrol"
)

const testOrigin = "https://approve.example.hk"

// A device's file gives the same passkeys, the same PRF, and counters that go on.
func TestDeviceFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "device.json")
	d, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	challenge := solecontrol.CreateChallenge(solecontrol.NewNonce())
	c, err := d.Create("approve.example.hk", testOrigin, challenge, []byte("user"), true)
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.Verify(challenge, testOrigin, "approve.example.hk")
	if err != nil {
		t.Fatal(err)
	}
	salt := solecontrol.NewNonce()
	_, first, err := d.Get("approve.example.hk", testOrigin, challenge, c.ID, salt)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info.Mode(), err)
	}
	again, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	a, second, err := again.Get("approve.example.hk", testOrigin, challenge, c.ID, salt)
	if err != nil || !bytes.Equal(first, second) || len(second) != solecontrol.SecretSize {
		t.Fatalf("PRF %x, then %x, %v", first, second, err)
	}
	data, err := a.Verify(solecontrol.Expected{Challenge: challenge, Origin: testOrigin, RPID: "approve.example.hk", PasskeyID: c.ID, Key: made.Attested.Key})
	if err != nil || data.SignCount != 2 {
		t.Errorf("%+v, %v; want a counter of 2", data, err)
	}
	if _, other, err := again.Get("approve.example.hk", testOrigin, challenge, c.ID, solecontrol.NewNonce()); err != nil || bytes.Equal(other, first) {
		t.Errorf("another salt has the same PRF: %v", err)
	}
	if _, _, err := again.Get("portal.example.hk", testOrigin, challenge, c.ID, salt); !errors.Is(err, ErrNoPasskey) {
		t.Errorf("another RP: %v, want ErrNoPasskey", err)
	}
	if sig, err := again.SignByDeviceKey("approve.example.hk", c.ID, challenge); err != nil || len(sig) != 64 {
		t.Errorf("device key: %d bytes, %v", len(sig), err)
	}
}

// The PRF is the one of the test vectors.
func TestPRFVector(t *testing.T) {
	file, err := os.ReadFile("../../../internal/solecontrol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ PRFSalt, PRFCredRandom, S solecontrol.Bytes }
	if err := json.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	if got := (&Passkey{PRF: v.PRFCredRandom}).prf(v.PRFSalt); !hmac.Equal(got, v.S) || len(got) != 32 {
		t.Errorf("s is %x, want %x", got, v.S)
	}
}

// The page does not approve a file that is not the one that is signed.
func TestCheckDocument(t *testing.T) {
	head, tail := "%PDF-1.7 /Contents ", " %%EOF"
	file := []byte(head + "<" + strings.Repeat("0", 64) + ">" + tail)
	digest := sha256.Sum256([]byte(head + tail))
	attribute := append([]byte("\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x22\x04\x20"), digest[:]...)
	good := solecontrol.OfferDocument{
		Name: "a.pdf", Type: solecontrol.TypePDF, Size: int64(len(file)), Policy: "1.2", Hash: solecontrol.SHA256,
		Attributes: append([]byte{0x31, byte(len(attribute))}, attribute...),
		ByteRange:  [4]int64{0, int64(len(head)), int64(len(head) + 66), int64(len(tail))},
	}
	line, err := CheckDocument(&good, file)
	if err != nil || !bytes.Equal(line.SHA256, digest[:]) {
		t.Fatalf("%+v, %v", line, err)
	}
	for name, change := range map[string]func(*solecontrol.OfferDocument, []byte) []byte{
		"a byte changed":         func(_ *solecontrol.OfferDocument, f []byte) []byte { f[3] ^= 1; return f },
		"a byte behind":          func(_ *solecontrol.OfferDocument, f []byte) []byte { return append(f, 'x') },
		"a signature in the gap": func(_ *solecontrol.OfferDocument, f []byte) []byte { f[len(head)+5] = '1'; return f },
		"a wider gap":            func(d *solecontrol.OfferDocument, f []byte) []byte { d.ByteRange[1]--; return f },
		"not the whole file":     func(d *solecontrol.OfferDocument, f []byte) []byte { d.ByteRange[3]--; return f },
		"another digest":         func(d *solecontrol.OfferDocument, f []byte) []byte { d.Attributes[len(d.Attributes)-1] ^= 1; return f },
		"two digests": func(d *solecontrol.OfferDocument, f []byte) []byte {
			d.Attributes = append(append([]byte{0x31, byte(2 * len(attribute))}, attribute...), attribute...)
			return f
		},
		"no attributes": func(d *solecontrol.OfferDocument, f []byte) []byte { d.Attributes = []byte{0x31, 0}; return f },
	} {
		d := good
		d.Attributes = bytes.Clone(good.Attributes)
		f := change(&d, bytes.Clone(file))
		if _, err := CheckDocument(&d, f); !errors.Is(err, ErrPage) {
			t.Errorf("%s: %v, want ErrPage", name, err)
		}
	}
}
