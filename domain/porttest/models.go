package porttest

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

func testModels(t *testing.T, f ResponsesFixture) {
	anna, ben := uuid.NewString(), uuid.NewString()
	if list, err := f.Responses().Models(t.Context(), nil, 10); err != nil || len(list.Models) > 0 || list.More {
		t.Errorf("of nothing: got %+v, %v", list, err)
	}
	counts := func(of map[string]int64, models ...string) (all []domain.ModelCount) {
		for _, model := range models {
			all = append(all, domain.ModelCount{Model: model, Count: &domain.Count{Total: of[model], Exact: true}})
		}
		return all
	}
	of := map[string]map[string]int64{anna: {}, ben: {}, "all": {}}
	for i := range 23 {
		row := NewRow([]string{anna, ben}[i%2], states[i%6], start)
		row.Model = []string{"model-b", "Model-a", "model-a", "modèle-λ"}[i%7%4]
		if i == 22 {
			row.Model = "model-of-anna"
		}
		f.AddResponse(row)
		of[row.Owner][row.Model]++
		of["all"][row.Model]++
	}
	batched := NewRow("", "completed", start)
	batched.Batched, batched.Model = true, "model-of-batches"
	f.AddResponse(batched)
	for name, c := range map[string]struct {
		owner *string
		limit int64
		want  domain.ModelList
	}{
		"everyone's":              {nil, 10, domain.ModelList{Models: counts(of["all"], "Model-a", "model-a", "model-b", "model-of-anna", "modèle-λ")}},
		"all and no more":         {nil, 5, domain.ModelList{Models: counts(of["all"], "Model-a", "model-a", "model-b", "model-of-anna", "modèle-λ")}},
		"an owner's":              {&ben, 10, domain.ModelList{Models: counts(of[ben], "Model-a", "model-a", "model-b", "modèle-λ")}},
		"the first of an owner's": {&anna, 2, domain.ModelList{Models: counts(of[anna], "Model-a", "model-a"), More: true}},
		"nobody's":                {new(uuid.NewString()), 10, domain.ModelList{}},
		"of a hostile name":       {new("a\x00b"), 10, domain.ModelList{}},
	} {
		if got, err := f.Responses().Models(t.Context(), c.owner, c.limit); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	if list, err := f.Responses().Models(t.Context(), nil, 2); err != nil || len(list.Models) != 2 || !list.More {
		t.Errorf("the first of everyone's: got %+v, %v", list, err)
	}
}
