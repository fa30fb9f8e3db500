package app_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/app"
	"lethe/internal/pgtest"
)

// addFinished adds responses of a model with their prompts, which may be moved.
func addFinished(t *testing.T, url, model string, responses int, ago string) []string {
	t.Helper()
	return addFinishedOf(t, url, bob, model, responses, ago)
}

func addFinishedOf(t *testing.T, url, owner, model string, responses int, ago string) (ids []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), fmt.Sprintf(`WITH new AS (SELECT gen_random_uuid() AS id, n FROM generate_series(1, %[1]d) AS n), prompts AS (
			INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
			SELECT id, 'http://upstream.test', 'POST', '/v1/responses', '{"input": "words"}', '%[2]s', 'key' FROM new
		), responses AS (
			INSERT INTO fusillade.requests (id, template_id, state, response_status, response_body, created_at, completed_at, model, created_by, service_tier)
			SELECT id, id, 'completed', 200, '{"output": "words"}', now() - interval '%[3]s' - n * interval '1 s', now() - interval '%[3]s', '%[2]s', '%[4]s', 'flex' FROM new
			RETURNING id
		)
		SELECT id::text FROM responses ORDER BY id`, responses, model, ago, owner))
	if err == nil {
		ids, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil || len(ids) != responses {
		t.Fatalf("%d added: %v", len(ids), err)
	}
	return ids
}

func move(t *testing.T, url string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		exec(t, url, moved(id))
	}
}

