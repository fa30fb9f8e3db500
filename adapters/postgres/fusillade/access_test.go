package fusillade

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

// addAccessed stores a response and returns an access to it.
func (b *fixture) addAccessed(owner string) domain.Access {
	b.t.Helper()
	row := porttest.NewRow(owner, "completed", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	row.Prompt = "words"
	b.AddResponse(row)
	return accessTo(row)
}

func accessTo(row porttest.Row) domain.Access {
	return domain.Access{ID: uuid.New(), At: row.CreatedAt, By: uuid.New(), Response: row.ID, Owner: row.Owner, Address: "192.0.2.7"}
}

// fetchRecorded fetches the response of an access and records it. Without an error, the contents
// are there.
func fetchRecorded(ctx context.Context, r *Responses, l domain.Access) error {
	_, contents, err := r.Get(ctx, l.Response, nil, math.MaxInt64, &domain.Recording{Access: l})
	if err == nil && contents.Prompt != "words" || err != nil && contents != (domain.Contents{}) {
		return errors.New("wrong contents: " + contents.Prompt)
	}
	return err
}

func (b *fixture) wantRecords(what string, response uuid.UUID, want int64) {
	b.t.Helper()
	if got := b.number(`SELECT count(*) FROM lethe.access_log WHERE request_id = $1`, response); got != want {
		b.t.Errorf("%s: got %d records, want %d", what, got, want)
	}
}

// nobody has no addresses.
type nobody struct{ domain.People }

func (nobody) Emails(context.Context, []uuid.UUID) (map[uuid.UUID]string, error) { return nil, nil }

// TestAccessRoundTrips: recording an access takes no extra round trip.
func TestAccessRoundTrips(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newFixture(t, postgres.Config{Tracer: m})
	anna, ben := uuid.New(), uuid.New()
	get := domain.NewGetResponse(b.responses, nil, nobody{}, time.Now, nil)
	admin := domain.Principal{ID: anna, Admin: true, Organization: &ben}
	for name, c := range map[string]struct {
		caller   domain.Principal
		owner    string
		omit     bool
		accesses int64
	}{
		"own":                         {domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}, anna.String(), false, 0},
		"own, as an administrator":    {admin, anna.String(), false, 0},
		"active organization's":       {admin, ben.String(), false, 0},
		"another's, without contents": {domain.Principal{ID: anna, Admin: true}, ben.String(), true, 0},
		"another's":                   {domain.Principal{ID: anna, Admin: true}, ben.String(), false, 1},
		"without an owner":            {domain.Principal{ID: anna, Admin: true}, "", false, 1},
		"another organization's":      {admin, uuid.NewString(), false, 1},
	} {
		l := b.addAccessed(c.owner)
		m.count.Store(0)
		if _, err := get.Execute(t.Context(), c.caller, domain.GetRequest{ID: l.Response, OmitContents: c.omit}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := m.count.Load(); got != 1 {
			t.Errorf("%s: got %d round trips, want 1", name, got)
		}
		b.wantRecords(name, l.Response, c.accesses)
	}
	m.count.Store(0)
	if err := fetchRecorded(t.Context(), b.responses, domain.Access{ID: uuid.New(), Response: uuid.New()}); domain.CodeOf(err) != domain.CodeNotFound || m.count.Load() != 1 {
		t.Errorf("a missing response: got %v in %d round trips, want not found in 1", err, m.count.Load())
	}
}

// TestAccessReplica: what a replica returned is recorded in the round trip in which the
// primary confirms it.
func TestAccessReplica(t *testing.T) {
	t.Parallel()
	primaryTrips, replicaTrips := &meddler{}, &meddler{}
	primary := newFixture(t, postgres.Config{Tracer: primaryTrips})
	replica := newFixture(t, postgres.Config{Tracer: replicaTrips})
	port, err := New(postgres.Source{Primary: primary.responses.src.Primary, Replica: replica.responses.src.Primary}, "outlet", true, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	add := func() domain.Access {
		row := porttest.NewRow("anna", "completed", time.Now())
		row.Prompt = "words"
		primary.AddResponse(row)
		replica.AddResponse(row)
		return accessTo(row)
	}
	erased, grown, shown := add(), add(), add()
	primary.exec(`DELETE FROM requests WHERE id = $1`, erased.Response)
	primary.exec(`UPDATE requests SET response_body = repeat('x', 1000) WHERE id = $1`, grown.Response)
	for name, c := range map[string]struct {
		access  domain.Access
		limit   int64
		exempt  string
		code    domain.Code
		records int64
	}{
		"another's":            {shown, math.MaxInt64, "ben", "", 1},
		"own":                  {shown, math.MaxInt64, "anna", "", 0},
		"too large":            {shown, 1, "ben", "", 0},
		"erased":               {erased, math.MaxInt64, "ben", domain.CodeNotFound, 0},
		"grown on the primary": {grown, 500, "ben", "", 1},
	} {
		primary.exec(`DELETE FROM lethe.access_log`)
		primaryTrips.count.Store(0)
		replicaTrips.count.Store(0)
		_, contents, err := port.Get(t.Context(), c.access.Response, nil, c.limit, &domain.Recording{Access: c.access, Exempt: []string{c.exempt}})
		if err == nil && c.code != "" || err != nil && domain.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want the code %q", name, err, c.code)
		}
		if want := c.code == "" && c.limit > 1; (contents.Prompt == "words") != want {
			t.Errorf("%s: got %+v, want contents: %t", name, contents, want)
		}
		if r, p := replicaTrips.count.Load(), primaryTrips.count.Load(); r != 1 || p != 1 {
			t.Errorf("%s: got %d round trips to the replica and %d to the primary, want 1 and 1", name, r, p)
		}
		primary.wantRecords(name, c.access.Response, c.records)
	}
	primary.exec(`UPDATE request_templates SET body = '' WHERE id = (SELECT template_id FROM requests WHERE id = $1)`, shown.Response)
	primary.exec(`ALTER TABLE lethe.access_log ADD CONSTRAINT never CHECK (false) NOT VALID`)
	if err := fetchRecorded(t.Context(), port, shown); domain.CodeOf(err) != domain.CodeUnavailable || !strings.HasPrefix(err.Error(), "Could not record this access") {
		t.Errorf("got %v, want an error about the record", err)
	}
	away := openDB(t, postgres.Config{URL: "postgres://nobody@127.0.0.1:1/none"})
	if port, err = New(postgres.Source{Primary: primary.responses.src.Primary, Replica: away}, "outlet", true, TestIssuer); err != nil {
		t.Fatal(err)
	}
	primary.exec(`ALTER TABLE lethe.access_log DROP CONSTRAINT never`)
	primary.exec(`DELETE FROM lethe.access_log`)
	primary.exec(`UPDATE request_templates SET body = 'words' WHERE id = (SELECT template_id FROM requests WHERE id = $1)`, shown.Response)
	primaryTrips.count.Store(0)
	if err := fetchRecorded(t.Context(), port, shown); err != nil || primaryTrips.count.Load() != 1 {
		t.Errorf("without the replica: got %v in %d round trips, want no error in 1", err, primaryTrips.count.Load())
	}
	primary.wantRecords("without the replica", shown.Response, 1)
}

// TestAccessNotRecorded: if the record cannot be written, nothing is shown, and nothing
// is recorded if the response cannot be read. Errors of each are told apart.
func TestAccessNotRecorded(t *testing.T) {
	t.Parallel()
	const unrecorded = "Could not record this access, so the response is not shown; try again later"
	b := newFixture(t, postgres.Config{})
	l := b.addAccessed("anna")
	b.exec(`CREATE FUNCTION never() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'never'; END $$ LANGUAGE plpgsql`)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		responses := b.open(postgres.Config{URL: withParameter(t, b.database.RoleURL, "default_query_exec_mode", mode), MaxConns: 1})
		for name, c := range map[string]struct {
			fail, repair string
			reading      bool
		}{
			"constraint": {`ALTER TABLE lethe.access_log ADD CONSTRAINT never CHECK (false) NOT VALID`, `ALTER TABLE lethe.access_log DROP CONSTRAINT never`, false},
			"no table":   {`ALTER TABLE lethe.access_log RENAME TO elsewhere`, `ALTER TABLE lethe.elsewhere RENAME TO access_log`, false},
			"commit": {`CREATE CONSTRAINT TRIGGER never AFTER INSERT ON lethe.access_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION never()`,
				`DROP TRIGGER never ON lethe.access_log`, false},
			"reading": {`ALTER TABLE public.http_analytics RENAME COLUMN total_tokens TO elsewhere`, `ALTER TABLE public.http_analytics RENAME COLUMN elsewhere TO total_tokens`, true},
		} {
			l.ID = uuid.New()
			b.exec(c.fail)
			err := fetchRecorded(t.Context(), responses, l)
			if domain.CodeOf(err) != domain.CodeUnavailable || strings.HasPrefix(err.Error(), unrecorded+": ") == c.reading || strings.Contains(err.Error(), "192.0.2.7") {
				t.Errorf("%s, %s: got %v", mode, name, err)
			}
			b.exec(c.repair)
			b.wantRecords(mode+", "+name, l.Response, 0)
			if err := fetchRecorded(t.Context(), responses, l); err != nil {
				t.Errorf("%s, %s: repaired: %v", mode, name, err)
			}
			b.wantRecords(mode+", "+name+", repaired", l.Response, 1)
			b.exec(`DELETE FROM lethe.access_log`)
		}
	}
}

