package serve

import (
	"log/slog"
	"testing"

	"go.uber.org/fx"

	"lethe/app/boot"
	"lethe/app/config"
)

func TestGraph(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=postgres://h/d"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.ValidateApp(graph(cfg, &boot.Databases{MainURL: cfg.Database.URL}, slog.New(slog.DiscardHandler), nil)); err != nil {
		t.Error(err)
	}
}
