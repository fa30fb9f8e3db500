package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

func retaining(t testing.TB) (*service, *memory.Store) {
	store := memory.New()
	return assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs(), retention: store.Retention()}, nil), store
}

func (s *service) put(t testing.TB, target, key, body string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPut, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	return s.serve(t, r)
}

// act sends a POST without a body.
func (s *service) act(t testing.TB, target string) answer {
	t.Helper()
	return s.ask(t, http.MethodPost, target, "Authorization", "Bearer root")
}

// noOwner says what names an owner.
const noOwner = "must be the UUID or the whole e-mail address of a person or an organization; find both at /lethe/api/v1/owners?q="

const someRule = `{"name":"n","age_days":30,"run_at":["12:00"]}`

// TestRetentionRuleLifecycle creates, tries, enables, changes and removes a rule.
func TestRetentionRuleLifecycle(t *testing.T) {
	t.Parallel()
	s, store := retaining(t)
	owner := uuid.New()
	for _, at := range []time.Time{time.Now().Add(-60 * 24 * time.Hour), time.Now()} {
		row := porttest.NewRow(owner.String(), "failed", at)
		row.Model, row.Tier = "m", new("flex")
		store.AddResponse(row)
	}
	a := s.post(t, ruleList, "root", `{"name":" canary-rule ","filter":{"states":["failed"],"models":["m","it's"],"tiers":["flex"],"owners":["urn:uuid:`+
		strings.ToUpper(owner.String())+`"]},"age_days":30,"run_at":["23:59","00:00","23:59"],"max_per_run":7}`)
	got := decode(t, a.body)
	id, _ := got["id"].(string)
	at := ruleList + "/" + id
	if a.status != http.StatusCreated || a.header.Get("Location") != at {
		t.Fatalf("got status %d, want %d: %v %s", a.status, http.StatusCreated, a.header, a.body)
	}
	want := map[string]any{
		"id": id, "version": 1.0, "name": "canary-rule", "age_days": 30.0, "run_at": []any{"00:00", "23:59"}, "max_per_run": 7.0,
		"filter":  map[string]any{"states": []any{"failed"}, "models": []any{"m", "it's"}, "tiers": []any{"flex"}, "owners": []any{owner.String()}},
		"enabled": false, "enabling": nil, "dry_run": nil, "next_run_at": nil, "last_run": nil, "skipped_at": nil,
		"created_at": got["created_at"], "created_by": root.String(), "changed_at": got["created_at"], "changed_by": root.String(),
		"removed_at": nil, "removed_by": nil,
	}
	check := func(what string, a answer) {
		t.Helper()
		if got := decode(t, a.body); a.status > http.StatusCreated || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got status %d, want %v, got %v", what, a.status, want, got)
		}
		if b := s.ask(t, http.MethodGet, at, "Authorization", "Bearer root"); b.status != http.StatusOK || !reflect.DeepEqual(decode(t, b.body), want) {
			t.Errorf("%s: got status %d: %s, want %v", what, b.status, b.body, want)
		}
	}
	check("created", a)
	first := map[string]any{"id": id}
	for _, name := range []string{"version", "name", "filter", "age_days", "run_at", "max_per_run", "changed_at", "changed_by"} {
		first[name] = got[name]
	}

	if a := s.post(t, at+"/enable", "root", `{"version":1}`); a.status != http.StatusConflict || !strings.Contains(a.problem.Detail, "has no dry run of version 1") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	a = s.act(t, at+"/dry-run")
	tried, _ := decode(t, a.body)["dry_run"].(map[string]any)
	want["dry_run"] = map[string]any{
		"at": tried["at"], "responses": 1.0, "requests": 1.0, "steps": 0.0, "templates": 1.0, "raw_requests": 0.0, "raw_responses": 0.0, "tasks": 0.0, "files": 0.0, "kept_templates": 0.0, "retained": 0.0, "held": 0.0, "complete": true,
	}
	check("tried", a)
	if a := s.post(t, at+"/enable", "root", `{"version":2}`); a.status != http.StatusConflict || !strings.Contains(a.problem.Detail, "now has version 1, not 2") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	a = s.post(t, at+"/enable", "root", `{"version":1}`)
	enabling, _ := decode(t, a.body)["enabling"].(map[string]any)
	want["enabled"], want["next_run_at"] = true, decode(t, a.body)["next_run_at"]
	want["enabling"] = map[string]any{"by": root.String(), "at": enabling["at"], "approve_by": nil, "approved_by": nil, "approved_at": nil}
	check("enabled", a)
	a = s.act(t, at+"/disable")
	want["enabled"], want["enabling"], want["next_run_at"] = false, nil, nil
	check("disabled", a)

	// It runs, and shows its last run.
	if a := s.post(t, at+"/enable", "root", `{"version":1}`); a.status != http.StatusOK {
		t.Fatalf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}
	later := time.Now().Add(48 * time.Hour)
	if err := domain.NewRunRules(store.Retention(), store.Jobs(), func() time.Time { return later }, slog.New(slog.DiscardHandler)).Execute(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = s.ask(t, http.MethodGet, at, "Authorization", "Bearer root")
	run, _ := decode(t, a.body)["last_run"].(map[string]any)
	want["enabled"], want["enabling"], want["next_run_at"] = true, decode(t, a.body)["enabling"], decode(t, a.body)["next_run_at"]
	want["last_run"] = map[string]any{"at": later.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano), "version": 1.0, "erasure_id": store.Enqueued()[0].String()}
	check("run", a)
	shown := decode(t, s.ask(t, http.MethodGet, fmt.Sprintf("%s/%s", erasures, run["erasure_id"]), "Authorization", "Bearer root").body)
	if shown["trigger"] != "retention" || !reflect.DeepEqual(shown["rule"], map[string]any{"id": id, "version": 1.0}) || shown["requested_by"] != nil {
		t.Errorf("got the erasure %v", shown)
	}

	a = s.put(t, at, "root", `{"version":1,"name":"n","age_days":1,"run_at":["12:30"]}`)
	got = decode(t, a.body)
	want["version"], want["name"], want["age_days"], want["run_at"], want["max_per_run"], want["filter"] = 2.0, "n", 1.0, []any{"12:30"}, 10000.0, map[string]any{}
	want["changed_at"], want["enabled"], want["enabling"], want["next_run_at"], want["dry_run"] = got["changed_at"], false, nil, nil, nil
	check("changed", a)
	if a := s.put(t, at, "root", `{"version":1,"name":"n","age_days":1,"run_at":["12:30"]}`); a.status != http.StatusConflict {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusConflict, a.body)
	}
	if a := s.ask(t, http.MethodGet, at+"/versions/1", "Authorization", "Bearer root"); a.status != http.StatusOK || !reflect.DeepEqual(decode(t, a.body), first) {
		t.Errorf("want %v, got status %d: %s", first, a.status, a.body)
	}
	if a := s.ask(t, http.MethodGet, at+"/versions/3", "Authorization", "Bearer root"); a.status != http.StatusNotFound {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusNotFound, a.body)
	}

	for range 2 {
		if a := s.ask(t, http.MethodDelete, at, "Authorization", "Bearer root"); a.status != http.StatusNoContent || a.body != "" {
			t.Errorf("got status %d, want %d: %s", a.status, http.StatusNoContent, a.body)
		}
	}
	a = s.ask(t, http.MethodGet, at, "Authorization", "Bearer root")
	want["removed_at"], want["removed_by"] = decode(t, a.body)["removed_at"], root.String()
	check("removed", a)
	if a := s.act(t, at+"/dry-run"); a.status != http.StatusConflict || a.problem.Detail != "Retention rule with ID "+id+" has been removed; create a new one" {
		t.Errorf("answered %d %s", a.status, a.body)
	}

	for _, told := range []string{"created", "dry-run", "enabled", "disabled", "changed", "removed"} {
		if !strings.Contains(s.log.String(), `"msg":"Retention rule `+told+`"`) {
			t.Errorf("the log has no event %q for the rule", told)
		}
	}
	if strings.Contains(s.log.String(), "canary-rule") || strings.Contains(s.log.String(), owner.String()) {
		t.Error("the log contains the name or owner of a rule")
	}
}

