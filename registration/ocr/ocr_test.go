package ocr

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"chop/registration/hkic"
	"chop/registration/ocr/cardface"
)

var today = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func reader(t *testing.T) *Reader {
	t.Helper()
	r, err := New(Config{Timeout: time.Hour})
	if err != nil {
		t.Fatalf("%v; hint: make deps", err)
	}
	return r
}

func card(t testing.TB, number, surname, given, chinese, birth, issued string) hkic.Card {
	t.Helper()
	c := hkic.Card{Surname: surname, GivenNames: given, ChineseName: chinese, Symbols: "***AZ", FirstIssued: "06-96"}
	var err error
	if c.Number, err = hkic.Parse(number); err != nil {
		t.Fatal(err)
	}
	if c.Birth, err = hkic.ParseDate(birth); err != nil {
		t.Fatal(err)
	}
	if c.Issued, err = hkic.ParseDate(issued); err != nil {
		t.Fatal(err)
	}
	return c
}

// Made-up cards, drawn, as a camera would see them. What is read is right or empty, the number is always read.
func TestRead(t *testing.T) {
	t.Parallel()
	r := reader(t)
	for _, c := range []hkic.Card{
		card(t, "C668668(9)", "LOK", "Wing Ching", "樂永晴", "1985-06-03", "2018-11-26"),
		card(t, "WX123456(9)", "O'BRIEN", "Mary-Ann", "", "1957-00-00", "2021-02-17"),
		card(t, "Z683365(A)", "AU YEUNG", "Siu Ming", "歐陽小明", "1999-12-31", "2020-01-09"),
	} {
		m, err := cardface.Draw(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, m := range []image.Image{m, cardface.OnTable(m, 1280, 720)} {
			s, err := r.Read(context.Background(), m, today)
			if err != nil {
				t.Fatal(err)
			}
			if s.Number != c.Number {
				t.Errorf("%s: number %s", c.Number.Secret(), s.Number.Secret())
			}
			for _, f := range [][2]string{{s.Surname, c.Surname}, {s.GivenNames, c.GivenNames}, {s.ChineseName, c.ChineseName}, {s.Birth.String(), c.Birth.String()}, {s.Issued.String(), c.Issued.String()}} {
				switch f[0] {
				case f[1]:
					found++
				case "":
				default:
					t.Logf("%s: %q for %q", c.Number.Secret(), f[0], f[1])
				}
			}
		}
		if found < 7 { // of ten
			t.Errorf("%s: only %d of 10 other fields were right", c.Number.Secret(), found)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"C668668(9)":              "C668668(9)",
		"No. C66B66B(9)":          "C668668(9)", // letters for digits
		"WX123456 [9]":            "WX123456(9)",
		"A123456(A)":              "", // the sample whose check digit is wrong
		"A123456":                 "",
		"0N 2123456(0) P103265(1": "",
		"LOK, Wing Ching":         "LOK Wing Ching",
		"Lok, Wing":               "",
		"樂 永 晴":                   "樂永晴",
		"出 生 日 期":                 "",
		"香港 永久 性 居民 身份 證":         "",
		"樂永晴 F":                   "F",
		"03-06-1985":              "1985-06-03",
		"31-02-1985":              "",
		"1957":                    "1957-00-00",
		"03-1957":                 "1957-03-00",
		"26-11-18":                "issued 2018-11-26",
		"26-11-99":                "issued 1999-11-26",
		"(06-96)":                 "",
	} {
		s := parse(text, today)
		got := []string{s.Number.Secret(), s.Surname, s.GivenNames, s.ChineseName, s.Gender, s.Birth.String()}
		if !s.Issued.IsZero() {
			got = append(got, "issued "+s.Issued.String())
		}
		if got := strings.Join(strings.Fields(strings.Join(got, " ")), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What another program in tesseract's place could do: not write, not run on, not flood us, not see our environment.
func TestConfined(t *testing.T) {
	t.Setenv("CHOP_SECRET", "made-up secret")
	dir := t.TempDir()
	program := func(script string) *Reader {
		path := filepath.Join(dir, "program")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
		return &Reader{config: Config{Program: path, Timeout: time.Hour}, turns: make(chan struct{}, 1)}
	}
	blank := image.NewGray(image.Rect(0, 0, 8, 8))
	run := func(r *Reader) (string, error) {
		b, err := r.text(context.Background(), blank)
		return string(b), err
	}
	if got, err := run(program("head -c 2; env; pwd; cat >/dev/null")); err != nil || !strings.HasPrefix(got, "P5") ||
		strings.Contains(got, "made-up") || !strings.Contains(got, "OMP_THREAD_LIMIT=1") || !strings.HasSuffix(got, "\n/\n") {
		t.Errorf("what it sees: %q, %v", got, err)
	}
	file := filepath.Join(dir, "file")
	// The signal for a file that is too large ends it, so the write is tried by a child of it.
	if got, err := run(program("cat >/dev/null; (echo x >" + file + ") 2>/dev/null; echo done")); err != nil || got != "done\n" {
		t.Errorf("writing: %q, %v", got, err)
	}
	if b, err := os.ReadFile(file); err != nil || len(b) != 0 {
		t.Errorf("it wrote %q, %v", b, err)
	}
	if _, err := run(program("cat >/dev/null; head -c 100000 /dev/zero")); !errors.Is(err, ErrFailed) {
		t.Errorf("too much: %v", err)
	}
	if _, err := run(program("cat >/dev/null; echo secret text >&2; exit 3")); !errors.Is(err, ErrFailed) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a failure: %v", err)
	}
	if _, err := run(program("exit 0")); err != nil && !errors.Is(err, ErrFailed) {
		t.Errorf("it reads nothing: %v", err)
	}
	slow := program("cat >/dev/null; exec sleep 1000")
	slow.config.Timeout = 200 * time.Millisecond
	if _, err := run(slow); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("too long: %v", err)
	}
	if _, err := New(Config{Program: filepath.Join(dir, "none")}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no program: %v", err)
	}
	if _, err := slow.Read(context.Background(), image.NewGray(image.Rect(0, 0, 5000, 5000)), today); !errors.Is(err, ErrFailed) {
		t.Errorf("a huge picture: %v", err)
	}
}

// Tesseract opens no file for writing. Where strace is not there, what forbids it to write is what TestConfined tries.
func TestNoFiles(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Log("no strace")
		return
	}
	dir := t.TempDir()
	path, trace := filepath.Join(dir, "program"), filepath.Join(dir, "trace")
	// strace writes its trace through a pipe: it is under the same limit.
	script := fmt.Sprintf("#!/bin/sh\nexec %s -f -e trace=openat,open,creat,memfd_create,mkdir,mkdirat -o '|cat >&2' /usr/bin/tesseract \"$@\" 2>%s\n", strace, trace)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(trace, 0o600); err != nil {
		t.Fatal(err)
	}
	lines := make(chan []byte)
	go func() {
		b, _ := os.ReadFile(trace) // a named pipe: until the last writer is gone
		lines <- b
	}()
	m, err := cardface.Draw(card(t, "C668668(9)", "LOK", "Wing Ching", "樂永晴", "1985-06-03", "2018-11-26"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{config: Config{Program: path, Timeout: time.Hour}, turns: make(chan struct{}, 1)}
	s, err := r.Read(context.Background(), m, today)
	if err != nil || s.Number.IsZero() {
		t.Fatalf("under strace: %v", err)
	}
	opened := 0
	for line := range strings.Lines(string(<-lines)) {
		if !strings.Contains(line, "(") {
			continue
		}
		opened++
		if strings.Contains(line, "O_WRONLY") || strings.Contains(line, "O_RDWR") || strings.Contains(line, "O_CREAT") ||
			strings.Contains(line, "creat(") || strings.Contains(line, "memfd") || strings.Contains(line, "mkdir") {
			if !strings.Contains(line, "/dev/null") && !strings.Contains(line, "/dev/tty") {
				t.Errorf("opened for writing: %s", line)
			}
		}
	}
	if opened < 5 {
		t.Errorf("only %d calls were seen", opened)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("C668668(9)\nLOK, Wing Ching\n樂 永 晴\n03-06-1985\n26-11-18\n女 F")
	f.Add("1957\n03-1957\n(06-96)")
	f.Fuzz(func(t *testing.T, text string) {
		s := parse(text, today)
		if !s.Number.IsZero() {
			if n, err := hkic.Parse(s.Number.Secret()); err != nil || n != s.Number {
				t.Fatalf("a number that is none")
			}
		}
		if len(s.Surname) > 40 || len(s.GivenNames) > 40 || len([]rune(s.ChineseName)) > 6 || len(s.Gender) > 1 {
			t.Fatalf("a field that no card has")
		}
	})
}
