package serve

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

// openLog opens the log with its checkpoint file.
func openLog(p *pools, s *boot.Signing, cfg *config.Config) (*translog.Log, error) {
	c := boot.LogConfig(s, cfg)
	file := boot.CheckpointFile(cfg)
	if file == nil {
		return translog.New(p.fusillade.Primary, c)
	}
	if err := file.Writable(); err != nil {
		return nil, fmt.Errorf("write checkpoint file %s: %w: make its folder and let this user write there, or correct erasure.checkpoint_file", file.Path(), err)
	}
	c.Checkpoints = file
	log, err := translog.New(p.fusillade.Primary, c)
	if err != nil {
		err = boot.UnusableCheckpoint(file, err)
	}
	return log, err
}

// rollbackGuard checks that the database has not been rolled back: that its log
// continues the newest checkpoint seen.
type rollbackGuard struct {
	ledger *translog.Log
	asked  atomic.Bool
	older  atomic.Pointer[domain.Error] // nil: not rolled back, as far as known
}

func newRollbackGuard(l *translog.Log) *rollbackGuard { return &rollbackGuard{ledger: l} }

// check queries the database; translog.ErrRolledBack means that it was rolled back.
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

// reason is why requests must not be answered: in a database that was rolled back,
// erased responses may exist again.
func (c *rollbackGuard) reason(ctx context.Context) *domain.Error {
	if !c.asked.Load() {
		_ = c.check(ctx) // if the database is unreachable, the request itself fails
	}
	return c.older.Load()
}
