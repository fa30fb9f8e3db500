package fusillade

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

var admin = domain.Principal{ID: uuid.New(), Admin: true}

// TestStepsRecorded: one record of one request, and only with payloads of others.
func TestStepsRecorded(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	var step uuid.UUID
	chain := b.addChain("anna", 4)
	if err := b.owner.Pool().QueryRow(t.Context(), `SELECT id FROM fusillade.response_steps WHERE step_kind = 'tool_call'`).Scan(&step); err != nil {
		t.Fatal(err)
	}
	query := func(id uuid.UUID, payloads bool) domain.StepQuery {
		return domain.StepQuery{ID: id, Limit: 10, Payloads: payloads, Max: math.MaxInt64}
	}
	for name, c := range map[string]struct {
		q       domain.StepQuery
		exempt  []string
		of      *uuid.UUID
		records int64
	}{
		"the last request":          {query(chain[2].ID, true), nil, &chain[2].ID, 1},
		"the first request":         {query(chain[0].ID, true), []string{"ben"}, &chain[0].ID, 1},
		"a call of a tool":          {query(step, true), nil, nil, 1},
		"one's own":                 {query(chain[0].ID, true), []string{"anna"}, nil, 0},
		"without payloads":          {query(chain[0].ID, false), nil, nil, 0},
		"payloads that are too big": {domain.StepQuery{ID: chain[0].ID, Limit: 10, Payloads: true, Max: 1}, nil, nil, 0},
	} {
		b.exec(`DELETE FROM lethe.access_log`)
		record := &domain.Recording{Access: domain.Access{ID: uuid.New(), At: time.Now(), By: uuid.New(), Address: "192.0.2.7"}, Exempt: c.exempt}
		if _, err := b.responses.Steps(t.Context(), c.q, record); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := b.number(`SELECT count(*) FROM lethe.access_log WHERE id = $1 AND owner = 'anna' AND ($2::uuid IS NULL OR request_id = $2)`, record.ID, c.of); got != c.records {
			t.Errorf("%s: got %d records, want %d", name, got, c.records)
		}
	}
	b.exec(`ALTER TABLE lethe.access_log ADD CONSTRAINT refuses CHECK (false) NOT VALID`)
	record := &domain.Recording{Access: domain.Access{ID: uuid.New(), By: uuid.New()}}
	part, err := b.responses.Steps(t.Context(), query(chain[0].ID, true), record)
	if want := domain.ErrNotRecorded(nil).Message; err == nil || domain.CodeOf(err) != domain.CodeUnavailable || err.(*domain.Error).Message != want || len(part.Steps) > 0 {
		t.Errorf("got %d steps, %v, want none and %q", len(part.Steps), err, want)
	}
}

// TestStepColumns: what only rows of the database have.
func TestStepColumns(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	chain := b.addChain("anna", 6)
	b.exec(`UPDATE fusillade.response_steps SET request_payload = '{"name": "search", "arguments": "{}"}', state = 'failed', response_payload = NULL,
		completed_at = NULL, failed_at = now(), error = '{"words": "of a tool"}' WHERE step_sequence = 2`)
	b.exec(`UPDATE fusillade.response_steps SET request_payload = '{"function": {"name": "dwzdr1:AAAA"}}' WHERE step_sequence = 5`)
	b.exec(`UPDATE fusillade.response_steps SET request_payload = '"dwzdr1:AAAA"', response_payload = '"dwzdr1:BBBB"' WHERE step_sequence = 0`)
	b.exec(`UPDATE fusillade.response_steps SET request_payload = '"a text"', response_payload = 'null' WHERE step_sequence = 1`)
	steps := domain.NewListSteps(b.responses, allUsage{}, time.Now)
	page, err := steps.Execute(t.Context(), admin, domain.StepsRequest{ID: chain[0].ID, Payloads: true})
	if err != nil || len(page.Items) != 6 {
		t.Fatalf("got %d steps, %v, want 6", len(page.Items), err)
	}
	tool := page.Items[2]
	if tool.Tool == nil || *tool.Tool != "search" || tool.Model != nil || tool.State != "failed" || tool.FailedAt == nil || !tool.HasError || tool.Error == nil || *tool.Error != `{"words": "of a tool"}` || tool.Answer != nil {
		t.Errorf("a tool that failed: got %+v", tool)
	}
	if other := page.Items[5]; other.Tool != nil || other.Kind != domain.ToolCall {
		t.Errorf("a tool with an encrypted name: got %+v", other)
	}
	if first := page.Items[0]; first.Withheld != (domain.Withheld{Prompt: true, Answer: true}) || first.Prompt != "" || first.Answer != nil {
		t.Errorf("encrypted payloads: got %+v", first)
	}
	if text := page.Items[1]; text.Prompt != "a text" || text.Answer == nil || *text.Answer != "" || text.Usage.TotalTokens == nil {
		t.Errorf("a text and null: got %+v", text)
	}
}

// allUsage knows usage of every response.
type allUsage struct{}

func (allUsage) Latest(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	usage := make(map[uuid.UUID]domain.Usage)
	for _, id := range ids {
		usage[id] = domain.Usage{TotalTokens: new(int64(9))}
	}
	return usage, nil
}

// TestStepsWithoutTable: where fusillade has no steps, each request is one.
func TestStepsWithoutTable(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	row := porttest.NewRow("anna", "completed", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	b.AddResponse(row)
	b.exec(`DROP TABLE fusillade.response_steps`)
	for name, payloads := range map[string]bool{"without payloads": false, "with payloads": true} {
		page, err := domain.NewListSteps(b.responses, allUsage{}, time.Now).Execute(t.Context(), admin, domain.StepsRequest{ID: row.ID, Payloads: payloads})
		if err != nil || len(page.Items) != 1 || page.Next != nil {
			t.Fatalf("%s: want one step, got %+v, %v", name, page, err)
		}
		s := page.Items[0]
		if s.ID != row.ID || *s.Request != row.ID || s.Kind != domain.ModelCall || *s.Model != row.Model || payloads != (s.Prompt == row.Prompt) {
			t.Errorf("%s: got %+v", name, s)
		}
	}
	b.wantRecords("with payloads", row.ID, 1)
}
