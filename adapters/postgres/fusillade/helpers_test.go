package fusillade

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// TestIssuer issues the tests' receipts.
var TestIssuer = Issuer{Origin: "lethe.test", Build: "test", Now: time.Now}

var searchPath = []string{"fusillade", "outlet", "lethe"}

// fixture is a database with the port on it, which uses the role with the fewest
// grants, and a connection as the owner.
type fixture struct {
	*pgfixture.Fixture
	t         testing.TB
	database  *pgtest.Database
	owner     *postgres.DB
	responses *Responses
}

func newFixture(t testing.TB, cfg postgres.Config) *fixture {
	t.Helper()
	return newFixtureOn(t, pgtest.New(t), cfg)
}

func newFixtureOn(t testing.TB, database *pgtest.Database, cfg postgres.Config) *fixture {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = database.RoleURL
	}
	b := &fixture{t: t, database: database, owner: openDB(t, postgres.Config{URL: database.URL})}
	b.responses = b.open(cfg)
	b.Fixture = pgfixture.New(t, database.URL, pgfixture.Ports{Responses: b.responses})
	return b
}

// open makes another port on the same database.
func (b *fixture) open(cfg postgres.Config) *Responses {
	b.t.Helper()
	if cfg.URL == "" {
		cfg.URL = b.database.RoleURL
	}
	responses, err := New(postgres.Source{Primary: openDB(b.t, cfg)}, "outlet", true, TestIssuer)
	if err != nil {
		b.t.Fatal(err)
	}
	return responses
}

func openDB(t testing.TB, cfg postgres.Config) *postgres.DB {
	t.Helper()
	cfg.SearchPath = searchPath
	db, err := postgres.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func (b *fixture) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.owner.Pool().Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

func (b *fixture) number(sql string, args ...any) (n int64) {
	b.t.Helper()
	if err := b.owner.Pool().QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// await waits until a query on the database returns true.
func (b *fixture) await(sql string, args ...any) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); b.number(`SELECT (`+sql+`)::int`, args...) == 0; {
		if time.Now().After(deadline) {
			b.t.Fatalf("timed out waiting for: %s", sql)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// addChain stores a response of steps model calls and, after every third, a tool
// call, with copies and tasks of each request. One step is a response without a
// chain.
func (b *fixture) addChain(owner string, steps int) (requests []porttest.Row) {
	b.t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var chain []*porttest.Row
	for i := range steps {
		if i%3 == 2 {
			chain = append(chain, nil)
			continue
		}
		row := porttest.NewRow(owner, "completed", at)
		chain = append(chain, &row)
		requests = append(requests, row)
	}
	if steps == 1 {
		b.AddResponse(requests[0])
	} else {
		b.AddChain(porttest.Chain(chain...)...)
	}
	for _, row := range requests {
		b.AddUsage(porttest.UsageRow{Response: row.ID, At: at, Copied: true})
		b.AddTask(row.ID, false)
		b.AddTask(row.ID, true)
	}
	return requests
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

// meddler counts the statements of a connection and runs a function before one of
// them. A batch counts as one statement, unless each of its statements is counted;
// the chosen one then fails on the server, in the middle of the others.
type meddler struct {
	each  bool
	count atomic.Int64
	at    int64 // 1: the next statement; 0: none
	act   func(ctx context.Context, conn *pgx.Conn) context.Context
}

func (m *meddler) start(ctx context.Context, conn *pgx.Conn) context.Context {
	if m.count.Add(1) == m.at {
		return m.act(ctx, conn)
	}
	return ctx
}

func (m *meddler) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return m.start(ctx, conn)
}
func (m *meddler) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	if !m.each {
		return m.start(ctx, conn)
	}
	for _, statement := range data.Batch.QueuedQueries {
		if m.count.Add(1) == m.at {
			statement.SQL, statement.Arguments = "SELECT FROM there_is_no_such_table", nil
		}
	}
	return ctx
}
func (m *meddler) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (m *meddler) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (m *meddler) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
