package ops_test

import (
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

func TestDoctorLeastPrivilegedRole(t *testing.T) {
	t.Parallel()
	report := apptest.Examine(t, "LETHE_DATABASE_URL="+pgtest.WithFixture(t).RoleURL)
	if bad := append(apptest.Found(report, ops.Problem), apptest.Found(report, ops.Warning)...); len(bad) > 0 {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
	if len(report.Checks) < 8 {
		t.Errorf("doctor: want 8 checks or more, got %d:\n%s", len(report.Checks), apptest.Text(t, report))
	}
	var b strings.Builder
	if err := report.Write(&b, true); err != nil {
		t.Fatal(err)
	}
	var again ops.Report
	if err := json.Unmarshal([]byte(b.String()), &again); err != nil || len(again.Checks) != len(report.Checks) {
		t.Errorf("report as JSON: want %d checks, got %v in %s", len(report.Checks), err, &b)
	}
}

func TestDoctorIndexes(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, "DROP INDEX fusillade.idx_requests_user_active_sort; DROP INDEX public.http_analytics_fusillade_request_id_idx")
	report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL)
	warnings := apptest.Found(report, ops.Warning)
	if len(warnings) != 2 || report.Problems() != 0 {
		t.Fatalf("doctor: got\n%s", apptest.Text(t, report))
	}
	for _, w := range warnings {
		for _, statement := range w.SQL {
			if !strings.Contains(apptest.Text(t, report), statement+";\n") || !strings.HasPrefix(statement, "CREATE INDEX CONCURRENTLY") {
				t.Errorf("want the statement printed: %q", statement)
			}
			apptest.Exec(t, database.URL, statement)
		}
	}
	if report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL); len(apptest.Found(report, ops.Warning)) != 0 {
		t.Errorf("doctor, with the indexes: want no warning, got\n%s", apptest.Text(t, report))
	}
}

// TestDoctorStatistics: advice about statistics is not a problem, and is gone once it
// has been followed.
func TestDoctorStatistics(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	statistics := func() ops.Check {
		t.Helper()
		c := apptest.Named(t, apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL), "statistics")
		if c.Finding != ops.OK {
			t.Fatalf("statistics: got %+v, want %s", c, ops.OK)
		}
		return c
	}
	missing := statistics()
	if len(missing.SQL) != 5 || missing.Advice == "" {
		t.Errorf("without statistics: want advice with 5 statements, got %q with %q", missing.Advice, missing.SQL)
	}
	for _, statement := range missing.SQL {
		apptest.Exec(t, database.URL, statement)
	}
	if there := statistics(); len(there.SQL) != 0 || there.Advice != "" {
		t.Errorf("with statistics: want no advice, got %q with %q", there.Advice, there.SQL)
	}
}

// TestDoctorTimes: times that cannot be shown are named, but are not a problem.
func TestDoctorTimes(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	times := func() ops.Check {
		t.Helper()
		return apptest.Named(t, apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL), "times")
	}
	apptest.Exec(t, database.URL, `INSERT INTO fusillade.requests (id, state, model, created_by, canceled_at) VALUES (gen_random_uuid(), 'canceled', 'm', 'o', now())`)
	if c := times(); c.Finding != ops.OK {
		t.Errorf("times that can be shown: want ok, got %+v", c)
	}
	apptest.Exec(t, database.URL, `INSERT INTO fusillade.requests (id, state, model, created_by, created_at, started_at, canceled_at) VALUES
		('00000000-0000-4000-8000-000000000001', 'canceled', 'm', 'o', 'infinity', NULL, now()),
		('00000000-0000-4000-8000-000000000002', 'canceled', 'm', 'o', '0001-01-01 00:00+00 BC', NULL, now()),
		('00000000-0000-4000-8000-000000000003', 'canceled', 'm', 'o', now(), '-infinity', now())`)
	if c := times(); c.Finding != ops.Warning || !strings.HasPrefix(c.Detail, "3 responses ") || !strings.Contains(c.Detail, "00000000-0000-4000-8000-000000000003") {
		t.Errorf("three times that cannot be shown: want a warning that names them, got %+v", c)
	}
	apptest.Exec(t, database.URL, `INSERT INTO fusillade.requests (id, state, model, created_by, created_at, canceled_at)
		SELECT gen_random_uuid(), 'canceled', 'm', 'o', '-infinity', now() FROM generate_series(1, 200)`)
	if c := times(); c.Finding != ops.Warning || !strings.HasPrefix(c.Detail, "100 responses or more ") {
		t.Errorf("200 times that cannot be shown: want a warning of 100 or more, got %+v", c)
	}
}

func TestDoctorProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql, want string
	}{
		"missing column":    {"ALTER TABLE fusillade.requests DROP COLUMN service_tier CASCADE", "column fusillade.requests.service_tier is missing"},
		"missing table":     {"DROP TABLE public.user_roles", "table public.user_roles is missing"},
		"missing privilege": {"REVOKE ALL ON fusillade.requests FROM PUBLIC, current_user", "DELETE on fusillade.requests"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			role := database.RoleURL
			if parsed, err := url.Parse(role); err != nil {
				t.Fatal(err)
			} else {
				c.sql = strings.ReplaceAll(c.sql, "current_user", `"`+parsed.User.Username()+`"`)
			}
			apptest.Exec(t, database.URL, c.sql)
			report := apptest.Examine(t, "LETHE_DATABASE_URL="+role)
			if report.Problems() != 1 || !strings.Contains(apptest.Found(report, ops.Problem)[0].Detail, c.want) {
				t.Errorf("doctor: got\n%s", apptest.Text(t, report))
			}
			if apptest.Found(report, ops.Problem)[0].Advice == "" {
				t.Error("problem: want advice, got none")
			}
		})
	}
}

func TestDoctorNoDatabase(t *testing.T) {
	t.Parallel()
	report := apptest.Examine(t, "LETHE_DATABASE_URL=postgres://u:hunter2hunter2@127.0.0.1:1/d?connect_timeout=2")
	if report.Problems() != 1 || len(report.Checks) != 2 { // there is a key
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
	if strings.Contains(apptest.Text(t, report), "hunter2hunter2") {
		t.Errorf("want no password in the report, got\n%s", apptest.Text(t, report))
	}
}

// TestDoctorReplica uses another connection to the primary as the replica.
func TestDoctorReplica(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL, "LETHE_DATABASE_REPLICA_URL="+database.RoleURL)
	warnings := apptest.Found(report, ops.Warning)
	if len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "a primary, not a replica") {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
	gone := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL, "LETHE_DATABASE_REPLICA_URL=postgres://u@127.0.0.1:1/d")
	if problems := apptest.Found(gone, ops.Problem); len(problems) != 1 || problems[0].Database != "main replica" {
		t.Errorf("doctor: got\n%s", apptest.Text(t, gone))
	}
}

func TestDoctorTooManyConnections(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL, "LETHE_DATABASE_MAX_CONNS=1000")
	if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || problems[0].Name != "connections" {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
}

