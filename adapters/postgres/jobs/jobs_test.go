package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/jobs"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
	"lethe/internal/pgtest"
)

// erasures are in memory and advance by one response at a time. begin, if not nil,
// runs before each advance; its error becomes the advance's.
type erasures struct {
	memory.Erasures
	store *memory.Store
	begin func(ctx context.Context, id uuid.UUID) error

	mu       sync.Mutex
	advanced []uuid.UUID // in order
}

func newErasures() *erasures {
	store := memory.New()
	return &erasures{Erasures: store.Erasures(), store: store}
}

// as returns the same erasures with another begin.
func (e *erasures) as(begin func(ctx context.Context, id uuid.UUID) error) *erasures {
	return &erasures{Erasures: e.Erasures, store: e.store, begin: begin}
}

func (e *erasures) Advance(ctx context.Context, id uuid.UUID, _ int, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)) (domain.Erasure, error) {
	e.mu.Lock()
	e.advanced = append(e.advanced, id)
	e.mu.Unlock()
	if e.begin != nil {
		if err := e.begin(ctx, id); err != nil {
			return domain.Erasure{}, err
		}
	}
	return e.Erasures.Advance(ctx, id, 1, judge)
}

func (e *erasures) order() []uuid.UUID {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.advanced)
}

// add stores an erasure of n responses.
func (e *erasures) add(t *testing.T, responses int) uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, responses)
	for i := range ids {
		ids[i] = uuid.New()
		e.store.AddResponse(porttest.Row{Response: domain.Response{ID: ids[i], Owner: "owner", CreatedAt: time.Now()}})
	}
	stored, _, err := e.Create(t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: domain.TargetResponses, Target: &domain.ErasureTarget{Responses: ids},
		RequestedAt: time.Now(), State: domain.ErasurePending,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stored.ID
}

func (e *erasures) state(t *testing.T, id uuid.UUID) domain.Erasure {
	t.Helper()
	got, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// queue is the job queue of a database, and its log.
type queue struct {
	*jobs.Jobs
	mu  sync.Mutex
	log bytes.Buffer
}

func (q *queue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.log.Write(line)
}

func (q *queue) said() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.log.String()
}

func open(t *testing.T, config postgres.Config, e domain.Erasures, cfg jobs.Config) *queue {
	t.Helper()
	config.MaxConns, config.SearchPath = jobs.MaxConns, []string{"fusillade", "outlet"}
	db, err := postgres.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	q := &queue{}
	run := domain.NewRunErasure(e, func(context.Context, int) error { return nil }, time.Now)
	if q.Jobs, err = jobs.New(db, run, cfg, slog.New(slog.NewTextHandler(q, nil))); err != nil {
		t.Fatal(err)
	}
	return q
}

