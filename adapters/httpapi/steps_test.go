package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
)

const steps = "/lethe/api/v1/responses/c0000400-0000-4000-8000-00000000005a/steps"

func TestSteps(t *testing.T) {
	t.Parallel()
	tool := domain.Step{ID: uuid.New(), Kind: domain.ToolCall, State: "failed", Tool: new("search"), HasError: true}
	call := domain.Step{ID: uuid.New(), Request: &responseID, Kind: domain.ModelCall, State: "completed", Model: new("m"), HTTPStatus: new(200)}
	var asked domain.StepQuery
	s := assemble(t, fakes{steps: func(q domain.StepQuery) (domain.StepPart, error) {
		asked = q
		first, second := call, tool
		if q.Payloads {
			first.Contents = domain.Contents{Prompt: `{"text": "a \"word\""}`, Answer: new("dwzdr1:AAAA")}
			second.Contents = domain.Contents{Prompt: "sent", Error: new("it failed")}
		}
		return domain.StepPart{Steps: []domain.Step{first, second}, More: true}, nil
	}}, nil)
	read := func(target string) (page httpapi.StepPage) {
		t.Helper()
		a := s.ask(t, "GET", target)
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 || len(page.Data) != 2 {
			t.Fatalf("GET %s: %d %s, %v", target, a.status, a.body, err)
		}
		return page
	}
	page := read(steps + "?limit=2")
	if asked.ID != responseID || asked.Payloads || asked.Limit != 2 || !page.HasMore || page.NextCursor == nil || page.Limit != 2 {
		t.Errorf("asked %+v, got %+v", asked, page)
	}
	if d := page.Data[0]; d.RequestPayload != nil || d.ResponsePayload != nil || d.Model == nil || *d.Model != "m" || len(d.Withheld) > 0 {
		t.Errorf("without payloads: got %+v", d)
	}
	page = read(steps + "?payloads=true")
	if d := page.Data[0]; !asked.Payloads || d.RequestPayload == nil || *d.RequestPayload != `{"text": "a \"word\""}` || d.ResponsePayload != nil || strings.Join(d.Withheld, " ") != "response_payload" {
		t.Errorf("with payloads: got %+v", d)
	}
	if d := page.Data[1]; d.Error == nil || *d.Error != "it failed" || !d.HasError || *d.Tool != "search" || d.RequestId != nil {
		t.Errorf("a tool: got %+v", d)
	}
	if read(steps + "?after=" + *page.NextCursor); asked.After == nil || *asked.After != tool.ID {
		t.Errorf("the next page: asked %+v", asked)
	}
	for target, status := range map[string]int{
		steps + "?payloads=yes": 400, steps + "?after=x": 400, strings.Replace(steps, "c0000400", "none", 1): 400,
		strings.Replace(steps, "5a/", "5b/", 1) + "?after=" + *page.NextCursor: 400,
	} {
		if a := s.ask(t, "GET", target); a.status != status {
			t.Errorf("GET %s: want %d, got %d %s", target, status, a.status, a.body)
		}
	}
}

// TestStepsTooLarge: large payloads are read only once there is room for them.
func TestStepsTooLarge(t *testing.T) {
	t.Parallel()
	var limits []int64
	s := assemble(t, fakes{steps: func(q domain.StepQuery) (domain.StepPart, error) {
		limits = append(limits, q.Max)
		if q.Max < 1<<20 {
			return domain.StepPart{Left: 1 << 20}, nil
		}
		return domain.StepPart{Steps: []domain.Step{{ID: uuid.New(), Contents: domain.Contents{Prompt: strings.Repeat("x", 1<<20)}}}}, nil
	}}, nil)
	if a := s.ask(t, "GET", steps+"?payloads=true"); a.status != 200 || len(a.body) < 1<<20 || len(limits) != 2 || limits[1] != 1<<20 {
		t.Errorf("got %d with %d bytes, asked with limits %v", a.status, len(a.body), limits)
	}
}

// TestStepAlone: a response without a chain is one step, with a record.
func TestStepAlone(t *testing.T) {
	t.Parallel()
	recorded := 0
	var failed error
	s := assemble(t, fakes{
		get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
			return full(), domain.Contents{Prompt: "words of people"}, nil
		},
		record: func(domain.Access) error { recorded++; return failed },
	}, nil)
	a := s.ask(t, "GET", steps+"?payloads=true", "Authorization", "Bearer root")
	if a.status != 200 || recorded != 1 || !strings.Contains(a.body, `"request_payload":"words of people"`) {
		t.Errorf("got %d %s with %d records", a.status, a.body, recorded)
	}
	if a := s.ask(t, "HEAD", steps+"?payloads=true", "Authorization", "Bearer root"); a.status != 200 || recorded != 1 {
		t.Errorf("HEAD: got %d with %d records", a.status, recorded)
	}
	failed = domain.ErrNotRecorded(nil)
	if a := s.ask(t, "GET", steps+"?payloads=true", "Authorization", "Bearer root"); a.status != 503 || strings.Contains(a.body, "words of people") {
		t.Errorf("unrecorded: want 503, got %d %s", a.status, a.body)
	}
	if a := s.ask(t, "GET", steps); a.status != 200 || strings.Contains(a.body, "words of people") {
		t.Errorf("without payloads: got %d %s", a.status, a.body)
	}
}
