package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestGuessedKeys: more callers who guess keys than can be answered at a time do not
// block callers whose key has worked before, even after a restart. Refused callers
// are told to retry, and a new key works as soon as the guessers have gone. It runs
// alone: the guessers use the whole machine, and other tests would run out of time.
func TestGuessedKeys(t *testing.T) {
	const guessers, lists = 400, 30
	database := pgtest.WithFixture(t)
	for _, restarted := range []bool{false, true} {
		s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_DATABASE_MAX_CONNS=3")
		time.Sleep(500 * time.Millisecond) // until known keys have been read: none is remembered before
		if restarted {
			if n := apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.known_keys`); n != 1 {
				t.Fatalf("%d keys are known, want 1", n)
			}
		} else if status, _, body := s.Get(t, apptest.RequestsPath, "sk-alice-platform"); status != http.StatusOK {
			t.Fatalf("want %d, got %d %s", http.StatusOK, status, body)
		}
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: guessers}}
		var refused, unknown atomic.Int64
		var ended atomic.Bool
		var crowd sync.WaitGroup
		for guesser := range guessers {
			crowd.Go(func() {
				for n := 0; !ended.Load(); n++ {
					request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+apptest.RequestsPath, nil)
					if err != nil {
						t.Error(err)
						return
					}
					request.Header.Set("Authorization", fmt.Sprintf("Bearer sk-guess-%d-%d", guesser, n))
					response, err := client.Do(request)
					if err != nil {
						t.Error(err)
						return
					}
					_ = response.Body.Close()
					switch response.StatusCode {
					case http.StatusTooManyRequests:
						refused.Add(1)
						if response.Header.Get("Retry-After") == "" {
							t.Error("refused request: want Retry-After, got none")
						}
					case http.StatusUnauthorized:
						unknown.Add(1)
					}
				}
			})
		}
		apptest.Await(t, "a guess is refused", func() bool { return refused.Load() > 0 })
		for range lists {
			if status, _, body := s.Get(t, apptest.RequestsPath+"?limit=1", "sk-alice-platform"); status != http.StatusOK {
				t.Errorf("restarted %v: want %d, got %d %s", restarted, http.StatusOK, status, body)
			}
		}
		if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
			t.Errorf("want %d, got %d %s", http.StatusOK, status, body)
		}
		ended.Store(true)
		crowd.Wait()
		client.CloseIdleConnections()
		if unknown.Load() == 0 {
			t.Error("guesses that were looked up: want 1 or more, got 0")
		}
		if restarted {
			if status, _, body := s.Get(t, apptest.RequestsPath, "sk-bob-platform"); status != http.StatusOK {
				t.Errorf("a new key: want %d, got %d %s", http.StatusOK, status, body)
			}
			if _, _, metrics := s.Get(t, "/metrics", ""); strings.Contains(metrics, "lethe_http_requests_refused_total 0\n") {
				t.Error("metrics: want refusals counted, got 0")
			}
		}
		s.Stop()
		if err := <-s.Result; err != nil {
			t.Error(err)
		}
		s.Result <- nil
	}
}
