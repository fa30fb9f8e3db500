package migrate_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/migrate"
	"lethe/internal/pgtest"
)

func TestUpCreatesEverySetOnce(t *testing.T) {
	t.Parallel()
	ctx, dbURL := t.Context(), pgtest.Empty(t).URL
	db := connect(t, dbURL)
	target := migrate.Target{MainURL: dbURL}

	empty := snapshot(t, db)
	before, err := migrate.Status(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, before, "main pending", "fusillade pending", "outlet pending", "underway pending", "lethe pending", "river pending")
	if after := snapshot(t, db); after != empty {
		t.Error("Status changed something")
	}

	first, err := migrate.Up(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, first, "main created", "fusillade created", "outlet created", "underway created", "lethe created", "river created")
	for _, s := range first {
		if s.Version < 1 || s.Version != s.Latest || len(s.Missing) != 0 || s.Database == "" || s.Schema == "" {
			t.Errorf("status after Up: %+v", s)
		}
	}

	full := snapshot(t, db)
	second, err := migrate.Up(ctx, target)
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, second, "main current", "fusillade current", "outlet current", "underway current", "lethe current", "river current")
	if after := snapshot(t, db); after != full {
		t.Error("a second Up changed something")
	}
}

func TestUpConcurrently(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	const callers = 5
	results := make([][]migrate.SetStatus, callers)
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { results[i], errs[i] = migrate.Up(t.Context(), migrate.Target{MainURL: dbURL}) })
	}
	wg.Wait()

	created := 0
	for i := range callers {
		if errs[i] != nil {
			t.Errorf("caller %d: %v", i, errs[i])
		}
		for _, s := range results[i] {
			if s.State == migrate.Created {
				created++
			}
		}
	}
	if created != 6 {
		t.Errorf("all callers together created %d sets, want 6", created)
	}
}

func TestUpCancelledWhileWaiting(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	holder := connect(t, dbURL)
	exec(t, holder, "SELECT pg_advisory_lock($1)", int64(0x6c65746865))

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := migrate.Up(ctx, migrate.Target{MainURL: dbURL})
		done <- err
	}()
	for waiting := false; !waiting; {
		if err := holder.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted)`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled context", err)
	}
}

func TestUpInOtherSchemas(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	db := connect(t, dbURL)
	odd := `Queue "of" requests; it's odd`
	target := migrate.Target{MainURL: dbURL, Schemas: migrate.Schemas{Fusillade: odd, Outlet: "raw-copies"}}
	if _, err := migrate.Up(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	for schema, want := range map[string]int{odd: 5, "raw-copies": 4, "underway": 2, "public": 6, "lethe": 5, "fusillade": 0, "outlet": 0} {
		if got := count(t, db, "SELECT count(*) FROM pg_tables WHERE schemaname = $1 AND ($1 <> 'lethe' OR tablename LIKE 'version%')", schema); got != want {
			t.Errorf("schema %s has %d tables, want %d", schema, got, want)
		}
	}

	// The triggers find their functions whatever the search_path is.
	exec(t, db, "INSERT INTO "+pgx.Identifier{odd, "requests"}.Sanitize()+" (model, created_by, updated_at) VALUES ('m', 'u', '2000-01-01')")
	exec(t, db, "UPDATE "+pgx.Identifier{odd, "requests"}.Sanitize()+" SET model = 'n'")
	if got := count(t, db, "SELECT count(*) FROM "+pgx.Identifier{odd, "requests"}.Sanitize()+" WHERE updated_at > '2001-01-01'"); got != 1 {
		t.Error("updated_at was not set")
	}

	// Under another name the set is not found. That must not create a second one.
	target.Schemas.Fusillade = "renamed"
	full := snapshot(t, db)
	st, err := migrate.Up(t.Context(), target)
	wantIncomplete(t, err, "renamed.requests", "schema's name")
	wantStates(t, st, "main current", "fusillade incomplete", "outlet current", "underway current", "lethe current", "river current")
	if after := snapshot(t, db); after != full {
		t.Error("a refused Up changed something")
	}
}

