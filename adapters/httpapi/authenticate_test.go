package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/adapters/httpapi"
	"lethe/domain"
)

// bodies are request bodies for operations that need one before they authenticate
// the caller.
var bodies = map[string]string{
	"previewErasure":       `{"filter":{"all":true}}`,
	"startErasure":         `{"responses":["c0000400-0000-4000-8000-00000000005a"]}`,
	"placeHold":            `{"owners":["c0000400-0000-4000-8000-00000000005a"],"reason":"r"}`,
	"createRetentionRule":  `{"name":"n","age_days":1,"run_at":["12:30"]}`,
	"changeRetentionRule":  `{"version":1,"name":"n","age_days":1,"run_at":["12:30"]}`,
	"openSubjectRequest":   `{"kind":"both","owner":"c0000100-0000-4000-8000-000000000003"}`,
	"extendSubjectRequest": `{"reason":"complexity"}`,
	"refuseSubjectRequest": `{"reason":"excessive"}`,
	"refuseErasure":        `{"reason":"too_broad"}`,
	"startPersonFile":      `{"owner":"c0000400-0000-4000-8000-00000000005a"}`,
	"enableRetentionRule":  `{"version":1}`,
	"approveRetentionRule": `{"version":1}`,
}

// mayBeStale are the operations that may use a cached caller. Every other
// operation, including a new one, looks the caller up.
var mayBeStale = []string{"getCheckpoint", "getErasure", "getFigures", "getLogKeys", "getReceipt", "getResponse", "getTile", "listOpenAIInputItems", "listResponses", "retrieveOpenAIResponse"}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// TestOperationsLookUpCaller calls every operation of the contract. Only the
// frequent reads may use a cached caller.
func TestOperationsLookUpCaller(t *testing.T) {
	t.Parallel()
	contract, err := document()
	if err != nil {
		t.Fatal(err)
	}
	var stale []string
	operations := 0
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			id := operation.OperationID
			if id == "" || operation.Security != nil && len(*operation.Security) == 0 {
				continue
			}
			operations++
			asked := map[string]int{}
			identify := func(name string) *domain.IdentifyCaller {
				return domain.NewIdentifyCaller(fakes{byKey: func(context.Context, string) (domain.Key, error) {
					asked[name]++
					return domain.Key{}, errNone
				}}, time.Now)
			}
			s := assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
				d.Identify, d.IdentifyReader = identify("now"), identify("a moment ago")
			})
			target := inPath.ReplaceAllStringFunc(path, func(name string) string {
				switch strings.Trim(name, "{}") {
				case "version", "level":
					return "1"
				case "index":
					return "000"
				}
				return responseID.String()
			})
			if id == "findOwners" {
				target += "?q=alice"
			}
			r := httptest.NewRequest(method, target, strings.NewReader(bodies[id]))
			r.Header.Set("Authorization", "Bearer alice")
			if bodies[id] != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			a := s.serve(t, r)
			if a.status != http.StatusUnauthorized || asked["now"]+asked["a moment ago"] != 1 {
				t.Errorf("%s: %s %s: got status %d, want 401 after one lookup: %s; lookups: %v", id, method, target, a.status, a.body, asked)
			}
			if asked["a moment ago"] > 0 {
				stale = append(stale, id)
			}
		}
	}
	slices.Sort(stale)
	if !slices.Equal(stale, mayBeStale) {
		t.Errorf("operations with a cached caller: got %v, want %v", stale, mayBeStale)
	}
	if operations < 28 {
		t.Errorf("called %d operations, want at least 28", operations)
	}
}

// TestCallerLookupByDefault: without a separate lookup, the ordinary one serves
// every operation.
func TestCallerLookupByDefault(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	if a := s.ask(t, http.MethodGet, list); a.status != http.StatusOK {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}
}