// TestDoctorCopiesInOtherDatabase: fusillade is in one database, and the copies are in
// the other.
func TestDoctorCopiesInOtherDatabase(t *testing.T) {
	t.Parallel()
	main, fusillade := pgtest.New(t), pgtest.New(t)
	environ := []string{
		"LETHE_DATABASE_URL=" + main.RoleURL, "LETHE_FUSILLADE_DATABASE_URL=" + fusillade.RoleURL,
		"LETHE_FUSILLADE_SCHEMA=fusillade", "LETHE_OUTLET_SCHEMA=outlet",
	}
	if report := apptest.Examine(t, environ...); len(apptest.Found(report, ops.Warning))+report.Problems() != 0 {
		t.Errorf("no copies: want no finding, got\n%s", apptest.Text(t, report))
	}
	apptest.Exec(t, main.URL, `INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		VALUES (gen_random_uuid(), 1, now(), 'POST', '/', '{}')`)
	report := apptest.Examine(t, environ...)
	if warnings := apptest.Found(report, ops.Warning); len(warnings) != 1 || !strings.HasPrefix(warnings[0].Detail, "outlet.http_requests may hold") {
		t.Errorf("copy in this database: want one warning, got\n%s", apptest.Text(t, report))
	}
	report = apptest.Examine(t, append(environ, "LETHE_OUTLET_DATABASE_URL="+main.RoleURL)...)
	if len(apptest.Found(report, ops.Warning))+report.Problems() != 0 || !strings.Contains(apptest.Text(t, report), "ok       outlet, privileges") {
		t.Errorf("outlet configured: want no finding, got\n%s", apptest.Text(t, report))
	}
	report = apptest.Examine(t, append(environ, "LETHE_OUTLET_DATABASE_URL="+main.RoleURL, "LETHE_OUTLET_SCHEMA=elsewhere")...)
	if report.Problems() == 0 {
		t.Errorf("outlet misconfigured: want a problem, got\n%s", apptest.Text(t, report))
	}
}

