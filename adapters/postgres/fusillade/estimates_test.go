package fusillade

import (
	"strings"
	"testing"
	"time"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

func TestEstimatesRemembered(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	row := porttest.NewRow("somebody", "completed", time.Now())
	b.AddResponse(row)
	b.AddResponse(porttest.NewRow("another", "completed", time.Now()))
	remembered := func(filter domain.ResponseFilter) bool {
		f, _ := narrow(filter)
		_, _, known := b.responses.estimates.get(f)
		return known
	}
	year := func(year int) *time.Time { return new(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)) } // JSON has 0 to 9999
	filters := map[string]domain.ResponseFilter{
		"everyone":         {},
		"everyone, failed": {States: []string{"failed"}},
		"owner":            {Owners: []string{"somebody"}},
		"owner, failed":    {Owners: []string{"somebody"}, States: []string{"failed"}},
		"owners":           {Owners: []string{"somebody", "nobody"}},
		"other owner":      {Owners: []string{"another"}},

		"everyone, before 10000":    {CreatedBefore: year(10000)},
		"owner, before 10000":       {Owners: []string{"somebody"}, CreatedBefore: year(10000)},
		"other owner, before 10000": {Owners: []string{"another"}, CreatedBefore: year(10000)},
		"other owner, before 10001": {Owners: []string{"another"}, CreatedBefore: year(10001)},
		"other owner, after -1":     {Owners: []string{"another"}, CreatedAfter: year(-1)},
	}
	for name, filter := range filters {
		if remembered(filter) {
			t.Errorf("%s: remembered before it was estimated", name)
		}
		estimate, err := porttest.Count(t.Context(), b.responses, filter, domain.CountEstimate)
		if err != nil || !remembered(filter) {
			t.Errorf("%s: got %v, remembered %t; want it remembered", name, err, remembered(filter))
		}
		if again, err := porttest.Count(t.Context(), b.responses, filter, domain.CountEstimate); err != nil || again != estimate {
			t.Errorf("%s: got %+v, %v; want %+v again", name, again, err, estimate)
		}
	}
	f, _ := narrow(filters["owner"])
	b.responses.estimates.kept.Add(f.key(), estimate{at: time.Now().Add(-estimatesFor - time.Second)})
	if remembered(filters["owner"]) {
		t.Error("an estimate is remembered for longer than it should be")
	}
	b.responses.estimates.add(f, domain.Count{}, 0)
	b.responses.estimates.many.Add("somebody", time.Now())
	b.responses.estimates.many.Add("another", time.Now())
	if _, err := b.responses.Erase(t.Context(), row.ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	if e := b.responses.estimates; e.hasMany("somebody") || !e.hasMany("another") {
		t.Errorf("owners of many after an erasure: somebody %t, another %t; want only the other", e.hasMany("somebody"), e.hasMany("another"))
	}
	for name, filter := range filters {
		if want := strings.HasPrefix(name, "other owner"); remembered(filter) != want {
			t.Errorf("%s: remembered %t after an erasure, want %t", name, !want, want)
		}
	}
}
