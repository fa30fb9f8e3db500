package translog

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// MaxSealed is how many receipts a call of Seal takes at most.
const MaxSealed = 10_000

// lockKey is "lethelog" in ASCII.
const lockKey = 0x6c657468656c6f67

// ErrNoKey is what Seal returns where no key was given.
var ErrNoKey = domain.Errorf(domain.CodeInternal, "There is no key to sign the log of erasures with")

// Backlog is what there is to do for Seal and Publish.
type Backlog struct {
	Waiting   bool          // there are receipts that no tree holds
	Oldest    time.Duration // how long the first of these has been waiting
	Size      int64         // leaves of the tree
	Published int64         // of these, how many a published checkpoint covers
}

// Backlog looks at what there is to do. It makes one round trip and locks
// nothing. Errors as of MapError.
func (l *Log) Backlog(ctx context.Context) (Backlog, error) {
	var row dbsqlc.BacklogRow
	err := l.db.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).Backlog(ctx)
		return err
	})
	if err != nil {
		return Backlog{}, err
	}
	return Backlog{
		Waiting:   row.OldestSeconds >= 0,
		Oldest:    time.Duration(max(row.OldestSeconds, 0) * float64(time.Second)),
		Size:      row.Size,
		Published: row.Published,
	}, nil
}

// Seal makes the oldest receipts that no tree holds yet leaves, at most
// MaxSealed of them, and signs the tree that they make; n is how many. All of
// it is one transaction. Of any number of processes that seal one does, and the
// others return 0 at once.
//
// Before that, it makes sure that the tree is the one that was signed last, that
// no later one has been seen published, and that some of the receipts are still
// what was sealed: those of the last tile, and, from one call to the next, all
// others in turn. Where that is not so, nothing is sealed: a log that goes on
// from a changed or rewound database would be a fork. Other errors: ErrNoKey,
// CodeUnavailable beside n where the tree has been sealed and could not be kept
// in Config.Checkpoints, and as of MapError.
func (l *Log) Seal(ctx context.Context) (n int, err error) {
	if len(l.signers) == 0 {
		return 0, ErrNoKey
	}
	seen := *l.seen.Load()
	var tree tlog.Tree
	var signed []byte
	err = l.db.Tx(ctx, func(tx *postgres.Tx) error {
		s := sealing{Log: l, tx: tx, queries: dbsqlc.New(tx)}
		n = 0
		turn, err := s.queries.TakeTurn(ctx, lockKey)
		if err != nil || !turn.Taken {
			return err
		}
		old, err := s.check(ctx, seen)
		if err != nil {
			return err
		}
		n, tree, signed, err = s.grow(ctx, old)
		return err
	})
	if err != nil {
		return 0, err
	}
	if n > 0 && len(l.standbys) == 0 {
		err = l.see(tree, signed)
	}
	return n, err
}

// sealing is one transaction that seals.
type sealing struct {
	*Log
	tx      postgres.Conn
	queries *dbsqlc.Queries
}

// check returns the edge of the tree, once that is known to be the one that was
// signed last.
func (s *sealing) check(ctx context.Context, seen tlog.Tree) (*edge, error) {
	state, err := s.queries.LockState(ctx)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	newest, err := s.queries.Newest(ctx)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, err
	}
	beyond, err := s.queries.Beyond(ctx, state.Size)
	switch {
	case err != nil:
		return nil, err
	case beyond:
		return nil, damaged("receipts or tiles lie outside of the tree, which is of size %d", state.Size)
	case newest.Size != state.Size:
		return nil, damaged("the tree is of size %d and the newest checkpoint %d", state.Size, newest.Size)
	case seen.N > state.Size:
		return nil, older("the tree is of size %d, and a checkpoint of size %d has been published: the database is an older state of itself", state.Size, seen.N)
	case state.Size == 0:
		return &edge{}, nil
	case state.Origin != s.origin:
		return nil, domain.Errorf(domain.CodeInternal, "The log of erasures in this database is %s and the keys are of %s", state.Origin, s.origin)
	}
	tree, err := s.open(newest.Note)
	if err != nil {
		return nil, err
	}
	if tree.N != state.Size || !bytes.Equal(tree.Hash[:], state.Root) {
		return nil, damaged("the newest checkpoint is of another tree than the one that is there")
	}
	ranges := s.rounds(tree.N)
	tiles, err := s.readTiles(ctx, tree.N, ranges, seen)
	if err != nil {
		return nil, err
	}
	if err := authenticate(tree, tiles, ranges, seen); err != nil {
		return nil, err
	}
	for _, r := range ranges {
		if err := s.compare(ctx, r, tiles); err != nil {
			return nil, err
		}
	}
	return newEdge(tree.N, tiles)
}

