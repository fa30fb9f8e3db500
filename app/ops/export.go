package ops

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"lethe/adapters/offsite"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
	"lethe/receipt"
)

const (
	// mirrorFolder is the folder of the log's mirror within an export.
	mirrorFolder = "mirror"

	exportEvery       = 2 * time.Second // while following
	exportRetry       = 5 * time.Second
	exportReportEvery = time.Minute // between log lines about failures
	exportAtOnce      = 200         // erasures written at once
	stateEvery        = time.Minute
)

// ExportOptions are the options of `lethe erasures export`.
type ExportOptions struct {
	To         string   // the folder
	Recipients []string // who can read the list: age1…
	Keys       []string // of the log; none: those of the configured private keys
	Keep       string   // retention period, as 90d
	Follow     bool     // until ctx ends
}

// NewExportIdentity creates the key pair of an export: it writes the identity to a
// new file that only its owner can read, and prints the recipient.
func NewExportIdentity(file string, o Output) error {
	identity, recipient, err := offsite.NewIdentity()
	if err != nil {
		return err
	}
	if err := boot.WriteNew(file, fmt.Sprintf("# public key: %s\n%s\n", recipient, identity)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s already exists and was not overwritten: without it, lists encrypted for it can never be read; choose another file", file)
		}
		return err
	}
	return o.print("%s", recipient)
}

// Export adds new erasures to the list in a folder, and brings the mirror of the log
// in that folder up to the newest published checkpoint. With Follow it continues
// until ctx ends, which is not an error.
func Export(ctx context.Context, cfg *config.Config, options ExportOptions, o Output) (err error) {
	keep, err := config.ParseDays(options.Keep)
	if err != nil {
		return config.Misused("--keep: %v", err)
	}
	keys, err := logKeys(cfg, options.Keys)
	if err != nil {
		return err
	}
	list, err := offsite.OpenList(options.To, options.Recipients)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	mirror, err := offsite.OpenMirror(filepath.Join(options.To, mirrorFolder), keys)
	if err != nil {
		return err
	}
	return withLog(ctx, cfg, translog.Config{}, o, func(log *translog.Log, _ *postgres.DB, _ *boot.Databases) error {
		e := &exporter{log: log, list: list, mirror: mirror, keep: keep, o: o, known: map[uuid.UUID]bool{}}
		if err := e.begin(ctx); err != nil {
			return err
		}
		if options.Follow {
			e.follow(ctx)
			return e.end()
		}
		return errors.Join(e.step(ctx), e.end(), e.summarize())
	})
}

// logKeys returns the given public keys of the log, or those of the configured private
// keys. It may return none.
func logKeys(cfg *config.Config, given []string) ([]receipt.PublicKey, error) {
	if len(given) > 0 {
		return publicKeys(given)
	}
	s, err := boot.ReadSigning(cfg, nil)
	if err != nil {
		return nil, err
	}
	keys := make([]receipt.PublicKey, len(s.Signers))
	for i, signer := range s.Signers {
		keys[i] = signer.PublicKey()
	}
	return keys, nil
}

// withLog opens the log's database for a command.
func withLog(ctx context.Context, cfg *config.Config, c translog.Config, o Output, do func(*translog.Log, *postgres.DB, *boot.Databases) error) (err error) {
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	if err := db.Reach(ctx); err != nil {
		return err
	}
	pool, err := boot.OpenPool(cfg, db.OwnURL(), 2, boot.SearchPath(cfg)...)
	if err != nil {
		return err
	}
	defer pool.Close()
	log, err := translog.New(pool, c)
	if err != nil {
		return err
	}
	return do(log, pool, db)
}

// exporter is one export in progress.
type exporter struct {
	log    *translog.Log
	list   *offsite.List
	mirror *offsite.Mirror
	keep   time.Duration
	o      Output

	state   offsite.State
	written time.Time          // when the state was written
	first   int64              // leaves before this one are done
	known   map[uuid.UUID]bool // receipts that were listed while unsealed

	exported int
	mirrored int64
	gap      bool
}

