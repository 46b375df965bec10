package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ActivationRole is the role of the activation process, and ActivationSchema the
// schema that it owns and that the appliance's own role cannot touch.
const (
	ActivationRole   = "chop_activation"
	ActivationSchema = "activation"
)

// Separate describes a role beside the appliance's own, with a schema of its own
// in the same database. It shows a password (SCRAM, RFC 7677): the process that
// is this role may run as any user, and whoever runs as the appliance's user is
// not this role.
type Separate struct {
	Role     string // lower-case letters, digits and _
	Schema   string // likewise
	Password string // of at least 20 letters and digits
	// OtherUsers lets processes of other users reach the server's socket, where
	// pg_hba.conf decides about them: this role by its password, nobody else.
	OtherUsers bool
}

var (
	plainName     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	plainPassword = regexp.MustCompile(`^[A-Za-z0-9]{20,200}$`)
)

func (s Separate) check() error {
	if !plainName.MatchString(s.Role) || !plainName.MatchString(s.Schema) || s.Role == roleName || s.Role == superuser || s.Schema == "public" {
		return fmt.Errorf("separate role %q, schema %q: not plain names of their own", s.Role, s.Schema)
	}
	if !plainPassword.MatchString(s.Password) {
		return fmt.Errorf("separate role %q: the password is not of 20 or more letters and digits", s.Role)
	}
	return nil
}

// Statements make the role and its schema in the database, for whoever runs
// them as a superuser there; they may be run again. They take from PUBLIC, and
// so from the appliance's role, every right in the schema.
func (s Separate) Statements(database string) ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return []string{
		`DO $$ BEGIN CREATE ROLE ` + s.Role + ` LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		`SET password_encryption = 'scram-sha-256'`,
		`ALTER ROLE ` + s.Role + ` PASSWORD '` + s.Password + `'`,
		`GRANT CONNECT ON DATABASE ` + pgx.Identifier{database}.Sanitize() + ` TO ` + s.Role,
		`CREATE SCHEMA IF NOT EXISTS ` + s.Schema + ` AUTHORIZATION ` + s.Role,
		`REVOKE ALL ON SCHEMA ` + s.Schema + ` FROM PUBLIC`,
	}, nil
}

// DSNOptions go behind a DSN of the role. A database's owner can set defaults for
// whoever connects to it; what a client says itself goes over them.
func (s Separate) DSNOptions() string {
	return fmt.Sprintf(" search_path=%s synchronous_commit=on", s.Schema)
}

// Separate makes the role and its schema in the private cluster, and gives the
// connection string of the role. It may be called at each start.
func (p *Private) Separate(ctx context.Context, s Separate) (dsn string, err error) {
	return p.cluster.separate(ctx, s, databaseName)
}

// SeparateIn is Separate for another database of the cluster: for tests.
func (p *Private) SeparateIn(ctx context.Context, s Separate, database string) (dsn string, err error) {
	return p.cluster.separate(ctx, s, database)
}

func (c *cluster) separate(ctx context.Context, s Separate, database string) (_ string, err error) {
	statements, err := s.Statements(database)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, c.dsn(superuser, database))
	if err != nil {
		return "", fmt.Errorf("connect as %s: %w", superuser, err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, statement := range statements {
		// Roles are of the whole cluster: two processes that change one at the same
		// moment meet in its catalogue ("tuple concurrently updated", XX000).
		for try := 1; ; try++ {
			_, err := conn.Exec(ctx, statement)
			var pg *pgconn.PgError
			if err == nil {
				break
			}
			if !errors.As(err, &pg) || pg.Code != "XX000" || try == 20 {
				return "", fmt.Errorf("make separate role %s: %w", s.Role, err)
			}
			if err := pause(ctx, min(try, 6)); err != nil {
				return "", fmt.Errorf("make separate role %s: %w", s.Role, err)
			}
		}
	}
	if err := c.admitPasswords(ctx, conn, s.Role); err != nil {
		return "", err
	}
	if s.OtherUsers {
		if err := c.openSocket(); err != nil {
			return "", err
		}
	}
	return c.dsn(s.Role, database) + " password=" + s.Password + s.DSNOptions(), nil
}

// hbaFile is pg_hba.conf. The kernel tells the server who connects: root, and
// whoever runs the server, may act as the two roles of pg_ident.conf. A role
// that is separate shows its password, whoever its user is.
const hbaFile = "local all " + ActivationRole + " scram-sha-256\nlocal all all peer map=chop\n"

// admitPasswords sees to it that the server asks the role for its password, also
// one that an older release started, which is running still.
func (c *cluster) admitPasswords(ctx context.Context, conn *pgx.Conn, role string) error {
	if role != ActivationRole {
		return nil
	}
	const query = `SELECT EXISTS (SELECT FROM pg_hba_file_rules WHERE $1 = ANY (user_name) AND auth_method = 'scram-sha-256')`
	var there bool
	if err := conn.QueryRow(ctx, query, role).Scan(&there); err != nil {
		return fmt.Errorf("read the server's rules of admission: %w", err)
	}
	if !there {
		path := filepath.Join(c.data(), "pg_hba.conf")
		old, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read pg_hba.conf: %w", err)
		}
		if strings.Contains(string(old), ActivationRole) {
			return fmt.Errorf("pg_hba.conf has another rule for %s", ActivationRole)
		}
		// In place, so that the file's owner stays.
		if err := os.WriteFile(path, []byte(hbaFile), 0o600); err != nil {
			return fmt.Errorf("write pg_hba.conf: %w", err)
		}
	}
	// Also where it was there: another process may have written it a moment ago.
	if _, err := conn.Exec(ctx, `SELECT pg_reload_conf()`); err != nil {
		return fmt.Errorf("reload the server's settings: %w", err)
	}
	return nil
}

// openSocket lets other users reach the socket: to enter the folder, not to
// list it.
func (c *cluster) openSocket() error {
	if err := os.Chmod(c.socket, 0o711); err != nil {
		return fmt.Errorf("open socket folder: %w", err)
	}
	err := os.Chmod(filepath.Join(c.socket, fmt.Sprintf(".s.PGSQL.%d", port)), 0o777)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open socket: %w", err)
	}
	return nil
}
