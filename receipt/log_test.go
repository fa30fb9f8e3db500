package receipt_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

const origin = "lethe.example/log"

// testLog is a log in memory.
type testLog struct {
	leaves [][]byte
	hashes []tlog.Hash // as tlog stores them
}

func (l *testLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = l.hashes[index]
	}
	return out, nil
}

func (l *testLog) add(t testing.TB, leaves ...[]byte) {
	t.Helper()
	for _, leaf := range leaves {
		hashes, err := tlog.StoredHashes(int64(len(l.leaves)), leaf, l)
		if err != nil {
			t.Fatal(err)
		}
		l.leaves, l.hashes = append(l.leaves, leaf), append(l.hashes, hashes...)
	}
}

// checkpoint returns the checkpoint of the first leaves.
func (l *testLog) checkpoint(t testing.TB, size int64) receipt.Checkpoint {
	t.Helper()
	root, err := tlog.TreeHash(size, l)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Checkpoint{Origin: origin, Size: size, Root: root}
}

func (l *testLog) sign(t testing.TB, size int64, signers ...note.Signer) []byte {
	t.Helper()
	return sign(t, l.checkpoint(t, size), signers...)
}

func sign(t testing.TB, c receipt.Checkpoint, signers ...note.Signer) []byte {
	t.Helper()
	signed, err := receipt.SignCheckpoint(c, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// proof returns the proof of a leaf in a signed tree.
func (l *testLog) proof(t testing.TB, index, size int64, signed []byte) receipt.Proof {
	t.Helper()
	hashes, err := tlog.ProveRecord(size, index, l)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Proof{Receipt: l.leaves[index], Index: index, Hashes: hashes, Checkpoint: signed}
}

func (l *testLog) file(t testing.TB, index, size int64, signed []byte) []byte {
	t.Helper()
	return format(t, l.proof(t, index, size, signed))
}

func format(t testing.TB, p receipt.Proof) []byte {
	t.Helper()
	file, err := receipt.FormatProof(p)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tiles returns a mirror of the log at a size.
func (l *testLog) tiles(t testing.TB, size int64) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, l)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.Replace(tile.Path(), "tile/8/", "tile/", 1)] = &fstest.MapFile{Data: data}
	}
	return files
}

// seeded returns a private key for tests, always the same.
func seeded(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("lethe test key: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// logKey returns a log's key as a line of its key file.
func logKey(t testing.TB, origin, seed string) string {
	t.Helper()
	private := seeded(seed)
	public, err := note.NewEd25519VerifierKey(origin, private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	hash := strings.Split(public, "+")[1]
	return fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", origin, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
}

func signer(t testing.TB, origin, seed string) receipt.Signer {
	t.Helper()
	signers, err := receipt.ParsePrivateKeys([]byte(logKey(t, origin, seed)))
	if err != nil {
		t.Fatal(err)
	}
	return signers[0]
}

// witness signs as in C2SP tlog-cosignature; the program only verifies.
type witness struct {
	name    string
	private ed25519.PrivateKey
}

func newWitness(name string) witness { return witness{name, seeded(name)} }

func (w witness) key(t testing.TB) receipt.PublicKey {
	t.Helper()
	encoded := append([]byte{4}, w.private.Public().(ed25519.PublicKey)...)
	key, err := receipt.ParsePublicKey(fmt.Sprintf("%s+%08x+%s", w.name, w.hash(), base64.StdEncoding.EncodeToString(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (w witness) hash() uint32 {
	sum := sha256.Sum256(append([]byte(w.name+"\n\x04"), w.private.Public().(ed25519.PublicKey)...))
	return binary.BigEndian.Uint32(sum[:])
}

func (w witness) line(c receipt.Checkpoint, at time.Time) []byte {
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n%d\n%s\n", at.Unix(), c.Origin, c.Size, c.Root)
	raw := binary.BigEndian.AppendUint32(nil, w.hash())
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.Unix()))
	raw = append(raw, ed25519.Sign(w.private, []byte(text))...)
	return fmt.Appendf(nil, "— %s %s\n", w.name, base64.StdEncoding.EncodeToString(raw))
}

// numbered returns a random UUID, always the same.
func numbered(kind string, n int) uuid.UUID {
	sum := sha256.Sum256(fmt.Appendf(nil, "lethe test id: %s %d", kind, n))
	id := uuid.UUID(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func saltOf(n int) receipt.Salt { return sha256.Sum256(fmt.Appendf(nil, "lethe test salt: %d", n)) }

const owner = "c0000100-0000-4000-8000-000000000004"

var executed = time.Date(2026, 11, 20, 10, 0, 0, 123456000, time.UTC)

// single returns the receipt of the erasure of one response.
func single(n int) receipt.Receipt {
	return receipt.Receipt{
		ID: numbered("receipt", n), Log: origin, Level: receipt.LevelLogical,
		Trigger: receipt.TriggerSingle, Ground: receipt.GroundRequest, Actor: receipt.ActorOwner,
		RequestedAt: executed.Add(time.Duration(n) * time.Second), ExecutedAt: executed.Add(time.Duration(n)*time.Second + 7890*time.Microsecond),
		Build:      "v1.0.0",
		Counts:     receipt.Counts{Requests: 1, Steps: 1, Templates: 1, RawRequests: 1},
		Responses:  []receipt.Commitment{receipt.CommitResponse(saltOf(n), numbered("response", n))},
		Owners:     []receipt.Commitment{receipt.CommitOwner(saltOf(n), owner)},
		Verified:   receipt.VerifiedInTransaction,
		NotCovered: []receipt.Gap{receipt.GapPages, receipt.GapWAL, receipt.GapBackups, receipt.GapReplicas, receipt.GapLateCopies, receipt.GapUnlocatedCopies},
	}
}

// later returns the receipt of a later level of erasure n.
func later(n int, level receipt.Level, verified receipt.Verification, gaps ...receipt.Gap) receipt.Receipt {
	return receipt.Receipt{
		ID: numbered("later receipt "+string(level), n), Log: origin, Level: level, About: numbered("receipt", n),
		ExecutedAt: executed.Add(time.Hour), Build: "v1.0.0", Verified: verified, NotCovered: gaps,
	}
}

func encode(t testing.TB, r receipt.Receipt) []byte {
	t.Helper()
	data, err := receipt.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// small is a log of nine receipts, with its keys, and a proof file of the third.
type small struct {
	log     *testLog
	key     receipt.Signer
	witness witness
	keys    []receipt.PublicKey
	signed  []byte
	file    []byte
}

func newSmall(t testing.TB) small {
	t.Helper()
	s := small{log: &testLog{}, key: signer(t, origin, "log"), witness: newWitness("witness.example/w1")}
	for n := range 9 {
		s.log.add(t, encode(t, single(n)))
	}
	s.keys = []receipt.PublicKey{s.key.PublicKey(), s.witness.key(t)}
	s.signed = s.log.sign(t, 9, s.key)
	var err error
	s.signed, err = receipt.AddCosignature(s.signed, s.witness.line(s.log.checkpoint(t, 9), executed.Add(time.Minute)), s.keys)
	if err != nil {
		t.Fatal(err)
	}
	s.file = s.log.file(t, 2, 9, s.signed)
	return s
}

// wantKind fails unless err is an *Error of this kind.
func wantKind(t testing.TB, err error, kind receipt.Kind) {
	t.Helper()
	if e, ok := err.(*receipt.Error); !ok || e.Kind != kind || e.Reason == "" {
		t.Errorf("want %s, got %#v", kind, err)
	}
}
