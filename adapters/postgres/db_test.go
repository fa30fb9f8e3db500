package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/internal/pgtest"
)

func open(t *testing.T, cfg postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func exec(t *testing.T, db *postgres.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func one[T any](t *testing.T, db *postgres.DB, sql string, args ...any) (v T) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestOpenInvalidConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]postgres.Config{
		"no URL":               {},
		"no port":              {URL: "postgres://u:hunter2@host:port/db"},
		"not escaped":          {URL: "postgres://u:hunter2%zz@host/db"},
		"unknown mode":         {URL: "postgres://u:hunter2@host/db?default_query_exec_mode=fast"},
		"pool setting":         {URL: "postgres://u:hunter2@host/db?pool_max_conns=none"},
		"words":                {URL: "host=h password=hunter2 port=x"},
		"negative connections": {URL: "postgres://u:hunter2@host/db", MaxConns: -1},
	} {
		db, err := postgres.Open(cfg)
		if err == nil {
			db.Close()
			t.Errorf("%s: want an error", name)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error contains the password: %v", name, err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).URL
	db := open(t, postgres.Config{URL: url, ApplicationName: "lethe test", SearchPath: []string{`we"ird, x`, "public"}, MaxConns: 3})
	exec(t, db, `CREATE SCHEMA "we""ird, x" CREATE TABLE here (at timestamptz)`)
	exec(t, db, `INSERT INTO here VALUES ('2026-03-01 12:00:00.123456+05')`)
	for name, want := range map[string]string{
		"application_name": "lethe test", "plan_cache_mode": "force_generic_plan",
		"statement_timeout": "30s", "lock_timeout": "5s", "max_parallel_workers_per_gather": "0",
	} {
		if got := one[string](t, db, "SELECT current_setting($1)", name); got != want {
			t.Errorf("%s: want %q, got %q", name, want, got)
		}
	}
	at := one[time.Time](t, db, `SELECT at FROM here`)
	if want := time.Date(2026, 3, 1, 7, 0, 0, 123456000, time.UTC); at != want {
		t.Errorf("want %s, got %s", want, at)
	}
	if n := db.Pool().Config().MaxConns; n != 3 {
		t.Errorf("want 3 connections, got %d", n)
	}

	// The URL's own settings stay.
	own := open(t, postgres.Config{URL: withParameter(t, url, "statement_timeout", "7s")})
	if got := one[string](t, own, "SHOW statement_timeout"); got != "7s" {
		t.Errorf("want the URL's timeout, got %s", got)
	}
	for _, mode := range []string{"cache_describe", "exec", "simple_protocol"} {
		db := open(t, postgres.Config{URL: withParameter(t, url, "default_query_exec_mode", mode)})
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func withParameter(t *testing.T, databaseURL, name, value string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestPoolExhausted(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.Empty(t).URL, MaxConns: 1, AcquireTimeout: time.Second})
	err := db.Use(t.Context(), func(postgres.Conn) error {
		for name, err := range map[string]error{
			"use": db.Ping(t.Context()),
			"tx":  db.Tx(t.Context(), func(*postgres.Tx) error { t.Error("Tx called its function without a connection"); return nil }),
		} {
			if domain.CodeOf(err) != domain.CodeUnavailable || !strings.HasPrefix(err.Error(), "No database connection is free") {
				t.Errorf("%s: got %v, want unavailable", name, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.Ping(ctx); err != context.Canceled {
			t.Errorf("got %v, want the context's error", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("after the connection was returned: %v", err)
	}
}

func TestServerUnreachable(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, address := range map[string]string{"refused": closed.Addr().String(), "silent": silent.Addr().String()} {
		db := open(t, postgres.Config{
			URL:            "postgres://u:hunter2@" + address + "/db?sslmode=disable&connect_timeout=1",
			AcquireTimeout: 100 * time.Millisecond,
		})
		err := db.Ping(t.Context())
		if domain.CodeOf(err) != domain.CodeUnavailable || !strings.HasPrefix(err.Error(), "The database cannot be reached") {
			t.Errorf("%s: got %v, want unavailable", name, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error contains the password: %v", name, err)
		}
	}
}

func TestUseContextEnds(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.Empty(t).URL, MaxConns: 1})
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Use(ctx, func(c postgres.Conn) error {
		cancel()
		_, err := c.Exec(ctx, "SELECT pg_sleep(10)")
		return err
	})
	if err != context.Canceled {
		t.Errorf("got %v, want the context's error", err)
	}
	slow := open(t, postgres.Config{URL: withParameter(t, db.Pool().Config().ConnString(), "statement_timeout", "20ms")})
	err = slow.Use(t.Context(), func(c postgres.Conn) error {
		_, err := c.Exec(t.Context(), "SELECT pg_sleep(10)")
		return err
	})
	if domain.CodeOf(err) != domain.CodeUnavailable || !strings.HasPrefix(err.Error(), "The database took too long") {
		t.Errorf("got %v", err)
	}
}

func TestTx(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: pgtest.Empty(t).URL, MaxConns: 1})
	exec(t, db, `CREATE TABLE notes (n int)`)
	count := func() int { return one[int](t, db, `SELECT count(*) FROM notes`) }
	insert := func(tx *postgres.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO notes VALUES (1)`)
		return err
	}

	if err := db.Tx(t.Context(), insert); err != nil || count() != 1 {
		t.Errorf("want 1 row committed, got %d (error %v)", count(), err)
	}
	refused := domain.Errorf(domain.CodeForbidden, "no")
	err := db.Tx(t.Context(), func(tx *postgres.Tx) error { return errors.Join(insert(tx), refused) })
	if !errors.Is(err, refused) || count() != 1 {
		t.Errorf("want it rolled back with its error, got %d, %v", count(), err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not propagate")
			}
		}()
		_ = db.Tx(t.Context(), func(tx *postgres.Tx) error { _ = insert(tx); panic("at the disco") })
	}()
	if count() != 1 {
		t.Error("the transaction was not rolled back after a panic")
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = db.Tx(ctx, func(tx *postgres.Tx) error { cancel(); return insert(tx) })
	if err != context.Canceled || count() != 1 {
		t.Errorf("want it rolled back at the context's end, got %d, %v", count(), err)
	}

	for state, want := range map[string]int{"40001": 3, "40P01": 3, "23505": 1} {
		calls := 0
		err := db.Tx(t.Context(), func(tx *postgres.Tx) error {
			calls++
			return errors.Join(insert(tx), raise(t, tx, state))
		})
		if err == nil || calls != want || count() != 1 {
			t.Errorf("%s: want %d calls and nothing stored, got %d calls, %d rows, %v", state, want, calls, count(), err)
		}
	}
	calls := 0
	err = db.Tx(t.Context(), func(tx *postgres.Tx) error {
		if calls++; calls < 3 {
			return raise(t, tx, "40P01")
		}
		return insert(tx)
	})
	if err != nil || calls != 3 || count() != 2 {
		t.Errorf("want the third attempt to succeed, got %d calls, %d rows, %v", calls, count(), err)
	}

	exec(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$`)
	exec(t, db, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$`)
	db.Pool().Reset()
	err = db.Tx(t.Context(), func(tx *postgres.Tx) error {
		var level string
		if err := tx.QueryRow(t.Context(), `SHOW transaction_isolation`).Scan(&level); err != nil || level != "read committed" {
			t.Errorf("want read committed, got %s, %v", level, err)
		}
		return insert(tx)
	})
	if err != nil || count() != 3 {
		t.Errorf("the database's defaults have an effect: %v", err)
	}
}

func raise(t *testing.T, tx postgres.Conn, state string) error {
	_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '`+state+`'; END $$`)
	return err
}

// TestTxSessionTimeout: when the server ends a session because its transaction
// takes too long, nothing was done, and the error says so.
func TestTxSessionTimeout(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	db := open(t, postgres.Config{URL: withParameter(t, database.URL, "idle_in_transaction_session_timeout", "50ms"), MaxConns: 1})
	exec(t, db, `CREATE TABLE notes (n int)`)
	err := db.Tx(t.Context(), func(tx *postgres.Tx) error {
		if _, err := tx.Exec(t.Context(), `INSERT INTO notes VALUES (1)`); err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond)
		_, err := tx.Exec(t.Context(), `INSERT INTO notes VALUES (2)`)
		return err
	})
	if domain.CodeOf(err) != domain.CodeUnavailable || !strings.Contains(err.Error(), "The database cannot be reached") {
		t.Errorf("got %v, want unavailable", err)
	}
	if n := one[int](t, db, `SELECT count(*) FROM notes`); n != 0 {
		t.Errorf("got %d rows, want none", n)
	}
}

// TestLostConnections: a connection that died unnoticed causes no error.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	admin := open(t, postgres.Config{URL: database.URL})
	db := open(t, postgres.Config{URL: database.URL, ApplicationName: "victim", MaxConns: 2})
	kill := func() {
		t.Helper()
		if n := one[int](t, admin, `SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE application_name = 'victim'`); n == 0 {
			t.Fatal("no session to kill")
		}
	}
	for range 3 {
		if err := db.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		kill()
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("Use: %v", err)
		}
		kill()
		calls := 0
		err := db.Tx(t.Context(), func(tx *postgres.Tx) error {
			calls++
			_, err := tx.Exec(t.Context(), "SELECT 1")
			return err
		})
		if err != nil || calls != 2 { // the first attempt could not begin
			t.Errorf("Tx: got %d calls (error %v), want 2", calls, err)
		}
	}
	// In the middle of a transaction, its outcome is unknown.
	calls := 0
	err := db.Tx(t.Context(), func(tx *postgres.Tx) error {
		calls++
		if _, err := tx.Exec(t.Context(), "SELECT 1"); err != nil {
			return err
		}
		kill()
		_, err := tx.Exec(t.Context(), "SELECT 1")
		return err
	})
	if domain.CodeOf(err) != domain.CodeUnavailable || calls != 1 {
		t.Errorf("want one call and %s, got %d, %v", domain.CodeUnavailable, calls, err)
	}
}

// gate is a proxy in front of a server. While it is shut, connections are closed
// and new ones are not served.
type gate struct {
	listener net.Listener
	network  string
	target   string
	dialed   atomic.Int64

	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func newGate(t *testing.T, databaseURL string) (*gate, string) {
	t.Helper()
	config, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: listener}
	g.network, g.target = pgconn.NetworkAddress(config.Host, config.Port)
	gated := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password),
		Host: listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable",
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			g.dialed.Add(1)
			server, err := net.Dial(g.network, g.target)
			if err != nil || !g.admit(client, server) {
				_ = client.Close()
				continue
			}
			for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
				running.Go(func() {
					_, _ = io.Copy(to, from)
					_ = to.Close()
					_ = from.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		g.set(true)
		running.Wait()
	})
	return g, gated.String()
}

func (g *gate) admit(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		for _, c := range conns {
			_ = c.Close()
		}
		return false
	}
	g.conns = append(g.conns, conns...)
	return true
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.conns = nil
	}
}

