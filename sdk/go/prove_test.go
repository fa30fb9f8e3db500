package lethe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/sdk/go"
	"lethe/sdk/go/receipt"
)

func adminClient(t *testing.T) *lethe.ClientWithResponses {
	t.Helper()
	return client(t, "LETHE_TEST_URL", setting(t, "LETHE_TEST_ADMIN_KEY"))
}

func some(t *testing.T, n int) []uuid.UUID {
	t.Helper()
	ids := collect(t, userClient(t), &lethe.ListResponsesParams{Status: new("completed")}, nil)
	if len(ids) < n {
		t.Fatalf("%d completed responses, want %d", len(ids), n)
	}
	return ids[:n]
}

// named reports whether the receipts name a response, or an owner.
func named(t *testing.T, o *lethe.Outcome, response *uuid.UUID, owner *string) bool {
	t.Helper()
	salt, err := receipt.ParseSalt(o.Secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParsePublicKeys(o.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(o.Receipts, func(r lethe.ProvenReceipt) bool {
		_, err := receipt.Check(r.File, keys, receipt.Options{Salt: &salt, Response: response, Owner: owner})
		return err == nil
	})
}

func wantKind(t *testing.T, err error, kind lethe.ErasureErrorKind) *lethe.ErasureError {
	t.Helper()
	e, ok := errors.AsType[*lethe.ErasureError](err)
	if !ok || e.Kind != kind {
		t.Fatalf("got %v, want an erasure that is %s", err, kind)
	}
	return e
}

func TestProveOne(t *testing.T) {
	c, ids := userClient(t), some(t, 1)
	o, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Responses: ids}, lethe.ProveOptions{})
	if err != nil || o.Responses != 1 || o.Erasure != nil || len(o.Receipts) != 1 || o.Counts.Requests < 1 || !named(t, o, &ids[0], nil) {
		t.Fatalf("got %+v, %v", o, err)
	}
	if got := o.String(); got != "proven: 1 responses erased, in 1 receipts" || strings.Contains(fmt.Sprint(o), o.Secret) {
		t.Errorf("got %q", got)
	}
	_, err = c.EraseAndProve(t.Context(), lethe.EraseTarget{Responses: ids}, lethe.ProveOptions{})
	wantError(t, err, http.StatusNotFound)
}

func TestProveSeveral(t *testing.T) {
	c, ids := userClient(t), some(t, 2)
	target := lethe.EraseTarget{Responses: ids, Ground: lethe.NewErasureGroundRequest, Ticket: "PRIV-1"}
	o, err := c.EraseAndProve(t.Context(), target, lethe.ProveOptions{Keys: []byte(setting(t, "LETHE_TEST_LOG_KEY"))})
	if err != nil || o.Responses != 2 || o.Preview.Responses != 2 || *o.Erasure.Ticket != "PRIV-1" || !named(t, o, &ids[0], nil) || !named(t, o, &ids[1], nil) {
		t.Fatalf("got %+v, %v", o, err)
	}
	again, err := c.ProveErasure(t.Context(), o.Erasure.Id, o.Secret, lethe.ProveOptions{})
	if err != nil || len(again.Receipts) != len(o.Receipts) {
		t.Errorf("got %+v, %v", again, err)
	}
	for _, secret := range []string{strings.Repeat("0", 64), "no salt"} {
		_, err = c.ProveErasure(t.Context(), o.Erasure.Id, secret, lethe.ProveOptions{})
		if e := wantKind(t, err, lethe.ErasureUnproven); e.ID != o.Erasure.Id || e.Secret != secret {
			t.Errorf("got %+v", e)
		}
	}
	found := false
	for erasure, err := range c.AllErasures(t.Context(), &lethe.ListErasuresParams{Limit: new(int64(1))}) {
		if err != nil {
			t.Fatal(err)
		}
		found = found || erasure.Id == o.Erasure.Id
	}
	if !found {
		t.Error("the erasure is not among all erasures")
	}
}

