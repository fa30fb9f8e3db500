package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/events"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// open makes the port with the role that has the fewest grants.
func open(t *testing.T, url string) *events.Events {
	t.Helper()
	db, err := postgres.Open(postgres.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	p, err := events.New(db)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEvents(t *testing.T) {
	t.Parallel()
	porttest.Events(t, func(t *testing.T) (domain.Events, func(domain.Event)) {
		database := pgtest.New(t)
		owner := connect(t, database.URL)
		return open(t, database.RoleURL), func(e domain.Event) {
			exec(t, owner, "INSERT INTO lethe.events (id, type, at, due_at, data) VALUES ($1, $2, $3, $3, $4)", e.ID, e.Type, e.At, e.Data)
		}
	})
	if _, err := events.New(nil); err == nil {
		t.Error("New without a database: got no error")
	}
}

// ends runs statements as the service's role, and tells which events they leave.
type ends struct {
	*events.Events
	owner, role *pgx.Conn
}

func newEnds(t *testing.T) ends {
	t.Helper()
	database := pgtest.New(t)
	return ends{open(t, database.RoleURL), connect(t, database.URL), connect(t, database.RoleURL)}
}

func (e ends) claim(t *testing.T) (domain.Event, error) {
	t.Helper()
	soon := time.Now().Add(time.Minute) // the database's clock may differ
	return e.Claim(t.Context(), soon, soon.Add(time.Hour))
}

func (e ends) none(t *testing.T, when string) {
	t.Helper()
	if got, err := e.claim(t); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("%s: want no event, got %+v with %s, %v", when, got, got.Data, err)
	}
}

// wantOne runs a statement about id: rolled back, it leaves no event, and else this one.
func (e ends) wantOne(t *testing.T, sql string, id uuid.UUID, kind, data string) domain.Event {
	t.Helper()
	tx, err := e.role.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), sql, id); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.none(t, kind+", after a rollback")
	exec(t, e.role, sql, id)
	got, err := e.claim(t)
	var compact bytes.Buffer
	if err == nil {
		err = json.Compact(&compact, got.Data)
	}
	if err != nil || got.Type != kind || got.Attempts != 1 || compact.String() != data {
		t.Errorf("want %s with %s, got %+v with %s, %v", kind, data, got, &compact, err)
	}
	e.none(t, kind+", a second time")
	return got
}

const (
	finished      = `'2026-03-01T13:00:00.5+01:00'`
	shownFinished = `"2026-03-01T12:00:00.500000Z"`
)

func wantAt(t *testing.T, e domain.Event, when string) {
	t.Helper()
	if shown := e.At.UTC().Format(`"2006-01-02T15:04:05.000000Z"`); shown != when {
		t.Errorf("%s: want it at %s, got %s", e.Type, when, shown)
	}
}

// TestErasureEnds: however an erasure ends, its end leaves one event, in the same
// transaction, with what it came to.
func TestErasureEnds(t *testing.T) {
	t.Parallel()
	e := newEnds(t)
	for state, also := range map[string]string{"finished": "", "failed": "", "canceled": "", "expired": "", "refused": ", refusal = 'other'"} {
		id := uuid.New()
		exec(t, e.owner, `INSERT INTO lethe.erasures (id, trigger, kind, as_of, max, ground, ticket, requested_at, role, request_sum, state)
			VALUES ($1, 'bulk', 'owner', now(), 0, 'request', 'a ticket', now(), 'administrator', '', 'pending')`, id)
		exec(t, e.role, "UPDATE lethe.erasures SET state = 'running', done = 3, held = 2, refused = 1, receipts = 4, finished_at = NULL WHERE id = $1", id)
		e.none(t, "while it runs")
		wantAt(t, e.wantOne(t, fmt.Sprintf("UPDATE lethe.erasures SET state = '%s', finished_at = %s%s WHERE id = $1", state, finished, also), id, "erasure."+state,
			fmt.Sprintf(`{"id":"%s","state":"%s","responses":3,"held":2,"refused":1,"receipts":4,"finished_at":%s}`, id, state, shownFinished)), shownFinished)
		exec(t, e.role, "UPDATE lethe.erasures SET done = 9, finished_at = finished_at WHERE id = $1", id)
		e.none(t, "when it is verified")
	}
}

