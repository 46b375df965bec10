package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// The encoding is what a log of years is checked against: it never changes.
func TestEncodingIsFixed(t *testing.T) {
	r := row{
		ID:    uuid.MustParse("0190a5f4-2b1c-7def-8123-456789abcdef"),
		At:    time.Date(2026, 3, 2, 4, 0, 0, 123456000, time.UTC),
		Actor: "local:wong", Role: "operator", Place: "", Action: "ca.issue",
		Subject: "certificate:01", Reason: "大", Detail: `{"a":1}`,
	}
	want := hex.EncodeToString([]byte("chop/audit/event/v1\x00")) +
		"0190a5f42b1c7def8123456789abcdef" + "00064c029eeb3240" +
		"0000000a" + hex.EncodeToString([]byte("local:wong")) +
		"00000008" + hex.EncodeToString([]byte("operator")) +
		"00000000" +
		"00000008" + hex.EncodeToString([]byte("ca.issue")) +
		"0000000e" + hex.EncodeToString([]byte("certificate:01")) +
		"00000003" + "e5a4a7" +
		"00000007" + hex.EncodeToString([]byte(`{"a":1}`))
	if got := hex.EncodeToString(r.encode()); got != want {
		t.Errorf("encoding\n got %s\nwant %s", got, want)
	}
}

// Two different events never have the same bytes.
func TestEncodingIsInjective(t *testing.T) {
	text := rapid.StringMatching(`[ab\x00]{0,3}`)
	event := rapid.Custom(func(t *rapid.T) row {
		return row{
			At:    time.UnixMicro(rapid.Int64Range(-2, 2).Draw(t, "at")).UTC(),
			Actor: text.Draw(t, "actor"), Role: text.Draw(t, "role"), Place: text.Draw(t, "place"),
			Action: text.Draw(t, "action"), Subject: text.Draw(t, "subject"), Reason: text.Draw(t, "reason"),
			Detail: text.Draw(t, "detail"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := event.Draw(t, "a"), event.Draw(t, "b")
		if same := bytes.Equal(a.encode(), b.encode()); same != (a == b) {
			t.Fatalf("%+v and %+v: same bytes %v", a, b, same)
		}
	})
}

// The tree that grows leaf by leaf has the root of RFC 6962's recursive rule.
func TestTree(t *testing.T) {
	var rule func(leaves []digest) digest
	rule = func(leaves []digest) digest {
		switch n := len(leaves); n {
		case 0:
			return sha256.Sum256(nil)
		case 1:
			return leaves[0]
		default:
			k := 1
			for 2*k < n {
				k *= 2
			}
			left, right := rule(leaves[:k]), rule(leaves[k:])
			return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
		}
	}
	var grown tree
	var leaves []digest
	for n := range 130 {
		if got, want := grown.root(), rule(leaves); got != want {
			t.Fatalf("root of %d leaves: got %x, want %x", n, got, want)
		}
		leaf := sha256.Sum256([]byte{0, byte(n)})
		leaves = append(leaves, leaf)
		grown.add(leaf)
	}
}

// Leaves and root of the first eight entries of RFC 6962's reference tests.
func TestTreeVectors(t *testing.T) {
	entries := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var grown tree
	for i, e := range entries {
		b, err := hex.DecodeString(e)
		if err != nil {
			t.Fatal(err)
		}
		grown.add(sha256.Sum256(append([]byte{0}, b...)))
		if got := grown.root(); hex.EncodeToString(got[:]) != roots[i] {
			t.Errorf("root of %d entries: got %x, want %s", i+1, got, roots[i])
		}
	}
}

func FuzzParseHead(f *testing.F) {
	f.Add(Head{Batch: 3, Sequence: 9, Hash: sha256.Sum256(nil)}.String())
	f.Add("0:0:" + strings.Repeat("0", 64))
	f.Add("+1:01:" + strings.Repeat("F", 64))
	f.Add("1:2")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHead(s)
		if err == nil && h.String() != s {
			t.Errorf("%q was read as %s", s, h)
		}
	})
}