// TestGrants grants a new role what is printed, which is then all it needs.
func TestGrants(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	role := `le"the; ` + database.Name // roles belong to the whole server
	quoted := pgx.Identifier{role}.Sanitize()
	parsed, err := url.Parse(database.URL)
	if err != nil {
		t.Fatal(err)
	}
	apptest.Exec(t, database.URL, "CREATE ROLE "+quoted+" LOGIN PASSWORD 'x'")
	t.Cleanup(func() {
		apptest.Exec(t, database.URL, "DROP OWNED BY "+quoted+"; DROP ROLE "+quoted)
	})
	parsed.User = url.UserPassword(role, "x")
	environ := []string{"LETHE_DATABASE_URL=" + parsed.String()}
	if report := apptest.Examine(t, environ...); report.Problems() == 0 {
		t.Errorf("role without grants: want a problem, got\n%s", apptest.Text(t, report))
	}

	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=" + database.URL}})
	if err != nil {
		t.Fatal(err)
	}
	var sql strings.Builder
	if err := ops.Grants(t.Context(), cfg, role, &sql, io.Discard); err != nil {
		t.Fatal(err)
	}
	statements, found := strings.CutPrefix(sql.String()[strings.Index(sql.String(), `\`):], "\\set ON_ERROR_STOP on\n")
	if !found || strings.Contains(statements, `\`) {
		t.Fatalf("got\n%s", &sql)
	}
	apptest.Exec(t, database.URL, statements)
	if report := apptest.Examine(t, environ...); report.Problems() > 0 {
		t.Errorf("after the grants\n%s\nwant no problem, got\n%s", &sql, apptest.Text(t, report))
	}
	if strings.Contains(sql.String(), "api_key,") || regexp.MustCompile(`INSERT[^;]* ON "(public|fusillade|outlet|underway)"`).MatchString(sql.String()) {
		t.Errorf("want no unneeded grant, got\n%s", &sql)
	}
}

// TestGrantsMissingTables: missing tables are named and do not prevent the other
// grants.
func TestGrantsMissingTables(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, `ALTER TABLE public.http_analytics DROP COLUMN response_step_id; ALTER TABLE fusillade.requests DROP COLUMN service_tier CASCADE;
		DROP TABLE lethe.cosignatures, underway.task CASCADE`)
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=" + database.URL}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	role := u.User.Username()
	apptest.Exec(t, database.URL, "REVOKE ALL ON public.http_analytics, fusillade.requests FROM "+pgx.Identifier{role}.Sanitize())
	var sql, said strings.Builder
	if err := ops.Grants(t.Context(), cfg, role, &sql, &said); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"which takes CREATEROLE or a superuser", "-- Missing, so nothing is granted on it: column public.http_analytics.response_step_id is missing.",
		"column fusillade.requests.service_tier is missing", "table lethe.cosignatures is missing",
	} {
		if !strings.Contains(sql.String(), want) {
			t.Errorf("%q is not in\n%s", want, &sql)
		}
	}
	if !strings.Contains(said.String(), "grants are incomplete") || strings.Count(sql.String(), "\nBEGIN;\n") != 1 {
		t.Errorf("missing tables: want them reported and one transaction, got %q and\n%s", &said, &sql)
	}
	apptest.Exec(t, database.URL, sql.String()[strings.Index(sql.String(), "BEGIN;"):])
	var granted bool
	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	err = conn.QueryRow(t.Context(), "SELECT has_column_privilege($1, 'public.http_analytics', 'total_cost', 'SELECT') AND has_table_privilege($1, 'fusillade.requests', 'DELETE')", role).Scan(&granted)
	if err != nil || !granted {
		t.Errorf("existing tables: want them granted, got %v", err)
	}
}

// TestDoctorUnreadableMigrations: migrations that the role cannot read are not "ok";
// with the printed grants, doctor names the versions.
func TestDoctorUnreadableMigrations(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, `CREATE TABLE public._sqlx_migrations (version bigint, description text, success boolean, checksum bytea);
		CREATE TABLE fusillade._sqlx_migrations (LIKE public._sqlx_migrations);
		INSERT INTO public._sqlx_migrations VALUES (99999999999999, 'x', true, '');
		INSERT INTO fusillade._sqlx_migrations VALUES (20260507000000, 'x', true, '')`)
	migrations := func() (dwctl, fusillade ops.Check) {
		t.Helper()
		for _, c := range apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL).Checks {
			switch c.Name {
			case "dwctl's migrations":
				dwctl = c
			case "fusillade's migrations":
				fusillade = c
			}
		}
		return dwctl, fusillade
	}
	dwctl, fusillade := migrations()
	for _, c := range []ops.Check{dwctl, fusillade} {
		if c.Finding != ops.Warning || !strings.Contains(c.Detail, "may not read") || !strings.Contains(c.Advice, "lethe doctor --grants") {
			t.Errorf("before the grants: want a warning, got %+v", c)
		}
	}
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=" + database.URL}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	var sql strings.Builder
	if err := ops.Grants(t.Context(), cfg, u.User.Username(), &sql, io.Discard); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(sql.String(), "checksum") {
		t.Errorf("want no unneeded grant, got\n%s", &sql)
	}
	apptest.Exec(t, database.URL, sql.String()[strings.Index(sql.String(), "BEGIN;"):])
	if dwctl, fusillade = migrations(); dwctl.Finding != ops.Warning || !strings.Contains(dwctl.Detail, "is newer than") || fusillade.Finding != ops.OK {
		t.Errorf("after the grants: want a warning of a newer dwctl and fusillade ok, got %+v, %+v", dwctl, fusillade)
	}
}

// TestGrantsSeparateDatabases: each database gets its own part.
func TestGrantsSeparateDatabases(t *testing.T) {
	t.Parallel()
	main, fusillade, outlet := pgtest.New(t), pgtest.New(t), pgtest.New(t)
	cfg, err := config.Load(config.Sources{Environ: []string{
		"LETHE_DATABASE_URL=" + main.URL, "LETHE_FUSILLADE_DATABASE_URL=" + fusillade.URL, "LETHE_FUSILLADE_SCHEMA=fusillade",
		"LETHE_OUTLET_DATABASE_URL=" + outlet.URL, "LETHE_OUTLET_SCHEMA=outlet",
	}})
	if err != nil {
		t.Fatal(err)
	}
	var sql strings.Builder
	if err := ops.Grants(t.Context(), cfg, "lethe", &sql, io.Discard); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(sql.String(), `\connect`)
	for i, part := range parts {
		if want := min(i, 1); strings.Count(part, "\nBEGIN;\n") != want || strings.Count(part, "\nCOMMIT;\n") != want {
			t.Errorf("want one transaction for each part, got\n%s", part)
		}
	}
	if len(parts) != 4 || !strings.Contains(parts[3], outlet.Name) || strings.Count(parts[3], "GRANT SELECT") != 2 ||
		!strings.Contains(parts[3], `"outlet"."http_requests"`) || strings.Contains(parts[2], `"outlet"`) ||
		!strings.Contains(parts[1], main.Name) || !strings.Contains(parts[2], fusillade.Name) ||
		!strings.Contains(parts[1], `"public"."users"`) || strings.Contains(parts[1], `"fusillade"`) ||
		!strings.Contains(parts[2], `"fusillade"."requests"`) || strings.Contains(parts[2], `"public"."users"`) {
		t.Errorf("got\n%s", &sql)
	}
}

// TestDoctorOptionalTable: a table that is absent and not needed is not reported as
// missing.
func TestDoctorOptionalTable(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]string{"the fixture": pgtest.WithFixture(t).URL, "its own": pgtest.New(t).URL} {
		report := apptest.Examine(t, "LETHE_DATABASE_URL="+database)
		for _, check := range apptest.Found(report, ops.OK) {
			for _, word := range []string{"not there", "missing", "lack", "are not"} {
				if strings.Contains(check.Detail, word) {
					t.Errorf("%s: ok: want no mention of a missing table, got %q", name, check.Detail)
				}
			}
		}
	}
}

// TestPrintGuard: the printed guard can be installed, and doctor recognizes it;
// printing changes nothing, and no useless guard is printed.
func TestPrintGuard(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	role, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	name := role.User.Username()
	print := func(environ string, remove bool, roles ...string) (string, error) {
		cfg, err := config.Load(config.Sources{Environ: []string{environ}})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		err = ops.PrintGuard(t.Context(), cfg, roles, remove, &b, io.Discard)
		return b.String(), err
	}
	apply := func(remove bool) {
		t.Helper()
		sql, err := print("LETHE_DATABASE_URL="+database.URL, remove, name)
		if err != nil {
			t.Fatal(err)
		}
		apptest.Exec(t, database.URL, strings.Replace(sql, "\\set ON_ERROR_STOP on\n", "", 1))
	}
	doctor := func(finding ops.Finding, words string) {
		t.Helper()
		c := apptest.Named(t, apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL), "guard of holds")
		if c.Finding != finding || !strings.Contains(c.Detail, words) {
			t.Errorf("guard of holds: got %+v, want %s with %q", c, finding, words)
		}
	}
	if _, err := print("LETHE_DATABASE_URL="+database.URL, false, name); err != nil {
		t.Error(err)
	}
	doctor(ops.OK, "none")
	apply(false)
	apply(false)
	doctor(ops.OK, "as this version prints it")
	apptest.Exec(t, database.URL, "DROP TRIGGER lethe_guard ON fusillade.requests")
	doctor(ops.Warning, "trigger lethe_guard on fusillade.requests")
	apply(true)
	doctor(ops.OK, "none")

	apptest.Exec(t, database.URL, "ALTER TABLE fusillade.requests OWNER TO "+name)
	for what, role := range map[string]string{"owns dwctl's tables": name, "there is no role": "nobody at all", "1 to 63 bytes": "two\nlines"} {
		if sql, err := print("LETHE_DATABASE_URL="+database.URL, false, role); err == nil || !strings.Contains(err.Error(), what) || sql != "" {
			t.Errorf("%q: got %q, %v", role, sql, err)
		}
	}
	apptest.Exec(t, database.URL, "CREATE TABLE fusillade.retained_response_objects (n int)")
	if _, err := print("LETHE_DATABASE_URL="+database.URL, false, name); err == nil || !strings.Contains(err.Error(), "moves finished responses") {
		t.Errorf("got %v", err)
	}
}

// TestDoctorUnknownDwctlVersion: if dwctl is newer than the known versions, doctor
// explains how to find what an erasure would miss.
func TestDoctorUnknownDwctlVersion(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	advised := func() bool {
		return strings.Contains(apptest.Text(t, apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL)), "lethe erasures search --sample")
	}
	if advised() {
		t.Error("known dwctl version: want no advice to search")
	}
	apptest.Exec(t, database.URL, "CREATE TABLE public._sqlx_migrations (version bigint, success boolean); INSERT INTO public._sqlx_migrations VALUES (99999999999999, true)")
	if !advised() {
		t.Error("unknown dwctl version: want advice to search")
	}
}

// TestDoctorOneCause: one cause is one problem, however many checks it stops.
func TestDoctorOneCause(t *testing.T) {
	t.Parallel()
	t.Run("no privileges", func(t *testing.T) {
		t.Parallel()
		database := pgtest.WithFixture(t)
		u, err := url.Parse(database.RoleURL)
		if err != nil {
			t.Fatal(err)
		}
		apptest.Exec(t, database.URL, `REVOKE USAGE ON SCHEMA fusillade, outlet, lethe, underway FROM `+pgx.Identifier{u.User.Username()}.Sanitize())
		if bad := apptest.Found(apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL), ops.Problem); len(bad) != 1 || bad[0].Name != "privileges" {
			t.Errorf("want one problem, with privileges, got %+v", bad)
		}
	})
	t.Run("connection lost", func(t *testing.T) {
		t.Parallel()
		database := pgtest.WithFixture(t)
		owner, err := pgx.Connect(t.Context(), database.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = owner.Close(t.Context()) }()
		if _, err := owner.Exec(t.Context(), "BEGIN; LOCK TABLE fusillade.requests"); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			apptest.Await(t, "the doctor waits, and loses its connection", func() bool {
				var n int
				err := owner.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_locks
					WHERE relation = 'fusillade.requests'::regclass AND NOT granted`).Scan(&n)
				return err != nil || n > 0
			})
			_, _ = owner.Exec(t.Context(), "COMMIT")
		}()
		bad := apptest.Found(apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL), ops.Problem)
		<-ended
		if len(bad) != 1 || !strings.Contains(bad[0].Detail, "could not be checked") || !strings.Contains(bad[0].Advice, "examine it again") {
			t.Errorf("want one problem, of what could not be checked, got %+v", bad)
		}
	})
}

