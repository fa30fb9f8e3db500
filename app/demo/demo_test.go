package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
)

var schemas = Schemas{Fusillade: "fusillade", Outlet: "outlet"}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func one[T any](t *testing.T, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestFill(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t).URL)
	now := time.Now()
	filled, err := Fill(t.Context(), conn, schemas, now)
	if err != nil || !filled {
		t.Fatalf("want an empty database filled, got %t, %v", filled, err)
	}
	for what, least := range map[string]struct {
		sql   string
		least int
	}{
		"responses":               {"SELECT count(*) FROM fusillade.requests WHERE batch_id IS NULL", total},
		"states":                  {"SELECT count(DISTINCT state) FROM fusillade.requests WHERE batch_id IS NULL", 6},
		"tiers":                   {"SELECT count(DISTINCT coalesce(service_tier, '')) FROM fusillade.requests", 5},
		"models":                  {"SELECT count(DISTINCT model) FROM fusillade.requests", 5},
		"days":                    {"SELECT count(DISTINCT created_at::date) FROM fusillade.requests", days - 1},
		"rows of batches":         {"SELECT count(*) FROM fusillade.requests WHERE batch_id IS NOT NULL", 100},
		"chains":                  {"SELECT count(*) FROM fusillade.response_steps WHERE parent_step_id IS NULL", 50},
		"tool calls":              {"SELECT count(*) FROM fusillade.response_steps WHERE step_kind = 'tool_call'", 50},
		"large ones":              {"SELECT count(*) FROM fusillade.requests r JOIN fusillade.request_templates t ON t.id = r.template_id WHERE greatest(octet_length(t.body), octet_length(r.response_body)) > 1000000", 2},
		"organizations' own":      {"SELECT count(*) FROM fusillade.requests r JOIN public.users u ON u.id::text = r.created_by WHERE u.user_type = 'organization'", 100},
		"deleted people's":        {"SELECT count(*) FROM fusillade.requests r JOIN public.users u ON u.id::text = r.created_by WHERE u.is_deleted", 10},
		"nobody's":                {"SELECT count(*) FROM fusillade.requests r WHERE r.batch_id IS NULL AND NOT EXISTS (SELECT FROM public.users u WHERE u.id::text = r.created_by)", 1},
		"non-ASCII prompts":       {"SELECT count(*) FROM fusillade.request_templates WHERE body ~ '[^[:ascii:]]'", 500},
		"costs":                   {"SELECT count(*) FROM public.http_analytics WHERE total_cost > 0", 3000},
		"raw copies":              {"SELECT least((SELECT count(*) FROM outlet.http_requests), (SELECT count(*) FROM outlet.http_responses))", 300},
		"finished jobs":           {"SELECT count(*) FROM underway.task WHERE state = 'succeeded'", 100},
		"jobs still to be done":   {"SELECT count(*) FROM underway.task WHERE state = 'pending'", 1},
		"prompts of gone files":   {"SELECT count(*) FROM fusillade.request_templates t JOIN fusillade.files f ON f.id = t.file_id WHERE f.deleted_at IS NOT NULL", 1},
		"errors in failed ones":   {"SELECT count(DISTINCT error) FROM fusillade.requests WHERE state = 'failed'", 5},
		"refusals as answers":     {"SELECT count(*) FROM fusillade.requests WHERE state = 'completed' AND response_status >= 400", 5},
		"people with keys":        {"SELECT count(DISTINCT created_by) FROM public.api_keys WHERE name = 'demo'", 3},
		"keys of organizations":   {"SELECT count(*) FROM public.api_keys WHERE user_id <> created_by", 1},
		"invitations":             {"SELECT count(*) FROM public.user_organizations WHERE status = 'pending'", 1},
		"distinct prompts":        {"SELECT count(DISTINCT body) FROM fusillade.request_templates", 500},
		"at work in the last ...": {"SELECT count(*) FROM fusillade.requests WHERE state IN ('pending', 'claimed', 'processing') AND created_at > now() - interval '10 minutes'", 10},
	} {
		if n := one[int](t, conn, least.sql); n < least.least {
			t.Errorf("%s: %d, want %d or more", what, n, least.least)
		}
	}
	for what, sql := range map[string]string{
		"rows of the future":       "SELECT count(*) FROM fusillade.requests WHERE greatest(created_at, updated_at, claimed_at, started_at, completed_at, failed_at, canceled_at) > $1::timestamptz",
		"ends before the start":    "SELECT count(*) FROM fusillade.requests WHERE $1::timestamptz IS NULL OR completed_at < started_at OR started_at < claimed_at OR claimed_at < created_at",
		"rows older than asked":    "SELECT count(*) FROM fusillade.requests WHERE created_at < $1::timestamptz - interval '31 days'",
		"steps of other people":    "SELECT count(*) FROM (SELECT coalesce(s.parent_step_id, s.id) FROM fusillade.response_steps s JOIN fusillade.requests r ON r.id = s.request_id WHERE $1::timestamptz IS NOT NULL GROUP BY 1 HAVING count(DISTINCT r.created_by) > 1) mixed",
		"answers that are no JSON": "SELECT count(*) FROM fusillade.requests WHERE $1::timestamptz IS NOT NULL AND response_body IS NOT NULL AND NOT (response_body IS JSON OBJECT)",
	} {
		if one[int](t, conn, "SELECT current_setting('server_version_num')::int") < 160000 && strings.Contains(sql, "IS JSON") {
			sql = "SELECT count(*) FROM fusillade.requests WHERE $1::timestamptz IS NOT NULL AND response_body IS NOT NULL AND jsonb_typeof(response_body::jsonb) <> 'object'"
		}
		if n := one[int](t, conn, sql, now); n != 0 {
			t.Errorf("%s: %d, want 0", what, n)
		}
	}
}

