package cms

import (
	"bytes"
	"crypto"
	"math/big"
	"testing"
	"time"
)

// The template gives what TSTInfo.Marshal gives, whatever differs from one token to the next.
func TestTSTTemplateGivesTheSameBytes(t *testing.T) {
	t.Parallel()
	hashes := []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}
	serials := [][]byte{{1}, {0}, {0x7f}, {0, 0x80}, append([]byte{1}, make([]byte, 16)...), bytes.Repeat([]byte{0x7f}, 20)}
	nonces := []*big.Int{nil, big.NewInt(0), big.NewInt(1), big.NewInt(0x7f), big.NewInt(0x80), big.NewInt(-1), big.NewInt(-0x81),
		new(big.Int).Lsh(big.NewInt(1), 63), new(big.Int).Lsh(big.NewInt(1), 511), new(big.Int).Lsh(big.NewInt(1), 9000)}
	times := []time.Time{time.Date(2026, 3, 1, 2, 3, 4, 0, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2026, 10, 11, 12, 13, 14, 120_000_000, time.FixedZone("", 8*3600)), time.Date(2100, 1, 1, 0, 0, 0, 7_000_000, time.UTC)}
	for _, accuracy := range []time.Duration{0, time.Second, 1500 * time.Millisecond} {
		template, err := NewTSTTemplate([]int{1, 3, 6, 1, 4, 1, 99999, 1}, accuracy, hashes)
		if err != nil {
			t.Fatal(err)
		}
		for i, genTime := range times {
			for j, serial := range serials {
				for k, nonce := range nonces {
					h := hashes[(i+j+k)%len(hashes)]
					info := TSTInfo{Version: 1, Policy: []int{1, 3, 6, 1, 4, 1, 99999, 1}, HashAlgorithm: h, Imprint: bytes.Repeat([]byte{9}, h.Size()),
						Serial: new(big.Int).SetBytes(serial), GenTime: genTime, Accuracy: accuracy, Nonce: nonce}
					want, err := info.Marshal()
					if err != nil {
						t.Fatal(err)
					}
					got, err := template.Marshal(h, info.Imprint, serial, genTime, nonce)
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("%v, serial %x, nonce %v: got %x, %v; want %x", genTime, serial, nonce, got, err, want)
					}
				}
			}
		}
		for name, serial := range map[string][]byte{"empty": {}, "negative": {0x80}, "not minimal": {0, 1}} {
			if _, err := template.Marshal(crypto.SHA256, make([]byte, 32), serial, times[0], nil); err == nil {
				t.Errorf("serial %s: accepted", name)
			}
		}
		if _, err := template.Marshal(crypto.SHA1, make([]byte, 20), serials[0], times[0], nil); err == nil {
			t.Error("a hash that is not the template's: accepted")
		}
	}
}

// The text of a time is what package time writes.
func TestAppendGenTimeFormats(t *testing.T) {
	t.Parallel()
	for i := range int64(5000) {
		at := time.Unix(i*7_654_321, i*199_999_999%1e9)
		want := bytes.TrimRight([]byte(at.UTC().Format("20060102150405.000")), "0")
		want = append(bytes.TrimRight(want, "."), 'Z')
		if got := appendGenTime(nil, at); !bytes.Equal(got, want) {
			t.Fatalf("%v: got %s, want %s", at, got, want)
		}
	}
}
