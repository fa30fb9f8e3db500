package inspect

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// rank orders responses by state, as lists do.
var rank = postgres.StateRank("state")

// taskResponse is the response that a queued job would write, as erasures find it.
const taskResponse = "input -> 'step_input' ->> 'request_id'"

// CopyResponse is the request named in the header of a raw copy, as 32 digits, as erasures
// find it: in capitals or not, with hyphens or not, prefixed with resp_ or not, also in a
// JSON list. If there are several, it is the last. It never fails, and its result is
// always short, since an index refuses long values.
const CopyResponse = `"right"(translate(lower(headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32)`

// turnQuoted is the response that a prompt follows, as 32 digits, as erasures find later
// turns, with JSON escapes or without. It never fails, whether the text is JSON or not, and
// matches nothing inside a string. All encrypted prompts have one value. So have those with
// several such keys, "prev": only parsing their JSON tells them apart. The first letters
// are spelled out because a lookahead at each string of a prompt is slow.
const turnQuoted = `"right"(translate(lower(unistr("substring"(body, '^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)'))), '-"{}', ''), 32)`

// IndexAdvice is a missing index and the statements that create it, which cannot run in a
// transaction.
type IndexAdvice struct {
	Table      string // schema-qualified
	Index      string // the proposed name
	Invalid    string // the name of one that is unfinished or still being built
	Statements []string
}

type index struct {
	name   string
	side   Side
	schema string
	table  string
	keys   []string // as in CREATE INDEX; an expression without its parentheses
	where  string
	// perPartition means that the table may be partitioned.
	perPartition bool
	// partial tells that an index over more rows does not do.
	partial bool
}

func indexes(s Schemas, sides ...Side) []index {
	s = s.withDefaults()
	all := []index{
		{name: "idx_requests_user_active_sort", side: Fusillade, schema: s.Fusillade, table: "requests",
			keys: []string{"created_by", rank, "created_at DESC", "id DESC", "service_tier"}, where: "created_by IS NOT NULL"},
		{name: "idx_requests_user_created_sort", side: Fusillade, schema: s.Fusillade, table: "requests",
			keys: []string{"created_by", "created_at DESC", "id DESC", "service_tier"}, where: "created_by IS NOT NULL"},
		{name: "idx_requests_active_sort", side: Fusillade, schema: s.Fusillade, table: "requests",
			keys: []string{rank, "created_at DESC", "id DESC", "service_tier"}},
		{name: "idx_requests_created_sort", side: Fusillade, schema: s.Fusillade, table: "requests",
			keys: []string{"created_at DESC", "id DESC", "service_tier"}},
		{name: "idx_requests_template_id", side: Fusillade, schema: s.Fusillade, table: "requests",
			keys: []string{"template_id"}},
		// Erasing a single-request file deletes its batch, too, after a search for other
		// references to either.
		{name: "idx_requests_batch_id", side: Fusillade, schema: s.Fusillade, table: "requests",
			keys: []string{"batch_id"}, where: "batch_id IS NOT NULL"},
		{name: "idx_request_templates_file_id", side: Fusillade, schema: s.Fusillade, table: "request_templates",
			keys: []string{"file_id"}, where: "file_id IS NOT NULL"},
		{name: "idx_batches_file_id", side: Fusillade, schema: s.Fusillade, table: "batches",
			keys: []string{"file_id"}, where: "file_id IS NOT NULL"},
		{name: "response_steps_request_id_key", side: Fusillade, schema: s.Fusillade, table: "response_steps",
			keys: []string{"request_id"}, where: "request_id IS NOT NULL"},
		{name: "response_steps_parent_idx", side: Fusillade, schema: s.Fusillade, table: "response_steps",
			keys: []string{"parent_step_id", "step_sequence"}, where: "parent_step_id IS NOT NULL"},
		{name: "response_steps_prev_idx", side: Fusillade, schema: s.Fusillade, table: "response_steps",
			keys: []string{"prev_step_id"}, where: "prev_step_id IS NOT NULL"},
		{name: "http_analytics_fusillade_request_id_idx", side: Main, schema: "public", table: "http_analytics",
			keys: []string{"fusillade_request_id"}, where: "fusillade_request_id IS NOT NULL"},
		// Without it, an erasure reads every job.
		{name: "task_response_idx", side: Main, schema: "underway", table: "task",
			keys: []string{taskResponse}, where: "task_queue_name = ANY (ARRAY['create-response'::text, 'complete-response'::text])"},
	}
	return on(sides, all)
}

