package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/jobs"
)

// Finding is how a check ended.
type Finding string

// The findings; only a problem must be mended for the service to work.
const (
	OK      Finding = "ok"
	Warning Finding = "warning"
	Problem Finding = "problem"
)

// Check is one thing that the doctor looked at.
type Check struct {
	Database string   `json:"database"` // main, fusillade, outlet, or a replica of one; or service
	Name     string   `json:"check"`
	Finding  Finding  `json:"finding"`
	Detail   string   `json:"detail"`
	Advice   string   `json:"advice,omitempty"`
	SQL      []string `json:"sql,omitempty"` // to be run as it is, outside of a transaction
}

// Report is all that the doctor found.
type Report struct {
	Checks []Check `json:"checks"`
}

// Problems is how many checks found something that must be mended.
func (r *Report) Problems() int { return r.count(Problem) }

func (r *Report) count(f Finding) int {
	n := 0
	for _, c := range r.Checks {
		if c.Finding == f {
			n++
		}
	}
	return n
}

// Write prints the report.
func (r *Report) Write(out io.Writer, asJSON bool) error {
	if asJSON {
		return writeJSON(out, r)
	}
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-8s %s, %s: %s\n", c.Finding, c.Database, c.Name, c.Detail)
		if c.Advice != "" {
			fmt.Fprintf(&b, "         -> %s\n", c.Advice)
		}
		for _, statement := range c.SQL {
			fmt.Fprintf(&b, "            %s;\n", statement)
		}
	}
	fmt.Fprintf(&b, "\n%s: %d ok, %s, %s\n", count(len(r.Checks), "check"), r.count(OK), count(r.count(Warning), "warning"), count(r.count(Problem), "problem"))
	_, err := io.WriteString(out, b.String())
	return err
}

const (
	checkTimeout = 30 * time.Second // for all checks of one database

	skewToMention = 2 * time.Second
	lagToMention  = 10 * time.Second
	// Less than this is what any busy primary is ahead.
	lagBytesToMention = 16 << 20

	heldToMention             = time.Hour
	heldTransactionsToMention = 10_000_000
)

// service is in the place of a database's name where the service's own settings
// were looked at.
const service = "service"

// Doctor examines the configured databases, and what is believed of proxies; the
// one at through, of ProxyURL, is probed, nil: none. An error means that it could
// not even begin; whatever is wrong with a database is in the report.
func Doctor(ctx context.Context, cfg *Config, through *url.URL, progress io.Writer) (report *Report, err error) {
	db, err := OpenDatabases(ctx, cfg, progress)
	if err != nil {
		return nil, err
	}
	defer closing(db, &err)

	d := &doctor{cfg: cfg, through: through, schemas: db.schemas, report: &Report{}, progress: progress, lacking: map[string]bool{}, lost: map[string]bool{}}
	d.proxy()
	d.throughProxy(ctx, db.MainURL)
	d.examine(ctx, "main", db.MainURL, cfg.Database.ReplicaURL, db.mainSides())
	name, url := "main", db.MainURL
	if db.apart() {
		name, url = "fusillade", db.FusilladeURL
		d.examine(ctx, name, url, cfg.Fusillade.ReplicaURL, []inspect.Side{inspect.Fusillade})
	}
	if db.OutletURL != "" {
		d.examine(ctx, "outlet", db.OutletURL, "", []inspect.Side{inspect.Outlet})
	}
	d.orphans(ctx, name, db)
	d.examineLog(ctx, name, url)
	return d.report, nil
}

type doctor struct {
	cfg     *Config
	through *url.URL // of the proxy that is to be probed; nil: none
	schemas inspect.Schemas
	report  *Report

	progress io.Writer
	log      bool // the tables of the log are there, and the role may use them
	whole    bool // likewise all that the log's database needs

	// Of which databases it has been told that privileges are missing, or that they
	// were lost in the midst.
	lacking, lost map[string]bool
}

func (d *doctor) add(c Check) { d.report.Checks = append(d.report.Checks, c) }

