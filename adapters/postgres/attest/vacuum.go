package attest

import (
	"context"
	"errors"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/domain"
)

// Vacuum is a connection that vacuums tables and finds out which dead rows are gone.
type Vacuum struct {
	conn *pgx.Conn
	said []string // by the server, since the last statement
}

type Table struct{ Schema, Name string }

func (t Table) String() string { return t.Schema + "." + t.Name }

func (t Table) quoted() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

const (
	lockTimeout = "10s" // for rewriting, as others queue behind it
	vacuumTries = 3
	retryPause  = time.Second
)

// OpenVacuum connects to a database, not through PgBouncer. The role must own the
// tables or the database. Errors are those of MapError.
func OpenVacuum(ctx context.Context, url, applicationName string) (*Vacuum, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("invalid database URL") // the driver's error would quote it
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 10 * time.Second
	}
	v := &Vacuum{}
	config.RuntimeParams["application_name"] = applicationName
	config.RuntimeParams["statement_timeout"] = "0"
	config.RuntimeParams["lock_timeout"] = lockTimeout
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { v.said = append(v.said, n.Message) }
	if v.conn, err = postgres.Connect(ctx, config); err != nil {
		return nil, postgres.MapError(err)
	}
	// VACUUM's messages are parsed, so they must be in English. Some roles may not set
	// this, and need not if the server's language is English.
	_ = v.exec(ctx, "SET lc_messages TO 'C'")
	return v, nil
}

func (v *Vacuum) Conn() *pgx.Conn { return v.conn }

func (v *Vacuum) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = v.conn.Close(ctx)
}