func TestUpSeparateFusillade(t *testing.T) {
	t.Parallel()
	mainURL, fusilladeURL := pgtest.Empty(t).URL, pgtest.Empty(t).URL
	target := migrate.Target{MainURL: mainURL, FusilladeURL: fusilladeURL}
	st, err := migrate.Up(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, st, "main created", "fusillade created", "outlet created", "underway created", "lethe created", "river created")
	if st[1].Database == st[0].Database || st[1].Schema != "public" {
		t.Errorf("fusillade is in database %s, schema %s", st[1].Database, st[1].Schema)
	}
	main, fusillade := connect(t, mainURL), connect(t, fusilladeURL)
	if n := count(t, main, "SELECT count(*) FROM pg_class WHERE relname = 'requests'"); n != 0 {
		t.Error("the main database has the table of requests")
	}
	if n := count(t, fusillade, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != 5 {
		t.Errorf("the fusillade database has %d tables, want 5", n)
	}
	// The log of erasures is in the database of the erasures.
	for db, want := range map[*pgx.Conn]int{main: 0, fusillade: 1} {
		if n := count(t, db, "SELECT count(*) FROM pg_tables WHERE schemaname = 'lethe' AND tablename = 'receipts'"); n != want {
			t.Errorf("got %d tables of receipts, want %d", n, want)
		}
	}
	if st, err = migrate.Up(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	wantStates(t, st, "main current", "fusillade current", "outlet current", "underway current", "lethe current", "river current")
}

func TestUpTwoURLsOfOneDatabase(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	st, err := migrate.Up(t.Context(), migrate.Target{MainURL: dbURL, FusilladeURL: withParam(t, dbURL, "application_name", "other")})
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, st, "main created", "fusillade created", "outlet created", "underway created", "lethe created", "river created")
	if st[1].Schema != "fusillade" || st[1].Database != st[0].Database {
		t.Errorf("fusillade is in database %s, schema %s", st[1].Database, st[1].Schema)
	}
}

func TestUpResumesAfterInterruption(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	db := connect(t, dbURL)
	exec(t, db, `CREATE SCHEMA lethe;
		CREATE TABLE lethe.version_main (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
			version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
		INSERT INTO lethe.version_main (version_id, is_applied) VALUES (0, true)`)
	st, err := migrate.Up(t.Context(), migrate.Target{MainURL: dbURL})
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, st, "main created", "fusillade created", "outlet created", "underway created", "lethe created", "river created")
}

// TestUpPreReleaseTables: tables from before the first release are refused,
// with how to start anew, and do not change.
func TestUpPreReleaseTables(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	db := connect(t, dbURL)
	exec(t, db, `CREATE SCHEMA lethe; CREATE TABLE lethe.looks (id uuid)`)
	st, err := migrate.Up(t.Context(), migrate.Target{MainURL: dbURL})
	if err == nil || !strings.Contains(err.Error(), "start anew") || !strings.Contains(err.Error(), "DROP SCHEMA lethe CASCADE") {
		t.Errorf("got %v, want an error that says how to start anew", err)
	}
	wantStates(t, st, "main pending", "fusillade pending", "outlet pending", "underway pending", "lethe former", "river pending")
	exec(t, db, `DROP SCHEMA lethe CASCADE`)
	if st, err = migrate.Up(t.Context(), migrate.Target{MainURL: dbURL}); err != nil {
		t.Fatal(err)
	}
	wantStates(t, st, "main created", "fusillade created", "outlet created", "underway created", "lethe created", "river created")
}