// TestRetainedByRule: a rule erases what is old, moved or not.
func TestRetainedByRule(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	old, young := addFinished(t, database.URL, "aged", 6, "40 days"), addFinished(t, database.URL, "young", 2, "1 day")
	move(t, database.URL, old[:4]...)
	move(t, database.URL, young[0])
	s := start(t, environ)
	s.enabledRule(t, `{"name":"a month","filter":{"models":["aged","young"]},"age_days":30,"run_at":["00:00"]}`, 6)
	s.stop()
	if err := <-s.result; err != nil {
		t.Fatal(err)
	}
	s.result <- nil
	exec(t, database.URL, `UPDATE lethe.retention_rules SET next_run_at = now()`)
	start(t, environ)
	await(t, "it has run", func() bool {
		return number(t, database.URL, `SELECT count(*) FROM lethe.erasures WHERE state = 'finished' AND trigger = 'retention'`) == 1
	})
	for sql, want := range map[string]string{
		`SELECT concat_ws(' ', done, requests, templates, retained, held, refused) FROM lethe.erasures`: "6 2 2 8 0 0",
		`SELECT count(*)::text FROM fusillade.requests WHERE model IN ('aged', 'young')`:                "1",
		`SELECT string_agg(model, ' ') FROM fusillade.retained_response_objects`:                        "young",
	} {
		if got := said(t, database.URL, sql); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

// TestRetainedWrittenAgain: what is written of a moved response after its erasure,
// at either place, is found and erased.
func TestRetainedWrittenAgain(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	ids := addFinished(t, database.URL, "late", 3, "1 day")
	move(t, database.URL, ids...)
	exec(t, database.URL, `CREATE TABLE public.kept AS SELECT * FROM fusillade.retained_response_objects;
		CREATE TABLE public.kept_groups AS SELECT * FROM fusillade.retained_response_group_routes;
		CREATE TABLE public.kept_routes AS SELECT * FROM fusillade.retained_response_request_routes`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	for _, id := range ids {
		s.eraseOne(t, id)
	}
	exec(t, database.URL, `INSERT INTO fusillade.retained_response_objects SELECT * FROM public.kept WHERE group_id <> '`+ids[2]+`';
		INSERT INTO fusillade.retained_response_group_routes SELECT * FROM public.kept_groups WHERE group_id <> '`+ids[2]+`';
		INSERT INTO fusillade.retained_response_request_routes SELECT * FROM public.kept_routes WHERE group_id <> '`+ids[2]+`';
		INSERT INTO fusillade.requests (id, state, model, created_by, response_status, response_body, completed_at)
		VALUES ('`+ids[2]+`', 'completed', 'late', '`+bob+`', 200, '{"output": "words"}', now());
		DROP TABLE public.kept, public.kept_groups, public.kept_routes;
		UPDATE lethe.tombstones SET due_at = now()`)
	await(t, "all is erased again", func() bool {
		return number(t, database.URL, `SELECT (`+keptElsewhere+`) + count(*) FROM fusillade.requests WHERE model = 'late'`) == 0
	})
	await(t, "the receipts say so", func() bool {
		return number(t, database.URL, `SELECT sum(n) FROM (SELECT coalesce((convert_from(body, 'UTF8')::jsonb -> 'counts' ->> 'retained')::int, 0) AS n
			FROM lethe.receipts WHERE convert_from(body, 'UTF8')::jsonb ->> 'trigger' = 'sweep') swept`) == 4
	})
}

// TestRetainedWhileItMoves: erasures and moves of the same responses at the same
// time leave nothing at either place, and each is counted once.
func TestRetainedWhileItMoves(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	const responses = 40
	ids := addFinished(t, database.URL, "moving", responses, "1 day")
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	filter := map[string]any{"filter": map[string]any{"models": []string{"moving"}}}
	_, preview := s.post(t, erasuresPath+"/preview", filter)
	if preview["responses"] != float64(responses) {
		t.Fatalf("previewed %v", preview)
	}
	var movers sync.WaitGroup
	failed := make(chan error, 2)
	for half := range 2 {
		movers.Go(func() {
			conn, err := pgx.Connect(t.Context(), database.URL)
			if err != nil {
				failed <- err
				return
			}
			defer func() { _ = conn.Close(t.Context()) }()
			for _, id := range ids[half*responses/2 : (half+1)*responses/2] {
				if _, err := conn.Exec(t.Context(), moved(id)); err != nil {
					failed <- fmt.Errorf("%s: %w", id, err)
					return
				}
			}
		})
	}
	filter["ground"], filter["token"] = "request", preview["token"]
	status, erasure := s.post(t, erasuresPath, filter)
	if status != http.StatusAccepted {
		t.Fatalf("%d %v", status, erasure)
	}
	for _, id := range ids[:responses/4] {
		switch status, _ := s.deleteAs(t, requestsPath+"/"+id, "sk-bob-platform"); status {
		case http.StatusNoContent, http.StatusNotFound: // the other erasure was first
		default:
			t.Errorf("%s: %d", id, status)
		}
	}
	movers.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	await(t, "it is finished", func() bool {
		return number(t, database.URL, fmt.Sprintf("SELECT count(*) FROM lethe.erasures WHERE id = '%s' AND state = 'finished'", erasure["id"])) == 1
	})
	if n := number(t, database.URL, `SELECT (`+keptElsewhere+`) + (SELECT count(*) FROM fusillade.requests WHERE model = 'moving')
		+ (SELECT count(*) FROM fusillade.request_templates WHERE model = 'moving')`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := number(t, database.URL, `SELECT sum(coalesce((c ->> 'requests')::int, 0) + coalesce((c ->> 'retained')::int, 0) / 2)
		FROM (SELECT convert_from(body, 'UTF8')::jsonb -> 'counts' AS c FROM lethe.receipts) told`); n != responses {
		t.Errorf("the receipts count %d, want %d", n, responses)
	}
}

// TestRetainedAfterRestore: a replay finds erased responses where fusillade-arsenal
// has moved them, too.
func TestRetainedAfterRestore(t *testing.T) {
	t.Parallel()
	p := protectOf(t, pgtest.WithArsenal(t))
	before := addFinished(t, p.owner(), "m", 4, "1 day")
	move(t, p.owner(), before[:2]...)
	p.copyTo(p.database.Name + "_backup")
	s, end := p.serve()
	for _, id := range before {
		s.eraseOne(t, id)
	}
	p.published(s, 4)
	end()
	if exported, _ := p.export(); exported != 4 {
		t.Fatalf("exported %d", exported)
	}
	p.name += "_backup"
	done, err := p.replay(false)
	if err != nil || !done.done || done.Found != 4 || done.Erased.Requests != 2 || done.Erased.Retained != 4 {
		t.Errorf("the replay: %+v, %v", done, err)
	}
	if n := p.number(`SELECT (` + keptElsewhere + `) + (SELECT count(*) FROM fusillade.requests WHERE model = 'm')`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if report := examine(t, "LETHE_DATABASE_URL="+p.roleURL()); len(found(report, app.Problem)) > 0 {
		t.Errorf("found\n%s", text(t, report))
	}
}

// TestRetainedThatGoesMeanwhile: what is dropped while an erasure waits for it is not
// there, so nothing is erased of it, and what a hold keeps stays.
func TestRetainedThatGoesMeanwhile(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "?include_later_turns=true"} {
		database := pgtest.WithArsenal(t)
		id := addFinished(t, database.URL, "moved", 1, "1 h")[0]
		exec(t, database.URL, `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id, user_id)
			VALUES ('0a000000-0000-4000-8000-0000000000aa', 77, now(), 'POST', '/v1/responses', '`+id+`', '`+bob+`');
			INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
			VALUES ('0a000000-0000-4000-8000-0000000000aa', 77, now(), 'POST', '/', '{}', '{"words": "of bob"}')`)
		move(t, database.URL, id)
		s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
		conn, err := pgx.Connect(t.Context(), database.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		do := func(sql string) {
			t.Helper()
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		do(`SELECT FROM fusillade.retained_response_request_routes FOR UPDATE`)
		answer := make(chan int)
		go func() {
			status, _ := s.deleteAs(t, requestsPath+"/"+id+query, "sk-bob-platform")
			answer <- status
		}()
		await(t, "it waits", func() bool {
			return number(t, database.URL, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
		})
		// fusillade-arsenal drops what is past its day.
		do(`DELETE FROM fusillade.retained_response_request_routes`)
		do(`DELETE FROM fusillade.retained_response_group_routes`)
		do(`DELETE FROM fusillade.retained_response_objects`)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status := <-answer; status != http.StatusNotFound {
			t.Errorf("%q: answered %d", query, status)
		}
		for sql, want := range map[string]int{`SELECT count(*) FROM outlet.http_requests WHERE correlation_id = 77`: 1, `SELECT count(*) FROM lethe.receipts`: 0} {
			if got := number(t, database.URL, sql); got != want {
				t.Errorf("%q: %s: %d, want %d", query, sql, got, want)
			}
		}
	}
}
