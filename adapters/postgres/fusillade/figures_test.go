package fusillade

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

var figuresOfADay = domain.FigureQuery{Bucket: domain.Hourly, Filter: domain.ResponseFilter{
	CreatedAfter:  new(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)),
	CreatedBefore: new(time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC)),
}}

// TestFigureLimits: more responses than are sorted, or looked up, are counted all the
// same.
func TestFigureLimits(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	for range 3 {
		row := porttest.NewRow("owner", "completed", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		b.AddResponse(row)
		b.AddUsage(porttest.UsageRow{Response: row.ID, At: row.CreatedAt, PromptTokens: new(int64(5))})
	}
	for _, c := range []struct {
		timed, used  int64
		basis        domain.Basis
		times, usage bool
	}{
		{3, 3, domain.BasisUsage, true, true}, {2, 3, domain.BasisUsage, false, true}, {3, 2, domain.BasisRows, true, false}, {2, 2, domain.BasisRows, false, false},
	} {
		b.responses.figuresUpTo = figureLimits{time.Minute, c.timed, c.used}
		points, basis, err := b.responses.Figures(t.Context(), figuresOfADay)
		if err != nil || basis != c.basis || len(points) != 1 || points[0].Responses != 3 ||
			(points[0].P50 != nil) != c.times || (points[0].P95 != nil) != c.times || (points[0].Usage.PromptTokens != nil) != c.usage {
			t.Errorf("up to %d and %d: want basis %s, got %+v, %s, %v", c.timed, c.used, c.basis, points, basis, err)
		}
	}
	apart, err := New(b.responses.src, "outlet", false, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	points, basis, err := apart.Figures(t.Context(), figuresOfADay)
	if err != nil || basis != domain.BasisRows || len(points) != 1 || points[0].P50 == nil || points[0].Usage != (domain.Usage{}) {
		t.Errorf("usage in another database: want basis %s, got %+v, %s, %v", domain.BasisRows, points, basis, err)
	}
	costly := figuresOfADay
	costly.Filter.MinTotalCost = new(domain.Decimal("1"))
	if _, _, err := apart.Figures(t.Context(), costly); err != domain.ErrNoCosts {
		t.Errorf("costs in another database: want %v, got %v", domain.ErrNoCosts, err)
	}
}

// TestFiguresTooLong: what takes too long says what to do.
func TestFiguresTooLong(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 1})
	// Preparing the statement is not limited, and would wait.
	if _, _, err := b.responses.Figures(t.Context(), figuresOfADay); err != nil {
		t.Fatal(err)
	}
	b.responses.figuresUpTo.within = 50 * time.Millisecond
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), "LOCK TABLE fusillade.requests"); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.responses.Figures(t.Context(), figuresOfADay)
	if domain.CodeOf(err) != domain.CodeUnavailable || !strings.Contains(err.Error(), "narrow the time with from and to") {
		t.Errorf("want advice, got %v", err)
	}
}

// TestFiguresLedger: costs are those that lists show.
func TestFiguresLedger(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	responses, err := New(postgres.Source{Primary: openDB(t, postgres.Config{URL: database.RoleURL})}, "outlet", true, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	responses.WithLedger(func() bool { return true })
	f := pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses})
	price, none := domain.Decimal("0.5"), domain.Decimal("0")
	add := func(change func(id uuid.UUID)) {
		row := porttest.NewRow("owner", "completed", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		f.AddResponse(row)
		change(row.ID)
	}
	add(func(id uuid.UUID) {
		f.AddUsage(porttest.UsageRow{Response: id, At: time.Now(), PromptTokens: new(int64(2)), CompletionTokens: new(int64(1)), PromptPrice: &price, CompletionPrice: &none})
		f.AddCharge(porttest.Charge{Response: id, Amount: "9"})
	})
	add(func(id uuid.UUID) { f.AddCharge(porttest.Charge{Response: id, Amount: "-0.25"}) })
	add(func(uuid.UUID) {})
	for want, atLeast := range map[string]string{"1.25": "", "1.": "0.5"} {
		q := figuresOfADay
		q.Filter.Owners = []string{"owner"}
		if atLeast != "" {
			q.Filter.MinTotalCost = new(domain.Decimal(atLeast))
		}
		points, _, err := responses.Figures(t.Context(), q)
		if err != nil || len(points) != 1 || points[0].Usage.Cost == nil || strings.TrimRight(string(*points[0].Usage.Cost), "0") != want {
			t.Errorf("from a cost of %q: want %s, got %+v, %v", atLeast, want, points, err)
		}
	}
}
