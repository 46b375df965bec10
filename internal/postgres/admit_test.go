package postgres_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chop/internal/postgres"
)

const (
	serverPassword     = "OnlyForTheTestsOfTheServersRole"
	activationPassword = "OnlyForTheTestsOfTheOtherRole"
)

// The server's role is the appliance's by a password: it owns what the appliance owns, and is neither a superuser nor
// a way to the activation process's schema.
func TestServerRole(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	ctx := t.Context()
	for range 2 { // at each start
		if _, err := p.Separate(ctx, postgres.Separate{
			Role: postgres.ActivationRole, Schema: postgres.ActivationSchema, Password: activationPassword,
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Server(ctx, serverPassword); err != nil {
			t.Fatal(err)
		}
	}
	dsn, err := p.Server(ctx, serverPassword)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, dsn)
	if who := query[string](t, db, `SELECT session_user || ' ' || current_user`); who != "chop_server chop" {
		t.Errorf("it is %s", who)
	}
	if n := query[int](t, db, `SELECT count(*) FROM pg_roles WHERE (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls) AND rolname IN ('chop', 'chop_server', 'chop_activation')`); n != 0 {
		t.Errorf("%d roles have rights over the cluster", n)
	}
	for _, statement := range []string{`CREATE TABLE ours (n int)`, `INSERT INTO ours VALUES (1)`} {
		if _, err := db.Pool.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	own := open(t, p.DSN())
	if owner := query[string](t, own, `SELECT tableowner FROM pg_tables WHERE tablename = 'ours'`); owner != "chop" {
		t.Errorf("what it makes belongs to %s", owner)
	}
	activation := open(t, p.DSN()+" user=chop_activation password="+activationPassword+" search_path=activation")
	if _, err := activation.Pool.Exec(ctx, `CREATE TABLE theirs (n int)`); err != nil {
		t.Fatal(err)
	}
	for name, statement := range map[string]string{
		"read":           `SELECT * FROM activation.theirs`,
		"write":          `INSERT INTO activation.theirs VALUES (1)`,
		"drop":           `DROP SCHEMA activation CASCADE`,
		"be that role":   `SET ROLE chop_activation`,
		"be a superuser": `SET ROLE postgres`,
		"run a program":  `COPY ours FROM PROGRAM 'id -u'`,
		"read a file":    `SELECT pg_read_file('pg_hba.conf')`,
		"passwords":      `SELECT rolpassword FROM pg_authid`,
		"make a role":    `CREATE ROLE another SUPERUSER`,
	} {
		if _, err := db.Pool.Exec(ctx, statement); err == nil || !strings.Contains(err.Error(), "SQLSTATE 42501") {
			t.Errorf("%s: %v, want insufficient_privilege", name, err)
		}
	}
	if _, err := p.Server(ctx, "short"); err == nil {
		t.Error("a short password was accepted")
	}
	for name, wrong := range map[string]string{"no password": " password=", "another password": " password=AnotherPasswordThatIsNotTheOne"} {
		if db, err := postgres.Open(ctx, postgres.Config{DSN: dsn + wrong}); err == nil {
			db.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}

// The database's owner cannot have the superuser run a function of theirs: neither by a search_path of the database's,
// nor by a function that fits better than PostgreSQL's own.
func TestSuperuserIsNotLured(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	ctx := t.Context()
	dsn, err := p.Server(ctx, serverPassword)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, dsn)
	for _, statement := range []string{
		`CREATE TABLE caught (who text)`,
		`GRANT ALL ON caught TO PUBLIC`,
		`CREATE FUNCTION pg_reload_conf() RETURNS boolean LANGUAGE sql AS 'INSERT INTO public.caught VALUES (current_user); SELECT true'`,
		`CREATE FUNCTION unnest(name[]) RETURNS SETOF name LANGUAGE sql AS 'INSERT INTO public.caught VALUES (current_user); SELECT ''x''::name'`,
		`CREATE FUNCTION unnest(text[]) RETURNS SETOF text LANGUAGE sql AS 'INSERT INTO public.caught VALUES (current_user); SELECT ''x''::text'`,
		`ALTER DATABASE chop SET search_path = public, pg_catalog`,
	} {
		if _, err := db.Pool.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if _, err := p.Server(ctx, serverPassword); err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, db, `SELECT count(*) FROM public.caught`); n != 0 {
		t.Errorf("the superuser ran %d functions of the database's owner", n)
	}
	// The same functions do catch who does not look out.
	admin := open(t, p.AdminDSN()+" dbname=chop")
	if _, err := admin.Pool.Exec(ctx, `SELECT pg_reload_conf()`); err != nil {
		t.Fatal(err)
	}
	if who := query[string](t, db, `SELECT who FROM public.caught`); who != "postgres" {
		t.Errorf("the trap catches %s: this test shows nothing", who)
	}
}

// A server that an older release started, and that runs on, learns of the role.
func TestServerRoleOfAnOlderServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir)
	hba := filepath.Join(dir, "data", "pg_hba.conf")
	if err := os.WriteFile(hba, []byte("local all chop_activation scram-sha-256\nlocal all all peer map=chop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := open(t, p.AdminDSN())
	if _, err := admin.Pool.Exec(t.Context(), `SELECT pg_reload_conf()`); err != nil {
		t.Fatal(err)
	}
	dsn, err := p.Server(t.Context(), serverPassword)
	if err != nil {
		t.Fatal(err)
	}
	open(t, dsn)
}

// Where other users may reach the socket, they may after each start, and after an adoption.
func TestOtherUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	closed, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: dir, Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	modes := func() (modes [2]os.FileMode) {
		t.Helper()
		folder := query[string](t, open(t, closed.AdminDSN()), `SELECT current_setting('unix_socket_directories')`)
		for i, path := range []string{folder, filepath.Join(folder, ".s.PGSQL.5432")} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			modes[i] = info.Mode().Perm()
		}
		return modes
	}
	if got := modes(); got != [2]os.FileMode{0o700, 0o700} {
		t.Errorf("for its own user: %o", got)
	}
	config := postgres.PrivateConfig{Dir: dir, OtherUsers: true, Settings: map[string]string{"fsync": "off"}}
	adopted, err := postgres.StartPrivate(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if got := modes(); got != [2]os.FileMode{0o711, 0o777} {
		t.Errorf("adopted: %o", got)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := adopted.Close(); err != nil {
		t.Fatal(err)
	}
	if closed, err = postgres.StartPrivate(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if got := modes(); got != [2]os.FileMode{0o711, 0o777} {
		t.Errorf("started: %o", got)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
}
