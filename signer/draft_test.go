package signer

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Whatever is written, in whatever order, draft and file say the same in the end, also when the draft outgrew its room.
func TestDraftIsWhatTheFileIs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		out, err := createOutput(filepath.Join(t.TempDir(), "out.pdf"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.discard()
		out.draft = newDraft(int64(r.IntN(1000)))
		var want []byte
		for range 60 {
			p := make([]byte, r.IntN(1+2*draftRoom/60<<(seed%3)))
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			switch r.IntN(4) {
			case 0:
				if err := out.flush(); err != nil {
					t.Fatal(err)
				}
			case 1:
				if at := r.IntN(len(want) + 1); at+len(p) <= len(want) {
					copy(want[at:], p)
					if _, err := out.WriteAt(p, int64(at)); err != nil {
						t.Fatal(err)
					}
				}
			default:
				want = append(want, p...)
				if _, err := out.Write(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := out.flush(); err != nil {
			t.Fatal(err)
		}
		read, err := io.ReadAll(io.NewSectionReader(out, 0, 1<<30))
		if err != nil || !bytes.Equal(read, want) {
			t.Errorf("seed %d: read %d bytes, want %d (%v)", seed, len(read), len(want), err)
		}
		if file, err := os.ReadFile(out.Name()); err != nil || !bytes.Equal(file, want) {
			t.Errorf("seed %d: the file has %d bytes, want %d (%v)", seed, len(file), len(want), err)
		}
	}
}

func TestDraftRefusesWhatIsBeyondIt(t *testing.T) {
	t.Parallel()
	out := &output{draft: newDraft(10)}
	defer out.draft.free()
	if _, err := out.WriteAt([]byte("x"), 0); !errors.Is(err, errBeyondDraft) {
		t.Errorf("wrote beyond the end: %v", err)
	}
	if _, err := out.ReadAt(make([]byte, 1), 0); !errors.Is(err, io.EOF) {
		t.Errorf("read beyond the end: %v", err)
	}
	if newDraft(smallDocument+1) != nil {
		t.Error("a large document is kept in memory")
	}
}

// flush is where a full disk shows, again and again.
func TestDraftMeetsAFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	out := &output{File: full, draft: newDraft(10)}
	defer out.draft.free()
	if _, err := out.Write([]byte("%PDF-")); err != nil {
		t.Fatal(err)
	}
	if err := out.flush(); err == nil {
		t.Error("flush says nothing of a full disk")
	}
	if err := out.flush(); err == nil {
		t.Error("the second flush takes the bytes for written")
	}
}

// Many callers at once: each is told what became of its own folder.
func TestFoldersAreSyncedTogether(t *testing.T) {
	t.Parallel()
	dir, absent := t.TempDir(), filepath.Join(t.TempDir(), "absent")
	var f folders
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			switch i % 2 {
			case 0:
				if err := f.sync(dir); err != nil {
					t.Error(err)
				}
			default:
				if err := f.sync(absent); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("an absent folder: %v", err)
				}
			}
		})
	}
	wg.Wait()
}
