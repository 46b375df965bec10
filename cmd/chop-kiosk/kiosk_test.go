package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"chop/cmd/chop-kiosk/readertest"
	"chop/registration/hkic/issuer"
	"chop/registration/immd"
)

// The programs as they are shipped, a real pcscd with a virtual reader, and cards of
// each kind put in and pulled out. What it took is printed, and not judged.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	programs(t, dir)
	trust := saveIssuer(t, dir).Trust()
	reader := readertest.New(t, dir)
	s, url := serveKiosk(t, dir, trust)
	kiosk := readertest.Start(t, exec.CommandContext(t.Context(), filepath.Join(dir, "chop-kiosk"), "--server", url, "--ca", filepath.Join(dir, "ca.pem"),
		"--cert", filepath.Join(dir, "kiosk.pem"), "--key", filepath.Join(dir, "kiosk.key"), "--issuer", filepath.Join(dir, "cards", issuer.CountryFile)))
	got := func() outcome {
		t.Helper()
		for {
			select {
			case o := <-s.got:
				return o
			case <-kiosk.Over:
				t.Fatalf("the kiosk's agent ended:\n%s", kiosk.Text())
			case <-time.After(50 * time.Millisecond):
				if text := kiosk.Text(); strings.Contains(text, "level=ERROR") {
					t.Fatalf("the kiosk's agent failed:\n%s", text)
				}
			}
		}
	}

	want := immd.People(time.Now())[0].Card
	var took []time.Duration
	for range 10 {
		card := reader.Insert(t.Context(), t, 0, "--person", "1")
		o := got()
		if o.card == nil || o.card.Card() != want {
			t.Fatalf("a genuine card was read as %v (%s)", o.card, o.reason)
		}
		took = append(took, o.at.Sub(card.In))
		card.Remove(t)
	}
	slices.Sort(took)
	t.Logf("from card in to data at the server, ten cards: fastest %v, median %v, slowest %v", took[0], took[5], took[9])

	for kind, reason := range map[issuer.Kind]string{
		issuer.Replaced: "", issuer.Cloned: "cloned", issuer.Tampered: "tampered", issuer.Expired: "expired", issuer.Foreign: "foreign", issuer.Other: "foreign",
	} {
		card := reader.Insert(t.Context(), t, 0, "--person", "9", "--kind", string(kind))
		if o := got(); o.reason != reason || (o.card != nil) != (reason == "") {
			t.Errorf("%s: %q, want %q", kind, o.reason, reason)
		}
		card.Remove(t)
	}

	for n := 1; ; n++ {
		card := reader.Insert(t.Context(), t, 0, "--person", "1", "--pull-out", strconv.Itoa(n))
		o := got()
		card.Remove(t)
		if o.card != nil { // it had no such command: read to its end
			if n < 8 {
				t.Errorf("a card was read by %d commands", n-1)
			}
			break
		}
		if o.reason != "removed" {
			t.Errorf("out at command %d: %q, want removed", n, o.reason)
		}
	}
	if text := kiosk.Text(); strings.Contains(text, want.Surname) || strings.Contains(text, want.Number.Normal()) {
		t.Errorf("the log tells whose card it was:\n%s", text)
	}
}

// Bad usage and files are said, with a hint.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	saveIssuer(t, dir)
	pem := filepath.Join(dir, "cards", issuer.CountryFile)
	for name, args := range map[string][]string{
		"nothing":  nil,
		"no files": {"--server", "https://localhost", "--cert", "no.pem", "--key", "no.key", "--ca", pem, "--issuer", pem},
	} {
		var said strings.Builder
		if code := run(t.Context(), args, &said); code != 2 || !strings.Contains(said.String(), "hint:") {
			t.Errorf("%s: exit code %d, %q", name, code, said.String())
		}
	}
}
