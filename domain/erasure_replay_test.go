package domain_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

// authorized notes by which authorizations something was erased again.
type authorized struct {
	domain.Restored
	authorizations []domain.Authorization
	sizes          []int
	fail           int // from which call on it fails; 0: never
}

func (w *authorized) EraseAgain(ctx context.Context, ids []uuid.UUID, by domain.Authorization) (domain.Erased, error) {
	if w.fail > 0 && len(w.authorizations) >= w.fail-1 {
		return domain.Erased{}, domain.Errorf(domain.CodeUnavailable, "away")
	}
	w.authorizations, w.sizes = append(w.authorizations, by), append(w.sizes, len(ids))
	return w.Restored.EraseAgain(ctx, ids, by)
}

// TestReplay: it erases what exists again, in parts, and nothing else; a second replay
// erases nothing.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld()
	kept := w.put(anna.String())
	var ids []uuid.UUID
	var rows []porttest.Row
	for i := range 1200 {
		if i%2 == 0 {
			rows = append(rows, w.put(anna.String()))
			ids = append(ids, rows[len(rows)-1].ID)
		} else {
			ids = append(ids, uuid.New())
		}
	}
	responses := &authorized{Restored: w}
	replay := domain.NewReplayErasures(responses, func() time.Time { return noon })
	var told []int
	progress := func(done int) { told = append(told, done) }

	looked, err := replay.Execute(t.Context(), ids, true, progress)
	if err != nil || looked.Found != 600 || looked.Erased != (domain.Erased{}) || looked.Receipts != nil || len(responses.authorizations) != 0 {
		t.Errorf("dry run: want 600 found and nothing erased, got %+v, %v", looked, err)
	}
	if !slices.Equal(told, []int{500, 1000, 1200}) {
		t.Errorf("progress: want 500, 1000 and 1200, got %v", told)
	}
	before := w.Stored()
	done, err := replay.Execute(t.Context(), ids, false, nil)
	want := domain.Erased{Requests: 600, Templates: 600}
	if err != nil || done.Found != 600 || done.Erased != want || len(done.Receipts) != 3 || w.Stored() != before.Less(want) {
		t.Errorf("replay: want 600 found and %+v erased with 3 receipts, got %+v, %v", want, done, err)
	}
	for i, by := range responses.authorizations {
		if by.Trigger != domain.TriggerReplay || by.Role != domain.ActorSystem || by.Actor != nil || by.RequestedAt != noon ||
			by.Receipt != done.Receipts[i] || by.Salt == (domain.Salt{}) || responses.sizes[i] > 250 {
			t.Errorf("part %d: want 250 requests or fewer with their own receipt, got %d by %+v", i, responses.sizes[i], by)
		}
	}
	if _, _, err := w.Get(t.Context(), kept.ID, nil, math.MaxInt64, nil); err != nil {
		t.Errorf("get of another response: %v", err)
	}
	if done, err = replay.Execute(t.Context(), ids, false, nil); err != nil || done.Found != 0 || done.Receipts != nil {
		t.Errorf("second replay: want nothing found, got %+v, %v", done, err)
	}

	// What was done before an error counts.
	for _, row := range rows {
		w.AddResponse(row)
	}
	responses.authorizations, responses.fail = nil, 2
	done, err = replay.Execute(t.Context(), ids, false, nil)
	if domain.CodeOf(err) != domain.CodeUnavailable || done.Erased.Requests != 250 || len(done.Receipts) != 1 {
		t.Errorf("replay during an outage: want an error after one part of 250, got %+v, %v", done, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replay.Execute(ctx, ids, false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled context: want %v, got %v", context.Canceled, err)
	}
}

// TestReplayRefused: refused responses are named, and the others are erased.
func TestReplayRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var ids []uuid.UUID
	for range 700 {
		ids = append(ids, w.put(anna.String()).ID)
	}
	for _, id := range []uuid.UUID{ids[3], ids[4], ids[650]} {
		w.Refuse(id, true)
	}
	responses := &authorized{Restored: w}
	done, err := domain.NewReplayErasures(responses, func() time.Time { return noon }).Execute(t.Context(), ids, false, nil)
	want := []domain.Refusal{{Request: ids[3], Code: domain.CodeRefused}, {Request: ids[4], Code: domain.CodeRefused}, {Request: ids[650], Code: domain.CodeRefused}}
	if err != nil || done.Erased.Requests != 697 || !slices.Equal(done.Refused, want) || len(responses.authorizations) > 80 {
		t.Errorf("got %+v of %d calls, %v", done.Refused, len(responses.authorizations), err)
	}
}
