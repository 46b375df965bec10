package audit

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// page is how many rows a cursor holds in memory.
const page = 500

// cursor reads a table of any size, page by page, within one transaction.
type cursor[T any] struct {
	ctx  context.Context
	tx   pgx.Tx
	name string
	rows []T
	done bool
}

// openCursor declares a cursor; name and query are constants of this package.
func openCursor[T any](ctx context.Context, tx pgx.Tx, name, query string) (*cursor[T], error) {
	if _, err := tx.Exec(ctx, "DECLARE "+name+" NO SCROLL CURSOR FOR "+query); err != nil {
		return nil, fmt.Errorf("open cursor %s: %w", name, err)
	}
	return &cursor[T]{ctx: ctx, tx: tx, name: name}, nil
}

// peek returns the next row without taking it; nil at the end.
func (c *cursor[T]) peek() (*T, error) {
	if len(c.rows) == 0 && !c.done {
		rows, err := c.tx.Query(c.ctx, fmt.Sprintf("FETCH %d FROM %s", page, c.name))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", c.name, err)
		}
		if c.rows, err = pgx.CollectRows(rows, pgx.RowToStructByName[T]); err != nil {
			return nil, fmt.Errorf("read %s: %w", c.name, err)
		}
		c.done = len(c.rows) < page
	}
	if len(c.rows) == 0 {
		return nil, nil
	}
	return &c.rows[0], nil
}

// take drops the row that peek returned.
func (c *cursor[T]) take() { c.rows = c.rows[1:] }
