package translog

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// Later is a later state of the log, kept outside of a database that has been restored
// since. The caller has verified the checkpoint's signatures.
type Later struct {
	Origin     string
	Checkpoint []byte // a signed note
	Tree       tlog.Tree
	Tiles      tlog.TileReader // of the tree; what it reads is verified here
	// Leaves calls each with the receipts from a leaf on. They are verified here, too.
	Leaves func(first int64, each func(body []byte) error) error
	// Secrets returns what was known of a receipt; a nil salt if nothing was.
	Secrets func(receipt uuid.UUID) (salt []byte, actor *uuid.UUID)
}

// ErrForked means that the database's log is neither the beginning of the later state
// nor its continuation.
var ErrForked = errors.New("the log has a different history")

// Missing counts the leaves of the later state that the database lacks; 0 if it has
// that state or a later one. It fails with ErrForked if the pasts differ. It changes
// nothing. Other errors are those of MapError.
func (l *Log) Missing(ctx context.Context, later Later) (n int64, err error) {
	var state dbsqlc.StateRow
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		state, err = dbsqlc.New(c).State(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	if state.Size <= later.Tree.N {
		return later.Tree.N - state.Size, later.begins(state.Origin, state.Size, state.Root)
	}
	proof, err := l.Consistency(ctx, later.Tree.N, state.Size)
	switch {
	case err != nil:
		return 0, err
	case state.Origin != later.Origin || len(state.Root) != tlog.HashSize,
		later.Tree.N > 0 && tlog.CheckTree(proof, state.Size, tlog.Hash(state.Root), later.Tree.N, later.Tree.Hash) != nil:
		return 0, forked(state.Size)
	}
	return 0, nil
}

func forked(size int64) error {
	return &domain.Error{
		Code: domain.CodeInternal,
		Message: "The log of erasures in the database is not the beginning of the saved one: it is another log, or it has grown since it was restored. " +
			"Restore again and keep the service closed until then; or begin a new log and publish why: docs/erasure.md, After a restore",
		Cause: ErrForked,
	}
}

// begins verifies that a tree is the beginning of the later one.
func (later Later) begins(origin string, size int64, root []byte) error {
	if size == 0 {
		return nil
	}
	then, err := tlog.TreeHash(size, tlog.TileHashReader(later.Tree, later.Tiles))
	switch {
	case err != nil:
		return unlike(err)
	case origin != later.Origin || !bytes.Equal(then[:], root):
		return forked(size)
	}
	return nil
}

// unlike is the error for a later state that contradicts its checkpoint.
func unlike(err error) error {
	return &domain.Error{Code: domain.CodeInternal, Message: "The saved log of erasures is damaged; nothing was changed", Cause: err}
}

// MayComplete reports whether the role has the privileges for Complete. Errors are
// those of MapError.
func (l *Log) MayComplete(ctx context.Context) (may bool, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		may, err = dbsqlc.New(c).MayComplete(ctx)
		return err
	})
	return may, err
}

// leavesAtOnce is how many leaves one statement adds.
const leavesAtOnce = 500

