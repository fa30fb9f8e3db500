package porttest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/domain"
)

// LogFixture is an empty implementation of Log and ways to fill it. A way that fails
// ends the test.
type LogFixture interface {
	Log() domain.Log
	// AddReceipt stores the receipt of an erasure that this actor asked for, or a
	// later receipt about one; both may be nil.
	AddReceipt(actor, about *uuid.UUID) LogReceipt // with about: of level replicated
	Seal()                                         // makes all receipts leaves
	Publish()                                      // publishes everything
}

// LogReceipt is a stored receipt.
type LogReceipt struct {
	ID   uuid.UUID
	Body []byte
}

// Log tests the contract of domain.Log.
func Log(t *testing.T, newFixture func(t *testing.T) LogFixture) {
	t.Run("empty log", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		wantNoLog(t, f)
		if _, err := f.Log().Receipt(t.Context(), uuid.New()); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("receipt of an unknown ID: want %s, got %v", domain.CodeNotFound, err)
		}
		if len(f.Log().Keys()) == 0 {
			t.Error("keys: got none, want 1 or more")
		}
	})
	t.Run("receipt", func(t *testing.T) {
		t.Parallel()
		testReceiptsWay(t, newFixture(t))
	})
	t.Run("receipt/actor", func(t *testing.T) {
		t.Parallel()
		testActors(t, newFixture(t))
	})
	t.Run("tiles", func(t *testing.T) {
		t.Parallel()
		testTiles(t, newFixture(t))
	})
	t.Run("canceled context", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := f.AddReceipt(nil, nil)
		f.Seal()
		f.Publish()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, receiptErr := f.Log().Receipt(ctx, r.ID)
		_, checkpointErr := f.Log().Checkpoint(ctx)
		_, hashesErr := f.Log().Hashes(ctx, domain.Tile{Width: 1})
		_, entriesErr := f.Log().Entries(ctx, domain.Tile{Width: 1})
		for name, err := range map[string]error{"receipt": receiptErr, "checkpoint": checkpointErr, "hashes": hashesErr, "entries": entriesErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: want the context's error, got %v", name, err)
			}
		}
	})
}

// wantNoLog checks that nothing is published.
func wantNoLog(t *testing.T, f LogFixture) {
	t.Helper()
	_, checkpoint := f.Log().Checkpoint(t.Context())
	_, hashes := f.Log().Hashes(t.Context(), domain.Tile{Width: 1})
	_, entries := f.Log().Entries(t.Context(), domain.Tile{Width: 1})
	for name, err := range map[string]error{"checkpoint": checkpoint, "hashes": hashes, "entries": entries} {
		if domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%s: want not found, got %v", name, err)
		}
	}
}

// testReceiptsWay: a receipt can be read at once, its proof once it is sealed and
// published.
func testReceiptsWay(t *testing.T, f LogFixture) {
	first := f.AddReceipt(nil, nil)
	wantFile := func(r LogReceipt, size int64, when string) {
		t.Helper()
		got, err := f.Log().Receipt(t.Context(), r.ID)
		switch {
		case err != nil:
			t.Errorf("%s: %v", when, err)
		case size == 0 && got.File != nil:
			t.Errorf("%s: got a proof, want none", when)
		case size > 0:
			wantProof(t, f, r, got.File, size)
		}
	}
	wantFile(first, 0, "before it is sealed")
	wantNoLog(t, f)
	f.Seal()
	wantFile(first, 0, "before it is published")
	wantNoLog(t, f)
	f.Publish()
	wantFile(first, 1, "published")

	second := f.AddReceipt(nil, nil)
	third := f.AddReceipt(nil, nil)
	f.Seal()
	wantFile(first, 1, "while others are sealed")
	wantFile(second, 0, "before it is published")
	if _, err := f.Log().Entries(t.Context(), domain.Tile{Width: 2}); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("tile that is not published: want %s, got %v", domain.CodeNotFound, err)
	}
	f.Publish()
	for _, r := range []LogReceipt{first, second, third} {
		wantFile(r, 3, "with others")
	}
}

// wantProof checks that the file is a proof as in C2SP tlog-proof, with the receipt
// as extra data, by the newest checkpoint, whose tree has this size.
func wantProof(t *testing.T, f LogFixture, r LogReceipt, file []byte, size int64) {
	t.Helper()
	checkpoint, err := f.Log().Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head, ok := strings.CutSuffix(string(file), "\n\n"+string(checkpoint))
	lines := strings.Split(head, "\n")
	if !ok || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != "extra "+base64.StdEncoding.EncodeToString(r.Body) {
		t.Fatalf("no proof:\n%s\nwith the checkpoint\n%s", file, checkpoint)
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		t.Fatalf("no index in %q", lines[2])
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatalf("no hash in %q", line)
		}
		proof = append(proof, hash)
	}
	if tree := treeOf(t, checkpoint); tree.N != size {
		t.Errorf("the tree has %d leaves, want %d", tree.N, size)
	} else if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(r.Body)); err != nil {
		t.Errorf("the proof does not hold: %v", err)
	}
}

