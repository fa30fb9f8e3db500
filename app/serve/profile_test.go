package serve

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/fx/fxtest"

	"lethe/app/config"
)

var profileURL = regexp.MustCompile(`url=(\S+)`)

func TestProfiles(t *testing.T) {
	t.Parallel()
	for addr, warned := range map[string]bool{"127.0.0.1:0": false, "localhost:0": false, "0.0.0.0:0": true} {
		var logged bytes.Buffer
		lc := fxtest.NewLifecycle(t)
		serveProfiles(lc, &config.Config{ProfileAddr: addr}, slog.New(slog.NewTextHandler(&logged, nil)))
		lc.RequireStart()
		found := profileURL.FindStringSubmatch(logged.String())
		if found == nil {
			t.Fatalf("%s: want the address in the log, got %q", addr, &logged)
		}
		if got := strings.Contains(logged.String(), "WARN"); got != warned {
			t.Errorf("%s: warning: want %t, got %t:\n%s", addr, warned, got, &logged)
		}
		base := strings.Replace(found[1], "[::]", "127.0.0.1", 1)
		for path, want := range map[string]int{
			"":                  http.StatusOK,
			"heap":              http.StatusOK,
			"goroutine?debug=1": http.StatusOK,
			"profile?seconds=1": http.StatusOK,
			"cmdline":           http.StatusNotFound, // it can contain a password
		} {
			response, err := http.Get(base + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s%s: %d, want %d", base, path, response.StatusCode, want)
			}
		}
		lc.RequireStop()
		if response, err := http.Get(base); err == nil {
			_ = response.Body.Close()
			t.Errorf("%s: still served after the end", addr)
		}
	}
}

func TestNoProfiles(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	lc := fxtest.NewLifecycle(t)
	serveProfiles(lc, &config.Config{}, slog.New(slog.NewTextHandler(&logged, nil)))
	lc.RequireStart()
	lc.RequireStop()
	if logged.Len() > 0 {
		t.Errorf("want no log, got %q", &logged)
	}
}

func TestProfileAddressTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	lc := fxtest.NewLifecycle(t)
	serveProfiles(lc, &config.Config{ProfileAddr: taken.Addr().String()}, slog.New(slog.DiscardHandler))
	if err := lc.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "LETHE_HTTP_PROFILE_ADDR") {
		t.Errorf("got %v", err)
	}
}
