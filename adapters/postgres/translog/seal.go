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

// MaxSealed is how many receipts one call of Seal seals at most.
const MaxSealed = 10_000

// lockKey is "lethelog" in ASCII.
const lockKey = 0x6c657468656c6f67

// ErrNoKey is returned by Seal without a key.
var ErrNoKey = domain.Errorf(domain.CodeInternal, "No key to sign the log of erasures with")

// Backlog is the pending work of Seal and Publish.
type Backlog struct {
	Waiting   bool          // some receipts are in no tree
	Oldest    time.Duration // how long the first of these has been waiting
	Size      int64         // leaves of the tree
	Published int64         // of these, those that a published checkpoint covers
}

// Backlog reads the pending work. It makes one round trip and locks nothing. Errors are
// those of MapError.
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

// Sealing returns when the newest tree was signed (nil: none was), and how many receipts
// wait to be sealed, at most limit. It makes one round trip. Errors are those of
// MapError.
func (l *Log) Sealing(ctx context.Context, limit int64) (sealedAt *time.Time, unsealed int64, err error) {
	var row dbsqlc.SealingRow
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).Sealing(ctx, limit)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if !row.SealedAt.Equal(domain.InfinitePast) {
		sealedAt = &row.SealedAt
	}
	return sealedAt, row.Unsealed, nil
}

// Seal makes the oldest unsealed receipts leaves, at most MaxSealed of them, signs the
// resulting tree, and returns how many. It is one transaction. If several processes
// seal at once, one works and the others return 0 at once.
//
// Before that, Seal verifies that the tree is the one signed last, that no later one
// has been seen published, and that some receipts are unchanged since sealing: those of
// the last tile, and from call to call all others in turn. If not, it seals nothing: a
// log that continues from a changed or rewound database would be a fork. Other errors:
// ErrNoKey; CodeUnavailable with n set if the tree was sealed but could not be kept in
// Config.Checkpoints; those of MapError.
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

type sealing struct {
	*Log
	tx      postgres.Conn
	queries *dbsqlc.Queries
}

// check returns the edge of the tree after verifying that it is the tree signed last.
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
		return nil, damaged("receipts or tiles lie outside of the tree, which has size %d", state.Size)
	case newest.Size != state.Size:
		return nil, damaged("the tree has size %d and the newest checkpoint %d", state.Size, newest.Size)
	case seen.N > state.Size:
		return nil, older("the tree has size %d, but a checkpoint of size %d was published: the database is an older state of itself", state.Size, seen.N)
	case state.Size == 0:
		return &edge{}, nil
	case state.Origin != s.origin:
		return nil, domain.Errorf(domain.CodeInternal, "The log of erasures in this database is %s, but the keys belong to %s", state.Origin, s.origin)
	}
	tree, err := s.open(newest.Note)
	if err != nil {
		return nil, err
	}
	if tree.N != state.Size || !bytes.Equal(tree.Hash[:], state.Root) {
		return nil, damaged("the newest checkpoint belongs to another tree than the stored one")
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

// grow adds the waiting receipts and signs.
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
			return domain.Errorf(domain.CodeInternal, "Unsealed receipts belong to the log %q, but the keys to %s: use a key whose name is that of the log", log, s.origin)
		case name != id.String():
			return damaged("receipt %s contains the id %q", id, name)
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
		return 0, tlog.Tree{}, nil, &domain.Error{Code: domain.CodeInternal, Message: "Could not sign the log of erasures", Cause: err}
	}
	var b pgx.Batch
	queue(&b, func(q *dbsqlc.Queries) error {
		sealed, err := q.Seal(ctx, dbsqlc.SealParams{Ids: ids, LeafIndexes: places})
		if err == nil && sealed != e.size-first {
			return damaged("of %d receipts, %d were sealed", e.size-first, sealed)
		}
		return err
	})
	queueTree(ctx, &b, s.origin, tree, grown, signed, len(s.standbys) == 0)
	return len(ids), tree, signed, s.tx.SendBatch(ctx, &b).Close()
}

// queue adds a query to a batch, like postgres.Queue.
func queue(b *pgx.Batch, call func(*dbsqlc.Queries) error) *pgx.QueuedQuery {
	return postgres.Queue(b, func(db postgres.DBTX) error { return call(dbsqlc.New(db)) })
}

// queueTree adds statements that store a signed tree and some of its tiles.
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

// The beginning of a receipt in its canonical form.
const (
	beforeID  = `{"version":"` + receipt.Version + `","id":"`
	beforeLog = `","log":"`
	lengthID  = len("00000000-0000-0000-0000-000000000000")
)

// nameOf returns the id of a receipt and the log that it names; empty if it is not a
// receipt. Parsing all of it would take longer than sealing it.
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
