package e2e

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain"
	"lethe/internal/pgtest"
)

// eraseOwner adds so many responses of a new owner, each third with a template,
// and asks for all of the owner's to be erased.
func eraseOwner(t *testing.T, url string, responses int) uuid.UUID {
	t.Helper()
	owner, by := uuid.New(), uuid.New()
	conn := connect(t, url)
	execute(t, conn, `INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
		SELECT md5($1 || n)::uuid, 'http://upstream.test', 'POST', '/', 'words of people', 'm', 'key' FROM generate_series(3, $2, 3) AS n`, owner.String(), responses)
	execute(t, conn, `INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at)
		SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN md5($1 || n)::uuid END, 'pending', 'm', $1, now() - n * interval '1 s'
		FROM generate_series(1, $2) AS n`, owner.String(), responses)
	db, err := postgres.Open(postgres.Config{URL: url, SearchPath: []string{"fusillade", "outlet"}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	erasures, err := fusillade.NewErasures(db, "outlet", fusillade.Issuer{Origin: "kill.test/erasures", Build: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := erasures.Create(t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: domain.TargetOwner, Target: &domain.ErasureTarget{Owner: &owner},
		AsOf: time.Now(), Ground: domain.GroundRequest, RequestedAt: time.Now(), RequestedBy: &by,
		Role: domain.ActorAdministrator, Secret: &domain.Salt{}, State: domain.ErasurePending,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e.ID
}

// progress is how far an erasure has come.
type progress struct {
	state                                string
	done, requests, templates, receipts  int64
	ofReceipts, requestsLeft, allReceipt int64
}

func progressOf(t *testing.T, conn *pgx.Conn, id uuid.UUID) (p progress) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), `
		SELECT state, done, requests, templates, receipts,
		       (SELECT coalesce(sum(responses), 0) FROM lethe.erasure_receipts WHERE erasure_id = e.id),
		       (SELECT count(*) FROM fusillade.requests WHERE created_by = e.target ->> 'owner'),
		       (SELECT count(*) FROM lethe.erasure_receipts x JOIN lethe.receipts r ON r.id = x.receipt_id WHERE x.erasure_id = e.id)
		FROM lethe.erasures e WHERE id = $1`, id).
		Scan(&p.state, &p.done, &p.requests, &p.templates, &p.receipts, &p.ofReceipts, &p.requestsLeft, &p.allReceipt); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTwoServicesShareErasures: both erase, and nothing is counted twice.
func TestTwoServicesShareErasures(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn := connect(t, database.URL)
	ids := make([]uuid.UUID, 6)
	for i := range ids {
		ids[i] = eraseOwner(t, database.URL, 500+i)
	}
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_RATE=500"}
	services := []*process{serve(t, settings...), serve(t, settings...)}
	for i, id := range ids {
		await(t, "it is finished", time.Minute, func() bool { return progressOf(t, conn, id).state == "finished" })
		if got := progressOf(t, conn, id); got.done != int64(500+i) || got.ofReceipts != got.done || got.requests != got.done {
			t.Errorf("erasure of %d responses: want all erased and in receipts, got %+v", 500+i, got)
		}
	}
	const all = 6*500 + 15
	await(t, "both together have counted all", time.Minute, func() bool {
		return erasedBy(t, services[0])+erasedBy(t, services[1]) == all
	})
	if one := erasedBy(t, services[0]); one == 0 || one == all {
		t.Errorf("want both services to erase some of %d, got %d by the first", all, one)
	}
}

var bulkErased = regexp.MustCompile(`(?m)^lethe_erased_responses_total\{trigger="bulk"\} (\d+)$`)

// erasedBy is how many responses a service says to have erased for bulk
// erasures.
func erasedBy(t *testing.T, p *process) int64 {
	t.Helper()
	body := p.ask(t, http.MethodGet, "/metrics", "").body
	found := bulkErased.FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("metrics: want a count of erased responses, got\n%s", body)
	}
	n, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestErasureResumesAfterOutage: an erasure waits while the database is unavailable,
// and continues afterwards.
func TestErasureResumesAfterOutage(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn := connect(t, database.URL)
	id := eraseOwner(t, database.URL, 1500)
	door, url := newGate(t, database.RoleURL)
	door.open()
	p := serve(t, databaseURL(url), "LETHE_ERASURE_RATE=500")
	await(t, "it goes on", time.Minute, func() bool { return progressOf(t, conn, id).done > 0 })
	door.close()
	p.awaitStatus(t, "/readyz", http.StatusServiceUnavailable)
	before := progressOf(t, conn, id)
	if before.state != "running" || before.done+before.requestsLeft != 1500 {
		t.Errorf("during the outage: want it running, with 1500 done or left, got %+v", before)
	}
	door.open()
	await(t, "it is finished", time.Minute, func() bool { return progressOf(t, conn, id).state == "finished" })
	if got := progressOf(t, conn, id); got.done != 1500 || got.ofReceipts != 1500 {
		t.Errorf("after the outage: want 1500 done and in receipts, got %+v", got)
	}
}
