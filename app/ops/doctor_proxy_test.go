package ops_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lethe"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// probe makes the doctor probe a proxy, and returns its findings about proxies.
func probe(t *testing.T, through string, environ ...string) (headers, probed ops.Check) {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	var u *url.URL
	if through != "" {
		if u, err = ops.ProxyURL(through); err != nil {
			t.Fatal(err)
		}
	}
	report, err := ops.Doctor(t.Context(), cfg, u, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range report.Checks {
		switch c.Name {
		case "proxy headers":
			headers = c
		case "proxy, probed":
			probed = c
		}
	}
	return headers, probed
}

// proxyTo forwards every request, as a proxy does that only knows its target.
func proxyTo(t *testing.T, s *apptest.Service, change func(*http.Request)) *httptest.Server {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if change != nil {
				change(r.Out)
			}
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	})
	t.Cleanup(proxy.Close)
	return proxy
}

// TestDoctorProxyHeader: doctor finds a proxy that forwards the callers' own user
// header, whether or not the proxy adds its secret, and finds no fault in one that
// removes the header.
func TestDoctorProxyHeader(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, apptest.AddCached+"; "+apptest.Proxied)
	const secret = "LETHE_AUTH_PROXY_SECRET=0123456789abcdef"
	prove := func(r *http.Request) { r.Header.Set("X-Lethe-Proxy-Secret", "0123456789abcdef") }
	strip := func(r *http.Request) { r.Header.Del("X-Doubleword-User") }
	for name, c := range map[string]struct {
		more    []string
		change  func(*http.Request)
		headers ops.Finding
		probed  ops.Finding
	}{
		"passed on":                   {nil, nil, ops.Warning, ops.Problem},
		"stripped":                    {nil, strip, ops.Warning, ops.OK},
		"stripped, as is said":        {[]string{"LETHE_AUTH_PROXY_INCOMING=stripped"}, strip, ops.OK, ops.OK},
		"passed on, whatever is said": {[]string{"LETHE_AUTH_PROXY_INCOMING=stripped"}, nil, ops.OK, ops.Problem},
		"from everywhere":             {[]string{"LETHE_AUTH_PROXY_INCOMING=stripped", "LETHE_AUTH_PROXY_TRUSTED=0.0.0.0/0"}, strip, ops.Warning, ops.OK},
		"passed on, with a secret":    {[]string{secret}, prove, ops.OK, ops.Problem},
		"passed on without it":        {[]string{secret}, nil, ops.OK, ops.OK},
		"stripped, with a secret":     {[]string{secret}, func(r *http.Request) { strip(r); prove(r) }, ops.OK, ops.OK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environ := append([]string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_AUTH_PROXY_HEADERS=true"}, c.more...)
			s := apptest.Start(t, environ...)
			headers, probed := probe(t, proxyTo(t, s, c.change).URL+"/", environ...)
			if headers.Finding != c.headers {
				t.Errorf("of the headers it says %+v, want %s", headers, c.headers)
			}
			if probed.Finding != c.probed {
				t.Errorf("of the proxy it says %+v, want %s", probed, c.probed)
			}
			if strings.Contains(headers.Detail+headers.Advice+probed.Detail+probed.Advice, "0123456789abcdef") {
				t.Error("doctor: want no secret in its findings")
			}
		})
	}
}