// exec runs a statement that cannot run in a transaction.
func (v *Vacuum) exec(ctx context.Context, sql string) error {
	v.said = nil
	_, err := v.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// Next returns the next transaction to begin. Errors are those of MapError.
func (v *Vacuum) Next(ctx context.Context) (uint64, error) {
	next, err := v.next(ctx)
	return next, postgres.MapError(err)
}

func (v *Vacuum) next(ctx context.Context) (uint64, error) {
	return v.number(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
}

func (v *Vacuum) number(ctx context.Context, sql string, args ...any) (uint64, error) {
	var text string
	if err := v.conn.QueryRow(ctx, sql, args...).Scan(&text); err != nil {
		return 0, err
	}
	return strconv.ParseUint(text, 10, 64)
}

// Parts returns the tables that hold a table's rows: its partitions, or itself. It
// fails with CodeInvalid if it is not a table.
func (v *Vacuum) Parts(ctx context.Context, t Table) ([]Table, error) {
	rows, err := v.conn.Query(ctx, `
		WITH RECURSIVE parts (oid) AS (
		    SELECT $1::text::regclass::oid
		    UNION
		    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN parts p ON p.oid = i.inhparent
		)
		SELECT n.nspname::text, c.relname::text, c.relkind::text FROM parts p
		JOIN pg_catalog.pg_class c ON c.oid = p.oid
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind <> 'p'
		ORDER BY 1, 2`, t.quoted())
	if err != nil {
		return nil, postgres.MapError(err)
	}
	var parts []Table
	var part Table
	var kind string
	_, err = pgx.ForEachRow(rows, []any{&part.Schema, &part.Name, &kind}, func() error {
		if kind != "r" {
			return domain.Errorf(domain.CodeInvalid, "%s is not a table that can be vacuumed", part)
		}
		parts = append(parts, part)
		return nil
	})
	return parts, postgres.MapError(err)
}

var (
	saysCutoff = regexp.MustCompile(`(?m)^removable cutoff: (\d+),`)
	saysMissed = regexp.MustCompile(`(?m)^tuples missed: [1-9]`)
)

// Plain vacuums a table and returns the cutoff: no row version or TOAST value is left
// that was dead to all transactions from the cutoff on. Errors are those of MapError.
func (v *Vacuum) Plain(ctx context.Context, t Table) (cutoff uint64, err error) {
	for range vacuumTries {
		cutoff, err = v.plain(ctx, t)
		if !errors.Is(err, errMissed) {
			return cutoff, postgres.MapError(err)
		}
		if err := pause(ctx); err != nil {
			return 0, err
		}
	}
	return 0, domain.Errorf(domain.CodeUnavailable, "Dead rows of %s are on pages that other sessions are reading; try again later", t)
}

var errMissed = errors.New("pages were passed over")

func (v *Vacuum) plain(ctx context.Context, t Table) (uint64, error) {
	if err := v.exec(ctx, "VACUUM (VERBOSE, INDEX_CLEANUP ON) "+t.quoted()); err != nil {
		return 0, err
	}
	cutoffs, missed := read(v.said)
	// One for the table and one for its TOAST table.
	want, err := v.number(ctx, "SELECT (1 + (reltoastrelid <> 0)::int)::text FROM pg_catalog.pg_class WHERE oid = $1::text::regclass", t.quoted())
	switch {
	case err != nil:
		return 0, err
	case len(cutoffs) == 0:
		return 0, notVacuumed(t)
	case missed || uint64(len(cutoffs)) != want:
		return 0, errMissed
	}
	next, err := v.next(ctx)
	if err != nil {
		return 0, err
	}
	least := uint64(math.MaxUint64)
	for _, cutoff := range cutoffs {
		least = min(least, extend(next, cutoff))
	}
	return least, nil
}

// read finds in VACUUM's messages the cutoffs, and whether it skipped pages.
func read(said []string) (cutoffs []uint32, missed bool) {
	for _, text := range said {
		missed = missed || saysMissed.MatchString(text)
		if m := saysCutoff.FindStringSubmatch(text); m != nil {
			if xid, err := strconv.ParseUint(m[1], 10, 32); err == nil {
				cutoffs = append(cutoffs, uint32(xid))
			}
		}
	}
	return cutoffs, missed
}

func notVacuumed(t Table) error {
	return domain.Errorf(domain.CodeForbidden, "%s was not vacuumed, or VACUUM's messages are not in English: connect as the owner of the database, with lc_messages C or en_US", t)
}

// Rewrite writes a table into new files and returns the cutoff, like Plain. It locks
// the table meanwhile. Errors are those of MapError.
func (v *Vacuum) Rewrite(ctx context.Context, t Table) (cutoff uint64, err error) {
	cutoff, err = v.rewrite(ctx, t)
	return cutoff, postgres.MapError(err)
}

func (v *Vacuum) rewrite(ctx context.Context, t Table) (uint64, error) {
	const file = "SELECT pg_relation_filenode($1::text::regclass)::text"
	before, err := v.number(ctx, file, t.quoted())
	if err != nil {
		return 0, err
	}
	if err := v.exec(ctx, "VACUUM (FULL) "+t.quoted()); err != nil {
		return 0, err
	}
	after, err := v.number(ctx, file, t.quoted())
	if err != nil {
		return 0, err
	}
	if after == before {
		return 0, domain.Errorf(domain.CodeForbidden, "%s was not rewritten: connect as the owner of the database", t)
	}
	// No transaction older than this has left a trace in the new files: rows dead to
	// all are not in them, and all others are frozen.
	frozen, err := v.number(ctx, "SELECT relfrozenxid::text FROM pg_catalog.pg_class WHERE oid = $1::text::regclass", t.quoted())
	if err != nil {
		return 0, err
	}
	next, err := v.next(ctx)
	return extend(next, uint32(frozen)), err
}

// Analyze renews the statistics of tables, which hold values of rows. Errors are those
// of MapError.
func (v *Vacuum) Analyze(ctx context.Context, tables []Table) error {
	for _, t := range tables {
		if err := v.exec(ctx, "ANALYZE "+t.quoted()); err != nil {
			return postgres.MapError(err)
		}
	}
	return nil
}

// statistics are the tables where ANALYZE keeps values of rows.
var statistics = []Table{{"pg_catalog", "pg_statistic"}, {"pg_catalog", "pg_statistic_ext_data"}}

// RewriteStatistics removes from the files what Analyze has replaced. It reports
// whether it could: an open transaction may still need it. Errors are those of
// MapError.
func (v *Vacuum) RewriteStatistics(ctx context.Context) (done bool, err error) {
	analyzed, err := v.next(ctx)
	if err != nil {
		return false, postgres.MapError(err)
	}
	for _, t := range statistics {
		for try := 1; ; try++ {
			cutoff, err := v.Rewrite(ctx, t)
			if err != nil {
				return false, err
			}
			if cutoff >= analyzed {
				break
			}
			if try == vacuumTries {
				return false, nil
			}
			if err := pause(ctx); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(retryPause):
		return nil
	}
}

// extend turns a 32-bit transaction number into a full one, at most next and less than
// 2^32 before it; if there is none, it returns 0, which is before all.
func extend(next uint64, xid uint32) uint64 {
	const epoch = 1 << 32
	full := next&^(epoch-1) | uint64(xid)
	switch {
	case full <= next:
		return full
	case full >= epoch:
		return full - epoch
	}
	return 0
}
