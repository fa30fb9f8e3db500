package fusillade

import (
	"math"
	"testing"
	"time"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
)

// TestLaggingReplica uses another database as the replica, with the same rows,
// which does not follow the primary.
func TestLaggingReplica(t *testing.T) {
	t.Parallel()
	primaryTrips, replicaTrips := &meddler{}, &meddler{}
	primary := newFixture(t, postgres.Config{Tracer: primaryTrips})
	replica := newFixture(t, postgres.Config{Tracer: replicaTrips})
	port, err := New(postgres.Source{Primary: primary.responses.src.Primary, Replica: replica.responses.src.Primary}, "outlet", true, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var rows []porttest.Row
	for i := range 6 {
		row := porttest.NewRow("owner", "completed", at.Add(time.Duration(-i)*time.Minute))
		row.Prompt, row.File = "words", porttest.KeptFile
		rows = append(rows, row)
		for _, f := range []*pgfixture.Fixture{primary.Fixture, replica.Fixture} {
			f.AddResponse(row)
		}
	}
	trips := func(wantReplica, wantPrimary int64) {
		t.Helper()
		if r, p := replicaTrips.count.Swap(0), primaryTrips.count.Swap(0); r != wantReplica || p != wantPrimary {
			t.Errorf("got %d round trips to the replica and %d to the primary, want %d and %d", r, p, wantReplica, wantPrimary)
		}
	}
	page := func(want ...porttest.Row) {
		t.Helper()
		got, err := port.Page(t.Context(), domain.PageQuery{ActiveFirst: true, Limit: 3})
		if err != nil || len(got) != len(want) {
			t.Fatalf("want %d responses, got %d, %v", len(want), len(got), err)
		}
		for i := range want {
			if got[i].ID != want[i].ID {
				t.Errorf("want %s at %d, got %s", want[i].ID, i, got[i].ID)
			}
		}
	}
	trips(0, 0)
	page(rows[0], rows[1], rows[2])
	trips(1, 1)
	if _, contents, err := port.Get(t.Context(), rows[1].ID, nil, math.MaxInt64, nil); err != nil || contents.Prompt != "words" {
		t.Errorf("got %+v, %v", contents, err)
	}
	trips(1, 1)

	if _, err := port.Erase(t.Context(), rows[0].ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	primary.exec(`DELETE FROM requests WHERE id = $1`, rows[2].ID)
	primary.exec(`UPDATE files SET deleted_at = now() WHERE id = (SELECT file_id FROM request_templates t JOIN requests r ON r.template_id = t.id WHERE r.id = $1)`, rows[3].ID)
	primary.exec(`DELETE FROM request_templates WHERE id = (SELECT template_id FROM requests WHERE id = $1)`, rows[4].ID)
	primaryTrips.count.Store(0)
	page(rows[1], rows[3], rows[4]) // a full page, although two were erased
	trips(1, 2)
	for _, i := range []int{0, 2} {
		if _, contents, err := port.Get(t.Context(), rows[i].ID, nil, math.MaxInt64, nil); domain.CodeOf(err) != domain.CodeNotFound || contents != (domain.Contents{}) {
			t.Errorf("erased response: got %+v (error %v), want not found", contents, err)
		}
	}
	if _, err := port.Erase(t.Context(), rows[0].ID, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("erasing what the primary does not have: got %v", err)
	}
	for _, i := range []int{3, 4} {
		if _, contents, err := port.Get(t.Context(), rows[i].ID, nil, math.MaxInt64, nil); err != nil || contents.Prompt != "" {
			t.Errorf("prompt deleted or withheld since: got %+v (error %v)", contents, err)
		}
	}
	if count, err := porttest.Count(t.Context(), port, domain.ResponseFilter{}, domain.CountAuto); err != nil || count != (domain.Count{Total: 4}) {
		t.Errorf("want a count of kind estimate, got %+v (error %v)", count, err)
	}

	primary.responses.src.Primary.Close()
	if _, err := port.Page(t.Context(), domain.PageQuery{ActiveFirst: true, Limit: 3}); err == nil {
		t.Error("got a page that the primary did not confirm")
	}
	if _, _, err := port.Get(t.Context(), rows[1].ID, nil, math.MaxInt64, nil); err == nil {
		t.Error("got a response that the primary did not confirm")
	}
}
