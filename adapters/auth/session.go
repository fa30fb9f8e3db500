package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// OwnSessionCookie is the name of the cookie with a session of Lethe's own.
const OwnSessionCookie = "lethe_session"

const (
	// sealLabel separates these keys from others of the same secret. A token of another
	// version has another label, so it does not open.
	sealLabel = "lethe: sessions, version 1"
	sealKey   = 32 // bytes: AES-256

	// A sealed session begins with its identifier and two times, in microseconds.
	sessionHead = 16 + 8 + 8
)

// newSeals returns what seals and opens sessions, one for each secret.
func newSeals(secrets [][]byte) ([]cipher.AEAD, error) {
	seals := make([]cipher.AEAD, len(secrets))
	for i, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, sealLabel, sealKey)
		if err != nil {
			return nil, fmt.Errorf("derive the key of sessions: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if seals[i], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	return seals, nil
}

// seal encrypts a session with the newest key.
func (a *Reader) seal(s domain.Session) string {
	text := make([]byte, 0, sessionHead+len(s.Key))
	text = append(text, s.ID[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(s.Until.UnixMicro()))
	text = binary.BigEndian.AppendUint64(text, uint64(s.Seen.UnixMicro()))
	text = append(text, s.Key...)
	return base64.RawURLEncoding.EncodeToString(a.seals[0].Seal(nil, nil, text, nil))
}

// ownSession returns the session of the first cookie that one of the keys opens.
func (a *Reader) ownSession(r *http.Request) *domain.Session {
	if len(a.seals) == 0 {
		return nil
	}
	for _, token := range cookies(r, OwnSessionCookie) {
		if s, ok := a.open(token); ok {
			return &s
		}
	}
	return nil
}

func (a *Reader) open(token string) (domain.Session, bool) {
	if len(token) > maxLength {
		return domain.Session{}, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return domain.Session{}, false
	}
	for _, seal := range a.seals {
		if text, err := seal.Open(nil, nil, sealed, nil); err == nil && len(text) > sessionHead {
			return domain.Session{
				ID:    uuid.UUID(text[:16]),
				Until: time.UnixMicro(int64(binary.BigEndian.Uint64(text[16:]))),
				Seen:  time.UnixMicro(int64(binary.BigEndian.Uint64(text[24:]))),
				Key:   string(text[sessionHead:]),
			}, true
		}
	}
	return domain.Session{}, false
}

// SessionCookie returns the cookie that gives a session to whoever sent the request;
// nil: the one that takes it away. A browser drops it when it closes.
func (a *Reader) SessionCookie(r *http.Request, s *domain.Session) *http.Cookie {
	cookie := &http.Cookie{
		Name: OwnSessionCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: !onThisMachine(r),
	}
	if s == nil {
		cookie.MaxAge = -1
	} else {
		cookie.Value = a.seal(*s)
	}
	return cookie
}

// onThisMachine reports whether a browser on this machine sent the request without TLS:
// some do not keep secure cookies then. A proxy on this machine forwards the caller's
// host, or says that it ended TLS.
func onThisMachine(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return false
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
