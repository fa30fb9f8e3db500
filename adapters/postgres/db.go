// Package postgres is what the adapters on Postgres share: the connection
// pool, transactions, the choice between a primary and its replica, and the
// one place where a driver's error becomes a domain's.
//
// [DB] is a pool of connections, [Source] a primary with perhaps a replica, and [Tx] a
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
	lagInterval           = time.Second // between two looks at how far behind a replica is

	// A connection that was idle for longer is tried before it is used, which
	// costs a round trip. One that has died meanwhile is noticed anyway.
	pingAfterIdle = time.Minute
)

// Config says how to reach a database.
type Config struct {
	URL string // postgres://…, with pgx's settings such as default_query_exec_mode
	// MaxConns bounds the pool; 0: pool_max_conns of the URL, else pgx's default.
	MaxConns int32
	// SearchPath is the schemas that unqualified tables are looked up in; none:
	// as the URL, the role or the database says.
	SearchPath []string
	// Kept is how many more connections there are for what For asks for by
	// Ready and Holds; 0: these use the others.
	Kept int32
	// AcquireTimeout bounds the wait for a connection; 0: 5 s.
	AcquireTimeout  time.Duration
	ApplicationName string // shown in pg_stat_activity
	// PgBouncer is for a database behind one that lends a connection for a
	// transaction at a time.
	PgBouncer bool
	Tracer    pgx.QueryTracer
}

// DB is a pool of connections to one database.
type DB struct {
	pool           *pgxpool.Pool
	kept           *pgxpool.Pool // nil: none are kept
	any            *places       // of pool: callers take turns
	bulk, holds    *places       // and of it, of kept, for those uses
	acquireTimeout time.Duration
	restsUntil     atomic.Int64 // see Source.Read; Unix time in nanoseconds
	lag            lag
	settings       string            // through PgBouncer: begins every transaction; else empty
	wanted         map[string]string // of a session
}

var errURL = errors.New("the database URL cannot be read: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password percent-encoded")

// Open makes the pool. It connects when a connection is first needed, so it
// succeeds while the database is away. Its errors are about the configuration
// and never hold the URL.
func Open(cfg Config) (*DB, error) {
	if cfg.URL == "" {
		return nil, errors.New("no database URL was given")
	}
	if cfg.MaxConns < 0 {
		return nil, errors.New("the number of connections must be 1 or more, or 0 for the default")
	}
	config, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// The driver's own words quote the URL, and with it the password.
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
			return nil, errors.New("the pool of connections cannot be made: check the pool_ settings of the database URL")
		}
	}
	limit, bulk, holds := int(config.MaxConns), BulkOf(int(config.MaxConns)), max(1, int(cfg.Kept)-1)
	db.any, db.bulk, db.holds = newPlaces(limit, eachOf(limit)), newPlaces(bulk, bulk), newPlaces(holds, holds)
	return db, nil
}

// Pool is the pool itself. Who uses it takes no turns.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Stats are the pool's, and those of the connections that are kept; nil: there are
// none of these.
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

// reset has no connection be used again that there is now: where one is lost, the
// others are likely to be, too.
func (db *DB) reset() {
	db.pool.Reset()
	if db.kept != nil {
		db.kept.Reset()
	}
}

// Use is what a connection is for. What it is not said of may use any that is not
// kept.
type Use int

// The uses.
const (
	// Bulk is long work: of all connections it uses a part at a time.
	Bulk Use = iota + 1
	// Ready looks whether the database can be used, with a connection that is
	// kept for it.
	Ready
	// Holds is for what is to be held, with connections that are kept for it.
	Holds
)

// KeptConns are as many as Ready and Holds should have.
const KeptConns = 3

// BulkOf is how many of these connections bulk work uses at a time.
func BulkOf(conns int) int { return max(1, conns/2) }

type useKey struct{}

// For says what all connections are for that are used in a context.
func For(ctx context.Context, use Use) context.Context {
	return context.WithValue(ctx, useKey{}, use)
}

// Ping makes a round trip to the database. Errors as of MapError.
func (db *DB) Ping(ctx context.Context) error {
	return db.Use(ctx, func(c Conn) error {
		_, err := c.Exec(ctx, "SELECT 1")
		return err
	})
}

// Use calls fn with a connection that is fn's until it returns. Where the
// connection turns out to be lost, fn is called once more with a new one, and
// where a table is no longer as a statement was prepared for, once more with the
// same: it must do no harm when it runs twice. Errors as of MapError; a context that has
// ended comes back as its own error.
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

// forget drops what is prepared on a connection, and tells whether it could.
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

// noneIn says why there was no connection in time, where so many that are at work
// are too many for one more.
func (db *DB) noneIn(ctx context.Context, pool *pgxpool.Pool, limit int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if int(pool.Stat().AcquiredConns()) < limit {
		return &Away{
			Database: describeDatabase(&pool.Config().ConnConfig.Config),
			Reason:   fmt.Sprintf("no answer within the %s that are allowed to get a connection", db.acquireTimeout),
		}
	}
	return errNoneFree
}

// Tx calls fn in a transaction, read committed, that is committed when fn
// returns nil and rolled back otherwise. It begins with what fn first sends, in
// the same round trip. Tx repeats the whole at most twice where Postgres gave
// up one of several transactions that blocked each other, or where the
// connection turned out to be lost before the transaction had begun, and once
// where a table is no longer as a statement was prepared for. Errors as
// of Use; where the answer to the commit was lost, CodeUnavailable's message says
// that it is not known whether it went through.
func (db *DB) Tx(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		begun, err := db.tx(ctx, fn)
		switch {
		case err == nil:
			return nil
		case errors.Is(ctx.Err(), context.DeadlineExceeded) && unconfirmed(err):
			return MapError(err) // which tells more than that its time was up
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
	// Whatever the database's defaults: code that locks and then reads again
	// relies on seeing what others have committed meanwhile.
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
