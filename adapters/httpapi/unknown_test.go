package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lethe/internal/memory"
)

// TestUnknownParameters: every operation ignores a parameter that is not in the
// contract and names it in a header. It names no known parameter.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	operations := 0
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			operations++
			target, query := path, url.Values{"organisation": {"x"}}
			for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
				switch p.Value.In {
				case openapi3.ParameterInPath:
					target = strings.Replace(target, "{"+p.Value.Name+"}", fmt.Sprint(p.Value.Example), 1)
				case openapi3.ParameterInQuery:
					query.Set(p.Value.Name, "")
				}
			}
			// Unauthenticated: the header does not depend on the caller.
			a := assemble(t, fakes{}, nil).ask(t, method, target+"?"+query.Encode(), "Authorization", "")
			if got := a.header.Get("Unknown-Parameters"); got != "organisation" {
				t.Errorf("%s %s: got status %d and unknown parameters %q, want organisation", method, target, a.status, got)
			}
		}
	}
	if operations < 28 {
		t.Errorf("called %d operations, want at least 28", operations)
	}
}

func TestUnknownParametersHeader(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                                    "",
		"limit=1&status=completed&model=none": "",
		"owner=" + alice.String():             "owner",
		"owner=1&owner=2&Limit=3&limit=4":     "owner, Limit",
		"&&=&=x":                              "",
		"a,b=1&a+b=2&%C3%A9=3&%0D%0AX-Evil:+1=4&a%3Db=5":     "a%2Cb, a+b, %C3%A9, %0D%0AX-Evil%3A+1, a%3Db",
		strings.Repeat("x", 64):                              strings.Repeat("x", 64),
		strings.Repeat("x", 65):                              strings.Repeat("x", 64) + "...",
		strings.Repeat("x", 63) + "%C3%A9":                   strings.Repeat("x", 63) + "...",
		"a&b&c&d&e&f&g&h&i&j":                                "a, b, c, d, e, f, g, h, i, j",
		"a&b&c&d&e&f&g&h&i&j&k&l":                            "a, b, c, d, e, f, g, h, i, j, ...",
		"status=complete":                                    "status=complete",
		"status=":                                            "status=",
		"statuses=failed,complete,+complete,x&owner=1":       "owner, statuses=complete, statuses=x",
		"service_tiers=flex,Flex,background":                 "service_tiers=Flex",
		"status=" + strings.Repeat("y", 65):                  "status=" + strings.Repeat("y", 64) + "...",
		"statuses=a,b,c,d,e,f,g,h,i,j,k,l,m&status=complete": "status=complete, statuses=a, statuses=b, statuses=c, statuses=d, statuses=e, statuses=f, statuses=g, statuses=h, statuses=i, ...",
	} {
		s := assemble(t, fakes{}, nil)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := s.ask(t, method, list+"?"+query)
			if got := a.header.Values("Unknown-Parameters"); a.status != http.StatusOK || strings.Join(got, "\n") != want || (len(got) == 0) != (want == "") {
				t.Errorf("%q: got status %d and unknown parameters %q, want %q", query, a.status, got, want)
			}
		}
	}
	// A refused query is not examined further.
	if a := assemble(t, fakes{}, nil).ask(t, http.MethodGet, list+"?owner=1&limit=x"); a.status != http.StatusBadRequest {
		t.Errorf("got status %d, want %d", a.status, http.StatusBadRequest)
	}
}

// TestUnknownValues: where the set of values is open, unknown values are accepted
// and named.
func TestUnknownValues(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s := assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs(), holds: store.Holds(), retention: store.Retention()}, nil)
	if a := s.ask(t, http.MethodGet, erasures+"?state=running,ended&trigger=sweep"); a.status != http.StatusOK || a.header.Get("Unknown-Parameters") != "trigger=sweep, state=ended" {
		t.Errorf("got status %d and unknown parameters %q", a.status, a.header.Get("Unknown-Parameters"))
	}
	const filter = `"filter":{"states":["failed","complete"],"tiers":["Flex","auto"],"models":["none"]}`
	for target, body := range map[string]string{
		erasures + "/preview": `{` + filter + `}`,
		erasures:              `{` + filter + `,"token":"x"}`,
		holds:                 `{` + filter + `,"reason":"x"}`,
		ruleList:              `{` + filter + `,"name":"x","age_days":1,"run_at":["01:30"]}`,
	} {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer root")
		r.Header.Set("Content-Type", "application/json")
		a := s.serve(t, r)
		if got := a.header.Get("Unknown-Parameters"); a.status >= 500 || a.status == http.StatusBadRequest || got != "filter.states=complete, filter.tiers=Flex" {
			t.Errorf("%s: got status %d: %s, unknown parameters %q", target, a.status, a.body, got)
		}
	}
}

// TestKnownValuesDescribed: the descriptions in the contract name all known values.
func TestKnownValuesDescribed(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for name, schema := range map[string]*openapi3.SchemaRef{
		"Status": doc.Components.Parameters["Status"].Value.Schema, "ServiceTiers": doc.Components.Parameters["ServiceTiers"].Value.Schema.Value.Items,
		"ErasureStateFilter":   doc.Components.Parameters["ErasureStateFilter"].Value.Schema.Value.Items,
		"ErasureTriggerFilter": doc.Components.Parameters["ErasureTriggerFilter"].Value.Schema,
	} {
		description := strings.Join(strings.Fields(doc.Components.Parameters[name].Value.Description), " ")
		words, _ := schema.Value.Extensions["x-known-words"].([]any)
		for _, word := range words {
			if !strings.Contains(description, word.(string)) {
				t.Errorf("%s does not mention %s: %s", name, word, description)
			}
		}
		if len(words) < 2 {
			t.Errorf("%s has the known values %v, want at least 2", name, words)
		}
	}
	// The values that erasures can be filtered by are those that they have.
	for field, name := range map[string]string{"state": "ErasureStateFilter", "trigger": "ErasureTriggerFilter"} {
		schema := doc.Components.Parameters[name].Value.Schema.Value
		if schema.Items != nil {
			schema = schema.Items.Value
		}
		if enum := doc.Components.Schemas["Erasure"].Value.Properties[field].Value.Enum; !reflect.DeepEqual(schema.Extensions["x-known-words"], enum) {
			t.Errorf("erasures have the %ss %v, but the filter has %v", field, enum, schema.Extensions["x-known-words"])
		}
	}
}
