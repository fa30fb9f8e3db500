// Package migrate creates the tables that Lethe works on if they are missing, and does
// not touch existing ones of other systems.
//
// The tables come in sets: main (users, keys, usage), fusillade (requests, templates,
// steps), outlet (raw copies of HTTP bodies), underway (queued jobs), lethe (the log of
// erasures, beside fusillade) and river (background work on erasures, beside that). A
// set is Lethe's own if its version table exists in schema lethe. A set whose tables
// exist without one belongs to another system, and only that system migrates it. The
// sets lethe and river are always Lethe's: they are created in other systems'
// databases, too.
//
// [Up] migrates a [Target] and [Status] looks at it; both report a [SetStatus] for each
// set, and an [IncompleteError] if a set is incomplete.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"lethe/adapters/postgres"
	"lethe/migrations"
)

// Schemas names the schemas that can be configured.
type Schemas struct {
	Fusillade string // empty: "fusillade", or "public" in a database of its own
	Outlet    string // empty: "outlet"
}

// Target says which databases to migrate. The role in the URLs must be allowed to
// create schemas and tables if any are missing.
type Target struct {
	MainURL      string
	FusilladeURL string // empty: fusillade is in the main database
	Schemas      Schemas
}

// State is the state of a set of tables, or what Up did with it.
type State string

// States of a set.
const (
	Created    State = "created"    // Up has just created or upgraded it
	Current    State = "current"    // ours, at the newest version
	Pending    State = "pending"    // Up would create or upgrade it
	Foreign    State = "foreign"    // there before us: left alone
	Absent     State = "absent"     // missing, and not ours to create: the database is another system's
	Incomplete State = "incomplete" // some of its tables are missing
	Former     State = "former"     // from before the first release: no longer read
)

// SetStatus describes one set of tables.
type SetStatus struct {
	Set      string // main, fusillade, outlet, underway, lethe or river
	Database string // the database's name
	Schema   string
	State    State
	Version  int64    // newest applied migration of ours; 0 for none
	Latest   int64    // newest migration this program carries
	Missing  []string // missing tables of the set, schema-qualified
}

// IncompleteError says that Up wrote nothing because a set exists only in part, or is
// missing where Lethe must not create it.
type IncompleteError struct{ Sets []SetStatus }

func (e *IncompleteError) Error() string {
	var b strings.Builder
	b.WriteString("nothing was written: ")
	for i, s := range e.Sets {
		if i > 0 {
			b.WriteString("; ")
		}
		missing := strings.Join(s.Missing, ", ")
		switch {
		case s.State == Former:
			fmt.Fprintf(&b, "database %q has tables of before the first release, which this version does not read: start anew: with another data_dir or another database, or, beside another system and where this log of erasures need not be kept, with DROP SCHEMA %s CASCADE", s.Database, s.Schema)
		case s.State == Absent:
			fmt.Fprintf(&b, "database %q belongs to another system and lacks %s: check the database URLs and the names of the schemas, or let that system's own migrations create them", s.Database, missing)
		case s.Version > 0:
			fmt.Fprintf(&b, "%s records that Lethe created set %s, but database %q lacks %s: if the schema's name was changed, change it back; else restore the tables from a backup", versionTable(s.Set), s.Set, s.Database, missing)
		default:
			fmt.Fprintf(&b, "database %q has some tables of set %s but lacks %s: finish the migrations of the system that owns them, or point Lethe at an empty database", s.Database, s.Set, missing)
		}
	}
	return b.String()
}

const insufficientPrivilege = "42501"

// Status reports each set without writing anything.
func Status(ctx context.Context, t Target) ([]SetStatus, error) {
	s, err := open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	return s.status(ctx)
}

