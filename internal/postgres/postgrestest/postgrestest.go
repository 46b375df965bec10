// Package postgrestest gives each test a database of its own on a real server:
// a clone of a migrated template, in a private cluster that all test processes
// of this user share. It works as root, and needs nothing but PostgreSQL's
// programs. The cluster goes away some time after its last user (see reaper).
//
// It is for tests only: the server does not wait for the disk.
package postgrestest

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

// New returns an empty, migrated database, which is dropped after the test.
func New(t testing.TB) *postgres.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := shared()
	if err != nil {
		t.Fatalf("start the tests' database: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := c.admin(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER chop TEMPLATE %s", name, c.template)); err != nil {
		t.Fatalf("clone the template: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		// Force: a test may have left connections of its own.
		if err := c.admin(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	db, err := postgres.Open(ctx, postgres.Config{DSN: withDatabase(c.private.DSN(), name)})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

// withDatabase replaces the database: of a keyword given twice, the last counts.
func withDatabase(dsn, name string) string { return dsn + " dbname=" + name }

// cluster is the server that the test processes share.
type cluster struct {
	private  *postgres.Private // never closed: the share ends with the process
	template string
}

// shared is the one thing that outlives a test, once a process.
var shared = sync.OnceValues(start)

func start() (*cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	private, err := postgres.StartPrivate(ctx, postgres.PrivateConfig{Dir: dir, Settings: map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
		"max_connections": "500", "shared_buffers": "64MB",
	}})
	if err != nil {
		return nil, err
	}
	if err := startReaper(dir); err != nil {
		return nil, err
	}
	schema, err := postgres.SchemaID()
	if err != nil {
		return nil, err
	}
	c := &cluster{private: private, template: "template_" + schema}
	if err := c.makeTemplate(ctx, dir); err != nil {
		return nil, err
	}
	return c, nil
}

// folder is the same for all processes of one user since the machine started.
// After a restart the data of a server that did not wait for the disk may be
// broken, and nobody should meet it again.
func folder() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the machine's boot id: %w", err)
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("chop-test-%d-%.8s", os.Geteuid(), boot))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the tests' database folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the tests' database folder: %w", err)
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s is not our own folder", dir)
	}
	return dir, nil
}

// makeTemplate migrates the template, if no other process has done so before.
func (c *cluster) makeTemplate(ctx context.Context, dir string) error {
	lock, err := os.OpenFile(filepath.Join(dir, "template.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open template lock: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("wait for the template: %w", err)
	}
	conn, err := pgx.Connect(ctx, c.private.AdminDSN())
	if err != nil {
		return fmt.Errorf("connect to the tests' server: %w", err)
	}
	defer conn.Close(ctx)
	var exists bool
	const query = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, query, c.template).Scan(&exists); err != nil || exists {
		return err
	}
	// Made under another name, so that what exists is whole.
	const making = "template_in_the_making"
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + making + " WITH (FORCE)",
		"CREATE DATABASE " + making + " OWNER chop",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the template: %w", err)
		}
	}
	db, err := postgres.Open(ctx, postgres.Config{DSN: withDatabase(c.private.DSN(), making)})
	if err != nil {
		return err
	}
	err = db.Migrate(ctx)
	db.Close()
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+c.template); err != nil {
		return fmt.Errorf("name the template: %w", err)
	}
	return nil
}

func (c *cluster) admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.private.AdminDSN())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}
