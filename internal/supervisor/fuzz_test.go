package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// What is handed over is taken whole or refused by the sentinel, and nothing behind it is read.
func FuzzFrame(f *testing.F) {
	hand, err := json.Marshal(handover{Argv: []string{"/proc/self/exe", "approval-process"}, UID: 64100, GID: 64100, Files: 2, Secret: []byte("pin")})
	if err != nil {
		f.Fatal(err)
	}
	var good bytes.Buffer
	if err := writeFrame(&good, hand); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:good.Len()-1])
	f.Add([]byte{0, 16, 0, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bytes.NewReader(b)
		got, err := readFrame(in)
		if err != nil {
			if !errors.Is(err, ErrHandover) {
				t.Fatalf("got %v, want ErrHandover", err)
			}
			return
		}
		var again bytes.Buffer
		if err := writeFrame(&again, got); err != nil || !bytes.Equal(again.Bytes(), b[:len(b)-in.Len()]) {
			t.Fatalf("%x became %x, %v", b, again.Bytes(), err)
		}
	})
}
