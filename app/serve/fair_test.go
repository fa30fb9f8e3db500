package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// locked runs these statements in a transaction, and keeps their locks until unlock
// or the end of the test.
func locked(t *testing.T, url string, statements ...string) (unlock func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return sync.OnceFunc(func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// ask sends a request in its own goroutine.
func (s *service) ask(ctx context.Context, client *http.Client, method, path, key, body string, to chan<- apptest.Answered) {
	go func() { to <- s.Do(ctx, client, method, path, key, body) }()
}

func (s *service) hold(t *testing.T) {
	t.Helper()
	status, told := s.Post(t, "/lethe/api/v1/holds", map[string]any{"responses": []string{"c0000200-0000-4000-8000-000000000999"}, "reason": "a case"})
	if status != http.StatusCreated {
		t.Errorf("place a hold: want %d, got %d %v", http.StatusCreated, status, told)
	}
}

// inUse returns the number of busy connections of the pool.
func (s *service) inUse(t *testing.T, pool string) string {
	t.Helper()
	return s.Metric(t, `lethe_pool_connections_in_use{pool="`+pool+`"}`)
}

// TestFullPool: while all connections are blocked, the service reports that it is
// ready, and holds can be placed.
func TestFullPool(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_DATABASE_MAX_CONNS=2")
	_, _, body := s.Get(t, apptest.RequestsPath+"?limit=1", rootKey)
	id := firstID(t, body)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	unlock := locked(t, database.URL, "LOCK TABLE fusillade.files IN ACCESS EXCLUSIVE MODE")
	answers := make(chan apptest.Answered, 8)
	for range cap(answers) {
		s.ask(t.Context(), client, http.MethodGet, apptest.RequestsPath+"/"+id, rootKey, "", answers)
	}
	apptest.Await(t, "a full pool", func() bool { return s.inUse(t, "main") == "2" })
	for range 5 {
		if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
			t.Errorf("readyz: want %d, got %d %s", http.StatusOK, status, body)
		}
		s.hold(t)
	}
	if got := s.inUse(t, "main"); got != "2" || len(answers) > 0 {
		t.Errorf("connections in use: want 2 and no request answered, got %s and %d", got, len(answers))
	}
	unlock()
	for range cap(answers) {
		if a := <-answers; a.Err != nil || a.Status != http.StatusOK {
			t.Errorf("list after the pool is free: want 200, got %d %s %v", a.Status, a.Body, a.Err)
		}
	}
}

// patience is the minimum time that the service waits for something blocked. If a
// busy machine takes longer, it may have given up.
const patience = 4 * time.Second

// TestPreviewLimit: one user asks for twenty previews at once, which block. Most are
// refused at once, other users' are not, and lists still work.
func TestPreviewLimit(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	unlock := locked(t, database.URL, "LOCK TABLE fusillade.request_templates IN ACCESS EXCLUSIVE MODE")
	const asked, atWork, wait = 20, 2, 4
	begun := time.Now()
	answers, others := make(chan apptest.Answered, asked), make(chan apptest.Answered, 1)
	for range asked {
		s.ask(t.Context(), client, http.MethodPost, apptest.ErasuresPath+"/preview", "sk-bob-platform", fmt.Sprintf(`{"owner":%q}`, apptest.Bob), answers)
	}
	for range asked - atWork - wait {
		a := <-answers
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || !strings.Contains(a.Body, "in progress") {
			t.Errorf("preview over the limit: want 429 with Retry-After, got %d %v %s %v", a.Status, a.Header, a.Body, a.Err)
		}
	}
	s.ask(t.Context(), client, http.MethodPost, apptest.ErasuresPath+"/preview", "sk-alice-platform", fmt.Sprintf(`{"owner":%q}`, apptest.Alice), others)
	apptest.Await(t, "the preview of another", func() bool { return s.inUse(t, "main") == "3" })
	for range 10 {
		if status, _, body := s.Get(t, apptest.RequestsPath, "sk-alice-platform"); status != http.StatusOK {
			t.Errorf("a list: want %d, got %d %s", http.StatusOK, status, body)
		}
		if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
			t.Errorf("readyz: want %d, got %d %s", http.StatusOK, status, body)
		}
	}
	s.hold(t)
	unlock()
	late := time.Since(begun) > patience
	if a := <-others; a.Status != http.StatusOK && !(late && a.Status == http.StatusServiceUnavailable) {
		t.Errorf("preview of another user: want 200, got %d %s %v", a.Status, a.Body, a.Err)
	}
	for range atWork + wait {
		if a := <-answers; a.Status != http.StatusOK && !(late && (a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable)) {
			t.Errorf("preview: want 200, or a refusal if late, got %d %s %v", a.Status, a.Body, a.Err)
		}
	}
}

