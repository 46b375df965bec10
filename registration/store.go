package registration

import "chop/internal/postgres"

// store is the SQL of this package.
type store struct{ db *postgres.DB }
