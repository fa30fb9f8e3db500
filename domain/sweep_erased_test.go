package domain_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// TestSweepGoesOn until nothing is due, however much there is.
func TestSweepGoesOn(t *testing.T) {
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
