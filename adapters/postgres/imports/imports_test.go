package imports_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/imports"
	"lethe/domain"
	"lethe/internal/pgtest"
)

func open(t *testing.T) *imports.Imports {
	t.Helper()
	db, err := postgres.Open(postgres.Config{URL: pgtest.New(t).URL, MaxConns: 2, SearchPath: []string{"fusillade"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	i, err := imports.New(db, "fusillade", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func begin(t *testing.T, i *imports.Imports) *imports.Unit {
	t.Helper()
	u, err := i.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Rollback)
	return u
}

func response() domain.ImportedResponse {
	r := domain.ImportedResponse{Place: "line 3", Path: "/v1/responses"}
	r.ID, r.Owner, r.Model, r.State, r.HTTPStatus = uuid.New(), "owner", "model", "completed", new(200)
	r.CreatedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r.CompletedAt, r.Tier = new(r.CreatedAt.Add(time.Second)), new("flex")
	r.Prompt, r.Answer = "prompt", new("answer")
	r.Usage = domain.Usage{PromptTokens: new(int64(10)), CompletionTokens: new(int64(20)), Cost: new(domain.Decimal("0.0003"))}
	return r
}

func TestOneImportAtATime(t *testing.T) {
	t.Parallel()
	i := open(t)
	first := begin(t, i)
	if _, err := i.Begin(t.Context()); domain.CodeOf(err) != domain.CodeConflict || err.Error() != "another import is writing to this database: wait for its end" {
		t.Errorf("want a conflict, got %v", err)
	}
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin(t, i)
}

// TestDiffers: a response that is there is compared in all that the file says of it.
func TestDiffers(t *testing.T) {
	t.Parallel()
	u := begin(t, open(t))
	there := response()
	if kept, err := u.Add(t.Context(), []domain.ImportedResponse{there}); err != nil || kept != (imports.Kept{Kept: 1}) {
		t.Fatalf("got %+v, %v", kept, err)
	}
	for name, change := range map[string]func(*domain.ImportedResponse){
		"the same":         func(*domain.ImportedResponse) {},
		"without contents": func(r *domain.ImportedResponse) { r.Prompt, r.Answer, r.Usage = "", nil, domain.Usage{} },
		"without times":    func(r *domain.ImportedResponse) { r.CreatedAt, r.CompletedAt = time.Time{}, nil },
	} {
		r := there
		change(&r)
		if kept, err := u.Add(t.Context(), []domain.ImportedResponse{r}); err != nil || kept != (imports.Kept{Present: 1}) {
			t.Errorf("%s: got %+v, %v", name, kept, err)
		}
	}
	for field, change := range map[string]func(*domain.ImportedResponse){
		"owner":           func(r *domain.ImportedResponse) { r.Owner = "x" },
		"model":           func(r *domain.ImportedResponse) { r.Model = "x" },
		"status":          func(r *domain.ImportedResponse) { r.State = "failed" },
		"service_tier":    func(r *domain.ImportedResponse) { r.Tier = nil },
		"created_at":      func(r *domain.ImportedResponse) { r.CreatedAt = r.CreatedAt.Add(time.Microsecond) },
		"completed_at":    func(r *domain.ImportedResponse) { r.CompletedAt = &r.CreatedAt },
		"failed_at":       func(r *domain.ImportedResponse) { r.FailedAt = &r.CreatedAt },
		"response_status": func(r *domain.ImportedResponse) { r.HTTPStatus = new(201) },
		"prompt":          func(r *domain.ImportedResponse) { r.Prompt = "x" },
		"answer":          func(r *domain.ImportedResponse) { r.Answer = new("x") },
		"error":           func(r *domain.ImportedResponse) { r.Error = new("x") },
	} {
		r := there
		change(&r)
		want := "line 3: a response with its id is in the database, with another " + field
		if _, err := u.Add(t.Context(), []domain.ImportedResponse{r}); domain.CodeOf(err) != domain.CodeConflict || err.Error() != want {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestKept: each state can be kept, and what the tables have no room for is counted.
func TestKept(t *testing.T) {
	t.Parallel()
	i := open(t)
	u := begin(t, i)
	var all []domain.ImportedResponse
	for _, state := range []string{"pending", "claimed", "processing", "completed", "failed", "canceled"} {
		r := response()
		if r.State = state; state == "failed" {
			r.CompletedAt, r.Answer = nil, nil
		}
		all = append(all, r)
	}
	costly, tiered := response(), response()
	costly.Usage.Cost = new(domain.Decimal("0.00000005"))
	tiered.Tier, tiered.CreatedAt = new("background"), domain.InfiniteFuture
	kept, err := u.Add(t.Context(), append(all, costly, tiered))
	if err != nil || kept != (imports.Kept{Kept: 8, NoCost: 1, NoTier: 1}) {
		t.Fatalf("got %+v, %v", kept, err)
	}
	if err := u.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := i.Analyze(t.Context()); err != nil {
		t.Error(err)
	}
	again := begin(t, i)
	if kept, err := again.Add(t.Context(), append(all, tiered)); err != nil || kept != (imports.Kept{Present: 7, NoTier: 1}) {
		t.Errorf("got %+v, %v", kept, err)
	}
}
