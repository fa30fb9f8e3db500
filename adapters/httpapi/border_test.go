package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"lethe"
	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/internal/memory"
)

func TestMethods(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for path, methods := range map[string][]string{
		list:            {"GET", "HEAD", "OPTIONS"},
		item:            {"DELETE", "GET", "HEAD", "OPTIONS"},
		list + "/abc":   {"DELETE", "GET", "HEAD", "OPTIONS"},
		"/healthz":      {"GET", "HEAD", "OPTIONS"},
		"/readyz":       {"GET", "HEAD", "OPTIONS"},
		"/metrics":      {"GET", "HEAD", "OPTIONS"},
		"/openapi.yaml": {"GET", "HEAD", "OPTIONS"},

		holds:                        {"GET", "HEAD", "OPTIONS", "POST"},
		holds + "/abc":               {"DELETE", "GET", "HEAD", "OPTIONS"},
		ruleList:                     {"GET", "HEAD", "OPTIONS", "POST"},
		ruleList + "/abc":            {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"},
		ruleList + "/abc/versions/1": {"GET", "HEAD", "OPTIONS"},
		ruleList + "/abc/dry-run":    {"OPTIONS", "POST"},
		ruleList + "/abc/enable":     {"OPTIONS", "POST"},
		ruleList + "/abc/approve":    {"OPTIONS", "POST"},
		ruleList + "/abc/disable":    {"OPTIONS", "POST"},
		accessLog:                    {"GET", "HEAD", "OPTIONS"},
		erasures:                     {"GET", "HEAD", "OPTIONS", "POST"},
		erasures + "/abc":            {"GET", "HEAD", "OPTIONS"},
		erasures + "/preview":        {"OPTIONS", "POST"}, // not an erasure with the id "preview"
		erasures + "/abc/receipt":    {"GET", "HEAD", "OPTIONS"},
		erasures + "/abc/receipts":   {"GET", "HEAD", "OPTIONS"},
		erasures + "/abc/events":     {"GET", "HEAD", "OPTIONS"},
		erasures + "/abc/cancel":     {"OPTIONS", "POST"},
		"/log/checkpoint":            {"GET", "HEAD", "OPTIONS"},
		"/log/keys":                  {"GET", "HEAD", "OPTIONS"},
		"/log/tile/0/000":            {"GET", "HEAD", "OPTIONS"},
		"/log/tile/0/x001/x234/067":  {"GET", "HEAD", "OPTIONS"},
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "LINK"} {
			a := s.ask(t, method, path)
			known := slices.Contains(methods, method)
			if (a.status == http.StatusMethodNotAllowed) == known {
				t.Errorf("%s %s: got status %d", method, path, a.status)
			}
			if known && method != "OPTIONS" {
				continue
			}
			allowed := strings.Split(a.header.Get("Allow"), ", ")
			slices.Sort(allowed)
			if !slices.Equal(allowed, methods) {
				t.Errorf("%s %s: got Allow %v, want %v", method, path, allowed, methods)
			}
			if method == "OPTIONS" && (a.status != http.StatusOK || a.body != "" || a.header.Get("Content-Type") != "") {
				t.Errorf("OPTIONS %s: got status %d, want %d: %q %v", path, a.status, http.StatusOK, a.body, a.header)
			}
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for _, path := range []string{
		"/", "/admin", list + "/", item + "/", item + "/steps", list + "//", "/ADMIN/api/v1/batches/requests", "//" + list[1:],
		"/healthz/", "/%61dmin/api/v1/batches/requests", "/admin/api/v1/batches/../batches/requests", list + "/not-a-uuid/extra", list + "%00",
		erasures + "/", erasures + "/abc/", erasures + "/abc/steps", erasures + "/preview/x", erasures + "/abc/cancel/x", erasures + "/abc/events/", erasures + "/abc/receipts/x",
		erasures + "/abc/receipt/", erasures + "/abc/receipt/x", "/log", "/log/", "/log/tile", "/log/tile/0", "/log/checkpoint/", "/log/keys/x",
		accessLog + "/", accessLog + "/x", erasures + "/%70review", erasures + "/previe%77", erasures + "%2Fpreview", "/%68ealthz", "/log/%6Beys",
		ruleList + "/", ruleList + "/abc/", ruleList + "/abc/run", ruleList + "/abc/versions", ruleList + "/abc/versions/1/x", ruleList + "/abc/enable/x",
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE"} {
			if a := s.ask(t, method, path); a.status != http.StatusNotFound || a.header.Get("Allow") != "" || a.header.Get("X-Request-Id") == "" {
				t.Errorf("%s %s: got status %d, want %d: %s", method, path, a.status, http.StatusNotFound, a.body)
			}
		}
	}
	for _, o := range s.observed {
		if o.route != "other" {
			t.Errorf("observed route %q, want other", o.route)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	for path, want := range map[string]int{list: 200, item: 404, list + "/abc": 400, list + "?limit=x": 400, "/nowhere": 404, "/healthz": 200} {
		var headers [2]http.Header
		for i, method := range []string{http.MethodGet, http.MethodHead} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer alice")
			r.Header.Set("X-Request-Id", "same")
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != want || (len(body) == 0) != (method == http.MethodHead) {
				t.Errorf("%s %s: got status %d with %d bytes (error %v)", method, path, answer.StatusCode, len(body), err)
			}
			if err := answer.Body.Close(); err != nil {
				t.Error(err)
			}
			answer.Header.Del("Date")
			headers[i] = answer.Header
		}
		if logged := s.log.String(); strings.Count(logged, `"method":"HEAD"`) != strings.Count(logged, `"bytes":0`) {
			t.Errorf("the log counts bytes for HEAD: %s", logged)
		}
		for name := range headers[0] {
			if headers[0].Get(name) != headers[1].Get(name) {
				t.Errorf("%s: %s differs: %q for GET, %q for HEAD", path, name, headers[0].Get(name), headers[1].Get(name))
			}
		}
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method  string
		headers []string
		refused bool
	}{
		"no browser":                     {"DELETE", []string{"Cookie", "a=b"}, false},
		"same origin":                    {"DELETE", []string{"Cookie", "a=b", "Sec-Fetch-Site", "same-origin"}, false},
		"typed address":                  {"DELETE", []string{"Cookie", "a=b", "Sec-Fetch-Site", "none"}, false},
		"another site":                   {"DELETE", []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site"}, true},
		"a sister site":                  {"DELETE", []string{"Cookie", "a=b", "Sec-Fetch-Site", "same-site"}, true},
		"another site, no cookie":        {"DELETE", []string{"Sec-Fetch-Site", "cross-site"}, false},
		"another site, malformed cookie": {"DELETE", []string{"Cookie", "x", "Sec-Fetch-Site", "cross-site"}, true},
		"another site, cookie and key":   {"DELETE", []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer alice"}, true},
		"old browser, same origin":       {"DELETE", []string{"Cookie", "a=b", "Origin", "http://example.com"}, false},
		"old browser, another origin":    {"DELETE", []string{"Cookie", "a=b", "Origin", "http://evil.test"}, true},
		"old browser, another port":      {"DELETE", []string{"Cookie", "a=b", "Origin", "http://example.com:81"}, true},
		"null origin":                    {"DELETE", []string{"Cookie", "a=b", "Origin", "null"}, true},
		"another site, through a proxy":  {"DELETE", []string{"X-Person", "alice", "Sec-Fetch-Site", "cross-site"}, true},
		"old browser, through a proxy":   {"POST", []string{"X-Person", "alice", "Origin", "http://evil.test"}, true},
		"same origin, through a proxy":   {"DELETE", []string{"X-Person", "alice", "Sec-Fetch-Site", "same-origin"}, false},
		"no browser, through a proxy":    {"DELETE", []string{"X-Person", "alice"}, false},
		"GET":                            {"GET", []string{"Cookie", "a=b", "Sec-Fetch-Site", "cross-site"}, false},
		"HEAD":                           {"HEAD", []string{"Cookie", "a=b", "Origin", "http://evil.test"}, false},
		"OPTIONS":                        {"OPTIONS", []string{"Cookie", "a=b", "Origin", "http://evil.test"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
				credentials := d.Credentials
				d.Credentials = func(r *http.Request) domain.Credentials {
					given := credentials(r)
					given.ExternalID = r.Header.Get("X-Person")
					return given
				}
			})
			a := s.ask(t, c.method, item, c.headers...)
			if (a.status == http.StatusForbidden) != c.refused {
				t.Errorf("got status %d, want a refusal: %t: %s", a.status, c.refused, a.body)
			}
		})
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for given, kept := range map[string]bool{
		"abc-DEF_1.2": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\nb": false, "<b>": false, "é": false,
	} {
		for _, path := range []string{list, item, "/nowhere"} {
			got := s.ask(t, http.MethodGet, path, "X-Request-Id", given).header.Get("X-Request-Id")
			if (got == given) != kept || got == "" {
				t.Errorf("request id %q: got %q, want it kept: %t", given, got, kept)
			}
		}
	}
}

func TestCommonHeaders(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for _, path := range []string{list, item, list + "/abc", "/nowhere", "/healthz", "/openapi.yaml"} {
		header := s.ask(t, http.MethodGet, path).header
		if header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got headers %v, want no-store and nosniff", path, header)
		}
	}
}

func TestRequestBody(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		status int
	}{
		"small":                     {strings.NewReader("{}"), 2, 200},
		"largest allowed":           {strings.NewReader(strings.Repeat("x", 64<<10)), 64 << 10, 200},
		"too large":                 {strings.NewReader(strings.Repeat("x", 64<<10+1)), 64<<10 + 1, 413},
		"unknown length":            {strings.NewReader("{}"), -1, 200},
		"too large, unknown length": {strings.NewReader(strings.Repeat("x", 64<<10+1)), -1, 413},
		"truncated":                 {io.MultiReader(strings.NewReader("{"), brokenReader{}), -1, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, list, c.body)
			r.ContentLength = c.length
			r.Header.Set("Authorization", "Bearer alice")
			if a := s.serve(t, r); a.status != c.status {
				t.Errorf("got status %d, want %d: %s", a.status, c.status, a.body)
			}
		})
	}
}

