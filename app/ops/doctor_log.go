package ops

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lethe/adapters/offsite"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/migrate"
	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/domain"
)

const (
	unsealedToMention = time.Minute
	auditProgress     = 2 * time.Second // between lines of progress
)

// examineLog examines the whole log of erasures, however long that takes. name and
// url are those of fusillade's database.
func (d *doctor) examineLog(ctx context.Context, name, url string) {
	const check = "key of the log"
	s, err := boot.ReadSigning(d.cfg, nil)
	if err == nil && len(s.Signers) == 0 && d.cfg.Embedded() && d.log {
		err = boot.VanishedKey(d.cfg, url)
	}
	switch {
	case err != nil:
		d.add(Check{name, check, Problem, oneLine(err.Error()), "the service does not start until this is fixed", nil})
		s = &boot.Signing{}
	case len(s.Signers) == 0 && d.cfg.Embedded():
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none yet: the service creates one when it starts"})
	case len(s.Signers) == 0:
		d.add(Check{name, check, Warning, "none: receipts of erasures are not sealed", s.NoKey(), nil})
	case s.Advice != "":
		d.add(Check{name, check, Warning, s.Advice, "and create a new key if somebody may have read this one", nil})
	default:
		ids := make([]string, len(s.Signers))
		for i, signer := range s.Signers {
			ids[i] = signer.PublicKey().ID()
		}
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: strings.Join(ids, ", ")})
	}
	if !d.log {
		return // the missing tables have been reported
	}
	db, err := boot.OpenPool(d.cfg, url, 1)
	if d.failed(name, check, err) {
		return
	}
	defer db.Close()
	log, err := translog.New(db, boot.LogConfig(s, d.cfg))
	if d.failed(name, check, err) {
		return
	}
	d.ownMigrations(ctx, name, db)
	if d.whole {
		d.held(ctx, name, url)
	}
	d.standbys(ctx, name, db)
	d.cluster(ctx, name, db)
	d.seen(ctx, name, db, s)
	d.backlog(ctx, name, log)
	d.audit(ctx, name, log)
}

func (d *doctor) ownMigrations(ctx context.Context, name string, db *postgres.DB) {
	versions, err := migrate.OwnVersions(ctx, db.Pool())
	if d.failed(name, "Lethe's migrations", err) {
		return
	}
	for _, v := range versions {
		c := Check{Database: name, Name: "migrations of set " + v.Set, Finding: OK, Detail: fmt.Sprintf("%d, the newest", v.Applied)}
		switch {
		case v.Applied < v.Newest:
			c.Finding, c.Detail = Problem, fmt.Sprintf("%d, but this version needs %d", v.Applied, v.Newest)
			c.Advice = "as the owner of schema lethe, run `lethe migrate up`"
		case v.Applied > v.Newest:
			c.Finding, c.Detail = Warning, fmt.Sprintf("%d is newer than %d, the newest that this version knows", v.Applied, v.Newest)
			c.Advice = "run the version of Lethe that the database was upgraded for"
		}
		d.add(c)
	}
}

// standbys checks for the standbys that checkpoints wait for.
func (d *doctor) standbys(ctx context.Context, name string, db *postgres.DB) {
	const check = "standbys of the log"
	if len(d.cfg.Erasure.Standbys) == 0 {
		return
	}
	permitted, absent, err := inspect.AbsentStandbys(ctx, db.Pool(), d.cfg.Erasure.Standbys)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "connected: " + strings.Join(d.cfg.Erasure.Standbys, ", ")}
	switch {
	case !permitted:
		c.Finding, c.Detail = Problem, "the role may not see what standbys have replayed, so no checkpoint is published"
		c.Advice = "have a superuser GRANT pg_monitor to it, or remove erasure.standbys"
	case len(absent) > 0:
		c.Finding, c.Detail = Warning, "not connected, so no checkpoint is published: "+strings.Join(absent, ", ")
		c.Advice = "start them, or correct erasure.standbys: the names are the application_name of each standby's primary_conninfo"
	}
	d.add(c)
}

// cluster looks for erasures made in another cluster: before a dump was restored, or
// before an upgrade.
func (d *doctor) cluster(ctx context.Context, name string, db *postgres.DB) {
	const check = "cluster of erasures"
	attester, err := boot.NewAttester(db)
	if d.failed(name, check, err) {
		return
	}
	foreign, err := attester.Foreign(ctx)
	switch {
	case domain.CodeOf(err) == domain.CodeForbidden:
		d.add(Check{name, check, Warning, oneLine(err.Error()), "until then, levels cannot be attested after a dump is restored elsewhere", nil})
	case d.failed(name, check, err):
	case foreign > 0:
		d.add(Check{name, check, Warning, fmt.Sprintf("%s made in another cluster, before a dump was restored here or the server was upgraded, or by a version of Lethe that did not record the cluster; their transaction numbers mean nothing here", count(foreign, "erasure")),
			"run `lethe erasures attest` once the service has sealed them: the first complete vacuum in this cluster brings them to the level vacuumed", nil})
	default:
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "no erasure of another cluster waits to be attested"})
	}
}

