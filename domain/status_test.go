package domain_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"lethe/domain"
)

// watched is the port with a function.
type watched func(context.Context) (domain.Status, error)

func (w watched) Status(ctx context.Context) (domain.Status, error) { return w(ctx) }

func statusOf(s domain.Status) *domain.GetStatus {
	return domain.NewGetStatus(watched(func(context.Context) (domain.Status, error) { return s, nil }), func() time.Time { return noon })
}

// TestStatusPermission goes through every caller.
func TestStatusPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		asked := false
		u := domain.NewGetStatus(watched(func(context.Context) (domain.Status, error) {
			asked = true
			return domain.Status{Version: "v1"}, nil
		}), func() time.Time { return noon })
		got, err := u.Execute(t.Context(), c.principal)
		if c.read != "everyone" {
			if wantError(t, err, domain.CodeForbidden, "Insufficient permissions to Read Status"); asked || got.Version != "" {
				t.Errorf("%s: want nothing read, got %+v", c.name, got)
			}
			continue
		}
		if err != nil || !got.Well || got.Sentence != "All is well." || got.Version != "v1" || !got.At.Equal(noon) {
			t.Errorf("%s: want that all is well at %s, got %+v, %v", c.name, noon, got, err)
		}
	}
}

func TestStatusUnavailable(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	u := domain.NewGetStatus(watched(func(context.Context) (domain.Status, error) { return domain.Status{Version: "v1"}, gone }), time.Now)
	if got, err := u.Execute(t.Context(), domain.Principal{Admin: true}); err != gone || got.Version != "" || got.Sentence != "" {
		t.Errorf("want the port's error and nothing else, got %+v, %v", got, err)
	}
}

// TestStatusSentence: the worst comes first, and nothing is said of what is in time.
func TestStatusSentence(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Time { return ptr(noon.Add(-d)) }
	all := []struct {
		say    string // how the sentence begins
		change func(*domain.Status)
	}{
		{"Held responses that are gone though Lethe did not erase them: 3; `lethe doctor` names them", func(s *domain.Status) { s.Holds.Gone = 3 }},
		{"Purges of deleted users that are waiting to remove held responses: 2; ", func(s *domain.Status) { s.Holds.PurgesWaiting = 2 }},
		{"A receipt of an erasure has been waiting to be sealed for 1h5m; ", func(s *domain.Status) { s.Log.Unsealed, s.Log.Oldest = 1, 65*time.Minute }},
		{"Sealed receipts that no published checkpoint covers: 4; ", func(s *domain.Status) {
			s.Log.Leaves, s.Log.Published, s.Log.SealedAt = 10, 6, ago(11*time.Minute)
		}},
		{"Erasures that failed within the last day: 1; GET /lethe/api/v1/erasures?state=failed", func(s *domain.Status) { s.Erasures.Failed = 1 }},
		{"An erasure has been unfinished for 25h0m; ", func(s *domain.Status) { s.Erasures.Unfinished, s.Erasures.Oldest = 1, ago(25*time.Hour) }},
		{`The retention rule "two weeks" has been due for 11m and has not begun; `, func(s *domain.Status) {
			s.Rules = []domain.DueRule{{Name: "two weeks", At: *ago(11 * time.Minute)}, {Name: "another", At: *ago(0)}}
		}},
		{"An erasure has been waiting for approval for 49h0m; ", func(s *domain.Status) { s.Erasures.Awaiting, s.Erasures.OldestAwaiting = 1, ago(49*time.Hour) }},
		{"A migration of schema fusillade was begun and not finished; ", func(s *domain.Status) {
			s.Databases = []domain.SchemaVersion{{Schema: "public"}, {Schema: "fusillade", Failed: []int64{7}}}
		}},
	}
	var worse domain.Status // also everything that comes later in the list
	for i := len(all) - 1; i >= 0; i-- {
		var alone domain.Status
		for _, s := range []*domain.Status{&alone, &worse} {
			all[i].change(s)
			got, err := statusOf(*s).Execute(t.Context(), domain.Principal{Admin: true})
			if err != nil || got.Well || !strings.HasPrefix(got.Sentence, all[i].say) || !strings.HasSuffix(got.Sentence, ".") {
				t.Errorf("want %q, got %t %q, %v", all[i].say, got.Well, got.Sentence, err)
			}
		}
	}
	for name, s := range map[string]domain.Status{
		"just written":   {Log: domain.LogStatus{Unsealed: 5, Oldest: time.Minute}},
		"just sealed":    {Log: domain.LogStatus{Leaves: 2, Published: 1, SealedAt: ago(10 * time.Minute)}},
		"long published": {Log: domain.LogStatus{Leaves: 2, Published: 2, SealedAt: ago(1000 * time.Hour)}},
		"at work":        {Erasures: domain.ErasureStatus{Unfinished: 9, Oldest: ago(24 * time.Hour)}},
		"just asked":     {Erasures: domain.ErasureStatus{Awaiting: 1, OldestAwaiting: ago(48 * time.Hour)}},
		"just due":       {Rules: []domain.DueRule{{At: *ago(10 * time.Minute)}}},
		"purges failed":  {Holds: domain.HoldStatus{PurgesFailed: 3}},
		"migrated":       {Databases: []domain.SchemaVersion{{Schema: "public", Migration: ptr(int64(97))}}},
	} {
		if got, err := statusOf(s).Execute(t.Context(), domain.Principal{Admin: true}); err != nil || !got.Well || got.Sentence != "All is well." {
			t.Errorf("%s: want that all is well, got %t %q, %v", name, got.Well, got.Sentence, err)
		}
	}
}