func TestListRetentionRules(t *testing.T) {
	t.Parallel()
	s, _ := retaining(t)
	if a := s.ask(t, http.MethodGet, ruleList, "Authorization", "Bearer root"); a.body != `{"data":[],"has_more":false,"limit":10,"next_cursor":null}`+"\n" {
		t.Errorf("got status %d: %s", a.status, a.body)
	}
	var ids []string
	for range 4 {
		ids = append(ids, decode(t, s.post(t, ruleList, "root", someRule).body)["id"].(string))
	}
	s.ask(t, http.MethodDelete, ruleList+"/"+ids[1], "Authorization", "Bearer root")
	for query, want := range map[string][]string{
		"": {ids[0], ids[2], ids[3]}, "removed=false": {ids[0], ids[2], ids[3]}, "removed=true": {ids[1]},
	} {
		var got []string
		for after := ""; len(got) <= 4; {
			page := decode(t, s.ask(t, http.MethodGet, ruleList+"?limit=2&"+query+after, "Authorization", "Bearer root").body)
			for _, item := range page["data"].([]any) {
				got = append(got, item.(map[string]any)["id"].(string))
			}
			if page["next_cursor"] == nil {
				break
			}
			after = "&after=" + page["next_cursor"].(string)
		}
		if len(got) != len(want) || !sameWords(got, want) {
			t.Errorf("%q: want %v, got %v", query, want, got)
		}
	}
	for query, parameter := range map[string]string{"after=x": "after", "removed=yes": "removed", "removed=true&removed=true": "removed", "limit=ten": "limit"} {
		if a := s.ask(t, http.MethodGet, ruleList+"?"+query, "Authorization", "Bearer root"); a.status != http.StatusBadRequest || *a.problem.Parameter != parameter {
			t.Errorf("%s: got status %d, want %d: %s", query, a.status, http.StatusBadRequest, a.body)
		}
	}
}