// TestRequestBodyTooLarge: a body whose announced length is too large is not read.
func TestRequestBodyTooLarge(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	body := strings.NewReader(strings.Repeat("x", 64<<10+1))
	r := httptest.NewRequest(http.MethodDelete, item, body)
	if a := s.serve(t, r); a.status != http.StatusRequestEntityTooLarge || body.Len() != 64<<10+1 {
		t.Errorf("got status %d with %d bytes unread, want 413 with all unread", a.status, body.Len())
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestProbes(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for path, want := range map[string]string{
		"/healthz": `{"status":"alive"}`, "/readyz": `{"status":"ready"}`,
		"/metrics": "lethe_up 1", "/openapi.yaml": strings.TrimSpace(string(lethe.OpenAPI)),
	} {
		if a := s.ask(t, http.MethodGet, path, "Authorization", ""); a.status != http.StatusOK || strings.TrimSpace(a.body) != want {
			t.Errorf("%s: got status %d, want %d: %s", path, a.status, http.StatusOK, a.body)
		}
	}
	if got := s.ask(t, http.MethodGet, "/openapi.yaml").header.Get("Content-Type"); got != "application/yaml" {
		t.Errorf("contract: got Content-Type %q, want application/yaml", got)
	}
	for name, c := range map[string]struct {
		ready  func(context.Context) error
		detail string
	}{
		"ours":  {func(context.Context) error { return domain.Errorf(domain.CodeInternal, "The table x is missing") }, "The table x is missing"},
		"other": {func(context.Context) error { return errors.New("pq: no") }, "The database does not respond; see the service's log"},
		"slow": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, "The database does not respond; see the service's log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, fakes{}, func(cfg *httpapi.Config, d *httpapi.Deps) {
				cfg.ReadyTimeout, d.Ready = time.Millisecond, c.ready
			})
			a := s.ask(t, http.MethodGet, "/readyz")
			if a.status != http.StatusServiceUnavailable || a.problem.Detail != c.detail || a.header.Get("Retry-After") != "30" {
				t.Errorf("answered %d %s", a.status, a.body)
			}
			if a := s.ask(t, http.MethodGet, "/healthz"); a.status != http.StatusOK {
				t.Errorf("healthz: got status %d, want 200", a.status)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	wait := func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Minute {
			return errors.New("there is no deadline, or that of another operation")
		}
		<-ctx.Done()
		return ctx.Err()
	}
	// Timeouts of the other operations.
	const far = time.Hour
	slow := fakes{
		page: func(ctx context.Context, _ domain.PageQuery) ([]domain.Response, error) {
			return nil, wait(ctx)
		},
		get: func(ctx context.Context, _ uuid.UUID) (domain.Response, domain.Contents, error) {
			return domain.Response{}, domain.Contents{}, wait(ctx)
		},
		erase: func(ctx context.Context, _ uuid.UUID, _ func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
			return domain.Erased{}, wait(ctx)
		},
		erasures: slowEstimate{memory.New().Erasures(), wait},
	}
	for name, c := range map[string]struct {
		method, target string
		cfg            httpapi.Config
	}{
		"list":  {"GET", list, httpapi.Config{ListTimeout: time.Millisecond, GetTimeout: far, EraseTimeout: far}},
		"fetch": {"GET", item, httpapi.Config{ListTimeout: far, GetTimeout: time.Millisecond, EraseTimeout: far}},
		"erase": {"DELETE", item, httpapi.Config{ListTimeout: far, GetTimeout: far, EraseTimeout: time.Millisecond}},
		"preview": {"POST", erasures + "/preview", httpapi.Config{
			ListTimeout: far, GetTimeout: far, EraseTimeout: far, EstimateTimeout: time.Millisecond,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, slow, func(cfg *httpapi.Config, _ *httpapi.Deps) { *cfg = c.cfg })
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(`{"filter":{"all":true}}`))
			r.Header.Set("Authorization", "Bearer alice")
			r.Header.Set("Content-Type", "application/json")
			a := s.serve(t, r)
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "30" {
				t.Errorf("got status %d, want %d: %s", a.status, http.StatusServiceUnavailable, a.body)
			}
		})
		t.Run(name+", client disconnects", func(t *testing.T) {
			t.Parallel()
			s := assemble(t, slow, nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			r := httptest.NewRequestWithContext(ctx, c.method, c.target, strings.NewReader(`{"filter":{"all":true}}`))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer alice")
			if a := s.serve(t, r); a.status != 499 || a.body != "" {
				t.Errorf("got status %d, want 499: %s", a.status, a.body)
			}
			if !strings.Contains(s.log.String(), `"status":499`) || strings.Contains(s.log.String(), "ERROR") {
				t.Errorf("want a request logged with status 499 and no ERROR: %s", s.log)
			}
		})
	}
}

