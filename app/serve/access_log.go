package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/postgres/accesslog"
	"lethe/adapters/telemetry"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// removeEvery is how often the service looks for records of who looked
	// whose time is over. Of several processes one does the work at a time.
	removeEvery = 10 * time.Minute
	// forgetRounds bounds the work of each time.
	forgetRounds = 100
)

func newAccessLog(p *pools) (*accesslog.Log, error) { return accesslog.New(p.fusillade.Primary) }

func newGetter(responses domain.Responses, usage domain.UsageRecords, people domain.People, accessLog domain.AccessLog, log *slog.Logger) *domain.GetResponse {
	return domain.NewGetResponse(responses, usage, people, accessLog, time.Now, log)
}

// removeOldAccesses removes old records of the access log, until the
// service stops.
func removeOldAccesses(lc fx.Lifecycle, cfg *config.Config, l *accesslog.Log, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) {
	failed := metrics.WatchWork("access_log")
	whileServing(lc, every(removeEvery, func(ctx context.Context) {
		removeOnce(ctx, l, time.Now().Add(-cfg.AccessLog.Keep), failed, worries, log)
	}))
}

// removeOnce removes what is older, but not more than so many rounds of it.
func removeOnce(ctx context.Context, l *accesslog.Log, before time.Time, failed func(), worries *worries, log *slog.Logger) {
	var total int64
	for range forgetRounds {
		n, err := l.RemoveOld(ctx, before)
		total += n
		if err != nil && ctx.Err() == nil {
			failed()
			worries.report(ctx, slog.LevelWarn, "could not remove old records of the access log; trying again", err, "within", removeEvery)
		}
		if err != nil || n < accesslog.MaxRemoved {
			break
		}
	}
	if total > 0 {
		log.Info("removed old records of the access log", "records", total)
	}
}
