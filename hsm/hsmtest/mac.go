package hsmtest

import (
	"bytes"
	"errors"
	"testing"

	"chop/hsm"
)

func mac(t *testing.T, token hsm.Token) {
	ctx := t.Context()
	m, err := token.MAC(ctx, "records-mac")
	if err != nil {
		t.Fatal(err)
	}
	sum := func(m hsm.MAC, message string) []byte {
		t.Helper()
		tag, err := m.Sum(ctx, []byte(message))
		if err != nil || len(tag) != 32 {
			t.Fatalf("tag of %q: %x, %v", message, tag, err)
		}
		return tag
	}
	one := sum(m, "record 1")
	if !bytes.Equal(one, sum(m, "record 1")) {
		t.Error("one message has two tags")
	}
	for _, other := range []string{"", "record 2", "record 1 "} {
		if bytes.Equal(one, sum(m, other)) {
			t.Errorf("%q has the tag of another message", other)
		}
	}
	again, err := token.MAC(ctx, "records-mac")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, sum(again, "record 1")) {
		t.Error("opened again, it makes another tag")
	}
	another, err := token.MAC(ctx, "others-mac")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(one, sum(another, "record 1")) {
		t.Error("two keys make the same tag")
	}
	if _, err := m.Sum(ctx, make([]byte, hsm.MaxSealed+1)); !errors.Is(err, hsm.ErrTooLarge) {
		t.Errorf("too large: got %v, want ErrTooLarge", err)
	}
	if list, err := token.Keys(ctx); err != nil || len(list) != 0 {
		t.Errorf("a MAC key is listed as a key pair: %+v, %v", list, err)
	}
}
