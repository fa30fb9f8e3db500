package serve

import (
	"log/slog"

	"lethe/app/config"
)

// warnOfProxy says so when the service starts, which it does all the same.
func warnOfProxy(cfg *config.Config, log *slog.Logger) {
	if worry := cfg.ProxyUnproven(); worry != "" {
		log.Warn(worry + ": " + config.ProxyAdvice)
	}
}
