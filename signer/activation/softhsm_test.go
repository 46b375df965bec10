package activation

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// What a thief of a SoftHSM token's files and PIN does: SoftHSM 2.6 keeps its
// objects as lists of attributes, private ones encrypted under a key that the
// PIN encrypts. No rule of PKCS#11 stands in the way of who reads the files.

// attribute kinds of SoftHSM's object files.
const (
	kindBool = 1 + iota
	kindULong
	kindBytes
	kindArray
	kindMechanisms
)

type softAttribute struct {
	kind   uint64
	value  []byte
	offset int // of the value in the file
}

const (
	ckaLabel   = 0x3
	ckaValue   = 0x11
	ckaID      = 0x102
	ckaUserPIN = 0x8000534d // SoftHSM's own
)

// readObject reads one object file.
func readObject(t testing.TB, path string) (file []byte, attributes map[uint64]softAttribute) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	attributes = make(map[uint64]softAttribute)
	for at := 8; at+16 <= len(file); { // behind the generation number
		kind := binary.BigEndian.Uint64(file[at+8:])
		a := softAttribute{kind: kind, offset: at + 16}
		size := 0
		switch kind {
		case kindBool:
			size = 1
		case kindULong:
			size = 8
		case kindBytes, kindArray:
			size = int(binary.BigEndian.Uint64(file[at+16:]))
			a.offset += 8
		case kindMechanisms:
			size = 8 * int(binary.BigEndian.Uint64(file[at+16:]))
			a.offset += 8
		default:
			t.Fatalf("%s: attribute kind %d at %d", path, kind, at)
		}
		a.value = file[a.offset : a.offset+size]
		attributes[binary.BigEndian.Uint64(file[at:])] = a
		at = a.offset + size
	}
	return file, attributes
}

// stolenKey is an object with its value in the clear.
type stolenKey struct {
	path, label string
	id, value   []byte
}

// stealToken decrypts everything in a token's folder.
func stealToken(t testing.TB, dir, pin string) []stolenKey {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "softhsm", "*", "*.object"))
	if err != nil {
		t.Fatal(err)
	}
	var key []byte
	for _, path := range files {
		if filepath.Base(path) == "token.object" {
			_, attributes := readObject(t, path)
			key = tokenKey(t, attributes[ckaUserPIN].value, pin)
		}
	}
	var keys []stolenKey
	for _, path := range files {
		if filepath.Base(path) == "token.object" {
			continue
		}
		_, attributes := readObject(t, path)
		open := func(kind uint64) []byte {
			v := attributes[kind].value
			if plain, ok := openCBC(key, v); ok {
				return plain
			}
			return v
		}
		keys = append(keys, stolenKey{path, string(open(ckaLabel)), open(ckaID), open(ckaValue)})
	}
	return keys
}

// tokenKey opens the token's own key: salt, IV, and AES-CBC under the PIN hashed
// 1,500 times and more.
func tokenKey(t testing.TB, blob []byte, pin string) []byte {
	t.Helper()
	if len(blob) < 8+16+48 {
		t.Fatalf("the token's key has %d bytes", len(blob))
	}
	digest := sha256.Sum256(append(bytes.Clone(blob[:8]), pin...))
	for range 1500 + int(blob[7]) - 1 {
		digest = sha256.Sum256(digest[:])
	}
	plain, ok := openCBC(digest[:], blob[8:])
	if !ok || len(plain) != 3+32 || string(plain[:3]) != "RJR" {
		t.Fatalf("the PIN does not open the token: %x", plain)
	}
	return plain[3:]
}

// openCBC decrypts IV and AES-CBC with PKCS #7 padding.
func openCBC(key, b []byte) ([]byte, bool) {
	if len(b) < 32 || len(b)%16 != 0 {
		return nil, false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	out := make([]byte, len(b)-16)
	cipher.NewCBCDecrypter(block, b[:16]).CryptBlocks(out, b[16:])
	n := int(out[len(out)-1])
	if n == 0 || n > 16 || !bytes.Equal(out[len(out)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, false
	}
	return out[:len(out)-n], true
}

// unwrapKWP undoes RFC 5649 with the key-encryption key in the clear.
func unwrapKWP(kek, wrapped []byte) ([]byte, bool) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(wrapped) < 24 || len(wrapped)%8 != 0 {
		return nil, false
	}
	n := len(wrapped)/8 - 1
	a, r := bytes.Clone(wrapped[:8]), bytes.Clone(wrapped[8:])
	buf := make([]byte, 16)
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			binary.BigEndian.PutUint64(buf, binary.BigEndian.Uint64(a)^uint64(n*j+i))
			copy(buf[8:], r[(i-1)*8:i*8])
			block.Decrypt(buf, buf)
			copy(a, buf[:8])
			copy(r[(i-1)*8:], buf[8:])
		}
	}
	size := int(binary.BigEndian.Uint32(a[4:]))
	if string(a[:4]) != "\xa6\x59\x59\xa6" || size > len(r) {
		return nil, false
	}
	return r[:size], true
}
