package postgres_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"chop/internal/postgres"
)

// start takes a share in the cluster of dir, whose server spares the disk.
func start(t *testing.T, dir string) *postgres.Private {
	t.Helper()
	p, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: dir, Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func open(t *testing.T, dsn string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func query[T any](t *testing.T, db *postgres.DB, sql string) (v T) {
	t.Helper()
	if err := db.Pool.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// serverPID is the process of the folder's server; 0 if there is none.
func serverPID(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// One folder, several shares: one server, which the last one out stops; what
// was written is there at the next start.
func TestPrivateShares(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shares := make([]*postgres.Private, 4)
	var wg sync.WaitGroup
	for i := range shares {
		wg.Go(func() { shares[i] = start(t, dir) })
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	pid := serverPID(t, dir)
	db := open(t, shares[3].DSN())
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	for _, p := range shares[:3] {
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if now := serverPID(t, dir); now != pid || query[int](t, db, `SELECT n FROM kept`) != 7 {
		t.Fatalf("with one share left the server is process %d, was %d", now, pid)
	}
	db.Close()
	if err := errors.Join(shares[3].Close(), shares[3].Close()); err != nil {
		t.Fatal(err)
	}
	if now := serverPID(t, dir); now != 0 {
		t.Fatalf("after the last share process %d still runs", now)
	}
	if n := query[int](t, open(t, start(t, dir).DSN()), `SELECT n FROM kept`); n != 7 {
		t.Errorf("after a new start: %d, want 7", n)
	}
}

// The server keeps to what the package promises.
func TestPrivateSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	db := open(t, p.DSN())
	for setting, want := range map[string]string{
		"data_checksums": "on", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"listen_addresses": "", "server_encoding": "UTF8", "lc_collate": "C", "is_superuser": "off",
		"log_statement": "none", "log_min_error_statement": "panic", "log_error_verbosity": "terse",
		"timezone": "UTC", "idle_in_transaction_session_timeout": "1min",
	} {
		if setting == "lc_collate" {
			if got := query[string](t, db, `SELECT datcollate FROM pg_database WHERE datname = current_database()`); got != want {
				t.Errorf("collation is %q, want %q", got, want)
			}
			continue
		}
		if got := query[string](t, db, `SELECT current_setting('`+setting+`')`); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	socket := query[string](t, open(t, p.AdminDSN()), `SELECT setting FROM pg_settings WHERE name = 'unix_socket_directories'`)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder %s: %v, %v; want mode 0700", socket, info.Mode(), err)
	}
	// A statement that fails leaves its values out of the log.
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE person (name text PRIMARY KEY); INSERT INTO person VALUES ('chan tai man')`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool.Exec(t.Context(), `INSERT INTO person VALUES ($1)`, "chan tai man"); err == nil {
		t.Fatal("a duplicate was accepted")
	}
	logs, err := filepath.Glob(filepath.Join(dir, "data", "log", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("logs %v, %v", logs, err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(logs[0])
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "duplicate key") {
			if strings.Contains(string(b), "chan") {
				t.Errorf("the log names a person: %s", b)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the error is not in the log: %s", b)
		}
	}
}

// TestMain lets this program stand in for another process of the appliance: it
// takes a share, says so, and waits to be killed.
func TestMain(m *testing.M) {
	dir := os.Getenv("POSTGRES_TEST_SHARE")
	if dir == "" {
		os.Exit(m.Run())
	}
	p, err := postgres.StartPrivate(context.Background(), postgres.PrivateConfig{Dir: dir, Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready", p.DSN())
	io.Copy(io.Discard, os.Stdin)
}

// another starts a process that holds a share in dir's cluster.
func another(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "POSTGRES_TEST_SHARE="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // stays open as long as we live
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready ") {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return cmd
}

// The process that started the server is killed: the server goes on, the next
// process adopts it and, being the last, stops it.
func TestPrivateAdoption(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := another(t, dir)
	pid := serverPID(t, dir)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	p := start(t, dir)
	if now := serverPID(t, dir); now != pid {
		t.Errorf("the server is process %d, not the one to adopt, %d", now, pid)
	}
	if n := query[int](t, open(t, p.DSN()), `SELECT 1`); n != 1 {
		t.Error(n)
	}
	second := another(t, dir)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if now := serverPID(t, dir); now != pid {
		t.Errorf("the server is process %d while another process uses %d", now, pid)
	}
	second.Process.Kill()
	second.Wait()
	if err := start(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if now := serverPID(t, dir); now != 0 {
		t.Errorf("process %d was left behind", now)
	}
}

// The process that started the server is killed so early that postmaster.pid does not name the socket yet: the
// next process waits until it does.
func TestPrivateAdoptsStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := another(t, dir)
	pidfile := filepath.Join(dir, "data", "postmaster.pid")
	whole, err := os.ReadFile(pidfile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	if err := os.WriteFile(pidfile, []byte(strings.Join(lines[:4], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	first.Process.Kill()
	first.Wait()
	time.AfterFunc(200*time.Millisecond, func() { os.WriteFile(pidfile, whole, 0o600) })
	p := start(t, dir)
	if n := query[int](t, open(t, p.DSN()), `SELECT 1`); n != 1 {
		t.Error(n)
	}
}

// The server itself is killed: the next start recovers what was committed,
// even when its process id belongs to somebody else by now.
func TestPrivateRecovery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir)
	if _, err := open(t, p.DSN()).Pool.Exec(t.Context(), `CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(serverPID(t, dir), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	pidfile := filepath.Join(dir, "data", "postmaster.pid")
	b, err := os.ReadFile(pidfile)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\n")
	if err := os.WriteFile(pidfile, []byte(fmt.Sprintf("%d\n%s", os.Getpid(), rest)), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, open(t, start(t, dir).DSN()), `SELECT n FROM kept`); n != 7 {
		t.Errorf("after recovery: %d, want 7", n)
	}
}

// A server that is killed under a process that keeps it comes back at the same socket, for the same users.
func TestPrivateKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: dir, OtherUsers: true, Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	db := open(t, p.DSN())
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	socket := db.Pool.Config().ConnConfig.Host
	before, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- p.Keep(ctx) }()
	const question = `SELECT pg_postmaster_start_time(), n FROM kept`
	for range 2 {
		var first, now time.Time
		var n int
		if err := db.Pool.QueryRow(t.Context(), question).Scan(&first, &n); err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(serverPID(t, dir), unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for now = first; now.Equal(first); time.Sleep(10 * time.Millisecond) { // the pool's connections are of the old one
			if err := db.Pool.QueryRow(t.Context(), question).Scan(&now, &n); err != nil {
				now = first
			}
		}
		if n != 7 {
			t.Errorf("after the kill: %d, want 7", n)
		}
	}
	stop()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(socket); err != nil || after.Mode() != before.Mode() {
		t.Errorf("the socket's folder: %v, %v; want %v", after, err, before.Mode())
	}
}

// lines hands on what is logged.
type lines chan string

func (l lines) Write(b []byte) (int, error) { l <- string(b); return len(b), nil }

// A kept cluster whose files are gone for a while is not replaced by an empty one; when they are back, it goes on.
func TestPrivateKeepMakesNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logged := make(lines, 1000)
	p, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{
		Dir: dir, Settings: map[string]string{"fsync": "off"}, Log: slog.New(slog.NewTextHandler(logged, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	db := open(t, p.DSN())
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- p.Keep(ctx) }()
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	for line := range logged {
		if strings.Contains(line, "could not be started again") || strings.Contains(line, "database started") {
			break
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a cluster in its place: %v", err)
	}
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	n := 0
	if err := db.Pool.QueryRow(t.Context(), `SELECT n FROM kept`).Scan(&n); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
}

// After a kill a process with another folder for sockets may be the first to start the server: those who knew it by the
// old one reach it.
func TestPrivateKeepFollows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: dir, Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, p.DSN())
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)`); err != nil {
		t.Fatal(err)
	}
	known := db.Pool.Config().ConnConfig.Host
	if err := unix.Kill(serverPID(t, dir), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(elsewhere)
	other, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{
		Dir: dir, RunDir: filepath.Join(elsewhere, "s"), Settings: map[string]string{"fsync": "off"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(other.DSN(), elsewhere) {
		t.Fatalf("the server answers at %s", other.DSN())
	}
	ctx, stop := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- p.Keep(ctx) }()
	var first time.Time
	for round := range 3 { // after the first one it is Keep that starts it, where it was at first
		now, n := first, 0
		for now.Equal(first) {
			if err := db.Pool.QueryRow(t.Context(), `SELECT pg_postmaster_start_time(), n FROM kept`).Scan(&now, &n); err != nil {
				now = first
				time.Sleep(10 * time.Millisecond)
			}
		}
		if n != 7 {
			t.Errorf("round %d: %d, want 7", round, n)
		}
		if first = now; round == 2 {
			break
		}
		if err := unix.Kill(serverPID(t, dir), unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-kept; err != nil {
		t.Error(err)
	}
	if err := errors.Join(other.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(known); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder is left: %v", err)
	}
}

// A start that was interrupted in initdb is made good by the next.
func TestPrivateHalfMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
	if left, err := filepath.Glob(filepath.Join(dir, "data.new*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// The initdb of a killed starter is at work still when the next one begins, and in
// the end removes the folder that it was given.
func TestPrivateOutlivedInitdb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	given := filepath.Join(dir, "data.new")
	if err := os.MkdirAll(given, 0o700); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var orphan sync.WaitGroup
	orphan.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				os.RemoveAll(given)
			}
		}
	})
	defer orphan.Wait()
	defer close(stop)
	start(t, dir)
}

func TestPrivateRefuses(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	foreign := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), foreign); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(broken, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "data", "PG_VERSION"), []byte("14\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  postgres.PrivateConfig
		want string
	}{
		"no folder":               {postgres.PrivateConfig{}, "no folder"},
		"socket path too long":    {postgres.PrivateConfig{Dir: t.TempDir(), RunDir: long}, "at most 107"},
		"link as socket folder":   {postgres.PrivateConfig{Dir: t.TempDir(), RunDir: foreign}, "belongs to somebody else"},
		"version that is missing": {postgres.PrivateConfig{Dir: broken}, "hint: apt-get install postgresql-14"},
		"setting that is unknown": {postgres.PrivateConfig{Dir: t.TempDir(), Settings: map[string]string{"no_such": "1"}}, "no_such"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := postgres.StartPrivate(t.Context(), c.cfg)
			if err == nil {
				p.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
