package postgrestest_test

import (
	"fmt"
	"testing"

	"chop/internal/postgres/postgrestest"
)

// Each test gets a database of its own, with the schema in it.
func TestNew(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db := postgrestest.New(t)
			var user, schema string
			var empty bool
			err := db.Pool.QueryRow(t.Context(), `
				SELECT current_user, max(version_id)::text,
				       NOT EXISTS (SELECT FROM pg_tables WHERE tablename = 'mark')
				FROM goose_db_version`).Scan(&user, &schema, &empty)
			if err != nil {
				t.Fatal(err)
			}
			if user != "chop" || schema == "0" || !empty {
				t.Errorf("user %s, schema version %s, empty %v; want chop, a version, true", user, schema, empty)
			}
			if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE mark (n int)`); err != nil {
				t.Error(err)
			}
		})
	}
}
