package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres/inspect"
	"lethe/app/boot"
)

// orphansToLookAt is the maximum number of raw copies that the doctor checks.
const orphansToLookAt = 20_000

// orphans counts raw copies whose request is gone.
func (d *doctor) orphans(ctx context.Context, name string, db *boot.Databases) {
	const check = "orphaned copies"
	if !d.log {
		return // what is missing has been reported
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	n, err := countOrphansIn(ctx, d.cfg, db, orphansToLookAt, func(OrphansCounted) {})
	if d.failed(name, check, err) || n.unreachable {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: fmt.Sprintf("of %d raw copies of seven days and more, none is of a request that is gone", n.Looked)}
	if gone := n.RawRequests + n.RawResponses; gone > 0 {
		c.Detail = fmt.Sprintf("of %d raw copies of seven days and more, %d are of requests that are gone, as dwctl deleted them", n.Looked, gone)
		if c.Advice = "the service removes them, with receipts: erasure.orphans is true"; !d.cfg.Erasure.Orphans {
			c.Finding, c.Advice = Warning, "have the service remove them, with receipts: set erasure.orphans to true"
		}
	}
	if !n.All {
		c.Detail += "; others were not looked at, as they are many: `lethe erasures orphans --dry-run` does"
	}
	d.add(c)
}

// tables checks tables, columns and the privileges on them.
func (d *doctor) tables(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "tables"
	reqs := inspect.Requirements(d.schemas, sides...)
	missing, err := inspect.MissingTables(ctx, conn, reqs)
	if d.failed(name, check, err) {
		return
	}
	var own []string
	for _, m := range missing {
		if strings.Contains(m, " "+inspect.Own+".") {
			own = append(own, m)
			continue
		}
		d.add(Check{name, check, Problem, m,
			"if the tables are dwctl's, correct fusillade.schema and outlet.schema or finish its migrations; in a database of Lethe's own, run `lethe migrate up`", nil})
	}
	if len(own) > 0 {
		d.add(Check{name, check, Problem, "the log of erasures, or what goes on with them, has no place or an old one: " + strings.Join(own, "; "),
			fmt.Sprintf("as a role that may create a schema in the database, run `lethe migrate up`; then, as that role, what `lethe doctor --grants --role %s` prints", conn.Config().User), nil})
	}
	present, err := inspect.Present(ctx, conn, reqs)
	if d.failed(name, check, err) {
		return
	}
	if len(missing) == 0 {
		detail := "all that is needed"
		if absent := len(reqs) - len(present); absent > 0 {
			detail += fmt.Sprintf("; this database has no raw copies to be erased along (%s of them)", count(absent, "table"))
		}
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: detail})
	}

	const privileges = "privileges"
	lacking, err := inspect.MissingPrivileges(ctx, conn, present)
	if d.failed(name, privileges, err) {
		return
	}
	if len(lacking) > 0 {
		d.lacking[name] = true
		d.add(Check{name, privileges, Problem, "the role lacks " + strings.Join(lacking, "; "),
			fmt.Sprintf("have the tables' owner run what `lethe doctor --grants --role %s` prints", conn.Config().User), nil})
		return
	}
	d.add(Check{Database: name, Name: privileges, Finding: OK, Detail: "all that is needed"})
	if slices.Contains(sides, inspect.Fusillade) {
		d.log, d.whole = d.log || len(own) == 0, d.whole || len(missing) == 0
	}
}

// content checks the places that may contain responses.
func (d *doctor) content(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "places of content"
	content, err := inspect.FindContent(ctx, conn, inspect.PlacesOn(d.schemas, sides...))
	if d.failed(name, check, err) {
		return
	}
	for _, table := range content.Unserved {
		d.add(Check{name, check, Problem, table + " holds responses, or holds what the role may not look at, and it can neither be shown nor erased: the role may not read it or the tables that belong to it, or one of them is missing or no table",
			"the service answers and erases nothing meanwhile: give the role what `lethe doctor --grants` prints, let the system that owns the tables finish its migrations, or upgrade Lethe to a version that knows them", nil})
	}
	for _, indirect := range content.Indirect {
		d.add(Check{name, check, Warning, indirect + ", and not a table",
			"an erasure reads back through it alone: look at what it is made of, which may keep what was erased", nil})
	}
	if len(content.Unserved)+len(content.Indirect) > 0 {
		return
	}
	detail := fmt.Sprintf("%s, and nothing in them that cannot be served", count(content.Tables, "table"))
	if len(content.OfPerson) > 0 {
		var names []string
		for _, p := range content.OfPerson {
			names = append(names, p.Schema+"."+p.Table+" ("+p.Gap+")")
		}
		detail += "; no response leads to " + strings.Join(names, ", ") + ", so erasing one does not reach these, and receipts say so"
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: detail})
}

