package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chop/internal/postgres/postgrestest"
)

// Many callers at once, some of whom fail by the server's word, some by their own check: each gets the answer to its
// own batch, and of a batch that failed nothing is kept.
func TestInBatch(t *testing.T) {
	t.Parallel()
	db := postgrestest.New(t)
	if _, err := db.Pool.Exec(t.Context(), `CREATE TABLE n (i int PRIMARY KEY, twin int UNIQUE)`); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("my own reason")
	const callers = 200
	got := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			var b pgx.Batch
			b.Queue(`INSERT INTO n VALUES ($1, $2)`, i, i)
			b.Queue(`INSERT INTO n VALUES ($1, $2)`, -i-1, -i-1)
			if i%7 == 0 {
				b.Queue(`SELECT 1 / 0`)
			}
			got[i] = db.InBatch(t.Context(), &b, func(tags []pgconn.CommandTag) error {
				switch {
				case len(tags) != len(b.QueuedQueries) || tags[0].RowsAffected() != 1:
					return fmt.Errorf("caller %d sees %v", i, tags)
				case i%11 == 0:
					return mine
				}
				return nil
			})
		})
	}
	wg.Wait()
	want := 0
	for i, err := range got {
		var pg *pgconn.PgError
		switch {
		case i%7 == 0:
			if !errors.As(err, &pg) || pg.Code != "22012" {
				t.Errorf("caller %d, who divides by zero: %v", i, err)
			}
		case i%11 == 0:
			if !errors.Is(err, mine) {
				t.Errorf("caller %d, whose check fails: %v", i, err)
			}
		case err != nil:
			t.Errorf("caller %d: %v", i, err)
		default:
			want += 2
		}
	}
	var kept int
	if err := db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM n`).Scan(&kept); err != nil || kept != want {
		t.Errorf("%d rows are kept, want %d (%v)", kept, want, err)
	}
}
