package inspect

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// MinServerVersion is the oldest PostgreSQL that the tables work on: 15 introduced UNIQUE
// NULLS NOT DISTINCT, which the table of people uses.
const MinServerVersion = 150000

// ServerVersion returns the server's version as a number (150004 for 15.4) and as text.
func ServerVersion(ctx context.Context, q Querier) (number int, name string, err error) {
	err = q.QueryRow(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_version')").Scan(&number, &name)
	return number, name, err
}

// ClockSkew returns how far the database's clock is ahead of ours, and the possible error
// (half of the query's duration).
func ClockSkew(ctx context.Context, q Querier) (skew, uncertainty time.Duration, err error) {
	var theirs time.Time
	asked := time.Now()
	if err := q.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		return 0, 0, err
	}
	half := time.Since(asked) / 2
	return theirs.Sub(asked.Add(half)), half, nil
}

// Lag is how far a replica is behind.
type Lag struct {
	InRecovery bool  // false: this is a primary, not a replica
	Bytes      int64 // of the primary's write-ahead log that are not applied yet
	// Since is the age of the newest applied change, 0 if all are applied. If nothing is
	// being written, it does not measure the delay.
	Since time.Duration
}

// ReplicaLag compares a replica with its primary. If replica is a primary, the Lag is not
// InRecovery.
func ReplicaLag(ctx context.Context, primary, replica Querier) (Lag, error) {
	var lag Lag
	if err := replica.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&lag.InRecovery); err != nil || !lag.InRecovery {
		return lag, err
	}
	var written string
	if err := primary.QueryRow(ctx, "SELECT pg_current_wal_lsn()::text").Scan(&written); err != nil {
		return lag, err
	}
	var seconds float64
	err := replica.QueryRow(ctx, `
		SELECT greatest(pg_wal_lsn_diff($1::pg_lsn, pg_last_wal_replay_lsn()), 0)::bigint,
		       coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8`,
		written).Scan(&lag.Bytes, &seconds)
	if lag.Bytes > 0 {
		lag.Since = time.Duration(seconds * float64(time.Second))
	}
	return lag, err
}

// AbsentStandbys returns which of these standbys, by application_name, are not connected
// to the primary, and whether the connected role may see what standbys have replayed. If
// not, it does not see their names either.
func AbsentStandbys(ctx context.Context, primary Querier, names []string) (permitted bool, absent []string, err error) {
	err = primary.QueryRow(ctx, `
		SELECT pg_has_role('pg_read_all_stats', 'USAGE'),
		       ARRAY (SELECT n FROM unnest($1::text[]) AS n
		              WHERE NOT EXISTS (SELECT FROM pg_stat_replication r WHERE r.application_name = n) ORDER BY n)`,
		names).Scan(&permitted, &absent)
	return permitted, absent, err
}

// Connections is how many connections a server allows the connected role.
type Connections struct {
	Max      int // max_connections
	Reserved int // of these, reserved for superusers
	Open     int // in use now, by anyone
	// RoleMax and DatabaseMax limit the role and the database; -1: no limit.
	RoleMax, DatabaseMax int
}

// Limit is the number of connections that the role can have if nobody else has any.
func (c Connections) Limit() int {
	limit := c.Max - c.Reserved
	if c.RoleMax >= 0 {
		limit = min(limit, c.RoleMax)
	}
	if c.DatabaseMax >= 0 {
		limit = min(limit, c.DatabaseMax)
	}
	return limit
}

func ConnectionLimits(ctx context.Context, q Querier) (Connections, error) {
	var c Connections
	err := q.QueryRow(ctx, `
		SELECT current_setting('max_connections')::int,
		       current_setting('superuser_reserved_connections')::int,
		       (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' OR backend_type IS NULL)::int,
		       (SELECT rolconnlimit FROM pg_catalog.pg_roles WHERE rolname = current_user),
		       (SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = current_database())`).
		Scan(&c.Max, &c.Reserved, &c.Open, &c.RoleMax, &c.DatabaseMax)
	return c, err
}

// The versions that Lethe was built against, and their newest migrations.
const (
	DwctlVersion       = "8.52.1"
	DwctlMigration     = 97
	FusilladeVersion   = "17.1.0"
	FusilladeMigration = 20260507000000
)

// Age compares a database's newest migration with the known one.
type Age string

const (
	NoMigrations Age = "none"       // the table of migrations is missing or empty
	Unreadable   Age = "unreadable" // the connected role may not read it
	Older        Age = "older"
	Known        Age = "known"
	Newer        Age = "newer"
)

// UpstreamMigrations are the migrations that the owner of the tables has run.
type UpstreamMigrations struct {
	Age    Age
	Newest int64   // the newest applied one, 0 if none
	Failed []int64 // begun, but not finished
}

// UpstreamVersion reads the migrations recorded by dwctl (schema public) or fusillade (its
// own schema), and compares the newest with known.
func UpstreamVersion(ctx context.Context, q Querier, schema string, known int64) (UpstreamMigrations, error) {
	var readable bool
	err := q.QueryRow(ctx, `
		SELECT has_schema_privilege(s.oid, 'USAGE') AND coalesce((
		           SELECT bool_and(has_column_privilege(c.oid, a.attnum, 'SELECT')) FROM pg_catalog.pg_attribute a
		           WHERE a.attrelid = c.oid AND a.attname IN ('version', 'success') AND NOT a.attisdropped
		       ), false)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
		WHERE s.nspname = $1 AND c.relname = '_sqlx_migrations'`, schema).Scan(&readable)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return UpstreamMigrations{Age: NoMigrations}, nil
	case err != nil:
		return UpstreamMigrations{}, err
	case !readable:
		return UpstreamMigrations{Age: Unreadable}, nil
	}

	var m UpstreamMigrations
	err = q.QueryRow(ctx, `
		SELECT coalesce(max(version) FILTER (WHERE success), 0),
		       coalesce(array_agg(version ORDER BY version) FILTER (WHERE NOT success), '{}')
		FROM `+pgx.Identifier{schema, "_sqlx_migrations"}.Sanitize()).Scan(&m.Newest, &m.Failed)
	switch {
	case m.Newest == 0:
		m.Age = NoMigrations
	case m.Newest < known:
		m.Age = Older
	case m.Newest > known:
		m.Age = Newer
	default:
		m.Age = Known
	}
	return m, err
}
