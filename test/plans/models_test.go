package plans_test

import (
	"fmt"
	"slices"
	"testing"

	"lethe/domain"
)

// testModels: the models of everyone take a number of blocks that grows with the models
// alone, and those of an owner an index of that owner's.
func (b *fixture) testModels(t *testing.T) {
	var all []string
	for n := range 10 {
		all = append(all, fmt.Sprintf("model-%d", n))
	}
	for name, c := range map[string]struct {
		owner      *string
		more       bool
		exact      bool
		mostBlocks int
	}{
		"everyone":      {nil, false, false, 700},
		"a large owner": {new(large), true, false, 0},
		"a small owner": {new("owner-1900"), false, true, 200},
		"nobody":        {new("owner-none"), false, true, 20},
	} {
		b.newResponses()
		b.recorder.take()
		list, err := b.responses.Models(t.Context(), c.owner, domain.MaxModels)
		if err != nil || list.More != c.more {
			t.Fatalf("%s: got %+v, %v", name, list, err)
		}
		var models []string
		for _, m := range list.Models {
			models = append(models, m.Model)
			if m.Count == nil || m.Count.Exact != c.exact && m.Count.Total > 101 {
				t.Errorf("%s: %s: got count %+v, want one that is exact: %t", name, m.Model, m.Count, c.exact)
			}
		}
		if c.owner == nil && !slices.Equal(models, all) || len(models) > len(all) {
			t.Errorf("%s: got %v, want %v", name, models, all)
		}
		for _, s := range b.recorder.take() {
			for _, mode := range []string{"custom", "generic"} {
				if mode == "generic" && c.owner == nil {
					continue // it has its plan made for it
				}
				plan := b.explain(s, mode, "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)")
				if scan.MatchString(plan) {
					t.Errorf("%s, %s plan: want no sequential scan, got\n%s\n%s", name, mode, s.sql, plan)
				}
				if n := blocks(t, plan); c.mostBlocks > 0 && n > c.mostBlocks {
					t.Errorf("%s, %s plan: want %d blocks or fewer, got %d\n%s", name, mode, c.mostBlocks, n, plan)
				}
			}
		}
	}
}

// modelsOfResponses: among batches, an advised index leads from model to model, past one
// that only batches use.
func (b *fixture) modelsOfResponses(t *testing.T) {
	b.recorder.take()
	list, err := b.responses.Models(t.Context(), nil, domain.MaxModels)
	if err != nil || len(list.Models) != 9 || list.More {
		t.Fatalf("want nine models, got %+v, %v", list, err)
	}
	for _, s := range b.recorder.take() {
		plan := b.explain(s, "custom", "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)")
		if n := blocks(t, plan); n > 300 {
			t.Errorf("want 300 blocks or fewer, got %d\n%s", n, plan)
		}
	}
}