// treeOf reads a checkpoint as in C2SP tlog-checkpoint, without verifying its
// signatures: this package has no keys.
func treeOf(t *testing.T, checkpoint []byte) tlog.Tree {
	t.Helper()
	lines := strings.Split(string(checkpoint), "\n")
	if len(lines) < 6 || lines[3] != "" || !strings.HasPrefix(lines[4], "— "+lines[0]+" ") {
		t.Fatalf("no signed checkpoint:\n%s", checkpoint)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	return tlog.Tree{N: size, Hash: root}
}

func testActors(t *testing.T, f LogFixture) {
	anna := uuid.New()
	hers := f.AddReceipt(&anna, nil)
	nobodys := f.AddReceipt(nil, nil)
	later := f.AddReceipt(nil, &hers.ID)
	orphan := f.AddReceipt(nil, ptr(uuid.New()))
	for stage, step := range map[string]func(){"unsealed": func() {}, "published": func() { f.Seal(); f.Publish() }} {
		step()
		for name, c := range map[string]struct {
			id   uuid.UUID
			want *uuid.UUID
		}{"hers": {hers.ID, &anna}, "nobody's": {nobodys.ID, nil}, "about hers": {later.ID, &anna}, "about none that is there": {orphan.ID, nil}} {
			got, err := f.Log().Receipt(t.Context(), c.id)
			if err != nil || fmt.Sprint(got.Actor) != fmt.Sprint(c.want) {
				t.Errorf("%s, %s: want %v, got %v, %v", stage, name, c.want, got.Actor, err)
			}
		}
		if id, err := f.Log().Reached(t.Context(), hers.ID, domain.LevelReplicated); err != nil || id != later.ID {
			t.Errorf("%s: want %s about hers, got %s, %v", stage, later.ID, id, err)
		}
		for name, c := range map[string]struct {
			id    uuid.UUID
			level domain.Level
		}{"another level": {hers.ID, domain.LevelVacuumed}, "another's": {nobodys.ID, domain.LevelReplicated}, "about the later one": {later.ID, domain.LevelReplicated}} {
			if id, err := f.Log().Reached(t.Context(), c.id, c.level); domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("%s, %s: got %s, %v", stage, name, id, err)
			}
		}
	}
}

// testTiles reads back a tree of more than one tile, and finds nothing outside of it.
func testTiles(t *testing.T, f LogFixture) {
	ctx := t.Context()
	const size = domain.TileWidth + 44
	bodies := map[string]bool{}
	for range size - 3 {
		bodies[string(f.AddReceipt(nil, nil).Body)] = true
	}
	f.Seal()
	f.Publish()
	before, err := f.Log().Hashes(ctx, domain.Tile{Index: 1, Width: 41})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		bodies[string(f.AddReceipt(nil, nil).Body)] = true
	}
	f.Seal()
	for _, tile := range []domain.Tile{{Index: 1, Width: 42}, {Index: 1, Width: 44}} {
		if _, err := f.Log().Hashes(ctx, tile); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("%+v is shown before it is published: %v", tile, err)
		}
	}
	f.Publish()
	after, err := f.Log().Hashes(ctx, domain.Tile{Index: 1, Width: 41})
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a tile has changed, or %v", err)
	}

	var leaves []tlog.Hash
	for _, tile := range []domain.Tile{{Width: domain.TileWidth}, {Index: 1, Width: 44}} {
		hashes, err := f.Log().Hashes(ctx, tile)
		if err != nil || len(hashes) != 32*tile.Width {
			t.Fatalf("%+v: %d bytes, %v", tile, len(hashes), err)
		}
		bundle, err := f.Log().Entries(ctx, tile)
		if err != nil {
			t.Fatal(err)
		}
		for i := range tile.Width {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				t.Fatalf("%+v: the bundle ends before entry %d", tile, i)
			}
			length := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+length]
			bundle = bundle[2+length:]
			leaf := tlog.RecordHash(entry)
			if !bytes.Equal(leaf[:], hashes[32*i:32*i+32]) || !bodies[string(entry)] {
				t.Fatalf("%+v: entry %d is none of the receipts, or another one than the tile's", tile, i)
			}
			delete(bodies, string(entry))
			leaves = append(leaves, leaf)
		}
		if len(bundle) > 0 {
			t.Errorf("%+v: the bundle goes on for %d bytes", tile, len(bundle))
		}
		part, err := f.Log().Hashes(ctx, domain.Tile{Index: tile.Index, Width: 7})
		if err != nil || !bytes.Equal(part, hashes[:32*7]) {
			t.Errorf("%+v: a part of it is %d bytes, %v", tile, len(part), err)
		}
	}
	checkpoint, err := f.Log().Checkpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for i, leaf := range leaves {
		added, err := tlog.StoredHashesForRecordHash(int64(i), leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, added...)
	}
	root, err := tlog.TreeHash(size, reader)
	if tree := treeOf(t, checkpoint); err != nil || tree.N != size || tree.Hash != root {
		t.Errorf("the checkpoint is of %d leaves with the root %s, want %s: %v", tree.N, tree.Hash, root, err)
	}
	upper, err := f.Log().Hashes(ctx, domain.Tile{Level: 1, Width: 1})
	if want := stored[tlog.StoredHashIndex(8, 0)]; err != nil || !bytes.Equal(upper, want[:]) {
		t.Errorf("the tile above is %x, want %s: %v", upper, want, err)
	}

	for _, tile := range []domain.Tile{
		{Index: 1, Width: 45}, {Index: 1, Width: domain.TileWidth}, {Index: 2, Width: 1}, {Index: math.MaxInt64, Width: 1},
		{Index: math.MaxInt64 / domain.TileWidth, Width: domain.TileWidth}, {Index: 1 << 48, Width: 1},
		{Level: 1, Width: 2}, {Level: 1, Index: 1, Width: 1}, {Level: 2, Width: 1}, {Level: 7, Width: 1}, {Level: 8, Width: 1}, {Level: 63, Width: 1},
	} {
		if _, err := f.Log().Hashes(ctx, tile); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("hashes of %+v: %v", tile, err)
		}
		if tile.Level > 0 {
			continue
		}
		if _, err := f.Log().Entries(ctx, tile); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("entries of %+v: %v", tile, err)
		}
	}
}
