package app

import (
	"log/slog"
	"testing"

	"go.uber.org/fx"
)

func TestGraph(t *testing.T) {
	t.Parallel()
	cfg, err := LoadConfig(Sources{Environ: []string{"LETHE_DATABASE_URL=postgres://h/d"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := fx.ValidateApp(graph(cfg, &Databases{MainURL: cfg.Database.URL}, slog.New(slog.DiscardHandler), nil)); err != nil {
		t.Error(err)
	}
}
