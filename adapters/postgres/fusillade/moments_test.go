package fusillade

import (
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

// TestTimesBeyondJSON: responses whose times are infinite, or too far away for
// JSON, can be listed, counted, filtered, fetched and erased.
func TestTimesBeyondJSON(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	b := newFixture(t, postgres.Config{})
	owner := uuid.New()
	times := []string{"-infinity", "4713-01-01 12:00+00 BC", "0001-06-01 00:00+00 BC", "2026-03-01 00:00+00", "12000-01-01 00:00+00", "294276-12-31 23:59:59.999999+00", "infinity"}
	ids := make([]uuid.UUID, len(times))
	add := func() {
		for i, at := range times {
			ids[i] = uuid.New()
			b.exec(`INSERT INTO requests (id, state, model, created_by, created_at, daemon_id, claimed_at, started_at, completed_at, response_status, response_body)
				VALUES ($1, 'completed', 'm', $2, $3::text::timestamptz, $1, now(), CASE WHEN $4 THEN now() ELSE $3::text::timestamptz END, $3::text::timestamptz, 200, '')`,
				ids[i], owner.String(), at, i%2 == 0)
		}
	}
	add()
	mine := domain.ResponseFilter{Owners: []string{owner.String()}}
	for _, activeFirst := range []bool{false, true} {
		for _, f := range []domain.ResponseFilter{{}, mine} {
			var after *domain.Position
			for i := len(ids) - 1; i >= 0; i-- {
				page, err := b.responses.Page(ctx, domain.PageQuery{Filter: f, ActiveFirst: activeFirst, After: after, Limit: 1})
				if err != nil || len(page) != 1 || page[0].ID != ids[i] {
					t.Fatalf("want %s on the page, got %v, %v", times[i], page, err)
				}
				at := domain.PositionOf(page[0], activeFirst)
				after = &at
				if infinite := i == 0 || i == len(ids)-1; infinite && page[0].Duration() != nil {
					t.Errorf("%s: want no duration, got %s", times[i], page[0].Duration())
				}
			}
			if page, err := b.responses.Page(ctx, domain.PageQuery{Filter: f, ActiveFirst: activeFirst, After: after, Limit: 1}); err != nil || len(page) != 0 {
				t.Errorf("want the last page, got %v (error %v)", page, err)
			}
		}
	}
	least := time.Duration(0)
	long := domain.ResponseFilter{Owners: mine.Owners, MinDuration: &least}
	page, err := b.responses.Page(ctx, domain.PageQuery{Filter: long, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page {
		if !long.Matches(r) {
			t.Errorf("%s is listed, but does not pass the filter", r.CreatedAt)
		}
	}
	if n, err := porttest.Count(ctx, b.responses, long, domain.CountExact); err != nil || n.Total != int64(len(page)) {
		t.Errorf("want %d counted, got %+v, %v", len(page), n, err)
	}
	for i, id := range ids {
		if _, _, err := b.responses.Get(ctx, id, nil, math.MaxInt64, nil); err != nil {
			t.Errorf("%s: Get: %v", times[i], err)
		}
		if _, err := b.responses.Erase(ctx, id, nil, porttest.Permit); err != nil {
			t.Errorf("%s: Erase: %v", times[i], err)
		}
	}
	erasures := b.erasures(postgres.Config{})
	for _, limit := range []int{1, 3} {
		add()
		e := b.create(erasures, domain.ErasureTarget{Owner: &owner})
		estimate, err := erasures.Estimate(ctx, *e.Target, nil, time.Now())
		if err != nil || estimate.Responses != int64(len(times)) {
			t.Errorf("want all counted, got %+v, %v", estimate, err)
		}
		if e = b.finish(erasures, e.ID, limit); e.Done != int64(len(times)) || b.number(`SELECT count(*) FROM requests`) != 0 {
			t.Errorf("want all erased, got %d", e.Done)
		}
	}
	add()
	// A filter does not erase what was created after the preview.
	e := b.create(erasures, domain.ErasureTarget{Filter: &domain.ResponseFilter{MinDuration: &least}})
	estimate, err := erasures.Estimate(ctx, *e.Target, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if e = b.finish(erasures, e.ID, 2); e.Done != estimate.Responses {
		t.Errorf("want %d erased, got %d", estimate.Responses, e.Done)
	}
}
