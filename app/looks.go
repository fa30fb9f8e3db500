package app

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/postgres/looks"
	"lethe/adapters/telemetry"
	"lethe/domain"
)

const (
	// forgetEvery is how often the service looks for records of who looked
	// whose time is over. Of several processes one does the work at a time.
	forgetEvery = 10 * time.Minute
	// forgetRounds bounds the work of each time.
	forgetRounds = 100
)

func newLooks(p *pools) (*looks.Looks, error) { return looks.New(p.fusillade.Primary) }

func newGetter(responses domain.Responses, usage domain.UsageRecords, people domain.People, looks domain.Looks, log *slog.Logger) *domain.GetResponse {
	return domain.NewGetResponse(responses, usage, people, looks, time.Now, log)
}

// forgetLooks removes the records of who looked whose time is over, until the
// service stops.
func forgetLooks(lc fx.Lifecycle, cfg *Config, l *looks.Looks, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) {
	failed := metrics.WatchWork("looks")
	whileServing(lc, every(forgetEvery, func(ctx context.Context) {
		forgetOnce(ctx, l, time.Now().Add(-cfg.Looks.Keep), failed, worries, log)
	}))
}

// forgetOnce removes what is older, but not more than so many rounds of it.
func forgetOnce(ctx context.Context, l *looks.Looks, before time.Time, failed func(), worries *worries, log *slog.Logger) {
	var total int64
	for range forgetRounds {
		n, err := l.Forget(ctx, before)
		total += n
		if err != nil && ctx.Err() == nil {
			failed()
			worries.tell(ctx, slog.LevelWarn, "could not remove old records of who looked; trying again", err, "within", forgetEvery)
		}
		if err != nil || n < looks.MaxForgotten {
			break
		}
	}
	if total > 0 {
		log.Info("removed records of who looked whose time is over", "looks", total)
	}
}
