package translog

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/domain"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// witnessed is a log with two witnesses.
type witnessed struct {
	*fixture
	one, other testreceipt.Witness
	keys       []receipt.PublicKey // of the log and both witnesses
}

func newWitnessed(t *testing.T) witnessed {
	w := witnessed{fixture: newFixture(t), one: testreceipt.NewWitness(t, "witness.example/one"), other: testreceipt.NewWitness(t, "witness.example/other")}
	w.keys = []receipt.PublicKey{w.signer.PublicKey(), w.one.Key, w.other.Key}
	w.Log = w.fixture.open(Config{Signers: []receipt.Signer{w.signer}, Witnesses: w.keys[1:]})
	return w
}

func (w *witnessed) newest() []byte {
	w.t.Helper()
	signed, err := w.Checkpoint(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return signed
}

func (w *witnessed) cosign(cosigned []byte, want int) {
	w.t.Helper()
	if _, added, err := w.Cosign(w.t.Context(), cosigned); err != nil || added != want {
		w.t.Fatalf("added %d, want %d: %v", added, want, err)
	}
}

// TestCosign: receipts come with the checkpoint that the witnesses have cosigned
// until there is a newer one, while the log continues.
func TestCosign(t *testing.T) {
	t.Parallel()
	w := newWitnessed(t)
	first := w.write(1)[0]
	w.seal(1)
	proven := func(log *Log, keys []receipt.PublicKey, size int64, witnesses int) {
		t.Helper()
		got, err := log.Receipt(t.Context(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Check(got.File, keys, receipt.Options{})
		if err != nil || r.Checkpoint.Size != size || len(r.Signatures) != 1+witnesses {
			t.Errorf("want size %d and %d witnesses, got %+v with %d signatures, %v", size, witnesses, r.Checkpoint, len(r.Signatures), err)
		}
	}
	proven(w.Log, w.keys, 1, 0)

	// Not in canonical order, and without the log's own signature.
	sent := w.newest()
	text, own, _ := bytes.Cut(sent, []byte("\n\n"))
	now := time.Now()
	w.cosign(slices.Concat(text, []byte("\n\n"), w.other.Sign(sent, now), own), 1)
	w.cosign(slices.Concat(text, []byte("\n\n"), w.other.Sign(sent, now)), 0)
	w.cosign(slices.Concat(sent, w.other.Sign(sent, now.Add(-time.Hour))), 0)
	proven(w.Log, w.keys, 1, 1)
	w.cosign(slices.Concat(sent, w.one.Sign(sent, now), w.other.Sign(sent, now)), 1)
	proven(w.Log, w.keys, 1, 2)
	if _, signatures, err := receipt.OpenCheckpoint(w.newest(), w.keys); err != nil || len(signatures) != 3 {
		t.Errorf("got %d signatures (error %v)", len(signatures), err)
	}

	// The log continues before the witnesses have cosigned.
	second := w.write(1)[0]
	w.fill(700)
	w.seal(701)
	proven(w.Log, w.keys, 1, 2)
	if got, err := w.Receipt(t.Context(), second.ID); err != nil || got.File == nil {
		t.Errorf("receipt without cosignatures: got %+v (error %v)", got, err)
	}
	w.write(1)
	w.seal(1)
	sent = w.newest()
	w.write(1)
	w.seal(1)
	w.cosign(slices.Concat(sent, w.one.Sign(sent, now)), 1)
	proven(w.Log, w.keys, 703, 1)
	w.sound(704)

	// A caller with other witnesses or another key gets what these can verify.
	proven(w.fixture.open(Config{Signers: []receipt.Signer{w.signer}}), w.public(), 704, 0)
	proven(w.fixture.open(Config{Signers: []receipt.Signer{w.signer}, Witnesses: []receipt.PublicKey{w.other.Key}}), w.public(), 704, 0)
}

// TestCosignErrors: an invalid cosignature is refused, and nothing is added.
func TestCosignErrors(t *testing.T) {
	t.Parallel()
	w := newWitnessed(t)
	w.write(1)
	w.seal(1)
	older := w.newest()
	w.write(1)
	w.seal(1)
	sent, now := w.newest(), time.Now()
	stranger := testreceipt.NewWitness(t, "stranger.example/w")
	waits := w.fixture.open(Config{Signers: []receipt.Signer{w.signer}, Standbys: []string{"never"}, Witnesses: w.keys[1:]})
	w.write(1)
	if n, err := waits.Seal(t.Context()); err != nil || n != 1 {
		t.Fatalf("sealed %d (error %v)", n, err)
	}
	c, err := receipt.ParseCheckpoint(append(bytes.SplitN(sent, []byte("\n\n"), 2)[0], '\n'))
	if err != nil {
		t.Fatal(err)
	}
	signed := func(c receipt.Checkpoint) []byte {
		t.Helper()
		signed, err := receipt.SignCheckpoint(c, w.signer)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	fork, larger := c, c
	fork.Root[0] ^= 1
	larger.Size = 3
	for name, c := range map[string]struct {
		given []byte
		code  domain.Code
		says  string
	}{
		"nothing":                      {nil, domain.CodeInvalid, "Not a checkpoint"},
		"no signature":                 {sent, domain.CodeInvalid, "No witness has signed"},
		"unknown witness":              {slices.Concat(sent, stranger.Sign(sent, now)), domain.CodeInvalid, "is signed with stranger.example/w+"},
		"one of two witnesses unknown": {slices.Concat(sent, w.one.Sign(sent, now), stranger.Sign(sent, now)), domain.CodeInvalid, "stranger.example/w+"},
		"another checkpoint":           {slices.Concat(sent, w.one.Sign(older, now)), domain.CodeInvalid, "is wrong"},
		"not a signature":              {slices.Concat(sent, []byte("thanks\n")), domain.CodeInvalid, "is none"},
		"a fork":                       {slices.Concat(signed(fork), w.one.Sign(signed(fork), now)), domain.CodeConflict, "forked"},
		"not published":                {slices.Concat(signed(larger), w.one.Sign(signed(larger), now)), domain.CodeNotFound, "no checkpoint of size 3"},
	} {
		_, added, err := w.Cosign(t.Context(), c.given)
		if added != 0 || domain.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: added %d (error %v), want none", name, added, err)
		}
	}
	if _, _, err := w.fixture.open(Config{}).Cosign(t.Context(), sent); err != ErrNoKey {
		t.Errorf("without a key: got %v", err)
	}
	if n := w.number("SELECT count(*) FROM lethe.cosignatures"); n != 0 {
		t.Errorf("%d cosignatures were added, want none", n)
	}
	for _, key := range []receipt.PublicKey{testreceipt.Signer(t, "example.com/other").PublicKey(), testreceipt.NewWitness(t, origin).Key} {
		if _, err := New(w.role, Config{Signers: []receipt.Signer{w.signer}, Witnesses: []receipt.PublicKey{key}}); err == nil {
			t.Errorf("%s was accepted as a witness", key.ID())
		}
	}
}

// TestCosignatureTampering: a wrong cosignature is not served, and the audit finds
// it. One with a key that is no longer known is omitted.
func TestCosignatureTampering(t *testing.T) {
	t.Parallel()
	w := newWitnessed(t)
	r := w.write(1)[0]
	w.seal(1)
	sent := w.newest()
	line := w.one.Sign(sent, time.Now())
	w.cosign(slices.Concat(sent, line), 1)
	other := testreceipt.NewWitness(t, "stranger.example/w").Sign(sent, time.Now())
	for name, c := range map[string]struct {
		line []byte
		says string
	}{
		"changed":         {w.one.Sign([]byte("another\n\n"), time.Now()), "is wrong"},
		"not a line":      {[]byte("thanks\n"), "is none"},
		"two":             {slices.Concat(line, []byte("thanks\n")), "is none"},
		"unknown witness": {other, ""},
	} {
		w.exec("UPDATE lethe.cosignatures SET line = $1", c.line)
		audit, err := w.Audit(t.Context(), nil)
		if err != nil || len(audit.Findings) > 0 != (c.says != "") || !strings.Contains(strings.Join(audit.Findings, "\n"), c.says) {
			t.Errorf("%s: want the finding %q, got %q (error %v)", name, c.says, audit.Findings, err)
		}
		got, err := w.Receipt(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Check(got.File, w.keys, receipt.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := receipt.OpenCheckpoint(w.newest(), w.keys); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := w.Seal(t.Context()); err != nil || n != 0 {
			t.Errorf("%s: sealed %d (error %v)", name, n, err)
		}
	}
}
