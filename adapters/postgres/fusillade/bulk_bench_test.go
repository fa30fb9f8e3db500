package fusillade

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
)

// fillMany stores responses of one request with its template and its usage;
// every third has raw copies, every tenth a task.
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

// BenchmarkEraseMany erases all that an owner has, on one connection.
func BenchmarkEraseMany(b *testing.B) {
	w := newBench(b, postgres.Config{})
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
			b.Fatalf("%d erased, %v", got.Done, err)
		}
		n++
	}
	b.ReportMetric(float64(of*n)/took.Seconds(), "responses/s")
}

// BenchmarkSurvey counts what BenchmarkEraseMany erases.
func BenchmarkSurvey(b *testing.B) {
	w := newBench(b, postgres.Config{})
	erasures := w.erasures(postgres.Config{MaxConns: 1})
	w.exec(`INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING`)
	const of = 50_000
	owner := uuid.New()
	w.exec(fillMany, of, owner.String())
	w.exec(`ANALYZE`)
	for b.Loop() {
		got, err := erasures.Survey(b.Context(), domain.ErasureTarget{Owner: &owner}, nil, time.Now())
		if err != nil || got.Responses != of {
			b.Fatalf("%d counted, %v", got.Responses, err)
		}
	}
	b.ReportMetric(of*float64(b.N)/b.Elapsed().Seconds(), "responses/s")
}
