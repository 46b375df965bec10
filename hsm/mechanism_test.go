package hsm

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"testing"
)

// Signatures in every form that two halves can take come out as encoding/asn1
// would write them.
func TestECDSASignatureDER(t *testing.T) {
	for _, size := range []int{32, 48} {
		halves := map[string][]byte{"zero": make([]byte, size), "largest": bytes.Repeat([]byte{0xff}, size)}
		for name, first := range map[string][]byte{
			"one": {}, "high bit": {0x80}, "no high bit": {0x7f}, "short": {0, 0x12}, "short, with a high bit": {0, 0, 0x92},
		} {
			half := append(first, make([]byte, size-len(first))...)
			half[size-1] = 1
			halves[name] = half
		}
		for rName, r := range halves {
			for sName, s := range halves {
				got, err := ecdsaDER(append(bytes.Clone(r), s...), size)
				if rName == "zero" || sName == "zero" {
					if err == nil {
						t.Errorf("r %s, s %s: accepted", rName, sName)
					}
					continue
				}
				want, _ := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("r %s, s %s: got %x, %v; want %x", rName, sName, got, err, want)
				}
			}
		}
	}
	for _, n := range []int{0, 63, 65, 96} {
		if _, err := ecdsaDER(bytes.Repeat([]byte{1}, n), 32); err == nil {
			t.Errorf("%d bytes for P-256: accepted", n)
		}
	}
}
