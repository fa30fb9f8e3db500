package receipt

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// Salt hides what a receipt commits to: 32 random bytes, new for each receipt, stored
// apart from it. Its holder can check a guess; without it, two receipts of the same
// owner have nothing in common.
type Salt [32]byte

// NewSalt returns a random salt.
func NewSalt() (s Salt) {
	_, _ = rand.Read(s[:]) // never fails: it ends the program instead
	return s
}

// ParseSalt reads 32 bytes in hex or base64; anything else is BadKey.
func ParseSalt(text string) (s Salt, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil || len(raw) != len(s) {
		return s, errorf(BadKey, "a salt is %d bytes in hex or base64", len(s))
	}
	return Salt(raw), nil
}

// Commitment is an HMAC-SHA256 under a receipt's salt.
type Commitment [sha256.Size]byte

// Domains of commitments and of derived salts: equal texts in different domains have
// different commitments.
const (
	responseDomain = "erasure-response-v1\x00"
	ownerDomain    = "erasure-owner-v1\x00"
	saltDomain     = "erasure-salt-v1\x00"
)

// DeriveSalt returns the salt of one receipt of a bulk erasure. The holder of the
// erasure's secret can derive the salts of all its receipts; without the secret they
// have nothing in common.
func DeriveSalt(secret Salt, receipt uuid.UUID) Salt {
	return Salt(commit(secret, saltDomain, receipt.String()))
}

// CommitResponse commits to an erased request.
func CommitResponse(salt Salt, id uuid.UUID) Commitment {
	return commit(salt, responseDomain, id.String())
}

// CommitOwner commits to an owner, as the database spells it.
func CommitOwner(salt Salt, owner string) Commitment {
	return commit(salt, ownerDomain, owner)
}

func commit(salt Salt, domain, text string) (c Commitment) {
	mac := hmac.New(sha256.New, salt[:])
	mac.Write([]byte(domain))
	mac.Write([]byte(text))
	mac.Sum(c[:0])
	return c
}

// MarshalText writes base64.
func (c Commitment) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, c[:]), nil
}

// UnmarshalText reads base64.
func (c *Commitment) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) != len(c) {
		return fmt.Errorf("a commitment is %d bytes in base64", len(c))
	}
	*c = Commitment(raw)
	return nil
}

func compareCommitments(a, b Commitment) int { return bytes.Compare(a[:], b[:]) }

// sorted returns a sorted copy; never nil, so that JSON has a list.
func sorted(list []Commitment) []Commitment {
	list = append(make([]Commitment, 0, len(list)), list...)
	slices.SortFunc(list, compareCommitments)
	return list
}
