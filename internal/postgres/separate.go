package postgres

import (
	"context"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5"
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
		createRole(s.Role),
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

func (c *cluster) separate(ctx context.Context, s Separate, database string) (string, error) {
	statements, err := s.Statements(database)
	if err != nil {
		return "", err
	}
	dsn := c.dsn(s.Role, database) + " password=" + s.Password + s.DSNOptions()
	return dsn, c.admit(ctx, s.Role, database, statements, dsn)
}
