package hsmtest

import (
	"bytes"
	"errors"
	"testing"

	"chop/hsm"
)

func sealer(t *testing.T, token hsm.Token) {
	ctx := t.Context()
	s, err := token.Sealer(ctx, "records")
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range [][]byte{{}, {1}, bytes.Repeat([]byte{7}, 32), bytes.Repeat([]byte{8}, hsm.MaxSealed)} {
		for _, aad := range [][]byte{nil, []byte("record 1")} {
			sealed, err := s.Seal(ctx, plain, aad)
			if err != nil {
				t.Fatalf("seal %d bytes: %v", len(plain), err)
			}
			got, err := s.Open(ctx, sealed, aad)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("open %d bytes with %d: %x, %v", len(plain), len(aad), got, err)
			}
		}
	}
	data := []byte("a data key of thirty-two bytes..")
	sealed, err := s.Seal(ctx, data, []byte("record 1"))
	if err != nil {
		t.Fatal(err)
	}
	if twin, err := s.Seal(ctx, data, []byte("record 1")); err != nil || bytes.Equal(twin, sealed) {
		t.Errorf("two seals of the same data are the same: %v", err)
	}
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		if _, err := s.Open(ctx, bad, []byte("record 1")); !errors.Is(err, hsm.ErrSealed) {
			t.Errorf("byte %d changed: got %v, want ErrSealed", i, err)
		}
	}
	for n := range sealed {
		if _, err := s.Open(ctx, sealed[:n], []byte("record 1")); !errors.Is(err, hsm.ErrSealed) {
			t.Errorf("cut to %d bytes: got %v, want ErrSealed", n, err)
		}
	}
	if _, err := s.Open(ctx, sealed, []byte("record 2")); !errors.Is(err, hsm.ErrSealed) {
		t.Errorf("another record: got %v, want ErrSealed", err)
	}
	other, err := token.Sealer(ctx, "others")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(ctx, sealed, []byte("record 1")); !errors.Is(err, hsm.ErrSealed) {
		t.Errorf("another key: got %v, want ErrSealed", err)
	}
	if _, err := s.Seal(ctx, make([]byte, hsm.MaxSealed+1), nil); !errors.Is(err, hsm.ErrTooLarge) {
		t.Errorf("too large: got %v, want ErrTooLarge", err)
	}
	again, err := token.Sealer(ctx, "records")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(ctx, sealed, []byte("record 1")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("opened again: %q, %v", got, err)
	}
}