func TestProveOwner(t *testing.T) {
	c, address := adminClient(t), "owner@globex.test"
	theirs := collect(t, c, &lethe.ListResponsesParams{CreatedByEmail: &address}, nil)
	o, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: address}, lethe.ProveOptions{})
	if err != nil || len(theirs) == 0 || o.Responses < int64(len(theirs)) {
		t.Fatalf("got %+v, %v", o, err)
	}
	for _, id := range theirs {
		if !named(t, o, &id, nil) {
			t.Errorf("no receipt names %s", id)
		}
	}
	owner := o.Erasure.Target.Owner.String()
	if !named(t, o, nil, &owner) || len(collect(t, c, &lethe.ListResponsesParams{CreatedByEmail: &address}, nil)) != 0 {
		t.Error("want a receipt that names the owner, and nothing left")
	}
	// Nothing is left, which is proven too; the owner may be given as an identifier.
	o, err = c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: owner}, lethe.ProveOptions{})
	if err != nil || o.Responses != 0 || len(o.Receipts) != 1 {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestProveFilter(t *testing.T) {
	o, err := userClient(t).EraseAndProve(t.Context(), lethe.EraseTarget{Filter: &lethe.ErasureFilter{States: []string{"failed"}}}, lethe.ProveOptions{})
	if err != nil || o.Responses == 0 || !o.Preview.Complete || o.Counts.Requests < o.Responses {
		t.Errorf("got %+v, %v", o, err)
	}
}

func TestProveHeld(t *testing.T) {
	c, admin, ids := userClient(t), adminClient(t), some(t, 2)
	hold, err := admin.PlaceHoldWithResponse(t.Context(), nil, lethe.NewHold{Reason: "a lawsuit", Responses: ids[:1]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = admin.ReleaseHoldWithResponse(context.Background(), hold.JSON201.Id, nil) })
	_, err = admin.EraseAndProve(t.Context(), lethe.EraseTarget{Responses: ids[:1]}, lethe.ProveOptions{})
	if e := wantKind(t, err, lethe.ErasureHeld); !slices.Contains(e.Holds, hold.JSON201.Id) || e.Outcome != nil {
		t.Errorf("got %+v", e)
	}
	_, err = admin.EraseAndProve(t.Context(), lethe.EraseTarget{Responses: ids}, lethe.ProveOptions{})
	e := wantKind(t, err, lethe.ErasureHeld)
	// The rest is erased and proven.
	if !slices.Contains(e.Holds, hold.JSON201.Id) || e.Erasure.Held != 1 || e.Outcome.Responses != 1 || !named(t, e.Outcome, &ids[1], nil) {
		t.Errorf("got %+v", e)
	}
	_, err = c.EraseAndProve(t.Context(), lethe.EraseTarget{Responses: ids[:1]}, lethe.ProveOptions{})
	if e := wantKind(t, err, lethe.ErasureHeld); len(e.Holds) != 0 {
		t.Errorf("a user sees the holds %v", e.Holds)
	}
}

func TestProveNotFound(t *testing.T) {
	_, err := userClient(t).EraseAndProve(t.Context(), lethe.EraseTarget{Responses: append(some(t, 1), uuid.New())}, lethe.ProveOptions{})
	if e := wantKind(t, err, lethe.ErasureFailed); e.Outcome.Responses != 1 || e.Erasure.NotFound != 1 {
		t.Errorf("got %+v", e)
	}
}

// TestKeysFirst: without valid keys nothing is erased.
func TestKeysFirst(t *testing.T) {
	ids := some(t, 1)
	for _, keys := range []string{"", "no key", "example.com/other+00000000+AAAA"} {
		if _, err := userClient(t).EraseAndProve(t.Context(), lethe.EraseTarget{Responses: ids}, lethe.ProveOptions{Keys: []byte(keys)}); err == nil {
			t.Errorf("keys %q: want an error", keys)
		}
	}
	if !slices.Equal(some(t, 1), ids) {
		t.Error("the response is gone")
	}
}

func TestExactlyOneTarget(t *testing.T) {
	for _, target := range []lethe.EraseTarget{{}, {Responses: []uuid.UUID{}, Owner: "x"}, {Owner: "x", Filter: &lethe.ErasureFilter{}}} {
		if _, err := userClient(t).EraseAndProve(t.Context(), target, lethe.ProveOptions{}); err == nil || !strings.Contains(err.Error(), "exactly one") {
			t.Errorf("%+v: got %v", target, err)
		}
	}
}

// What the service does not do at will, or not yet.

var pretended = uuid.MustParse("3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b")

func erasure(changes map[string]any) map[string]any {
	at, numbers := "2026-03-01T12:00:00Z", map[string]int{}
	for _, name := range strings.Fields("requests steps templates raw_requests raw_responses tasks files retained kept_templates") {
		numbers[name] = 0
	}
	e := map[string]any{"id": pretended, "state": "finished", "trigger": "bulk", "kind": "owner", "ground": "request", "requested_at": at, "as_of": at,
		"counts": numbers, "failures": []any{}, "responses": 0, "held": 0, "not_found": 0, "refused": 0, "receipts": 0}
	for _, name := range strings.Fields("rule target ticket subject_request approval requested_by started_at finished_at verify_at verified_at expected last_error") {
		e[name] = nil
	}
	for name, value := range changes {
		e[name] = value
	}
	return e
}

func event(t *testing.T, name string, changes map[string]any) string {
	t.Helper()
	data, err := json.Marshal(erasure(changes))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("event: %s\nretry: 1\ndata: %s\n\n", name, data)
}

// pretend returns a client of a service that starts this erasure, and its requests; paths
// that end with gone are not found.
func pretend(t *testing.T, told map[string]any, conflicts int, events string, gone ...string) (*lethe.ClientWithResponses, *[]string) {
	t.Helper()
	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case slices.ContainsFunc(gone, func(path string) bool { return strings.HasSuffix(r.URL.Path, path) }):
			http.NotFound(w, r)
		case strings.HasSuffix(r.URL.Path, "/preview"):
			preview := map[string]any{"token": "T", "expires_at": "2026-03-01T12:00:00Z", "as_of": "2026-03-01T12:00:00Z", "complete": true, "later_turns": nil,
				"later_turns_complete": true, "later_turns_searched": nil}
			for _, name := range strings.Fields("responses requests steps templates raw_requests raw_responses tasks files retained kept_templates held not_found") {
				preview[name] = 0
			}
			_ = json.NewEncoder(w).Encode(preview)
		case r.Method == http.MethodPost && conflicts > 0:
			conflicts--
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_, _ = w.Write([]byte(`{"type":"about:blank","title":"Conflict","status":409,"detail":"changed","request_id":"1"}`))
		case r.Method == http.MethodPost:
			w.Header().Set("Receipt-Salt", strings.Repeat("0", 64))
			w.WriteHeader(http.StatusAccepted)
			_ = json.NewEncoder(w).Encode(told)
		case strings.HasSuffix(r.URL.Path, "/events"):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte(events))
		default:
			_, _ = w.Write([]byte(`{"data":[],"limit":100,"has_more":false,"next_cursor":null}`))
		}
	}))
	t.Cleanup(server.Close)
	c, err := lethe.New(server.URL, "key")
	if err != nil {
		t.Fatal(err)
	}
	return c, &requests
}

