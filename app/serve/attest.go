package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/app/boot"
)

// attestEvery is how often the service looks what the standbys have replayed.
const attestEvery = 5 * time.Second

// attestReplicated finds out which erasures have come to the standbys, until
// the service stops. Where no standby can be looked at it does nothing.
func attestReplicated(lc fx.Lifecycle, p *pools, worries *worries, log *slog.Logger) error {
	if len(p.standbys) == 0 || p.outlet != nil { // of whose standbys nothing is known
		return nil
	}
	attester, err := boot.NewAttester(p.fusillade.Primary)
	if err != nil {
		return err
	}
	standbys, err := attester.NewStandbys(p.standbys)
	if err != nil {
		return err
	}
	failing := rate.Sometimes{Interval: sealLogEvery}
	whileServing(lc, every(attestEvery, func(ctx context.Context) {
		_, passed, err := standbys.Attest(ctx)
		if passed > 0 {
			log.Warn("erased requests were written again and not removed in time, so their erasures get no receipt of the level replicated", "erasures", passed)
		}
		if err != nil && ctx.Err() == nil {
			failing.Do(func() {
				worries.report(ctx, slog.LevelWarn, "could not look whether what was erased is gone from the standbys; trying again", err, "within", attestEvery)
			})
		}
	}))
	return nil
}
