package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/cache"
	"lethe/adapters/postgres/users"
	"lethe/adapters/telemetry"
	"lethe/app/config"
	"lethe/domain"
)

// rememberedCallers bounds the cache of callers: some megabytes.
const rememberedCallers = 4096

// identity tells who is calling, and with less care who is only reading.
type identity struct {
	now, reader *domain.IdentifyCaller
}

func newIdentity(lc fx.Lifecycle, people domain.People, p *pools, cfg *config.Config, metrics *telemetry.Metrics, log *slog.Logger) (identity, error) {
	now := domain.NewIdentifyCaller(people, time.Now)
	if cfg.Auth.CacheTTL == 0 {
		return identity{now, now}, nil
	}
	looked, dropped := metrics.WatchCache("callers")
	remembered, err := cache.NewPeople(people, cache.Config{
		TTL: cfg.Auth.CacheTTL, Entries: rememberedCallers, Now: time.Now, Looked: looked, Dropped: dropped,
	})
	if err != nil {
		return identity{}, err
	}
	if cfg.Database.PgBouncer { // which passes no notifications on
		return identity{now, domain.NewIdentifyCaller(remembered, time.Now)}, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.StartStopHook(
		func() {
			go func() {
				defer close(done)
				users.Listen(ctx, p.main.Primary, log, remembered.Drop)
			}()
		},
		func() {
			cancel()
			<-done
		},
	))
	return identity{now, domain.NewIdentifyCaller(remembered, time.Now)}, nil
}
