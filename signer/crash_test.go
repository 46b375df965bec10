package signer

import (
	"context"
	"crypto"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A process that dies between the intent and the result: the record is closed by the
// job, whichever process runs it, and the file in the making is removed by the next one.
func TestAbandonedSignature(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := context.Background()
	seal := r.seal(t, "p256", "")
	in := r.document(t, 1000)
	died := errors.New("killed")
	func() {
		defer func() {
			if recover() != died {
				t.Error("the process did not die")
			}
		}()
		r.keys.sign = func(crypto.Signer) crypto.Signer { panic(died) }
		_ = r.SignPDF(ctx, r.request(seal, in, "out.pdf"))
	}()
	r.keys.sign = nil
	if records, _ := r.states(t); !maps.Equal(records, map[string]int{"prepared": 1}) {
		t.Fatalf("records %v", records)
	}
	if n, err := r.AbandonStale(ctx, time.Hour); err != nil || n != 0 {
		t.Errorf("a fresh record was taken for stale: %d, %v", n, err)
	}
	if n, err := r.AbandonStale(ctx, -time.Minute); err != nil || n != 1 {
		t.Errorf("AbandonStale closed %d, %v", n, err)
	}
	records, events := r.states(t)
	if !maps.Equal(records, map[string]int{"abandoned": 1}) || events["signer.abandon"] != 1 {
		t.Errorf("records %v, events %v", records, events)
	}
}

// A signature that was taken for abandoned while it was being made is not handed out.
func TestSlowSignatureFindsItsRecordClosed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := context.Background()
	seal := r.seal(t, "p256", "")
	req := r.request(seal, r.document(t, 1000), "out.pdf")
	r.keys.sign = func(k crypto.Signer) crypto.Signer {
		if n, err := r.AbandonStale(ctx, -time.Minute); err != nil || n != 1 {
			t.Errorf("AbandonStale closed %d, %v", n, err)
		}
		return k
	}
	if err := r.SignPDF(ctx, req); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	if _, err := os.Stat(req.Out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was handed out: %v", err)
	}
}

func TestStaleFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	make := func(name string, at time.Time) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("half a file"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dead := make(tempPrefix+"dead"+tempSuffix, old)
	fresh := make(tempPrefix+"fresh"+tempSuffix, time.Now())
	living := make(tempPrefix+"living"+tempSuffix, old)
	foreign := make(".chop-notes.tmp", old)
	f, err := os.Open(living)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	var s sweeper
	s.sweep(filepath.Join(dir, "out.pdf"), time.Now())
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead process's file is still there: %v", err)
	}
	again := make(tempPrefix+"again"+tempSuffix, old)
	s.sweep(filepath.Join(dir, "other.pdf"), time.Now())
	for _, path := range []string{fresh, living, foreign, again} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	s.sweep(filepath.Join(dir, "out.pdf"), time.Now().Add(tempGrace))
	if _, err := os.Stat(again); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a later sweep left the dead process's file: %v", err)
	}
}

// A cancelled request is recorded as failed all the same.
func TestCancelledRequestIsRecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	seal := r.seal(t, "p256", "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.keys.sign = func(k crypto.Signer) crypto.Signer { cancel(); return k }
	if err := r.SignPDF(ctx, r.request(seal, r.document(t, 1000), "out.pdf")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want Canceled", err)
	}
	if records, _ := r.states(t); !maps.Equal(records, map[string]int{"failed": 1}) {
		t.Errorf("records %v", records)
	}
}
