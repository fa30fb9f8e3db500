package fusillade

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
)

// fillMany stores responses of one request, each with its template and usage. Every
// third has raw copies, every tenth a task.
const fillMany = `
	WITH r AS MATERIALIZED (
		SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS template, gen_random_uuid() AS instance
		FROM generate_series(1, $1::int) n
	), templates AS (
		INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
		SELECT template, 'http://upstream.test', 'POST', '/v1/responses', repeat('words ', 50), 'm', 'key' FROM r
	), requests AS (
		INSERT INTO fusillade.requests (id, template_id, state, response_status, response_body, completed_at, model, created_by, created_at)
		SELECT id, template, 'completed', 200, repeat('words ', 100), now(), 'm', $2, now() - n * interval '1 second' FROM r
	), usage AS (
		INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
		SELECT instance, 1, now(), 'POST', '/v1/responses', id FROM r
	), raw_requests AS (
		INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		SELECT instance, 1, now(), 'POST', '/v1/responses', '{}' FROM r WHERE n % 3 = 0
	), raw_responses AS (
		INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, duration_to_first_byte_ms, duration_ms)
		SELECT instance, 1, now(), 200, '{}', 1, 2 FROM r WHERE n % 3 = 0
	)
	INSERT INTO underway.task (id, task_queue_name, input)
	SELECT gen_random_uuid(), 'create-response', jsonb_build_object('step_input', jsonb_build_object('request_id', id)) FROM r WHERE n % 10 = 0`

// BenchmarkEraseMany erases all responses of an owner on one connection.
func BenchmarkEraseMany(b *testing.B) {
	w := newFixture(b, postgres.Config{})
	erasures := w.erasures(postgres.Config{MaxConns: 1})
	run := domain.NewRunErasure(erasures, noPace, time.Now)
	w.exec(`INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING`)
	const of = 20_000
	var took time.Duration
	n := 0
	for b.Loop() {
		owner := uuid.New()
		w.exec(fillMany, of, owner.String())
		w.exec(`ANALYZE fusillade.requests`)
		e := w.create(erasures, domain.ErasureTarget{Owner: &owner})
		begun := time.Now()
		if over, err := run.Execute(b.Context(), e.ID, 0); err != nil || !over {
			b.Fatal(over, err)
		}
		took += time.Since(begun)
		if got, err := erasures.Get(b.Context(), e.ID); err != nil || got.Done != of {
			b.Fatalf("erased %d responses (error %v)", got.Done, err)
		}
		n++
	}
	b.ReportMetric(float64(of*n)/took.Seconds(), "responses/s")
}

// BenchmarkEstimate counts what BenchmarkEraseMany erases.
func BenchmarkEstimate(b *testing.B) {
	w := newFixture(b, postgres.Config{})
	erasures := w.erasures(postgres.Config{MaxConns: 1})
	w.exec(`INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING`)
	const of = 50_000
	owner := uuid.New()
	w.exec(fillMany, of, owner.String())
	w.exec(`ANALYZE`)
	for b.Loop() {
		got, err := erasures.Estimate(b.Context(), domain.ErasureTarget{Owner: &owner}, nil, time.Now())
		if err != nil || got.Responses != of {
			b.Fatalf("counted %d responses (error %v)", got.Responses, err)
		}
	}
	b.ReportMetric(of*float64(b.N)/b.Elapsed().Seconds(), "responses/s")
}

// BenchmarkListsBesideEraseMany erases all responses of an owner, paced at 5,200 a
// second and unpaced. Four connections list another owner's responses before and
// meanwhile; the ratio is the share of their rate that lists keep.
func BenchmarkListsBesideEraseMany(b *testing.B) {
	for name, perSecond := range map[string]int{"paced": 5200, "unbounded": 0} {
		b.Run(name, func(b *testing.B) {
			w := newFixture(b, postgres.Config{MaxConns: 4})
			erasures := w.erasures(postgres.Config{MaxConns: 1})
			w.exec(`INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING`)
			w.exec(fillMany, 20_000, "somebody")
			begun := time.Now()
			done := 0
			run := domain.NewRunErasure(erasures, func(ctx context.Context, responses int) error {
				if done += responses; perSecond > 0 {
					time.Sleep(time.Until(begun.Add(time.Duration(done) * time.Second / time.Duration(perSecond))))
				}
				return ctx.Err()
			}, time.Now)
			const of = 40_000
			var took time.Duration
			var ratios []float64
			for b.Loop() {
				owner := uuid.New()
				w.exec(fillMany, of, owner.String())
				w.exec(`ANALYZE fusillade.requests`)
				e := w.create(erasures, domain.ErasureTarget{Owner: &owner})
				alone := w.lists(b, func() { time.Sleep(3 * time.Second) })
				beside := w.lists(b, func() {
					begun, done = time.Now(), 0
					if over, err := run.Execute(b.Context(), e.ID, 0); err != nil || !over {
						b.Fatal(over, err)
					}
					took += time.Since(begun)
				})
				ratios = append(ratios, beside/alone)
			}
			slices.Sort(ratios)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(of*len(ratios))/took.Seconds(), "responses/s")
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
		})
	}
}

// lists runs lists on four connections during while, and returns their rate per
// second.
func (b *fixture) lists(t testing.TB, while func()) float64 {
	t.Helper()
	var made atomic.Int64
	var callers sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	begun := time.Now()
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				page, err := b.responses.Page(ctx, domain.PageQuery{Filter: domain.ResponseFilter{Owners: []string{"somebody"}}, ActiveFirst: true, Limit: 21})
				if ctx.Err() == nil && (err != nil || len(page) != 21) {
					t.Error(len(page), err)
					return
				}
				made.Add(1)
			}
		})
	}
	while()
	took := time.Since(begun)
	cancel()
	callers.Wait()
	return float64(made.Load()) / took.Seconds()
}
