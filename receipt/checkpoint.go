package receipt

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxCheckpoint limits the size of a signed checkpoint; a signature takes some 150
// bytes.
const maxCheckpoint = 64 << 10

// Checkpoint is the state of a log: the number of leaves and the root of their tree
// (RFC 6962).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// emptyRoot is the root of the tree without leaves.
var emptyRoot, _ = tlog.TreeHash(0, nil)

// FormatCheckpoint returns the text to be signed (C2SP tlog-checkpoint, without
// extension lines). BadCheckpoint if c cannot be a checkpoint.
func FormatCheckpoint(c Checkpoint) ([]byte, error) {
	switch {
	case !validName(c.Origin):
		return nil, errorf(BadCheckpoint, "the checkpoint's first line names no log")
	case c.Size < 0 || c.Size > maxNumber:
		return nil, errorf(BadCheckpoint, "the checkpoint's size is negative or too large")
	case c.Size == 0 && c.Root != emptyRoot:
		return nil, errorf(BadCheckpoint, "the checkpoint is of no leaves, and its root is not that of none")
	}
	return fmt.Appendf(nil, "%s\n%d\n%s\n", c.Origin, c.Size, c.Root), nil
}

// ParseCheckpoint reads what FormatCheckpoint writes, and nothing else
// (BadCheckpoint).
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 {
		return Checkpoint{}, errorf(BadCheckpoint, "a checkpoint is of three lines: origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, errorf(BadCheckpoint, "the checkpoint's size is no number")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, errorf(BadCheckpoint, "the checkpoint's root is no hash")
	}
	c := Checkpoint{lines[0], size, root}
	canonical, err := FormatCheckpoint(c)
	if err != nil {
		return Checkpoint{}, err
	}
	if at, same := firstDifference(text, canonical); !same {
		return Checkpoint{}, errorf(BadCheckpoint, "the checkpoint is not in its canonical form from byte %d on", at)
	}
	return c, nil
}

// SignCheckpoint returns the checkpoint as a note with the signatures of the log's
// keys. There must be at least one, and their name must be the origin (BadKey).
func SignCheckpoint[S note.Signer](c Checkpoint, signers ...S) ([]byte, error) {
	text, err := FormatCheckpoint(c)
	if err != nil {
		return nil, err
	}
	if len(signers) == 0 {
		return nil, errorf(BadKey, "a checkpoint needs a key that signs it")
	}
	n := signedCheckpoint{Checkpoint: c, text: text}
	for _, s := range signers {
		if s.Name() != c.Origin {
			return nil, errorf(BadKey, "the key %s is not of the log %s", keyID(s.Name(), s.KeyHash()), c.Origin)
		}
		sig, err := s.Sign(text)
		if err != nil {
			return nil, errorf(BadKey, "the key %s does not sign: %v", keyID(s.Name(), s.KeyHash()), err)
		}
		n.signatures = append(n.signatures, signature{s.Name(), s.KeyHash(), sig})
	}
	return n.format()
}

// Signature is a verified signature.
type Signature struct {
	Key  PublicKey
	Time time.Time // when a witness signed; zero for the log's own
}

// OpenCheckpoint reads a signed checkpoint and verifies all its signatures: at least
// one must be the log's, and every key must be among keys. Other tools ignore unknown
// signatures; here a file contains only what was checked. Errors: BadCheckpoint,
// UnknownKey, BadSignature.
func OpenCheckpoint(signed []byte, keys []PublicKey) (Checkpoint, []Signature, error) {
	c, err := parseSigned(signed)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	var signatures []Signature
	byLog := false
	for _, s := range c.signatures {
		verified, err := c.verify(s, keys)
		if err != nil {
			return Checkpoint{}, nil, err
		}
		byLog = byLog || !verified.Key.Witness()
		signatures = append(signatures, verified)
	}
	if !byLog {
		return Checkpoint{}, nil, errorf(UnknownKey, "the checkpoint is not signed by the log %s itself", c.Origin)
	}
	return c.Checkpoint, signatures, nil
}

// AddCosignature adds a witness's signature line to a signed checkpoint, after
// verifying both; it replaces an earlier signature of the same key. Errors are those
// of OpenCheckpoint.
func AddCosignature(signed, line []byte, keys []PublicKey) ([]byte, error) {
	if _, _, err := OpenCheckpoint(signed, keys); err != nil {
		return nil, err
	}
	c, err := parseSigned(signed)
	if err != nil {
		return nil, err
	}
	s, err := parseSignature(strings.TrimSuffix(string(line), "\n"))
	if err != nil {
		return nil, err
	}
	verified, err := c.verify(s, keys)
	if err != nil {
		return nil, err
	}
	if !verified.Key.Witness() {
		return nil, errorf(UnknownKey, "the key %s is not a witness's", verified.Key.ID())
	}
	c.signatures = slices.DeleteFunc(c.signatures, func(earlier signature) bool {
		return earlier.name == s.name && earlier.hash == s.hash
	})
	c.signatures = append(c.signatures, s)
	return c.format()
}