// failed adds a check that could not be made, unless why has been told of the
// database. It returns whether err was one.
func (d *doctor) failed(database, name string, err error) bool {
	if err == nil {
		return false
	}
	code := ""
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		code = pg.Code
	}
	if code == "42501" && d.lacking[database] || d.lost[database] {
		return true
	}
	advice := "see whether the server's log says more"
	if code == "" || strings.HasPrefix(code, "57P") {
		d.lost[database] = true // and its connection
		advice += "; what could not be checked after that either is not listed: examine it again"
	}
	d.add(Check{database, name, Problem, "could not be checked: " + oneLine(postgres.Described(err)), advice, nil})
	return true
}

func (d *doctor) examine(ctx context.Context, name, url, replicaURL string, sides []inspect.Side) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn := d.connect(ctx, name, url)
	if conn != nil {
		defer hangUp(conn)
		d.server(ctx, name, conn)
		d.settings(ctx, name, url, sides)
		d.tables(ctx, name, conn, sides)
		d.content(ctx, name, conn, sides)
		d.indexes(ctx, name, conn, sides)
		d.copyIndexes(ctx, name, conn, sides)
		if slices.Contains(sides, inspect.Fusillade) {
			d.filterIndexes(ctx, name, conn, sides)
			d.statistics(ctx, name, conn)
			d.moments(ctx, name, conn)
			d.vacuum(ctx, name, conn)
			d.guard(ctx, name, conn)
		}
		if slices.Contains(sides, inspect.Main) {
			d.ledger(ctx, name, conn)
		}
		d.clock(ctx, name, conn)
		d.connections(ctx, name, conn, sides)
		d.migrations(ctx, name, conn, sides)
		if len(sides) == 1 && sides[0] == inspect.Main {
			d.outOfReach(ctx, name, conn)
		}
	}
	if replicaURL == "" {
		return
	}
	replicaName := name + " replica"
	replica := d.connect(ctx, replicaName, replicaURL)
	if replica == nil {
		return
	}
	defer hangUp(replica)
	d.settings(ctx, replicaName, replicaURL, sides)
	d.tables(ctx, replicaName, replica, sides)
	if conn != nil {
		d.lag(ctx, replicaName, conn, replica)
	}
}

// orphansToLookAt bounds how many raw copies the doctor looks at.
const orphansToLookAt = 20_000

// orphans counts raw copies whose request is gone.
func (d *doctor) orphans(ctx context.Context, name string, db *Databases) {
	const check = "orphaned copies"
	if !d.log {
		return // what is missing has been told
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

func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}

func (d *doctor) connect(ctx context.Context, name, url string) *pgx.Conn {
	const check = "connection"
	begun := time.Now()
	conn, err := connect(ctx, url)
	if err != nil {
		if away, ok := errors.AsType[*postgres.Away](err); ok {
			err = away // without what to do, which comes next
		}
		d.add(Check{name, check, Problem, oneLine(err.Error()), "correct the URL (`lethe config` shows it without its password), or start the server", nil})
		return nil
	}
	c := conn.Config()
	d.add(Check{Database: name, Name: check, Finding: OK,
		Detail: fmt.Sprintf("database %q at %s as role %q, in %s", c.Database, c.Host, c.User, time.Since(begun).Round(time.Millisecond))})
	return conn
}

func (d *doctor) server(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "server version"
	number, text, err := inspect.ServerVersion(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	if number < inspect.MinServerVersion {
		d.add(Check{name, check, Problem, "PostgreSQL " + text, fmt.Sprintf("upgrade it to %d or newer", inspect.MinServerVersion/10000), nil})
		return
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: "PostgreSQL " + text})
}

// settings looks whether sessions have what the service's queries rely on.
func (d *doctor) settings(ctx context.Context, name, url string, sides []inspect.Side) {
	const check = "settings of sessions"
	cfg := postgres.Config{URL: url, MaxConns: 1, ApplicationName: applicationName, PgBouncer: d.cfg.Database.PgBouncer}
	switch {
	case slices.Contains(sides, inspect.Fusillade):
		cfg.SearchPath = searchPath(d.cfg)
	case slices.Contains(sides, inspect.Outlet):
		cfg.SearchPath = []string{d.cfg.Outlet.Schema}
	}
	db, err := postgres.Open(cfg)
	if err != nil {
		d.failed(name, check, err)
		return
	}
	defer db.Close()
	not, err := db.NotTaken(ctx)
	if d.failed(name, check, err) {
		return
	}
	if len(not) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "dates, bytes, numbers and texts come as they are read, whatever the role, the database or the server says"})
		return
	}
	var words, inDatabase []string
	for _, s := range not {
		says := fmt.Sprintf("%s is %q and not %q", s.Name, s.Is, s.Wanted)
		if s.InDatabase() {
			inDatabase = append(inDatabase, says)
		} else {
			words = append(words, says)
		}
	}
	if len(inDatabase) > 0 {
		d.add(Check{name, check, Problem, "sessions have settings that they cannot change themselves: " + strings.Join(inDatabase, ", "),
			"take them from the role, the database or the server: `ALTER ROLE … RESET`, `ALTER DATABASE … RESET` or `ALTER SYSTEM RESET`", nil})
	}
	if len(words) == 0 {
		return
	}
	d.add(Check{name, check, Problem, "what sessions are to begin with is not what they have: " + strings.Join(words, ", "),
		"a pooler in between does not pass it on: set database.pgbouncer to true, and have the pooler ignore none of client_encoding, datestyle, timezone and standard_conforming_strings (ignore_startup_parameters)", nil})
}