func vectorKey(t *testing.T) []byte {
	t.Helper()
	file, err := os.ReadFile("../../docs/vectors/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Keys map[string]string }
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	return []byte(vectors.Keys["log"])
}

func count(requests []string, suffix string) (n int) {
	for _, r := range requests {
		if strings.HasSuffix(r, suffix) {
			n++
		}
	}
	return n
}

func TestAwaitsApproval(t *testing.T) {
	waiting := map[string]any{"state": "awaiting_approval"}
	c, requests := pretend(t, erasure(waiting), 0, event(t, "progress", waiting))
	_, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t), Wait: 200 * time.Millisecond})
	e := wantKind(t, err, lethe.ErasureWaiting)
	if e.ID != pretended || e.Secret != strings.Repeat("0", 64) || e.Erasure.State != "awaiting_approval" || !strings.Contains(e.Error(), "awaiting_approval") {
		t.Errorf("got %+v", e)
	}
	if count(*requests, "POST /lethe/api/v1/erasures") != 1 || count(*requests, "/events") < 2 {
		t.Errorf("got %q", *requests)
	}

	c, _ = pretend(t, erasure(waiting), 0, event(t, "progress", waiting)+event(t, "progress", map[string]any{"state": "running"})+event(t, "end", nil))
	o, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t)})
	if err != nil || o.Erasure.State != "finished" {
		t.Errorf("approved: got %+v, %v", o, err)
	}
}

