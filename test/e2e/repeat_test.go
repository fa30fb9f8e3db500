package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

// TestRepeatedErasure: one response is erased many times with one key: concurrently,
// one after another, and after a restart of the service.
func TestRepeatedErasure(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	key := newKey(t, database.URL)
	conn := connect(t, database.URL)
	ids := addResponses(t, conn, 3)
	private, _, err := receipt.GenerateKey("repeat.test/erasures")
	if err != nil {
		t.Fatal(err)
	}
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY=" + private}
	p := serve(t, settings...)
	var mu sync.Mutex
	var all sync.WaitGroup
	answers := map[deleted]int{}
	for range 8 {
		all.Go(func() {
			got, _ := p.eraseOnce(t, ids[0], key, "once")
			mu.Lock()
			defer mu.Unlock()
			answers[got]++
		})
	}
	all.Wait()
	var first deleted
	for first = range answers {
	}
	if len(answers) != 1 || first.status != http.StatusNoContent || first.location == "" || len(first.salt) != 64 {
		t.Fatalf("concurrent erasures: want one answer, 204 with receipt and salt, got %v", answers)
	}
	again := serve(t, settings...)
	for _, p := range []*process{p, again} {
		if got, body := p.eraseOnce(t, ids[0], key, "once"); got != first {
			t.Errorf("repeated: want %v, got %v %s", first, got, body)
		}
	}
	if n := scan[int](t, conn, "SELECT count(*) FROM lethe.receipts WHERE about IS NULL"); n != 1 {
		t.Errorf("there are %d receipts, want 1", n)
	}
	for name, c := range map[string]struct {
		id, key, name string
		status        int
	}{
		"other key":    {ids[0], key, "twice", http.StatusNotFound},
		"other caller": {ids[0], rootKey, "once", http.StatusNotFound},
		"no key":       {ids[0], key, "with a space", http.StatusBadRequest},
	} {
		if got, body := again.eraseOnce(t, c.id, c.key, c.name); got.status != c.status || got.salt != "" {
			t.Errorf("%s: want %d, got %v %s", name, c.status, got, body)
		}
	}
	if got, body := p.eraseOnce(t, ids[1], key, "once"); got.status != http.StatusNoContent || got.location == first.location || got.salt == first.salt {
		t.Errorf("other response, same key: want 204 with another receipt, got %v %s", got, body)
	}
	execute(t, conn, "UPDATE lethe.receipts SET created_at = created_at - interval '25 h'")
	if got, body := p.eraseOnce(t, ids[0], key, "once"); got.status != http.StatusConflict || got.salt != "" || !strings.Contains(body, "use another one") {
		t.Errorf("after a day: want 409 without the salt, got %v %s", got, body)
	}
}

// deleted is what a DELETE is answered with.
type deleted struct {
	status         int
	location, salt string
}

func (p *process) eraseOnce(t *testing.T, id, key, name string) (deleted, string) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, p.url+requestsPath+"/"+id, nil)
	if err != nil {
		t.Error(err)
		return deleted{}, ""
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Idempotency-Key", name)
	a, err := send(request)
	if err != nil {
		t.Error(err)
	}
	return deleted{a.status, a.header.Get("Location"), a.header.Get("Receipt-Salt")}, a.body
}

// TestLostCommitAnswer: when the answer to the commit is lost, the response says that
// the outcome is unknown, and a repetition with the same key returns receipt and salt.
func TestLostCommitAnswer(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	conn := connect(t, database.URL)
	id := addResponses(t, conn, 1)[0]
	cut, address := pgtest.Cutting(t, database.URL)
	p := serve(t, databaseURL(address+"&default_query_exec_mode=exec"))
	p.awaitStatus(t, "/readyz", http.StatusOK)
	// The receipt is written in the batch that the commit ends.
	cut.At("INTO lethe.receipt_secrets", false)
	got, body := p.eraseOnce(t, id, key, "lost")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(body, "before it confirmed the change") {
		t.Errorf("lost answer: want 503 that says so, got %v %s", got, body)
	}
	cut.At("nobody says this", false)
	if n := count(t, conn, id); n != 0 {
		t.Fatal("erasure: want it committed")
	}
	got, body = p.eraseOnce(t, id, key, "lost")
	if got.status != http.StatusNoContent || got.location == "" || len(got.salt) != 64 {
		t.Errorf("repeated: want 204 with receipt and salt, got %v %s", got, body)
	}
	if a := p.ask(t, http.MethodDelete, requestsPath+"/"+id, key); a.status != http.StatusNotFound {
		t.Errorf("repeated without a key: want 404, got %d %s", a.status, a.body)
	}
}