// TestAccessLogMissing: without the table, only what would need a record is refused.
func TestAccessLogMissing(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	anna := uuid.New()
	own, others := b.addAccessed(anna.String()), b.addAccessed("ben")
	b.exec(`ALTER TABLE lethe.access_log RENAME TO elsewhere`)
	get := domain.NewGetResponse(b.responses, nil, nobody{}, time.Now, nil)
	for id, want := range map[uuid.UUID]domain.Code{own.Response: "", others.Response: domain.CodeUnavailable, uuid.New(): domain.CodeNotFound} {
		got, err := get.Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.GetRequest{ID: id})
		if err != nil && domain.CodeOf(err) != want || (err == nil) != (want == "") || (got.Prompt == "words") != (want == "") {
			t.Errorf("want the code %q, got %+v, %v", want, got, err)
		}
	}
}

// TestAccessFailures: a session that ends, or a caller who leaves, before the batch is
// sent.
func TestAccessFailures(t *testing.T) {
	t.Parallel()
	m := &meddler{at: 1}
	b := newFixture(t, postgres.Config{Tracer: m, MaxConns: 1})
	l := b.addAccessed("anna")
	m.act = func(ctx context.Context, c *pgx.Conn) context.Context {
		b.number(`SELECT pg_terminate_backend($1, 10000)::int`, c.PgConn().PID())
		return ctx
	}
	m.count.Store(0)
	if err := fetchRecorded(t.Context(), b.responses, l); err != nil {
		t.Errorf("an ended session: got %v, want the response from the next", err)
	}
	b.wantRecords("an ended session", l.Response, 1)
	ctx, cancel := context.WithCancel(t.Context())
	m.act = func(ctx context.Context, _ *pgx.Conn) context.Context {
		cancel()
		return ctx
	}
	m.count.Store(0)
	l.ID = uuid.New()
	if err := fetchRecorded(ctx, b.responses, l); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: got %v, want the context's error", err)
	}
}

