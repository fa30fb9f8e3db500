package fusillade

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

func TestEraseReceipt(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	unindexed := b.addChain("ben", 1)
	if _, err := b.responses.Erase(t.Context(), unindexed[0].ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '%unlocated_copies%'`); n != 1 {
		t.Error("without an index on headers, the receipt does not mention copies that only headers lead to")
	}
	b.index()
	chain, alone := b.addChain("anna", 4), b.addChain("ben", 1)
	uncopied := porttest.NewRow("ben", "pending", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	b.AddResponse(uncopied)
	actor := uuid.New()
	asked := time.Date(2026, 3, 2, 8, 30, 0, 123456789, time.FixedZone("east", 3600))
	for name, c := range map[string]struct {
		requests  []porttest.Row
		owner     string
		counts    receipt.Counts
		unlocated bool
	}{
		"chain":    {chain, "anna", receipt.Counts{Requests: 3, Steps: 4, Templates: 3, RawRequests: 3, RawResponses: 3, Tasks: 6}, false},
		"alone":    {alone, "ben", receipt.Counts{Requests: 1, Templates: 1, RawRequests: 1, RawResponses: 1, Tasks: 2}, false},
		"uncopied": {[]porttest.Row{uncopied}, "ben", receipt.Counts{Requests: 1, Templates: 1}, true},
	} {
		w := domain.Authorization{
			Receipt: uuid.New(), Trigger: domain.TriggerSingle, Ground: domain.GroundUnspecified,
			RequestedAt: asked, Actor: &actor, Role: domain.ActorOwner,
		}
		begun := time.Now()
		_, err := b.responses.Erase(t.Context(), c.requests[0].ID, nil, func(domain.Found) (domain.Authorization, error) { return w, nil })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var body, salt []byte
		var of uuid.UUID
		err = b.owner.Pool().QueryRow(t.Context(), `SELECT r.body, s.salt, s.actor_id FROM lethe.receipts r
			JOIN lethe.receipt_secrets s ON s.receipt_id = r.id WHERE r.id = $1 AND r.leaf_index IS NULL AND r.about IS NULL`, w.Receipt).Scan(&body, &salt, &of)
		if err != nil || of != actor {
			t.Fatalf("%s: want a receipt requested by %s, got %s (error %v)", name, actor, of, err)
		}
		got, err := receipt.Parse(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.ID != w.Receipt || got.Log != TestIssuer.Origin || got.Build != TestIssuer.Build || got.Level != receipt.LevelLogical ||
			got.Trigger != receipt.TriggerSingle || got.Ground != receipt.GroundUnspecified || got.Actor != receipt.ActorOwner ||
			!got.RequestedAt.Equal(asked.Truncate(time.Microsecond)) || got.ExecutedAt.Before(begun.Truncate(time.Microsecond)) || got.ExecutedAt.After(time.Now()) ||
			got.Counts != c.counts || slices.Contains(got.NotCovered, receipt.GapUnlocatedCopies) != c.unlocated {
			t.Errorf("%s: got %+v", name, got)
		}
		key := receipt.Salt(salt)
		if len(got.Responses) != len(c.requests) || !slices.Equal(got.Owners, []receipt.Commitment{receipt.CommitOwner(key, c.owner)}) {
			t.Errorf("%s: want %d responses of %s, got %+v", name, len(c.requests), c.owner, got)
		}
		for _, row := range c.requests {
			if !slices.Contains(got.Responses, receipt.CommitResponse(key, row.ID)) {
				t.Errorf("%s: request %s is not in the receipt", name, row.ID)
			}
		}
	}
}

// TestEraseReceiptNotWritable: if the receipt cannot be written, nothing is
// erased.
func TestEraseReceiptNotWritable(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	requests := b.addChain("anna", 1)
	before := b.Stored()
	for _, c := range []struct {
		change string
		code   domain.Code
	}{
		{`ALTER TABLE lethe.receipts ADD CONSTRAINT none CHECK (false)`, domain.CodeInternal},
		{`ALTER TABLE lethe.receipts RENAME TO elsewhere`, domain.CodeUnavailable},
	} {
		b.exec(c.change)
		erased, err := b.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit)
		if domain.CodeOf(err) != c.code || erased != (domain.Erased{}) || b.Stored() != before {
			t.Errorf("%s: want %s and nothing erased, got %+v, %v", c.change, c.code, erased, err)
		}
	}
}

// TestSweepReceipt: a sweep writes a receipt only if it removes something.
func TestSweepReceipt(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	requests := b.addChain("anna", 4)
	if _, err := b.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	w := domain.Authorization{
		Receipt: uuid.New(), Trigger: domain.TriggerSweep, Ground: domain.GroundUnspecified,
		RequestedAt: time.Now(), Role: domain.ActorSystem,
	}
	sweep := func(receipts int64) {
		t.Helper()
		b.Hasten()
		if _, _, err := b.responses.Sweep(t.Context(), 10, w); err != nil {
			t.Fatal(err)
		}
		if n := b.number(`SELECT count(*) FROM lethe.receipts`); n != receipts {
			t.Errorf("want %d receipts, got %d", receipts, n)
		}
	}
	sweep(1)
	b.AddTask(requests[1].ID, false)
	sweep(2)
	var body, salt []byte
	var actor *uuid.UUID
	err := b.owner.Pool().QueryRow(t.Context(), `SELECT r.body, s.salt, s.actor_id FROM lethe.receipts r
		JOIN lethe.receipt_secrets s ON s.receipt_id = r.id WHERE r.id = $1`, w.Receipt).Scan(&body, &salt, &actor)
	if err != nil {
		t.Fatal(err)
	}
	got, err := receipt.Parse(body)
	if err != nil || got.Trigger != receipt.TriggerSweep || got.Actor != receipt.ActorSystem || actor != nil || got.Counts != (receipt.Counts{Tasks: 1}) ||
		!slices.Equal(got.Responses, []receipt.Commitment{receipt.CommitResponse(receipt.Salt(salt), requests[1].ID)}) || len(got.Owners) != 0 {
		t.Errorf("got %+v of %v, %v", got, actor, err)
	}
}