// seen compares the database with the newest checkpoint seen.
func (d *doctor) seen(ctx context.Context, name string, db *postgres.DB, s *boot.Signing) {
	const check = "newest checkpoint seen"
	file := boot.CheckpointFile(d.cfg)
	if file == nil {
		d.add(Check{name, check, Warning, "it is not stored: a database restored from a backup goes unnoticed after a restart", boot.NoCheckpointFile, nil})
		return
	}
	if signed, err := file.Read(); err == nil && signed == nil {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none yet; it will be stored in " + file.Path()})
		return
	}
	log, err := translog.New(db, translog.Config{Signers: s.Signers, Checkpoints: readOnlyCheckpoint{file}})
	if err != nil {
		d.add(Check{name, check, Problem, oneLine(boot.UnusableCheckpoint(file, err).Error()), "the service does not start until this is fixed", nil})
		return
	}
	err = log.Compare(ctx)
	switch {
	case errors.Is(err, translog.ErrRolledBack):
		d.add(Check{name, check, Problem, oneLine(err.Error()), "run `lethe replay` on the folder of `lethe erasures export` before the service opens: see \"After a restore\" in docs/erasure.md", nil})
	case !d.failed(name, check, err):
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "the database continues it"})
	}
}

// readOnlyCheckpoint is a file that is read and never written.
type readOnlyCheckpoint struct{ *offsite.CheckpointFile }

func (readOnlyCheckpoint) Keep([]byte) error { return nil }

func (d *doctor) backlog(ctx context.Context, name string, log *translog.Log) {
	const check = "unsealed receipts"
	b, err := log.Backlog(ctx)
	if d.failed(name, check, err) {
		return
	}
	c := Check{Database: name, Name: check, Finding: OK, Detail: "none has been waiting for long"}
	if b.Waiting && b.Oldest > unsealedToMention {
		c.Finding, c.Detail = Warning, fmt.Sprintf("the oldest has been waiting for %s", b.Oldest.Round(time.Second))
		c.Advice = "the service seals them within seconds while it runs and has a key: check its log"
	}
	d.add(c)
}

// audit compares every receipt with what was sealed.
func (d *doctor) audit(ctx context.Context, name string, log *translog.Log) {
	const check = "log of erasures"
	reported := time.Now()
	audit, err := log.Audit(ctx, func(done, size int64) {
		if time.Since(reported) > auditProgress {
			reported = time.Now()
			_, _ = fmt.Fprintf(d.progress, "Compared %d of %s with the log of erasures\n", done, count(size, "receipt"))
		}
	})
	if d.failed(name, check, err) {
		return
	}
	for i, finding := range audit.Findings {
		c := Check{Database: name, Name: check, Finding: Problem, Detail: finding}
		if i == 0 {
			c.Advice = "nothing more is sealed: keep a copy of the database as it is, find out who changed it, compare it with mirrors of the log, and restore the original rows"
		}
		d.add(c)
	}
	if audit.More > 0 {
		d.add(Check{Database: name, Name: check, Finding: Problem, Detail: fmt.Sprintf("and %d more", audit.More)})
	}
	if len(audit.Findings) > 0 {
		return
	}
	detail := fmt.Sprintf("as it was sealed: %s and %s", count(audit.Size, "receipt"), count(audit.Checkpoints, "checkpoint"))
	if audit.Unverified > 0 {
		detail += fmt.Sprintf("; signed with keys that are not configured: %s", count(audit.Unverified, "checkpoint"))
	}
	d.add(Check{Database: name, Name: check, Finding: OK, Detail: detail + "; " + notSealed})
}

// notSealed names what no checkpoint signs.
const notSealed = "this does not cover holds, bulk erasures, the table of their receipts, rules and the access log, which are unsigned"

// held checks whether something has bypassed holds or is about to.
func (d *doctor) held(ctx context.Context, name, url string) {
	const check = "what is held"
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := boot.OpenPool(d.cfg, url, 1, boot.SearchPath(d.cfg)...)
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
	const guard = "to make the database refuse this, have the owner of dwctl's tables install what `lethe guard` prints"
	if n := len(found.Gone); n > 0 {
		number := fmt.Sprint(n)
		if n == fusillade.MaxGone {
			number += " or more"
		}
		d.add(Check{name, check, Warning, fmt.Sprintf("responses named by holds that something other than Lethe deleted: %s, such as %s of hold %s", number, found.Gone[0].Response, found.Gone[0].Hold),
			"find out what deleted them, such as dwctl's own DELETE or purge, and then release the hold; " + guard, nil})
	}
	if found.Waiting > 0 {
		d.add(Check{name, check, Warning, count(int(found.Waiting), "purge") + " of dwctl (purge-user-data), waiting or running, would remove held responses",
			"stop it in underway.task before it runs, or release the hold; " + guard, nil})
	}
	if found.Failed > 0 {
		d.add(Check{name, check, Warning, count(int(found.Failed), "purge") + " of dwctl (purge-user-data) failed, and some of its responses are held",
			"with the guard of `lethe guard` this is expected; the person's other responses stay, too: erase them by owner with Lethe, or everything once the hold ends", nil})
	}
	if len(found.Gone)+int(found.Waiting+found.Failed) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "no response that a hold names is gone, and no purge of held responses is waiting"})
	}
}