// tables looks for tables, columns and the privileges on them.
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

// content looks at the places where responses may be.
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

// ledger looks whether costs can be read where usage records do not tell them.
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

// copyIndexes advises: without these, receipts say what they do not cover.
func (d *doctor) copyIndexes(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "indexes for copies"
	advice, err := inspect.MissingCopyIndexes(ctx, conn, d.schemas, sides...)
	if d.failed(name, check, err) || len(advice) == 0 {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "erasures find the raw copies that a usage record of the request leads to; without the indexes below, they do not look for others"}
	c.Advice = "have them find also those that only the usage record of a step or a header leads to, whether later turns quote what is erased, and in large tables the copies that a person's deleted responses have left: run these one by one as the tables' owner, in no transaction; each makes writing a little slower:"
	for _, a := range advice {
		if a.Former != "" {
			c.Detail += fmt.Sprintf("; index %s of %s is of a form that they no longer use, and is made anew", a.Former, a.Table)
		}
		c.SQL = append(c.SQL, a.Statements...)
	}
	d.add(c)
}

// filterIndexes advises, and finds nothing wrong: lists work without these.
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

// statistics advises, and finds nothing wrong: estimates are labelled as such.
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
		return // which other checks tell of
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

// outOfReach looks for copies of responses in a main database that fusillade is
// not in: an erasure runs in fusillade's.
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

// vacuum looks for what keeps dead rows, and with them what was erased.
func (d *doctor) vacuum(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "vacuum"
	on, err := inspect.Autovacuum(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	holders, err := inspect.Holders(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	if !on {
		d.add(Check{name, check, Warning, "the server does not remove dead rows by itself, so what was erased stays in its files",
			"set autovacuum and track_counts to on, or run `lethe erasures attest` each day", nil})
	}
	held := false
	for _, h := range holders {
		if h.Age > heldToMention || h.Behind > heldTransactionsToMention {
			held = true
			d.add(Check{name, check, Warning, fmt.Sprintf("dead rows of the last %s are held back by %s", count(h.Behind, "transaction"), h.What), h.Advice, nil})
		}
	}
	if on && !held {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "on, and nothing that this role sees holds dead rows back for long"})
	}
}

func (d *doctor) clock(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "clock"
	skew, uncertainty, err := inspect.ClockSkew(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: fmt.Sprintf("%s from ours, give or take %s", skew.Round(time.Millisecond), uncertainty.Round(time.Millisecond))}
	if skew.Abs()-uncertainty > skewToMention {
		c.Finding, c.Advice = Warning, "set both clocks by NTP: sessions end, and lists by time are cut, at the wrong moment"
	}
	d.add(c)
}

