package contract

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"testing"

	"lethe/internal/pgtest"
)

//go:embed testdata/openai.jsonl
var openAIExchanges []byte

// chains are the answers of the fixture's chains, by the part that is asked for: the
// recordings leave them to what departs.
var chains = map[string]struct {
	id      string
	answers []int
}{
	"openai/named/chain1_a":    {"resp_c0000600-0000-4000-8000-000000000001", []int{101, 102, 103}},
	"openai/named/chain2_head": {"resp_c0000600-0000-4000-8000-00000000000b", []int{104, 105, 106}},
	"openai/named/chain2_b":    {"resp_c0000600-0000-4000-8000-00000000000b", []int{104, 105, 106}},
	"openai/step/1":            {"resp_c0000600-0000-4000-8000-000000000001", []int{101, 102, 103}},
	"openai/step/3":            {"resp_c0000600-0000-4000-8000-000000000001", []int{101, 102, 103}},
}

// TestOpenAIExchanges makes all of them on one database, in order: some erase.
func TestOpenAIExchanges(t *testing.T) {
	t.Parallel()
	start(t).playOpenAI(t)
}

// TestOpenAIExchangesNewerDwctl: newer tables change no response.
func TestOpenAIExchangesNewerDwctl(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	startOn(t, database, "LETHE_DATABASE_URL="+database.RoleURL).playOpenAI(t)
}

func (s *service) playOpenAI(t *testing.T) {
	all := readExchanges(t, openAIExchanges)
	if len(all) != 62 {
		t.Errorf("exchanges: want 62, got %d", len(all))
	}
	departed := 0
	for _, x := range all {
		t.Run(x.ID, func(t *testing.T) {
			got := s.ask(t, x.Method, x.Path, x.Headers)
			if got.status != x.Expect.Status {
				t.Fatalf("want %d, got %d %.300s", x.Expect.Status, got.status, got.body)
			}
			if media, _, err := mime.ParseMediaType(got.header.Get("Content-Type")); err != nil || media != "application/json" {
				t.Errorf("the content type is %q, want application/json", got.header.Get("Content-Type"))
			}
			want := x.Expect.JSON
			if chain, ok := chains[x.ID]; ok {
				departed++
				var items []any
				for _, n := range chain.answers {
					items = append(items, map[string]any{"type": "message", "content": fmt.Sprintf("answer %d", n)})
				}
				want = map[string]any{"id": chain.id, "object": "response", "status": "completed", "output": items}
			}
			var value map[string]any
			if err := json.Unmarshal(got.body, &value); err != nil {
				t.Fatalf("%v in %.300s", err, got.body)
			}
			for _, difference := range differences("$", want, value) {
				if want != nil {
					t.Error(difference)
				}
			}
			if wanted, ok := want.(map[string]any); ok {
				for _, field := range []string{"completed_at", "error"} {
					if _, given := value[field]; given && wanted[field] == nil && x.Expect.JSON != nil {
						t.Errorf("%s is there, and must not be", field)
					}
				}
			}
			if got.status >= http.StatusBadRequest {
				text := wantOpenAIError(t, got)
				if x.Expect.Text != nil && !strings.Contains(strings.ToLower(text), strings.ToLower(*x.Expect.Text)) {
					t.Errorf("the message is %q, want %q in it", text, *x.Expect.Text)
				}
			}
		})
	}
	if departed != len(chains) {
		t.Errorf("compared %d chains, want %d", departed, len(chains))
	}
}

// wantOpenAIError checks the form of an error, and returns its message.
func wantOpenAIError(t *testing.T, got answer) string {
	t.Helper()
	var body map[string]map[string]*string
	err := json.Unmarshal(got.body, &body)
	e := body["error"]
	if err != nil || len(body) != 1 || len(e) != 4 || e["message"] == nil || *e["message"] == "" || e["type"] == nil {
		t.Fatalf("want an error with message, type, param and code, got %s", got.body)
	}
	for _, field := range []string{"param", "code"} {
		if _, ok := e[field]; !ok {
			t.Errorf("%s is missing in %s", field, got.body)
		}
	}
	return *e["message"]
}