func TestNotErased(t *testing.T) {
	failure := func(reason string, holds ...uuid.UUID) []any {
		return []any{map[string]any{"response": retried, "reason": reason, "message": "why it is kept", "holds": append([]uuid.UUID{}, holds...)}}
	}
	for _, test := range []struct {
		told map[string]any
		kind lethe.ErasureErrorKind
	}{
		{map[string]any{"state": "refused", "last_error": "why it is kept"}, lethe.ErasureRefused},
		{map[string]any{"state": "failed", "last_error": "why it is kept"}, lethe.ErasureFailed},
		{map[string]any{"state": "canceled", "last_error": "why it is kept"}, lethe.ErasureFailed},
		{map[string]any{"refused": 1, "failures": failure("refused")}, lethe.ErasureRefused},
		{map[string]any{"held": 1, "failures": failure("held", pretended)}, lethe.ErasureHeld},
		{map[string]any{"held": 1, "refused": 1, "failures": failure("held")}, lethe.ErasureFailed},
		{map[string]any{"not_found": 1, "failures": failure("not_found")}, lethe.ErasureFailed},
		{map[string]any{"failures": failure("unlucky")}, lethe.ErasureFailed},
	} {
		c, _ := pretend(t, erasure(map[string]any{"state": "running"}), 0, event(t, "end", test.told))
		_, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t)})
		e := wantKind(t, err, test.kind)
		if !strings.Contains(e.Error(), "why it is kept") || e.Erasure.Id != pretended || e.Outcome.Secret != e.Secret || e.Secret != strings.Repeat("0", 64) {
			t.Errorf("%v: got %+v", test.told, e)
		}
		if test.kind == lethe.ErasureHeld && !slices.Equal(e.Holds, []uuid.UUID{pretended}) {
			t.Errorf("holds: got %v", e.Holds)
		}
	}
}

func TestMissingReceipts(t *testing.T) {
	c, _ := pretend(t, erasure(map[string]any{"receipts": 1}), 0, "")
	_, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t)})
	if e := wantKind(t, err, lethe.ErasureUnproven); !strings.Contains(e.Error(), "1 receipts, and 0 were found") {
		t.Errorf("got %v", e)
	}
}

func TestFailsAfterTheStart(t *testing.T) {
	for _, gone := range []string{"/events", "/receipts"} {
		c, _ := pretend(t, erasure(map[string]any{"state": "running"}), 0, event(t, "end", nil), gone)
		_, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t)})
		e := wantKind(t, err, lethe.ErasureUnproven)
		if failure, ok := errors.AsType[*lethe.Error](err); !ok || failure.Status != http.StatusNotFound || e.ID != pretended || e.Secret != strings.Repeat("0", 64) {
			t.Errorf("%s: got %+v", gone, e)
		}
	}
}

func TestPreviewsAgain(t *testing.T) {
	c, requests := pretend(t, erasure(nil), 2, "")
	if _, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t)}); err != nil || count(*requests, "/preview") != 3 {
		t.Errorf("got %v after %q", err, *requests)
	}
	c, requests = pretend(t, erasure(nil), 3, "")
	_, err := c.EraseAndProve(t.Context(), lethe.EraseTarget{Owner: "x"}, lethe.ProveOptions{Keys: vectorKey(t)})
	if e, ok := errors.AsType[*lethe.Error](err); !ok || e.Status != http.StatusConflict || len(*requests) != 6 {
		t.Errorf("got %v after %q", err, *requests)
	}
}