// TestUpForeignDatabases makes databases of other systems with our own
// tables, but without the record of who created them.
func TestUpForeignDatabases(t *testing.T) {
	t.Parallel()
	const disown = "DROP SCHEMA lethe CASCADE; CREATE TABLE public._sqlx_migrations (version bigint);"
	noMain := "DROP TABLE public.credits_transactions, public.http_analytics, public.api_keys, public.user_organizations, public.user_roles, public.users;"
	for name, tc := range map[string]struct {
		change string
		states []string
		errors []string // empty: no error
	}{
		"complete": {disown,
			[]string{"main foreign", "fusillade foreign", "outlet foreign", "underway foreign", "lethe created", "river created"}, nil},
		"no copies": {disown + "DROP SCHEMA outlet CASCADE; DROP SCHEMA underway CASCADE",
			[]string{"main foreign", "fusillade foreign", "outlet absent", "underway absent", "lethe created", "river created"}, nil},
		"no fusillade": {disown + "DROP SCHEMA fusillade CASCADE",
			[]string{"main foreign", "fusillade absent", "outlet foreign", "underway foreign", "lethe pending", "river pending"},
			[]string{"fusillade.requests", "another system", "names of the schemas"}},
		"only fusillade": {disown + noMain + "DROP SCHEMA outlet CASCADE; DROP SCHEMA underway CASCADE",
			[]string{"main absent", "fusillade foreign", "outlet absent", "underway absent", "lethe pending", "river pending"},
			[]string{"public.users", "another system", "database URLs"}},
		"main incomplete": {disown + "DROP TABLE public.http_analytics, public.user_roles",
			[]string{"main incomplete", "fusillade foreign", "outlet foreign", "underway foreign", "lethe pending", "river pending"},
			[]string{"public.http_analytics", "public.user_roles", "migrations of the system that owns them"}},
		"unrelated users table": {disown + strings.Replace(noMain, ", public.users", "", 1) + "DROP SCHEMA fusillade CASCADE; DROP SCHEMA outlet CASCADE; DROP SCHEMA underway CASCADE",
			[]string{"main incomplete", "fusillade pending", "outlet pending", "underway pending", "lethe pending", "river pending"},
			[]string{"public.api_keys", "empty database"}},
		"our own, table lost": {"DROP TABLE fusillade.response_steps",
			[]string{"main current", "fusillade incomplete", "outlet current", "underway current", "lethe current", "river current"},
			[]string{"fusillade.response_steps", "lethe.version_fusillade", "backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dbURL := pgtest.New(t).URL
			db := connect(t, dbURL)
			exec(t, db, tc.change)
			before := snapshot(t, db)

			st, err := migrate.Up(t.Context(), migrate.Target{MainURL: dbURL})
			if len(tc.errors) == 0 && err != nil {
				t.Fatal(err)
			}
			if len(tc.errors) > 0 {
				wantIncomplete(t, err, tc.errors...)
			}
			wantStates(t, st, tc.states...)
			if err == nil {
				exec(t, db, "DROP SCHEMA lethe CASCADE") // our schema beside theirs, the only new one
			}
			if after := snapshot(t, db); after != before {
				t.Errorf("Up changed something:\n%s", firstDifference(before, after))
			}
		})
	}
}

func TestUpForeignMainEmptyFusillade(t *testing.T) {
	t.Parallel()
	mainURL, fusilladeURL := pgtest.New(t).URL, pgtest.Empty(t).URL
	exec(t, connect(t, mainURL), "DROP SCHEMA lethe CASCADE")
	st, err := migrate.Up(t.Context(), migrate.Target{MainURL: mainURL, FusilladeURL: fusilladeURL})
	wantIncomplete(t, err, "public.requests")
	wantStates(t, st, "main foreign", "fusillade absent", "outlet foreign", "underway foreign", "lethe pending", "river pending")
	if n := count(t, connect(t, fusilladeURL), "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"); n != 0 {
		t.Errorf("%d tables were created, want none", n)
	}
}

