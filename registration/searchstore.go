package registration

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// where writes a filter as SQL over a table's columns: only what is asked for, so that
// one of the indexes by state and date always serves it.
func (f Filter) where(table string) (string, []any, error) {
	clause, args := "", []any{}
	add := func(condition string, value any) {
		args = append(args, value)
		clause += fmt.Sprintf(" AND "+condition, len(args))
	}
	if f.State != "" {
		add("state = $%d", f.State)
	}
	if !f.From.IsZero() {
		add("opened_at >= $%d", f.From)
	}
	if !f.To.IsZero() {
		add("opened_at < $%d", f.To)
	}
	if f.After != "" {
		if uuid.Validate(f.After) != nil {
			return "", nil, fmt.Errorf("%w: the page before is unknown", ErrFilter)
		}
		add("(opened_at, id) < (SELECT opened_at, id FROM "+table+" WHERE id = $%d::uuid)", f.After)
	}
	return clause, args, nil
}

func (s *store) searchAccounts(ctx context.Context, f Filter) ([]*accountRow, error) {
	where, args, err := f.where("registration_account")
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+accountColumns+` FROM registration_account WHERE true`+where+` ORDER BY opened_at DESC, id DESC LIMIT `+fmt.Sprint(maxFound), args...)
	return list[accountRow]("accounts", rows, err)
}

func (s *store) searchCases(ctx context.Context, f Filter) ([]*caseRow, error) {
	where, args, err := f.where("registration_case")
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Pool.Query(ctx, `
		SELECT `+caseColumns+` FROM registration_case WHERE true`+where+` ORDER BY opened_at DESC, id DESC LIMIT `+fmt.Sprint(maxFound), args...)
	return list[caseRow]("cases", rows, err)
}
