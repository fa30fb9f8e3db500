package app

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/settle"
	"lethe/receipt"
)

// settleEvery is how often the service looks what the standbys have replayed.
const settleEvery = 5 * time.Second

func newSettler(db *postgres.DB) (*settle.Settler, error) {
	return settle.New(db, settle.Issuer{Build: BuildVersion().Version, Now: time.Now})
}

// settleReplicated finds out which erasures have come to the standbys, until
// the service stops. Where no standby can be looked at it does nothing.
func settleReplicated(lc fx.Lifecycle, p *pools, worries *worries, log *slog.Logger) error {
	if len(p.standbys) == 0 || p.outlet != nil { // of whose standbys nothing is known
		return nil
	}
	settler, err := newSettler(p.fusillade.Primary)
	if err != nil {
		return err
	}
	standbys, err := settler.NewStandbys(p.standbys)
	if err != nil {
		return err
	}
	failing := rate.Sometimes{Interval: sealLogEvery}
	whileServing(lc, every(settleEvery, func(ctx context.Context) {
		_, passed, err := standbys.Settle(ctx)
		if passed > 0 {
			log.Warn("erased requests were written again and not removed in time, so their erasures get no receipt of the level replicated", "erasures", passed)
		}
		if err != nil && ctx.Err() == nil {
			failing.Do(func() {
				worries.tell(ctx, slog.LevelWarn, "could not look whether what was erased is gone from the standbys; trying again", err, "within", settleEvery)
			})
		}
	}))
	return nil
}

// SettleOptions say what may be done to have erasures come to later levels.
type SettleOptions struct {
	Rewrite       bool   // tables are written into new files, which locks them
	Agreed        bool   // to that
	ExpiredBefore string // backups and write-ahead log from before are gone, by the operator's word: a date or a time of RFC 3339; empty: no word
	DryRun        bool   // say what would be written, and do nothing
}