// signature is a line of a signed note.
type signature struct {
	name  string
	hash  uint32
	bytes []byte
}

// signedCheckpoint is a checkpoint's text with unverified signatures. In canonical
// form the log's own come first, then the others by name and hash, without
// duplicates.
type signedCheckpoint struct {
	Checkpoint
	text       []byte
	signatures []signature
}

const signaturePrefix = "— "

// parseSigned reads what format writes, and nothing else.
func parseSigned(data []byte) (signedCheckpoint, error) {
	var c signedCheckpoint
	if len(data) > maxCheckpoint {
		return c, errorf(BadCheckpoint, "the signed checkpoint is longer than %d bytes", maxCheckpoint)
	}
	text, lines, found := bytes.Cut(data, []byte("\n\n"))
	if !found || !bytes.HasSuffix(lines, []byte("\n")) {
		return c, errorf(BadCheckpoint, "a signed checkpoint is three lines, an empty one, and lines with signatures")
	}
	c.text = append(bytes.Clone(text), '\n')
	var err error
	if c.Checkpoint, err = ParseCheckpoint(c.text); err != nil {
		return c, err
	}
	for line := range strings.Lines(string(lines)) {
		s, err := parseSignature(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return c, err
		}
		c.signatures = append(c.signatures, s)
	}
	canonical, err := c.format()
	if err != nil {
		return c, err
	}
	if at, same := firstDifference(data, canonical); !same {
		return c, errorf(BadCheckpoint, "the signed checkpoint is not in its canonical form from byte %d on", at)
	}
	return c, nil
}

func parseSignature(line string) (signature, error) {
	rest, found := strings.CutPrefix(line, signaturePrefix)
	name, encoded, _ := strings.Cut(rest, " ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !found || !validName(name) || err != nil || len(raw) < 5 {
		return signature{}, errorf(BadCheckpoint, "a line of the checkpoint's signatures is none")
	}
	return signature{name, binary.BigEndian.Uint32(raw), raw[4:]}, nil
}

// format sorts the signatures and refuses two of one key.
func (c signedCheckpoint) format() ([]byte, error) {
	byOthers := func(s signature) int {
		if s.name == c.Origin {
			return 0
		}
		return 1
	}
	slices.SortFunc(c.signatures, func(a, b signature) int {
		return cmp.Or(cmp.Compare(byOthers(a), byOthers(b)), cmp.Compare(a.name, b.name), cmp.Compare(a.hash, b.hash))
	})
	out := append(bytes.Clone(c.text), '\n')
	for i, s := range c.signatures {
		if i > 0 && c.signatures[i-1].name == s.name && c.signatures[i-1].hash == s.hash {
			return nil, errorf(BadCheckpoint, "the checkpoint is signed twice with the key %s", keyID(s.name, s.hash))
		}
		raw := append(binary.BigEndian.AppendUint32(nil, s.hash), s.bytes...)
		out = fmt.Appendf(out, "%s%s %s\n", signaturePrefix, s.name, base64.StdEncoding.EncodeToString(raw))
	}
	return out, nil
}

// lastSecond is the last one of the year 9999: JSON has no later times.
const lastSecond = 253402300799

// verify finds the signature's key among keys and verifies it.
func (c signedCheckpoint) verify(s signature, keys []PublicKey) (Signature, error) {
	i := slices.IndexFunc(keys, func(k PublicKey) bool { return k.name == s.name && k.hash() == s.hash })
	if i < 0 {
		return Signature{}, errorf(UnknownKey, "the checkpoint is signed with %s, and that key is not given", keyID(s.name, s.hash))
	}
	key, text, sig := keys[i], c.text, s.bytes
	var at time.Time
	wellFormed := true
	switch {
	case key.Witness():
		var seconds uint64
		if wellFormed = len(sig) == 8+ed25519.SignatureSize; wellFormed {
			seconds, sig = binary.BigEndian.Uint64(sig), sig[8:]
			wellFormed = seconds <= lastSecond
		}
		at = time.Unix(int64(seconds), 0).UTC()
		text = append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), text...)
	case key.name != c.Origin:
		return Signature{}, errorf(UnknownKey, "the checkpoint of the log %s is signed with %s, the key of another log", c.Origin, key.ID())
	}
	if !wellFormed || !ed25519.Verify(key.key[:], text, sig) {
		return Signature{}, errorf(BadSignature, "the checkpoint's signature with %s is wrong", key.ID())
	}
	return Signature{key, at}, nil
}