// slowEstimate blocks instead of counting.
type slowEstimate struct {
	domain.Erasures
	wait func(context.Context) error
}

func (s slowEstimate) Estimate(ctx context.Context, _ domain.ErasureTarget, _ []string, _ time.Time) (domain.Estimate, error) {
	return domain.Estimate{}, s.wait(ctx)
}

// TestClientDisconnects: the request's context alone tells whether the client
// disconnected, not the error.
func TestClientDisconnects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left   bool
		err    error
		status int
	}{
		"disconnected, database away": {true, domain.Errorf(domain.CodeUnavailable, "Try later"), 499},
		"connected, work canceled":    {false, context.Canceled, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, failure(c.err), nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.left {
				cancel()
			}
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, item, nil)
			r.Header.Set("Authorization", "Bearer alice")
			if a := s.serve(t, r); a.status != c.status {
				t.Errorf("got status %d, want %d: %s", a.status, c.status, a.body)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	canary := "what she asked the model"
	for name, thrown := range map[string]any{"string": canary, "error": errors.New(canary), "runtime error": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, fakes{get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
				if thrown == nil {
					var none *domain.Response
					return *none, domain.Contents{}, nil
				}
				panic(thrown)
			}}, nil)
			a := s.ask(t, http.MethodGet, item)
			if a.status != http.StatusInternalServerError || strings.Contains(a.body+s.log.String(), canary) {
				t.Errorf("answered %d %s, logged %s", a.status, a.body, s.log)
			}
			if !strings.Contains(s.log.String(), "border_test.go") {
				t.Errorf("want a stack in the log: %s", s.log)
			}
			if a := s.ask(t, http.MethodGet, list); a.status != http.StatusOK {
				t.Errorf("next request: got status %d, want 200", a.status)
			}
			if s.running != 0 || s.observed[0].status != http.StatusInternalServerError {
				t.Errorf("observed %v with %d running, want status 500 and none running", s.observed, s.running)
			}
		})
	}
}

