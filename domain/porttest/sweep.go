package porttest

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

// testSweep writes rows of responses again after their erasure.
func testSweep(t *testing.T, f ResponsesFixture) {
	late := clones(rowsOf(ptr(NewRow("anna", "completed", start)), ptr(NewRow("anna", "completed", start)), ptr(NewRow("ben", "completed", start))))
	kept := NewRow("anna", "completed", start)
	f.AddResponse(kept)
	f.AddUsage(UsageRow{Response: kept.ID, At: start, Copied: true})
	f.AddTask(kept.ID, false)
	for _, row := range late {
		f.AddResponse(*row)
		if _, err := f.Responses().Erase(t.Context(), row.ID, nil, Permit); err != nil {
			t.Fatal(err)
		}
	}
	before := f.Stored()
	write := func() {
		f.AddResponse(*late[0])
		f.AddUsage(UsageRow{Response: late[1].ID, At: start, Copied: true})
		f.AddTask(late[1].ID, true)
		before.Usage++
	}
	sweep := func(limit, looked int, want domain.Erased) {
		t.Helper()
		w, _ := Permit(domain.Found{})
		w.Trigger = domain.TriggerSweep
		n, erased, err := f.Responses().Sweep(t.Context(), limit, w)
		if err != nil || n != looked || erased != want {
			t.Errorf("want %d looked for and %+v removed, got %d, %+v, %v", looked, want, n, erased, err)
		}
	}
	all := domain.Erased{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1, Tasks: 1}
	write()
	sweep(10, 0, domain.Erased{}) // not due
	for range len(domain.SweepAfter) {
		f.Hasten()
		sweep(10, 3, all)
		if after := f.Stored(); after != before {
			t.Errorf("want %+v left, got %+v", before, after)
		}
		sweep(10, 0, domain.Erased{})
		write()
	}
	f.Hasten()
	sweep(10, 0, domain.Erased{}) // forgotten by now
	// The searches for a response that is erased again start over.
	if _, err := f.Responses().Erase(t.Context(), late[0].ID, nil, Permit); err != nil {
		t.Fatal(err)
	}
	f.Hasten()
	sweep(10, 1, domain.Erased{})
	f.AddResponse(*late[2])
	if _, err := f.Responses().Erase(t.Context(), late[2].ID, nil, Permit); err != nil {
		t.Fatal(err)
	}
	f.Hasten()
	sweep(1, 1, domain.Erased{})
	sweep(1, 1, domain.Erased{})
	sweep(1, 0, domain.Erased{})
}

// testSweepRefused: the sweep tries a refused deletion again, and continues with the
// others.
func testSweepRefused(t *testing.T, f ResponsesFixture) {
	rows := clones(rowsOf(ptr(NewRow("anna", "completed", start)), ptr(NewRow("anna", "completed", start)), ptr(NewRow("ben", "completed", start))))
	for _, row := range rows {
		f.AddResponse(*row)
		if _, err := f.Responses().Erase(t.Context(), row.ID, nil, Permit); err != nil {
			t.Fatal(err)
		}
		f.AddResponse(*row)
	}
	f.Refuse(rows[1].ID, true)
	sweep := func(want domain.Erased, code domain.Code) {
		t.Helper()
		f.Hasten()
		w, _ := Permit(domain.Found{})
		w.Trigger = domain.TriggerSweep
		n, erased, err := f.Responses().Sweep(t.Context(), 10, w)
		if n != 3 || erased != want || (err != nil) != (code != "") || err != nil && domain.CodeOf(err) != code {
			t.Errorf("want 3 looked for, %+v removed and code %q, got %d, %+v, %v", want, code, n, erased, err)
		}
	}
	sweep(domain.Erased{Requests: 2, Templates: 2}, domain.CodeRefused)
	sweep(domain.Erased{}, domain.CodeRefused)
	if erased, err := f.Responses().Erase(t.Context(), rows[1].ID, nil, Permit); domain.CodeOf(err) != domain.CodeRefused || erased != (domain.Erased{}) {
		t.Errorf("want %s, got %+v, %v", domain.CodeRefused, erased, err)
	}
	restored := f.Responses().(domain.Restored)
	w, _ := Permit(domain.Found{})
	w.Trigger = domain.TriggerReplay
	if erased, err := restored.EraseAgain(t.Context(), []uuid.UUID{rows[0].ID, rows[1].ID}, w); domain.CodeOf(err) != domain.CodeRefused || erased != (domain.Erased{}) {
		t.Errorf("want %s, got %+v, %v", domain.CodeRefused, erased, err)
	}
	f.Refuse(rows[1].ID, false)
	sweep(domain.Erased{Requests: 1, Templates: 1}, "")
}

// testEraseAgain brings back what was erased, as a restore does.
func testEraseAgain(t *testing.T, f ResponsesFixture) {
	head, second := NewRow("anna", "completed", start), NewRow("ben", "completed", start)
	chain := Chain(&head, &second, nil)
	single, copied, kept := NewRow("anna", "failed", start), NewRow("anna", "completed", start), NewRow("anna", "completed", start)
	batched := NewRow("", "completed", start)
	batched.Batched = true
	f.AddResponse(batched)
	f.AddResponse(kept)
	f.AddUsage(UsageRow{Response: kept.ID, At: start, Copied: true})
	f.AddChain(chain...)
	f.AddResponse(single)
	f.AddResponse(copied)
	for _, id := range []uuid.UUID{head.ID, single.ID, copied.ID} {
		if _, err := f.Responses().Erase(t.Context(), id, nil, Permit); err != nil {
			t.Fatal(err)
		}
	}
	before := f.Stored()
	ids := []uuid.UUID{second.ID, single.ID, head.ID, copied.ID, uuid.New()}
	restored := f.Responses().(domain.Restored)
	again := func(found []uuid.UUID, want domain.Erased) {
		t.Helper()
		remaining, err := restored.Remaining(t.Context(), ids)
		if err != nil || !slices.Equal(distinct(texts(remaining)), distinct(texts(found))) {
			t.Errorf("remaining: want %v, got %v, %v", found, remaining, err)
		}
		w, _ := Permit(domain.Found{})
		erased, err := restored.EraseAgain(t.Context(), ids, w)
		if err != nil || erased != want {
			t.Errorf("want %+v removed, got %+v, %v", want, erased, err)
		}
		if after := f.Stored(); after != before {
			t.Errorf("want %+v left, got %+v", before, after)
		}
	}
	again(nil, domain.Erased{})
	f.AddChain(chain...)
	f.AddResponse(single)
	f.AddTask(single.ID, false)
	f.AddUsage(UsageRow{Response: copied.ID, At: start, Copied: true})
	before.Usage++
	again([]uuid.UUID{head.ID, second.ID, single.ID, copied.ID},
		domain.Erased{Requests: 3, Steps: 3, Templates: 3, RawRequests: 1, RawResponses: 1, Tasks: 1})
	// What belongs to it is erased too, and searched for again.
	f.AddChain(chain...)
	ids = []uuid.UUID{second.ID}
	again(ids, domain.Erased{Requests: 2, Steps: 3, Templates: 2})
	f.AddTask(head.ID, false)
	f.Hasten()
	w, _ := Permit(domain.Found{})
	w.Trigger = domain.TriggerSweep
	if _, erased, err := f.Responses().Sweep(t.Context(), 10, w); err != nil || erased != (domain.Erased{Tasks: 1}) {
		t.Errorf("sweep after erasing again: want 1 task removed, got %+v, %v", erased, err)
	}
}

func texts(ids []uuid.UUID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}
