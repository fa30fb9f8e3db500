// Package translog keeps the log of erasures in Postgres: receipts become leaves of a
// Merkle tree (RFC 6962) in tiles of 256 hashes. Every state of it is signed and, once
// no failover can lose it, published.
//
// [Log] seals, signs, publishes and reads the log as its [Config] says. [Audit] is the
// result of checking the whole log.
package translog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// ErrRolledBack means that the database's log does not extend the newest checkpoint
// seen: the database was restored, or is another.
var ErrRolledBack = errors.New("the log is older than its newest known checkpoint")

func older(format string, args ...any) *domain.Error {
	return &domain.Error{
		Code:    domain.CodeInternal,
		Message: "The database's log of erasures is older than the newest checkpoint that this service has seen, or has a different history: run `lethe replay`",
		Cause:   fmt.Errorf("%w: %w", ErrRolledBack, fmt.Errorf(format, args...)),
	}
}

// Config says who signs the log and which standbys must have it.
type Config struct {
	// Signers sign every checkpoint, the newest key first; all have the same origin.
	// None: the log can be read, and nothing is sealed.
	Signers []receipt.Signer
	// Standbys are the application_names of the standbys that must replay a checkpoint
	// before it is published. None: it is published at once.
	Standbys []string
	// Witnesses are the keys whose signatures may be added to checkpoints.
	Witnesses []receipt.PublicKey
	// Checkpoints keeps the newest checkpoint seen across restarts; nil: only this
	// process remembers it.
	Checkpoints CheckpointStore
}

// CheckpointStore keeps the newest checkpoint seen outside of the database. Several
// processes may share it.
type CheckpointStore interface {
	// Read returns the checkpoint, a signed note; nil if there is none yet.
	Read() ([]byte, error)
	// Keep stores a checkpoint, unless it holds one of at least as many leaves. It is
	// durable on return.
	Keep(signed []byte) error
}

type Log struct {
	db        *postgres.DB
	origin    string
	signers   []note.Signer
	keys      []receipt.PublicKey // the log's own and those of witnesses; none without signers
	witnesses int                 // how many of these are witnesses'
	verifiers note.Verifiers
	standbys  []string

	// seen is the newest published tree that this process knows: what was shown cannot
	// be taken back. It is set after it is kept.
	seen atomic.Pointer[tlog.Tree]
	kept CheckpointStore // may be nil
	// next is the tile at which the next sealing begins its rounds.
	next atomic.Int64
}

// New makes the log on the primary of fusillade's database. It fails if the checkpoint
// in cfg.Checkpoints cannot be read, is damaged or is of another log.
func New(db *postgres.DB, cfg Config) (*Log, error) {
	if db == nil {
		return nil, errors.New("the log needs a database")
	}
	l := &Log{db: db, standbys: slices.Clone(cfg.Standbys), kept: cfg.Checkpoints}
	l.seen.Store(&tlog.Tree{})
	verifiers := make([]note.Verifier, len(cfg.Signers))
	for i, s := range cfg.Signers {
		public := s.PublicKey()
		if i > 0 && public.Name() != l.origin {
			return nil, fmt.Errorf("the log's keys have two origins, %s and %s: all must have one", l.origin, public.Name())
		}
		l.origin = public.Name()
		l.signers = append(l.signers, s)
		l.keys = append(l.keys, public)
		var err error
		if verifiers[i], err = note.NewVerifier(public.String()); err != nil {
			return nil, fmt.Errorf("read the log's public key: %w", err)
		}
	}
	for _, key := range cfg.Witnesses {
		if !key.Witness() || key.Name() == l.origin {
			return nil, fmt.Errorf("key %s belongs to a log, not to a witness", key.ID())
		}
		if len(l.signers) > 0 {
			l.keys = append(l.keys, key)
			l.witnesses++
		}
	}
	l.verifiers = note.VerifierList(verifiers...)
	if err := l.recall(); err != nil {
		return nil, err
	}
	return l, nil
}

// ErrDamaged is wrapped by errors that say that the log does not match its signatures.
var ErrDamaged = errors.New("the log does not match its signatures")

func damaged(format string, args ...any) *domain.Error {
	return &domain.Error{
		Code:    domain.CodeInternal,
		Message: "The log of erasures does not match its signatures; run `lethe doctor`",
		Cause:   damage{fmt.Errorf(format, args...)},
	}
}

type damage struct{ error }

func (damage) Is(target error) bool { return target == ErrDamaged }

// Publish publishes the checkpoints that all configured standbys have replayed, by the
// write-ahead log position read after the checkpoint's commit: a failover to one of
// them cannot lose these. It returns their number, and the standbys that are not
// connected. Several processes may call it. It fails with CodeInternal if the role may
// not see what standbys have replayed; other errors are those of MapError.
func (l *Log) Publish(ctx context.Context) (published int64, absent []string, err error) {
	permitted := true
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		queries := dbsqlc.New(c)
		if len(l.standbys) == 0 {
			published, err = queries.PublishAll(ctx)
			return err
		}
		if err := queries.MarkPlace(ctx); err != nil {
			return err
		}
		return c.QueryRow(ctx, publishReplayed, l.standbys).Scan(&permitted, &published, &absent)
	})
	switch {
	case err != nil:
		return 0, nil, err
	case !permitted:
		return 0, nil, domain.Errorf(domain.CodeInternal, "No checkpoint was published, since the role may not see what the standbys have replayed: GRANT pg_monitor to it")
	}
	return published, absent, nil
}

// A standby that is not connected has replayed nothing; of several with the same name,
// only the one furthest behind counts.
const publishReplayed = `-- name: PublishReplayed :one
WITH standbys AS (
    SELECT wanted.name, min(coalesce(r.replay_lsn, '0/0')) FILTER (WHERE r.pid IS NOT NULL) AS replayed
    FROM unnest($1::text[]) AS wanted (name)
    LEFT JOIN pg_stat_replication r ON r.application_name = wanted.name
    GROUP BY wanted.name
), published AS (
    UPDATE lethe.checkpoints c SET published_at = clock_timestamp()
    WHERE c.published_at IS NULL AND c.lsn <= (SELECT min(coalesce(s.replayed, '0/0')) FROM standbys s)
    RETURNING c.size
)
SELECT pg_has_role('pg_read_all_stats', 'USAGE'),
       (SELECT count(*) FROM published),
       ARRAY (SELECT s.name FROM standbys s WHERE s.replayed IS NULL ORDER BY s.name)`
