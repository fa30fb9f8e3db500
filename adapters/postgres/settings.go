package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/domain"
)

// relied are the settings of a session by which texts, dates, bytes, numbers and
// definitions are written and read, by which a statement means what it says and
// finds all rows, and by which it may change them. A role, a database, an
// environment or a URL may have others. docs/configuration.md says which are left
// to whoever runs the database, and why.
var relied = map[string]string{
	"array_nulls":                   "on",
	"bytea_output":                  "hex",
	"client_encoding":               "UTF8",
	"datestyle":                     "ISO, MDY",
	"default_transaction_isolation": "read committed",
	"default_transaction_read_only": "off",
	"extra_float_digits":            "1",
	"gin_fuzzy_search_limit":        "0",
	"intervalstyle":                 "postgres",
	"quote_all_identifiers":         "off",
	"standard_conforming_strings":   "on",
	"timezone":                      "UTC",
	"transform_null_equals":         "off",
}

// ofTransactions begin the names of settings that hold from the next transaction
// on, and so cannot be sent along with the one that they are for.
const ofTransactions = "default_transaction_"

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
// statement that sets it until the transaction ends, as far as that can be.
func localSettings(params map[string]string) string {
	var calls []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(accepted, strings.ToLower(name)) {
			continue
		}
		if strings.HasPrefix(strings.ToLower(name), ofTransactions) {
			delete(params, name)
			continue
		}
		calls = append(calls, "set_config("+Literal(name)+", "+Literal(params[name])+", true)")
		delete(params, name)
	}
	return "SELECT " + strings.Join(calls, ", ")
}

// Setting is one of a session that is not as it was asked for.
type Setting struct{ Name, Is, Wanted string }

// InDatabase tells that it is one to be mended in the database: no session of
// these sets it, as only a superuser may, or as it comes too late through PgBouncer.
func (s Setting) InDatabase() bool {
	return s.Name == triggersFire || strings.HasPrefix(s.Name, ofTransactions)
}

// triggersFire is the setting without whose usual value no trigger fires, so that a
// guard guards nothing and no key is followed to what is to be deleted along.
const triggersFire = "session_replication_role"

// NotTaken are the settings that db asks for and its connections do not have, as
// happens where a pooler in between takes them and does not pass them on, and those
// that it cannot ask for. Errors as of Use.
func (db *DB) NotTaken(ctx context.Context) (not []Setting, err error) {
	var names, values []string
	for name, value := range db.wanted {
		names, values = append(names, strings.ToLower(name)), append(values, value)
	}
	err = db.Use(ctx, func(c Conn) error {
		// What is wanted is asked for in the words of the server.
		rows, err := c.Query(ctx, `-- name: NotTaken :many
			WITH here AS MATERIALIZED (
				SELECT s.name, current_setting(s.name) AS shown, s.value
				FROM unnest($1::text[], $2::text[]) s (name, value)
				JOIN pg_catalog.pg_settings p ON lower(p.name) = s.name
			)
			SELECT name, shown, set_config(name, value, true) AS wanted FROM here
			UNION ALL SELECT $3::text, current_setting($3::text), 'origin'
			ORDER BY name`, names, values, triggersFire)
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

// TakesChanges fails with CodeUnavailable where nothing can be changed: on a
// standby, or where sessions are read only whatever they ask for. Other errors as of
// Use.
func (db *DB) TakesChanges(ctx context.Context) error {
	return db.Use(ctx, func(c Conn) error {
		var readOnly, standby bool
		err := c.QueryRow(ctx, `-- name: TakesChanges :one
			SELECT current_setting('transaction_read_only')::boolean, pg_is_in_recovery()`).Scan(&readOnly, &standby)
		switch {
		case err != nil:
			return err
		case standby:
			return domain.Errorf(domain.CodeUnavailable, msgStandby)
		case readOnly:
			return domain.Errorf(domain.CodeUnavailable, msgReadOnlySessions)
		}
		return nil
	})
}
