package serve

import (
	"context"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/domain"
)

// watched reads what the metrics show, now.
type watched struct {
	pools   *pools
	stores  *stores
	ledger  *translog.Log
	schemas inspect.Schemas
}

var _ domain.StatusReader = watched{}

func newWatched(p *pools, s *stores, l *translog.Log, db *boot.Databases) watched {
	return watched{p, s, l, db.Schemas}
}

// Status asks one database after another, in some ten round trips: it is for people.
func (w watched) Status(ctx context.Context) (s domain.Status, err error) {
	s.Version = boot.BuildVersion().Version
	for _, read := range []func(context.Context, *domain.Status) error{w.log, w.erasures, w.holds, w.subjects, w.rules, w.databases} {
		if err := read(ctx, &s); err != nil {
			return domain.Status{}, err
		}
	}
	return s, nil
}

func (w watched) log(ctx context.Context, s *domain.Status) error {
	backlog, err := w.ledger.Backlog(ctx)
	if err != nil {
		return err
	}
	s.Log = domain.LogStatus{Leaves: backlog.Size, Published: backlog.Published, Oldest: backlog.Oldest}
	s.Log.SealedAt, s.Log.Unsealed, err = w.ledger.Sealing(ctx, domain.MaxUnsealed)
	return err
}

func (w watched) erasures(ctx context.Context, s *domain.Status) error {
	tally, err := w.stores.tally(ctx)
	for _, t := range tally {
		switch {
		case t.State == domain.ErasureFailed:
			s.Erasures.Failed += t.Count
		case t.State == domain.ErasureAwaitingApproval:
			s.Erasures.Awaiting += t.Count
			if s.Erasures.OldestAwaiting == nil || t.Oldest.Before(*s.Erasures.OldestAwaiting) {
				s.Erasures.OldestAwaiting = &t.Oldest
			}
		case !t.State.Finished():
			s.Erasures.Unfinished += t.Count
			if s.Erasures.Oldest == nil || t.Oldest.Before(*s.Erasures.Oldest) {
				s.Erasures.Oldest = &t.Oldest
			}
		}
	}
	return err
}

func (w watched) holds(ctx context.Context, s *domain.Status) error {
	found, err := w.stores.holds.Bypassed(ctx)
	s.Holds = domain.HoldStatus{Gone: int64(len(found.Gone)), PurgesWaiting: found.Waiting, PurgesFailed: found.Failed}
	return err
}

func (w watched) subjects(ctx context.Context, s *domain.Status) (err error) {
	s.Subjects, err = w.stores.subjects.Waiting(ctx, time.Now())
	return err
}

func (w watched) rules(ctx context.Context, s *domain.Status) (err error) {
	s.Rules, err = w.stores.nextRules(ctx, domain.MaxDueRules)
	return err
}

// databases reads the migrations that other systems have recorded.
func (w watched) databases(ctx context.Context, s *domain.Status) error {
	read := func(db *postgres.DB, schema string, known int64) error {
		return db.Use(ctx, func(c postgres.Conn) error {
			m, err := inspect.UpstreamVersion(ctx, c, schema, known)
			if err != nil {
				return err
			}
			v := domain.SchemaVersion{Schema: schema, Failed: m.Failed}
			if m.Newest > 0 {
				v.Migration = &m.Newest
			}
			s.Databases = append(s.Databases, v)
			return nil
		})
	}
	if err := read(w.pools.main.Primary, "public", inspect.DwctlMigration); err != nil {
		return err
	}
	return read(w.pools.fusillade.Primary, w.schemas.Fusillade, inspect.FusilladeMigration)
}