// Complete adds what the database lacks of the later state: exactly the sealed leaves,
// in their places, with the tiles over them and the checkpoint, which counts as
// published. It is one transaction, does nothing if nothing is missing, and returns the
// number of leaves added. It needs more privileges than the service has. It fails with
// CodeUnavailable during a sealing; other errors are those of Missing.
func (l *Log) Complete(ctx context.Context, later Later, progress func(done int64)) (added int64, err error) {
	err = l.db.Tx(ctx, func(tx *postgres.Tx) error {
		queries := dbsqlc.New(tx)
		turn, err := queries.TakeTurn(ctx, lockKey)
		if err != nil {
			return err
		}
		if !turn.Taken {
			return domain.Errorf(domain.CodeUnavailable, "A service is sealing the log of erasures: stop every service on this database, and run this again")
		}
		state, err := queries.LockState(ctx)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if added = later.Tree.N - state.Size; added <= 0 {
			added = 0
			return nil
		}
		if err := later.begins(state.Origin, state.Size, state.Root); err != nil {
			return err
		}
		c := completion{tx: tx, later: later, progress: progress}
		if c.edge, err = later.edge(state.Size); err != nil {
			return err
		}
		return c.run(ctx)
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// edge returns the right edge of the tree at an earlier size.
func (later Later) edge(size int64) (*edge, error) {
	tiles, hashes := tileSet{}, tlog.TileHashReader(later.Tree, later.Tiles)
	for _, t := range edgeTiles(size) {
		indexes := make([]int64, t.W)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(tileHeight*t.L, t.N*tileWidth+int64(i))
		}
		read, err := hashes.ReadHashes(indexes)
		if err != nil {
			return nil, unlike(err)
		}
		tiles[place{t.L, t.N}] = join(read)
	}
	return newEdge(size, tiles)
}

type completion struct {
	tx       postgres.Conn
	later    Later
	edge     *edge
	progress func(done int64)

	tiles  tileRows
	ids    []uuid.UUID
	abouts []*uuid.UUID
	levels []string
	bodies [][]byte
	times  []time.Time
	places []int64
	salted []uuid.UUID
	salts  [][]byte
	actors []*uuid.UUID
}

func (c *completion) run(ctx context.Context) error {
	err := c.later.Leaves(c.edge.size, func(body []byte) error {
		if err := c.add(body); err != nil {
			return err
		}
		if len(c.ids) == leavesAtOnce {
			return c.flush(ctx)
		}
		return nil
	})
	if err == nil {
		err = c.flush(ctx)
	}
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: c.edge.size, Hash: c.edge.root()}
	if tree != c.later.Tree {
		return unlike(errors.New("the receipts do not match the signed tree"))
	}
	for _, t := range c.edge.partial() {
		c.tiles.add(t)
	}
	var b pgx.Batch
	queueTree(ctx, &b, c.later.Origin, tree, c.tiles, c.later.Checkpoint, true)
	return c.tx.SendBatch(ctx, &b).Close()
}

func (c *completion) add(body []byte) error {
	r, err := receipt.Parse(body)
	if err != nil {
		return unlike(err)
	}
	if c.edge.size >= c.later.Tree.N || r.Log != c.later.Origin {
		return unlike(errors.New("it has receipts that the tree does not have"))
	}
	var about *uuid.UUID
	if r.Level != receipt.LevelLogical {
		about = &r.About
	}
	c.ids, c.bodies = append(c.ids, r.ID), append(c.bodies, bytes.Clone(body))
	c.abouts, c.levels = append(c.abouts, about), append(c.levels, string(r.Level))
	c.times, c.places = append(c.times, r.ExecutedAt), append(c.places, c.edge.size)
	if salt, actor := c.later.Secrets(r.ID); salt != nil {
		c.salted, c.salts, c.actors = append(c.salted, r.ID), append(c.salts, salt), append(c.actors, actor)
	}
	c.edge.add(tlog.RecordHash(body), c.tiles.add)
	return nil
}

func (c *completion) flush(ctx context.Context) error {
	var b pgx.Batch
	want := int64(len(c.ids))
	b.Queue(dbsqlc.DropTwins, c.ids, c.abouts, c.levels)
	b.Queue(dbsqlc.AddLeaves, c.ids, c.abouts, c.levels, c.bodies, c.times, c.places).Exec(func(tag pgconn.CommandTag) error {
		if got := tag.RowsAffected(); got != want {
			return damaged("%d of %d saved receipts differ in the database, or are at other leaves", want-got, want)
		}
		return nil
	})
	if len(c.salted) > 0 {
		b.Queue(dbsqlc.AddSecrets, c.salted, c.salts, c.actors)
	}
	c.tiles.queue(ctx, &b)
	c.tiles = tileRows{}
	if err := c.tx.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	c.ids, c.abouts, c.levels, c.bodies, c.times, c.places = nil, nil, nil, nil, nil, nil
	c.salted, c.salts, c.actors = nil, nil, nil
	if c.progress != nil {
		c.progress(c.edge.size)
	}
	return nil
}
