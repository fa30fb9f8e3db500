package memory

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/domain"
	"lethe/receipt"
)

// Log implements domain.Log. It is safe for concurrent use; NewLog makes an
// empty one.
type Log struct {
	signer receipt.Signer

	mu       sync.Mutex
	receipts map[uuid.UUID]*logged
	unsealed []*logged
	sealed   []*logged
	hashes   []tlog.Hash // of the tree, as tlog stores them
	newest   []byte      // the checkpoint of all that is sealed

	published int64 // leaves that the checkpoint covers
	shown     []byte
}

type logged struct {
	body  []byte
	actor *uuid.UUID
	about *uuid.UUID
	index int64 // -1: not sealed
}

var _ domain.Log = (*Log)(nil)

// NewLog makes a log that is signed with this key.
func NewLog(signer receipt.Signer) *Log {
	return &Log{signer: signer, receipts: make(map[uuid.UUID]*logged)}
}

// AddReceipt stores a receipt that this actor asked for, or that adds to
// another one; both may be nil.
func (l *Log) AddReceipt(id uuid.UUID, body []byte, actor, about *uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &logged{body, actor, about, -1}
	l.receipts[id] = r
	l.unsealed = append(l.unsealed, r)
}

// Seal makes leaves of all receipts, and signs.
func (l *Log) Seal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.unsealed {
		r.index = int64(len(l.sealed))
		added, err := tlog.StoredHashes(r.index, r.body, l)
		if err != nil {
			return err
		}
		l.sealed, l.hashes = append(l.sealed, r), append(l.hashes, added...)
	}
	l.unsealed = nil
	if len(l.sealed) == 0 {
		return nil
	}
	size := int64(len(l.sealed))
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		return err
	}
	l.newest, err = receipt.SignCheckpoint(receipt.Checkpoint{Origin: l.signer.Name(), Size: size, Root: root}, note.Signer(l.signer))
	return err
}

// Publish publishes all that is sealed.
func (l *Log) Publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.published, l.shown = int64(len(l.sealed)), l.newest
}

func (l *Log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = l.hashes[index]
	}
	return hashes, nil
}

func (l *Log) Receipt(ctx context.Context, id uuid.UUID) (domain.LoggedReceipt, error) {
	if err := ctx.Err(); err != nil {
		return domain.LoggedReceipt{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.receipts[id]
	if !ok {
		return domain.LoggedReceipt{}, domain.Errorf(domain.CodeNotFound, "no such receipt")
	}
	found := domain.LoggedReceipt{Actor: r.actor}
	if r.about != nil {
		found.Actor = nil
		if erasure, ok := l.receipts[*r.about]; ok {
			found.Actor = erasure.actor
		}
	}
	if r.index < 0 || r.index >= l.published {
		return found, nil
	}
	proof, err := tlog.ProveRecord(l.published, r.index, l)
	if err == nil {
		found.File, err = receipt.FormatProof(receipt.Proof{Receipt: r.body, Index: r.index, Hashes: proof, Checkpoint: l.shown})
	}
	if err != nil {
		return domain.LoggedReceipt{}, &domain.Error{Code: domain.CodeInternal, Message: "no proof", Cause: err}
	}
	return found, nil
}

func (l *Log) Reached(ctx context.Context, id uuid.UUID, level domain.Level) (uuid.UUID, error) {
	if err := ctx.Err(); err != nil {
		return uuid.Nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for later, r := range l.receipts {
		if r.about == nil || *r.about != id {
			continue
		}
		if said, err := receipt.Parse(r.body); err == nil && said.Level == receipt.Level(level) {
			return later, nil
		}
	}
	return uuid.Nil, domain.Errorf(domain.CodeNotFound, "no such level")
}

func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.published == 0 {
		return nil, domain.Errorf(domain.CodeNotFound, "no checkpoint")
	}
	return l.shown, nil
}

func (l *Log) Hashes(ctx context.Context, t domain.Tile) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.covers(t) {
		return nil, errNoTile
	}
	return tlog.ReadTileData(tlog.Tile{H: 8, L: t.Level, N: t.Index, W: t.Width}, l)
}

func (l *Log) Entries(ctx context.Context, t domain.Tile) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.covers(domain.Tile{Index: t.Index, Width: t.Width}) {
		return nil, errNoTile
	}
	var bundle []byte
	for _, r := range l.sealed[t.Index*domain.TileWidth:][:t.Width] {
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(r.body)))
		bundle = slices.Concat(bundle, r.body)
	}
	return bundle, nil
}

var errNoTile = domain.Errorf(domain.CodeNotFound, "no such tile")

// covers tells whether the published tree has so much of a tile.
func (l *Log) covers(t domain.Tile) bool {
	width := l.published >> min(63, 8*t.Level)
	return t.Index < width && t.Index*domain.TileWidth+int64(t.Width) <= width
}

func (l *Log) Keys() []string { return []string{l.signer.PublicKey().String()} }
