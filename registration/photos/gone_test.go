package photos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
	"chop/registration/photos/phototest"
)

// The child is a process of the appliance that holds the pictures of one case, and
// does with the database and its log what a referred case does. It tells the test
// what it sealed, and under which key, so that the test knows what to look for.

const childEnv = "CHOP_PHOTOS_CHILD"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(childEnv); dsn != "" {
		if err := child(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

type told struct{ Key, Card, Selfie string } // in hexadecimal

func child(dsn string) error {
	ctx := context.Background()
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	state := func(s string) error {
		_, err := conn.Exec(ctx, "INSERT INTO example_case (state, at) VALUES ($1, now())", s)
		slog.Info("case", "state", s)
		return err
	}
	now := time.Now()
	store, err := New(Config{Now: func() time.Time { return now }})
	if err != nil {
		return err
	}
	pictures := map[string][]byte{}
	for _, name := range []string{"card", "selfie"} {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if pictures[name], err = hex.DecodeString(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	if err := store.Keep("case 7", now.Add(time.Hour), pictures); err != nil {
		return err
	}
	if err := state("referred"); err != nil {
		return err
	}
	h := store.cases["case 7"]
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(told{hex.EncodeToString(store.keys.key(h.slot)), hex.EncodeToString(h.sealed["card"]), hex.EncodeToString(h.sealed["selfie"])}); err != nil {
		return err
	}
	for {
		command, err := in.ReadString('\n')
		if err != nil {
			return nil
		}
		switch command = strings.TrimSpace(command); command {
		case "success", "refusal": // an officer looks, and decides
			p, err := store.Open("case 7", "card")
			if err != nil {
				return err
			}
			Wipe(p)
			store.Erase("case 7")
		case "abandonment": // nobody comes
			now = now.Add(time.Hour)
			store.mu.Lock()
			store.sweep()
			store.mu.Unlock()
		case "abort":
			syscall.Kill(os.Getpid(), syscall.SIGABRT) // with GOTRACEBACK=crash, what leaves a core file
			select {}
		}
		_, err = store.Open("case 7", "card")
		slog.Info("pictures", "err", err)
		if err := state(command); err != nil {
			return err
		}
		if err := out.Encode(errors.Is(err, ErrGone)); err != nil {
			return err
		}
	}
}

// After each end of a case, pictures, sealed pictures and key are in no backup that
// was taken before, nor anywhere in the data folder: database, write-ahead log, logs, temporary files, core files.
func TestGone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	data := t.TempDir()
	for _, d := range []string{"tmp", "log", "work"} {
		if err := os.Mkdir(filepath.Join(data, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	db, err := postgres.StartPrivate(ctx, postgres.PrivateConfig{Dir: filepath.Join(data, "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	conn, err := pgx.Connect(ctx, db.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	admin, err := pgx.Connect(ctx, db.AdminDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(ctx)
	execute(t, conn, "CREATE TABLE example_case (state text, at timestamptz)")

	for _, end := range []string{"success", "refusal", "abandonment", "kill", "abort"} {
		card, selfie := picture(60_000), picture(40_000)
		// Core files are allowed to the child, as far as its parent may: it must forbid them itself.
		cmd := exec.Command("/bin/sh", "-c", `ulimit -c unlimited 2>/dev/null; exec "$0"`, os.Args[0])
		log, err := os.OpenFile(filepath.Join(data, "log", end), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(os.Environ(), childEnv+"="+db.DSN(), "TMPDIR="+filepath.Join(data, "tmp"), "GOTRACEBACK=crash")
		cmd.Dir, cmd.Stderr = filepath.Join(data, "work"), log
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		fmt.Fprintf(in, "%x\n%x\n", card, selfie)
		answers := json.NewDecoder(out)
		var holds told
		if err := answers.Decode(&holds); err != nil {
			b, _ := os.ReadFile(log.Name())
			t.Fatalf("%s: %v: %s", end, err, b)
		}
		secrets := map[string][]byte{"card": card, "selfie": selfie, "key": unhex(t, holds.Key), "sealed card": unhex(t, holds.Card), "sealed selfie": unhex(t, holds.Selfie)}

		// The backups, while the case waits: of the database by its own tool, and of the whole folder.
		backup := filepath.Join(t.TempDir(), end)
		dump(t, db.DSN(), backup)
		if b, err := exec.Command("cp", "-a", data, filepath.Join(backup, "folder")).CombinedOutput(); err != nil {
			t.Fatalf("copy the folder: %v: %s", err, b)
		}

		if end == "kill" {
			cmd.Process.Kill()
		} else {
			fmt.Fprintln(in, end)
		}
		if end == "kill" || end == "abort" {
			io.Copy(io.Discard, out)
			if err := cmd.Wait(); err == nil {
				t.Errorf("%s: the process ended well", end)
			}
		} else {
			var gone bool
			if err := answers.Decode(&gone); err != nil || !gone {
				t.Errorf("%s: the pictures are still there: %v", end, err)
			}
		}
		execute(t, admin, "CHECKPOINT")
		after := filepath.Join(t.TempDir(), end)
		dump(t, db.DSN(), after)
		for _, f := range phototest.Search(t, secrets, backup, after, data) {
			t.Errorf("%s: %s", end, f)
		}
		in.Close()
		cmd.Wait()
		// Once more, after an orderly end too.
		for _, f := range phototest.Search(t, secrets, data) {
			t.Errorf("after the process, %s: %s", end, f)
		}
	}
	again := store(t, Config{}) // as after a start
	if _, err := again.Open("case 7", "card"); !errors.Is(err, ErrGone) {
		t.Errorf("after a restart: %v", err)
	}

	// The search can find: in a row, in an unlogged one, in the log before the row, in files.
	stray := picture(60_000)
	secret := map[string][]byte{"stray": stray}
	execute(t, conn, "CREATE TABLE example_photo (b bytea)")
	execute(t, conn, "INSERT INTO example_photo VALUES ($1)", stray)
	mustFind(t, phototest.Search(t, secret, data), "pg_wal")
	execute(t, admin, "CHECKPOINT")
	mustFind(t, phototest.Search(t, secret, data), "base")
	dumped := filepath.Join(t.TempDir(), "dump")
	dump(t, db.DSN(), dumped)
	mustFind(t, phototest.Search(t, secret, dumped), "dump")
	// What is deleted from a table still lies in its file: the reason why pictures are in no table at all.
	execute(t, conn, "DELETE FROM example_photo")
	execute(t, admin, "CHECKPOINT")
	mustFind(t, phototest.Search(t, secret, data), "base")
}

func mustFind(t *testing.T, found []string, where string) {
	t.Helper()
	if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, where) }) {
		t.Errorf("the search found %q, and nothing in %s", found, where)
	}
}

func dump(t *testing.T, dsn, into string) {
	t.Helper()
	if err := os.MkdirAll(into, 0o700); err != nil {
		t.Fatal(err)
	}
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil || len(programs) == 0 {
		t.Fatalf("no pg_dump: %v", err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(programs[len(programs)-1], "--dbname="+dsn, "--file="+filepath.Join(into, "dump.sql"))
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("pg_dump: %v: %s", err, stderr.String())
	}
}

func execute(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
