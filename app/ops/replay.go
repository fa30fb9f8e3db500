package ops

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/offsite"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
	"lethe/receipt"
)

const (
	comparedAtOnce = 500 // receipts compared with their entries in one query
	unlistedLogged = 10  // unlisted receipts that are named at most
)

// ReplayOptions are the options of `lethe replay`.
type ReplayOptions struct {
	From     string   // the folder of an export
	Identity string   // the file that decrypts it
	Keys     []string // of the log; none: those of the configured private keys
	DryRun   bool     // change nothing
}

// replayed is the JSON output.
type replayed struct {
	DryRun   bool             `json:"dry_run"`
	Entries  int              `json:"entries"` // in the list
	Found    int              `json:"found"`   // erased requests of which something exists again
	Erased   receipt.Counts   `json:"erased"`
	Receipts []uuid.UUID      `json:"receipts"`
	Refused  []refusedRequest `json:"refused"` // requests that the database refuses to delete
	Missing  int64            `json:"missing"` // leaves that the database's log lacked
	Added    int64            `json:"added"`   // and received
	Size     int64            `json:"size"`    // leaves of the mirror
	Unlisted []uuid.UUID      `json:"unlisted"`
	Gaps     []offsite.Span   `json:"gaps"`
	Advice   []string         `json:"advice"` // remaining steps; none: done
}

type refusedRequest struct {
	Request uuid.UUID `json:"request"`
	Reason  string    `json:"reason"` // one word
	Message string    `json:"message"`
}

// Replay brings a restored database up to date: it erases again what was erased after
// the backup, and restores the log's published leaves. It verifies all its input
// before it changes anything. It may be stopped at any time and run again. done
// reports that nothing is left to do; otherwise the output says what is.
func Replay(ctx context.Context, cfg *config.Config, options ReplayOptions, o Output) (done bool, err error) {
	keys, err := logKeys(cfg, options.Keys)
	if err != nil {
		return false, err
	}
	identity, err := boot.ReadBounded(options.Identity, boot.MaxKeyFile)
	if err != nil {
		return false, config.Misused("--identity: %v", err)
	}
	mirror, err := offsite.OpenMirror(filepath.Join(options.From, mirrorFolder), keys)
	if err != nil {
		return false, err
	}
	sign, err := boot.ReadSigning(cfg, nil)
	if err != nil {
		return false, err
	}
	r := &replay{cfg: cfg, o: o, mirror: mirror, origin: sign.Origin, byReceipt: map[uuid.UUID]int{}}
	r.Result.DryRun = options.DryRun
	signed, tree, origin := mirror.Checkpoint()
	if signed != nil {
		if (len(sign.Signers) > 0 || cfg.Erasure.Origin != "") && origin != sign.Origin {
			return false, fmt.Errorf("the mirror belongs to log %s, but this log is %s: set erasure.origin and the keys to those of the restored log; to begin a new log anyway, move %s away", origin, sign.Origin, filepath.Join(options.From, mirrorFolder))
		}
		r.origin = origin
	}
	r.later = translog.Later{Origin: origin, Checkpoint: signed, Tree: tree, Tiles: mirror.Tiles(), Leaves: mirror.Leaves, Secrets: r.secrets}
	r.Result.Size = tree.N
	if err := r.read(options.From, identity); err != nil {
		return false, err
	}
	err = withLog(ctx, cfg, translog.Config{}, o, func(log *translog.Log, db *postgres.DB, databases *boot.Databases) error {
		r.log, r.db = log, db
		return r.run(ctx, databases)
	})
	if err != nil {
		return false, err
	}
	return len(r.Result.Advice) == 0, r.report()
}

// replay is a replay in progress.
type replay struct {
	cfg    *config.Config
	o      Output
	mirror *offsite.Mirror
	later  translog.Later
	origin string // of the log of the new receipts
	log    *translog.Log
	db     *postgres.DB
	places *boot.Places

	entries   []offsite.Entry
	byReceipt map[uuid.UUID]int
	reported  time.Time

	Result replayed
}

// read reads the whole list.
func (r *replay) read(folder string, identity []byte) error {
	state, err := offsite.ReadState(folder)
	if err != nil {
		return err
	}
	r.Result.Gaps = state.Gaps
	err = offsite.ReadList(folder, identity, func(e offsite.Entry) error {
		r.byReceipt[e.Receipt] = len(r.entries)
		r.entries = append(r.entries, e)
		r.progress("Read %s from the list", count(len(r.entries), "erasure"))
		return nil
	})
	r.Result.Entries = len(r.entries)
	return err
}

