package translog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

var _ domain.Log = (*Log)(nil)

func (l *Log) Keys() []string {
	keys := make([]string, len(l.keys))
	for i, key := range l.keys {
		keys[i] = key.String()
	}
	return keys
}

// Checkpoint makes one round trip, and another if the log has grown.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	seen := *l.seen.Load()
	var row dbsqlc.PublishedRow
	err := l.db.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).Published(ctx)
		return err
	})
	switch {
	case domain.CodeOf(err) == domain.CodeNotFound && seen.N > 0:
		return nil, older("no checkpoint is left, but one of size %d was published", seen.N)
	case err != nil:
		return nil, err
	}
	if _, err := l.published(ctx, row.Size, row.Note, seen); err != nil {
		return nil, err
	}
	return l.cosigned(row.Note, row.Cosignatures), nil
}

// published reads a published checkpoint and keeps it, so that the caller may show it.
// It must extend what had been seen before it was fetched.
func (l *Log) published(ctx context.Context, size int64, signed []byte, seen tlog.Tree) (tlog.Tree, error) {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	tree, err := l.tree(append(bytes.Clone(text), '\n'))
	switch {
	case err != nil:
		return tree, err
	case tree.N != size:
		return tree, damaged("the checkpoint stored as size %d has size %d", size, tree.N)
	case tree.N < seen.N, tree.N == seen.N && tree.Hash != seen.Hash:
		return tree, older("the newest checkpoint has size %d, but another one of size %d was published", tree.N, seen.N)
	case tree == *l.seen.Load():
		return tree, nil
	}
	if err := l.grownOut(ctx, seen, tree); err != nil {
		return tree, err
	}
	return tree, l.see(tree, signed)
}

// grownOut verifies that a tree extends the one seen before.
func (l *Log) grownOut(ctx context.Context, seen, tree tlog.Tree) error {
	if seen.N == 0 || seen == tree {
		return nil
	}
	proof, err := l.Consistency(ctx, seen.N, tree.N)
	switch {
	case domain.CodeOf(err) == domain.CodeNotFound:
		return damaged("tiles of the tree of size %d are missing", tree.N)
	case err != nil:
		return err
	case tlog.CheckTree(proof, tree.N, tree.Hash, seen.N, seen.Hash) != nil:
		return older("the newest checkpoint, of size %d, does not extend the published one of size %d", tree.N, seen.N)
	}
	return nil
}

// Receipt makes one round trip, and another if the log has grown or the newest
// checkpoint signed by witnesses is of keys no longer in use. It verifies the proof
// before returning it.
func (l *Log) Receipt(ctx context.Context, id uuid.UUID) (domain.LoggedReceipt, error) {
	found, err := l.receipt(ctx, id, l.witnesses > 0)
	if errors.Is(err, errOtherKeys) {
		found, err = l.receipt(ctx, id, false)
	}
	return found, err
}

var errOtherKeys = errors.New("the checkpoint is signed with other keys")

func (l *Log) receipt(ctx context.Context, id uuid.UUID, cosigned bool) (domain.LoggedReceipt, error) {
	seen := *l.seen.Load()
	var row dbsqlc.ReceiptRow
	err := l.db.Use(ctx, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).Receipt(ctx, dbsqlc.ReceiptParams{ID: id, Cosigned: cosigned})
		return err
	})
	if err != nil {
		return domain.LoggedReceipt{}, err
	}
	found := domain.LoggedReceipt{Actor: row.ActorID, WrittenAt: row.CreatedAt}
	if row.Size == 0 {
		return found, nil
	}
	tree, err := l.published(ctx, row.Size, row.Note, seen)
	if err != nil {
		return domain.LoggedReceipt{}, err
	}
	if row.CosignedSize > 0 {
		row.Note = l.cosigned(row.CosignedNote, row.Cosignatures)
		c, signatures, err := receipt.OpenCheckpoint(row.Note, l.keys)
		if err != nil || c.Origin != l.origin || c.Size != row.CosignedSize || !signatures[len(signatures)-1].Key.Witness() {
			return domain.LoggedReceipt{}, errOtherKeys
		}
		tree = tlog.Tree{N: c.Size, Hash: c.Root}
	}
	tiles := make(tileSet, len(row.Levels))
	for i, level := range row.Levels {
		if row.Hashes[i] != nil {
			tiles[place{int(level), row.Indexes[i]}] = row.Hashes[i]
		}
	}
	proof, err := tlog.ProveRecord(tree.N, row.LeafIndex, tlog.TileHashReader(tree, tiles))
	if err := untrue(err); err != nil {
		return domain.LoggedReceipt{}, err
	}
	if tlog.CheckRecord(proof, tree.N, tree.Hash, row.LeafIndex, tlog.RecordHash(row.Body)) != nil {
		return domain.LoggedReceipt{}, damaged("receipt %s, leaf %d, is not the sealed one", id, row.LeafIndex)
	}
	found.File, err = receipt.FormatProof(receipt.Proof{Receipt: row.Body, Index: row.LeafIndex, Hashes: proof, Checkpoint: row.Note})
	if err != nil {
		return domain.LoggedReceipt{}, damaged("receipt %s, leaf %d, has no proof: %w", id, row.LeafIndex, err)
	}
	return found, nil
}

