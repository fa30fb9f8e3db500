package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// relied are the settings of a session by which texts, dates, bytes and numbers
// are written and read, and by which a statement means what it says. A role, a
// database, an environment or a URL may have others.
var relied = map[string]string{
	"array_nulls":                 "on",
	"bytea_output":                "hex",
	"client_encoding":             "UTF8",
	"datestyle":                   "ISO, MDY",
	"extra_float_digits":          "1",
	"intervalstyle":               "postgres",
	"standard_conforming_strings": "on",
	"timezone":                    "UTC",
	"transform_null_equals":       "off",
}

// accepted are the parameters that PgBouncer takes when a connection begins, and
// keeps on each server that it lends.
var accepted = []string{"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings"}

// RelyOn puts into the parameters that a connection begins with all that queries
// rely on, in place of what they said of it. For a connection that may lead
// through a pooler it leaves out what poolers refuse, which matters only where
// values are read as text.
func RelyOn(params map[string]string, throughPooler bool) {
	maps.DeleteFunc(params, func(name, _ string) bool {
		_, is := relied[strings.ToLower(name)]
		return is
	})
	for name, value := range relied {
		if !throughPooler || slices.Contains(accepted, name) {
			params[name] = value
		}
	}
}

// localSettings takes out of params what PgBouncer refuses and returns a
// statement that sets it until the transaction ends.
func localSettings(params map[string]string) string {
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(accepted, strings.ToLower(name)) {
			continue
		}
		calls = append(calls, "set_config("+Literal(name)+", "+Literal(params[name])+", true)")
		delete(params, name)
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// Setting is one of a session that is not as it was asked for.
type Setting struct{ Name, Is, Wanted string }

// NotTaken are the settings that db asks for and its connections do not have, as
// happens where a pooler in between takes them and does not pass them on. Errors
// as of Use.
func (db *DB) NotTaken(ctx context.Context) (not []Setting, err error) {
	var names, values []string
	for name, value := range db.wanted {
		names, values = append(names, strings.ToLower(name)), append(values, value)
	}
	err = db.Tx(ctx, func(tx *Tx) error {
		// What is wanted is asked for in the words of the server.
		rows, err := tx.Query(ctx, `-- name: NotTaken :many
			WITH here AS MATERIALIZED (
				SELECT s.name, current_setting(s.name) AS shown, s.value
				FROM unnest($1::text[], $2::text[]) s (name, value)
				JOIN pg_catalog.pg_settings p ON lower(p.name) = s.name
			)
			SELECT name, shown, set_config(name, value, true) AS wanted FROM here ORDER BY name`, names, values)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Setting])
		if err != nil {
			return err
		}
		not = slices.DeleteFunc(all, func(s Setting) bool { return s.Is == s.Wanted })
		return nil
	})
	return not, err
}
