package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/domain"
)

// relied are the session settings that queries depend on: how texts, dates, bytes,
// numbers and definitions are written and read, what a statement means, whether it
// finds all rows, and whether it may change them. A role, a database, an environment or
// a URL may set others. docs/configuration.md says which settings are left to the
// operator, and why.
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

// ofTransactions is the prefix of settings that apply from the next transaction on, and
// so cannot be sent along with the transaction that needs them.
const ofTransactions = "default_transaction_"

// accepted are the parameters that PgBouncer accepts when a connection begins, and sets
// on each server connection that it lends.
var accepted = []string{"application_name", "client_encoding", "datestyle", "timezone", "standard_conforming_strings"}

// RelyOn overrides the parameters that a connection begins with by those that queries
// depend on. For a connection that may lead through a pooler it leaves out those that
// poolers refuse, which matter only where values are read as text.
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

// localSettings removes from params what PgBouncer refuses, and returns a statement
// that sets it until the transaction ends, as far as possible.
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

// Setting is a setting of a session that differs from what was requested.
type Setting struct{ Name, Is, Wanted string }

// InDatabase reports whether the setting must be fixed in the database: sessions cannot
// set it, as only a superuser may, or as it comes too late through PgBouncer.
func (s Setting) InDatabase() bool {
	return s.Name == triggersFire || strings.HasPrefix(s.Name, ofTransactions)
}

// triggersFire is the setting without whose usual value no trigger fires, so that
// guards do not work and foreign keys do not cascade.
const triggersFire = "session_replication_role"

// NotTaken returns the settings that db requests but its connections do not have, as
// with a pooler that accepts them and does not pass them on, and those that it cannot
// request. Errors are those of Use.
func (db *DB) NotTaken(ctx context.Context) (not []Setting, err error) {
	var names, values []string
	for name, value := range db.wanted {
		names, values = append(names, strings.ToLower(name)), append(values, value)
	}
	err = db.Use(ctx, func(c Conn) error {
		// Requested values are written as the server writes them.
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

// TakesChanges fails with CodeUnavailable if nothing can be changed: on a standby, or
// if sessions are read only whatever they request. Other errors are those of Use.
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