// ledger checks whether costs can be read if usage records do not contain them.
func (d *doctor) ledger(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "costs"
	state, err := inspect.FindLedger(ctx, conn)
	if d.failed(name, check, err) || !state.There {
		return
	}
	if !state.Granted {
		d.add(Check{name, check, Warning, "the role may not read public.credits_transactions, so the cost of a response is unknown once its usage record has expired",
			fmt.Sprintf("have the table's owner run what `lethe doctor --grants --role %s` prints", conn.Config().User), nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "where usage records do not tell them, they come from public.credits_transactions"})
}

func (d *doctor) indexes(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "indexes"
	advice, err := inspect.MissingIndexes(ctx, conn, d.schemas, sides...)
	if d.failed(name, check, err) {
		return
	}
	for _, a := range advice {
		detail := fmt.Sprintf("%s lacks an index that lists or erasures need", a.Table)
		if a.Invalid != "" {
			detail = fmt.Sprintf("index %s of %s is not valid: it was left unfinished, or is being built right now", a.Invalid, a.Table)
		}
		d.add(Check{name, check, Warning, detail, "lists or erasures are slow on a large table; as the tables' owner, run:", a.Statements})
	}
	if len(advice) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "all that lists and erasures need"})
	}
}

// copyIndexes only advises: without these indexes, receipts state gaps.
func (d *doctor) copyIndexes(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "indexes for copies"
	advice, err := inspect.MissingCopyIndexes(ctx, conn, d.schemas, sides...)
	if d.failed(name, check, err) || len(advice) == 0 {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "erasures find the raw copies that a usage record of the request leads to; without the indexes below, they do not look for others"}
	c.Advice = "have them find also those that only the usage record of a step or a header leads to, whether later turns quote what is erased, and in large tables the copies that a person's deleted responses have left: run these one by one as the tables' owner, in no transaction; each makes writing a little slower:"
	for _, a := range advice {
		c.SQL = append(c.SQL, a.Statements...)
	}
	d.add(c)
}

// filterIndexes only advises: lists work without these indexes.
func (d *doctor) filterIndexes(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "indexes for filters"
	advice, err := inspect.MissingFilterIndexes(ctx, conn, d.schemas, sides...)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "all that is needed, and all that a large database may want"}
	for _, a := range advice {
		c.SQL = append(c.SQL, a.Statements...)
	}
	if len(advice) > 0 {
		c.Detail = fmt.Sprintf("all that is needed; a large database may want %d more", len(c.SQL))
		c.Advice = "where lists narrowed by states, response status or errors are slow for owners of very many responses, or everyone's narrowed by a model, run as the tables' owner those that help; each makes writing a little slower:"
	}
	d.add(c)
}

// statistics only advises: estimates are labelled as such.
func (d *doctor) statistics(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "statistics"
	advice, err := inspect.MissingStatistics(ctx, conn, d.schemas)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "all that is needed, and all that estimated counts may want", SQL: advice}
	if len(advice) > 0 {
		c.Detail = "all that is needed; some more would make estimated counts better"
		c.Advice = "where counts of lists narrowed by min_duration_ms, or by states and response status together, are to be estimated well, run as the tables' owner; writing gets no slower:"
	}
	d.add(c)
}

// moments looks for times that cannot be shown.
func (d *doctor) moments(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "times"
	found, err := inspect.UnsayableTimes(ctx, conn, d.schemas)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == "42501" || pg.Code == "42703") {
		return // other checks report that
	}
	if d.failed(name, check, err) {
		return
	}
	looked := ""
	if found.Partial {
		looked = "; of times other than created_at, not all were looked at"
	}
	if n := len(found.Responses); n > 0 {
		some := make([]string, min(n, 3))
		for i := range some {
			some[i] = found.Responses[i].String()
		}
		number := count(n, "response")
		if n == inspect.MaxUnsayable {
			number = fmt.Sprintf("%d responses or more", n)
		}
		d.add(Check{name, check, Warning, number + " with a time that is infinite or not of the years 1 to 9999, such as " + strings.Join(some, ", ") + looked,
			"that time is shown as null, all else goes on; correct it in fusillade's table requests, or erase the responses", nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "all of them can be shown" + looked})
}

// outOfReach looks for copies of responses in a main database without fusillade: an
// erasure runs in fusillade's.
func (d *doctor) outOfReach(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "raw copies"
	rows, err := conn.Query(ctx, `
		SELECT s.nspname || '.' || c.relname
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
		WHERE (NOT $2 AND s.nspname IN ('outlet', $1) AND c.relname IN ('http_requests', 'http_responses')
		       OR s.nspname = 'underway' AND c.relname = 'task')
		  AND pg_relation_size(c.oid) + (SELECT coalesce(sum(pg_relation_size(i.inhrelid)), 0) FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) > 0
		ORDER BY 1`, d.schemas.Outlet, d.schemas.OutletApart)
	var full []string
	if err == nil {
		full, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if d.failed(name, check, err) {
		return
	}
	if len(full) > 0 {
		d.add(Check{name, check, Warning, strings.Join(full, ", ") + " may hold copies of responses, and fusillade is in another database",
			"an erasure cannot reach them there: name the database of raw copies with outlet.database_url; erase the rest by other means, or keep fewer of them", nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none out of an erasure's reach"})
}