// TestFillOnce starts three programs at the same time, and one later.
func TestFillOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn := connect(t, db.URL)
	type result struct {
		filled bool
		err    error
	}
	results := make(chan result)
	for range 3 {
		conn := connect(t, db.URL)
		go func() {
			filled, err := Fill(t.Context(), conn, schemas, time.Now())
			results <- result{filled, err}
		}()
	}
	fills := 0
	for range 3 {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		if r.filled {
			fills++
		}
	}
	if fills != 1 {
		t.Fatalf("concurrent starts: want it filled once, got %d times", fills)
	}
	first, err := ReadAccess(t.Context(), conn, schemas)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{first.Administrator, first.Manager, first.User} {
		if !strings.HasPrefix(secret, "sk-") || len(secret) < 29 {
			t.Errorf("want a key that begins with sk-, got %q", secret)
		}
	}
	if _, err := conn.Exec(t.Context(), "TRUNCATE fusillade.requests CASCADE"); err != nil {
		t.Fatal(err)
	}
	if filled, err := Fill(t.Context(), conn, schemas, time.Now()); err != nil || filled {
		t.Errorf("second fill: want false, got %t, %v", filled, err)
	}
	second, err := ReadAccess(t.Context(), conn, schemas)
	if err != nil {
		t.Fatal(err)
	}
	if first.Person == uuid.Nil || second.Response != uuid.Nil || second.Person != uuid.Nil {
		t.Errorf("want something to erase, and nothing after all are gone: %+v, %+v", first, second)
	}
	second.Response, second.Person = first.Response, first.Person
	if first != second {
		t.Error("second ReadAccess: want the same keys")
	}
}

func TestFillOtherData(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"a response": "INSERT INTO fusillade.requests (model, created_by) VALUES ('m', 'x')",
		"a user":     "INSERT INTO public.users (username, email) VALUES ('x', 'x@example.com')",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, pgtest.New(t).URL)
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			if filled, err := Fill(t.Context(), conn, schemas, time.Now()); filled || !errors.Is(err, ErrOtherData) {
				t.Errorf("want false and %v, got %t, %v", ErrOtherData, filled, err)
			}
			if n := one[int](t, conn, "SELECT count(*) FROM public.api_keys"); n != 0 {
				t.Errorf("%d keys were written, want 0", n)
			}
		})
	}
}

// TestGenerateDeterministic: only the secrets of keys differ from machine to machine.
func TestGenerateDeterministic(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 11, 30, 0, 0, time.UTC)
	rows := func() (keys, others string) {
		g := newGenerator(schemas, now, newSecret)
		g.generate()
		var b strings.Builder
		for _, table := range g.tables() {
			text, err := json.Marshal(table.rows)
			if err != nil {
				t.Fatal(err)
			}
			if table == &g.keys {
				keys = string(text)
				continue
			}
			fmt.Fprintf(&b, "%v %s\n", table.name, text)
		}
		return keys, b.String()
	}
	keys, others := rows()
	keysAgain, othersAgain := rows()
	if others != othersAgain {
		t.Error("two runs: want the same rows")
	}
	if keys == keysAgain {
		t.Error("two runs: want different secrets")
	}
}

// TestGenerateNoFutureTimes: whatever the hour and day, nothing lies in the future.
func TestGenerateNoFutureTimes(t *testing.T) {
	t.Parallel()
	for _, now := range []time.Time{
		time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC), // a Saturday at midnight
		time.Date(2028, 2, 29, 23, 59, 59, 999999000, time.UTC),
		// A chain at the end once made more than announced.
		time.Date(2026, 11, 23, 16, 34, 0, 0, time.UTC), time.Date(2026, 11, 23, 16, 48, 0, 0, time.UTC),
	} {
		g := newGenerator(schemas, now, newSecret)
		g.generate()
		if g.responses != total {
			t.Errorf("%s: want %d responses, got %d", now, total, g.responses)
		}
		for _, row := range g.requests.rows {
			for _, value := range row {
				at, ok := value.(time.Time)
				if p, isPointer := value.(*time.Time); isPointer && p != nil {
					at, ok = *p, true
				}
				if ok && at.After(now) {
					t.Fatalf("%s: want no later time in a row, got %s", now, at)
				}
			}
		}
	}
}

func TestPrintWithoutKeys(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := (Access{User: "sk-user"}).Print(&b, "http://h:1"); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "  curl "); n != 1 {
		t.Errorf("%d commands, want the one list of the user's:\n%s", n, &b)
	}
	if n := strings.Count(b.String(), "revoked"); n != 2 {
		t.Errorf("%d keys are said to be revoked, want 2:\n%s", n, &b)
	}
}
