package translog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/receipt"
)

const (
	// auditLeaves is how many leaves an audit reads in one round trip: whole tiles.
	auditLeaves = 16 * tileWidth
	// maxFindings is how many findings an audit lists.
	maxFindings = 100
	// maxDoubts bounds the doubts kept until a checkpoint settles them.
	maxDoubts = 2 * MaxSealed
)

type Audit struct {
	Size        int64 // leaves of the tree
	Checkpoints int64 // checkpoints compared with it
	Unverified  int64 // of these, those signed by none of the available keys
	// Findings say in a sentence each what differs from what was sealed; none if all is
	// well. More counts those left out.
	Findings []string
	More     int64
}

func (a *Audit) find(format string, args ...any) {
	if len(a.Findings) == maxFindings {
		a.More++
		return
	}
	a.Findings = append(a.Findings, fmt.Sprintf(format, args...))
}

// Audit checks the whole log: it recomputes every leaf from its receipt, every tile
// from the leaves, and from these the root of every checkpoint, and verifies signatures
// for which it has keys. It reads in pieces, uses bounded memory, changes and locks
// nothing, and covers the tree that exists when it begins; others may seal meanwhile. A
// non-nil progress is called after each piece. Errors are those of the database, by
// MapError; what is wrong with the log is in the Audit.
func (l *Log) Audit(ctx context.Context, progress func(done, size int64)) (Audit, error) {
	a := auditor{log: l}
	if err := a.begin(ctx); err != nil {
		return Audit{}, err
	}
	for a.receipts.size < a.Size {
		if err := a.piece(ctx); err != nil {
			return Audit{}, err
		}
		if progress != nil {
			progress(a.receipts.size, a.Size)
		}
	}
	err := a.end(ctx)
	return a.Audit, err
}

// auditor is one running audit. It rebuilds the tree from the receipts. If the leaves
// in the tiles differ, it builds a second tree from those, until a checkpoint tells
// which of the two was signed.
type auditor struct {
	Audit
	log      *Log
	root     []byte // by the state
	receipts *edge
	tiles    *edge // nil while the two are equal
	doubts   []doubt
	upper    []tile // tiles above level 0 not compared yet
}

// doubt is a leaf whose receipt differs from its tile.
type doubt struct {
	index   int64
	receipt uuid.UUID
}

func (a *auditor) begin(ctx context.Context) error {
	a.receipts = &edge{}
	return a.log.db.Use(ctx, func(c postgres.Conn) error {
		a.Audit = Audit{}
		queries := dbsqlc.New(c)
		state, err := queries.State(ctx)
		if err != nil {
			return err
		}
		a.Size, a.root = state.Size, state.Root
		if state.Newest != state.Size {
			a.find("the tree has size %d and the newest checkpoint %d", state.Size, state.Newest)
		}
		if a.log.origin != "" && state.Size > 0 && state.Origin != a.log.origin {
			a.find("the log is %s, but the keys belong to %s", state.Origin, a.log.origin)
		}
		beyond, err := queries.ReceiptsBeyond(ctx, maxFindings)
		if err != nil {
			return err
		}
		for _, r := range beyond {
			a.find("receipt %s is stored as leaf %d, which the tree does not have", r.ID, r.LeafIndex)
		}
		tiles, err := queries.TilesOfOtherWidth(ctx, maxFindings)
		for _, t := range tiles {
			a.find("tile %d of level %d has width %d instead of %d", t.Idx, t.Level, t.Width, t.Due)
		}
		return err
	})
}

// piece is what an audit reads at a time.
type piece struct {
	ids         []uuid.UUID
	indexes     []int64
	hashes      []tlog.Hash
	misnamed    []uuid.UUID
	tiles       map[int64][]byte
	checkpoints []dbsqlc.CheckpointsOfRow
}

