package httpapi_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/internal/memory"
)

// pending starts an erasure of everything alice has, which is one response.
func pending(t *testing.T, s *service, store *memory.Store) string {
	t.Helper()
	owned(store, alice, "completed")
	return decode(t, s.start(t, "alice", "", s.withToken(t, "alice", `{"owner":"`+alice.String()+`"}`)).body)["id"].(string)
}

// watch opens a stream. It closes ended when the stream has ended.
func watch(t *testing.T, s *service, id string) (a *answer, hangUp context.CancelFunc, ended chan struct{}) {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, erasures+"/"+id+"/events", nil)
	r.Header.Set("Authorization", "Bearer alice")
	a, ended = new(answer), make(chan struct{})
	go func() {
		defer close(ended)
		*a = s.serve(t, r)
	}()
	synctest.Wait()
	return a, hangUp, ended
}

// events lists the events of a stream by name and state of the erasure; "" is a
// keep-alive.
func events(t *testing.T, body string) []string {
	t.Helper()
	rest, ok := strings.CutPrefix(body, "retry: 3000\n")
	if !ok {
		t.Fatalf("the stream begins with %q", body)
	}
	var told []string
	for event := range strings.SplitSeq(strings.TrimSuffix(rest, "\n\n"), "\n\n") {
		if event == ":" {
			told = append(told, "")
			continue
		}
		name, data, ok := strings.Cut(strings.TrimPrefix(event, "event: "), "\ndata: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("%q is not an event", event)
		}
		// Only the last event has an id, for a client that reopens the stream.
		if name, ok = strings.CutSuffix(name, "\nid: end"); ok != (name == "end") {
			t.Fatalf("%q: want an id on the last event only", event)
		}
		told = append(told, name+" "+decode(t, data)["state"].(string))
	}
	return told
}

func TestWatchErasure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := erasing(t)
		id := pending(t, s, store)
		a, _, ended := watch(t, s, id)
		time.Sleep(31 * time.Second)
		finish(t, store, id)
		<-ended
		if got := events(t, a.body); a.status != http.StatusOK || !slices.Equal(got, []string{"progress pending", "", "", "progress finished", "end finished"}) {
			t.Errorf("got status %d and the events %q", a.status, got)
		}
		if a.header.Get("Content-Type") != "text/event-stream" || a.header.Get("X-Accel-Buffering") != "no" || a.header.Get("Content-Encoding") != "" {
			t.Errorf("got headers %v", a.header)
		}
		// A finished erasure is reported at once.
		over := s.ask(t, http.MethodGet, erasures+"/"+id+"/events", "Accept-Encoding", "gzip")
		if got := events(t, over.body); !slices.Equal(got, []string{"progress finished", "end finished"}) {
			t.Errorf("finished erasure: got the events %q", got)
		}
		// A client that has seen the end, such as a browser that reopens the
		// stream, gets 204.
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if a := s.ask(t, method, erasures+"/"+id+"/events", "Last-Event-ID", "end"); a.status != http.StatusNoContent || a.body != "" {
				t.Errorf("%s after the end: got status %d, want %d: %s", method, a.status, http.StatusNoContent, a.body)
			}
		}
		if a := s.ask(t, http.MethodGet, erasures+"/"+id+"/events", "Last-Event-ID", "7"); a.status != http.StatusOK || len(events(t, a.body)) != 2 {
			t.Errorf("after another event: got status %d, want %d: %s", a.status, http.StatusOK, a.body)
		}
		twice := httptest.NewRequest(http.MethodGet, erasures+"/"+id+"/events", nil)
		twice.Header["Last-Event-Id"] = []string{"end", "end"}
		if a := s.serve(t, twice); a.status != http.StatusBadRequest || a.problem.Detail != "Last-Event-ID: must be given once" {
			t.Errorf("after two events: answered %d %s", a.status, a.body)
		}
		if a := s.ask(t, http.MethodGet, erasures+"/"+uuid.NewString()+"/events", "Last-Event-ID", "end"); a.status != http.StatusNotFound {
			t.Errorf("unknown erasure: got status %d, want %d: %s", a.status, http.StatusNotFound, a.body)
		}
		head := s.ask(t, http.MethodHead, erasures+"/"+id+"/events")
		if head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("got status %d, want %d: %v %s", head.status, http.StatusOK, head.header, head.body)
		}
	})
}

// TestWatchErasureLastEventIDTooEarly: an unfinished erasure is reported, even to a client that
// claims to have seen the end.
func TestWatchErasureLastEventIDTooEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := erasing(t)
		id := pending(t, s, store)
		var a answer
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			a = s.ask(t, http.MethodGet, erasures+"/"+id+"/events", "Last-Event-ID", "end")
		}()
		synctest.Wait()
		finish(t, store, id)
		<-ended
		if got := events(t, a.body); a.status != http.StatusOK || !slices.Equal(got, []string{"progress pending", "progress finished", "end finished"}) {
			t.Errorf("got status %d and the events %q", a.status, got)
		}
	})
}