// work runs the jobs until the test ends or stop is called.
func (q *queue) work(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Work returned %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (q *queue) enqueue(t *testing.T, ids ...uuid.UUID) {
	t.Helper()
	for _, id := range ids {
		if err := q.Enqueue(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting: %s", what)
		}
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// states are the states of the jobs in the order of their creation.
func states(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	var s string
	if err := conn.QueryRow(t.Context(), "SELECT coalesce(string_agg(state::text, ' ' ORDER BY id), '') FROM lethe.river_job").Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func role(database *pgtest.Database) postgres.Config { return postgres.Config{URL: database.RoleURL} }

// TestEnqueue: an erasure is one job, however often it is enqueued.
// One that does not exist is not an error. Nothing is logged.
func TestEnqueue(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	q := open(t, role(database), e, jobs.Config{})
	first, second := e.add(t, 3), e.add(t, 2)
	q.enqueue(t, first, second, first, uuid.New(), first)
	if got := states(t, conn); got != "available available available" {
		t.Errorf("got the job states %q", got)
	}
	var args string
	if err := conn.QueryRow(t.Context(), "SELECT args::text FROM lethe.river_job ORDER BY id LIMIT 1").Scan(&args); err != nil || args != `{"erasure": "`+first.String()+`"}` {
		t.Errorf("got the job's arguments %s (error %v)", args, err)
	}
	stop := q.work(t)
	await(t, "all are done", func() bool { return states(t, conn) == "completed completed completed" })
	for id, done := range map[uuid.UUID]int64{first: 3, second: 2} {
		if got := e.state(t, id); got.State != domain.ErasureFinished || got.Done != done {
			t.Errorf("got state %s with %d of %d done", got.State, got.Done, done)
		}
	}
	q.enqueue(t, first) // as for its verification
	await(t, "it is done again", func() bool { return states(t, conn) == "completed completed completed completed" })
	stop()
	if q.said() != "" {
		t.Errorf("want nothing logged, got\n%s", q.said())
	}
}

// TestLongErasureYields: a long erasure does not delay others to its end.
func TestLongErasureYields(t *testing.T) {
	t.Parallel()
	database, e := pgtest.New(t), newErasures()
	e.begin = func(context.Context, uuid.UUID) error {
		time.Sleep(5 * time.Millisecond)
		return nil
	}
	q := open(t, role(database), e, jobs.Config{Turn: 20 * time.Millisecond})
	ids := []uuid.UUID{e.add(t, 12), e.add(t, 12), e.add(t, 12), e.add(t, 12)}
	q.enqueue(t, ids...)
	q.work(t)
	await(t, "all are finished", func() bool {
		return !slices.ContainsFunc(ids, func(id uuid.UUID) bool { return e.state(t, id).State != domain.ErasureFinished })
	})
	order := e.order()
	for _, id := range ids {
		// Two at a time: without turns, the last ones would start after the others'
		// ends.
		if begun := slices.Index(order, id); begun > 24 {
			t.Errorf("an erasure's first step was step %d of all", begun)
		}
	}
}

// TestTwoProcesses share the work, and never advance one erasure at the same time.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	database, all := pgtest.New(t), newErasures()
	var mu sync.Mutex
	busy, worked := map[uuid.UUID]bool{}, map[string]int{}
	process := func(name string) *queue {
		return open(t, role(database), all.as(func(_ context.Context, id uuid.UUID) error {
			mu.Lock()
			if busy[id] {
				t.Errorf("%s is advanced twice at the same time", id)
			}
			busy[id], worked[name] = true, worked[name]+1
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			busy[id] = false
			mu.Unlock()
			return nil
		}), jobs.Config{Turn: 15 * time.Millisecond})
	}
	one, other := process("one"), process("other")
	ids := make([]uuid.UUID, 6)
	for i := range ids {
		ids[i] = all.add(t, 10)
	}
	one.enqueue(t, ids...)
	other.enqueue(t, ids...)
	one.work(t)
	other.work(t)
	await(t, "all are finished", func() bool {
		return !slices.ContainsFunc(ids, func(id uuid.UUID) bool { return all.state(t, id).State != domain.ErasureFinished })
	})
	mu.Lock()
	defer mu.Unlock()
	if worked["one"] == 0 || worked["other"] == 0 {
		t.Errorf("steps per process: got %v, want some of each", worked)
	}
	for _, id := range ids {
		if got := all.state(t, id); got.Done != 10 {
			t.Errorf("got %d of 10 done", got.Done)
		}
	}
}

// TestStop: a job that is running when its process stops is interrupted, loses no
// attempt, and continues in the next process.
func TestStop(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	begun := make(chan struct{})
	q := open(t, role(database), e.as(func(ctx context.Context, _ uuid.UUID) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}), jobs.Config{})
	id := e.add(t, 1)
	q.enqueue(t, id)
	stop := q.work(t)
	<-begun
	stop()
	var state string
	var attempt int
	if err := conn.QueryRow(t.Context(), "SELECT state::text, attempt FROM lethe.river_job").Scan(&state, &attempt); err != nil || state != "available" || attempt != 0 {
		t.Errorf("got state %s after %d attempts (error %v)", state, attempt, err)
	}
	if got := e.state(t, id); got.LastError != "" {
		t.Errorf("got the error %s, want none", got.LastError)
	}
	open(t, role(database), e, jobs.Config{}).work(t)
	await(t, "it is finished", func() bool { return e.state(t, id).State == domain.ErasureFinished })
}

// TestKilledProcess: a job of a killed process continues in another.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	q := open(t, role(database), e, jobs.Config{})
	id := e.add(t, 2)
	q.enqueue(t, id)
	exec(t, conn, "UPDATE lethe.river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '61 s', attempted_by = '{the dead}'")
	q.enqueue(t, id)
	if got := states(t, conn); got != "running" {
		t.Errorf("got the job states %q", got)
	}
	q.work(t)
	await(t, "it is finished", func() bool { return e.state(t, id).State == domain.ErasureFinished })
	if q.said() != "" { // each of River's services has run by then
		t.Errorf("want nothing logged, got\n%s", q.said())
	}
}

// TestCanceledErasure: a canceled erasure does not continue.
func TestCanceledErasure(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	var id uuid.UUID
	q := open(t, role(database), e.as(func(ctx context.Context, _ uuid.UUID) error {
		if got, err := e.Get(ctx, id); err != nil || got.Done < 2 {
			return err
		}
		_, err := e.Cancel(ctx, id)
		return err
	}), jobs.Config{})
	id = e.add(t, 9)
	q.enqueue(t, id)
	q.work(t)
	await(t, "the job is done", func() bool { return states(t, conn) == "completed" })
	if got := e.state(t, id); got.State != domain.ErasureCanceled || got.Done != 2 {
		t.Errorf("got state %s with %d done", got.State, got.Done)
	}
}

// TestLastError: while the database is away, an erasure waits without losing
// attempts. Other failures cost attempts, and after the last one the erasure fails.
func TestLastError(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	waits, fails := e.add(t, 1), e.add(t, 1)
	var mu sync.Mutex
	tried := map[uuid.UUID]int{}
	q := open(t, role(database), e.as(func(_ context.Context, id uuid.UUID) error {
		mu.Lock()
		defer mu.Unlock()
		tried[id]++
		switch {
		case id == fails:
			return &domain.Error{Code: domain.CodeInternal, Message: "The database is not as needed", Cause: errors.New("column c")}
		case tried[id] == 1:
			return domain.Errorf(domain.CodeUnavailable, "The database cannot be reached; try again later")
		}
		return nil
	}), jobs.Config{})
	q.enqueue(t, waits, fails)
	exec(t, conn, "UPDATE lethe.river_job SET attempt = max_attempts - 2 WHERE args ->> 'erasure' = '"+fails.String()+"'")
	q.work(t)
	await(t, "it was tried once", func() bool { return strings.HasSuffix(states(t, conn), "retryable") })
	if got := e.state(t, fails); got.State.Finished() || got.LastError != "The database is not as needed" {
		t.Errorf("failing erasure, after one attempt: got state %s and error %q", got.State, got.LastError)
	}
	if got := e.state(t, waits); got.State.Finished() || got.LastError == "" {
		t.Errorf("database away: got state %s and error %q", got.State, got.LastError)
	}
	exec(t, conn, "UPDATE lethe.river_job SET scheduled_at = now() WHERE state = 'retryable'")
	await(t, "both are over", func() bool { return states(t, conn) == "completed discarded" })
	if got := e.state(t, fails); got.State != domain.ErasureFailed || got.LastError != "The database is not as needed" {
		t.Errorf("failing erasure, at the end: got state %s and error %q", got.State, got.LastError)
	}
	if got := e.state(t, waits); got.State != domain.ErasureFinished {
		t.Errorf("database back: got state %s and error %q", got.State, got.LastError)
	}
	var attempt int
	if err := conn.QueryRow(t.Context(), "SELECT attempt FROM lethe.river_job ORDER BY id LIMIT 1").Scan(&attempt); err != nil || attempt != 1 {
		t.Errorf("waiting cost %d attempts (error %v), want none", attempt-1, err)
	}
	if said := q.said(); strings.Count(said, "\n") != 2 || !strings.Contains(said, "level=WARN") || !strings.Contains(said, "level=ERROR") || strings.Contains(said, waits.String()) {
		t.Errorf("got the log\n%s", said)
	}
}

// TestLostConnections: after the database has closed every connection, work
// continues on new ones.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	q := open(t, role(database), e, jobs.Config{})
	first, second := e.add(t, 1), e.add(t, 1)
	q.enqueue(t, first)
	q.work(t)
	await(t, "the first is finished", func() bool { return e.state(t, first).State == domain.ErasureFinished })
	exec(t, conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	await(t, "enqueuing works again", func() bool { return q.Enqueue(t.Context(), second) == nil })
	await(t, "the second is finished", func() bool { return e.state(t, second).State == domain.ErasureFinished })
}

func TestThroughPgBouncer(t *testing.T) {
	t.Parallel()
	through := pgtest.ThroughPgBouncer(t)
	database := pgtest.New(t)
	conn, e := connect(t, database.URL), newErasures()
	q := open(t, postgres.Config{URL: through(database.URL), PgBouncer: true}, e, jobs.Config{Turn: time.Millisecond})
	id := e.add(t, 5)
	q.enqueue(t, id, id)
	q.work(t)
	await(t, "the job is done", func() bool { return states(t, conn) == "completed" })
	if got := e.state(t, id); got.State != domain.ErasureFinished || got.Done != 5 {
		t.Errorf("got state %s with %d done", got.State, got.Done)
	}
	if q.said() != "" {
		t.Errorf("want nothing logged, got\n%s", q.said())
	}
}

// TestNotReady: without its tables or its database nothing runs, and the error says
// why.
func TestNotReady(t *testing.T) {
	t.Parallel()
	e := newErasures()
	for name, c := range map[string]struct {
		url  string
		code domain.Code
	}{
		"no tables":   {pgtest.Empty(t).URL, domain.CodeUnavailable},
		"no database": {"postgres://someone:hunter2@127.0.0.1:1/none", domain.CodeUnavailable},
	} {
		q := open(t, postgres.Config{URL: c.url}, e, jobs.Config{})
		for _, err := range []error{q.Enqueue(t.Context(), uuid.New()), q.Run(t.Context())} {
			if domain.CodeOf(err) != c.code || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: want %s, got %v", name, c.code, err)
			}
		}
	}
	q := open(t, postgres.Config{URL: pgtest.Empty(t).URL}, e, jobs.Config{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Enqueue(ended, uuid.New()); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v", err)
	}
	if _, err := jobs.New(nil, nil, jobs.Config{}, nil); err == nil {
		t.Error("New without erasures: got no error")
	}
}
