package main_test

import (
	"encoding/json"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

// Two init at the same time make one appliance: one of them makes it, or each makes a part.
func TestInitTwiceAtOnce(t *testing.T) {
	t.Parallel()
	made, err := template()
	if err != nil {
		t.Fatal(err)
	}
	ceremonies := 0
	for _, text := range made.said {
		var said struct{ Done []string }
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		for _, d := range said.Done {
			if strings.HasPrefix(d, "ceremony") {
				ceremonies++
			}
		}
	}
	if ceremonies != 1 {
		t.Errorf("%d ceremonies: %q", ceremonies, made.said)
	}
}

// Only the owner of the folder gets at anything in it.
func TestFolderIsPrivate(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	a.seal(t, "Transport Department")
	pins := 0
	err := filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, a.dir)
		switch mode := info.Mode(); {
		case d.IsDir() && mode.Perm()&0o077 != 0 && !strings.HasPrefix(name, "/postgres/data"):
			t.Errorf("folder %s has mode %v", name, mode)
		case strings.HasPrefix(name, "/secrets/"):
			if pins++; mode != 0o600 {
				t.Errorf("%s has mode %v", name, mode)
			}
		case !d.IsDir() && mode.Perm()&0o077 != 0 && !strings.HasPrefix(name, "/public/") && !strings.HasPrefix(name, "/postgres/data/"):
			t.Errorf("%s has mode %v", name, mode)
		}
		return nil
	})
	if err != nil || pins < 6 {
		t.Errorf("%d secrets, %v", pins, err)
	}
}

// `audit verify` ends with 1 and says where, once anybody has touched the log.
func TestAuditTampered(t *testing.T) {
	t.Parallel()
	a := newAppliance(t)
	a.whole(t)
	private, err := postgres.StartPrivate(t.Context(), postgres.PrivateConfig{Dir: a.path("postgres")})
	if err != nil {
		t.Fatal(err)
	}
	defer private.Close()
	config, err := pgx.ParseConfig(private.AdminDSN())
	if err != nil {
		t.Fatal(err)
	}
	config.Database = "chop"
	db, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	tag, err := db.Exec(t.Context(), `SET session_replication_role = replica; UPDATE audit_event SET actor = 'local:nobody' WHERE action = 'appliance.init'`)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%v: %d rows", err, tag.RowsAffected())
	}
	if r := a.run(t, "audit verify"); r.code != 1 || !strings.Contains(r.stdout, "NOT WHOLE") {
		t.Errorf("%v", r)
	}
	if r := a.run(t, "audit verify --json"); r.code != 1 || strings.Contains(r.stdout, `"problems":[]`) {
		t.Errorf("%v", r)
	}
}