// TestDoctorSettings: doctor finds a pooler that accepts settings but does not pass
// them on; one that the service is configured for does no harm.
func TestDoctorSettings(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET bytea_output = escape', current_database()); EXECUTE format('ALTER DATABASE %I SET datestyle = ''German, DMY''', current_database()); END $$")
	ignoring := pgtest.ThroughPgBouncer(t, "ignore_startup_parameters = array_nulls, bytea_output, default_transaction_isolation, default_transaction_read_only, extra_float_digits, gin_fuzzy_search_limit, intervalstyle, quote_all_identifiers, transform_null_equals, plan_cache_mode, max_parallel_workers_per_gather, statement_timeout, lock_timeout, search_path")
	find := func(environ ...string) ops.Check {
		t.Helper()
		return apptest.Named(t, apptest.Examine(t, environ...), "settings of sessions")
	}
	if c := find("LETHE_DATABASE_URL=" + database.URL); c.Finding != ops.OK {
		t.Errorf("without a pooler: want ok, got %+v", c)
	}
	if c := find("LETHE_DATABASE_URL="+ignoring(database.URL), "LETHE_DATABASE_PGBOUNCER=true"); c.Finding != ops.OK {
		t.Errorf("through a configured pooler: want ok, got %+v", c)
	}
	c := find("LETHE_DATABASE_URL=" + ignoring(database.URL))
	for _, want := range []string{`bytea_output is "escape" and not "hex"`, "search_path is", "statement_timeout is"} {
		if c.Finding != ops.Problem || !strings.Contains(c.Detail, want) {
			t.Errorf("want %s in %+v", want, c)
		}
	}
	if strings.Contains(c.Detail, "datestyle") || !strings.Contains(c.Advice, "database.pgbouncer") {
		t.Errorf("through an unknown pooler: want advice for database.pgbouncer and nothing about datestyle, got %+v", c)
	}
}