// Up creates the sets that are missing entirely, upgrades those that Lethe created
// earlier, and returns the result for each set. It leaves sets of other systems alone;
// in a database with such a set (main or fusillade) it creates only the sets lethe and
// river. If a set is incomplete, it writes nothing and returns an *IncompleteError.
// Concurrent calls wait for each other.
func Up(ctx context.Context, t Target) ([]SetStatus, error) {
	s, err := open(ctx, t)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)

	found, err := s.status(ctx)
	if err != nil {
		return nil, err
	}
	var refused []SetStatus
	for _, f := range found {
		required := f.Set == setMain || f.Set == setFusillade
		if f.State == Incomplete || f.State == Former || f.State == Absent && required {
			refused = append(refused, f)
		}
	}
	if len(refused) > 0 {
		return found, &IncompleteError{Sets: refused}
	}
	for i := range found {
		if found[i].State != Pending {
			continue
		}
		if err := s.apply(ctx, found[i]); err != nil {
			return found, err
		}
		found[i].State, found[i].Version, found[i].Missing = Created, found[i].Latest, nil
	}
	return found, nil
}

const (
	setMain      = "main"
	setFusillade = "fusillade"
	setOutlet    = "outlet"
	setUnderway  = "underway"
	setLethe     = "lethe"
	setRiver     = "river"

	ownSchema = "lethe"

	// formerTable was in schema lethe until the first release.
	formerTable = ownSchema + ".looks"

	// lockKey is "lethe" in ASCII.
	lockKey = 0x6c65746865
)

type set struct {
	name   string
	schema string
	tables []string
}

// replaced maps tables that a newer version has removed to ones that replace them.
var replaced = map[string]string{"response_steps": "retained_response_objects"}

func sets(s Schemas) []set {
	return []set{
		{setMain, "public", []string{"users", "user_roles", "user_organizations", "api_keys", "http_analytics", "credits_transactions"}},
		{setFusillade, s.Fusillade, []string{"files", "batches", "request_templates", "requests", "response_steps"}},
		{setOutlet, s.Outlet, []string{"http_requests", "http_responses"}},
		{setUnderway, "underway", []string{"task_queue", "task"}},
		// The tables of its first migration: tables of later ones are missing until an
		// upgrade.
		{setLethe, ownSchema, []string{"receipts", "receipt_secrets", "tiles", "log_state", "checkpoints"}},
		{setRiver, ownSchema, []string{"river_job", "river_queue", "river_leader"}},
	}
}

// files returns the migrations of a set.
func files(set string) (fs.FS, error) {
	if set == setLethe {
		return fs.Sub(migrations.Lethe, "lethe")
	}
	return fs.Sub(migrations.Upstream, "upstream/"+set)
}

func versionTable(set string) string {
	if set == setRiver {
		return ownSchema + ".river_migration"
	}
	return ownSchema + ".version_" + set
}

// versionQuery selects the newest applied migration of a set; 0: none.
func versionQuery(set string) string {
	if set == setRiver {
		return `SELECT coalesce(max(version), 0) FROM ` + versionTable(set)
	}
	return `SELECT coalesce(max(version_id) FILTER (WHERE is_applied), 0) FROM ` + versionTable(set)
}

// session holds a connection to each database, and the lock in each, from open to
// close: what status saw is still true when Up acts on it.
type session struct {
	main, fusillade *pgx.Conn // the same connection if they share a database
	sets            []set
}

func open(ctx context.Context, t Target) (*session, error) {
	main, err := connect(ctx, t.MainURL)
	if err != nil {
		return nil, fmt.Errorf("connect to the main database: %w", err)
	}
	s := &session{main: main, fusillade: main}
	if err := s.openFusillade(ctx, t.FusilladeURL); err != nil {
		s.close(ctx)
		return nil, err
	}
	schemas := t.Schemas
	if schemas.Fusillade == "" {
		schemas.Fusillade = "fusillade"
		if s.fusillade != s.main {
			schemas.Fusillade = "public"
		}
	}
	if schemas.Outlet == "" {
		schemas.Outlet = "outlet"
	}
	s.sets = sets(schemas)
	return s, nil
}

