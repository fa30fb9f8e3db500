package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lethe/domain"
	"lethe/internal/memory"
)

// TestUnknownParameters: what the contract has not is passed over by every
// operation and named, and what it has is not named.
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
			// By nobody, since names are told before who is calling.
			a := assemble(t, fakes{}, nil).ask(t, method, target+"?"+query.Encode(), "Authorization", "")
			if got := a.header.Get("Unknown-Parameters"); got != "organisation" {
				t.Errorf("%s %s: %d names %q", method, target, a.status, got)
			}
		}
	}
	if operations < 28 {
		t.Errorf("there are %d operations", operations)
	}
}

func TestUnknownIsNamed(t *testing.T) {
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
				t.Errorf("%q: answered %d and names %q, want %q", query, a.status, got, want)
			}
		}
	}
	// A query that is refused is looked at no further.
	if a := assemble(t, fakes{}, nil).ask(t, http.MethodGet, list+"?owner=1&limit=x"); a.status != http.StatusBadRequest {
		t.Errorf("answered %d", a.status)
	}
}

// TestUnknownWords: where words are open sets, those that nothing has are taken
// and named.
func TestUnknownWords(t *testing.T) {
	t.Parallel()
	store := memory.New()
	s := assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs(), holds: store.Holds(), retention: store.Retention()}, nil)
	if a := s.ask(t, http.MethodGet, erasures+"?state=running,ended&trigger=sweep"); a.status != http.StatusOK || a.header.Get("Unknown-Parameters") != "trigger=sweep, state=ended" {
		t.Errorf("answered %d and names %q", a.status, a.header.Get("Unknown-Parameters"))
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
			t.Errorf("%s: answered %d %s, and names %q", target, a.status, a.body, got)
		}
	}
}

// TestKnownWords: they are those that the contract lists.
func TestKnownWords(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for name, words := range map[string][]string{"Status": domain.KnownStates, "ServiceTiers": domain.KnownTiers} {
		description := strings.Join(strings.Fields(doc.Components.Parameters[name].Value.Description), " ")
		for _, word := range words {
			if !strings.Contains(description, word) {
				t.Errorf("%s does not tell of %s: %s", name, word, description)
			}
		}
	}
}