func (l *Log) readPiece(ctx context.Context, first, beyond int64) (p piece, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		p = piece{tiles: map[int64][]byte{}}
		var b pgx.Batch
		queue(&b, func(q *dbsqlc.Queries) error {
			_, err := q.Leaves(ctx, dbsqlc.LeavesParams{First: first, Beyond: beyond})
			return err
		}).Query(func(rows pgx.Rows) error {
			var id uuid.UUID
			var index int64
			var body pgtype.DriverBytes
			_, err := pgx.ForEachRow(rows, []any{&id, &index, &body}, func() error {
				p.ids, p.indexes, p.hashes = append(p.ids, id), append(p.indexes, index), append(p.hashes, tlog.RecordHash(body))
				if name, _ := nameOf(body); name != id.String() {
					p.misnamed = append(p.misnamed, id)
				}
				return nil
			})
			return err
		})
		queue(&b, func(q *dbsqlc.Queries) error {
			found, err := q.LeafTiles(ctx, dbsqlc.LeafTilesParams{First: first / tileWidth, Beyond: (beyond + tileWidth - 1) / tileWidth})
			for _, t := range found {
				p.tiles[t.Idx] = t.Hashes
			}
			return err
		})
		queue(&b, func(q *dbsqlc.Queries) (err error) {
			p.checkpoints, err = q.CheckpointsOf(ctx, dbsqlc.CheckpointsOfParams{Above: first, Max: beyond})
			return err
		})
		return c.SendBatch(ctx, &b).Close()
	})
	return p, err
}

func (a *auditor) piece(ctx context.Context) error {
	first := a.receipts.size
	beyond := min(first+auditLeaves, a.Size)
	p, err := a.log.readPiece(ctx, first, beyond)
	if err != nil {
		return err
	}
	for _, id := range p.misnamed {
		a.find("receipt %s is stored under an id that is not its own", id)
	}
	for index := first; index < beyond; index++ {
		stored, inTile := leafOf(p.tiles, index)
		if !inTile && (index == first || index%tileWidth == 0) {
			a.find("tile %d of level 0 is missing or incomplete", index/tileWidth)
		}
		hash := stored
		switch {
		case len(p.indexes) > 0 && p.indexes[0] == index:
			hash = p.hashes[0]
			if inTile && hash != stored {
				a.doubt(doubt{index, p.ids[0]})
			}
			p.ids, p.indexes, p.hashes = p.ids[1:], p.indexes[1:], p.hashes[1:]
		default:
			a.find("the receipt of leaf %d is missing", index)
		}
		if !inTile {
			stored = hash
		}
		a.receipts.add(hash, a.keep)
		if a.tiles != nil {
			a.tiles.add(stored, a.keep)
		}
		for len(p.checkpoints) > 0 && p.checkpoints[0].Size == index+1 {
			a.compare(p.checkpoints[0])
			p.checkpoints = p.checkpoints[1:]
		}
	}
	return a.compareUpper(ctx)
}

// leafOf returns the hash of a leaf according to its tile.
func leafOf(tiles map[int64][]byte, index int64) (h tlog.Hash, ok bool) {
	data := tiles[index/tileWidth]
	at := int(index%tileWidth) * tlog.HashSize
	if len(data) < at+tlog.HashSize {
		return h, false
	}
	copy(h[:], data[at:])
	return h, true
}

func (a *auditor) doubt(d doubt) {
	if len(a.doubts) == maxDoubts {
		a.attest(false, false)
	}
	if a.tiles == nil {
		a.tiles = a.receipts.clone()
	}
	a.doubts = append(a.doubts, d)
}

// keep stores a full tile above level 0, which may come from either tree.
func (a *auditor) keep(t tile) {
	if t.level > 0 {
		t.hashes = append([]tlog.Hash(nil), t.hashes...)
		a.upper = append(a.upper, t)
	}
}

// compare checks a checkpoint against the trees of its size, and settles which of the
// two was signed.
func (a *auditor) compare(row dbsqlc.CheckpointsOfRow) {
	a.Checkpoints++
	tree, err := a.open(row.Note)
	if err == nil && tree.N != row.Size {
		err = fmt.Errorf("its size is %d", tree.N)
	}
	if err != nil {
		a.find("the checkpoint of size %d was modified after signing: %v", row.Size, err)
		return
	}
	a.compareCosignatures(row)
	byReceipts := a.receipts.root() == tree.Hash
	byTiles := byReceipts
	if a.tiles != nil {
		byTiles = a.tiles.root() == tree.Hash
	}
	if !byReceipts && !byTiles {
		a.find("the checkpoint of size %d belongs to another tree", row.Size)
	}
	a.attest(byReceipts, byTiles)
}

