package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// port only names the socket's file; nothing listens on it.
const port = 5432

// usualSettings is the server's configuration. Anything lasting that an
// operator wants otherwise goes into data/operator.conf, which is read last.
func (c *cluster) usualSettings() map[string]string {
	m := map[string]string{
		"listen_addresses":        "",
		"port":                    fmt.Sprint(port),
		"unix_socket_directories": c.socket,
		"unix_socket_permissions": "0700",
		"max_connections":         "200",
		"shared_buffers":          "128MB",
		"max_wal_size":            "2GB",
		// Signatures are promised durable when the answer leaves.
		"fsync":              "on",
		"synchronous_commit": "on",
		// The plans are short; compiling them costs more than running them.
		"jit":      "off",
		"timezone": "UTC",
		// The log names what went wrong, and never the values: statements and
		// the detail lines of errors carry personal data.
		"logging_collector":        "on",
		"log_directory":            "log",
		"log_filename":             "postgres-%a.log",
		"log_truncate_on_rotation": "on",
		"log_rotation_age":         "1d",
		"log_rotation_size":        "0",
		"log_file_mode":            "0600",
		"log_timezone":             "UTC",
		"log_error_verbosity":      "terse",
		"log_min_error_statement":  "panic",
		"log_statement":            "none",
		"log_checkpoints":          "off",
	}
	// Without a shared memory file system (a bare chroot) the segments of
	// parallel queries are files in the data folder.
	m["dynamic_shared_memory_type"] = "posix"
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		m["dynamic_shared_memory_type"] = "mmap"
	}
	if c.otherUsers {
		m["unix_socket_permissions"] = "0777"
	}
	maps.Copy(m, c.settings)
	return m
}

// writeSettings puts down the configuration anew at each start: the socket's
// folder and the account may differ from the last one.
func (s *server) writeSettings() error {
	var conf strings.Builder
	conf.WriteString("# Written by chop at each start. Your own lines: operator.conf, in this folder.\n")
	settings := s.usualSettings()
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", key, strings.ReplaceAll(settings[key], "'", "''"))
	}
	conf.WriteString("include_if_exists = 'operator.conf'\n")

	// The kernel tells the server who connects. Root, and whoever runs the
	// server, may act as the two roles; nobody else can reach the socket.
	var ident strings.Builder
	for _, who := range []string{s.account.name, "root"} {
		for _, role := range []string{roleName, superuser} {
			fmt.Fprintf(&ident, "chop %q %s\n", who, role)
		}
	}
	for name, text := range map[string]string{"postgresql.conf": conf.String(), "pg_hba.conf": hbaFile, "pg_ident.conf": ident.String()} {
		f, err := replaceOwned(filepath.Join(s.data(), name))
		if err != nil {
			return fmt.Errorf("write settings: %w", err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("write settings: %w", err)
		}
	}
	return nil
}

// ensureDatabase makes the appliance's role and database where they are
// missing; a kill between the two is healed by the next start.
func (c *cluster) ensureDatabase(ctx context.Context) (err error) {
	conn, err := pgx.Connect(ctx, c.superDSN("postgres"))
	if err != nil {
		return fmt.Errorf("connect as %s: %w", superuser, err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, step := range []struct{ exists, create string }{
		{`SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + roleName + `')`,
			`CREATE ROLE ` + roleName + ` LOGIN`},
		{`SELECT EXISTS (SELECT FROM pg_database WHERE datname = '` + databaseName + `')`,
			`CREATE DATABASE ` + databaseName + ` OWNER ` + roleName},
	} {
		var exists bool
		if err := conn.QueryRow(ctx, step.exists).Scan(&exists); err != nil {
			return fmt.Errorf("look for the database: %w", err)
		}
		if exists {
			continue
		}
		if _, err := conn.Exec(ctx, step.create); err != nil {
			return fmt.Errorf("make the database: %w", err)
		}
	}
	return nil
}
