package boot

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"lethe/app/config"
)

// embeddedSessionKey is the file with the key of sessions that the embedded mode
// creates.
const embeddedSessionKey = "session.key"

const (
	maxSessionKeys   = 4
	minSessionKey    = 32 // bytes
	maxSessionKey    = 1024
	sessionKeyAdvice = "write 1 to 4 keys of 32 to 1024 visible ASCII characters, one per line, the newest first; create one with `openssl rand -hex 32`"
)

// SessionKeys seal Lethe's own sessions, the newest first; none: there are no sessions.
type SessionKeys [][]byte

// ReadSessionKeys reads the keys. The embedded mode creates one if no file is
// configured: whoever removes that file ends all sessions at the next start.
func ReadSessionKeys(cfg *config.Config) (SessionKeys, error) {
	file := cfg.Auth.SessionKeyFile
	if file != "" {
		text, err := ReadBounded(file, MaxKeyFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("open key file %q: not found: correct auth.session_key_file, or create a key with `openssl rand -hex 32 > %[1]s`, readable by this user only", file)
		case err != nil:
			return nil, fmt.Errorf("read the keys of sessions: %w: correct auth.session_key_file, or make the file readable by this user", err)
		}
		return parseSessionKeys(file, text)
	}
	if !cfg.Embedded() {
		return nil, nil
	}
	file = filepath.Join(cfg.DataDir, embeddedSessionKey)
	secret := make([]byte, minSessionKey)
	_, _ = rand.Read(secret) // never fails
	if err := createOnce(file, hex.EncodeToString(secret)+"\n"); err != nil {
		return nil, fmt.Errorf("create the key of sessions: %w", err)
	}
	text, err := readOwn(file, MaxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the key of sessions: %w", err)
	}
	return parseSessionKeys(file, text)
}

// parseSessionKeys reads one key per line. Its errors show none.
func parseSessionKeys(file string, text []byte) (keys SessionKeys, err error) {
	for line := range strings.Lines(string(text)) {
		key := strings.TrimSpace(line)
		if key == "" {
			continue
		}
		if len(key) < minSessionKey || len(key) > maxSessionKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return nil, fmt.Errorf("key file %q has an invalid key of sessions: %s", file, sessionKeyAdvice)
		}
		keys = append(keys, []byte(key))
	}
	if len(keys) == 0 || len(keys) > maxSessionKeys {
		return nil, fmt.Errorf("key file %q has %d keys of sessions: %s", file, len(keys), sessionKeyAdvice)
	}
	return keys, nil
}