// TestWatchErasureEnds: a stream ends when its client disconnects, when the service
// stops, and after ten minutes.
func TestWatchErasureEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration
		end   func(hangUp, stop func())
	}{
		"client disconnects": {time.Minute, func(hangUp, _ func()) { hangUp() }},
		"service stops":      {time.Minute, func(_, stop func()) { stop() }},
		"after ten minutes":  {10 * time.Minute, func(func(), func()) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, stopping := memory.New(), make(chan struct{})
				s := assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs()}, func(_ *httpapi.Config, d *httpapi.Deps) { d.Stopping = stopping })
				_, hangUp, ended := watch(t, s, pending(t, s, store))
				time.Sleep(c.after - time.Millisecond)
				select {
				case <-ended:
					t.Error("the stream ended early")
				default:
				}
				c.end(hangUp, func() { close(stopping) })
				time.Sleep(time.Millisecond)
				synctest.Wait()
				select {
				case <-ended:
				default:
					t.Error("the stream did not end")
					hangUp()
				}
				if logged := s.log.String(); strings.Contains(logged, "broke off") || s.running != 0 {
					t.Errorf("%d requests running, want none and no error in the log: %s", s.running, logged)
				}
			})
		})
	}
}

// TestWatchErasureAccessLost: a caller who may no longer see the erasure gets no
// further event.
func TestWatchErasureAccessLost(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]func(domain.Key) (domain.Key, error){
		"key revoked":    func(domain.Key) (domain.Key, error) { return domain.Key{}, errNone },
		"person deleted": func(key domain.Key) (domain.Key, error) { key.Creator.Deleted = true; return key, nil },
		"key of another person": func(key domain.Key) (domain.Key, error) {
			key.Creator.ID, key.Creator.Admin, key.Creator.Roles = uuid.New(), false, nil
			key.Owner = key.Creator.ID
			return key, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := memory.New()
				var revoked atomic.Bool
				var people fakes
				s := assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs(), byKey: func(ctx context.Context, secret string) (domain.Key, error) {
					key, err := people.ByKey(ctx, secret)
					if err == nil && revoked.Load() {
						return now(key)
					}
					return key, err
				}}, nil)
				id := pending(t, s, store)
				a, hangUp, ended := watch(t, s, id)
				defer hangUp()
				time.Sleep(5 * time.Second)
				revoked.Store(true)
				time.Sleep(1001 * time.Millisecond)
				synctest.Wait()
				select {
				case <-ended:
				default:
					t.Fatal("the stream did not end")
				}
				if told := events(t, a.body); !slices.Equal(told, []string{"progress pending"}) {
					t.Errorf("got the events %q, want only progress pending", told)
				}
				if logged := s.log.String(); strings.Contains(logged, "broke off") || s.running != 0 {
					t.Errorf("%d requests running, want none and no error in the log: %s", s.running, logged)
				}
			})
		})
	}
}

// failing fails to read erasures while with is set.
type failing struct {
	domain.Erasures
	with atomic.Pointer[domain.Error]
}

func (f *failing) Get(ctx context.Context, id uuid.UUID) (domain.Erasure, error) {
	if err := f.with.Load(); err != nil {
		return domain.Erasure{}, err
	}
	return f.Erasures.Get(ctx, id)
}

// TestWatchErasureDatabaseAway: the stream stays open while the database is away;
// an internal error ends it.
func TestWatchErasureDatabaseAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		port := &failing{Erasures: store.Erasures()}
		s := assemble(t, fakes{erasures: port, jobs: store.Jobs()}, nil)
		id := pending(t, s, store)
		a, _, ended := watch(t, s, id)
		port.with.Store(domain.Errorf(domain.CodeUnavailable, "away"))
		time.Sleep(20 * time.Second)
		finish(t, store, id)
		port.with.Store(nil)
		<-ended
		if got := events(t, a.body); !slices.Equal(got, []string{"progress pending", "", "progress finished", "end finished"}) {
			t.Errorf("got the events %q", got)
		}

		id = pending(t, s, store)
		a, _, ended = watch(t, s, id)
		port.with.Store(domain.Errorf(domain.CodeInternal, "broken"))
		<-ended
		if got := events(t, a.body); !slices.Equal(got, []string{"progress pending"}) || !strings.Contains(s.log.String(), "Could not finish the answer") {
			t.Errorf("got the events %q and the log %s", got, s.log)
		}
	})
}

// TestWatchErasureLimit: a caller who has the maximum number of streams gets another
// only after one ends.
func TestWatchErasureLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, store := erasing(t)
		id := pending(t, s, store)
		var hangUps []context.CancelFunc
		for range 4 {
			_, hangUp, _ := watch(t, s, id)
			hangUps = append(hangUps, hangUp)
		}
		if a := s.ask(t, http.MethodGet, erasures+"/"+id+"/events"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("got status %d, want %d: %v %s", a.status, http.StatusTooManyRequests, a.header, a.body)
		}
		hangUps[0]()
		synctest.Wait()
		_, hangUp, ended := watch(t, s, id)
		select {
		case <-ended:
			t.Error("no stream was opened although one had ended")
		default:
		}
		for _, hangUp := range append(hangUps, hangUp) {
			hangUp()
		}
	})
}

// TestWatchErasureServerTimeouts: events arrive when they are sent, even
// after the server's timeouts for other answers.
func TestWatchErasureServerTimeouts(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	id := pending(t, s, store)
	server := httptest.NewUnstartedServer(nil)
	server.Config = httpapi.Server("", s, slog.New(slog.DiscardHandler))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+erasures+"/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer alice")
	answered, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answered.Body.Close()
	var told []string
	for lines := bufio.NewScanner(answered.Body); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			if told = append(told, name); len(told) == 1 {
				finish(t, store, id)
			}
		}
	}
	if !slices.Equal(told, []string{"progress", "progress", "end"}) {
		t.Errorf("got the events %q, want progress, progress, end", told)
	}
}