// TestDoctorProxyHeaderOnOnePath: doctor finds a proxy that forwards the header at
// only one path, whichever path of the contract it is.
func TestDoctorProxyHeaderOnOnePath(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, apptest.AddCached+"; "+apptest.Proxied)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_AUTH_PROXY_HEADERS=true", "LETHE_AUTH_PROXY_SECRET=0123456789abcdef"}
	s := apptest.Start(t, environ...)
	openAt := func(path *regexp.Regexp) ops.Check {
		_, probed := probe(t, proxyTo(t, s, func(r *http.Request) {
			r.Header.Set("X-Lethe-Proxy-Secret", "0123456789abcdef")
			if !path.MatchString(r.URL.Path) {
				r.Header.Del("X-Doubleword-User")
			}
		}).URL, environ...)
		return probed
	}
	probed := openAt(regexp.MustCompile("/access-log$"))
	if !strings.HasSuffix(probed.Detail, "does not get 401 at /lethe/api/v1/access-log (403)") || probed.Finding != ops.Problem {
		t.Errorf("proxy that forwards the header at one path: want a problem, got %+v", probed)
	}
	probed = openAt(regexp.MustCompile(""))
	document, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\{[a-z_]+\}`)
	for path, item := range document.Paths.Map() {
		if item.Get != nil && item.Get.Security != nil && !slices.ContainsFunc(*item.Get.Security, func(way openapi3.SecurityRequirement) bool { return way["proxyUser"] != nil }) {
			if strings.Contains(probed.Detail, strings.SplitN(path, "{", 2)[0]) {
				t.Errorf("%s: want no probe where the header counts for nothing, got %+v", path, probed)
			}
			continue
		}
		if pattern := parameter.ReplaceAllString(strings.Replace(path, "{index}", "[^ ]+", 1), "[^/ ]+"); item.Get != nil && !regexp.MustCompile(" "+pattern+`(\?\S+)? \(`).MatchString(probed.Detail) {
			t.Errorf("%s: want it probed, got %+v", path, probed)
		}
	}
}

// TestDoctorProxyInconclusive: an unclear result is not "ok".
func TestDoctorProxyInconclusive(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, apptest.AddCached)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_AUTH_PROXY_HEADERS=true"}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(page.Close)
	closed := httptest.NewServer(nil)
	closed.Close()

	if _, probed := probe(t, page.URL, environ...); probed.Finding != ops.OK || !strings.Contains(probed.Detail, "can name nobody") {
		t.Errorf("no person to name: want ok, got %+v", probed)
	}
	apptest.Exec(t, database.URL, apptest.Proxied)
	if _, probed := probe(t, page.URL, environ...); probed.Finding != ops.Warning || !strings.Contains(probed.Detail, "does not show what the proxy does") {
		t.Errorf("page of another server: want a warning, got %+v", probed)
	}
	for status, want := range map[int]ops.Finding{http.StatusForbidden: ops.OK, http.StatusServiceUnavailable: ops.Warning, http.StatusTooManyRequests: ops.Warning, http.StatusOK: ops.Problem} {
		refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("X-Request-Id", "a")
			if r.Header.Get("X-Doubleword-User") != "" {
				w.Header().Del("X-Request-Id")
				w.WriteHeader(status)
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
		}))
		t.Cleanup(refusing.Close)
		if _, probed := probe(t, refusing.URL, environ...); probed.Finding != want {
			t.Errorf("the proxy answers %d by itself: %+v, want %s", status, probed, want)
		}
	}
	// A path that is not forwarded at all is closed, and named.
	partly := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == apptest.RequestsPath {
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("X-Request-Id", "a")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(partly.Close)
	if _, probed := probe(t, partly.URL, environ...); probed.Finding != ops.OK || !strings.Contains(probed.Detail, "does not forward") || !strings.Contains(probed.Detail, "/access-log (404)") {
		t.Errorf("proxy of one path only: want ok, got %+v", probed)
	}
	if _, probed := probe(t, closed.URL, environ...); probed.Finding != ops.Problem || !strings.Contains(probed.Detail, "does not answer") {
		t.Errorf("no proxy at the address: want a problem, got %+v", probed)
	}
	if headers, probed := probe(t, page.URL, environ[0]); headers.Name != "" || probed.Finding != ops.OK {
		t.Errorf("proxy headers off: want no finding about them, got %+v, %+v", headers, probed)
	}
	if _, probed := probe(t, "", environ...); probed.Name != "" {
		t.Errorf("without --proxy: want no probe, got %+v", probed)
	}
	for _, text := range []string{"", "gateway.example.com", "ftp://h", "https://", "https://h/?a=b", "https://u:p@h", "https://h/#x", "://"} {
		if u, err := ops.ProxyURL(text); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("ProxyURL(%q): want an error without the password, got %v, %v", text, u, err)
		}
	}
}

// TestProxyExamples: each proxy configuration in README and manual removes the
// callers' own user header and forwards the host.
func TestProxyExamples(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^ *```([a-z]+)\n(.*?)^ *```$")
	// How each removes a header, and forwards the caller's host; empty: it does so by
	// default.
	say := map[string][2]string{
		"nginx":   {`(?i)proxy_set_header\s+X-Doubleword-User\s+""`, `proxy_set_header\s+Host\s+\$http_host`},
		"caddy":   {`(?i)header_up\s+-X-Doubleword-User`, ``},
		"apache":  {`(?i)RequestHeader\s+unset\s+X-Doubleword-User`, `ProxyPreserveHost\s+On`},
		"haproxy": {`(?i)http-request\s+del-header\s+x-doubleword-user`, ``},
	}
	found := map[string]int{}
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range block.FindAllStringSubmatch(string(text), -1) {
			rules, is := say[b[1]]
			if !is {
				if regexp.MustCompile(`(?i)proxy_pass|reverse_proxy|ProxyPass|127\.0\.0\.1:8080`).MatchString(b[2]) && !slices.Contains([]string{"sh", "yaml", "console"}, b[1]) {
					t.Errorf("%s: example of an unknown proxy, %s:\n%s", page, b[1], b[2])
				}
				continue
			}
			found[b[1]]++
			for _, rule := range rules {
				if !regexp.MustCompile(rule).MatchString(b[2]) {
					t.Errorf("%s: example for %s: want %s, got\n%s", page, b[1], rule, b[2])
				}
			}
		}
	}
	for name := range say {
		if found[name] == 0 {
			t.Errorf("example for %s: missing", name)
		}
	}
	if found["nginx"] < 2 {
		t.Errorf("examples for nginx: want 2 or more, got %d", found["nginx"])
	}
}