func TestServerAwayAndBack(t *testing.T) {
	t.Parallel()
	g, gated := newGate(t, pgtest.Empty(t).URL)
	g.set(true)
	db := open(t, postgres.Config{URL: gated, MaxConns: 4}) // succeeds while the server is away
	for range 3 {
		for name, err := range map[string]error{
			"ping": db.Ping(t.Context()),
			"tx":   db.Tx(t.Context(), func(*postgres.Tx) error { return nil }),
		} {
			if domain.CodeOf(err) != domain.CodeUnavailable {
				t.Errorf("%s while the server is away: got %v, want unavailable", name, err)
			}
		}
		g.set(false)
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("once the server is back: %v", err)
		}
		g.set(true)
	}
}

// TestServerRestart: after a restart of the server, no dead idle connection causes an
// error.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	const conns = 4
	g, gated := newGate(t, pgtest.Empty(t).URL)
	db := open(t, postgres.Config{URL: gated, MaxConns: conns})
	fill := func() {
		t.Helper()
		var all, wait sync.WaitGroup
		all.Add(conns)
		for range conns {
			wait.Go(func() {
				err := db.Use(postgres.By(t.Context(), uuid.New()), func(c postgres.Conn) error {
					all.Done()
					all.Wait()
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := db.Pool().Stat().IdleConns(); n != conns {
			t.Fatalf("want %d idle connections, got %d", conns, n)
		}
	}
	for name, use := range map[string]func() error{
		"ping": func() error { return db.Ping(t.Context()) },
		"tx":   func() error { return db.Tx(t.Context(), func(*postgres.Tx) error { return nil }) },
	} {
		fill()
		g.set(true)
		g.set(false)
		if err := use(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReplica(t *testing.T) {
	t.Parallel()
	primaryURL, replicaURL := pgtest.Empty(t).URL, pgtest.Empty(t).URL
	g, gated := newGate(t, replicaURL)
	primary, replica := open(t, postgres.Config{URL: primaryURL}), open(t, postgres.Config{URL: gated})
	names := map[string]string{
		one[string](t, primary, `SELECT current_database()`): "primary",
		one[string](t, replica, `SELECT current_database()`): "replica",
	}
	src := postgres.Source{Primary: primary, Replica: replica}
	read := func(sql string) (string, error) {
		var name string
		err := src.Read(t.Context(), func(c postgres.Conn) error { return c.QueryRow(t.Context(), sql).Scan(&name) })
		return names[name], err
	}
	const where = `SELECT current_database()`
	if got, err := read(where); got != "replica" || err != nil {
		t.Errorf("want the replica, got %q, %v", got, err)
	}
	if _, err := read(`SELECT 1/0`); domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("want the error of the query, got %v", err)
	}
	// A replica cancels a query that blocks replay.
	exec(t, replica, `CREATE FUNCTION here() RETURNS text AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$ LANGUAGE plpgsql`)
	exec(t, primary, `CREATE FUNCTION here() RETURNS text AS 'SELECT current_database()::text' LANGUAGE sql`)
	if got, err := read(`SELECT here()`); got != "primary" || err != nil {
		t.Errorf("want the primary to answer, got %q, %v", got, err)
	}
	if got, err := read(where); got != "replica" || err != nil {
		t.Errorf("want the replica next time, got %q, %v", got, err)
	}
	g.set(true)
	for range 3 {
		if got, err := read(where); got != "primary" || err != nil {
			t.Errorf("want the primary while the replica is away, got %q, %v", got, err)
		}
	}
	dialed := g.dialed.Load()
	if _, err := read(where); err != nil || g.dialed.Load() != dialed {
		t.Errorf("want the replica to be skipped for a while, got %v", err)
	}
}

// Functions that a test can set shadow the server's functions about standbys.
const fakeStandby = `
	CREATE SCHEMA fake;
	CREATE TABLE fake.state (receiving bool, received pg_lsn, replayed pg_lsn, newest timestamptz);
	INSERT INTO fake.state VALUES (true, '0/0', '0/0', NULL);
	CREATE FUNCTION fake.pg_is_in_recovery() RETURNS bool RETURN true;
	CREATE FUNCTION fake.pg_last_wal_receive_lsn() RETURNS pg_lsn RETURN (SELECT received FROM fake.state);
	CREATE FUNCTION fake.pg_last_wal_replay_lsn() RETURNS pg_lsn RETURN (SELECT replayed FROM fake.state);
	CREATE FUNCTION fake.pg_last_xact_replay_timestamp() RETURNS timestamptz RETURN (SELECT newest FROM fake.state);
	CREATE VIEW fake.pg_stat_wal_receiver AS SELECT 1 AS pid FROM fake.state WHERE receiving`

func TestReplicaLag(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		state string // of the replica: receiving, received, replayed, newest
		want  string
	}{
		"primary":                       {"", "replica"},
		"current, last change long ago": {"true, '0/2', '0/2', now() - interval '1 day'", "replica"},
		"current, nothing replayed":     {"true, '0/2', '0/2', NULL", "replica"},
		"slightly behind":               {"true, '0/2', '0/1', now() - interval '1 second'", "replica"},
		"far behind":                    {"true, '0/2', '0/1', now() - interval '1 minute'", "primary"},
		"behind, nothing replayed":      {"true, '0/2', '0/1', NULL", "primary"},
		"replayed all, no receiver":     {"false, '0/2', '0/2', now() - interval '1 minute'", "primary"},
		"receiver stopped just now":     {"false, '0/2', '0/2', now()", "replica"},
		"restored from an archive":      {"false, NULL, '0/2', now() - interval '1 second'", "replica"},
		"restored from an old archive":  {"false, NULL, '0/2', now() - interval '1 minute'", "primary"},
		"lag unknown":                   {"true, '0/2', '0/2', now()); DROP VIEW fake.pg_stat_wal_receiver; CREATE VIEW fake.pg_stat_wal_receiver AS VALUES (1", "primary"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := open(t, postgres.Config{URL: pgtest.Empty(t).URL})
			cfg := postgres.Config{URL: pgtest.Empty(t).URL}
			if test.state != "" {
				cfg.SearchPath = []string{"fake", "pg_catalog"}
			}
			replica := open(t, cfg)
			if test.state != "" {
				exec(t, replica, fakeStandby)
				exec(t, replica, "DELETE FROM fake.state; INSERT INTO fake.state VALUES ("+test.state+")")
			}
			for db, name := range map[*postgres.DB]string{primary: "primary", replica: "replica"} {
				exec(t, db, "CREATE SCHEMA who; CREATE VIEW who.answers AS SELECT '"+name+"' AS name")
			}
			src := postgres.Source{Primary: primary, Replica: replica, MaxLag: 30 * time.Second}
			for range 3 { // checked, then cached
				var got string
				fromReplica, err := src.ReadAnywhere(t.Context(), func(c postgres.Conn) error {
					return c.QueryRow(t.Context(), "SELECT name FROM who.answers").Scan(&got)
				})
				if err != nil || got != test.want || fromReplica != (test.want == "replica") {
					t.Errorf("want the %s, got the %s, %t, %v", test.want, got, fromReplica, err)
				}
			}
		})
	}
}

// TestReplicaLagAfterIdle: a replica that was just current does not count
// as far behind because its previous change was long ago.
func TestReplicaLagAfterIdle(t *testing.T) {
	t.Parallel()
	primary := open(t, postgres.Config{URL: pgtest.Empty(t).URL})
	replica := open(t, postgres.Config{URL: pgtest.Empty(t).URL, SearchPath: []string{"fake", "pg_catalog"}})
	exec(t, replica, fakeStandby)
	exec(t, replica, "UPDATE fake.state SET newest = now() - interval '1 day'")
	src := postgres.Source{Primary: primary, Replica: replica, MaxLag: 2 * time.Second}
	read := func() bool {
		t.Helper()
		fromReplica, err := src.ReadAnywhere(t.Context(), func(c postgres.Conn) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return fromReplica
	}
	begun := time.Now()
	if !read() {
		t.Error("a current replica was not used")
	}
	exec(t, replica, "UPDATE fake.state SET received = '0/1'")
	for read() {
		if time.Since(begun) > 20*time.Second {
			t.Fatal("a replica that fell behind is still used")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(begun); took < src.MaxLag {
		t.Errorf("the replica was dropped after %s", took)
	}
	exec(t, replica, "UPDATE fake.state SET replayed = received")
	for !read() {
		if time.Since(begun) > 40*time.Second {
			t.Fatal("a replica that caught up is not used again")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestSessionSettings: whatever the role, the database and the URL set, values are read as
// written, and settings that a pooler does not pass on are detected.
func TestSessionSettings(t *testing.T) {
	t.Parallel()
	url := pgtest.Empty(t).URL
	admin := open(t, postgres.Config{URL: url})
	for _, setting := range []string{"bytea_output = escape", "datestyle = ''SQL, DMY''", "client_encoding = LATIN1", "timezone = ''America/St_Johns''", "standard_conforming_strings = off",
		"quote_all_identifiers = on", "gin_fuzzy_search_limit = 1", "default_transaction_isolation = ''repeatable read''"} {
		exec(t, admin, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET `+setting+`', current_database()); END $$`)
	}
	for name, address := range map[string]string{
		"plain URL": url, "parameter of the URL": withParameter(t, url, "DateStyle", "German"),
		"options of the URL": withParameter(t, url, "options", "-cbytea_output=escape"),
	} {
		for _, mode := range []string{"cache_statement", "exec", "simple_protocol"} {
			db := open(t, postgres.Config{URL: withParameter(t, address, "default_query_exec_mode", mode)})
			err := db.Use(t.Context(), func(c postgres.Conn) error {
				var at time.Time
				var octets []byte
				var words string
				err := c.QueryRow(t.Context(), `SELECT '2026-03-04 05:06:07.5+00'::timestamptz, convert_to('\é', 'UTF8'), $1::text`, `\ü`).Scan(&at, &octets, &words)
				if want := time.Date(2026, 3, 4, 5, 6, 7, 5e8, time.UTC); err == nil && (!at.Equal(want) || string(octets) != `\é` || words != `\ü`) {
					t.Errorf("%s, %s: %s, %q, %q", name, mode, at, octets, words)
				}
				return err
			})
			if err != nil {
				t.Errorf("%s, %s: %v", name, mode, err)
			}
			if not, err := db.NotTaken(t.Context()); err != nil || len(not) != 0 {
				t.Errorf("%s, %s: %v, %v", name, mode, not, err)
			}
		}
	}
}

// TestByteaOutput reads both forms of bytea, since a session without its own settings,
// like River's through PgBouncer, may use either.
func TestByteaOutput(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Config{URL: withParameter(t, pgtest.Empty(t).URL, "default_query_exec_mode", "exec"), MaxConns: 1})
	all := make([]byte, 0, 600)
	for i := range 256 {
		all = append(all, byte(i), '\\')
	}
	all = append(all, `\x41 \\ \101`...)
	for _, form := range []string{"hex", "escape"} {
		exec(t, db, "SET bytea_output = "+form)
		for _, want := range [][]byte{all, {}, []byte(`\x`), []byte(`\\`)} {
			if got := one[[]byte](t, db, "SELECT $1::bytea", want); string(got) != string(want) || got == nil {
				t.Errorf("%s: wrote %q, read %q", form, want, got)
			}
		}
		if got := one[[]byte](t, db, "SELECT NULL::bytea"); got != nil {
			t.Errorf("%s: wrote NULL, read %q", form, got)
		}
	}
}

// TestColumnTypeChanges: a column's type changes although statements are prepared on
// every connection. No caller gets an error, not even in a transaction.
// TestUUIDs counts allocations, so it runs alone.
func TestUUIDs(t *testing.T) {
	db := open(t, postgres.Config{URL: pgtest.Empty(t).URL})
	id := uuid.New()
	if got := one[uuid.UUID](t, db, "SELECT $1::uuid", id); got != id {
		t.Errorf("got %s, want %s", got, id)
	}
	if got := one[*uuid.UUID](t, db, "SELECT NULL::uuid"); got != nil {
		t.Errorf("got %s, want nothing", got)
	}
	if got := one[*uuid.UUID](t, db, "SELECT $1::uuid", id); got == nil || *got != id {
		t.Errorf("got %v, want %s", got, id)
	}
	if got := one[[]uuid.UUID](t, db, "SELECT $1::uuid[]", []uuid.UUID{id, uuid.Max}); !slices.Equal(got, []uuid.UUID{id, uuid.Max}) {
		t.Errorf("got %v", got)
	}
	var never uuid.UUID
	if err := db.Pool().QueryRow(t.Context(), "SELECT NULL::uuid").Scan(&never); err == nil {
		t.Error("want an error for NULL where there must be a UUID")
	}
	allocated := func(column string) float64 {
		rows, err := db.Pool().Query(t.Context(), "SELECT "+column+" FROM generate_series(1, 200)")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		return testing.AllocsPerRun(100, func() {
			if !rows.Next() || rows.Scan(&never) != nil {
				t.Error("want another row")
			}
		})
	}
	if n := allocated("gen_random_uuid()"); n > 1 {
		t.Errorf("reading a UUID takes %v allocations", n)
	}
}

func TestColumnTypeChanges(t *testing.T) {
	t.Parallel()
	const conns = 3
	url := pgtest.Empty(t).URL
	admin := open(t, postgres.Config{URL: url})
	exec(t, admin, `CREATE TABLE notes (id int, words varchar(20)); INSERT INTO notes VALUES (1, 'a'), (2, 'b')`)
	db := open(t, postgres.Config{URL: url, MaxConns: conns})
	type ask struct {
		what string
		do   func(postgres.Conn, string) error
	}
	asks := []ask{
		{"result", func(c postgres.Conn, id string) error {
			var words string
			return c.QueryRow(t.Context(), `SELECT words FROM notes WHERE id = $1`, id).Scan(&words)
		}},
		{"argument", func(c postgres.Conn, id string) error {
			_, err := c.Exec(t.Context(), `UPDATE notes SET words = words WHERE id = $1`, id)
			return err
		}},
		{"batch", func(c postgres.Conn, id string) error {
			var b pgx.Batch
			b.Queue(`SELECT id, words FROM notes WHERE id::text = $1`, id)
			b.Queue(`SELECT words, id FROM notes WHERE id::text = $1`, id)
			return c.SendBatch(t.Context(), &b).Close()
		}},
	}
	everywhere := func(when string, calls int) {
		t.Helper()
		for _, a := range asks {
			// All connections at once, so each is used once.
			var all, wait sync.WaitGroup
			all.Add(conns)
			var called atomic.Int64
			for range conns {
				wait.Go(func() {
					first := true
					err := db.Use(t.Context(), func(c postgres.Conn) error {
						called.Add(1)
						if first {
							first = false
							all.Done()
							all.Wait()
						}
						return a.do(c, "1")
					})
					if err != nil {
						t.Errorf("%s, %s: %v", when, a.what, err)
					}
				})
			}
			wait.Wait()
			if n := int(called.Load()); calls > 0 && n != calls {
				t.Errorf("%s, %s: got %d calls on %d connections", when, a.what, n, conns)
			}
		}
	}
	everywhere("before", conns)
	exec(t, admin, `ALTER TABLE notes ALTER words TYPE text`)
	everywhere("another type of the result", 0)
	everywhere("afterwards", conns)
	exec(t, admin, `ALTER TABLE notes ALTER id TYPE text`)
	everywhere("another type of the argument", 0)
	everywhere("afterwards", conns)
	exec(t, admin, `ALTER TABLE notes ALTER words TYPE varchar(9)`)
	for _, a := range asks {
		calls := 0
		err := db.Tx(t.Context(), func(tx *postgres.Tx) error {
			calls++
			if _, err := tx.Exec(t.Context(), `INSERT INTO notes VALUES ('3', $1)`, "once"); err != nil {
				return err
			}
			return a.do(tx, "1")
		})
		if err != nil || calls > 2 {
			t.Errorf("in a transaction, %s: got %d calls (error %v)", a.what, calls, err)
		}
	}
	if n := one[int](t, admin, `SELECT count(*) FROM notes WHERE id = '3'`); n != len(asks) {
		t.Errorf("%d transactions took effect %d times", len(asks), n)
	}

	// If the type keeps changing, the caller is asked to try again.
	calls := 0
	err := db.Use(t.Context(), func(c postgres.Conn) error {
		calls++
		if _, err := c.Exec(t.Context(), `DISCARD ALL`); err != nil { // as a pooler may do
			return err
		}
		_, err := c.Exec(t.Context(), `SELECT id, words FROM notes WHERE id::text = $1`, "1")
		if err == nil {
			_, err = c.Exec(t.Context(), `DISCARD ALL`)
		}
		if err == nil {
			_, err = c.Exec(t.Context(), `SELECT id, words FROM notes WHERE id::text = $1`, "1")
		}
		return err
	})
	if domain.CodeOf(err) != domain.CodeUnavailable || calls != 2 {
		t.Errorf("want %s after two calls, got %v after %d", domain.CodeUnavailable, err, calls)
	}
}