func TestPanicEndsConnection(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"ErrAbortHandler":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"during an answer": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK); panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) { d.Metrics = handler })
			defer func() {
				if thrown := recover(); thrown != http.ErrAbortHandler {
					t.Errorf("got the panic %v, want http.ErrAbortHandler", thrown)
				}
				if s.running != 0 || len(s.observed) != 1 {
					t.Errorf("observed %v with %d running, want one and none running", s.observed, s.running)
				}
			}()
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
		})
	}
}

// brokenWriter fails every write.
type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { return 0, net.ErrClosed }

func TestResponseWriteFails(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for path, want := range map[string]string{list: "Could not finish the answer", "/nowhere": "Could not send the problem"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer alice")
		s.ServeHTTP(brokenWriter{httptest.NewRecorder()}, r)
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("want %q in the log: %s", want, s.log)
		}
	}
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	canaries := []string{"canary-key", "canary-cookie", "canary-query", "canary-prompt", "canary-answer", "canary-path", "canary-agent", "canary-body", "c0000400-0000"}
	s := assemble(t, fakes{
		get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
			return full(), domain.Contents{Prompt: "canary-prompt", Answer: new("canary-answer")}, nil
		},
		byKey: func(_ context.Context, secret string) (domain.Key, error) {
			if secret != "canary-key" {
				return domain.Key{}, errNone
			}
			person := domain.Person{ID: alice, Roles: []domain.Role{domain.RoleBatchAPIUser}}
			return domain.Key{Owner: alice, Creator: person, Purpose: "platform"}, nil
		},
	}, nil)
	for _, target := range []string{item, item + "?q=canary-query", list + "?status=canary-query", list + "?limit=canary-query", list + "?canary-query=%ZZ", list + "/canary-path", "/canary-path"} {
		for _, method := range []string{"GET", "DELETE", "PUT", "OPTIONS"} {
			for _, key := range []string{"canary-key", "canary-key2"} {
				r := httptest.NewRequest(method, target, strings.NewReader("canary-body"))
				r.RemoteAddr = "192.0.2.7:1234"
				r.Header.Set("Authorization", "Bearer "+key)
				r.Header.Set("Cookie", "dwctl_session=canary-cookie")
				r.Header.Set("User-Agent", "canary-agent")
				r.Header.Set("X-Forwarded-For", "203.0.113.1")
				r.Header.Set("X-Request-Id", "canary-body\n")
				s.serve(t, r)
			}
		}
	}
	s.ask(t, "CANARY-METHOD"+strings.Repeat("X", 30<<10), item)
	logged := s.log.String()
	for _, canary := range append(canaries, "CANARY-METHOD", "203.0.113.1") {
		if strings.Contains(logged, canary) {
			t.Errorf("the log contains %q: %s", canary, logged)
		}
	}
	for _, wanted := range []string{
		`"msg":"request"`, `"method":"GET"`, `"method":"other"`, `"route":"/admin/api/v1/batches/requests/:request_id"`, `"status":200`, `"bytes":`, `"duration":`,
		`"request_id":"`, `"remote":"192.0.2.7"`, `"caller":"` + alice.String() + `"`,
	} {
		if !strings.Contains(logged, wanted) {
			t.Errorf("the log lacks %s", wanted)
		}
	}
	if got := strings.Count(logged, `"msg":"request"`); got != 7*4*2+1 {
		t.Errorf("the log has %d requests, want 57", got)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	s.ask(t, "GET", list)
	s.ask(t, "HEAD", item)
	s.ask(t, "BREW", item)
	s.ask(t, "GET", "/nowhere")
	s.ask(t, "GET", erasures+"/preview")
	want := []observation{
		{list, "GET", 200}, {list + "/:request_id", "HEAD", 404}, {list + "/:request_id", "other", 405}, {"other", "GET", 404},
		{erasures + "/preview", "GET", 405},
	}
	if !slices.Equal(s.observed, want) {
		t.Errorf("observed %v, want %v", s.observed, want)
	}
}

