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
		return // the missing tables have been reported
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	n, err := countOrphansIn(ctx, d.cfg, db, orphansToLookAt, func(OrphansCounted) {})
	if d.failed(name, check, err) || n.unreachable {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: fmt.Sprintf("none of %d raw copies of seven days or more belongs to a request that is gone", n.Looked)}
	if gone := n.RawRequests + n.RawResponses; gone > 0 {
		c.Detail = fmt.Sprintf("of %d raw copies of seven days or more, %d belong to requests that dwctl deleted", n.Looked, gone)
		if c.Advice = "the service removes them, with receipts: erasure.orphans is true"; !d.cfg.Erasure.Orphans {
			c.Finding, c.Advice = Warning, "to have the service remove them, with receipts, set erasure.orphans to true"
		}
	}
	if !n.All {
		c.Detail += "; there are more: `lethe erasures orphans --dry-run` checks them all"
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
			"if the tables are dwctl's, correct fusillade.schema and outlet.schema or finish its migrations; in Lethe's own database, run `lethe migrate up`", nil})
	}
	if len(own) > 0 {
		d.add(Check{name, check, Problem, "Lethe's own tables are missing or out of date: " + strings.Join(own, "; "),
			fmt.Sprintf("as a role that may create a schema in the database, run `lethe migrate up`; then, as that role, run what `lethe doctor --grants --role %s` prints", conn.Config().User), nil})
	}
	present, err := inspect.Present(ctx, conn, reqs)
	if d.failed(name, check, err) {
		return
	}
	if len(missing) == 0 {
		detail := "all that is needed"
		if absent := len(reqs) - len(present); absent > 0 {
			detail += fmt.Sprintf("; this database has no raw copies to erase (%s absent)", count(absent, "table"))
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
		d.add(Check{name, check, Problem, table + " contains responses, or rows that the role may not read, that can be neither shown nor erased: the role may not read it or a related table, or one of them is missing or not a table",
			"until this is fixed, the service answers and erases nothing: run what `lethe doctor --grants` prints, let the system that owns the tables finish its migrations, or upgrade Lethe to a version that knows them", nil})
	}
	for _, indirect := range content.Indirect {
		d.add(Check{name, check, Warning, indirect + ", and not a table",
			"an erasure checks its result only through it: check the tables behind it, which may keep erased content", nil})
	}
	if len(content.Unserved)+len(content.Indirect) > 0 {
		return
	}
	detail := fmt.Sprintf("%s, without content that cannot be served", count(content.Tables, "table"))
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
		d.add(Check{name, check, Warning, "the role may not read public.credits_transactions, so costs are unknown for responses whose usage record has expired",
			fmt.Sprintf("have the table's owner run what `lethe doctor --grants --role %s` prints", conn.Config().User), nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "costs that usage records lack come from public.credits_transactions"})
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
			detail = fmt.Sprintf("index %s of %s is not valid: its creation failed or is still running", a.Invalid, a.Table)
		}
		d.add(Check{name, check, Warning, detail, "lists or erasures are slow on a large table; as the tables' owner, run:", a.Statements})
	}
	if len(advice) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "all that lists and erasures need"})
	}
}

// copyIndexes only advises: without these indexes, receipts list gaps.
func (d *doctor) copyIndexes(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "indexes for copies"
	advice, err := inspect.MissingCopyIndexes(ctx, conn, d.schemas, sides...)
	if d.failed(name, check, err) || len(advice) == 0 {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "erasures find the raw copies that a usage record of the request leads to, but no others without the indexes below"}
	c.Advice = "with them, erasures also find copies that only a step's usage record or a header leads to, later turns that quote the erased response, and, in large tables, copies of a person's deleted responses. Run these one by one as the tables' owner, outside of a transaction; each makes writes slightly slower:"
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
	c := Check{Database: name, Name: check, Finding: OK, Detail: "all that is needed, and all that help in a large database"}
	for _, a := range advice {
		c.SQL = append(c.SQL, a.Statements...)
	}
	if len(advice) > 0 {
		c.Detail = fmt.Sprintf("all that is needed; %d more may help in a large database", len(c.SQL))
		c.Advice = "if lists filtered by state, response status or error are slow for owners of very many responses, or everyone's lists filtered by model, run those that help as the tables' owner; each makes writes slightly slower:"
	}
	d.add(c)
}

// crowd checks whether rows of batches slow down lists of everyone's responses.
func (d *doctor) crowd(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "indexes beside batches"
	crowd, err := inspect.FindCrowd(ctx, conn, d.schemas)
	if d.failed(name, check, err) {
		return
	}
	if !crowd.HidesResponses() {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none needed: the table is small, was never analyzed, or consists mostly of responses"})
		return
	}
	advice, err := inspect.MissingResponseIndexes(ctx, conn, d.schemas)
	if d.failed(name, check, err) {
		return
	}
	responses := fmt.Sprintf("about %d of %d rows are responses, the others belong to batches", crowd.Responses, crowd.Rows)
	if len(advice) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: responses + "; lists of everyone's have the indexes they need"})
		return
	}
	c := Check{Database: name, Name: check, Finding: Warning,
		Detail: responses + "; lists of everyone's responses are slow, above all with active_first=false or a filter by status, errors, response status or duration, because their indexes also contain the rows of batches"}
	c.Advice = fmt.Sprintf("as the tables' owner, run the statements below; all these indexes together take about %d MB, and grow with responses, not with batches:", 1+crowd.IndexBytes()>>20)
	for _, a := range advice {
		c.SQL = append(c.SQL, a.Statements...)
	}
	d.add(c)
}

// statistics only advises: without them, estimates are less accurate.
func (d *doctor) statistics(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "statistics"
	advice, err := inspect.MissingStatistics(ctx, conn, d.schemas)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "all that is needed, and all that improve estimated counts", SQL: advice}
	if len(advice) > 0 {
		c.Detail = "all that is needed; more would improve estimated counts"
		c.Advice = "to have counts of filtered lists estimated within some 15 %, above all beside rows of batches, run these as the tables' owner; writes get no slower, and ANALYZE reads three times as many rows:"
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
		looked = "; times other than created_at were not all checked"
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
		d.add(Check{name, check, Warning, number + " with a time that is infinite or outside the years 1 to 9999, such as " + strings.Join(some, ", ") + looked,
			"that time is shown as null, and everything else works; correct it in fusillade's table requests, or erase the responses", nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "all can be shown" + looked})
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
		d.add(Check{name, check, Warning, strings.Join(full, ", ") + " may hold copies of responses, but fusillade is in another database",
			"an erasure cannot reach them there: set outlet.database_url to the database of raw copies, and erase the rest by other means, or keep less of it", nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none out of reach of an erasure"})
}
