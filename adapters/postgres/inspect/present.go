package inspect

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// ledger provides costs that no usage row contains. Only newer versions of dwctl have
// its first column, which leads from a response to its entry.
var ledger = Requirement{Side: Main, Schema: "public", Table: "credits_transactions", Read: []Column{
	{"fusillade_request_id", "uuid"}, {"transaction_type", "text"}, {"amount", "numeric"}, {"seq", "int8"},
}}

// migrations is where the owner of a schema records the migrations it has applied.
func migrations(side Side, schema string) Requirement {
	return Requirement{Side: side, Schema: schema, Table: "_sqlx_migrations", Read: []Column{{"version", "int8"}, {"success", "bool"}}}
}

// Wishes lists tables that the service uses if they exist and the role may read them. It
// is ready without them.
func Wishes(s Schemas, sides ...Side) []Requirement {
	s = s.withDefaults()
	all := []Requirement{ledger, migrations(Main, "public"), migrations(Fusillade, s.Fusillade)}
	return slices.DeleteFunc(all, func(r Requirement) bool { return len(sides) > 0 && !slices.Contains(sides, r.Side) })
}

// LedgerState says whether a database has the ledger from which costs can be read.
type LedgerState struct {
	There   bool // with fusillade_request_id and an index on it
	Granted bool // the role may read it
}

// FindLedger looks for the ledger in the main database. It makes one query.
func FindLedger(ctx context.Context, q Querier) (state LedgerState, err error) {
	names := make([]string, len(ledger.Read))
	for i, c := range ledger.Read {
		names[i] = c.Name
	}
	err = q.QueryRow(ctx, `
		SELECT count(*) = cardinality($3::text[]) AND coalesce(bool_or(a.attname = $4 AND EXISTS (
		           SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisvalid AND x.indkey[0] = a.attnum
		       )), false),
		       coalesce(bool_and(pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')), false)
		FROM pg_catalog.pg_namespace s
		JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = $2 AND c.relkind IN ('r', 'p')
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = ANY ($3::text[]) AND NOT a.attisdropped
		WHERE s.nspname = $1`, ledger.Schema, ledger.Table, names, names[0]).Scan(&state.There, &state.Granted)
	return state, err
}

// Present leaves out requirements whose table may be absent and does not exist in q's
// database, or is not needed there.
func Present(ctx context.Context, q Querier, reqs []Requirement) ([]Requirement, error) {
	present := make([]Requirement, 0, len(reqs))
	for _, r := range reqs {
		there := true
		if r.Optional || r.Unless != "" || r.With != "" {
			err := q.QueryRow(ctx, `
				SELECT count(DISTINCT c.relname) = (SELECT count(DISTINCT name) FROM unnest($2::text[]) AS name)
				FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
				WHERE s.nspname = $1 AND c.relname = ANY ($2::text[]) AND c.relkind IN ('r', 'p', 'v')`,
				r.Schema, []string{r.Table, cmp.Or(r.With, r.Table)}).Scan(&there)
			if err != nil {
				return nil, err
			}
		}
		if there {
			present = append(present, r)
		}
	}
	return present, nil
}

// PresentWishes returns the Wishes that exist in q's database.
func PresentWishes(ctx context.Context, q Querier, s Schemas, sides ...Side) ([]Requirement, error) {
	wishes := Wishes(s, sides...)
	if slices.ContainsFunc(wishes, isLedger) {
		state, err := FindLedger(ctx, q)
		if err != nil {
			return nil, err
		}
		if !state.There {
			wishes = slices.DeleteFunc(wishes, isLedger)
		}
	}
	fitting, err := Fitting(ctx, q, wishes)
	return slices.DeleteFunc(fitting, func(r Requirement) bool { return len(r.Read) == 0 }), err
}

func isLedger(r Requirement) bool { return r.Table == ledger.Table }

// Fitting reduces requirements to the tables, columns and sequences that exist in q's
// database. It makes one query.
func Fitting(ctx context.Context, q Querier, reqs []Requirement) ([]Requirement, error) {
	var schemas, names []string
	for _, r := range reqs {
		schemas, names = append(schemas, r.Schema, r.Schema), append(names, r.Table, r.Sequence)
	}
	type found struct{ Schema, Name, Column string }
	rows, err := q.Query(ctx, `
		SELECT s.nspname::text, c.relname::text, coalesce(a.attname::text, '')
		FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS w (schema_name, name)) AS wanted
		JOIN pg_catalog.pg_namespace s ON s.nspname = wanted.schema_name
		JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'p', 'v', 'S')
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`, schemas, names)
	if err != nil {
		return nil, err
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	if err != nil {
		return nil, err
	}
	relations, columns := map[[2]string]bool{}, map[found]bool{}
	for _, f := range got {
		relations[[2]string{f.Schema, f.Name}], columns[f] = true, true
	}
	fits := make([]Requirement, 0, len(reqs))
	for _, r := range reqs {
		if !relations[[2]string{r.Schema, r.Table}] {
			continue
		}
		there := func(all []Column) []Column {
			return slices.DeleteFunc(slices.Clone(all), func(c Column) bool { return !columns[found{r.Schema, r.Table, c.Name}] })
		}
		r.Read, r.Insert, r.Update = there(r.Read), there(r.Insert), there(r.Update)
		if !relations[[2]string{r.Schema, r.Sequence}] {
			r.Sequence = ""
		}
		fits = append(fits, r)
	}
	return fits, nil
}