// compareCosignatures verifies those of known witnesses.
func (a *auditor) compareCosignatures(row dbsqlc.CheckpointsOfRow) {
	for line := range bytes.Lines(row.Cosignatures) {
		_, err := receipt.AddCosignature(row.Note, line, a.log.keys)
		if problem, ok := errors.AsType[*receipt.Error](err); ok && problem.Kind != receipt.UnknownKey {
			a.find("a witness's signature on the checkpoint of size %d is invalid: %v", row.Size, err)
		}
	}
}

// attest reports what the doubts were about, and continues with the tree that was
// signed.
func (a *auditor) attest(byReceipts, byTiles bool) {
	for _, d := range a.doubts {
		switch {
		case byReceipts && !byTiles:
			a.find("tile %d of level 0 was modified: the hash of leaf %d, receipt %s, is not the signed one", d.index/tileWidth, d.index, d.receipt)
		case byTiles && !byReceipts:
			a.find("receipt %s, leaf %d, was modified: it is not the signed one", d.receipt, d.index)
		default:
			a.find("receipt %s does not match the hash of its leaf %d", d.receipt, d.index)
		}
	}
	if byTiles && !byReceipts {
		a.receipts = a.tiles
	}
	a.tiles, a.doubts = nil, nil
}

// open reads a checkpoint and verifies its signatures with the available keys.
func (a *auditor) open(signed []byte) (tlog.Tree, error) {
	n, err := note.Open(signed, a.log.verifiers)
	var text []byte
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		a.Unverified++
		text = []byte(unverified.Note.Text)
	} else if err != nil {
		return tlog.Tree{}, err
	} else {
		text = []byte(n.Text)
	}
	return a.log.tree(text)
}

// compareUpper compares the kept tiles above level 0 with the stored ones.
func (a *auditor) compareUpper(ctx context.Context) error {
	if len(a.upper) == 0 {
		return nil
	}
	plan := tilePlan{}
	for _, t := range a.upper {
		plan[tlog.Tile{H: tileHeight, L: t.level, N: t.index, W: tileWidth}] = true
	}
	var stored tileSet
	err := a.log.db.Use(ctx, func(c postgres.Conn) (err error) {
		stored, err = plan.fetch(ctx, dbsqlc.New(c))
		return err
	})
	if err != nil {
		return err
	}
	// If there were two trees, a match with either is enough.
	wrong := map[place]int64{} // the first differing hash of each
	for _, t := range a.upper {
		at := place{t.level, t.index}
		n, same := difference(stored[at], join(t.hashes))
		if earlier, before := wrong[at]; same || before && earlier < 0 {
			n = -1
		}
		wrong[at] = n
	}
	for at, n := range wrong {
		switch {
		case stored[at] == nil:
			a.find("tile %d of level %d is missing", at.index, at.level)
		case n >= 0:
			span := int64(1) << (tileHeight * at.level)
			first := (at.index*tileWidth + n) * span
			a.find("tile %d of level %d does not match leaves %d to %d", at.index, at.level, first, first+span-1)
		}
	}
	a.upper = nil
	return nil
}

// end checks the result of the last leaves.
func (a *auditor) end(ctx context.Context) error {
	root := a.receipts.root()
	byReceipts := a.Size == 0 && a.root == nil || bytes.Equal(root[:], a.root)
	byTiles := byReceipts
	if a.tiles != nil {
		root = a.tiles.root()
		byTiles = bytes.Equal(root[:], a.root)
	}
	if !byReceipts && !byTiles {
		a.find("the root in the log's state does not match the leaves")
	}
	for _, tree := range []*edge{a.receipts, a.tiles} {
		if tree != nil {
			for _, t := range tree.partial() {
				a.keep(t)
			}
		}
	}
	a.attest(byReceipts, byTiles)
	return a.compareUpper(ctx)
}

// difference finds the first hash of want that stored does not have.
func difference(stored, want []byte) (n int64, same bool) {
	for at := 0; at < len(want); at += tlog.HashSize {
		if len(stored) < at+tlog.HashSize || !bytes.Equal(stored[at:at+tlog.HashSize], want[at:at+tlog.HashSize]) {
			return int64(at / tlog.HashSize), false
		}
	}
	return 0, true
}
