// Package testreceipt makes receipts and log keys for tests.
package testreceipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/receipt"
)

// Origin is the log of the receipts in most tests.
const Origin = "example.com/log"

// New makes the bytes of a receipt of the erasure of a chain of three.
func New(t testing.TB, log string) (id uuid.UUID, salt receipt.Salt, body []byte) {
	t.Helper()
	salt = receipt.NewSalt()
	now := time.Now()
	r := receipt.Receipt{
		ID: uuid.New(), Log: log, Level: receipt.LevelLogical, Build: "v1.2.3",
		Trigger: receipt.TriggerSingle, Ground: receipt.GroundRequest, Actor: receipt.ActorOwner,
		RequestedAt: now, ExecutedAt: now, Verified: receipt.VerifiedInTransaction,
		NotCovered: []receipt.Gap{receipt.GapPages, receipt.GapWAL, receipt.GapBackups},
		Counts:     receipt.Counts{Requests: 3, Steps: 3, Templates: 3},
		Owners:     []receipt.Commitment{receipt.CommitOwner(salt, uuid.NewString())},
	}
	for range r.Counts.Requests {
		r.Responses = append(r.Responses, receipt.CommitResponse(salt, uuid.New()))
	}
	return r.ID, salt, encode(t, r)
}

// NewAbout makes a receipt of a later level of an erasure.
func NewAbout(t testing.TB, log string, about uuid.UUID) (id uuid.UUID, body []byte) {
	t.Helper()
	r := receipt.Receipt{
		ID: uuid.New(), Log: log, Level: receipt.LevelReplicated, About: about, Build: "v1.2.3",
		ExecutedAt: time.Now(), Verified: receipt.VerifiedOnStandbys,
	}
	return r.ID, encode(t, r)
}

func encode(t testing.TB, r receipt.Receipt) []byte {
	t.Helper()
	body, err := receipt.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func Signer(t testing.TB, log string) receipt.Signer {
	t.Helper()
	private, _, err := receipt.GenerateKey(log)
	if err != nil {
		t.Fatal(err)
	}
	signers, err := receipt.ParsePrivateKeys([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	return signers[0]
}

// Witness cosigns the checkpoints of logs (C2SP tlog-cosignature).
type Witness struct {
	Key     receipt.PublicKey
	private ed25519.PrivateKey
}

func NewWitness(t testing.TB, name string) Witness {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	encoded := append([]byte{4}, public...)
	hash := sha256.Sum256(append([]byte(name+"\n"), encoded...))
	key, err := receipt.ParsePublicKey(fmt.Sprintf("%s+%x+%s", name, hash[:4], base64.StdEncoding.EncodeToString(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	return Witness{key, private}
}

// Sign returns the witness's line for a checkpoint, which others may have signed, too.
func (w Witness) Sign(signed []byte, at time.Time) []byte {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at.Unix(), text)
	_, hash, _ := strings.Cut(w.Key.ID(), "+")
	raw, _ := hex.DecodeString(hash)
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.Unix()))
	raw = append(raw, ed25519.Sign(w.private, message)...)
	return fmt.Appendf(nil, "— %s %s\n", w.Key.Name(), base64.StdEncoding.EncodeToString(raw))
}
