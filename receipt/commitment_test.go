package receipt_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/receipt"
)

// TestCommitments against values that Python's hmac has made:
//
//	hmac.new(bytes(range(32)), b"erasure-owner-v1\0ada", hashlib.sha256).hexdigest()
func TestCommitments(t *testing.T) {
	t.Parallel()
	var salt receipt.Salt
	for i := range salt {
		salt[i] = byte(i)
	}
	id := uuid.MustParse("C0000400-0000-4000-8000-00000000005A")
	for name, c := range map[string]struct {
		got  receipt.Commitment
		want string
	}{
		"response": {receipt.CommitResponse(salt, id), "af5321d93c728c9f10fb0b40a177b7e0979d272c6c8e49b0a25879de5bde5603"},
		"owner":    {receipt.CommitOwner(salt, "ada"), "0165c215c8dbe9deba8abb6f741d409cae59859f614ef143d35d8c9c5ed2c54c"},
		"alike":    {receipt.CommitOwner(salt, id.String()), "ff7b6e9a76155b3a78c8bed626522b0e69c539eee1c9ebe9e6b434e6204e61e4"},
		"salt":     {receipt.Commitment(receipt.DeriveSalt(salt, id)), "a0e3e025843c15d9428c4cde81993febfaf650a0e336ccf93cb63eaf0123b962"},
	} {
		if got := hex.EncodeToString(c.got[:]); got != c.want {
			t.Errorf("%s: want %s, got %s", name, c.want, got)
		}
	}
}

func TestParseSalt(t *testing.T) {
	t.Parallel()
	want := receipt.NewSalt()
	inHex := hex.EncodeToString(want[:])
	for _, text := range []string{inHex, strings.ToUpper(inHex), base64.StdEncoding.EncodeToString(want[:])} {
		if got, err := receipt.ParseSalt(text); err != nil || got != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"", "salt", inHex[2:], inHex + "00", inHex + " ", strings.Repeat("A", 40)} {
		_, err := receipt.ParseSalt(text)
		wantKind(t, err, receipt.BadKey)
		if len(text) > 32 && strings.Contains(err.Error(), text) {
			t.Errorf("the error contains the salt: %v", err)
		}
	}
	if another := receipt.NewSalt(); another == want {
		t.Error("two salts are the same")
	}
}
