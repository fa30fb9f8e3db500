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

// bodies are of the operations that need one to come as far as the caller.
var bodies = map[string]string{
	"previewErasure":      `{"filter":{"all":true}}`,
	"startErasure":        `{"responses":["c0000400-0000-4000-8000-00000000005a"]}`,
	"placeHold":           `{"owners":["c0000400-0000-4000-8000-00000000005a"],"reason":"r"}`,
	"createRetentionRule": `{"name":"n","age_days":1,"run_at":["12:30"]}`,
	"changeRetentionRule": `{"version":1,"name":"n","age_days":1,"run_at":["12:30"]}`,
	"enableRetentionRule": `{"version":1}`,
}

// mayBeStale are the operations that may go by who the caller was a moment ago. An
// operation that is not named here looks the caller up, also one that is new.
var mayBeStale = []string{"getCheckpoint", "getErasure", "getLogKeys", "getReceipt", "getResponse", "getTile", "listResponses"}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// TestOperationsAskWhoIsCallingNow goes through all operations of the contract: but
// for those that are read all the time, none goes by what was so a moment ago.
func TestOperationsAskWhoIsCallingNow(t *testing.T) {
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
			r := httptest.NewRequest(method, target, strings.NewReader(bodies[id]))
			r.Header.Set("Authorization", "Bearer alice")
			if bodies[id] != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			a := s.serve(t, r)
			if a.status != http.StatusUnauthorized || asked["now"]+asked["a moment ago"] != 1 {
				t.Errorf("%s: %s %s was answered with %d %s, and it was asked who is calling: %v", id, method, target, a.status, a.body, asked)
			}
			if asked["a moment ago"] > 0 {
				stale = append(stale, id)
			}
		}
	}
	slices.Sort(stale)
	if !slices.Equal(stale, mayBeStale) {
		t.Errorf("of who the caller was a moment ago go %v, want %v", stale, mayBeStale)
	}
	if operations < 28 {
		t.Errorf("%d operations were looked at, fewer than there are", operations)
	}
}

// TestWithoutAReaderOfItsOwn: who is calling is asked then as for all else.
func TestWithoutAReaderOfItsOwn(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	if a := s.ask(t, http.MethodGet, list); a.status != http.StatusOK {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}