// secrets returns what the list knows about a receipt.
func (r *replay) secrets(id uuid.UUID) (salt []byte, actor *uuid.UUID) {
	if i, listed := r.byReceipt[id]; listed {
		return r.entries[i].Salt, r.entries[i].Actor
	}
	return nil, nil
}

func (r *replay) run(ctx context.Context, databases *boot.Databases) (err error) {
	if may, err := r.log.MayComplete(ctx); err != nil {
		return err
	} else if !may && !r.Result.DryRun {
		return errors.New("this role may not complete the log of erasures: use the URL of the owner of schema lethe")
	}
	if err := r.lookAtPlaces(ctx, databases); err != nil {
		return err
	}
	signed := r.later.Checkpoint != nil
	if signed {
		if r.Result.Missing, err = r.log.Missing(ctx, r.later); err != nil {
			return err
		}
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	// Erase before completing the log: until the log is complete, the service stays
	// closed.
	if err := r.erase(ctx, databases); err != nil {
		return err
	}
	if signed && !r.Result.DryRun && len(r.Result.Refused) == 0 {
		if r.Result.Added, err = r.log.Complete(ctx, r.later, func(done int64) {
			r.progress("Restored %d of %s to the log", done, count(r.later.Tree.N, "receipt"))
		}); err != nil {
			return err
		}
	}
	return r.advise(ctx)
}

// lookAtPlaces fails if the database holds content that a replay would miss, and sets
// the gaps of its receipts.
func (r *replay) lookAtPlaces(ctx context.Context, databases *boot.Databases) error {
	main := r.db
	if databases.Apart() {
		var err error
		if main, err = boot.OpenPool(r.cfg, databases.MainURL, 1); err != nil {
			return err
		}
		defer main.Close()
	}
	r.places = boot.NewPlaces(main, r.db, databases.Schemas)
	return r.places.Check(ctx)
}

// verify checks that the leaves missing from the log are complete, and that every
// entry with a known receipt matches its commitments.
func (r *replay) verify(ctx context.Context) error {
	checked := make([]bool, len(r.entries))
	if r.Result.Missing > 0 {
		err := r.mirror.Leaves(r.later.Tree.N-r.Result.Missing, func(body []byte) error {
			said, err := receipt.Parse(body)
			if err != nil {
				return err
			}
			i, listed := r.byReceipt[said.ID]
			switch {
			case listed:
				checked[i] = true
				return committed(said, r.entries[i])
			case said.Level == receipt.LevelLogical && said.Trigger != receipt.TriggerSweep && said.Trigger != receipt.TriggerOrphans && len(said.Responses) > 0:
				r.Result.Unlisted = append(r.Result.Unlisted, said.ID)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var ids []uuid.UUID
	for i, e := range r.entries {
		if !checked[i] {
			ids = append(ids, e.Receipt)
		}
	}
	for part := range slices.Chunk(ids, comparedAtOnce) {
		bodies, err := r.log.Bodies(ctx, part)
		if err != nil {
			return err
		}
		for id, body := range bodies {
			said, err := receipt.Parse(body)
			if err != nil {
				return fmt.Errorf("receipt %s in the database: %w", id, err)
			}
			if err := committed(said, r.entries[r.byReceipt[id]]); err != nil {
				return err
			}
		}
	}
	return nil
}

// committed checks that a receipt commits to every request of an entry, so that nothing
// else is erased. Without a salt this cannot be checked.
func committed(said receipt.Receipt, e offsite.Entry) error {
	if e.Salt == nil {
		return nil
	}
	if len(e.Salt) == len(receipt.Salt{}) {
		salt := receipt.Salt(e.Salt)
		derived := receipt.DeriveSalt(salt, said.ID)
		if !slices.ContainsFunc(e.Requests, func(id uuid.UUID) bool {
			return !slices.Contains(said.Responses, receipt.CommitResponse(salt, id)) && !slices.Contains(said.Responses, receipt.CommitResponse(derived, id))
		}) {
			return nil
		}
	}
	return fmt.Errorf("the list does not match receipt %s: it was modified; nothing was erased", e.Receipt)
}

func (r *replay) erase(ctx context.Context, databases *boot.Databases) error {
	responses, err := fusillade.New(postgres.Source{Primary: r.db}, r.cfg.Outlet.Schema, !databases.Apart(), r.places.Issuer(r.origin))
	if err != nil {
		return err
	}
	copies, closeCopies, err := boot.OpenCopies(r.cfg, databases)
	if err != nil {
		return err
	}
	defer closeCopies()
	responses.WithCopies(copies)
	var ids []uuid.UUID
	for _, e := range r.entries {
		ids = append(ids, e.Requests...)
	}
	done, err := domain.NewReplayErasures(responses, time.Now).Execute(ctx, ids, r.Result.DryRun, func(done int) {
		r.progress("Looked for %d of %s erased before", done, count(len(ids), "request"))
	})
	r.Result.Found, r.Result.Erased, r.Result.Receipts = done.Found, receipt.Counts(done.Erased), done.Receipts
	for _, refused := range done.Refused {
		r.Result.Refused = append(r.Result.Refused, refusedRequest{refused.Request, string(refused.Code), domain.ErasureFailure{Code: refused.Code}.Reason()})
	}
	return err
}

// advise says what is left to do.
func (r *replay) advise(ctx context.Context) error {
	advice := func(format string, args ...any) {
		r.Result.Advice = append(r.Result.Advice, fmt.Sprintf(format, args...))
	}
	if n := len(r.Result.Refused); n > 0 {
		advice("The database refuses to delete rows of %s, so the log was not completed, and the service stays closed if it has seen a newer checkpoint. "+
			"Look for triggers, constraints, locks and damaged rows, and run this again", count(n, "request"))
	}
	if n := len(r.Result.Unlisted); n > 0 {
		advice("The list lacks %s of the log, which could not be repeated: receipts %s%s. Ask whoever has the salt of each what was erased, and erase it",
			count(n, "erasure"), idsOf(r.Result.Unlisted[:min(n, unlistedLogged)]), map[bool]string{true: " and others"}[n > unlistedLogged])
	}
	file := boot.CheckpointFile(r.cfg)
	if file == nil {
		return nil
	}
	log, err := translog.New(r.db, translog.Config{Checkpoints: readOnlyCheckpoint{file}})
	if err != nil {
		return boot.UnusableCheckpoint(file, err)
	}
	if err = log.Compare(ctx); !errors.Is(err, translog.ErrRolledBack) {
		return err
	}
	if size, err := file.Size(); r.Result.DryRun && (err != nil || size <= r.later.Tree.N) {
		return err // the replay itself fixes that
	}
	advice("The mirror does not reach the newest checkpoint seen, so the service stays closed. Find a mirror that does, such as an auditor's; " +
		"or give up this log: begin a new one under another name and publish why, see \"After a restore\" in docs/erasure.md")
	return nil
}

func idsOf(ids []uuid.UUID) (text string) {
	for i, id := range ids {
		if i > 0 {
			text += ", "
		}
		text += id.String()
	}
	return text
}

func (r *replay) progress(format string, args ...any) {
	if time.Since(r.reported) > auditProgress {
		r.reported = time.Now()
		_, _ = fmt.Fprintf(r.o.Progress, format+"\n", args...)
	}
}

func (r *replay) report() error {
	res := &r.Result
	if r.o.JSON {
		// Lists are never null.
		res.Receipts, res.Unlisted = append([]uuid.UUID{}, res.Receipts...), append([]uuid.UUID{}, res.Unlisted...)
		res.Refused = append([]refusedRequest{}, res.Refused...)
		res.Gaps, res.Advice = append([]offsite.Span{}, res.Gaps...), append([]string{}, res.Advice...)
		return writeJSON(r.o.Out, res)
	}
	var err error
	say := func(format string, args ...any) { err = errors.Join(err, r.o.print(format, args...)) }
	if res.DryRun {
		say("Nothing was changed. The list has %s; rows of %s exist again. The log lacks %d of %s.",
			count(res.Entries, "erasure"), count(res.Found, "request"), res.Missing, count(res.Size, "receipt"))
	} else {
		erased := res.Erased
		say("The list has %s; rows of %s existed again. Erased %s, %s, %s, %s, %s and %s, with %s. Restored to the log: %s.",
			count(res.Entries, "erasure"), count(res.Found, "request"), count(erased.Requests, "request"), count(erased.Steps, "step"),
			count(erased.Templates, "template"), count(erased.RawRequests, "raw request"), count(erased.RawResponses, "raw response"),
			count(erased.Tasks, "task"), count(len(res.Receipts), "receipt"), count(res.Added, "receipt"))
	}
	for _, refused := range res.Refused {
		say("Request %s exists again: %s.", refused.Request, refused.Message)
	}
	for _, gap := range res.Gaps {
		say("The list has a gap: erasures between %s and %s may be missing.", inWords(gap.After), inWords(gap.Before))
	}
	for _, advice := range res.Advice {
		say("Left to do: %s.", advice)
	}
	return err
}