func (d *doctor) connections(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	const check = "connections"
	c, err := inspect.ConnectionLimits(ctx, conn)
	if d.failed(name, check, err) {
		return
	}
	want := d.cfg.Database.MaxConns
	if slices.Contains(sides, inspect.Main) || slices.Contains(sides, inspect.Fusillade) {
		want += postgres.KeptConns
	}
	if slices.Contains(sides, inspect.Fusillade) {
		want += jobs.MaxConns
	}
	result := Check{Database: name, Name: check, Finding: OK,
		Detail: fmt.Sprintf("the pools may take %d of %d for this role, %d of the server's are open now", want, c.Limit(), c.Open)}
	switch {
	case want > c.Limit():
		result.Finding, result.Advice = Problem, "lower database.max_conns, or raise max_connections or the role's limit"
	case want+c.Open > c.Max-c.Reserved:
		result.Finding, result.Advice = Warning, "under load the server could run out of them: lower database.max_conns or raise max_connections"
	}
	d.add(result)
}

func (d *doctor) migrations(ctx context.Context, name string, conn *pgx.Conn, sides []inspect.Side) {
	for _, side := range sides {
		if side == inspect.Outlet {
			continue // it has none that are known here
		}
		check, schema, version, known := "dwctl's migrations", "public", inspect.DwctlVersion, int64(inspect.DwctlMigration)
		if side == inspect.Fusillade {
			check, schema, version, known = "fusillade's migrations", d.schemas.Fusillade, inspect.FusilladeVersion, int64(inspect.FusilladeMigration)
		}
		m, err := inspect.UpstreamVersion(ctx, conn, schema, known)
		if d.failed(name, check, err) {
			continue
		}
		c := Check{Database: name, Name: check, Finding: OK}
		switch m.Age {
		case inspect.NoMigrations:
			c.Detail = "none recorded: the tables are Lethe's own, or come from elsewhere"
		case inspect.Unreadable:
			c.Finding, c.Detail = Warning, "the role may not read which were applied, so nobody can tell whether the tables are of a version that Lethe knows: it was built against "+version
			c.Advice = fmt.Sprintf("have the tables' owner run what `lethe doctor --grants --role %s` prints", conn.Config().User)
		case inspect.Known:
			c.Detail = fmt.Sprintf("%d, of version %s, which Lethe was built against", m.Newest, version)
		default:
			c.Finding = Warning
			c.Detail = fmt.Sprintf("%d is %s than %d of version %s, which Lethe was built against", m.Newest, m.Age, known, version)
			c.Advice = "if tables and columns are found all there, reading is safe; try an erasure on a copy before relying on it"
			if m.Age == inspect.Newer {
				c.Advice += "; `lethe erasures search --sample 20`, as the database's owner, finds the places of content that an erasure would miss"
			}
		}
		if len(m.Failed) > 0 {
			c.Finding = Warning
			c.Detail += fmt.Sprintf("; begun and not finished: %v", m.Failed)
			c.Advice = "let the system that owns the tables finish its migrations"
		}
		d.add(c)
	}
}

func (d *doctor) lag(ctx context.Context, name string, primary, replica *pgx.Conn) {
	const check = "lag"
	lag, err := inspect.ReplicaLag(ctx, primary, replica)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: fmt.Sprintf("%s behind, newest change applied %s ago", count(lag.Bytes, "byte"), lag.Since.Round(time.Millisecond))}
	if lag.Bytes == 0 {
		c.Detail = "none"
	}
	switch {
	case !lag.InRecovery:
		c.Finding, c.Detail = Warning, "this is no replica but a primary"
		c.Advice = "correct the replica's URL, unless it is a copy of another kind: what is erased must be gone there too"
	case lag.Bytes > lagBytesToMention || lag.Bytes > 0 && lag.Since > lagToMention:
		c.Finding, c.Advice = Warning, "lists show what was; see what keeps the replica, or read from the primary for now"
	}
	d.add(c)
}