// TestCreateRetentionRuleInvalidBody: an invalid rule is refused with the field's name, and nothing is
// stored.
func TestCreateRetentionRuleInvalidBody(t *testing.T) {
	t.Parallel()
	s, _ := retaining(t)
	const names = "is not a known field; use "
	for body, c := range map[string]struct{ parameter, detail string }{
		`{"name":"n","age_days":30,"run_at":["12:00"],"age":1}`:                         {"age", "age: " + names + "age_days, filter, max_per_run, name, run_at"},
		`{"name":"n","age_days":30,"run_at":["12:00"],"filter":{"member_id":"x"}}`:      {"filter.member_id", "filter.member_id: " + names + "models, owners, states, tiers"},
		`{"name":"n","age_days":30,"run_at":["12:00"],"filter":{"created_before":"x"}}`: {"filter.created_before", "filter.created_before: " + names + "models, owners, states, tiers"},
		`{"name":"n","age_days":30,"run_at":["24:00"]}`:                                 {"run_at[0]", "run_at[0]: must be a time of day in UTC from 00:00 to 23:59"},
		`{"name":"n","age_days":30,"run_at":[12]}`:                                      {"run_at[0]", "run_at[0]: must be a time of day in UTC from 00:00 to 23:59"},
		`{"name":"n","age_days":30,"run_at":"12:00"}`:                                   {"run_at", "run_at: must be a list"},
		`{"name":"n","age_days":30}`:                                                    {"run_at", "run_at: must have 1 to 24 times of day"},
		`{"name":"n","run_at":["12:00"]}`:                                               {"age_days", "age_days: must be 1 to 36500"},
		`{"name":"n","age_days":"30","run_at":["12:00"]}`:                               {"age_days", "age_days: must be a whole number of at most 64 bits"},
		`{"name":"n","age_days":0.5,"run_at":["12:00"]}`:                                {"age_days", "age_days: must be a whole number of at most 64 bits"},
		`{"name":"n","age_days":30,"run_at":["12:00"],"max_per_run":1e3}`:               {"max_per_run", "max_per_run: must be a whole number of at most 64 bits"},
		`{"name":"n","age_days":30,"run_at":["12:00"],"max_per_run":0}`:                 {"max_per_run", "max_per_run: must be 1 to 1000000"},
		`{"age_days":30,"run_at":["12:00"]}`:                                            {"name", "name: must have 1 to 100 characters, not all of them spaces, and no NUL"},
		`{"name":"n","age_days":30,"run_at":["12:00"],"filter":{"owners":["x"]}}`:       {"filter.owners[0]", "filter.owners[0]: " + noOwner},
		`{"name":"n","age_days":30,"run_at":["12:00"],"filter":{"states":[""]}}`:        {"filter.states", "filter.states: each must have 1 to 500 characters and no NUL"},
	} {
		if a := s.post(t, ruleList, "root", body); a.status != http.StatusBadRequest || a.problem.Detail != c.detail || *a.problem.Parameter != c.parameter {
			t.Errorf("%s: answered %d %s", body, a.status, a.body)
		}
	}
	if page := decode(t, s.ask(t, http.MethodGet, ruleList, "Authorization", "Bearer root").body); len(page["data"].([]any)) != 0 {
		t.Errorf("a rule was stored: %v", page)
	}
	at := ruleList + "/" + decode(t, s.post(t, ruleList, "root", someRule).body)["id"].(string)
	for target, body := range map[string]string{at: someRule, at + "/enable": `{}`} {
		a := s.post(t, target, "root", body)
		if target == at {
			a = s.put(t, target, "root", body)
		}
		if a.status != http.StatusBadRequest || *a.problem.Parameter != "version" {
			t.Errorf("%s: got status %d, want %d: %s", target, a.status, http.StatusBadRequest, a.body)
		}
	}
	for _, version := range []string{"0", "-1", "x", "1.0", "99999999999999999999"} {
		if a := s.ask(t, http.MethodGet, at+"/versions/"+version, "Authorization", "Bearer root"); a.status != http.StatusBadRequest || *a.problem.Parameter != "version" {
			t.Errorf("%s: got status %d, want %d: %s", version, a.status, http.StatusBadRequest, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, ruleList+"/x", "Authorization", "Bearer root"); a.status != http.StatusBadRequest || *a.problem.Parameter != "rule_id" {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusBadRequest, a.body)
	}
}

func TestRetentionRulePermissions(t *testing.T) {
	t.Parallel()
	s, store := retaining(t)
	id := decode(t, s.post(t, ruleList, "root", someRule).body)["id"].(string)
	before, err := store.Retention().Get(t.Context(), uuid.MustParse(id))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{id, uuid.NewString()} {
		at := ruleList + "/" + id
		for name, a := range map[string]answer{
			"list": s.ask(t, http.MethodGet, ruleList), "create": s.post(t, ruleList, "alice", someRule), "get": s.ask(t, http.MethodGet, at),
			"change":  s.put(t, at, "alice", `{"version":1,"name":"n","age_days":1,"run_at":["12:30"]}`),
			"version": s.ask(t, http.MethodGet, at+"/versions/1"), "dry-run": s.ask(t, http.MethodPost, at+"/dry-run"),
			"enable": s.post(t, at+"/enable", "alice", `{"version":1}`), "disable": s.ask(t, http.MethodPost, at+"/disable"), "remove": s.ask(t, http.MethodDelete, at),
		} {
			if a.status != http.StatusForbidden || !strings.HasSuffix(a.problem.Detail, " Retention Rules") {
				t.Errorf("%s: answered %d %s", name, a.status, a.body)
			}
		}
	}
	if after, err := store.Retention().Get(t.Context(), before.ID); err != nil || !reflect.DeepEqual(after, before) {
		t.Errorf("a forbidden call changed the rule: %+v (error %v)", after, err)
	}
	for _, at := range []string{ruleList + "/" + uuid.NewString(), ruleList + "/" + uuid.NewString() + "/dry-run", ruleList + "/" + uuid.NewString() + "/disable"} {
		method := http.MethodGet
		if strings.Count(at, "/") > strings.Count(ruleList, "/")+1 {
			method = http.MethodPost
		}
		if a := s.ask(t, method, at, "Authorization", "Bearer root"); a.status != http.StatusNotFound {
			t.Errorf("%s: got status %d, want %d: %s", at, a.status, http.StatusNotFound, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, ruleList, "Authorization", "Bearer "); a.status != http.StatusUnauthorized {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusUnauthorized, a.body)
	}
}
