package serve

import (
	"context"
	"log/slog"

	"go.uber.org/fx"

	"lethe/app/boot"
)

func newPlaces(p *pools, db *boot.Databases) *boot.Places {
	return boot.NewPlaces(p.main.Primary, p.fusillade.Primary, db.Schemas)
}

// watchPlaces looks for as long as the service runs, and says when it closes and
// opens.
func watchPlaces(lc fx.Lifecycle, p *boot.Places, worries *worries, log *slog.Logger) {
	closed := false
	whileServing(lc, every(boot.LookAtPlacesEvery, func(ctx context.Context) {
		if err := p.Look(ctx); err != nil {
			if ctx.Err() == nil {
				worries.report(ctx, slog.LevelWarn, "it could not be looked whether the database holds what cannot be served", err)
			}
			return
		}
		holding := p.Reason(ctx)
		switch {
		case holding != nil && !closed:
			log.Error("nothing is answered or erased now", "error", holding)
		case holding == nil && closed:
			log.Info("the service is open again: nothing is left in the database that cannot be served")
		}
		closed = holding != nil
	}))
}
