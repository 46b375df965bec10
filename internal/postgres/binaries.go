package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// debianBinaries is where Debian and Ubuntu put one folder a major version.
const debianBinaries = "/usr/lib/postgresql"

// findBinaries returns the folder with initdb and postgres. A cluster that
// exists needs the server of its own major version (want > 0); a new one gets
// the newest.
func findBinaries(root string, want int) (dir string, major int, err error) {
	found, err := filepath.Glob(filepath.Join(root, "*", "bin", "postgres"))
	if err != nil {
		return "", 0, fmt.Errorf("look for PostgreSQL: %w", err)
	}
	for _, p := range found {
		bin := filepath.Dir(p)
		v, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
		if err != nil || (want > 0 && v != want) || v <= major {
			continue
		}
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil {
			continue
		}
		dir, major = bin, v
	}
	switch {
	case dir != "":
		return dir, major, nil
	case want > 0:
		return "", 0, fmt.Errorf("%w: version %d under %s, which this cluster was made with; hint: apt-get install postgresql-%d, or move the data with pg_upgrade",
			ErrNoBinaries, want, root, want)
	default:
		return "", 0, fmt.Errorf("%w under %s; hint: apt-get install postgresql, or configure the DSN of a server", ErrNoBinaries, root)
	}
}
