package ops

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/attest"
	"lethe/adapters/postgres/inspect"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/receipt"
)

// AttestOptions say what Attest may do to bring erasures to later levels.
type AttestOptions struct {
	Rewrite       bool   // write tables into new files, which locks them
	Agreed        bool   // to Rewrite
	ExpiredBefore string // backups and write-ahead log from before this date or RFC 3339 time are gone, as the operator states; empty: no statement
	DryRun        bool   // only report what would be written
}

// Attest brings erasures to later levels as far as possible: it vacuums the tables that
// erasures delete from, and writes receipts of the levels reached.
func Attest(ctx context.Context, cfg *config.Config, options AttestOptions, o Output) (err error) {
	expired, err := options.expiredBefore()
	if err != nil {
		return err
	}
	if options.Rewrite && !options.Agreed && !options.DryRun {
		return config.Misused("--rewrite locks each table while it is rewritten: nobody can read or write it meanwhile, and disk space for a second copy is needed; add --yes to confirm")
	}
	if cfg.Database.PgBouncer {
		return config.Misused("cannot vacuum through PgBouncer: use the server's own URL, and set database.pgbouncer to false")
	}
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	pool, err := boot.OpenPool(cfg, db.OwnURL(), 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	attester, err := boot.NewAttester(pool)
	if err != nil {
		return err
	}
	vacuum, err := attest.OpenVacuum(ctx, db.OwnURL(), boot.ApplicationName)
	if err != nil {
		return err
	}
	defer vacuum.Close()
	run := attesting{options: options, Output: o, attester: attester, vacuum: vacuum, schemas: db.Schemas,
		report: NewTable("level", "written", "open", "why")}
	if options.DryRun {
		run.report = NewTable("level", "to write", "open", "why")
	}
	if err := run.run(ctx, expired); err != nil {
		return err
	}
	return run.report.write(o.Out, o.JSON)
}

func (s AttestOptions) expiredBefore() (t time.Time, err error) {
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
		return t, config.Misused("--backups-expired-before must be a date or a time such as 2026-10-01 or 2026-10-01T12:00:00Z")
	case t.After(time.Now()):
		return t, config.Misused("--backups-expired-before is in the future")
	}
	return t, nil
}

// attesting is one run of Attest.
type attesting struct {
	options AttestOptions
	Output
	attester *attest.Attester
	vacuum   *attest.Vacuum
	schemas  inspect.Schemas
	report   *Table
}

func (s *attesting) run(ctx context.Context, expired time.Time) error {
	if err := s.found(ctx); err != nil {
		return err
	}
	if expired.IsZero() {
		return s.attest(ctx, receipt.LevelExpired, never, "needs --backups-expired-before")
	}
	return s.attest(ctx, receipt.LevelExpired, attest.Before(expired), "erased later")
}

// found attests the levels that can be verified.
func (s *attesting) found(ctx context.Context) error {
	if s.schemas.OutletApart {
		for _, level := range []receipt.Level{receipt.LevelReplicated, receipt.LevelVacuumed, receipt.LevelRewritten} {
			if err := s.attest(ctx, level, never, "raw copies are in another database, which is not checked"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.attest(ctx, receipt.LevelReplicated, never, "attested by the service, if erasure.standby_urls is set"); err != nil {
		return err
	}
	if err := s.cluster(ctx); err != nil {
		return err
	}
	cutoff, rewritten, err := s.tables(ctx)
	if err != nil {
		return err
	}
	if err := s.attest(ctx, receipt.LevelVacuumed, attest.CutOff(cutoff), ""); err != nil {
		return err
	}
	switch {
	case !s.options.Rewrite:
		err = s.attest(ctx, receipt.LevelRewritten, never, "needs --rewrite")
	case !rewritten:
		err = s.attest(ctx, receipt.LevelRewritten, never, "an open transaction still needs the old statistics: run it again")
	default:
		err = s.attest(ctx, receipt.LevelRewritten, attest.CutOff(cutoff), "")
	}
	return err
}

// cluster lets the next vacuum attest erasures of another cluster.
func (s *attesting) cluster(ctx context.Context) error {
	look := s.attester.NoticeCluster
	if s.options.DryRun {
		look = s.attester.Foreign
	}
	foreign, err := look(ctx)
	if err == nil && foreign > 0 {
		s.say("%s made before this database was dumped and restored or upgraded, or by a version of Lethe that did not record the cluster. Their transaction numbers mean nothing here; the first complete vacuum in this cluster attests them", count(foreign, "erasure"))
	}
	return err
}

func never(attest.Leaf) bool { return false }

// attest attests a level and reports it. why is the reason that erasures are left; empty:
// something keeps their dead rows.
func (s *attesting) attest(ctx context.Context, level receipt.Level, reached func(attest.Leaf) bool, why string) error {
	outcome, err := s.attester.Attest(ctx, level, reached, s.options.DryRun)
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
	s.report.Row(string(level), outcome.Written, outcome.Open, why)
	return nil
}

// heldBy returns what keeps the dead rows of an erasure.
func (s *attesting) heldBy(ctx context.Context, horizon uint64) (string, error) {
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
		return "held back by transactions that have just ended, or that this role may not see: run it again", nil
	}
	return "held back by " + strings.Join(held, "; "), nil
}

// tables vacuums or rewrites the tables and returns the first transaction whose dead
// rows may remain in one of them. With DryRun it only predicts that transaction.
func (s *attesting) tables(ctx context.Context) (cutoff uint64, rewritten bool, err error) {
	if s.options.DryRun {
		cutoff, err = s.expected(ctx)
		return cutoff, true, err
	}
	verb, work := "Vacuuming", s.vacuum.Plain
	if s.options.Rewrite {
		verb, work = "Rewriting", s.vacuum.Rewrite
	}
	cutoff = math.MaxUint64
	var wholes []attest.Table
	done := map[attest.Table]bool{}
	// Partitions created meanwhile are processed, too. One created after the last look
	// belongs to a transaction that no cutoff is after.
	for todo := []attest.Table{{}}; len(todo) > 0; {
		var parts []attest.Table
		if wholes, parts, err = s.present(ctx); err != nil {
			return 0, false, err
		}
		todo = slices.DeleteFunc(parts, func(t attest.Table) bool { return done[t] })
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

// present returns the tables that erasures delete from, and those that hold their
// rows.
func (s *attesting) present(ctx context.Context) (wholes, parts []attest.Table, err error) {
	present, err := inspect.Present(ctx, s.vacuum.Conn(), inspect.Requirements(s.schemas, inspect.Fusillade))
	if err != nil {
		return nil, nil, postgres.MapError(err)
	}
	for _, r := range present {
		if !r.Delete {
			continue
		}
		whole := attest.Table{Schema: r.Schema, Name: r.Table}
		of, err := s.vacuum.Parts(ctx, whole)
		if err != nil {
			return nil, nil, err
		}
		wholes, parts = append(wholes, whole), append(parts, of...)
	}
	return wholes, parts, nil
}

// expected returns the cutoff that vacuuming would have now.
func (s *attesting) expected(ctx context.Context) (uint64, error) {
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

func (s *attesting) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Progress, format+"\n", args...)
}
