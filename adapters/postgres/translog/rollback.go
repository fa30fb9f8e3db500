package translog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/domain"
)

// Compare verifies that the database's newest published checkpoint is or extends the newest
// one seen, by this process or by another that shares its store, and keeps it. If not,
// it fails with ErrRolledBack. It makes one round trip, and another if the log has
// grown. Other errors are those of Checkpoint.
func (l *Log) Compare(ctx context.Context) error {
	// What is kept now was committed before the following query.
	if err := l.recall(); err != nil {
		return &domain.Error{Code: domain.CodeInternal, Message: "Could not read the newest known checkpoint; see the service's log", Cause: err}
	}
	if _, err := l.Checkpoint(ctx); err != nil && domain.CodeOf(err) != domain.CodeNotFound {
		return err
	}
	return nil
}

// recall reads the kept checkpoint.
func (l *Log) recall() error {
	if l.kept == nil {
		return nil
	}
	signed, err := l.kept.Read()
	if err != nil || signed == nil {
		return err
	}
	n, err := note.Open(signed, l.verifiers)
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		n = unverified.Note // by a former key
	} else if err != nil {
		return fmt.Errorf("the saved checkpoint is damaged: %w", err)
	}
	tree, err := l.tree([]byte(n.Text))
	if err != nil {
		return fmt.Errorf("the saved checkpoint is not of this log: %w", err)
	}
	l.saw(tree)
	return nil
}

// see keeps a published tree and then records it.
func (l *Log) see(tree tlog.Tree, signed []byte) error {
	if l.kept != nil && tree.N > l.seen.Load().N {
		if err := l.kept.Keep(signed); err != nil {
			return &domain.Error{
				Code:    domain.CodeUnavailable,
				Message: "Could not save the newest checkpoint of the log of erasures, so it is not shown; see the service's log",
				Cause:   fmt.Errorf("save the checkpoint of size %d: %w", tree.N, err),
			}
		}
	}
	l.saw(tree)
	return nil
}

// saw records that a tree has been published.
func (l *Log) saw(tree tlog.Tree) {
	for {
		known := l.seen.Load()
		if known.N >= tree.N || l.seen.CompareAndSwap(known, &tree) {
			return
		}
	}
}