func connect(ctx context.Context, url string) (*pgx.Conn, error) {
	if url == "" {
		return nil, errors.New("no database URL was given")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read") // the driver's error would repeat it
	}
	return postgres.Connect(ctx, config)
}

func (s *session) openFusillade(ctx context.Context, url string) error {
	if err := lock(ctx, s.main); err != nil {
		return fmt.Errorf("lock the main database: %w", err)
	}
	if url == "" {
		return nil
	}
	conn, err := connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the fusillade database: %w", err)
	}
	// Two URLs may lead to one database. The lock of the main connection tells: taking
	// it again from a second session would wait for ever.
	var pid int32
	if err := s.main.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return errors.Join(fmt.Errorf("ask the main database: %w", err), conn.Close(ctx))
	}
	var same bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
			WHERE l.locktype = 'advisory' AND l.pid = $1 AND d.datname = current_database()
			  AND (l.classid::bigint << 32) + l.objid::bigint = $2
		)`, pid, int64(lockKey)).Scan(&same)
	if err != nil || same {
		return errors.Join(err, conn.Close(ctx))
	}
	s.fusillade = conn
	if err := lock(ctx, conn); err != nil {
		return fmt.Errorf("lock the fusillade database: %w", err)
	}
	return nil
}

func lock(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(lockKey))
	return err
}

// close ends the sessions and so releases their locks.
func (s *session) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if s.fusillade != s.main {
		_ = s.fusillade.Close(ctx)
	}
	_ = s.main.Close(ctx)
}

func (s *session) conn(set string) *pgx.Conn {
	if set == setFusillade || set == setLethe || set == setRiver {
		return s.fusillade
	}
	return s.main
}

func (s *session) status(ctx context.Context) ([]SetStatus, error) {
	all := make([]SetStatus, 0, len(s.sets))
	foreign := map[string]bool{}
	for _, set := range s.sets {
		st, err := s.inspect(ctx, set)
		if err != nil {
			if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
				return nil, fmt.Errorf("the role of this database URL may not look at what Lethe created (%s): use the URL of the role that owns the tables", pg.Message)
			}
			return nil, fmt.Errorf("look at set %s: %w", set.name, err)
		}
		foreign[set.name] = st.State == Foreign
		all = append(all, st)
	}
	for i := range all {
		if all[i].State == Pending && all[i].Version == 0 && len(all[i].Missing) > 0 && s.othersDatabase(all[i].Set, foreign) {
			all[i].State = Absent
		}
	}
	return all, nil
}

// othersDatabase reports whether a missing set must not be created. If dwctl owns set
// main, it also creates fusillade, outlet and underway, wherever they are; if fusillade
// exists before main, the main URL leads to a database of fusillade's.
func (s *session) othersDatabase(set string, foreign map[string]bool) bool {
	if set == setLethe || set == setRiver {
		return false
	}
	return foreign[setMain] || set != setFusillade && foreign[setFusillade] && s.fusillade == s.main
}

func (s *session) inspect(ctx context.Context, set set) (SetStatus, error) {
	conn := s.conn(set.name)
	st := SetStatus{Set: set.name, Schema: set.schema}
	var err error
	if st.Latest, err = latest(set.name); err != nil {
		return st, err
	}

	var versioned, former bool
	err = conn.QueryRow(ctx, `
		SELECT current_database(),
		       ARRAY (
		           SELECT t FROM unnest($2::text[]) WITH ORDINALITY AS wanted (t, n)
		           WHERE NOT EXISTS (
		               SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		               WHERE s.nspname = $1 AND c.relname IN (t, $4::jsonb ->> t) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
		           ) ORDER BY n
		       ),
		       EXISTS (
		           SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		           WHERE s.nspname || '.' || c.relname = $3
		       ),
		       EXISTS (
		           SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
		           WHERE s.nspname || '.' || c.relname = $5
		       )`, set.schema, set.tables, versionTable(set.name), replaced, formerTable).Scan(&st.Database, &st.Missing, &versioned, &former)
	if err != nil {
		return st, err
	}
	if former && set.name == setLethe {
		st.State = Former
		return st, nil
	}
	absent := len(st.Missing)
	for i, table := range st.Missing {
		st.Missing[i] = set.schema + "." + table
	}
	if !versioned {
		switch absent {
		case 0:
			st.State = Foreign
		case len(set.tables):
			st.State = Pending
		default:
			st.State = Incomplete
		}
		return st, nil
	}

	err = conn.QueryRow(ctx, versionQuery(set.name)).Scan(&st.Version)
	switch {
	case err != nil:
		return st, err
	case st.Version > 0 && absent > 0:
		st.State = Incomplete
	case st.Version < st.Latest:
		st.State = Pending
	default:
		st.State = Current
	}
	return st, nil
}

// Version is how far one of Lethe's own sets has been migrated.
type Version struct {
	Set     string
	Applied int64 // 0: not at all
	Newest  int64 // that this program carries
}

// OwnVersions returns the versions of the sets lethe and river in q's database. It
// fails if their version tables are missing.
func OwnVersions(ctx context.Context, q interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) ([]Version, error) {
	versions := []Version{{Set: setLethe}, {Set: setRiver}}
	for i := range versions {
		v := &versions[i]
		var err error
		if v.Newest, err = latest(v.Set); err != nil {
			return nil, err
		}
		if err = q.QueryRow(ctx, versionQuery(v.Set)).Scan(&v.Applied); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

func latest(set string) (int64, error) {
	if set == setRiver {
		migrations, err := RiverMigrations()
		if err != nil {
			return 0, err
		}
		return int64(migrations[len(migrations)-1].Version), nil
	}
	dir, err := files(set)
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		return 0, err
	}
	var newest int64
	for _, file := range names {
		n, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		newest = max(newest, n)
	}
	return newest, nil
}

func (s *session) apply(ctx context.Context, st SetStatus) error {
	conn := s.conn(st.Set)
	schema := pgx.Identifier{st.Schema}.Sanitize()
	for _, stmt := range []string{
		"CREATE SCHEMA IF NOT EXISTS " + ownSchema,
		"CREATE SCHEMA IF NOT EXISTS " + schema,
	} {
		if _, err := conn.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("prepare set %s: %w", st.Set, err)
		}
	}

	if st.Set == setRiver {
		return applyRiver(ctx, conn)
	}
	db := stdlib.OpenDB(*conn.Config(), stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET search_path TO "+schema)
		return err
	}))
	defer func() { _ = db.Close() }()
	dir, err := files(st.Set)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, dir,
		goose.WithTableName(versionTable(st.Set)),
		goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return fmt.Errorf("read the migrations of set %s: %w", st.Set, err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate set %s in database %q: %w", st.Set, st.Database, err)
	}
	return nil
}

// RiverMigrations returns the migrations that come with River, in order.
func RiverMigrations() ([]rivermigrate.Migration, error) {
	migrator, err := riverMigrator(nil)
	if err != nil {
		return nil, err
	}
	return migrator.AllVersions(), nil
}

func riverMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: ownSchema, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, fmt.Errorf("read the migrations of set %s: %w", setRiver, err)
	}
	return migrator, nil
}

// applyRiver lets River create its tables in conn's database.
func applyRiver(ctx context.Context, conn *pgx.Conn) error {
	config, err := pgxpool.ParseConfig(conn.Config().ConnString())
	if err != nil {
		return err
	}
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	config.ConnConfig.RuntimeParams = maps.Clone(conn.Config().RuntimeParams)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := riverMigrator(pool)
	if err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate set %s in database %q: %w", setRiver, config.ConnConfig.Database, err)
	}
	return nil
}
