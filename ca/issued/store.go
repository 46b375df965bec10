package issued

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"chop/internal/postgres"
)

const selectIssued = `
	SELECT c.serial, c.profile, c.credential, c.reference, c.status, s.at, c.reserved_at AS issued,
	       c.certificate, c.statement, c.statement_sha256 AS statement_digest
	FROM ca_certificate c JOIN ca_status s ON s.certificate_id = c.id AND s.version = c.version
	WHERE c.certificate IS NOT NULL AND `

// ByCredential lists all certificates for a credential's key, the newest first.
func ByCredential(ctx context.Context, db *postgres.DB, credential string) ([]*Certificate, error) {
	return list(ctx, db, selectIssued+`c.credential = $1 ORDER BY c.reserved_at DESC, c.id DESC`, credential)
}

// ByReference lists all certificates ever issued to a subscriber, the newest first.
func ByReference(ctx context.Context, db *postgres.DB, reference string) ([]*Certificate, error) {
	return list(ctx, db, selectIssued+`c.reference = $1 ORDER BY c.reserved_at DESC, c.id DESC`, reference)
}

// ByProfiles lists all certificates under any of the profiles, the oldest first.
func ByProfiles(ctx context.Context, db *postgres.DB, profiles []string) ([]*Certificate, error) {
	return list(ctx, db, selectIssued+`c.profile = ANY($1) ORDER BY c.reserved_at, c.id`, profiles)
}

func list(ctx context.Context, db *postgres.DB, query string, argument any) ([]*Certificate, error) {
	rows, err := db.Pool.Query(ctx, query, argument)
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("list certificates: %w", err)
	}
	certs := make([]*Certificate, len(found))
	for i, r := range found {
		if certs[i], err = r.certificate(); err != nil {
			return nil, err
		}
	}
	return certs, nil
}