// Reached makes one round trip.
func (l *Log) Reached(ctx context.Context, id uuid.UUID, level domain.Level) (found uuid.UUID, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		found, err = dbsqlc.New(c).Reached(ctx, dbsqlc.ReachedParams{About: id, Level: string(level)})
		return err
	})
	return found, err
}

// Hashes makes one round trip.
func (l *Log) Hashes(ctx context.Context, t domain.Tile) (hashes []byte, err error) {
	if t.Level > maxLevel || t.Index > maxIndex {
		return nil, errNoTile
	}
	err = l.db.Use(ctx, func(c postgres.Conn) (err error) {
		hashes, err = dbsqlc.New(c).PublishedTile(ctx, dbsqlc.PublishedTileParams{
			Level: int32(t.Level), Idx: t.Index, Width: int32(t.Width),
		})
		return err
	})
	switch {
	case domain.CodeOf(err) == domain.CodeNotFound:
		return nil, errNoTile
	case err != nil:
		return nil, err
	case len(hashes) != t.Width*tlog.HashSize:
		return nil, damaged("tile %d of level %d has width %d instead of %d or more", t.Index, t.Level, len(hashes)/tlog.HashSize, t.Width)
	}
	return hashes, nil
}

// No tree has tiles further up or to the right.
const (
	maxLevel = 6
	maxIndex = 1 << 48
)

var errNoTile = domain.Errorf(domain.CodeNotFound, "The published log has no such tile")

// Entries makes one round trip.
func (l *Log) Entries(ctx context.Context, t domain.Tile) (bundle []byte, err error) {
	if t.Index > maxIndex {
		return nil, errNoTile
	}
	first := t.Index * domain.TileWidth
	beyond := first + int64(t.Width)
	var next int64
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		next, bundle = first, nil
		rows, err := c.Query(ctx, dbsqlc.PublishedEntries, first, beyond)
		if err != nil {
			return err
		}
		var index int64
		var body pgtype.DriverBytes
		_, err = pgx.ForEachRow(rows, []any{&index, &body}, func() error {
			if index != next {
				return damaged("the receipt of leaf %d is missing", next)
			}
			bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(body)))
			bundle = append(bundle, body...)
			next++
			return nil
		})
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case next == first:
		return nil, errNoTile
	case next != beyond:
		return nil, damaged("the receipt of leaf %d is missing", next)
	}
	return bundle, nil
}

// Consistency proves that the tree of one size extends the tree of an earlier size,
// published or not. It makes one round trip. It fails with CodeNotFound if the log has
// no such trees; other errors are those of MapError. The proof is only as good as the
// tiles: verify it against both roots.
func (l *Log) Consistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	none := domain.Errorf(domain.CodeNotFound, "The log has no tree of size %d that extends one of size %d", newer, older)
	if older < 1 || newer < older || newer > maxIndex*domain.TileWidth {
		return nil, none
	}
	return tlog.ProveTree(newer, older, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		plan := tilePlan{}
		for _, index := range indexes {
			plan[tlog.TileForIndex(tileHeight, index)] = true
		}
		var tiles tileSet
		err := l.db.Use(ctx, func(c postgres.Conn) (err error) {
			tiles, err = plan.fetch(ctx, dbsqlc.New(c))
			return err
		})
		if err != nil {
			return nil, err
		}
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			t := tlog.TileForIndex(tileHeight, index)
			data, err := tiles.data(t)
			if err != nil {
				return nil, none
			}
			if hashes[i], err = tlog.HashFromTile(t, data, index); err != nil {
				return nil, damaged("tile %d of level %d: %w", t.N, t.L, err)
			}
		}
		return hashes, nil
	}))
}
