package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/httpapi"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/telemetry"
	"lethe/domain"
)

// rulesEvery is how often the service looks for retention rules that are due.
// Several processes do so, and each run begins once.
const rulesEvery = 15 * time.Second

func newRetention(p *pools) (*fusillade.Retention, error) {
	return fusillade.NewRetention(p.fusillade.Primary)
}

func newRetentionCases(retention domain.Retention, erasures domain.Erasures) httpapi.Retention {
	return httpapi.Retention{
		Create: domain.NewCreateRule(retention, time.Now), Change: domain.NewChangeRule(retention, time.Now),
		List: domain.NewListRules(retention), Get: domain.NewGetRule(retention),
		DryRun: domain.NewDryRunRule(retention, erasures, time.Now), Enable: domain.NewEnableRule(retention, time.Now),
		Disable: domain.NewDisableRule(retention), Remove: domain.NewRemoveRule(retention),
	}
}

func newRunRules(retention domain.Retention, jobs domain.Jobs, log *slog.Logger) *domain.RunRules {
	return domain.NewRunRules(retention, jobs, time.Now, log)
}

// runRules begins the runs of retention rules, until the service stops. While the
// database is older than what was seen of it, none begins: rules may be enabled
// there that were changed since.
func runRules(lc fx.Lifecycle, rules *domain.RunRules, rollback *rollbackGuard, metrics *telemetry.Metrics, worries *worries) {
	failed := metrics.WatchWork("retention")
	seldom := rate.Sometimes{Interval: workLogEvery}
	whileServing(lc, every(rulesEvery, func(ctx context.Context) {
		err := rollback.check(ctx)
		if err == nil {
			err = rules.Execute(ctx)
		}
		if err != nil && ctx.Err() == nil {
			failed()
			seldom.Do(func() {
				worries.report(ctx, slog.LevelWarn, "retention rules that are due could not begin; trying again", err, "within", rulesEvery)
			})
		}
	}))
}
