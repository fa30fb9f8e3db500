package lethe_test

import (
	"context"
	"encoding/base64"
	"errors"
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

const requests = "/admin/api/v1/batches/requests"

func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run sdk/test.sh go", name)
	}
	return value
}

func client(t *testing.T, urlSetting, key string) *lethe.ClientWithResponses {
	t.Helper()
	c, err := lethe.New(setting(t, urlSetting), key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func userClient(t *testing.T) *lethe.ClientWithResponses {
	t.Helper()
	return client(t, "LETHE_TEST_URL", setting(t, "LETHE_TEST_USER_KEY"))
}

func collect(t *testing.T, c *lethe.ClientWithResponses, params *lethe.ListResponsesParams, each func(lethe.ResponseSummary)) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for response, err := range c.AllResponses(context.Background(), params) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, response.Id)
		if each != nil {
			each(response)
		}
	}
	return ids
}

// whole returns a response that has a prompt and an answer.
func whole(t *testing.T, c *lethe.ClientWithResponses) (lethe.ResponseSummary, *lethe.ResponseDetail) {
	t.Helper()
	for summary, err := range c.AllResponses(context.Background(), &lethe.ListResponsesParams{Status: new("completed")}) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.GetResponseWithResponse(context.Background(), summary.Id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(got.JSON200.Body, "{") && got.JSON200.ResponseBody != nil {
			return summary, got.JSON200
		}
	}
	t.Fatal("no response has a prompt and an answer")
	return lethe.ResponseSummary{}, nil
}

func wantError(t *testing.T, err error, status int32) *lethe.Error {
	t.Helper()
	var failure *lethe.Error
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, want an error of the service", err)
	}
	if failure.Status != status || failure.Title != http.StatusText(int(status)) || failure.Detail == "" || failure.RequestId == "" {
		t.Fatalf("got %+v, want a full problem with status %d", failure, status)
	}
	return failure
}

func TestList(t *testing.T) {
	c := userClient(t)
	limit, status, activeFirst := int64(5), "completed", false
	before := time.Now()
	answer, err := c.ListResponsesWithResponse(context.Background(), &lethe.ListResponsesParams{
		Limit: &limit, Status: &status, ActiveFirst: &activeFirst, CreatedBefore: &before,
	})
	if err != nil {
		t.Fatal(err)
	}
	page := answer.JSON200
	if len(page.Data) != 5 || page.Limit != 5 || *page.TotalCount <= 5 || page.CountKind != lethe.ResponsePageCountKindExact {
		t.Fatalf("got %d responses of %d (%s), limit %d", len(page.Data), *page.TotalCount, page.CountKind, page.Limit)
	}
	for _, response := range page.Data {
		if response.Status != status || response.CompletedAt == nil || response.BatchId != nil {
			t.Errorf("want a completed response, got %+v", response)
		}
	}

	counts := map[string]int{}
	collect(t, c, nil, func(r lethe.ResponseSummary) { counts[r.Model]++ })
	models := make([]string, 0, len(counts))
	for model := range counts {
		models = append(models, model)
	}
	slices.Sort(models)
	if len(models) < 3 {
		t.Fatalf("models: want 3 or more, got %v", models)
	}
	answer, err = c.ListResponsesWithResponse(context.Background(), &lethe.ListResponsesParams{Model: models[:2]})
	if err != nil {
		t.Fatal(err)
	}
	if want := counts[models[0]] + counts[models[1]]; *answer.JSON200.TotalCount != int64(want) {
		t.Errorf("%d responses of two models, want %d", *answer.JSON200.TotalCount, want)
	}
}