// TestPreviewConnections: blocked dry runs and previews of several users leave half of
// the connections to others.
func TestPreviewConnections(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_DATABASE_MAX_CONNS=4")
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	unlock := locked(t, database.URL, "LOCK TABLE outlet.http_requests IN ACCESS EXCLUSIVE MODE")
	answers := make(chan apptest.Answered, 3)
	for key, owner := range map[string]string{"sk-bob-platform": apptest.Bob, "sk-alice-platform": apptest.Alice, rootKey: apptest.Bob} {
		s.ask(t.Context(), client, http.MethodPost, apptest.ErasuresPath+"/preview", key, fmt.Sprintf(`{"owner":%q}`, owner), answers)
	}
	begun := time.Now()
	apptest.Await(t, "one at work", func() bool { return s.inUse(t, "main") == "1" })
	eraseOwner(t, database.URL, 50) // which continues in the background
	apptest.Await(t, "the background at work", func() bool { return s.inUse(t, "main") == "2" })
	for range 10 {
		if status, _, body := s.Get(t, apptest.RequestsPath, "sk-alice-platform"); status != http.StatusOK {
			t.Errorf("a list: want %d, got %d %s", http.StatusOK, status, body)
		}
		if got := s.inUse(t, "main"); got != "2" && got != "1" && !(got == "0" && time.Since(begun) > patience) {
			t.Errorf("connections of previews: want 1 or 2 of 4, got %s", got)
		}
	}
	unlock()
	for range cap(answers) {
		if a := <-answers; a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
			t.Errorf("preview: want 200, or a refusal if late, got %d %s %v", a.Status, a.Body, a.Err)
		}
	}
}

const rootKey = "sk-root-platform"

// firstID returns the ID of the first response of a list.
func firstID(t *testing.T, list string) string {
	t.Helper()
	var page struct{ Data []struct{ ID string } }
	if err := json.Unmarshal([]byte(list), &page); err != nil || len(page.Data) == 0 {
		t.Fatalf("list: want responses, got %s, %v", list, err)
	}
	return page.Data[0].ID
}

// TestDeleteLockedRows: while another transaction has locked responses, callers who
// may not erase them get the answer for missing ones at once; and holds can be placed,
// even while the owner waits to erase them.
func TestDeleteLockedRows(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	const single, first, second, absent = "0d000000-0000-4000-8000-000000000001", "0d000000-0000-4000-8000-000000000002",
		"0d000000-0000-4000-8000-000000000003", "0d000000-0000-4000-8000-000000000004"
	apptest.Exec(t, database.URL, fmt.Sprintf(`INSERT INTO fusillade.requests (id, state, model, created_by) VALUES
		('%[1]s', 'pending', 'm', '%[4]s'), ('%[2]s', 'pending', 'm', '%[4]s'), ('%[3]s', 'pending', 'm', '%[4]s')`,
		single, first, second, apptest.Alice))
	apptest.Exec(t, database.URL, fmt.Sprintf(`WITH head AS (INSERT INTO fusillade.response_steps (id, request_id, step_kind, step_sequence, request_payload)
			VALUES (gen_random_uuid(), '%s', 'model_call', 1, '{}') RETURNING id)
		INSERT INTO fusillade.response_steps (id, request_id, step_kind, step_sequence, request_payload, prev_step_id)
		SELECT gen_random_uuid(), '%s', 'model_call', 2, '{}', id FROM head`, first, second))
	unlock := locked(t, database.URL, "SELECT FROM fusillade.requests WHERE id::text LIKE '0d000000%' FOR UPDATE", "SELECT FROM fusillade.response_steps FOR UPDATE")
	const rounds = 5
	for _, query := range []string{"", "?include_later_turns=true"} {
		for _, id := range []string{single, first, second, absent} {
			answers := make(chan apptest.Answered, rounds)
			for range rounds {
				s.ask(t.Context(), client, http.MethodDelete, apptest.RequestsPath+"/"+id+query, "sk-bob-platform", "", answers)
			}
			for range rounds {
				if a := <-answers; a.Status != http.StatusNotFound {
					t.Errorf("DELETE %s%s of another owner: want 404, got %d %s %v", id, query, a.Status, a.Body, a.Err)
				}
			}
		}
	}
	answers := make(chan apptest.Answered, 2)
	for _, id := range []string{single, second} {
		s.ask(t.Context(), client, http.MethodDelete, apptest.RequestsPath+"/"+id, "sk-alice-platform", "", answers)
	}
	apptest.Await(t, "both wait", func() bool { return s.inUse(t, "main") == "2" })
	for range 5 {
		s.hold(t)
	}
	if len(answers) > 0 {
		t.Error("DELETE of a locked row: want it to wait, got an answer")
	}
	unlock()
	for range cap(answers) {
		if a := <-answers; a.Status != http.StatusNoContent {
			t.Errorf("DELETE by the owner, after the lock: want 204, got %d %s %v", a.Status, a.Body, a.Err)
		}
	}
}