// grow adds what there is to be added, and signs.
func (s *sealing) grow(ctx context.Context, e *edge) (int, tlog.Tree, []byte, error) {
	first := e.size
	var ids []uuid.UUID
	var places []int64
	var grown tileRows
	rows, err := s.tx.Query(ctx, dbsqlc.Unsealed, int32(MaxSealed))
	if err != nil {
		return 0, tlog.Tree{}, nil, err
	}
	var id uuid.UUID
	var body pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&id, &body}, func() error {
		switch name, log := nameOf(body); {
		case log != s.origin:
			return domain.Errorf(domain.CodeInternal, "Receipts of the log %q are waiting to be sealed, and the keys are of %s: the log needs a key of the name that its receipts give it", log, s.origin)
		case name != id.String():
			return damaged("receipt %s says that it is %q", id, name)
		}
		ids, places = append(ids, id), append(places, e.size)
		e.add(tlog.RecordHash(body), grown.add)
		return nil
	})
	if err != nil || len(ids) == 0 {
		return 0, tlog.Tree{}, nil, err
	}
	for _, t := range e.partial() {
		grown.add(t)
	}
	tree := tlog.Tree{N: e.size, Hash: e.root()}
	signed, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: s.origin, Size: tree.N, Root: tree.Hash}, s.signers...)
	if err != nil {
		return 0, tlog.Tree{}, nil, &domain.Error{Code: domain.CodeInternal, Message: "The log of erasures could not be signed", Cause: err}
	}
	var b pgx.Batch
	queue(&b, func(q *dbsqlc.Queries) error {
		sealed, err := q.Seal(ctx, dbsqlc.SealParams{Ids: ids, LeafIndexes: places})
		if err == nil && sealed != e.size-first {
			return damaged("of %d receipts %d were sealed", e.size-first, sealed)
		}
		return err
	})
	queueTree(ctx, &b, s.origin, tree, grown, signed, len(s.standbys) == 0)
	return len(ids), tree, signed, s.tx.SendBatch(ctx, &b).Close()
}

// queue adds a query to a batch, as of postgres.Queue.
func queue(b *pgx.Batch, call func(*dbsqlc.Queries) error) *pgx.QueuedQuery {
	return postgres.Queue(b, func(db postgres.DBTX) error { return call(dbsqlc.New(db)) })
}

// queueTree adds what stores a tree that has been signed, with tiles of it.
func queueTree(ctx context.Context, b *pgx.Batch, origin string, tree tlog.Tree, tiles tileRows, signed []byte, publish bool) {
	tiles.queue(ctx, b)
	queue(b, func(q *dbsqlc.Queries) error {
		return q.PutCheckpoint(ctx, dbsqlc.PutCheckpointParams{Size: tree.N, Note: signed, Publish: publish})
	})
	queue(b, func(q *dbsqlc.Queries) error {
		return q.PutState(ctx, dbsqlc.PutStateParams{Origin: origin, Size: tree.N, Root: tree.Hash[:]})
	})
}

// tileRows are tiles to be stored.
type tileRows struct {
	levels  []int32
	indexes []int64
	hashes  [][]byte
}

func (r tileRows) queue(ctx context.Context, b *pgx.Batch) {
	if len(r.levels) > 0 {
		queue(b, func(q *dbsqlc.Queries) error {
			return q.PutTiles(ctx, dbsqlc.PutTilesParams{Levels: r.levels, Indexes: r.indexes, Hashes: r.hashes})
		})
	}
}

func (r *tileRows) add(t tile) {
	r.levels = append(r.levels, int32(t.level))
	r.indexes = append(r.indexes, t.index)
	r.hashes = append(r.hashes, join(t.hashes))
}

// What a receipt begins with, in its canonical form.
const (
	beforeID  = `{"version":"` + receipt.Version + `","id":"`
	beforeLog = `","log":"`
	lengthID  = len("00000000-0000-0000-0000-000000000000")
)

// nameOf is the id of a receipt and the log that it says it is of; empty where
// it is no receipt. To read all of it would take longer than to seal it.
func nameOf(body []byte) (id, log string) {
	rest, ok := bytes.CutPrefix(body, []byte(beforeID))
	if !ok || len(rest) < lengthID {
		return "", ""
	}
	id = string(rest[:lengthID])
	if rest, ok = bytes.CutPrefix(rest[lengthID:], []byte(beforeLog)); !ok {
		return "", ""
	}
	name, _, _ := bytes.Cut(rest, []byte(`"`))
	return id, string(name)
}
