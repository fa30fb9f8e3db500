// Package ledger keeps the log of erasures in Postgres: receipts become leaves
// of a Merkle tree (RFC 6962) in tiles of 256 hashes, every state of which is
// signed and, once no failover can lose it, published.
package ledger

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/receipt"
)

// Config says who signs the log and who has to have it.
type Config struct {
	// Signers sign every checkpoint, the newest key first; all are of one
	// origin. None: the log can be read, and nothing is sealed.
	Signers []receipt.Signer
	// Standbys are the application_names of those that have to have replayed a
	// checkpoint before it is published. None: it is published at once.
	Standbys []string
}

// Log is the log of erasures.
type Log struct {
	db        *postgres.DB
	origin    string
	signers   []note.Signer
	keys      []string
	verifiers note.Verifiers
	standbys  []string

	// seen is the newest published tree that this process knows of: what was
	// shown cannot be taken back.
	seen atomic.Pointer[tlog.Tree]
	// next is the tile that the next sealing begins its rounds with.
	next atomic.Int64
}

// New makes the log on the primary of the database that fusillade is in.
func New(db *postgres.DB, cfg Config) (*Log, error) {
	if db == nil {
		return nil, errors.New("the log needs a database")
	}
	l := &Log{db: db, standbys: slices.Clone(cfg.Standbys)}
	l.seen.Store(&tlog.Tree{})
	verifiers := make([]note.Verifier, len(cfg.Signers))
	for i, s := range cfg.Signers {
		public := s.PublicKey()
		if i > 0 && public.Name() != l.origin {
			return nil, fmt.Errorf("the keys of the log are of two origins, %s and %s", l.origin, public.Name())
		}
		l.origin = public.Name()
		l.signers = append(l.signers, s)
		l.keys = append(l.keys, public.String())
		var err error
		if verifiers[i], err = note.NewVerifier(public.String()); err != nil {
			return nil, fmt.Errorf("the public key of the log: %w", err)
		}
	}
	l.verifiers = note.VerifierList(verifiers...)
	return l, nil
}

// damaged says what of the log is not as it was signed.
func damaged(format string, args ...any) *domain.Error {
	return &domain.Error{
		Code:    domain.CodeInternal,
		Message: "The log of erasures is not as it was signed; run `lethe doctor`",
		Cause:   fmt.Errorf(format, args...),
	}
}
