package plans_test

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres/analytics"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

// newer adds what newer versions of dwctl write: the ledger of credits, prompts
// of which each tenth follows another, and raw copies, of some of which the
// request is gone.
const newer = `
	ALTER TABLE public.credits_transactions ADD fusillade_request_id uuid;
	CREATE INDEX credits_transactions_fusillade_request_idx
		ON public.credits_transactions (fusillade_request_id, seq DESC) WHERE fusillade_request_id IS NOT NULL;
	GRANT SELECT ON public.credits_transactions TO PUBLIC;
	INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id, fusillade_request_id)
		SELECT '00000000-0000-0000-0000-000000000000', 'usage', 1, n, ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid FROM generate_series(1, 200000) n;
	INSERT INTO fusillade.request_templates (endpoint, method, path, body, model, api_key)
		SELECT '', '', '', CASE n % 10 WHEN 0 THEN '{"input": "more", "previous_response_id": "resp_00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0') || '"}' ELSE '{"input": "words"}' END, '', ''
		FROM generate_series(1, 100000) n;
	INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		SELECT '00000000-0000-4000-8000-00000000ba7c', n, timestamptz '2026-01-01' + n * interval '10 seconds', 'POST', '/',
		       CASE WHEN n > 99000 THEN jsonb_build_object('x-fusillade-request-id', gen_random_uuid()) ELSE '{}' END
		FROM generate_series(1, 100000) n;
	INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, duration_to_first_byte_ms, duration_ms)
		SELECT instance_id, correlation_id, timestamp, 200, '{}', 1, 2 FROM outlet.http_requests;
	UPDATE public.http_analytics SET fusillade_request_id = gen_random_uuid() WHERE correlation_id BETWEEN 99001 AND 100000`

// growing is scan with the tables that newer versions fill.
var growing = regexp.MustCompile(`Seq Scan on (requests|http_analytics|response_steps|credits_transactions|request_templates|http_requests|http_responses)\w*\b`)

// named is the index of what raw copies name in their headers, of each partition.
var named = regexp.MustCompile(`Index Cond: \("right"\(translate\(lower\(\(headers ->> 'x-fusillade-request-id'`)

// TestNewerPlans: queries for newer versions use the indexes that dwctl creates or
// that doctor advises.
func TestNewerPlans(t *testing.T) {
	t.Parallel()
	b := newFixture(t, load, func(b *fixture, _ *pgtest.Database) {
		b.exec(newer)
		advice, err := inspect.MissingCopyIndexes(t.Context(), b.conn, inspect.Schemas{})
		if err != nil || len(advice) == 0 {
			t.Fatalf("want indexes to make, got %v, %v", advice, err)
		}
		for _, a := range advice {
			for _, statement := range a.Statements {
				b.exec(statement)
			}
		}
		for _, table := range []string{"public.credits_transactions", "fusillade.request_templates", "outlet.http_requests", "outlet.http_responses"} {
			b.exec("VACUUM ANALYZE " + table)
		}
	})
	responses, usage := b.responses.(*fusillade.Responses), b.usage.(*analytics.UsageRecords)
	ledger := func() bool { return true }
	responses.WithLedger(ledger)
	usage.WithLedger(ledger)
	// look explains what something sent, and tells in how many statements there
	// was what it is about.
	look := func(what, about string, do func(context.Context) error) {
		t.Helper()
		b.recorder.take()
		if err := do(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		there := 0
		for _, s := range b.recorder.take() {
			if strings.Contains(s.sql, about) {
				there++
			}
			mode := "generic"
			if strings.Contains(s.sql, "-- name: Copied") { // planned for its arguments
				mode = "custom"
			}
			plan := b.explain(s, mode, "")
			if growing.MatchString(plan) {
				t.Errorf("%s: want no sequential scan, got\n%s\n%s", what, s.sql, plan)
			}
			if strings.Contains(s.sql, "x-fusillade-request-id") && strings.Contains(s.sql, "= ANY") && !named.MatchString(plan) {
				t.Errorf("%s: want headers read by their index, got\n%s\n%s", what, s.sql, plan)
			}
		}
		if there == 0 {
			t.Errorf("%s: want a statement with %q, got none", what, about)
		}
	}
	ids := make([]uuid.UUID, domain.MaxLimit)
	for i := range ids {
		ids[i] = response(20_001 + 10*i)
	}
	look("the ledger's cost of one", "credits_transactions", func(ctx context.Context) error {
		_, _, err := responses.Get(ctx, ids[0], nil, math.MaxInt64, nil)
		return err
	})
	look("the ledger's costs of a page", "credits_transactions", func(ctx context.Context) error {
		_, err := usage.Latest(ctx, ids)
		return err
	})
	look("later turns", "-- name: Quoted", func(ctx context.Context) error {
		_, err := responses.Erase(ctx, ids[1], nil, porttest.Permit)
		return err
	})
	// Whatever looks for copies by their header: of what is there, and of what is gone.
	look("copies of a response", "-- name: DeleteHeaded", func(ctx context.Context) error {
		_, err := responses.Erase(ctx, ids[2], nil, porttest.Permit)
		return err
	})
	look("copies that are counted", "-- name: CopiesByHeaderAlone", func(ctx context.Context) error {
		_, err := b.erasures.Estimate(ctx, domain.ErasureTarget{Responses: ids[3:]}, nil, time.Now())
		return err
	})
	var gone string
	if err := b.conn.QueryRow(t.Context(), "SELECT max(headers ->> 'x-fusillade-request-id') FROM outlet.http_requests").Scan(&gone); err != nil {
		t.Fatal(err)
	}
	for i, query := range []string{"CopiesByHeader", "BatchedByHeader", "DeleteHeaded"} {
		b.exec(fmt.Sprintf("UPDATE outlet.http_requests SET headers = jsonb_build_object('x-fusillade-request-id', ARRAY[upper('resp_%s')]) WHERE correlation_id = %d", gone, 99_500+i))
		look("copies of what is gone", "-- name: "+query+" ", func(ctx context.Context) error {
			_, err := responses.Erase(ctx, uuid.MustParse(gone), nil, porttest.Permit)
			return err
		})
	}
	authorization, _ := porttest.Permit(domain.Found{})
	authorization.Trigger = domain.TriggerOrphans
	removed := int64(0)
	for _, from := range []string{"0", "50000", "98900"} { // of copies that are needed, and of others
		b.exec("UPDATE lethe.orphans SET responses = false, after_request = " + from)
		look("orphans after "+from, "-- name: CopiesNaming", func(ctx context.Context) error {
			turn, err := responses.SweepOrphans(ctx, time.Now(), 500, 0, authorization)
			removed += turn.RawRequests
			return err
		})
	}
	b.exec("UPDATE lethe.orphans SET responses = true, after_response = 50000")
	look("orphans among answers", "-- name: CopiesNaming", func(ctx context.Context) error {
		_, err := responses.SweepOrphans(ctx, time.Now(), 500, 0, authorization)
		return err
	})
	if removed == 0 {
		t.Error("want copies removed, got none")
	}
}
