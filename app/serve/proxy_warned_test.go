package serve

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"lethe/app/config"
)

// records collects log messages.
type records struct{ texts []string }

func (r *records) Enabled(context.Context, slog.Level) bool { return true }

func (r *records) WithAttrs([]slog.Attr) slog.Handler { return r }

func (r *records) WithGroup(string) slog.Handler { return r }

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.texts = append(r.texts, rec.Level.String()+" "+rec.Message)
	return nil
}

// TestProxyWarning: the service warns at the start, unless something proves the
// header.
func TestProxyWarning(t *testing.T) {
	t.Parallel()
	for more, warned := range map[string]bool{"LETHE_AUTH_PROXY_HEADERS=false": false, "LETHE_AUTH_PROXY_INCOMING=unknown": true, "LETHE_AUTH_PROXY_INCOMING=stripped": false, "LETHE_AUTH_PROXY_SECRET=0123456789abcdef": false} {
		cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_AUTH_PROXY_HEADERS=true", more}})
		if err != nil {
			t.Fatal(err)
		}
		var said records
		warnOfProxy(cfg, slog.New(&said))
		if warned != (len(said.texts) == 1) || warned && (!strings.HasPrefix(said.texts[0], "WARN ") || !strings.Contains(said.texts[0], "LETHE_AUTH_PROXY_INCOMING")) {
			t.Errorf("%s: want a warning: %t, got %q", more, warned, said.texts)
		}
	}
}
