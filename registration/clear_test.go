package registration_test

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// searchDatabase looks for texts in every row of every table.
func (g *rig) searchDatabase(texts []string) (tables int) {
	g.t.Helper()
	names, rows := g.content()
	for _, name := range names {
		for _, text := range texts {
			if inTheClear(rows[name], text) {
				g.t.Errorf("table %s has %q in the clear", name, text)
			}
		}
	}
	return len(names)
}

// content is every table's rows, as PostgreSQL writes a row as a text.
func (g *rig) content() (names []string, rows map[string]string) {
	g.t.Helper()
	result, err := g.db.Pool.Query(g.ctx(), `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%'`)
	if err != nil {
		g.t.Fatal(err)
	}
	if names, err = pgx.CollectRows(result, pgx.RowTo[string]); err != nil {
		g.t.Fatal(err)
	}
	rows = make(map[string]string)
	for _, name := range names {
		result, err := g.db.Pool.Query(g.ctx(), `SELECT t::text FROM `+name+` t`)
		if err != nil {
			g.t.Fatal(err)
		}
		all, err := pgx.CollectRows(result, pgx.RowTo[string])
		if err != nil {
			g.t.Fatal(err)
		}
		rows[name] = strings.Join(all, "\n")
	}
	return names, rows
}

// byteaText is a bytea in a row's text: its backslash is doubled there.
var byteaText = regexp.MustCompile(`\\\\x[0-9a-f]*`)

var year = regexp.MustCompile(`^[0-9]{4}$`)

// inTheClear says whether text stands in rows, which are searched as texts, and
// each bytea as the octets that it holds. Among the digits of a serial number, a
// UUID or a time a year stands by chance, so that it counts there only as a word.
func inTheClear(rows, text string) bool {
	for _, found := range byteaText.FindAllString(rows, -1) {
		octets, err := hex.DecodeString(found[3:])
		if err != nil || bytes.Contains(octets, []byte(text)) {
			return true
		}
	}
	rest := byteaText.ReplaceAllString(rows, "bytea")
	if !year.MatchString(text) {
		return strings.Contains(rest, text)
	}
	const beside = `[^0-9A-Za-z.+/=-]`
	return regexp.MustCompile(`(^|` + beside + `)` + regexp.QuoteMeta(text) + `(` + beside + `|$)`).MatchString(rest)
}

// The search must be able to find, and must not find by chance.
func TestSearchFinds(t *testing.T) {
	t.Parallel()
	g := newRig(t, nil)
	if _, err := g.db.Pool.Exec(t.Context(), `CREATE TABLE planted (b bytea, j jsonb, n numeric, u uuid, at timestamptz);
		INSERT INTO planted VALUES
			('born 1978', '{"year": 1941, "name": "WONG, Siu Lip"}', 441960003, '00000000-1969-4000-8000-000000000000', '2026-01-01 00:00:00.1953'),
			('\x1abc2011', NULL, 1990, NULL, NULL)`); err != nil {
		t.Fatal(err)
	}
	names, rows := g.content()
	if !slices.Contains(names, "planted") {
		t.Fatalf("searched %v", names)
	}
	for _, text := range []string{"1978", "1941", "WONG", "WONG, Siu Lip", "Siu Lip", "1990", "441960003"} {
		if !inTheClear(rows["planted"], text) {
			t.Errorf("%q is not found in %s", text, rows["planted"])
		}
	}
	for _, text := range []string{"1960", "1969", "1953", "2011"} {
		if inTheClear(rows["planted"], text) {
			t.Errorf("%q is found by chance in %s", text, rows["planted"])
		}
	}
}