// Settle has erasures come to later levels, as far as they can: it vacuums the
// tables that erasures delete from, and writes receipts about what that proves.
func Settle(ctx context.Context, cfg *Config, options SettleOptions, o Output) (err error) {
	expired, err := options.expiredBefore()
	if err != nil {
		return err
	}
	if options.Rewrite && !options.Agreed && !options.DryRun {
		return misused("--rewrite locks each table while it is written anew: nobody can read or write it meanwhile, and it takes room on disk for a second one; give --yes with it to agree")
	}
	if cfg.Database.PgBouncer {
		return misused("tables cannot be vacuumed through PgBouncer: give the server's own URL, and set database.pgbouncer to false")
	}
	db, err := OpenDatabases(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	pool, err := postgres.Open(postgres.Config{URL: db.fusilladeURL(), MaxConns: 2, ApplicationName: applicationName})
	if err != nil {
		return err
	}
	defer pool.Close()
	settler, err := newSettler(pool)
	if err != nil {
		return err
	}
	vacuum, err := settle.OpenVacuum(ctx, db.fusilladeURL(), applicationName)
	if err != nil {
		return err
	}
	defer vacuum.Close()
	run := settling{options: options, Output: o, settler: settler, vacuum: vacuum, schemas: db.schemas,
		report: newTable("level", "written", "open", "why")}
	if options.DryRun {
		run.report = newTable("level", "to write", "open", "why")
	}
	if err := run.run(ctx, expired); err != nil {
		return err
	}
	return run.report.write(o.Out, o.JSON)
}

func (s SettleOptions) expiredBefore() (t time.Time, err error) {
	if s.ExpiredBefore == "" {
		return t, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err = time.Parse(layout, s.ExpiredBefore); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		return t, misused("--backups-expired-before must be a date or a time such as 2026-10-01 or 2026-10-01T12:00:00Z")
	case t.After(time.Now()):
		return t, misused("--backups-expired-before lies in the future")
	}
	return t, nil
}

// settling is one run of Settle.
type settling struct {
	options SettleOptions
	Output
	settler *settle.Settler
	vacuum  *settle.Vacuum
	schemas inspect.Schemas
	report  *table
}

func (s *settling) run(ctx context.Context, expired time.Time) error {
	if err := s.found(ctx); err != nil {
		return err
	}
	if expired.IsZero() {
		return s.settle(ctx, receipt.LevelExpired, never, "needs --backups-expired-before")
	}
	return s.settle(ctx, receipt.LevelExpired, settle.Before(expired), "erased later")
}

// found settles the levels that can be found out.
func (s *settling) found(ctx context.Context) error {
	if s.schemas.OutletApart {
		for _, level := range []receipt.Level{receipt.LevelReplicated, receipt.LevelVacuumed, receipt.LevelRewritten} {
			if err := s.settle(ctx, level, never, "raw copies are in another database, which is not looked at"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.settle(ctx, receipt.LevelReplicated, never, "the service finds out, where erasure.standby_urls is set"); err != nil {
		return err
	}
	if err := s.cluster(ctx); err != nil {
		return err
	}
	cutoff, rewritten, err := s.tables(ctx)
	if err != nil {
		return err
	}
	if err := s.settle(ctx, receipt.LevelVacuumed, settle.CutOff(cutoff), ""); err != nil {
		return err
	}
	switch {
	case !s.options.Rewrite:
		err = s.settle(ctx, receipt.LevelRewritten, never, "needs --rewrite")
	case !rewritten:
		err = s.settle(ctx, receipt.LevelRewritten, never, "the statistics of before are still needed by an open transaction: run it again")
	default:
		err = s.settle(ctx, receipt.LevelRewritten, settle.CutOff(cutoff), "")
	}
	return err
}

// cluster has the vacuum to come settle what was erased in another cluster.
func (s *settling) cluster(ctx context.Context) error {
	look := s.settler.NoticeCluster
	if s.options.DryRun {
		look = s.settler.Foreign
	}
	foreign, err := look(ctx)
	if err == nil && foreign > 0 {
		s.say("%s: made before the database came to this cluster by a dump or an upgrade, or before Lethe told clusters apart. Their transaction numbers say nothing here; the first whole vacuum in this cluster settles them", count(foreign, "erasure"))
	}
	return err
}

func never(settle.Leaf) bool { return false }

// settle settles a level and reports it; why says why erasures are left, where
// that is not for what holds dead rows.
func (s *settling) settle(ctx context.Context, level receipt.Level, reached func(settle.Leaf) bool, why string) error {
	outcome, err := s.settler.Settle(ctx, level, reached, s.options.DryRun)
	if err != nil {
		return err
	}
	switch {
	case outcome.Open == 0:
		why = ""
	case why == "" && outcome.Next == nil:
		why = "erased meanwhile"
	case why == "":
		if why, err = s.heldBy(ctx, outcome.Next.Horizon); err != nil {
			return err
		}
	}
	s.report.row(string(level), outcome.Written, outcome.Open, why)
	return nil
}

// heldBy says what keeps the dead rows of an erasure.
func (s *settling) heldBy(ctx context.Context, horizon uint64) (string, error) {
	holders, err := inspect.Holders(ctx, s.vacuum.Conn())
	if err != nil {
		return "", postgres.MapError(err)
	}
	var held []string
	for _, h := range holders {
		if h.Oldest < horizon {
			held = append(held, h.String())
		}
	}
	if len(held) == 0 {
		return "held back by transactions that have ended meanwhile, or that this role may not see: run it again", nil
	}
	return "held back by " + strings.Join(held, "; "), nil
}

// tables vacuums or rewrites the tables and returns from which transaction on
// there may be dead rows in one of them. With DryRun that is what it would be.
func (s *settling) tables(ctx context.Context) (cutoff uint64, rewritten bool, err error) {
	if s.options.DryRun {
		cutoff, err = s.expected(ctx)
		return cutoff, true, err
	}
	verb, work := "Vacuuming", s.vacuum.Plain
	if s.options.Rewrite {
		verb, work = "Rewriting", s.vacuum.Rewrite
	}
	cutoff = math.MaxUint64
	var wholes []settle.Table
	done := map[settle.Table]bool{}
	// A partition that somebody makes meanwhile is done too. One that is not
	// there at the last look is made by a transaction that no cutoff is after.
	for todo := []settle.Table{{}}; len(todo) > 0; {
		var parts []settle.Table
		if wholes, parts, err = s.present(ctx); err != nil {
			return 0, false, err
		}
		todo = slices.DeleteFunc(parts, func(t settle.Table) bool { return done[t] })
		for i, t := range todo {
			s.say("%s %s (%d of %d)", verb, t, i+1, len(todo))
			of, err := work(ctx, t)
			if err != nil {
				return 0, false, fmt.Errorf("%s: %w", t, err)
			}
			cutoff, done[t] = min(cutoff, of), true
		}
	}
	s.say("Analyzing")
	if err := s.vacuum.Analyze(ctx, wholes); err != nil || !s.options.Rewrite {
		return cutoff, false, err
	}
	s.say("Rewriting the statistics")
	rewritten, err = s.vacuum.RewriteStatistics(ctx)
	return cutoff, rewritten, err
}

// present are the tables that erasures delete from, and those that hold their
// rows.
func (s *settling) present(ctx context.Context) (wholes, parts []settle.Table, err error) {
	present, err := inspect.Present(ctx, s.vacuum.Conn(), inspect.Requirements(s.schemas, inspect.Fusillade))
	if err != nil {
		return nil, nil, postgres.MapError(err)
	}
	for _, r := range present {
		if !r.Delete {
			continue
		}
		whole := settle.Table{Schema: r.Schema, Name: r.Table}
		of, err := s.vacuum.Parts(ctx, whole)
		if err != nil {
			return nil, nil, err
		}
		wholes, parts = append(wholes, whole), append(parts, of...)
	}
	return wholes, parts, nil
}

// expected is the cutoff that vacuuming would have now.
func (s *settling) expected(ctx context.Context) (uint64, error) {
	cutoff, err := s.vacuum.Next(ctx)
	if err != nil {
		return 0, err
	}
	holders, err := inspect.Holders(ctx, s.vacuum.Conn())
	for _, h := range holders {
		cutoff = min(cutoff, h.Oldest)
	}
	return cutoff, postgres.MapError(err)
}

func (s *settling) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Progress, format+"\n", args...)
}
