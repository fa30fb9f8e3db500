package offsite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"lethe/domain"
	"lethe/receipt"
)

const (
	tileHeight     = 8
	tileWidth      = 1 << tileHeight
	checkpointFile = "checkpoint"
)

// Mirror is a copy of the log in files, in the format of C2SP tlog-tiles, up to a
// checkpoint.
type Mirror struct {
	folder string
	keys   []receipt.PublicKey
	signed []byte // nil: the mirror is empty
	tree   tlog.Tree
	origin string
}

// OpenMirror opens the mirror in a folder, which need not exist, and verifies its
// checkpoint's signatures. Later reads verify the rest. keys are all keys with which
// the log and its witnesses sign.
func OpenMirror(folder string, keys []receipt.PublicKey) (*Mirror, error) {
	m := &Mirror{folder: folder, keys: keys}
	signed, err := os.ReadFile(filepath.Join(folder, checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = m.open(signed)
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint of the mirror in %s: %w", folder, err)
	}
	return m, nil
}

func (m *Mirror) open(signed []byte) error {
	if len(m.keys) == 0 {
		return errors.New("no public key of the log to verify it: give one with --key")
	}
	c, _, err := receipt.OpenCheckpoint(signed, m.keys)
	if err != nil {
		return err
	}
	m.signed, m.tree, m.origin = signed, tlog.Tree{N: c.Size, Hash: c.Root}, c.Origin
	return nil
}

// Checkpoint returns the newest checkpoint that the mirror covers entirely, with its
// tree and origin; nil if the mirror is empty.
func (m *Mirror) Checkpoint() (signed []byte, tree tlog.Tree, origin string) {
	return m.signed, m.tree, m.origin
}

// Tiles reads the mirror's tiles, which are not verified.
func (m *Mirror) Tiles() tlog.TileReader { return receipt.TileFiles(os.DirFS(m.folder)) }

// Leaves calls each with the receipts from one leaf on, in order, after verifying that
// they are the tree's.
func (m *Mirror) Leaves(first int64, each func(body []byte) error) error {
	tiles := m.Tiles()
	for at := first; at < m.tree.N; {
		tile := tileOf(m.tree.N, 0, at/tileWidth)
		kept := receipt.NarrowestTile(os.DirFS(m.folder), entriesOf(tile))
		path := filepath.Join(m.folder, filepath.FromSlash(receipt.TilePath(kept)))
		bundle, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("the mirror lacks receipts: %w", err)
		}
		hashes, err := readTile(m.tree, tiles, tile)
		if err != nil {
			return fmt.Errorf("the mirror is damaged: %w", err)
		}
		bodies, err := verified(hashes, tile, bundle)
		if err != nil {
			return fmt.Errorf("the mirror is damaged: %s: %w", path, err)
		}
		for _, body := range bodies[at%tileWidth:] {
			if err := each(body); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

// Update brings the mirror up to the log's newest published checkpoint and returns how
// many leaves were added. It verifies everything before it writes, and writes the
// checkpoint last, so an interrupted mirror is consistent. It fails if the log does not
// continue the mirror.
func (m *Mirror) Update(ctx context.Context, log domain.Log) (added int64, err error) {
	signed, err := log.Checkpoint(ctx)
	if domain.CodeOf(err) == domain.CodeNotFound {
		if m.tree.N > 0 {
			return 0, errRolledBack(m.tree.N, 0)
		}
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	next := &Mirror{folder: m.folder, keys: m.keys}
	if err := next.open(signed); err != nil {
		return 0, fmt.Errorf("read the newest checkpoint of the log: %w", err)
	}
	source := &served{ctx: ctx, log: log, upper: map[tlog.Tile][]byte{}}
	switch {
	case next.tree == m.tree:
		return 0, nil
	case next.tree.N <= m.tree.N:
		return 0, errRolledBack(m.tree.N, next.tree.N)
	case m.tree.N > 0:
		then, err := tlog.TreeHash(m.tree.N, tlog.TileHashReader(next.tree, source))
		if err != nil {
			return 0, err
		}
		if then != m.tree.Hash || next.origin != m.origin {
			return 0, fmt.Errorf("the log, of size %d, does not extend the mirror, of size %d: one of the two was rewritten; keep both as evidence", next.tree.N, m.tree.N)
		}
	}
	stale, err := next.copy(m.tree.N, source)
	if err != nil {
		return 0, err
	}
	if err := replaceFile(filepath.Join(m.folder, checkpointFile), signed); err != nil {
		return 0, err
	}
	added = next.tree.N - m.tree.N
	*m = *next
	for _, path := range stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return added, err
		}
		_ = os.Remove(filepath.Dir(path)) // if it is empty
	}
	return added, nil
}

func errRolledBack(mirrored, found int64) error {
	return fmt.Errorf("the database's log has size %d and the mirror size %d: the database is older or another one; if it was restored, run `lethe replay`", found, mirrored)
}

// copy writes what the tree has in addition to an earlier size, and returns the files
// that are then obsolete.
func (m *Mirror) copy(earlier int64, source *served) (stale []string, err error) {
	for level := 0; m.tree.N>>(tileHeight*level) > 0; level++ {
		had, has := earlier>>(tileHeight*level), m.tree.N>>(tileHeight*level)
		for index := had / tileWidth; index*tileWidth < has; index++ {
			tile := tileOf(m.tree.N, level, index)
			if int64(tile.W) == had-index*tileWidth {
				continue // unchanged
			}
			hashes, err := readTile(m.tree, source, tile)
			if err != nil {
				return nil, err
			}
			if level == 0 {
				bundle, err := source.log.Entries(source.ctx, domain.Tile{Index: index, Width: tile.W})
				if err != nil {
					return nil, err
				}
				if _, err := verified(hashes, tile, bundle); err != nil {
					return nil, err
				}
				if err := m.put(entriesOf(tile), bundle); err != nil {
					return nil, err
				}
			}
			var data []byte
			for _, h := range hashes {
				data = append(data, h[:]...)
			}
			if err := m.put(tile, data); err != nil {
				return nil, err
			}
		}
		if had%tileWidth > 0 && had != has {
			before := tileOf(earlier, level, had/tileWidth)
			stale = append(stale, m.path(before))
			if level == 0 {
				stale = append(stale, m.path(entriesOf(before)))
			}
		}
	}
	return stale, nil
}

func (m *Mirror) path(tile tlog.Tile) string {
	return filepath.Join(m.folder, filepath.FromSlash(receipt.TilePath(tile)))
}

func (m *Mirror) put(tile tlog.Tile, data []byte) error {
	path := m.path(tile)
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return err
	}
	return replaceFile(path, data)
}

// tileOf returns a tile of a tree of this size, as wide as it is there.
func tileOf(size int64, level int, index int64) tlog.Tile {
	return tlog.Tile{H: tileHeight, L: level, N: index, W: int(min(tileWidth, size>>(tileHeight*level)-index*tileWidth))}
}

// entriesOf returns the tile of the entries of a tile of level 0.
func entriesOf(tile tlog.Tile) tlog.Tile {
	tile.L = -1
	return tile
}

// readTile returns the verified hashes of a tile of the tree.
func readTile(tree tlog.Tree, tiles tlog.TileReader, tile tlog.Tile) ([]tlog.Hash, error) {
	indexes := make([]int64, tile.W)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(tileHeight*tile.L, tile.N*tileWidth+int64(i))
	}
	hashes, err := tlog.TileHashReader(tree, tiles).ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("read the tile %s: %w", receipt.TilePath(tile), err)
	}
	return hashes, nil
}

