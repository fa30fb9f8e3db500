package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// The kinds of keys, as the first byte of the encoding (C2SP signed-note).
const (
	signsNotes       = 0x01 // Ed25519: a log's key
	signsCosignature = 0x04 // timestamped Ed25519: a witness's key
)

const privatePrefix = "PRIVATE+KEY+"

// PublicKey verifies signatures of a log or a witness. The zero value is not a key.
type PublicKey struct {
	name string
	kind byte
	key  [ed25519.PublicKeySize]byte
}

// ParsePublicKey reads "name+hash+base64", the format of signed notes; anything else
// is BadKey.
func ParsePublicKey(text string) (PublicKey, error) {
	var k PublicKey
	name, rest, _ := strings.Cut(text, "+")
	_, encoded, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 1+len(k.key) || raw[0] != signsNotes && raw[0] != signsCosignature {
		return k, errNoPublicKey
	}
	k = PublicKey{name, raw[0], [ed25519.PublicKeySize]byte(raw[1:])}
	// Encoding it again checks the hash and the spelling.
	if !validName(name) || k.String() != text {
		return PublicKey{}, errNoPublicKey
	}
	return k, nil
}

var errNoPublicKey = errorf(BadKey, "this is no public key of a log or a witness: one looks like name+01234567+base64")

// ParsePublicKeys reads one key per line. It skips empty lines; the error (BadKey)
// names the line.
func ParsePublicKeys(text []byte) ([]PublicKey, error) {
	var keys []PublicKey
	err := eachLine(text, func(n int, line string) error {
		if strings.HasPrefix(line, privatePrefix) {
			return errorf(BadKey, "line %d is a private key, where a public one is wanted", n)
		}
		key, err := ParsePublicKey(line)
		if err != nil {
			return errorf(BadKey, "line %d is no public key", n)
		}
		keys = append(keys, key)
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = errorf(BadKey, "there is no public key in it")
	}
	return keys, err
}

// Name returns the log's origin, or the witness's name.
func (k PublicKey) Name() string { return k.name }

// Witness reports whether the key is a witness's, not a log's.
func (k PublicKey) Witness() bool { return k.kind == signsCosignature }

// ID returns the name and hash by which signatures refer to the key.
func (k PublicKey) ID() string { return keyID(k.name, k.hash()) }

// String returns the form that ParsePublicKey reads.
func (k PublicKey) String() string {
	return k.ID() + "+" + base64.StdEncoding.EncodeToString(k.encoded())
}

func (k PublicKey) encoded() []byte { return append([]byte{k.kind}, k.key[:]...) }

func (k PublicKey) hash() uint32 {
	h := sha256.New()
	h.Write([]byte(k.name + "\n"))
	h.Write(k.encoded())
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func keyID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }

// Signer is a private key of a log. Printing it shows only the public key.
type Signer struct {
	note.Signer // keeps the key in a closure
	public      PublicKey
}

// PublicKey returns the key that verifies the Signer's signatures.
func (s Signer) PublicKey() PublicKey { return s.public }

func (s Signer) String() string { return s.public.String() }

// GoString hides the private key from %#v.
func (s Signer) GoString() string { return s.public.String() }

// ParsePrivateKeys reads a log's key file: one private key per line, the newest
// first. It skips empty lines. The error (BadKey) names the line but shows nothing of
// it.
func ParsePrivateKeys(text []byte) ([]Signer, error) {
	var signers []Signer
	err := eachLine(text, func(n int, line string) error {
		s, ok := parsePrivateKey(line)
		if !ok {
			return errorf(BadKey, "line %d is no private key", n)
		}
		for _, earlier := range signers {
			if earlier.public.name != s.public.name {
				return errorf(BadKey, "line %d is the key of another log than those above", n)
			}
			if earlier.public == s.public {
				return errorf(BadKey, "line %d repeats a key from above", n)
			}
		}
		signers = append(signers, s)
		return nil
	})
	if err == nil && len(signers) == 0 {
		err = errorf(BadKey, "there is no private key in it")
	}
	if err != nil {
		return nil, err
	}
	return signers, nil
}

func parsePrivateKey(text string) (Signer, bool) {
	signer, err := note.NewSigner(text)
	if err != nil {
		return Signer{}, false
	}
	// The hash, which NewSigner has checked, is that of the public key.
	parts := strings.SplitN(text, "+", 5) // PRIVATE, KEY, name, hash, base64
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize || !validName(signer.Name()) {
		return Signer{}, false
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	return Signer{signer, PublicKey{signer.Name(), signsNotes, [ed25519.PublicKeySize]byte(public)}}, true
}

// GenerateKey creates a key for a log with this origin and returns the line for its
// key file, and the public key. BadKey if the origin cannot name a log.
func GenerateKey(origin string) (private string, public PublicKey, err error) {
	if !validName(origin) {
		return "", PublicKey{}, errorf(BadKey, "a log's origin is 1 to %d printable ASCII characters without spaces, pluses, quotes and backslashes, such as example.com/log", maxText)
	}
	private, text, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", PublicKey{}, errorf(BadKey, "no key could be made: %v", err)
	}
	public, err = ParsePublicKey(text)
	return private, public, err
}

// eachLine calls do for each line that is not empty, with its number.
func eachLine(text []byte, do func(n int, line string) error) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line := string(bytes.TrimSpace(line)); line != "" {
			if err := do(n, line); err != nil {
				return err
			}
		}
	}
	return nil
}
