package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
)

const openAIPath = "/ai/v1/responses/resp_c0000400-0000-4000-8000-00000000005a"

// prompted is a service that keeps one response of Alice, with this prompt.
func prompted(t *testing.T, prompt string) *service {
	return assemble(t, fakes{get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
		return full(), domain.Contents{Prompt: prompt}, nil
	}}, nil)
}

type inputPage struct {
	Object  string
	Data    []map[string]any
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

func (s *service) inputItems(t *testing.T, query string) (page inputPage) {
	t.Helper()
	a := s.ask(t, "GET", openAIPath+"/input_items"+query)
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != http.StatusOK || page.Object != "list" {
		t.Fatalf("%s: got %d %s, %v", query, a.status, a.body, err)
	}
	return page
}

func TestInputItems(t *testing.T) {
	t.Parallel()
	const made = "_c00004000000400080000000000000" + "5a_"
	for name, c := range map[string]struct{ prompt, want string }{
		"a text":             {`{"input": "Grüße"}`, `[{"content":[{"text":"Grüße","type":"input_text"}],"id":"msg` + made + `0","role":"user","status":"completed","type":"message"}]`},
		"nothing":            {`{"model": "m"}`, `[]`},
		"null":               {`{"input": null}`, `[]`},
		"not JSON":           {`Grüße`, `[]`},
		"of a wrong kind":    {`{"input": 7}`, `[]`},
		"items of no object": {`{"input": [1, 2]}`, `[]`},
		"an item of its own identifier": {`{"input": [{"type": "function_call_output", "id": "fc_1", "output": "x"}]}`,
			`[{"id":"fc_1","output":"x","type":"function_call_output"}]`},
		"two of one identifier": {`{"input": [{"type": "reasoning", "id": "r"}, null, {"type": "reasoning", "id": "r"}]}`,
			`[{"id":"r","type":"reasoning"},{"id":"item` + made + `2","type":"reasoning"}]`},
		"a chat": {`{"messages": [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": [
				{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://x.example/i"}}]}, {"role": "user"}]}`,
			`[{"content":[{"annotations":[],"text":"Hi","type":"output_text"}],"id":"msg` + made + `0","role":"assistant","status":"completed","type":"message"},` +
				`{"content":[{"text":"See","type":"input_text"},{"detail":"auto","image_url":"https://x.example/i","type":"input_image"}],"id":"msg` + made + `1","role":"user","status":"completed","type":"message"},` +
				`{"content":[],"id":"msg` + made + `2","role":"user","status":"completed","type":"message"}]`},
	} {
		page := prompted(t, c.prompt).inputItems(t, "?order=asc")
		if got, err := json.Marshal(page.Data); err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestInputItemPages(t *testing.T) {
	t.Parallel()
	var items []string
	for i := range 45 {
		items = append(items, fmt.Sprintf(`{"type": "message", "role": "user", "content": "%d", "id": "m%d"}`, i, i))
	}
	s := prompted(t, `{"input": [`+strings.Join(items, ",")+`]}`)
	for _, c := range []struct {
		query, first, last string
		n                  int
		more               bool
	}{
		{"", "m44", "m25", 20, true},
		{"?order=asc", "m0", "m19", 20, true},
		{"?order=desc&limit=100", "m44", "m0", 45, false},
		{"?order=asc&after=m40", "m41", "m44", 4, false},
		{"?after=m40&limit=1", "m39", "m39", 1, true},
		{"?limit=45", "m44", "m0", 45, false},
	} {
		page := s.inputItems(t, c.query)
		if len(page.Data) != c.n || *page.FirstID != c.first || *page.LastID != c.last || page.HasMore != c.more || page.Data[0]["id"] != c.first {
			t.Errorf("%s: want %+v, got %d from %s to %s, more: %t", c.query, c, len(page.Data), *page.FirstID, *page.LastID, page.HasMore)
		}
	}
	if page := s.inputItems(t, "?order=asc&after=m44"); len(page.Data) != 0 || page.FirstID != nil || page.LastID != nil || page.HasMore {
		t.Errorf("after the last: got %+v", page)
	}
}

// TestOpenAIErrors: on these paths all errors have OpenAI's form, and a text that says
// what to do.
func TestOpenAIErrors(t *testing.T) {
	t.Parallel()
	s := prompted(t, `{"input": "x"}`)
	down := assemble(t, fakes{get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
		return domain.Response{}, domain.Contents{}, domain.Errorf(domain.CodeUnavailable, "The database cannot be reached; try again later")
	}}, nil)
	crowded := assemble(t, fakes{get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
		return domain.Response{}, domain.Contents{}, domain.Errorf(domain.CodeCrowded, "Too many at a time")
	}}, nil)
	broken := assemble(t, fakes{get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
		return domain.Response{}, domain.Contents{}, domain.Errorf(domain.CodeInternal, "a secret")
	}}, nil)
	for _, c := range []struct {
		s              *service
		method, target string
		status         int
		kind, code     string
		param, message string
	}{
		{s, "GET", openAIPath + "?stream=true", 400, "invalid_request_error", "", "stream", "answers are not streamed here"},
		{s, "GET", openAIPath + "/input_items?limit=0", 400, "invalid_request_error", "", "limit", "limit"},
		{s, "GET", openAIPath + "/input_items?limit=101", 400, "invalid_request_error", "", "limit", "limit"},
		{s, "GET", openAIPath + "/input_items?order=up", 400, "invalid_request_error", "", "order", "order"},
		{s, "GET", openAIPath + "/input_items?after=m", 400, "invalid_request_error", "", "after", "after: must be the identifier of an input item of this response"},
		{s, "GET", "/ai/v1/responses/resp_%FF", 404, "invalid_request_error", "", "", "not found"},
		{s, "POST", "/ai/v1/responses", 404, "invalid_request_error", "", "", "for the gateway"},
		{s, "POST", openAIPath + "/cancel", 404, "invalid_request_error", "", "", "for the gateway"},
		{s, "GET", "/ai/v1/models", 404, "invalid_request_error", "", "", "No such path"},
		{s, "PUT", openAIPath, 405, "invalid_request_error", "", "", "GET"},
		{down, "GET", openAIPath, 503, "server_error", "", "", "try again later"},
		{crowded, "GET", openAIPath, 429, "rate_limit_error", "rate_limit_exceeded", "", "Too many"},
		{broken, "GET", openAIPath, 500, "server_error", "", "", "request_id"},
	} {
		a := c.s.ask(t, c.method, c.target)
		var body httpapi.OpenAIError
		if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != c.status || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: want %d, got %d %s, %v", c.method, c.target, c.status, a.status, a.body, err)
			continue
		}
		e := body.Error
		if e.Type != c.kind || given(e.Code) != c.code || given(e.Param) != c.param || !strings.Contains(e.Message, c.message) || strings.Contains(a.body, "a secret") {
			t.Errorf("%s %s: got %s", c.method, c.target, a.body)
		}
		if again := a.header.Get("Retry-After"); (again != "") != (c.status == 429 || c.status == 503) {
			t.Errorf("%s %s: Retry-After is %q", c.method, c.target, again)
		}
	}
	if a := s.ask(t, "GET", openAIPath, "Authorization", "Bearer unknown"); a.status != 401 || !strings.Contains(a.body, `"invalid_api_key"`) {
		t.Errorf("unknown key: got %d %s", a.status, a.body)
	}
}

func given(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
