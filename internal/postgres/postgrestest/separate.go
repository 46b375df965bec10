package postgrestest

import (
	"context"
	"testing"
	"time"

	"chop/internal/postgres"
)

// password is that of the separate role in the tests' cluster, which all test
// processes share.
const password = "TheTestsOwnPasswordForSeparateRoles"

// Activation makes the activation process's role and schema in the test's
// database, and returns a connection as that role, with its DSN.
func Activation(t testing.TB, db *postgres.DB) (*postgres.DB, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := shared()
	if err != nil {
		t.Fatalf("start the tests' database: %v", err)
	}
	s := postgres.Separate{Role: postgres.ActivationRole, Schema: postgres.ActivationSchema, Password: password}
	dsn, err := c.private.SeparateIn(ctx, s, db.Pool.Config().ConnConfig.Database)
	if err != nil {
		t.Fatalf("make the separate role: %v", err)
	}
	own, err := postgres.Open(ctx, postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatalf("open the database as the separate role: %v", err)
	}
	t.Cleanup(own.Close)
	return own, dsn
}
