package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"lethe/adapters/offsite"
	"lethe/adapters/postgres/translog"
	"lethe/domain"
)

// embeddedCheckpoint is the file in which the embedded mode keeps the newest
// checkpoint that was seen.
const embeddedCheckpoint = "erasure.checkpoint"

const noCheckpointFile = "name a file for it in erasure.checkpoint_file (LETHE_ERASURE_CHECKPOINT_FILE), on another disk than the database's"

// checkpointFile is where the newest checkpoint that was seen is kept; nil: nowhere.
func checkpointFile(cfg *Config) *offsite.CheckpointFile {
	switch {
	case cfg.Erasure.CheckpointFile != "":
		return offsite.CheckpointFileAt(cfg.Erasure.CheckpointFile)
	case cfg.Embedded():
		return offsite.CheckpointFileAt(filepath.Join(cfg.DataDir, embeddedCheckpoint))
	}
	return nil
}

// openLog is the log with what was seen of it before.
func openLog(p *pools, s *signing, cfg *Config) (*translog.Log, error) {
	c := logConfig(s, cfg)
	file := checkpointFile(cfg)
	if file == nil {
		return translog.New(p.fusillade.Primary, c)
	}
	if err := file.Writable(); err != nil {
		return nil, fmt.Errorf("the newest checkpoint of the log of erasures cannot be kept in %s: %w: make its folder and let this user write there, or correct erasure.checkpoint_file", file.Path(), err)
	}
	c.Checkpoints = file
	log, err := translog.New(p.fusillade.Primary, c)
	if err != nil {
		err = unusable(file, err)
	}
	return log, err
}

// unusable says what to do about a file of a checkpoint that cannot be gone by.
func unusable(file *offsite.CheckpointFile, err error) error {
	return fmt.Errorf("%s, which keeps the newest checkpoint of the log of erasures that was seen: %w: put back what was there, or correct erasure.checkpoint_file; take the file away only when you are sure that the database is the newest", file.Path(), err)
}

// rollbackGuard tells whether the database is as new as what was seen of it.
type rollbackGuard struct {
	ledger *translog.Log
	asked  atomic.Bool
	older  atomic.Pointer[domain.Error] // nil: it is, as far as is known
}

func newRollbackGuard(l *translog.Log) *rollbackGuard { return &rollbackGuard{ledger: l} }

// check asks the database. Where it is older, the error says so.
func (c *rollbackGuard) check(ctx context.Context) error {
	err := c.ledger.Compare(ctx)
	e, _ := errors.AsType[*domain.Error](err)
	switch {
	case err == nil:
		c.older.Store(nil)
		c.asked.Store(true)
	case errors.Is(err, translog.ErrRolledBack):
		c.older.Store(e)
		c.asked.Store(true)
	}
	return err
}

// reason is why nothing may be answered while the database is older than what was
// seen of it: responses that were erased may be there again.
func (c *rollbackGuard) reason(ctx context.Context) *domain.Error {
	if !c.asked.Load() {
		_ = c.check(ctx) // one that does not answer fails the request itself
	}
	return c.older.Load()
}
