package domain_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// TestSweepUntilNothingDue: it continues until nothing is due.
func TestSweepUntilNothingDue(t *testing.T) {
	t.Parallel()
	w := newWorld()
	rows := make([]porttest.Row, 1001)
	for i := range rows {
		rows[i] = w.put(anna.String())
		if _, err := w.Store.Erase(t.Context(), rows[i].ID, nil, porttest.Permit); err != nil {
			t.Fatal(err)
		}
	}
	for _, late := range []uuid.UUID{rows[0].ID, rows[500].ID, rows[1000].ID} {
		w.AddTask(late, false)
	}
	before := w.Stored()
	w.Hasten()
	erased, err := domain.NewSweepErased(w, func() time.Time { return noon }).Execute(t.Context())
	if want := (domain.Erased{Tasks: 3}); err != nil || erased != want || w.Stored() != before.Less(want) {
		t.Errorf("want %+v removed, got %+v, %v", want, erased, err)
	}
}

// turns are what a port answers, one after another, and what it was asked.
type turns struct {
	results []turn
	asked   []domain.Authorization
	before  []time.Time
}

type turn struct {
	domain.OrphansTurn
	err error
}

func (t *turns) SweepOrphans(_ context.Context, before time.Time, limit int, pause time.Duration, w domain.Authorization) (domain.OrphansTurn, error) {
	if limit != 1000 || pause != 24*time.Hour {
		return domain.OrphansTurn{}, errors.New("other bounds than are said")
	}
	t.asked, t.before = append(t.asked, w), append(t.before, before)
	result := t.results[len(t.asked)-1]
	return result.OrphansTurn, result.err
}

func TestSweepOrphans(t *testing.T) {
	t.Parallel()
	looked := func(n int, copies int64) domain.OrphansTurn {
		return domain.OrphansTurn{Looked: n, Erased: domain.Erased{RawRequests: copies}}
	}
	refused := domain.Errorf(domain.CodeRefused, "some are refused")
	away := domain.Errorf(domain.CodeUnavailable, "away")
	for name, c := range map[string]struct {
		results []turn
		pace    error
		want    domain.Erased
		paced   int
		err     error
	}{
		"none due":                           {[]turn{{}}, nil, domain.Erased{}, 0, nil},
		"two parts":                          {[]turn{{looked(1000, 3), nil}, {looked(1, 0), nil}, {}}, nil, domain.Erased{RawRequests: 3}, 1001, nil},
		"refused, next part swept":           {[]turn{{looked(7, 1), refused}, {looked(8, 2), nil}, {}}, nil, domain.Erased{RawRequests: 3}, 15, refused},
		"refused, none due":                  {[]turn{{looked(7, 1), nil}, {looked(0, 2), refused}}, nil, domain.Erased{RawRequests: 3}, 7, refused},
		"database unavailable":               {[]turn{{looked(7, 1), nil}, {looked(8, 0), away}}, nil, domain.Erased{RawRequests: 1}, 7, away},
		"database unavailable after refused": {[]turn{{looked(7, 1), refused}, {err: away}}, nil, domain.Erased{RawRequests: 1}, 7, refused},
		"context canceled while waiting":     {[]turn{{looked(7, 1), nil}}, context.Canceled, domain.Erased{RawRequests: 1}, 7, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port, paced := &turns{results: c.results}, 0
			now := time.Date(2026, 3, 8, 12, 0, 0, 0, time.UTC)
			erased, err := domain.NewSweepOrphans(port, func(_ context.Context, n int) error { paced += n; return c.pace }, func() time.Time { return now }).Execute(t.Context())
			if erased != c.want || !errors.Is(err, c.err) || paced != c.paced || len(port.asked) != len(c.results) {
				t.Errorf("got %+v, %v after %d turns and %d copies", erased, err, len(port.asked), paced)
			}
			seen := map[domain.Salt]bool{}
			for i, w := range port.asked {
				if w.Trigger != domain.TriggerOrphans || w.Role != domain.ActorSystem || w.Ground != domain.GroundUnspecified ||
					w.Actor != nil || !w.RequestedAt.Equal(now) || seen[w.Salt] || !port.before[i].Equal(now.Add(-7*24*time.Hour)) {
					t.Errorf("want no actor, the current time and rows of 7 days ago, got %+v for rows before %s", w, port.before[i])
				}
				seen[w.Salt] = true
			}
		})
	}
}

// TestSweepOrphansErrorLimit: the number of reported errors is limited.
func TestSweepOrphansErrorLimit(t *testing.T) {
	t.Parallel()
	port := &turns{}
	for range 20 {
		port.results = append(port.results, turn{domain.OrphansTurn{Looked: 1}, domain.Errorf(domain.CodeRefused, "refused")})
	}
	port.results = append(port.results, turn{})
	_, err := domain.NewSweepOrphans(port, func(context.Context, int) error { return nil }, time.Now).Execute(t.Context())
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok || len(joined.Unwrap()) != 10 {
		t.Errorf("got %v", err)
	}
}