func TestProbesNotLogged(t *testing.T) {
	t.Parallel()
	l := &log{}
	s := assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) { d.Log = slog.New(slog.NewTextHandler(l, nil)) })
	s.ask(t, "GET", "/healthz")
	s.ask(t, "GET", "/metrics")
	if l.String() != "" {
		t.Errorf("logged a probe: %s", l)
	}
	s.ask(t, "PUT", "/healthz")
	if !strings.Contains(l.String(), "status=405") {
		t.Errorf("want a refused method in the log: %s", l)
	}
}

// TestRawRequests sends requests that Go's HTTP client would not.
func TestRawRequests(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	server := httptest.NewUnstartedServer(nil)
	server.Config = httpapi.Server("", s, slog.New(slog.DiscardHandler))
	server.Start()
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		line, headers string
		status        int
	}{
		"semicolon":          {"GET " + list + "?status=a;b&limit=3 HTTP/1.1", "", 200},
		"invalid UTF-8":      {"GET " + list + "?status=\xff HTTP/1.1", "", 400},
		"unescaped UTF-8":    {"GET " + list + "?status=\xc3\xa9 HTTP/1.1", "", 200},
		"unescaped NUL":      {"GET " + list + "?status=\x00 HTTP/1.1", "", 400},
		"fragment":           {"GET " + list + "?limit=1#x HTTP/1.1", "", 400},
		"malformed path":     {"GET " + list + "/%ZZ HTTP/1.1", "", 400},
		"absolute URL":       {"GET http://lethe.test" + list + " HTTP/1.1", "", 200},
		"no headers":         {"GET " + list + " HTTP/1.0", "", 200},
		"large header":       {"GET " + list + " HTTP/1.1", "X: " + strings.Repeat("x", 64<<10) + "\r\n", 431},
		"large chunked body": {"DELETE " + item + " HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n18000\r\n" + strings.Repeat("x", 0x18000) + "\r\n0\r\n", 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _ = io.WriteString(conn, c.line+"\r\nHost: lethe.test\r\nAuthorization: Bearer alice\r\nConnection: close\r\n"+c.headers+"\r\n")
			}()
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != c.status {
				t.Errorf("got status %d, want %d", answer.StatusCode, c.status)
			}
		})
	}
}

