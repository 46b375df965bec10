package postgres

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFindBinaries(t *testing.T) {
	root := t.TempDir()
	for _, f := range []string{"9/bin/postgres", "9/bin/initdb", "15/bin/postgres", "15/bin/initdb", "17/bin/postgres", "old/bin/postgres", "old/bin/initdb"} {
		path := filepath.Join(root, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		root  string
		want  int
		major int // 0: an error with a hint
	}{
		{root, 0, 15}, // not 9, which is older; not 17, which lacks initdb
		{root, 9, 9},
		{root, 17, 0},
		{root, 14, 0},
		{t.TempDir(), 0, 0},
	} {
		dir, major, err := findBinaries(c.root, c.want)
		if major != c.major || (c.major == 0) != errors.Is(err, ErrNoBinaries) {
			t.Errorf("version %d: %s, %d, %v; want %d", c.want, dir, major, err, c.major)
		}
		if err != nil && !strings.Contains(err.Error(), "hint: apt-get install postgresql") {
			t.Errorf("no hint: %v", err)
		}
	}
}

func TestParsePostmaster(t *testing.T) {
	const whole = "4711\n/data\n1795454853\n5432\n/run/chop-1\n\n  9978613         4\nready   \n"
	for _, c := range []struct {
		text string
		want postmaster
		ok   bool
	}{
		{whole, postmaster{4711, 5432, "/run/chop-1", "ready"}, true},
		{"4711\n/data\n", postmaster{PID: 4711}, true},
		{"-4711\n/data\n1\n5432\n/run/x\n", postmaster{4711, 5432, "/run/x", ""}, true},
		{"", postmaster{}, false},
		{"0\n", postmaster{}, false},
		{"1\n", postmaster{}, false},
		{"-1\n", postmaster{}, false},
		{"x\n", postmaster{}, false},
		{"4711\n/data\n1\n0\n", postmaster{}, false},
		{"4711\n/data\n1\n65536\n", postmaster{}, false},
		{"4711\n/data\n1\n5432\nrun\n", postmaster{}, false},
		{strings.Repeat("4711\n", 5000), postmaster{}, false},
	} {
		got, err := parsePostmaster(c.text)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%.80q: %+v, %v; want %+v, ok %v", c.text, got, err, c.want, c.ok)
		}
	}
}

func FuzzParsePostmaster(f *testing.F) {
	f.Add("4711\n/data\n1795454853\n5432\n/run/chop-1\n\n  9978613         4\nready   \n")
	f.Add("-9223372036854775808\n")
	f.Add("2\n\n\n+1\n/\n")
	f.Fuzz(func(t *testing.T, text string) {
		pm, err := parsePostmaster(text)
		if err == nil && (pm.PID <= 1 || pm.Port < 0 || pm.Port > 65535 || (pm.SocketDir != "" && !filepath.IsAbs(pm.SocketDir))) {
			t.Errorf("%q was read as %+v", text, pm)
		}
	})
}

// withoutNamespace is the account that chooseAccount falls back to.
func withoutNamespace(t *testing.T) account {
	t.Helper()
	if os.Geteuid() != 0 {
		me, err := chooseAccount(t.TempDir(), "", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return me
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	a, err := switchTo(who)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Root without user namespaces: the server runs as the user postgres on a folder
// to which that user has no way, and takes over, and gives back, what the server
// of a namespace made.
func TestWithoutNamespace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bin, _, err := findBinaries(debianBinaries, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{dir: dir, log: slog.New(slog.DiscardHandler), settings: map[string]string{"fsync": "off"}}
	s := &server{cluster: c, bin: bin, account: withoutNamespace(t)}
	if err := s.create(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.ensureDatabase(t.Context()); err != nil {
			t.Error(err)
		}
		if pm, ok := c.running(); !ok || pm.Status != "ready" {
			t.Errorf("running: %+v, %v", pm, ok)
		}
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
		// The usual way of this machine, on the same folder.
		p, err := StartPrivate(t.Context(), PrivateConfig{Dir: dir, Settings: c.settings})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMakePrivate(t *testing.T) {
	me := account{uid: os.Geteuid(), gid: os.Getegid()}
	s := &server{cluster: &cluster{}, account: me}
	base := t.TempDir()
	open := filepath.Join(base, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	longest := filepath.Join(base, strings.Repeat("x", maxSocketPath-len(base)-len("//.s.PGSQL.5432")))
	for _, c := range []struct {
		dir string
		ok  bool
	}{
		{filepath.Join(base, "new"), true},
		{open, true}, // ours: closed to others
		{file, false},
		{link, false},
		{longest, true},
		{longest + "x", false},
		{filepath.Join(base, "no", "parent"), false},
	} {
		err := s.makePrivate(c.dir)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", c.dir, err, c.ok)
		}
		if info, statErr := os.Stat(c.dir); c.ok && (statErr != nil || info.Mode().Perm() != 0o700) {
			t.Errorf("%s: %v, %v; want mode 0700", c.dir, info, statErr)
		}
	}
}

// A lock that somebody else holds is waited for, and no longer than ctx.
func TestFileLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, err := lockShared(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := lockShared(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := tryExclusive(path); l != nil || err != nil {
		t.Fatalf("exclusive beside two shared: %v, %v", l, err)
	}
	if err := errors.Join(a.Unlock(), b.Unlock()); err != nil {
		t.Fatal(err)
	}
	l, err := tryExclusive(path)
	if l == nil || err != nil {
		t.Fatalf("exclusive after them: %v, %v", l, err)
	}
	time.AfterFunc(50*time.Millisecond, func() { l.Unlock() })
	if l, err = lockExclusive(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lockShared(ctx, path); !errors.Is(err, ctx.Err()) || ctx.Err() == nil {
		t.Errorf("shared beside exclusive: %v, want the context's error", err)
	}
}

// Root looks after an ordinary user's folder: afterwards it is the user's still.
func TestFolderOfAnotherUser(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	who := withoutNamespace(t)
	if err := os.Chown(dir, who.uid, who.gid); err != nil {
		t.Fatal(err)
	}
	p, err := StartPrivate(t.Context(), PrivateConfig{Dir: dir, Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && int(info.Sys().(*syscall.Stat_t).Uid) != who.uid {
			t.Errorf("%s is no longer the user's", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Links that the owner of a folder has put where root will write: their targets stay
// as they were, and root's.
func TestLinksInTheFolderOfAnotherUser(t *testing.T) {
	t.Parallel()
	who := withoutNamespace(t)
	dir, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	if err := os.Chown(dir, who.uid, who.gid); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(precious, []byte("root's"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() error {
		p, err := StartPrivate(t.Context(), PrivateConfig{Dir: dir, Settings: map[string]string{"fsync": "off"}})
		if err != nil {
			return err
		}
		return p.Close()
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"start.log", "data/postgresql.conf", "data/pg_hba.conf", "data/pg_ident.conf"} {
		path := filepath.Join(dir, name)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(precious, path); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "start.lock")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(precious, filepath.Join(dir, "start.lock")); err != nil {
		t.Fatal(err)
	}
	if err := run(); err == nil {
		t.Error("a link in the place of the lock was followed")
	}
	text, err := os.ReadFile(precious)
	info, serr := os.Stat(precious)
	if err := errors.Join(err, serr); err != nil {
		t.Fatal(err)
	}
	if uid := int(info.Sys().(*syscall.Stat_t).Uid); string(text) != "root's" || uid != os.Geteuid() {
		t.Errorf("the target belongs to user %d and says %q", uid, text)
	}
}