// begin lists the erasures that the database still remembers, and reports a gap in the
// list: the database remembers for a day what was erased.
func (e *exporter) begin(ctx context.Context) error {
	now := time.Now()
	var err error
	if e.state, err = e.list.State(); err != nil {
		return err
	}
	known := domain.SweepAfter[0]
	for _, after := range domain.SweepAfter[1:] {
		known += after
	}
	switch since := now.Add(-known); {
	case e.state.Complete.IsZero():
		e.report("The list begins with erasures since %s; restoring an older backup brings back more", inWords(since))
	case e.state.Complete.Before(since):
		e.gap = true
		if n := len(e.state.Gaps); n > 0 && e.state.Gaps[n-1].After.Equal(e.state.Complete) {
			e.state.Gaps = e.state.Gaps[:n-1] // the last export did not complete
		}
		e.state.Gaps = append(e.state.Gaps, offsite.Span{After: e.state.Complete, Before: since})
		e.report("THE LIST HAS A GAP: erasures between %s and %s may be missing, because the export did not run for longer than the database remembers them. Delete backups from before the end of the gap, or record those erasures by other means",
			inWords(e.state.Complete), inWords(since))
	}
	buried, first, err := e.log.Buried(ctx)
	if err != nil {
		return err
	}
	oldest := now
	ids := make([]uuid.UUID, len(buried))
	for i, b := range buried {
		ids[i] = b.ID
		if b.WrittenAt.Before(oldest) {
			oldest = b.WrittenAt
		}
	}
	// Nothing is listed before its erasure, unless clocks differ.
	if e.known, err = e.list.Listed(oldest.Add(-24 * time.Hour)); err != nil {
		return err
	}
	e.first = first
	return e.write(ctx, ids)
}

// write lists the erasures of these receipts, unless they are listed already.
func (e *exporter) write(ctx context.Context, ids []uuid.UUID) error {
	var wanted []uuid.UUID
	for _, id := range ids {
		if !e.known[id] {
			wanted = append(wanted, id)
		}
	}
	for len(wanted) > 0 {
		part := wanted[:min(exportAtOnce, len(wanted))]
		wanted = wanted[len(part):]
		erasures, err := e.log.Erasures(ctx, part)
		if err != nil {
			return err
		}
		entries := make([]offsite.Entry, len(erasures))
		for i, erasure := range erasures {
			entries[i] = offsite.Entry(erasure)
		}
		if err := e.list.Append(time.Now(), entries); err != nil {
			return err
		}
		for _, id := range part {
			e.known[id] = true
		}
		e.exported += len(entries)
	}
	return nil
}

// step writes what is new since the last step.
func (e *exporter) step(ctx context.Context) error {
	now := time.Now()
	sealed, unsealed, next, err := e.log.Grown(ctx, e.first)
	if err != nil {
		return err
	}
	if err := e.write(ctx, append(sealed, unsealed...)); err != nil {
		return err
	}
	e.first, e.known = next, make(map[uuid.UUID]bool, len(unsealed))
	for _, id := range unsealed {
		e.known[id] = true
	}
	e.state.Complete = now
	added, err := e.mirror.Update(ctx, e.log)
	e.mirrored += added
	if err != nil {
		return err
	}
	if now.Sub(e.written) < stateEvery {
		return nil
	}
	return e.end()
}

// end records how complete the list is, and removes entries that are too old.
func (e *exporter) end() error {
	now := time.Now()
	e.written = now
	for len(e.state.Gaps) > 0 && e.state.Gaps[0].Before.Before(now.Add(-e.keep)) {
		e.state.Gaps = e.state.Gaps[1:]
	}
	_, err := e.list.Expire(now, e.keep)
	return errors.Join(e.list.SetState(e.state), err)
}

// follow repeats step until ctx ends, and reports failures.
func (e *exporter) follow(ctx context.Context) {
	reported := rate.Sometimes{Interval: exportReportEvery}
	for {
		pause := exportEvery
		if err := e.step(ctx); err != nil && ctx.Err() == nil {
			pause = exportRetry
			reported.Do(func() { e.report("could not export, will retry: %s", oneLine(err.Error())) })
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

func (e *exporter) report(format string, args ...any) {
	_, _ = fmt.Fprintf(e.o.Progress, format+"\n", args...)
}

func (e *exporter) summarize() error {
	_, tree, _ := e.mirror.Checkpoint()
	if e.o.JSON {
		return writeJSON(e.o.Out, map[string]any{"exported": e.exported, "mirrored": e.mirrored, "size": tree.N, "gap": e.gap})
	}
	return e.o.print("Added %s to the list, and %s to the mirror, which now has %d", count(e.exported, "erasure"), count(e.mirrored, "receipt"), tree.N)
}

func inWords(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
