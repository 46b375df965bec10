package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ServerRole is the appliance's own role for a process of another user, which
// the kernel cannot vouch for: it shows a password, and then is the role chop,
// with its rights and no other.
const ServerRole = "chop_server"

// Server makes that role in the private cluster, and gives its connection
// string. It may be called at each start.
func (p *Private) Server(ctx context.Context, password string) (dsn string, err error) {
	if !plainPassword.MatchString(password) {
		return "", fmt.Errorf("role %s: the password is not of 20 or more letters and digits", ServerRole)
	}
	c := p.cluster
	dsn = c.dsn(ServerRole, databaseName) + " password=" + password + " role=" + roleName
	return dsn, c.admit(ctx, ServerRole, databaseName, []string{
		createRole(ServerRole),
		`SET password_encryption = 'scram-sha-256'`,
		`ALTER ROLE ` + ServerRole + ` PASSWORD '` + password + `'`,
		`GRANT ` + roleName + ` TO ` + ServerRole,
	}, dsn)
}

// createRole makes a role that has no right by itself, unless it is there.
func createRole(name string) string {
	return `DO $$ BEGIN CREATE ROLE ` + name + ` LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`
}

// admit runs statements that make a role with a password, and waits until the
// server lets it in by its DSN.
func (c *cluster) admit(ctx context.Context, role, database string, statements []string, dsn string) (err error) {
	conn, err := pgx.Connect(ctx, c.superDSN(database))
	if err != nil {
		return fmt.Errorf("connect as %s: %w", superuser, err)
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
				return fmt.Errorf("make role %s: %w", role, err)
			}
			if err := pause(ctx, min(try, 6)); err != nil {
				return fmt.Errorf("make role %s: %w", role, err)
			}
		}
	}
	if err := c.admitPasswords(ctx, conn); err != nil {
		return err
	}
	if role != ActivationRole && role != ServerRole {
		return nil // pg_hba.conf does not know it: for tests
	}
	// The server reads its rules again a moment after it was told to.
	for try := 1; ; try++ {
		theirs, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return theirs.Close(ctx)
		}
		if try == 20 {
			return fmt.Errorf("connect as %s: %w", role, err)
		}
		if err := sleep(ctx, time.Duration(try)*10*time.Millisecond); err != nil {
			return fmt.Errorf("connect as %s: %w", role, err)
		}
	}
}

// hbaFile is pg_hba.conf. The kernel tells the server who connects: root, and
// whoever runs the server, may act as the two roles of pg_ident.conf. A role
// that has a password shows it, whoever its user is.
const hbaFile = "local all " + ActivationRole + " scram-sha-256\nlocal all " + ServerRole + " scram-sha-256\nlocal all all peer map=chop\n"

// admitPasswords sees to it that the server asks the two roles for their passwords, also
// one that an older release started, which is running still.
func (c *cluster) admitPasswords(ctx context.Context, conn *pgx.Conn) error {
	const query = `SELECT count(DISTINCT role) = 2 FROM pg_hba_file_rules, unnest(user_name) AS role
		WHERE role IN ('` + ActivationRole + `', '` + ServerRole + `') AND auth_method = 'scram-sha-256'`
	var there bool
	if err := conn.QueryRow(ctx, query).Scan(&there); err != nil {
		return fmt.Errorf("read the server's rules of admission: %w", err)
	}
	if !there {
		// In place, so that the file's owner stays.
		if err := os.WriteFile(filepath.Join(c.data(), "pg_hba.conf"), []byte(hbaFile), 0o600); err != nil {
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