// TestPersonFileEnds: whatever becomes of a person's file leaves one event, in the same
// transaction, without the person and whoever asked for it.
func TestPersonFileEnds(t *testing.T) {
	t.Parallel()
	const (
		done   = "UPDATE lethe.person_files SET state = 'done', finished_at = " + finished + ", expires_at = now(), as_of = now(), responses = 3, bytes = 400, sha256 = sha256('') WHERE id = $1"
		fail   = "UPDATE lethe.person_files SET state = 'failed', reason = 'disk_full', removed = true, finished_at = " + finished + " WHERE id = $1"
		expire = "UPDATE lethe.person_files SET state = 'expired', reason = 'erased', finished_at = coalesce(finished_at, " + finished + ") WHERE id = $1"
		remove = "DELETE FROM lethe.person_files WHERE id = $1"
		made   = `"responses":3,"bytes":400,"finished_at":` + shownFinished
		begun  = `"responses":2,"bytes":0,"finished_at":`
	)
	e := newEnds(t)
	create := func(t *testing.T) uuid.UUID {
		t.Helper()
		id := uuid.New()
		exec(t, e.role, "INSERT INTO lethe.person_files (id, owner, requested_at, requested_by, due_at) VALUES ($1, 'the owner', now(), gen_random_uuid(), now())", id)
		exec(t, e.role, "UPDATE lethe.person_files SET state = 'running', attempt = 1, responses = 2 WHERE id = $1", id)
		exec(t, e.role, "UPDATE lethe.person_files SET state = 'queued' WHERE id = $1", id)
		exec(t, e.role, "UPDATE lethe.person_files SET state = 'running', attempt = 2 WHERE id = $1", id)
		e.none(t, "while it is made")
		return id
	}
	want := func(id uuid.UUID, state, rest string) string {
		return fmt.Sprintf(`{"id":"%s","state":"%s",%s}`, id, state, rest)
	}
	now := func(t *testing.T, got domain.Event) {
		t.Helper()
		if d := time.Since(got.At).Abs(); d > time.Hour {
			t.Errorf("%s: want it now, got it at %s", got.Type, got.At)
		}
	}
	for name, do := range map[string]func(t *testing.T, id uuid.UUID){
		"made, and kept as long as files are": func(t *testing.T, id uuid.UUID) {
			wantAt(t, e.wantOne(t, done, id, "export.finished", want(id, "done", made)), shownFinished)
			now(t, e.wantOne(t, expire, id, "export.expired", want(id, "expired", made)))
			exec(t, e.role, "UPDATE lethe.person_files SET removed = true WHERE id = $1", id)
			exec(t, e.role, remove, id)
			e.none(t, "when it is forgotten")
		},
		"made, and deleted": func(t *testing.T, id uuid.UUID) {
			e.wantOne(t, done, id, "export.finished", want(id, "done", made))
			now(t, e.wantOne(t, remove, id, "export.deleted", want(id, "deleted", made)))
		},
		"made, deleted, and kept for its subject request": func(t *testing.T, id uuid.UUID) {
			e.wantOne(t, done, id, "export.finished", want(id, "done", made))
			const keep = "UPDATE lethe.person_files SET state = 'expired', removed = true, reason = 'deleted' WHERE id = $1"
			now(t, e.wantOne(t, keep, id, "export.deleted", want(id, "deleted", made)))
		},
		"failed": func(t *testing.T, id uuid.UUID) {
			wantAt(t, e.wantOne(t, fail, id, "export.failed", want(id, "failed", begun+shownFinished)), shownFinished)
			exec(t, e.role, remove, id)
			e.none(t, "when it is forgotten")
		},
		"erased meanwhile": func(t *testing.T, id uuid.UUID) {
			wantAt(t, e.wantOne(t, expire, id, "export.expired", want(id, "expired", begun+shownFinished)), shownFinished)
		},
		"deleted meanwhile": func(t *testing.T, id uuid.UUID) {
			now(t, e.wantOne(t, remove, id, "export.deleted", want(id, "deleted", begun+"null")))
		},
	} {
		t.Run(name, func(t *testing.T) { do(t, create(t)) })
	}
}

// TestClaimSkipsLocked: processes that look at the same time claim different events.
func TestClaimSkipsLocked(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	owner, p, now := connect(t, database.URL), open(t, database.RoleURL), time.Now()
	for range 2 {
		exec(t, owner, "INSERT INTO lethe.events (type, at, due_at, data) VALUES ('erasure.finished', now(), now() - interval '1 h', '{}')")
	}
	tx, err := owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var locked uuid.UUID
	if err := tx.QueryRow(t.Context(), "SELECT id FROM lethe.events ORDER BY id LIMIT 1 FOR UPDATE").Scan(&locked); err != nil {
		t.Fatal(err)
	}
	if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); err != nil || e.ID == locked {
		t.Errorf("want the event that is not locked, got %+v, %v", e, err)
	}
	if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want none, got %+v, %v", e, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := p.Claim(t.Context(), now, now.Add(time.Hour)); err != nil || e.ID != locked {
		t.Errorf("want %s, got %+v, %v", locked, e, err)
	}
}