func TestAllPages(t *testing.T) {
	c := userClient(t)
	answer, err := c.ListResponsesWithResponse(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	total := int(*answer.JSON200.TotalCount)
	if total < 50 {
		t.Fatalf("responses: want 50 or more, got %d", total)
	}

	whole := collect(t, c, nil, nil)
	distinct := map[uuid.UUID]bool{}
	for _, id := range whole {
		distinct[id] = true
	}
	if len(whole) != total || len(distinct) != total {
		t.Fatalf("all pages: want %d distinct responses, got %d, %d of them distinct", total, len(whole), len(distinct))
	}
	for _, size := range []int64{1, 7} {
		if got := collect(t, c, &lethe.ListResponsesParams{Limit: &size}, nil); !slices.Equal(got, whole) {
			t.Errorf("pages of %d: %d responses, want the same %d", size, len(got), total)
		}
	}

	activeFirst := true
	again := collect(t, c, &lethe.ListResponsesParams{Limit: &[]int64{7}[0], ActiveFirst: &activeFirst}, nil)
	if slices.Equal(again, whole) {
		t.Error("active_first: want another order")
	}
	if compare := func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }; !slices.Equal(slices.SortedFunc(slices.Values(again), compare), slices.SortedFunc(slices.Values(whole), compare)) {
		t.Errorf("%d responses with those at work first, want the same %d", len(again), total)
	}

	seen := 0
	for _, err := range c.AllResponses(context.Background(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("saw %d responses before the break, want 2", seen)
	}
}

func TestListFilters(t *testing.T) {
	c := userClient(t)
	hasError, least, most, slow := true, int64(200), int64(299), int64(1)
	for name, test := range map[string]struct {
		params lethe.ListResponsesParams
		holds  func(lethe.ResponseSummary) bool
	}{
		"states":   {lethe.ListResponsesParams{Statuses: []string{"failed", "canceled"}}, func(r lethe.ResponseSummary) bool { return r.Status == "failed" || r.Status == "canceled" }},
		"error":    {lethe.ListResponsesParams{HasError: &hasError}, func(r lethe.ResponseSummary) bool { return r.Status == "failed" }},
		"status":   {lethe.ListResponsesParams{ResponseStatusMin: &least, ResponseStatusMax: &most}, func(r lethe.ResponseSummary) bool { return r.ResponseStatus != nil && *r.ResponseStatus/100 == 2 }},
		"duration": {lethe.ListResponsesParams{MinDurationMs: &slow}, func(r lethe.ResponseSummary) bool { return r.DurationMs != nil && *r.DurationMs >= 1 }},
	} {
		want := 0
		collect(t, c, nil, func(r lethe.ResponseSummary) {
			if test.holds(r) {
				want++
			}
		})
		if got := collect(t, c, &test.params, nil); len(got) != want || want == 0 {
			t.Errorf("%s: %d responses, want %d", name, len(got), want)
		}
	}
}

// TestUnknownStatesAndTiers: states and tiers are open sets, so no word is refused;
// the service names those that match nothing.
func TestUnknownStatesAndTiers(t *testing.T) {
	word := "complete"
	answer, err := userClient(t).ListResponsesWithResponse(context.Background(), &lethe.ListResponsesParams{Status: &word, ServiceTiers: []string{"Flex"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.HTTPResponse.Header.Get("Unknown-Parameters"); len(answer.JSON200.Data) != 0 || got != "status=complete, service_tiers=Flex" {
		t.Errorf("want no responses and both words named, got %d, %q", len(answer.JSON200.Data), got)
	}
}

func TestFetchAndErase(t *testing.T) {
	c, ctx := userClient(t), context.Background()
	summary, detail := whole(t, c)
	if detail.Id != summary.Id || detail.Model != summary.Model || summary.CreatedAt == nil || !detail.CreatedAt.Equal(*summary.CreatedAt) || detail.CreatedBy == "" {
		t.Errorf("fetched %+v, want %+v", detail, summary)
	}

	if _, err := c.EraseResponseWithResponse(ctx, summary.Id, nil); err != nil {
		t.Fatal(err)
	}
	_, err := c.GetResponseWithResponse(ctx, summary.Id, nil)
	wantError(t, err, http.StatusNotFound)
	_, err = c.EraseResponseWithResponse(ctx, summary.Id, nil)
	wantError(t, err, http.StatusNotFound)
	if slices.Contains(collect(t, c, nil, nil), summary.Id) {
		t.Error("list after the erasure: want it without the response")
	}
}

func TestAllPagesWhileErasing(t *testing.T) {
	c := userClient(t)
	size := int64(4)
	var erased []uuid.UUID
	n := 0
	seen := collect(t, c, &lethe.ListResponsesParams{Limit: &size}, func(r lethe.ResponseSummary) {
		if n++; n > 3 {
			return
		}
		if _, err := c.EraseResponseWithResponse(context.Background(), r.Id, nil); err != nil {
			t.Fatal(err)
		}
		erased = append(erased, r.Id)
	})
	left := collect(t, c, nil, nil)
	for _, id := range left {
		if !slices.Contains(seen, id) {
			t.Errorf("all pages: %s is missing", id)
		}
	}
	for _, id := range erased {
		if slices.Contains(left, id) {
			t.Errorf("list after the erasure: want no %s", id)
		}
	}
	if len(left) == 0 || len(erased) != 3 {
		t.Errorf("want 3 erased and others left, got %d erased, %d left", len(erased), len(left))
	}
}

func TestErrors(t *testing.T) {
	ctx, user := context.Background(), userClient(t)
	somebody := uuid.MustParse("c0000100-0000-4000-8000-000000000004")

	t.Run("400", func(t *testing.T) {
		_, err := user.ListResponsesWithResponse(ctx, &lethe.ListResponsesParams{MemberId: &somebody})
		failure := wantError(t, err, http.StatusBadRequest)
		if !strings.Contains(failure.Detail, "member_id") || !strings.Contains(failure.Error(), failure.RequestId) {
			t.Errorf("want an error with member_id and the request ID, got %v", failure)
		}
		// An administrator may.
		admin := client(t, "LETHE_TEST_URL", setting(t, "LETHE_TEST_ADMIN_KEY"))
		if _, err := admin.ListResponsesWithResponse(ctx, &lethe.ListResponsesParams{MemberId: &somebody}); err != nil {
			t.Error(err)
		}
	})
	t.Run("401", func(t *testing.T) {
		_, err := client(t, "LETHE_TEST_URL", "sk-nobody").GetResponseWithResponse(ctx, somebody, nil)
		wantError(t, err, http.StatusUnauthorized)
	})
	t.Run("403", func(t *testing.T) {
		_, err := client(t, "LETHE_TEST_URL", setting(t, "LETHE_TEST_FORBIDDEN_KEY")).EraseResponseWithResponse(ctx, somebody, nil)
		wantError(t, err, http.StatusForbidden)
	})
	t.Run("404", func(t *testing.T) {
		_, err := user.GetResponseWithResponse(ctx, uuid.MustParse("c0000400-0000-4000-8000-ffffffffffff"), nil)
		wantError(t, err, http.StatusNotFound)
	})
	t.Run("405", func(t *testing.T) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, setting(t, "LETHE_TEST_URL")+requests, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = user.ClientInterface.(*lethe.Client).Client.Do(request)
		wantError(t, err, http.StatusMethodNotAllowed)
	})
	t.Run("503", func(t *testing.T) {
		ctx := lethe.WithLimits(ctx, lethe.Limits{Attempts: 1})
		down := client(t, "LETHE_TEST_DOWN_URL", setting(t, "LETHE_TEST_USER_KEY"))
		_, err := down.ListResponsesWithResponse(ctx, nil)
		if failure := wantError(t, err, http.StatusServiceUnavailable); failure.RetryAfter <= 0 {
			t.Error("RetryAfter: want more than 0")
		}
		for _, err := range down.AllResponses(ctx, nil) {
			wantError(t, err, http.StatusServiceUnavailable)
		}
	})
}

func TestLog(t *testing.T) {
	ctx := context.Background()
	keys, err := userClient(t).GetLogKeysWithResponse(ctx, nil)
	if err != nil || string(keys.Body) != setting(t, "LETHE_TEST_LOG_KEY")+"\n" {
		t.Fatalf("got %+v, %v", keys, err)
	}
	_, err = userClient(t).GetReceiptWithResponse(ctx, uuid.New(), nil)
	wantError(t, err, http.StatusNotFound)
	_, err = client(t, "LETHE_TEST_URL", setting(t, "LETHE_TEST_FORBIDDEN_KEY")).GetCheckpointWithResponse(ctx, nil)
	wantError(t, err, http.StatusForbidden)
}

// TestReceipt: a receipt that waits to be sealed, a sealed one, and the path of a
// tile.
func TestReceipt(t *testing.T) {
	ready, id := false, uuid.New()
	file := "c2sp.org/tlog-proof@v1\nextra " + base64.StdEncoding.EncodeToString([]byte(`{"id":"`+id.String()+`"}`)) + "\nindex 0\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/log/tile/0/x001/000.p/7":
			w.Header().Set("Content-Type", "application/octet-stream")
			_, _ = w.Write([]byte("hashes"))
		case !ready:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusAccepted)
		default:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte(file))
		}
	}))
	t.Cleanup(server.Close)
	c, err := lethe.New(server.URL, "key")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.GetReceiptWithResponse(context.Background(), id, nil)
	var failure *lethe.Error
	if !errors.As(err, &failure) || failure.Status != http.StatusAccepted || failure.RetryAfter != time.Second {
		t.Fatalf("unsealed receipt: want 202 with RetryAfter, got %v", err)
	}
	ready = true
	answer, err := c.GetReceiptWithResponse(context.Background(), id, nil)
	if err != nil || string(answer.Body) != file {
		t.Fatalf("got %+v, %v", answer, err)
	}
	tile, err := c.GetTileWithResponse(context.Background(), "0", "x001/000.p/7", nil)
	if err != nil || string(tile.Body) != "hashes" {
		t.Fatalf("got %+v, %v", tile, err)
	}
}

