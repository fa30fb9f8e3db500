package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		started, completed *time.Time
		want               *time.Duration
	}{
		"neither":     {nil, nil, nil},
		"started":     {&noon, nil, nil},
		"completed":   {nil, &noon, nil},
		"microsecond": {&noon, ptr(noon.Add(time.Microsecond)), ptr(time.Microsecond)},
		"days":        {&noon, ptr(noon.Add(75*time.Hour + time.Microsecond)), ptr(75*time.Hour + time.Microsecond)},
		"backwards":   {&noon, ptr(noon.Add(-time.Second)), ptr(-time.Second)},
	} {
		got := domain.Response{StartedAt: c.started, CompletedAt: c.completed}.Duration()
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: want %v, got %v", name, c.want, got)
		}
	}
}

func TestFilterMatches(t *testing.T) {
	t.Parallel()
	r := domain.Response{Owner: "o", State: "pending", Model: "m", Tier: ptr("flex"), CreatedAt: noon}
	untiered := r
	untiered.Tier = nil
	done := r
	done.HTTPStatus, done.StartedAt, done.CompletedAt, done.HasError = ptr(404), &noon, ptr(noon.Add(time.Second)), true
	charged, unpriced := r, r
	charged.KnownUsage, unpriced.KnownUsage = &domain.Usage{Cost: ptr(domain.Decimal("0.10000000"))}, &domain.Usage{}
	for name, c := range map[string]struct {
		response domain.Response
		filter   domain.ResponseFilter
		want     bool
	}{
		"none":                 {r, domain.ResponseFilter{}, true},
		"owner":                {r, domain.ResponseFilter{Owners: []string{"x", "o"}}, true},
		"other owner":          {r, domain.ResponseFilter{Owners: []string{"x", "O"}}, false},
		"state":                {r, domain.ResponseFilter{States: []string{"x", "pending"}}, true},
		"other state":          {r, domain.ResponseFilter{States: []string{"x", "claimed"}}, false},
		"model":                {r, domain.ResponseFilter{Models: []string{"x", "m"}}, true},
		"other model":          {r, domain.ResponseFilter{Models: []string{"x", "M"}}, false},
		"no model":             {r, domain.ResponseFilter{Models: []string{}}, false},
		"tier":                 {r, domain.ResponseFilter{Tiers: []string{"auto", "flex"}}, true},
		"other tier":           {r, domain.ResponseFilter{Tiers: []string{"auto"}}, false},
		"no tier":              {r, domain.ResponseFilter{Tiers: []string{}}, false},
		"untiered":             {untiered, domain.ResponseFilter{}, true},
		"untiered and empty":   {untiered, domain.ResponseFilter{Tiers: []string{""}}, false},
		"after, the same":      {r, domain.ResponseFilter{CreatedAfter: &noon}, true},
		"after, just missed":   {r, domain.ResponseFilter{CreatedAfter: ptr(noon.Add(time.Microsecond))}, false},
		"before, the same":     {r, domain.ResponseFilter{CreatedBefore: &noon}, true},
		"before, just missed":  {r, domain.ResponseFilter{CreatedBefore: ptr(noon.Add(-time.Microsecond))}, false},
		"no owner":             {r, domain.ResponseFilter{Owners: []string{}}, false},
		"no state":             {r, domain.ResponseFilter{States: []string{}}, false},
		"status, the least":    {done, domain.ResponseFilter{StatusMin: ptr(int64(404))}, true},
		"status, too low":      {done, domain.ResponseFilter{StatusMin: ptr(int64(405))}, false},
		"status, the most":     {done, domain.ResponseFilter{StatusMax: ptr(int64(404))}, true},
		"status, too high":     {done, domain.ResponseFilter{StatusMax: ptr(int64(403))}, false},
		"no status, from":      {r, domain.ResponseFilter{StatusMin: ptr(int64(-1))}, false},
		"no status, to":        {r, domain.ResponseFilter{StatusMax: ptr(int64(999))}, false},
		"duration":             {done, domain.ResponseFilter{MinDuration: ptr(time.Second)}, true},
		"duration, too short":  {done, domain.ResponseFilter{MinDuration: ptr(time.Second + 1)}, false},
		"no duration":          {r, domain.ResponseFilter{MinDuration: ptr(time.Duration(0))}, false},
		"cost":                 {charged, domain.ResponseFilter{MinTotalCost: ptr(domain.Decimal("0.1"))}, true},
		"cost, too low":        {charged, domain.ResponseFilter{MinTotalCost: ptr(domain.Decimal("0.10000001"))}, false},
		"no cost":              {unpriced, domain.ResponseFilter{MinTotalCost: ptr(domain.Decimal("0"))}, false},
		"no usage":             {r, domain.ResponseFilter{MinTotalCost: ptr(domain.Decimal("0"))}, false},
		"error":                {done, domain.ResponseFilter{HasError: ptr(true)}, true},
		"error, unwanted":      {done, domain.ResponseFilter{HasError: ptr(false)}, false},
		"no error":             {r, domain.ResponseFilter{HasError: ptr(false)}, true},
		"no error, but wanted": {r, domain.ResponseFilter{HasError: ptr(true)}, false},
		"one of several fails": {r, domain.ResponseFilter{Owners: []string{"x", "o"}, States: []string{"x", "pending"}, Models: []string{"x"}}, false},
	} {
		if got := c.filter.Matches(c.response); got != c.want {
			t.Errorf("%s: want %t, got %t", name, c.want, got)
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	response := func(state string, at time.Time, id string) domain.Response {
		return domain.Response{ID: uuid.MustParse(id), State: state, CreatedAt: at}
	}
	const low, high = "0f000000-0000-4000-8000-000000000000", "f0000000-0000-4000-8000-000000000000"
	later := noon.Add(time.Microsecond)
	for _, c := range []struct {
		name        string
		a, b        domain.Response
		activeFirst bool
		want        int
	}{
		{"processing before claimed", response("processing", noon, low), response("claimed", later, high), true, -1},
		{"claimed before pending", response("claimed", noon, low), response("pending", later, high), true, -1},
		{"pending before completed", response("pending", noon, low), response("completed", later, high), true, -1},
		{"pending before failed", response("pending", noon, low), response("failed", later, high), true, -1},
		{"the rest are equal", response("failed", noon, low), response("completed", later, high), true, 1},
		{"the rest are equal, canceled", response("canceled", later, low), response("completed", noon, high), true, -1},
		{"newest first", response("pending", later, low), response("pending", noon, high), true, -1},
		{"ties by identifier", response("pending", noon, high), response("pending", noon, low), true, -1},
		{"the same", response("pending", noon, low), response("pending", noon, low), true, 0},
		{"states do not count", response("completed", later, low), response("processing", noon, high), false, -1},
		{"ties by identifier alone", response("processing", noon, low), response("completed", noon, high), false, 1},
	} {
		sign := func(n int) int { return max(-1, min(n, 1)) }
		if got := sign(domain.CompareResponses(c.a, c.b, c.activeFirst)); got != c.want {
			t.Errorf("%s: want %d, got %d", c.name, c.want, got)
		}
		if got := sign(domain.CompareResponses(c.b, c.a, c.activeFirst)); got != -c.want {
			t.Errorf("%s, the other way round: want %d, got %d", c.name, -c.want, got)
		}
	}
}
