package serve

import (
	"context"
	"time"

	"lethe/adapters/cache"
	"lethe/adapters/gate"
	"lethe/adapters/postgres/sessions"
	"lethe/adapters/postgres/users"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

// rememberedCallers is the maximum number of cached callers: some megabytes.
const rememberedCallers = 4096

// identity identifies callers; for readers it may use the cache.
type identity struct {
	now, reader *domain.IdentifyCaller
}

func newIdentity(w *workers, people *gate.People, p *pools, keys boot.SessionKeys, cfg *config.Config) (identity, error) {
	ended, err := sessions.New(p.fusillade.Primary)
	if err != nil {
		return identity{}, err
	}
	identify := func(people domain.People) *domain.IdentifyCaller {
		u := domain.NewIdentifyCaller(people, time.Now)
		if len(keys) > 0 {
			u.Accepting(ended, domain.SessionLimits{Idle: cfg.Auth.SessionIdle, Max: cfg.Auth.SessionMax})
		}
		return u
	}
	now := identify(people)
	if cfg.Auth.CacheTTL == 0 {
		return identity{now, now}, nil
	}
	looked, dropped := w.metrics.WatchCache("callers")
	remembered, err := cache.NewPeople(people, cache.Config{
		TTL: cfg.Auth.CacheTTL, Entries: rememberedCallers, Now: time.Now, Looked: looked, Dropped: dropped,
	})
	if err != nil {
		return identity{}, err
	}
	if !cfg.Database.PgBouncer { // which forwards no notifications
		whileServing(w.lc, func(ctx context.Context) { users.Listen(ctx, p.main.Primary, w.log, remembered.Drop) })
	}
	return identity{now, identify(remembered)}, nil
}
