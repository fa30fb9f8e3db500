package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestRetainedByRule: a rule erases old responses, moved or not.
func TestRetainedByRule(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	old, young := apptest.AddFinished(t, database.URL, "aged", 6, "40 days"), apptest.AddFinished(t, database.URL, "young", 2, "1 day")
	apptest.Move(t, database.URL, old[:4]...)
	apptest.Move(t, database.URL, young[0])
	s := start(t, environ)
	s.enabledRule(t, `{"name":"a month","filter":{"models":["aged","young"]},"age_days":30,"run_at":["00:00"]}`, 6)
	s.Stop()
	if err := <-s.Result; err != nil {
		t.Fatal(err)
	}
	s.Result <- nil
	apptest.Exec(t, database.URL, `UPDATE lethe.retention_rules SET next_run_at = now()`)
	start(t, environ)
	apptest.Await(t, "it has run", func() bool {
		return apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.erasures WHERE state = 'finished' AND trigger = 'retention'`) == 1
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

// TestRetainedWrittenAgain: rows of a moved response that are written after its
// erasure, in either place, are found and erased.
func TestRetainedWrittenAgain(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	ids := apptest.AddFinished(t, database.URL, "late", 3, "1 day")
	apptest.Move(t, database.URL, ids...)
	apptest.Exec(t, database.URL, `CREATE TABLE public.kept AS SELECT * FROM fusillade.retained_response_objects;
		CREATE TABLE public.kept_groups AS SELECT * FROM fusillade.retained_response_group_routes;
		CREATE TABLE public.kept_routes AS SELECT * FROM fusillade.retained_response_request_routes`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	for _, id := range ids {
		s.EraseOne(t, id)
	}
	apptest.Exec(t, database.URL, `INSERT INTO fusillade.retained_response_objects SELECT * FROM public.kept WHERE group_id <> '`+ids[2]+`';
		INSERT INTO fusillade.retained_response_group_routes SELECT * FROM public.kept_groups WHERE group_id <> '`+ids[2]+`';
		INSERT INTO fusillade.retained_response_request_routes SELECT * FROM public.kept_routes WHERE group_id <> '`+ids[2]+`';
		INSERT INTO fusillade.requests (id, state, model, created_by, response_status, response_body, completed_at)
		VALUES ('`+ids[2]+`', 'completed', 'late', '`+apptest.Bob+`', 200, '{"output": "words"}', now());
		DROP TABLE public.kept, public.kept_groups, public.kept_routes;
		UPDATE lethe.tombstones SET due_at = now()`)
	apptest.Await(t, "all is erased again", func() bool {
		return apptest.Number(t, database.URL, `SELECT (`+apptest.KeptElsewhere+`) + count(*) FROM fusillade.requests WHERE model = 'late'`) == 0
	})
	apptest.Await(t, "the receipts say so", func() bool {
		return apptest.Number(t, database.URL, `SELECT sum(n) FROM (SELECT coalesce((convert_from(body, 'UTF8')::jsonb -> 'counts' ->> 'retained')::int, 0) AS n
			FROM lethe.receipts WHERE convert_from(body, 'UTF8')::jsonb ->> 'trigger' = 'sweep') swept`) == 4
	})
}

// TestRetainedConcurrentMove: concurrent erasures and moves of the same responses
// leave nothing in either place, and each response is counted once.
func TestRetainedConcurrentMove(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	const responses = 40
	ids := apptest.AddFinished(t, database.URL, "moving", responses, "1 day")
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	filter := map[string]any{"filter": map[string]any{"models": []string{"moving"}}}
	_, preview := s.Post(t, apptest.ErasuresPath+"/preview", filter)
	if preview["responses"] != float64(responses) {
		t.Fatalf("preview: want %d responses, got %v", responses, preview)
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
				if _, err := conn.Exec(t.Context(), pgtest.Moved(id)); err != nil {
					failed <- fmt.Errorf("%s: %w", id, err)
					return
				}
			}
		})
	}
	erasure := s.StartErasure(t, http.StatusAccepted, filter, preview)
	for _, id := range ids[:responses/4] {
		switch status, _ := s.DeleteAs(t, apptest.RequestsPath+"/"+id, "sk-bob-platform"); status {
		case http.StatusNoContent, http.StatusNotFound: // the other erasure was first
		default:
			t.Errorf("DELETE %s: want 204 or 404, got %d", id, status)
		}
	}
	movers.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	apptest.AwaitErasure(t, database.URL, erasure, "true")
	if n := apptest.Number(t, database.URL, `SELECT (`+apptest.KeptElsewhere+`) + (SELECT count(*) FROM fusillade.requests WHERE model = 'moving')
		+ (SELECT count(*) FROM fusillade.request_templates WHERE model = 'moving')`); n != 0 {
		t.Errorf("rows left in either place: %d", n)
	}
	if n := apptest.Number(t, database.URL, `SELECT sum(coalesce((c ->> 'requests')::int, 0) + coalesce((c ->> 'retained')::int, 0) / 2)
		FROM (SELECT convert_from(body, 'UTF8')::jsonb -> 'counts' AS c FROM lethe.receipts) told`); n != responses {
		t.Errorf("the receipts count %d, want %d", n, responses)
	}
}

// TestRetainedDroppedDuringErasure: a response that is dropped while its erasure waits
// for it counts as missing, so nothing of it is erased.
func TestRetainedDroppedDuringErasure(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "?include_later_turns=true"} {
		database := pgtest.WithArsenal(t)
		id := apptest.AddFinished(t, database.URL, "moved", 1, "1 h")[0]
		apptest.Exec(t, database.URL, `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id, user_id)
			VALUES ('0a000000-0000-4000-8000-0000000000aa', 77, now(), 'POST', '/v1/responses', '`+id+`', '`+apptest.Bob+`');
			INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
			VALUES ('0a000000-0000-4000-8000-0000000000aa', 77, now(), 'POST', '/', '{}', '{"words": "of bob"}')`)
		apptest.Move(t, database.URL, id)
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
			status, _ := s.DeleteAs(t, apptest.RequestsPath+"/"+id+query, "sk-bob-platform")
			answer <- status
		}()
		apptest.Await(t, "it waits", func() bool {
			return apptest.Number(t, database.URL, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
		})
		// fusillade-arsenal drops what has expired.
		do(`DELETE FROM fusillade.retained_response_request_routes`)
		do(`DELETE FROM fusillade.retained_response_group_routes`)
		do(`DELETE FROM fusillade.retained_response_objects`)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status := <-answer; status != http.StatusNotFound {
			t.Errorf("DELETE %q: want %d, got %d", query, http.StatusNotFound, status)
		}
		for sql, want := range map[string]int{`SELECT count(*) FROM outlet.http_requests WHERE correlation_id = 77`: 1, `SELECT count(*) FROM lethe.receipts`: 0} {
			if got := apptest.Number(t, database.URL, sql); got != want {
				t.Errorf("%q: %s: %d, want %d", query, sql, got, want)
			}
		}
	}
}
