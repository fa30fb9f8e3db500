package boot

import (
	"log/slog"
	"os"

	"lethe/adapters/telemetry"
	"lethe/app/config"
)

// NewLogger writes to standard error, as the configuration says.
func NewLogger(cfg *config.Config) (*slog.Logger, error) {
	return telemetry.NewLogger(cfg.Log.Level, cfg.Log.Format, os.Stderr)
}