// filterColumns are what lists are filtered by. At the end of an index in the order of a
// list, they let a filter pass over what does not match without looking at its rows.
var filterColumns = []string{"state", "model", "service_tier", "response_status", postgres.ErrorMissing, postgres.Duration}

// filterIndexes serve filtered lists: of one owner or, by model, of everyone.
func filterIndexes(s Schemas, sides ...Side) []index {
	s = s.withDefaults()
	var all []index
	for _, i := range []index{
		{name: "idx_requests_user_created_filter", keys: slices.Concat([]string{"created_by", "created_at DESC", "id DESC"}, filterColumns), where: "created_by IS NOT NULL"},
		{name: "idx_requests_user_active_filter", keys: slices.Concat([]string{"created_by", rank, "created_at DESC", "id DESC"}, filterColumns), where: "created_by IS NOT NULL"},
		// State last: a list of one state passes over the others without looking at
		// their rows.
		{name: "idx_requests_model_created_sort", keys: []string{"model", "created_at DESC", "id DESC", "state"}, where: postgres.IsResponse},
	} {
		i.side, i.schema, i.table = Fusillade, s.Fusillade, "requests"
		all = append(all, i)
	}
	return on(sides, all)
}

// Proposed names of the indexes with which erasures find copies that only a header or a
// step's usage record leads to.
const (
	HeaderIndex = "http_requests_fusillade_request_id_idx"
	StepIndex   = "http_analytics_response_step_id_idx"
)

// copyIndexes find raw copies that no usage record of a request leads to, copies left by
// a person's deleted responses, and prompts of later turns, which copy earlier ones.
func copyIndexes(s Schemas, sides ...Side) []index {
	s = s.withDefaults()
	return on(sides, []index{
		{name: HeaderIndex, side: s.CopiesIn(), schema: s.Outlet, table: "http_requests",
			keys: []string{CopyResponse}, where: "(" + CopyResponse + ") IS NOT NULL", perPartition: true},
		{name: StepIndex, side: Main, schema: "public", table: "http_analytics",
			keys: []string{"response_step_id"}, where: "response_step_id IS NOT NULL"},
		{name: "request_templates_previous_response_idx", side: Fusillade, schema: s.Fusillade, table: "request_templates",
			keys: []string{turnQuoted}, where: "(" + turnQuoted + ") IS NOT NULL"},
		{name: "http_analytics_user_request_idx", side: Main, schema: "public", table: "http_analytics",
			keys: []string{"user_id", "id"}, where: "fusillade_request_id IS NOT NULL OR response_step_id IS NOT NULL"},
	})
}

// on keeps the indexes of these sides; all if none is given.
func on(sides []Side, all []index) []index {
	if len(sides) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(i index) bool { return !slices.Contains(sides, i.side) })
}

type existing struct {
	Schema, Table, Name string
	Valid               bool
	Where               *string
	Keys                []string
}

// MissingIndexes returns the missing indexes that lists and erasures need, with the
// statements that create them. Names do not matter: any index will do that begins with
// the needed keys in the same order and covers at least the same rows. Missing tables are
// skipped.
func MissingIndexes(ctx context.Context, q Querier, s Schemas, sides ...Side) ([]IndexAdvice, error) {
	return missing(ctx, q, indexes(s, sides...))
}

// MissingFilterIndexes is MissingIndexes for optional indexes: they speed up lists
// filtered by state, HTTP status or error if an owner has very many responses of which few
// match, and lists of everyone's responses filtered by model. Each slows down every write
// of a response.
func MissingFilterIndexes(ctx context.Context, q Querier, s Schemas, sides ...Side) ([]IndexAdvice, error) {
	return missing(ctx, q, filterIndexes(s, sides...))
}

// MissingCopyIndexes is MissingIndexes for the indexes with which an erasure finds later
// turns, and raw copies that no usage record of a request leads to.
func MissingCopyIndexes(ctx context.Context, q Querier, s Schemas, sides ...Side) ([]IndexAdvice, error) {
	return missing(ctx, q, copyIndexes(s, sides...))
}

// LacksCopyIndex reports whether a table exists but lacks HeaderIndex or StepIndex, as
// named, or an equivalent index.
func LacksCopyIndex(ctx context.Context, q Querier, s Schemas, name string, sides ...Side) (bool, error) {
	advice, err := missing(ctx, q, slices.DeleteFunc(copyIndexes(s, sides...), func(i index) bool { return i.name != name }))
	return len(advice) > 0, err
}

