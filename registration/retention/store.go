package retention

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
	"chop/registration/personal"
)

type store struct{ db *postgres.DB }

const zeroID = "00000000-0000-0000-0000-000000000000"

// cardOnly are the sealed fields that say nothing of whom a certificate names.
var cardOnly = []string{"birth", "gender", "issued", "first-issued", "symbols", "commercial-codes"}

// closedRow is a closed account of which data are held.
type closedRow struct {
	ID        string
	SRN       string
	ClosedAt  time.Time
	Certified bool // it had a certificate
	Card      bool // some of cardOnly is held
}

// closed lists closed accounts with data, after an id, in the order of ids. One whose closing is not finished is not
// there: its steps want the data.
func (s store) closed(ctx context.Context, after string, limit int) ([]closedRow, error) {
	rows, err := s.db.Pool.Query(ctx, `
		SELECT a.id::text, a.srn, a.changed_at AS closed_at, a.serial IS NOT NULL AS certified,
			EXISTS (SELECT FROM registration_field f WHERE f.owner = a.id AND f.name = ANY ($3)) AS card
		FROM registration_account a JOIN registration_data_key k ON k.owner = a.id
		WHERE a.state = 'closed' AND a.id > $1
			AND NOT EXISTS (SELECT FROM registration_operation o WHERE o.account = a.id AND o.state IN ('waiting', 'open'))
		ORDER BY a.id LIMIT $2`, after, limit, cardOnly)
	if err != nil {
		return nil, fmt.Errorf("read closed accounts: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[closedRow])
	if err != nil {
		return nil, fmt.Errorf("read closed accounts: %w", err)
	}
	return list, nil
}

// forget deletes the card's further data of some accounts, and of others all that names the person, or was done to
// them by name: the data key with what it sealed, the signed tickets with Immigration's answers, the list of
// activities. It counts the accounts that had any: another process may have been first.
func forget(ctx context.Context, tx postgres.Tx, card, identity []string) (n Count, err error) {
	if n.Card, err = personal.ForgetFields(ctx, tx, card, cardOnly); err != nil {
		return n, err
	}
	if n.Identity, err = personal.ForgetOwners(ctx, tx, identity); err != nil {
		return n, err
	}
	for _, sql := range []string{
		`UPDATE registration_case SET ticket = NULL, envelope = NULL, confirmation = NULL, card_digest = NULL WHERE account = ANY ($1::uuid[])`,
		`DELETE FROM registration_activity WHERE account = ANY ($1::uuid[])`,
	} {
		if _, err := tx.Exec(ctx, sql, identity); err != nil {
			return n, err
		}
	}
	return n, nil
}