// verified splits a bundle of entries, each after its length in two bytes, and verifies
// that they match their tile's hashes.
func verified(hashes []tlog.Hash, tile tlog.Tile, bundle []byte) ([][]byte, error) {
	bodies := make([][]byte, tile.W)
	for i, want := range hashes {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("the receipt of leaf %d is missing", tile.N*tileWidth+int64(i))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		bodies[i], bundle = bundle[2:end], bundle[end:]
		if tlog.RecordHash(bodies[i]) != want {
			return nil, fmt.Errorf("the receipt of leaf %d is not the sealed one", tile.N*tileWidth+int64(i))
		}
	}
	return bodies, nil
}

// served reads tiles from the log. It reads those above level 0, which are few, only
// once.
type served struct {
	ctx   context.Context
	log   domain.Log
	upper map[tlog.Tile][]byte
}

func (*served) Height() int { return tileHeight }

func (s *served) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		if tile.L > 0 {
			s.upper[tile] = data[i]
		}
	}
}

func (s *served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if data[i] = s.upper[tile]; data[i] != nil {
			continue
		}
		var err error
		if data[i], err = s.log.Hashes(s.ctx, domain.Tile{Level: tile.L, Index: tile.N, Width: tile.W}); err != nil {
			return nil, err
		}
	}
	return data, nil
}