func missing(ctx context.Context, q Querier, wanted []index) ([]IndexAdvice, error) {
	var schemas, tables []string
	for _, w := range wanted {
		schemas, tables = append(schemas, w.schema), append(tables, w.table)
	}
	// The names that an index name could clash with.
	rows, err := q.Query(ctx, `
		SELECT s.nspname || '.' || c.relname
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
		WHERE s.nspname = ANY ($1::text[])`, schemas)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	taken := make(map[string]bool, len(names))
	for _, n := range names {
		taken[n] = true
	}

	rows, err = q.Query(ctx, `
		SELECT s.nspname::text, t.relname::text, i.relname::text, x.indisvalid,
		       pg_catalog.pg_get_expr(x.indpred, x.indrelid, true),
		       ARRAY (
		           SELECT pg_catalog.pg_get_indexdef(x.indexrelid, k::int, true)
		                  || CASE WHEN k > x.indnkeyatts THEN ''
		                          WHEN x.indoption[k - 1] = 3 THEN ' DESC'
		                          WHEN x.indoption[k - 1] = 2 THEN ' NULLS FIRST'
		                          WHEN x.indoption[k - 1] = 1 THEN ' DESC NULLS LAST'
		                          ELSE '' END
		           FROM generate_series(1, x.indnatts) AS k ORDER BY k
		       )
		FROM pg_catalog.pg_index x
		JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
		JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
		JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace
		JOIN pg_catalog.pg_am m ON m.oid = i.relam AND m.amname = 'btree'
		WHERE (s.nspname, t.relname) IN (SELECT * FROM unnest($1::text[], $2::text[]))
		ORDER BY i.relname`, schemas, tables)
	if err != nil {
		return nil, err
	}
	there, err := pgx.CollectRows(rows, pgx.RowToStructByPos[existing])
	if err != nil {
		return nil, err
	}
	return adviseMissing(ctx, q, wanted, there, taken)
}

// adviseMissing returns advice for each index in wanted that none in there can replace;
// taken holds the schema-qualified names of all relations.
func adviseMissing(ctx context.Context, q Querier, wanted []index, there []existing, taken map[string]bool) ([]IndexAdvice, error) {
	advice := []IndexAdvice{}
	for _, w := range wanted {
		if !taken[w.schema+"."+w.table] {
			continue
		}
		invalid, ok := "", false
		for _, e := range there {
			if e.Schema != w.schema || e.Table != w.table || !e.serves(w) {
				continue
			}
			if e.Valid {
				ok = true
				break
			}
			invalid = e.Name
		}
		if ok {
			continue
		}
		if w.perPartition {
			a, partitioned, err := w.partitionAdvice(ctx, q, invalid, taken)
			if err != nil {
				return nil, err
			}
			if partitioned {
				advice = append(advice, a)
				continue
			}
		}
		advice = append(advice, w.advice(invalid, taken[w.schema+"."+w.name] && invalid != w.name))
	}
	return advice, nil
}

func (e existing) serves(w index) bool {
	if e.Where == nil && w.partial || e.Where != nil && normal(*e.Where) != normal(w.where) {
		return false
	}
	if len(e.Keys) < len(w.keys) {
		return false
	}
	for i, k := range w.keys {
		if normal(e.Keys[i]) != normal(k) {
			return false
		}
	}
	return true
}

var (
	spaces  = regexp.MustCompile(`\s+`)
	nothing = regexp.MustCompile(` ELSE NULL(::[a-z ]+)? END`)
	noise   = strings.NewReplacer("::text", "", "(", "", ")", "")
)

// normal removes the differences between an expression as written and as the server
// prints it.
func normal(expr string) string {
	return strings.TrimSpace(nothing.ReplaceAllString(spaces.ReplaceAllString(noise.Replace(expr), " "), " END"))
}

func (w index) advice(invalid string, nameTaken bool) IndexAdvice {
	a := IndexAdvice{Table: w.schema + "." + w.table, Index: w.name, Invalid: invalid}
	if invalid != "" {
		a.Statements = append(a.Statements, "DROP INDEX CONCURRENTLY "+pgx.Identifier{w.schema, invalid}.Sanitize())
	}
	name := " " + pgx.Identifier{w.name}.Sanitize()
	if nameTaken {
		// The server picks a free one.
		a.Index, name = "", ""
	}
	a.Statements = append(a.Statements, "CREATE INDEX CONCURRENTLY"+name+" ON "+pgx.Identifier{w.schema, w.table}.Sanitize()+w.definition())
	return a
}

