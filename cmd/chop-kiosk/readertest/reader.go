// Package readertest gives tests card readers: a real pcscd with a virtual reader of two slots (vpcd), and
// cards that chop-card plays, put in and taken out. Each test has a pcscd of its own.
package readertest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ebfe/scard"
)

// Reader is a pcscd with a virtual reader.
type Reader struct {
	// Names are those of its two slots, as pcscd lists them.
	Names [2]string

	dir  string
	port int
	pcsc *scard.Context
}

// New starts a pcscd that is this test's own: in a mount namespace with an empty /run/pcscd, so that another one,
// running or left over, is no matter, and on ports of its own. dir has the program chop-card, and an issuer in its
// folder cards. This process, and those that it starts, reach it through the environment.
func New(t *testing.T, dir string) *Reader {
	t.Helper()
	r := &Reader{dir: dir, port: ports(t)}
	config := filepath.Join(dir, "reader.conf.d")
	if err := os.MkdirAll(config, 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%04X\nLIBPATH /usr/lib/pcsc/drivers/serial/libifdvpcd.so\nCHANNELID 0x%04X\n", r.port, r.port)
	if err := os.WriteFile(filepath.Join(config, "vpcd"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--mount"}
	if os.Getuid() != 0 {
		flags = append(flags, "--map-root-user")
	}
	script := `mkdir -p /run/pcscd && mount -t tmpfs tmpfs /run/pcscd && exec pcscd --foreground --auto-exit --config "$0"`
	// Not by the test's context: that ends before the connection to pcscd is released.
	pcscd := Start(t, exec.Command("unshare", append(flags, "sh", "-c", script, config)...))
	// The library asks once in a process where the socket is: all tests' pcscd are met at one name.
	socket := filepath.Join(os.TempDir(), fmt.Sprintf("chop-pcscd-%d", os.Getpid()))
	_ = os.Remove(socket) // of a process that had this number before
	if err := os.Symlink(fmt.Sprintf("/proc/%d/root/run/pcscd/pcscd.comm", pcscd.Cmd.Process.Pid), socket); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(socket); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("PCSCLITE_CSOCK_NAME", socket)
	// Its socket has a name before it is listened to.
	pcscd.Until(t, "it answers", func() (answers bool) {
		var err error
		r.pcsc, err = scard.EstablishContext()
		return err == nil
	})
	t.Cleanup(func() {
		if err := r.pcsc.Release(); err != nil {
			t.Error(err)
		}
	})
	pcscd.Until(t, "its slots", func() bool {
		names, err := r.pcsc.ListReaders()
		if err != nil || len(names) < len(r.Names) {
			return false
		}
		slices.Sort(names)
		return copy(r.Names[:], names) == len(r.Names)
	})
	return r
}

// ports finds two free ones in a row: the virtual reader has two slots.
func ports(t *testing.T) int {
	t.Helper()
	for {
		first, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", fmt.Sprintf(":%d", port+1))
		first.Close()
		if err == nil {
			second.Close()
			return port
		}
	}
}

// Card is a card in a slot.
type Card struct {
	*Process
	// In is when it was put in.
	In time.Time

	reader *Reader
	name   string
}

// Insert puts a card into a slot, 0 or 1, by chop-card insert with args. The reader may not listen yet.
func (r *Reader) Insert(ctx context.Context, t testing.TB, slot int, args ...string) *Card {
	t.Helper()
	all := append([]string{"insert", "--dir", filepath.Join(r.dir, "cards"), "--reader", fmt.Sprintf("127.0.0.1:%d", r.port+slot)}, args...)
	for {
		p := Start(t, exec.CommandContext(ctx, filepath.Join(r.dir, "chop-card"), all...))
		in := false
		for !in {
			in = strings.Contains(p.Text(), "is in the virtual reader")
			select {
			case <-p.Over:
				in = strings.Contains(p.Text(), "is in the virtual reader")
				if !in && !strings.Contains(p.Text(), "connection refused") {
					t.Fatalf("chop-card: %s", p.Text())
				}
			case <-time.After(time.Millisecond):
				continue
			}
			break
		}
		if in {
			return &Card{p, time.Now(), r, r.Names[slot]}
		}
	}
}

// Remove takes the card out, and waits until pcscd has seen that: it looks a few
// times a second, and takes a card that is changed in between for the same one.
func (c *Card) Remove(t testing.TB) {
	t.Helper()
	_ = c.Cmd.Process.Signal(os.Interrupt) // it may be over
	<-c.Over
	state := []scard.ReaderState{{Reader: c.name, CurrentState: scard.StateUnaware}}
	for {
		if err := c.reader.pcsc.GetStatusChange(state, -1); err != nil {
			t.Fatal(err)
		}
		if state[0].EventState&scard.StateEmpty != 0 {
			return
		}
		state[0].CurrentState = state[0].EventState
	}
}
