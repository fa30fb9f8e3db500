package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

// TestCopiesInOtherDatabase: fusillade is in its own database, raw copies are beside
// usage records. Each erasure also erases the copies, even one that an earlier process
// only started.
func TestCopiesInOtherDatabase(t *testing.T) {
	t.Parallel()
	main, apart := pgtest.WithFixture(t), pgtest.New(t)
	private, public, err := receipt.GenerateKey("copies.test/erasures")
	if err != nil {
		t.Fatal(err)
	}
	usage, requests := connect(t, main.URL), connect(t, apart.URL)
	execute(t, usage, `DELETE FROM outlet.http_requests`)
	execute(t, usage, `DELETE FROM outlet.http_responses`)
	add := func() uuid.UUID {
		id, instance := uuid.New(), uuid.New()
		execute(t, requests, `INSERT INTO fusillade.requests (id, state, model, created_by, canceled_at) VALUES ($1, 'canceled', 'm', gen_random_uuid(), now())`, id)
		execute(t, usage, `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
			VALUES ($1, 1, now(), 'POST', '/v1/responses', $2)`, instance, id)
		execute(t, usage, `INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
			VALUES ($1, 1, now(), 'POST', '/v1/responses', '{}')`, instance)
		execute(t, usage, `INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, duration_to_first_byte_ms, duration_ms)
			VALUES ($1, 1, now(), 200, '{}', 1, 2)`, instance)
		return id
	}
	first, begun := add(), add()
	intent := uuid.New()
	execute(t, requests, `INSERT INTO lethe.intents (id, trigger, ground, requested_at, role, salt, request_ids, owners, raw_requests, raw_responses, responses)
		SELECT $1, 'single', 'unspecified', now(), 'owner', $2, ARRAY[id], ARRAY[created_by], 1, 1, 1 FROM fusillade.requests WHERE id = $3`,
		intent, make([]byte, 32), begun)
	p := serve(t, databaseURL(main.RoleURL), "LETHE_FUSILLADE_DATABASE_URL="+apart.RoleURL, "LETHE_FUSILLADE_SCHEMA=fusillade",
		"LETHE_OUTLET_DATABASE_URL="+main.RoleURL, "LETHE_OUTLET_SCHEMA=outlet", "LETHE_ERASURE_KEY="+private)

	a := p.ask(t, http.MethodDelete, requestsPath+"/"+first.String(), rootKey)
	if a.status != http.StatusNoContent {
		t.Fatalf("erase: want 204, got %d %s", a.status, a.body)
	}
	for _, location := range []string{a.header.Get("Location"), "/lethe/api/v1/erasures/" + intent.String() + "/receipt"} {
		var proof answer
		await(t, "the receipt is sealed", time.Minute, func() bool {
			proof = p.ask(t, http.MethodGet, location, rootKey)
			return proof.status == http.StatusOK
		})
		r, err := receipt.Check([]byte(proof.body), []receipt.PublicKey{public}, receipt.Options{})
		if want := (receipt.Counts{Requests: 1, RawRequests: 1, RawResponses: 1}); err != nil || r.Receipt.Counts != want {
			t.Errorf("%s: want %+v, got %+v, %v", location, want, r.Receipt.Counts, err)
		}
	}
	var left int
	if err := usage.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM outlet.http_requests) + (SELECT count(*) FROM outlet.http_responses)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("copies left: want 0, got %d, %v", left, err)
	}
	if err := requests.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM fusillade.requests) + (SELECT count(*) FROM lethe.intents)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("rows and intents left: want 0, got %d, %v", left, err)
	}
}
