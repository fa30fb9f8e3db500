package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// everyFilter is the scenario of all lists in both orders with each filter.
const everyFilter = "every filter and order"

// filtered is one list: what it costs, and how good its estimate is.
type filtered struct {
	List     string  `json:"list"`
	Newest   bool    `json:"newest_first"` // and not what is at work
	Filter   string  `json:"filter"`
	P50      float64 `json:"p50_ms"`
	Ratio    float64 `json:"of_own_page"` // to the p50 of an own first page
	Estimate int     `json:"estimate"`
	Exact    int     `json:"exact"`
	Off      float64 `json:"estimate_off"` // as part of the exact number
	Failure  string  `json:"failure,omitempty"`
}

// cost is how bad the list is; what failed is worst.
func (f *filtered) cost() float64 {
	if f.Failure != "" {
		return math.Inf(1)
	}
	return f.Ratio
}

// leastEstimated is the number that smaller ones are taken for when an estimate
// is judged: count=auto counts these.
const leastEstimated = 1000

// A scopeOf is whose list it is.
type scopeOf struct{ name, key, where string }

func scopesOfFilters() []scopeOf {
	return []scopeOf{
		{"everyone", key(manager), "created_by IS NOT NULL"},
		{"owner", key(largeOwner), "created_by = '" + owner(largeOwner) + "'"},
		{"organization", key(organization), "created_by = '" + owner(organization) + "'"},
	}
}

// filterQueries are the filters of the contract, with what many, some, few and
// no responses have.
func filterQueries(rows int) []string {
	at := func(part float64) string {
		created := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(2*part*float64(rows)) * time.Second)
		return created.Format(time.RFC3339)
	}
	return []string{
		"", "status=completed", "status=failed", "status=canceled", "status=pending", "status=processing", "statuses=failed,canceled",
		"model=qwen/qwen3-235b", "model=qwen/qwen3-235b,openai/gpt-oss-20b", "model=" + rareModel, "status=" + rareState + "&model=" + rareModel,
		"service_tiers=flex", "service_tiers=auto,priority",
		"created_after=" + at(0.99), "created_before=" + at(0.01), "created_after=" + at(0.5) + "&created_before=" + at(0.51),
		"response_status_min=400", "response_status_max=299", "response_status_min=429&response_status_max=429", "response_status_min=500&response_status_max=599",
		"min_duration_ms=1000", "min_duration_ms=60000", "min_duration_ms=140000",
		"has_error=true", "has_error=false", "has_error=true&model=" + rareModel,
		// Nothing has these.
		"model=none", "service_tiers=background", "created_after=" + at(2), "created_before=2020-01-01T00:00:00Z", "response_status_min=418&response_status_max=418",
		"min_duration_ms=1000000000", "status=failed&has_error=false", "status=completed&response_status_min=400",
	}
}

// condition is what the parameters of a filter mean, as SQL.
func condition(query string) (string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", err
	}
	conditions := []string{"true"}
	for name, value := range values {
		form := map[string]string{
			"status": "state = %s", "statuses": "state = ANY (string_to_array(%s, ','))", "model": "model = ANY (string_to_array(%s, ','))",
			"service_tiers": "service_tier = ANY (string_to_array(%s, ','))", "created_after": "created_at >= %s", "created_before": "created_at <= %s",
			"response_status_min": "response_status >= %s", "response_status_max": "response_status <= %s",
			"min_duration_ms": "completed_at - started_at >= %s::float8 * interval '1 ms'", "has_error": "(error IS NOT NULL) = %s",
		}[name]
		if form == "" {
			return "", fmt.Errorf("%s is no filter", name)
		}
		conditions = append(conditions, fmt.Sprintf(form, "'"+value[0]+"'"))
	}
	return strings.Join(conditions, " AND "), nil
}

// exactCounts counts what each filter of each scope matches, in one pass.
func exactCounts(ctx context.Context, conn *pgx.Conn, scopes []scopeOf, queries []string) (counts []int, err error) {
	var columns []string
	for _, scope := range scopes {
		for _, query := range queries {
			where, err := condition(query)
			if err != nil {
				return nil, err
			}
			columns = append(columns, "count(*) FILTER (WHERE "+scope.where+" AND "+where+")")
		}
	}
	row, err := conn.Query(ctx, "SELECT ARRAY["+strings.Join(columns, ", ")+"] FROM fusillade.requests WHERE batch_id IS NULL")
	if err != nil {
		return nil, err
	}
	return pgx.CollectExactlyOneRow(row, pgx.RowTo[[]int])
}

// filters measures the service's lists of everyone, of an owner and of an
// organization, in both orders and with each filter, and returns the p50 of an
// own first page, too.
func (m *measuring) filters(ctx context.Context) (all []*filtered, ownPage float64, err error) {
	scopes, queries := scopesOfFilters(), filterQueries(m.cfg.rows)
	progress("%d lists with filters", 2*len(scopes)*len(queries))
	counts, err := exactCounts(ctx, m.conn, scopes, queries)
	if err != nil {
		return nil, 0, err
	}
	var own []float64
	for i, scope := range scopes {
		for j, query := range queries {
			estimate, err := m.estimate(scope.key, query)
			if err != nil {
				return nil, 0, err
			}
			exact := counts[i*len(queries)+j]
			for _, newest := range []bool{false, true} {
				f := &filtered{List: scope.name, Filter: query, Newest: newest, Estimate: estimate, Exact: exact}
				f.Off = math.Abs(float64(estimate-exact)) / float64(max(exact, leastEstimated))
				if err := m.filter(ctx, scope.key, f); err != nil {
					return nil, 0, err
				}
				all = append(all, f)
			}
			if j%8 == 0 {
				page := &filtered{}
				if err := m.filter(ctx, key(largeOwner), page); err != nil {
					return nil, 0, err
				}
				own = append(own, page.P50)
			}
		}
	}
	ownPage = median(own)
	for _, f := range all {
		f.Ratio = f.P50 / ownPage
	}
	return all, ownPage, nil
}

// filter measures one list. A list that fails from the first is noted, and ends
// no run.
func (m *measuring) filter(ctx context.Context, key string, f *filtered) error {
	order := "true"
	if f.Newest {
		order = "false"
	}
	path := filterPath(f.Filter, "count=none&active_first="+order)
	sc := &scenario{name: everyFilter, method: http.MethodGet, key: key, want: http.StatusOK, paths: [2][]string{{path}}}
	if _, err := ask(m.service, sc.method, path, "", key, sc.want); err != nil {
		f.Failure = err.Error()
		return ctx.Err()
	}
	made, err := m.driver.drive(ctx, sc, m.service, sc.supply(0), 1, max(warmUp, m.duration()/4))
	f.P50 = made.P50.Seconds() * 1000
	return err
}

func filterPath(filter, more string) string {
	return listPath + "?" + strings.Trim(filter+"&"+more, "&")
}

func (m *measuring) estimate(key, filter string) (int, error) {
	body, err := ask(m.service, http.MethodGet, filterPath(filter, "count=estimate&limit=1"), "", key, http.StatusOK)
	var page struct {
		Total int `json:"total_count"`
	}
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	return page.Total, err
}

// worst are the n that worse puts first.
func worst(all []*filtered, n int, badness func(*filtered) float64) []*filtered {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b *filtered) int {
		switch {
		case badness(a) > badness(b):
			return -1
		case badness(a) < badness(b):
			return 1
		}
		return 0
	})
	return sorted[:min(n, len(sorted))]
}