func TestUpForeignSeparateFusillade(t *testing.T) {
	t.Parallel()
	mainURL, fusilladeURL := pgtest.Empty(t).URL, pgtest.Empty(t).URL
	target := migrate.Target{MainURL: mainURL, FusilladeURL: fusilladeURL}
	if _, err := migrate.Up(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	main := connect(t, mainURL)
	exec(t, connect(t, fusilladeURL), "DROP SCHEMA lethe CASCADE")
	exec(t, main, "DROP SCHEMA lethe CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA outlet CASCADE; DROP SCHEMA underway CASCADE")
	st, err := migrate.Up(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, st, "main created", "fusillade foreign", "outlet created", "underway created", "lethe created", "river created")
}

func TestErrorsNameDatabase(t *testing.T) {
	t.Parallel()
	dbURL := pgtest.Empty(t).URL
	nowhere := "postgres://someone:hunter2@127.0.0.1:1/none?connect_timeout=2"
	for name, tc := range map[string]struct {
		target migrate.Target
		want   string
	}{
		"no URL":                {migrate.Target{}, "no database URL"},
		"main unreachable":      {migrate.Target{MainURL: nowhere}, "main database"},
		"fusillade unreachable": {migrate.Target{MainURL: dbURL, FusilladeURL: nowhere}, "fusillade database"},
		"no privilege": {migrate.Target{MainURL: withParam(t, dbURL, "role", "pg_monitor")},
			"set main"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := migrate.Up(t.Context(), tc.target)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error about %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error contains the password: %v", err)
			}
		})
	}
	if _, err := migrate.Status(t.Context(), migrate.Target{}); err == nil {
		t.Error("Status without a URL: got no error")
	}
}

func connect(t *testing.T, dbURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dbURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, db *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func count(t *testing.T, db *pgx.Conn, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := db.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// snapshot describes every object that does not belong to the server.
func snapshot(t *testing.T, db *pgx.Conn) string {
	t.Helper()
	var s string
	err := db.QueryRow(t.Context(), `
		WITH s AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
		     c AS (SELECT c.* FROM pg_class c JOIN s ON s.oid = c.relnamespace)
		SELECT coalesce(string_agg(line, E'\n' ORDER BY line), '') FROM (
			SELECT 'schema ' || nspname || ' ' || oid FROM s
			UNION ALL SELECT 'relation ' || relname || relkind::text || ' ' || oid || ' ' || relfilenode || ' ' || coalesce(relacl::text, '') FROM c
			UNION ALL SELECT 'column ' || c.relname || '.' || a.attname || ' ' || a.attnum || format_type(a.atttypid, a.atttypmod) || a.attnotnull
				|| coalesce(pg_get_expr(d.adbin, d.adrelid), '')
				FROM c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
			UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) || i.indisvalid FROM c JOIN pg_index i ON i.indrelid = c.oid
			UNION ALL SELECT 'constraint ' || o.conname || ' ' || pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN s ON s.oid = o.connamespace
			UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM c JOIN pg_trigger g ON g.tgrelid = c.oid
			UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p JOIN s ON s.oid = p.pronamespace WHERE p.prokind = 'f'
			UNION ALL SELECT 'type ' || y.typname || ' ' || y.oid FROM pg_type y JOIN s ON s.oid = y.typnamespace
			UNION ALL SELECT 'rows of ' || relname || ' ' || (xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', nspname, relname), false, true, '')))[1]
				FROM c JOIN s ON s.oid = c.relnamespace WHERE relkind IN ('r', 'p')
		) AS lines (line)`).Scan(&s)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func firstDifference(before, after string) string {
	had := strings.Split(before, "\n")
	for line := range strings.SplitSeq(after, "\n") {
		if !slices.Contains(had, line) {
			return line
		}
	}
	return "something was removed"
}

func wantStates(t *testing.T, got []migrate.SetStatus, want ...string) {
	t.Helper()
	var states []string
	for _, s := range got {
		states = append(states, s.Set+" "+string(s.State))
	}
	if !slices.Equal(states, want) {
		t.Errorf("got states %q, want %q", states, want)
	}
}

func wantIncomplete(t *testing.T, err error, parts ...string) {
	t.Helper()
	var incomplete *migrate.IncompleteError
	if !errors.As(err, &incomplete) {
		t.Fatalf("got %v, want an IncompleteError", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("want %q in the error, got %v", part, err)
		}
	}
}

func withParam(t *testing.T, dbURL, key, value string) string {
	t.Helper()
	u, err := url.Parse(dbURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(key, value)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

func TestStatusServiceRole(t *testing.T) {
	t.Parallel()
	_, err := migrate.Status(t.Context(), migrate.Target{MainURL: pgtest.New(t).RoleURL})
	if err == nil || !strings.Contains(err.Error(), "use the URL of the role that owns the tables") {
		t.Errorf("got %v, want advice to use the owner's URL", err)
	}
}