// definition returns what follows the table's name in CREATE INDEX.
func (w index) definition() string {
	keys := slices.Clone(w.keys)
	for i, k := range keys {
		if k == rank || k == taskResponse || k == CopyResponse || k == turnQuoted || k == postgres.Duration {
			keys[i] = "(" + k + ")"
		}
	}
	text := " (" + strings.Join(keys, ", ") + ")"
	if w.where != "" {
		text += " WHERE " + w.where
	}
	return text
}

// partitionAdvice returns advice for a partitioned table, whose index cannot be created
// concurrently: create one on the table alone and one on each partition, and attach these.
// It continues what was begun. If partitions are partitioned themselves, it creates the
// index at once, which blocks writes meanwhile.
func (w index) partitionAdvice(ctx context.Context, q Querier, begun string, taken map[string]bool) (a IndexAdvice, partitioned bool, err error) {
	rows, err := q.Query(ctx, `
		SELECT s.nspname::text, c.relname::text, t.isleaf, t.level,
		       coalesce((SELECT i.relname::text FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_index x ON x.indexrelid = h.inhrelid
		                 JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
		                 WHERE h.inhparent = pg_catalog.to_regclass($2) AND x.indrelid = c.oid), '') AS attached,
		       coalesce((SELECT i.relname::text FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
		                 WHERE x.indrelid = c.oid AND i.relname = left(c.relname, 63 - length($3)) || $3 AND NOT x.indisvalid), '') AS unfinished,
		       EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
		               WHERE x.indrelid = c.oid AND i.relname = left(c.relname, 63 - length($3)) || $3 AND x.indisvalid) AS made
		FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)) t
		JOIN pg_catalog.pg_class c ON c.oid = t.relid
		JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
		JOIN pg_catalog.pg_class root ON root.oid = pg_catalog.to_regclass($1) AND root.relkind = 'p'
		ORDER BY t.level, s.nspname, c.relname`,
		pgx.Identifier{w.schema, w.table}.Sanitize(), pgx.Identifier{w.schema, begun}.Sanitize(), partitionSuffix)
	if err != nil {
		return IndexAdvice{}, false, err
	}
	type partition struct {
		Schema, Table        string
		Leaf                 bool
		Level                int
		Attached, Unfinished string
		Made                 bool
	}
	tree, err := pgx.CollectRows(rows, pgx.RowToStructByPos[partition])
	if err != nil || len(tree) == 0 {
		return IndexAdvice{}, false, err
	}
	a = IndexAdvice{Table: w.schema + "." + w.table, Index: w.name, Invalid: begun}
	table := pgx.Identifier{w.schema, w.table}.Sanitize()
	if slices.ContainsFunc(tree, func(p partition) bool { return p.Level > 1 || p.Level == 1 && !p.Leaf }) {
		a.Statements = []string{"CREATE INDEX ON " + table + w.definition()}
		return a, true, nil
	}
	if begun != "" {
		a.Index = begun
	} else {
		for i := 1; taken[w.schema+"."+a.Index]; i++ {
			a.Index = w.name + strconv.Itoa(i)
		}
		a.Statements = append(a.Statements, "CREATE INDEX "+pgx.Identifier{a.Index}.Sanitize()+" ON ONLY "+table+w.definition())
	}
	for _, p := range tree[1:] {
		if p.Attached != "" {
			continue
		}
		name := p.Table[:min(len(p.Table), 63-len(partitionSuffix))] + partitionSuffix
		if p.Unfinished != "" {
			a.Statements = append(a.Statements, "DROP INDEX CONCURRENTLY "+pgx.Identifier{p.Schema, p.Unfinished}.Sanitize())
		}
		if !p.Made {
			a.Statements = append(a.Statements,
				"CREATE INDEX CONCURRENTLY "+pgx.Identifier{name}.Sanitize()+" ON "+pgx.Identifier{p.Schema, p.Table}.Sanitize()+w.definition())
		}
		a.Statements = append(a.Statements, "ALTER INDEX "+pgx.Identifier{w.schema, a.Index}.Sanitize()+" ATTACH PARTITION "+pgx.Identifier{p.Schema, name}.Sanitize())
	}
	return a, true, nil
}

// partitionSuffix ends the names of partitions' indexes and identifies those already
// created: if the expression changes, so must the suffix.
const partitionSuffix = "_names_request_idx"
