package postgres_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"chop/internal/postgres"
	"chop/internal/postgres/postgrestest"
)

// The appliance's role, which owns the database, has no way to what the separate
// role keeps; and the password is asked for.
func TestSeparate(t *testing.T) {
	db := postgrestest.New(t)
	own, dsn := postgrestest.Activation(t, db)
	ctx := t.Context()
	var path, commit string
	if err := own.Pool.QueryRow(ctx, `SELECT current_setting('search_path'), current_setting('synchronous_commit')`).Scan(&path, &commit); err != nil {
		t.Fatal(err)
	}
	if path != "activation" || commit != "on" {
		t.Errorf("search_path %s, synchronous_commit %s", path, commit)
	}
	if _, err := own.Pool.Exec(ctx, `CREATE TABLE mine (n int)`); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"00001_own.sql": {Data: []byte("-- +goose Up\nCREATE TABLE own (n int);\n")}}
	if err := own.MigrateFiles(ctx, files, "activation.versions"); err != nil {
		t.Fatal(err)
	}
	var tables string
	if err := own.Pool.QueryRow(ctx, `SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'activation'`).Scan(&tables); err != nil || tables != "mine own versions" {
		t.Errorf("its tables: %s, %v; want its own alone", tables, err)
	}
	for name, statement := range map[string]string{
		"read":         `SELECT * FROM activation.mine`,
		"write":        `INSERT INTO activation.mine VALUES (1)`,
		"make a table": `CREATE TABLE activation.theirs (n int)`,
		"drop":         `DROP SCHEMA activation CASCADE`,
		"take it":      `ALTER SCHEMA activation OWNER TO chop`,
		"grant itself": `GRANT ALL ON SCHEMA activation TO chop`,
		"be the role":  `SET ROLE chop_activation`,
		"its password": `ALTER ROLE chop_activation PASSWORD 'x'`,
	} {
		if _, err := db.Pool.Exec(ctx, statement); err == nil || !strings.Contains(err.Error(), "SQLSTATE 42501") {
			t.Errorf("%s: %v, want insufficient_privilege", name, err)
		}
	}
	wrong, err := postgres.Open(ctx, postgres.Config{DSN: dsn + " password=AnotherPasswordThatIsNotTheOne"})
	if err == nil {
		wrong.Close()
		t.Error("another password was accepted")
	}
	for _, s := range []postgres.Separate{
		{Role: "chop", Schema: "x", Password: strings.Repeat("a", 20)},
		{Role: "a", Schema: "public", Password: strings.Repeat("a", 20)},
		{Role: "a; drop", Schema: "x", Password: strings.Repeat("a", 20)},
		{Role: "a", Schema: "x", Password: "short"},
		{Role: "a", Schema: "x", Password: strings.Repeat("a", 20) + "'"},
	} {
		if _, err := s.Statements("chop"); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}