// TestEraseAndCheckReceipt: the receipt that the service returns verifies.
func TestEraseAndCheckReceipt(t *testing.T) {
	c := userClient(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	status, size := "completed", int64(1)
	page, err := c.ListResponsesWithResponse(ctx, &lethe.ListResponsesParams{Status: &status, Limit: &size})
	if err != nil {
		t.Fatal(err)
	}
	id := page.JSON200.Data[0].Id
	erased, err := c.EraseResponseWithResponse(ctx, id, nil)
	if err != nil {
		t.Fatal(err)
	}
	salt, err := receipt.ParseSalt(erased.HTTPResponse.Header.Get("Receipt-Salt"))
	if err != nil {
		t.Fatal(err)
	}
	receiptID := uuid.MustParse(strings.Split(erased.HTTPResponse.Header.Get("Location"), "/")[5])
	file, err := c.FetchReceipt(ctx, receiptID)
	if err != nil {
		t.Fatal(err)
	}
	log, err := c.GetLogKeysWithResponse(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParsePublicKeys(log.Body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Check(file, keys, receipt.Options{Salt: &salt, Response: &id})
	if err != nil || r.Receipt.ID != receiptID || r.Receipt.Actor != receipt.ActorOwner {
		t.Errorf("got %+v, %v", r, err)
	}
	other := uuid.New()
	if _, err := receipt.Check(file, keys, receipt.Options{Salt: &salt, Response: &other}); err == nil {
		t.Error("check of another response: want an error")
	}
	_, err = c.FetchReceipt(ctx, other)
	wantError(t, err, http.StatusNotFound)
}

// TestBulkErasure: from the preview to one of its receipts.
func TestBulkErasure(t *testing.T) {
	c := userClient(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	status, size := "completed", int64(2)
	page, err := c.ListResponsesWithResponse(ctx, &lethe.ListResponsesParams{Status: &status, Limit: &size})
	if err != nil {
		t.Fatal(err)
	}
	ids := []uuid.UUID{page.JSON200.Data[0].Id, page.JSON200.Data[1].Id}
	preview, err := c.PreviewErasureWithResponse(ctx, nil, lethe.ErasureRequest{Responses: ids})
	if err != nil || preview.JSON200.Responses != 2 {
		t.Fatalf("got %+v, %v", preview, err)
	}
	key, ground := uuid.NewString(), lethe.NewErasureGroundRequest
	request := lethe.NewErasure{Responses: ids, Token: &preview.JSON200.Token, Ground: &ground}
	started, err := c.StartErasureWithResponse(ctx, &lethe.StartErasureParams{IdempotencyKey: &key}, request)
	if err != nil || started.JSON201 == nil || started.JSON201.State != lethe.ErasureStateFinished || started.JSON201.Responses != 2 {
		t.Fatalf("got %+v, %v", started, err)
	}
	again, err := c.StartErasureWithResponse(ctx, &lethe.StartErasureParams{IdempotencyKey: &key}, request)
	if err != nil || again.JSON201 == nil || again.JSON201.Id != started.JSON201.Id {
		t.Errorf("again: got %+v, %v", again, err)
	}
	_, err = c.StartErasureWithResponse(ctx, &lethe.StartErasureParams{IdempotencyKey: &key}, lethe.NewErasure{Responses: ids[:1]})
	wantError(t, err, http.StatusConflict)

	events, err := c.WatchErasureWithResponse(ctx, started.JSON201.Id, nil)
	if err != nil || strings.Count(string(events.Body), "event: ") != 2 || !strings.Contains(string(events.Body), "event: end\n") {
		t.Errorf("got %s, %v", events.Body, err)
	}

	receipts, err := c.ListErasureReceiptsWithResponse(ctx, started.JSON201.Id, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := c.FetchReceipt(ctx, receipts.JSON200.Data[0].Id)
	if err != nil {
		t.Fatal(err)
	}
	log, err := c.GetLogKeysWithResponse(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := receipt.ParsePublicKeys(log.Body)
	if err != nil {
		t.Fatal(err)
	}
	salt, err := receipt.ParseSalt(started.HTTPResponse.Header.Get("Receipt-Salt"))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := receipt.Check(file, keys, receipt.Options{Salt: &salt, Response: &ids[1]}); err != nil || r.Receipt.Trigger != receipt.TriggerBulk {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestUnexpectedAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"a gateway":     {http.StatusBadGateway, "<html>"},
		"a wrong place": {http.StatusOK, "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			t.Cleanup(server.Close)
			c, err := lethe.New(server.URL, "key")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.ListResponsesWithResponse(context.Background(), nil)
			var failure *lethe.Error
			if !errors.As(err, &failure) || failure.Status != int32(test.status) || failure.Title == "" {
				t.Fatalf("got %v, want status %d", err, test.status)
			}
		})
	}
}

// TestEmptyFilterLists: an empty list in a filter is refused, not omitted: without it,
// more would be erased than intended.
func TestEmptyFilterLists(t *testing.T) {
	ctx, c := context.Background(), userClient(t)
	admin := client(t, "LETHE_TEST_URL", setting(t, "LETHE_TEST_ADMIN_KEY"))
	failed := true
	for name, filter := range map[string]lethe.ErasureFilter{
		"filter.states": {HasError: &failed, States: []string{}},
		"filter.models": {HasError: &failed, Models: []string{}},
		"filter.tiers":  {HasError: &failed, Tiers: []string{}},
	} {
		_, err := c.PreviewErasureWithResponse(ctx, nil, lethe.ErasureRequest{Filter: &filter})
		if failure := wantError(t, err, http.StatusBadRequest); failure.Parameter == nil || *failure.Parameter != name {
			t.Errorf("%s: got %v", name, failure)
		}
	}
	_, err := admin.CreateRetentionRuleWithResponse(ctx, nil, lethe.NewRetentionRule{
		Name: "nobody's", AgeDays: 30, RunAt: []string{"01:30"}, Filter: &lethe.RetentionFilter{
			States: []string{"failed"}, Owners: []string{},
		},
	})
	if failure := wantError(t, err, http.StatusBadRequest); failure.Parameter == nil || *failure.Parameter != "filter.owners" {
		t.Errorf("owners: got %v", failure)
	}
	if _, err := c.PreviewErasureWithResponse(ctx, nil, lethe.ErasureRequest{Filter: &lethe.ErasureFilter{HasError: &failed}}); err != nil {
		t.Errorf("nil list: want it left out, got %v", err)
	}
}
