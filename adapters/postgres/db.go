// Package postgres contains what the adapters on Postgres share: the connection pool,
// transactions, the choice between a primary and its replica, and MapError, the only
// function that turns a driver's error into a domain error.
//
// [DB] is a pool of connections, [Source] a primary with an optional replica, and [Tx] a
// transaction that sends its begin and its settings with the first query.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	defaultAcquireTimeout = 5 * time.Second
	connectTimeout        = 5 * time.Second
	rollbackTimeout       = 5 * time.Second
	transactionTries      = 3
	replicaRest           = 5 * time.Second
	lagInterval           = time.Second // between two checks of a replica's lag

	// A connection that was idle for longer is pinged before use, which costs a round
	// trip. A shorter loss is noticed when the connection is used.
	pingAfterIdle = time.Minute
)

type Config struct {
	URL string // postgres://…, with pgx's settings such as default_query_exec_mode
	// MaxConns bounds the pool; 0: pool_max_conns of the URL, else pgx's default.
	MaxConns int32
	// SearchPath lists the schemas in which unqualified tables are looked up; none: that
	// of the URL, the role or the database.
	SearchPath []string
	// Kept is the number of additional connections for the uses Ready and Holds; 0:
	// these use the others.
	Kept int32
	// AcquireTimeout bounds the wait for a connection; 0: 5 s.
	AcquireTimeout  time.Duration
	ApplicationName string // shown in pg_stat_activity
	// PgBouncer means that the database is behind PgBouncer in transaction mode.
	PgBouncer bool
	Tracer    pgx.QueryTracer
}

type DB struct {
	pool           *pgxpool.Pool
	kept           *pgxpool.Pool // nil: no connections are kept
	any            *places       // of pool: callers take turns
	bulk, holds    *places       // of pool and of kept, for those uses
	acquireTimeout time.Duration
	restsUntil     atomic.Int64 // see Source.Read; Unix time in nanoseconds
	lag            lag
	settings       string            // through PgBouncer: begins every transaction; else empty
	wanted         map[string]string // settings of a session
}

var errURL = errors.New("invalid database URL: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password percent-encoded")

// Open makes the pool. It connects when a connection is first needed, so it succeeds even
// if the database is unreachable. Its errors are about the configuration and never contain
// the URL.
func Open(cfg Config) (*DB, error) {
	if cfg.URL == "" {
		return nil, errors.New("no database URL given")
	}
	if cfg.MaxConns < 0 {
		return nil, errors.New("invalid number of connections: give 1 or more, or 0 for the default")
	}
	config, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// The driver's error quotes the URL, and with it the password.
		return nil, errURL
	}
	if cfg.MaxConns > 0 {
		config.MaxConns = cfg.MaxConns
	}
	wanted, settings := configureSessions(config, cfg)
	db := &DB{acquireTimeout: cmp.Or(cfg.AcquireTimeout, defaultAcquireTimeout), settings: settings, wanted: wanted}
	for _, p := range []struct {
		into  **pgxpool.Pool
		conns int32
	}{{&db.pool, config.MaxConns}, {&db.kept, cfg.Kept}} {
		if p.conns == 0 {
			continue
		}
		of := config.Copy()
		if of.MaxConns = p.conns; p.into == &db.kept {
			of.MinConns, of.MinIdleConns = 0, 0
		}
		if *p.into, err = pgxpool.NewWithConfig(context.Background(), of); err != nil {
			db.Close()
			return nil, errors.New("create the connection pool: check the pool_ settings of the database URL")
		}
	}
	limit, bulk, holds := int(config.MaxConns), BulkOf(int(config.MaxConns)), max(1, int(cfg.Kept)-1)
	db.any, db.bulk, db.holds = newPlaces(limit, eachOf(limit)), newPlaces(bulk, bulk), newPlaces(holds, holds)
	return db, nil
}

// Pool returns the pool itself. Its users do not take turns.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Stats returns the statistics of the pool and of the kept connections; nil: none are kept.
func (db *DB) Stats() (of, kept *Stat) {
	of = db.any.stat(db.pool)
	if db.kept != nil {
		kept = db.holds.stat(db.kept)
	}
	return of, kept
}

// Close waits for the connections in use and closes them all.
func (db *DB) Close() {
	for _, pool := range []*pgxpool.Pool{db.pool, db.kept} {
		if pool != nil {
			pool.Close()
		}
	}
}

// reset discards all current connections: if one is lost, the others probably are, too.
func (db *DB) reset() {
	db.pool.Reset()
	if db.kept != nil {
		db.kept.Reset()
	}
}

// Use is what a connection is for. Without one, any connection that is not kept is used.
type Use int

const (
	// Bulk is long work, which uses only a part of the connections at a time.
	Bulk Use = iota + 1
	// Ready checks whether the database can be used, on a kept connection.
	Ready
	// Holds is for placing holds, on kept connections.
	Holds
)

// KeptConns is how many kept connections Ready and Holds should have.
const KeptConns = 3

// BulkOf returns how many of these connections bulk work uses at a time.
func BulkOf(conns int) int { return max(1, conns/2) }

type useKey struct{}

// For sets the use of all connections taken with a context.
func For(ctx context.Context, use Use) context.Context {
	return context.WithValue(ctx, useKey{}, use)
}

