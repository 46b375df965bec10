package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chop/registration/hkic"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
)

// vpcd is the reader's side of a slot, as an hkic.Chip.
type vpcd struct{ conn net.Conn }

func (v vpcd) Transmit(command []byte) ([]byte, error) {
	if _, err := v.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(command))), command...)); err != nil {
		return nil, hkic.ErrRemoved
	}
	if len(command) == 1 && command[0] != controlATR {
		return nil, nil
	}
	var head [2]byte
	if _, err := io.ReadFull(v.conn, head[:]); err != nil {
		return nil, hkic.ErrRemoved
	}
	out := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(v.conn, out); err != nil {
		return nil, hkic.ErrRemoved
	}
	return out, nil
}

// insert runs the command and returns the reader's side of the card, and what the command said in the end.
func insert(t *testing.T, args ...string) (vpcd, func() (code int, out, errOut string)) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var out, errOut strings.Builder
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), append([]string{"insert", "--reader", listener.Addr().String()}, args...), &out, &errOut)
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return vpcd{conn}, func() (int, string, string) {
		conn.Close()
		return <-code, out.String(), errOut.String()
	}
}

// Every kind of card, played over the wire of the virtual reader, is what hkic says that it is.
func TestInsert(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cards")
	for range 2 { // the second time there is one
		if code := run(t.Context(), []string{"issuer", "--dir", dir}, io.Discard, os.Stderr); code != 0 {
			t.Fatalf("exit code %d", code)
		}
	}
	made, err := issuer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(immd.People(time.Now())[8])
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "person.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[issuer.Kind]string{
		issuer.Genuine: "", issuer.Replaced: "", issuer.Cloned: "cloned", issuer.Tampered: "tampered", issuer.Expired: "expired",
		issuer.Foreign: "foreign", issuer.Other: "foreign",
	} {
		reader, end := insert(t, "--dir", dir, "--person", file, "--kind", string(kind))
		if _, err := reader.Transmit([]byte{controlOn}); err != nil {
			t.Fatal(err)
		}
		if got, err := reader.Transmit([]byte{controlATR}); err != nil || got[0] != 0x3B {
			t.Errorf("%s: answer to reset %x, %v", kind, got, err)
		}
		if _, err := hkic.Read(t.Context(), reader, made.Trust(), time.Now()); hkic.Reason(err) != want || (err == nil) != (want == "") {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
		if code, out, errOut := end(); code != 0 || errOut != "" || !strings.Contains(out, "out after") {
			t.Errorf("%s: exit code %d, %q, %q", kind, code, out, errOut)
		}
	}
	reader, end := insert(t, "--dir", dir, "--person", "1", "--pull-out", "3")
	if _, err := hkic.Read(t.Context(), reader, made.Trust(), time.Now()); hkic.Reason(err) != "removed" {
		t.Errorf("pulled out: %v", err)
	}
	if code, out, _ := end(); code != 0 || !strings.Contains(out, "after 3 commands") {
		t.Errorf("pulled out: exit code %d, %q", code, out)
	}
}

// What cannot be done is said, with a hint.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cards")
	run(t.Context(), []string{"issuer", "--dir", dir}, io.Discard, os.Stderr)
	for name, args := range map[string][]string{
		"no issuer":       {"insert", "--dir", t.TempDir(), "--person", "1"},
		"no such person":  {"insert", "--dir", dir, "--person", "0"},
		"no file":         {"insert", "--dir", dir, "--person", "nobody.json"},
		"no earlier card": {"insert", "--dir", dir, "--person", "1", "--kind", "replaced"},
		"no reader":       {"insert", "--dir", dir, "--person", "1", "--reader", "127.0.0.1:1"},
		"no such kind":    {"insert", "--dir", dir, "--person", "1", "--kind", "odd"},
	} {
		var errOut strings.Builder
		if code := run(t.Context(), args, io.Discard, &errOut); code == 0 || !strings.Contains(errOut.String(), "hint:") {
			t.Errorf("%s: exit code %d, %q", name, code, errOut.String())
		}
	}
	var out strings.Builder
	if code := run(t.Context(), []string{"people"}, &out, os.Stderr); code != 0 || strings.Count(out.String(), "\n") < 10 {
		t.Errorf("people: exit code %d, %q", code, out.String())
	}
}