// Grants writes the least privileges that role needs, on the tables and columns
// that are there, as a script for psql: a transaction for each database, which ends
// at the first error. What is not there is told in the script and to progress. A script that was
// cut off commits nothing of the database that it ends in.
func Grants(ctx context.Context, cfg *Config, role string, out, progress io.Writer) (err error) {
	if err := checkRole(role); err != nil {
		return err
	}
	db, err := OpenDatabases(ctx, cfg, progress)
	if err != nil {
		return err
	}
	defer closing(db, &err)

	var lacking []string
	var b strings.Builder
	fmt.Fprintf(&b, "-- The least that role %s needs. Create it first, if it is not there, which takes CREATEROLE or a superuser:\n--   CREATE ROLE %[1]s LOGIN PASSWORD '...';\n-- Then have psql run this as the owner of the tables: a transaction for each database, which fits the\n-- tables that were there. It stops at the first error, and exits with 3.\n%s",
		pgx.Identifier{role}.Sanitize(), endAtErrors)
	write := func(url string, sides ...inspect.Side) error {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		conn, err := connect(ctx, url)
		if err != nil {
			return err
		}
		defer hangUp(conn)
		wanted := inspect.Requirements(db.schemas, sides...)
		missing, err := inspect.MissingTables(ctx, conn, wanted)
		if err != nil {
			return err
		}
		present, err := inspect.Present(ctx, conn, wanted)
		if err != nil {
			return err
		}
		if present, err = inspect.Fitting(ctx, conn, present); err != nil {
			return err
		}
		wishes, err := inspect.PresentWishes(ctx, conn, db.schemas, sides...)
		if err != nil {
			return err
		}
		present = append(present, wishes...)
		c := conn.Config()
		lacking = append(lacking, missing...)
		for _, what := range missing {
			fmt.Fprintf(&b, "-- Nothing is granted on what is not there: %s.\n", oneLine(what))
		}
		if db.apart() || db.OutletURL != "" {
			fmt.Fprintf(&b, "\\connect -reuse-previous=on %s %s %s %d\n", psqlWord(c.Database), "-", psqlWord(c.Host), c.Port)
		} else {
			fmt.Fprintf(&b, "-- In database %s:\n", pgx.Identifier{c.Database}.Sanitize())
		}
		main, others := inspect.Grants(role, present)
		writeTransaction(&b, append(main, others...))
		return nil
	}
	if !db.apart() {
		err = write(db.MainURL, inspect.Main, inspect.Fusillade)
	} else if err = write(db.MainURL, inspect.Main); err == nil {
		err = write(db.FusilladeURL, inspect.Fusillade)
	}
	if err == nil && db.OutletURL != "" {
		err = write(db.OutletURL, inspect.Outlet)
	}
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		_, _ = fmt.Fprintf(progress, "What is printed is not all that the role needs: %s. Run `lethe migrate up` for what is Lethe's own, correct the names of schemas, and print it again\n", firstOf(lacking))
	}
	_, err = io.WriteString(out, b.String())
	return err
}

// checkRole refuses what cannot name a role.
func checkRole(role string) error {
	if role == "" || len(role) > 63 || strings.ContainsFunc(role, unicode.IsControl) {
		return errors.New("--role must be the name of a role: 1 to 63 bytes, no line breaks")
	}
	return nil
}

// endAtErrors has psql end at the first error, with 3.
const endAtErrors = "\\set ON_ERROR_STOP on\n"

// writeTransaction writes statements for psql that are done all or not at all.
func writeTransaction(b *strings.Builder, statements []string) {
	b.WriteString("BEGIN;\n")
	for _, statement := range statements {
		b.WriteString(statement + ";\n")
	}
	b.WriteString("COMMIT;\n")
}

// psqlWord quotes an argument of one of psql's backslash commands.
func psqlWord(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// oneLine makes an error's text fit on a line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