// Ping makes a round trip to the database. Errors are those of MapError.
func (db *DB) Ping(ctx context.Context) error {
	return db.Use(ctx, func(c Conn) error {
		_, err := c.Exec(ctx, "SELECT 1")
		return err
	})
}

// Use calls fn with a connection that fn has until it returns. If the connection turns out
// to be lost, Use calls fn once more with a new one; if a table no longer matches a prepared
// statement, once more with the same one. So running fn twice must be harmless. Errors are
// those of MapError, or that of ctx if it has ended.
func (db *DB) Use(ctx context.Context, fn func(Conn) error) error {
	err := db.use(ctx, fn)
	if err != nil && ctx.Err() == nil && lost(err) {
		db.reset()
		err = db.use(ctx, fn)
	}
	return mapWithin(ctx, err)
}

func (db *DB) use(ctx context.Context, fn func(Conn) error) error {
	conn, release, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if db.settings != "" {
		return within(conn, func() error { return fn(prefixed{conn, []string{db.settings}}) })
	}
	if err = within(conn, func() error { return fn(conn) }); stale(err) && forget(ctx, conn) {
		err = within(conn, func() error { return fn(conn) })
	}
	return err
}

// forget drops a connection's prepared statements and reports whether it could.
func forget(ctx context.Context, conn *pgxpool.Conn) bool {
	return ctx.Err() == nil && conn.Conn().DeallocateAll(ctx) == nil
}

func (db *DB) acquire(ctx context.Context) (conn *pgxpool.Conn, release func(), err error) {
	bounded, cancel := context.WithTimeout(ctx, db.acquireTimeout)
	defer cancel()
	pool, from := db.pool, []*places{db.any}
	switch use, _ := ctx.Value(useKey{}).(Use); {
	case use == Bulk:
		from = []*places{db.bulk, db.any}
	case use == Ready && db.kept != nil:
		pool, from = db.kept, nil
	case use == Holds && db.kept != nil:
		pool, from = db.kept, []*places{db.holds}
	}
	var taken leaving
	for _, p := range from {
		giveBack, err := p.take(bounded)
		if err != nil {
			taken.leave()
			return nil, nil, db.noneIn(ctx, pool, p.each)
		}
		taken = append(taken, giveBack)
	}
	conn, err = pool.Acquire(bounded)
	if err == nil {
		return conn, func() { conn.Release(); taken.leave() }, nil
	}
	taken.leave()
	if ctx.Err() == nil && bounded.Err() == nil {
		return nil, nil, err
	}
	return nil, nil, db.noneIn(ctx, pool, int(pool.Stat().MaxConns()))
}

// noneIn returns why no connection was available in time: limit of them are in use, or the
// database did not answer.
func (db *DB) noneIn(ctx context.Context, pool *pgxpool.Pool, limit int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if int(pool.Stat().AcquiredConns()) < limit {
		return &Away{
			Database: describeDatabase(&pool.Config().ConnConfig.Config),
			Reason:   fmt.Sprintf("no answer within %s, the limit for getting a connection", db.acquireTimeout),
		}
	}
	return errNoneFree
}

// Tx calls fn in a read committed transaction, which it commits if fn returns nil and rolls
// back otherwise. The transaction begins with fn's first statement, in the same round trip.
// Tx repeats everything at most twice if Postgres aborted the transaction because of another
// one or the connection turned out to be lost before it began, and once if a table no longer
// matches a prepared statement. Errors are those of Use. If the answer to the commit was
// lost, the message of CodeUnavailable says that the outcome is unknown.
func (db *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		begun, err := db.tx(ctx, fn)
		switch {
		case err == nil:
			return nil
		case errors.Is(ctx.Err(), context.DeadlineExceeded) && unconfirmed(err):
			return MapError(err) // more informative than the timeout
		case ctx.Err() != nil || try == transactionTries:
			return mapWithin(ctx, err)
		case !begun && lost(err):
			db.reset()
		case !serialization(err):
			return mapWithin(ctx, err)
		}
	}
}

func (db *DB) tx(ctx context.Context, fn func(*Tx) error) (begun bool, err error) {
	conn, release, err := db.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	if begun, err = db.txOn(ctx, conn, fn); stale(err) && db.settings == "" && forget(ctx, conn) {
		begun, err = db.txOn(ctx, conn, fn)
	}
	return begun, err
}

func (db *DB) txOn(ctx context.Context, conn *pgxpool.Conn, fn func(*Tx) error) (begun bool, err error) {
	// Do not rely on the database's defaults: code that locks and then reads again must
	// see what others have committed meanwhile.
	tx := &Tx{conn: conn, begin: []string{"begin isolation level read committed read write"}}
	if db.settings != "" {
		tx.begin = append(tx.begin, db.settings)
	}
	defer tx.rollback(ctx)
	err = within(conn, func() error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.commit(ctx)
	})
	switch {
	case err == nil || !answerLost(err):
	case tx.sent && !tx.committed && (tx.begun || sqlState(err) == ""):
		return true, &unattested{err, msgUnconfirmed}
	case tx.begun:
		return true, &unattested{err, msgUndone}
	}
	return tx.begun, err
}
