package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SchemaID names the set of migrations that this program carries; two programs
// with the same one make the same schema.
func SchemaID() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := migrations.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read migrations: %w", err)
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		return "", fmt.Errorf("read the job queue's migrations: %w", err)
	}
	for _, v := range jobs.AllVersions() {
		fmt.Fprintf(h, "river %d\n", v.Version)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// MigrateFiles brings a schema of its own, which files make, to this program's
// version: for a part that owns its tables under a role of its own. The versions
// are counted in table.
func (db *DB) MigrateFiles(ctx context.Context, files fs.FS, table string) error {
	return db.migrate(ctx, files, goose.WithTableName(table))
}

// Migrate brings the database's schema to this program's version. Processes
// that start at the same moment wait for each other (a session lock), and a
// schema that is newer than the program is left alone: every migration is safe
// under the previous release, so that a release can be taken back.
func (db *DB) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := db.migrate(ctx, files); err != nil {
		return err
	}
	return db.migrateJobs(ctx)
}

func (db *DB) migrate(ctx context.Context, files fs.FS, options ...goose.ProviderOption) error {
	// The lock is asked for every second, for five minutes at most.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return fmt.Errorf("prepare migration lock: %w", err)
	}
	sqlDB := stdlib.OpenDBFromPool(db.Pool)
	defer sqlDB.Close() // the pool itself stays open
	provider, err := goose.NewProvider(goose.DialectPostgres, sqlDB, files,
		append(options, goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return fmt.Errorf("load migrations: %w", err)
	}
	// Asked without the lock: the usual start finds nothing to do and does not queue.
	pending, err := provider.HasPending(ctx)
	if err != nil || pending {
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrate database: %w", err)
		}
	}
	return nil
}