func FuzzQuery(f *testing.F) {
	for query := range malformed {
		f.Add(query, "abc")
	}
	f.Add("status=a;b&model=x,y&active_first=false", "c0000400-0000-4000-8000-00000000005a")
	f.Add("created_after=2026-03-01t12:00:00z", "%7Bc0000400-0000-4000-8000-00000000005a%7D")
	f.Add("&&&=;;=%", "..%2F..")
	s := assemble(f, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Log = slog.New(slog.DiscardHandler)
		d.Observe = func() func(string, string, int) { return func(string, string, int) {} }
	})
	f.Fuzz(func(t *testing.T, query, id string) {
		for _, target := range []string{list + "?" + query, list + "/" + id + "?" + query} {
			for _, method := range []string{http.MethodGet, http.MethodDelete} {
				r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: lethe.test\r\n\r\n")))
				if err != nil {
					continue // net/http refuses it before the handler
				}
				r.Header.Set("Authorization", "Bearer alice")
				if a := s.serve(t, r); a.status >= 500 || a.status == 401 {
					t.Errorf("%s %q: got status %d: %s", method, target, a.status, a.body)
				}
			}
		}
	})
}

// TestBodyFieldOfWrongType: each field of each body refuses a value of the wrong type, with
// the contract's words for the right one.
func TestBodyFieldOfWrongType(t *testing.T) {
	t.Parallel()
	contract, err := document()
	if err != nil {
		t.Fatal(err)
	}
	s := assemble(t, fakes{}, nil)
	fields := 0
	var ask func(method, path, at, before, after string, schema *openapi3.Schema)
	ask = func(method, path, at, before, after string, schema *openapi3.Schema) {
		wrong, mustBe := `{}`, at+": must be "
		switch {
		case schema.Type.Is("object"):
			wrong = `7`
			for name, field := range schema.Properties {
				ask(method, path, strings.TrimPrefix(at+"."+name, "."), before+`{"`+name+`":`, "}"+after, field.Value)
			}
		case schema.Type.Is("array"):
			wrong = `7`
			ask(method, path, at+"[0]", before+"[", "]"+after, schema.Items.Value)
		}
		if at == "" {
			return
		}
		fields++
		r := httptest.NewRequest(method, path, strings.NewReader(before+wrong+after))
		r.Header.Set("Content-Type", "application/json")
		a := s.serve(t, r)
		if a.status != http.StatusBadRequest || a.problem.Parameter == nil || *a.problem.Parameter != at || !strings.HasPrefix(a.problem.Detail, mustBe) {
			t.Errorf("%s %s with %s: answered %d %s", method, path, before+wrong+after, a.status, a.body)
		}
	}
	for path, item := range contract.Paths.Map() {
		for method, operation := range item.Operations() {
			if body := operation.RequestBody; body != nil {
				ask(method, inPath.ReplaceAllString(path, responseID.String()), "", "", "", body.Value.Content["application/json"].Schema.Value)
			}
		}
	}
	if fields < 50 {
		t.Errorf("tried %d fields, want at least 50", fields)
	}
}