// TestAccessSynchronousCommit: a record that is reported before its commit is on disk
// could be undone by a crash.
func TestAccessSynchronousCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	b.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	b.exec(`CREATE TABLE public.seen (level text)`)
	b.exec(`CREATE FUNCTION look() RETURNS trigger SECURITY DEFINER AS $$ BEGIN
		INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$ LANGUAGE plpgsql`)
	b.exec(`CREATE TRIGGER look BEFORE INSERT ON lethe.access_log FOR EACH ROW EXECUTE FUNCTION look()`)
	if err := fetchRecorded(t.Context(), b.responses, b.addAccessed("anna")); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT count(*) FROM public.seen WHERE level = 'on'`); n != 1 {
		t.Errorf("want one record written with synchronous_commit on, got %d", n)
	}
}

// TestAccessDuringUpdateAndErase: recording an access waits for an erasure of the
// response, but not for an update, nor does the caller's own.
func TestAccessDuringUpdateAndErase(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	changed, erased := b.addAccessed("anna"), b.addAccessed("anna")
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `UPDATE requests SET updated_at = now() WHERE id = $1`, changed.Response); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `DELETE FROM requests WHERE id = $1`, erased.Response); err != nil {
		t.Fatal(err)
	}
	if err := fetchRecorded(t.Context(), b.responses, changed); err != nil {
		t.Errorf("during an update: got %v, want no error", err)
	}
	own := &domain.Recording{Access: erased, Exempt: []string{"anna"}}
	if _, _, err := b.responses.Get(t.Context(), erased.Response, nil, math.MaxInt64, own); err != nil {
		t.Errorf("own, during an erasure: got %v, want no error", err)
	}
	done := make(chan error, 1)
	go func() { done <- fetchRecorded(t.Context(), b.responses, erased) }()
	select {
	case err := <-done:
		t.Errorf("recording did not wait for the erasure: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want not found, got %v", err)
	}
	if n := b.number(`SELECT count(*) FROM lethe.access_log`); n != 1 {
		t.Errorf("got %d records, want 1", n)
	}
}

// TestAccessBesideArsenal: a response that has been moved, or whose prompt has, is
// recorded in one more round trip, and not if it is too large with that prompt.
func TestAccessBesideArsenal(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newFixtureOn(t, pgtest.WithArsenal(t), postgres.Config{Tracer: m})
	always := func() bool { return true }
	b.responses.WithArsenal(always, always)
	here, moved, split := b.addAccessed("anna"), b.addAccessed("anna"), b.addAccessed("anna")
	_, contents, err := b.responses.Get(t.Context(), split.Response, nil, math.MaxInt64, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := contents.Bytes()
	b.exec(pgtest.Moved(moved.Response.String()))
	b.exec(`WITH split AS (SELECT template_id FROM requests WHERE id = $1),
		     moved AS (DELETE FROM request_templates WHERE id = (SELECT template_id FROM split) RETURNING *),
		     routed AS (INSERT INTO request_template_routes (id, created_on) SELECT id, '2026-05-01' FROM moved)
		INSERT INTO request_templates_g2 (created_on, id, endpoint, method, path, body, model, api_key)
		SELECT '2026-05-01', id, endpoint, method, path, body, model, api_key FROM moved`, split.Response)
	for name, c := range map[string]struct {
		access domain.Access
		limit  int64
		shown  bool
		trips  int64
	}{
		"here":                      {here, math.MaxInt64, true, 1},
		"moved":                     {moved, math.MaxInt64, true, 3},
		"moved and too large":       {moved, 1, false, 2},
		"prompt elsewhere":          {split, math.MaxInt64, true, 3},
		"too large with its prompt": {split, size - 1, false, 2},
		"as large with its prompt":  {split, size, true, 3},
	} {
		b.exec(`DELETE FROM lethe.access_log`)
		m.count.Store(0)
		_, contents, err := b.responses.Get(t.Context(), c.access.Response, nil, c.limit, &domain.Recording{Access: c.access})
		if err != nil || (contents.Prompt == "words") != c.shown || m.count.Load() != c.trips {
			t.Errorf("%s: got %+v (error %v) in %d round trips, want contents: %t in %d", name, contents, err, m.count.Load(), c.shown, c.trips)
		}
		want := int64(0)
		if c.shown {
			want = 1
		}
		b.wantRecords(name, c.access.Response, want)
		m.count.Store(0)
		own := &domain.Recording{Access: c.access, Exempt: []string{"anna"}}
		if _, _, err := b.responses.Get(t.Context(), c.access.Response, nil, c.limit, own); err != nil || m.count.Load() != min(c.trips, 2) {
			t.Errorf("%s, own: got %v in %d round trips", name, err, m.count.Load())
		}
		b.wantRecords(name+", own", c.access.Response, want)
	}
}
