package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"go.uber.org/fx"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/telemetry"
)

// lookAtHeldEvery is how often it is looked whether something has passed by
// holds.
const lookAtHeldEvery = time.Minute

// watchHeld looks for held responses that are gone, and for purges of what is
// held, until the service stops. What is found is said once.
func watchHeld(lc fx.Lifecycle, p *pools, rollback *rollbackGuard, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) error {
	holds, err := newHolds(p)
	if err != nil {
		return err
	}
	bypassed, err := metrics.WatchHolds()
	if err != nil {
		return err
	}
	failed := metrics.WatchWork("holds")
	reported := map[uuid.UUID]bool{}
	whileServing(lc, every(lookAtHeldEvery, func(ctx context.Context) {
		// In a database that is older than what was seen, what is there may be gone.
		err := rollback.check(ctx)
		if err == nil {
			err = holds.See(ctx)
		}
		var found fusillade.Bypassed
		if err == nil {
			found, err = holds.Bypassed(ctx)
		}
		if err != nil {
			if ctx.Err() == nil {
				failed()
				worries.report(ctx, slog.LevelWarn, "it could not be looked whether held responses are gone; trying again", err, "within", lookAtHeldEvery)
			}
			return
		}
		bypassed.Looked(len(found.Gone), found.Waiting, found.Failed)
		still := map[uuid.UUID]bool{}
		for _, g := range found.Gone {
			if still[g.Response] = true; !reported[g.Response] {
				log.Error("a held response is gone, and Lethe has not erased it", "hold", g.Hold, "response", g.Response)
			}
		}
		reported = still
	}))
	return nil
}

// held looks whether something has passed by holds, or waits to.
func (d *doctor) held(ctx context.Context, name, url string) {
	const check = "what is held"
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := postgres.Open(postgres.Config{
		URL: url, MaxConns: 1, SearchPath: searchPath(d.cfg), ApplicationName: applicationName, PgBouncer: d.cfg.Database.PgBouncer,
	})
	if d.failed(name, check, err) {
		return
	}
	defer db.Close()
	holds, err := fusillade.NewHolds(db)
	if d.failed(name, check, err) {
		return
	}
	found, err := holds.Bypassed(ctx)
	if d.failed(name, check, err) {
		return
	}
	const guard = "have the database refuse that: the owner of dwctl's tables installs what `lethe guard` prints"
	if n := len(found.Gone); n > 0 {
		number := fmt.Sprint(n)
		if n == fusillade.MaxGone {
			number += " or more"
		}
		d.add(Check{name, check, Warning, fmt.Sprintf("of the responses that holds name, gone without Lethe: %s, such as %s of hold %s", number, found.Gone[0].Response, found.Gone[0].Hold),
			"find out who deleted them, such as dwctl's own DELETE or purge, and release the hold when that is done; " + guard, nil})
	}
	if found.Waiting > 0 {
		d.add(Check{name, check, Warning, count(int(found.Waiting), "purge") + " of dwctl's (purge-user-data) that waits, or is at work, is to remove what is held",
			"stop it in underway.task before it runs, or release the hold; " + guard, nil})
	}
	if found.Failed > 0 {
		d.add(Check{name, check, Warning, count(int(found.Failed), "purge") + " of dwctl's (purge-user-data) failed, and some of what it was to remove is held",
			"with what `lethe guard` prints this is as it should be; what else that person has stays too: erase it by owner with Lethe, or all of it when the hold is over", nil})
	}
	if len(found.Gone)+int(found.Waiting+found.Failed) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "no response that a hold names is gone, and no purge of what is held waits"})
	}
}
