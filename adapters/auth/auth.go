// Package auth reads the caller's credentials from a request: an API key, a session of
// Lethe's own or of the control layer, or a user named by an authenticating proxy. It
// checks what a secret or an address can prove, but not whether the person exists.
//
// [Reader] reads the credentials of a request into a domain.Credentials, as [Config]
// says what to accept, and makes the cookies of Lethe's own sessions.
package auth

import (
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"lethe/domain"
)

// Default names.
const (
	DefaultSessionCookie   = "dwctl_session"
	DefaultProxyUserHeader = "x-doubleword-user"

	DefaultProxySecretHeader = "x-lethe-proxy-secret"
)

const (
	activeOrganizationCookie = "dw_active_org"
	activeOrganizationHeader = "X-Organization-Id"

	// maxLength bounds a secret, a token and a name, in bytes.
	maxLength = 4 << 10
	// sessionLeeway is how long a session is valid after its end, in seconds.
	sessionLeeway = 60
)

// Config says which credentials to accept.
type Config struct {
	// OwnSecrets seal Lethe's own sessions, the newest first; none: there are none.
	OwnSecrets [][]byte

	SessionSecret   []byte         // signs the control layer's sessions; empty: they are off
	SessionCookie   string         // empty: DefaultSessionCookie
	ProxyHeaders    bool           // whether to accept users from a proxy
	ProxyUserHeader string         // empty: DefaultProxyUserHeader
	ProxyTrusted    []netip.Prefix // addresses of trusted proxies; nil: loopback

	// ProxySecret proves that a request comes from the proxy, in the header
	// ProxySecretHeader; empty: an address of ProxyTrusted suffices.
	ProxySecret       []byte
	ProxySecretHeader string // empty: DefaultProxySecretHeader
	Now               func() time.Time
}

// Reader reads credentials.
type Reader struct {
	cfg    Config
	parser *jwt.Parser
	proof  [sha256.Size]byte // of the proxy's secret
	seals  []cipher.AEAD     // of Lethe's own sessions; see Config.OwnSecrets
}

// New makes a Reader. It fails if a name is not valid for a cookie or header, or a
// prefix is invalid.
func New(cfg Config) (*Reader, error) {
	if cfg.SessionCookie == "" {
		cfg.SessionCookie = DefaultSessionCookie
	}
	if cfg.ProxyUserHeader == "" {
		cfg.ProxyUserHeader = DefaultProxyUserHeader
	}
	if cfg.ProxySecretHeader == "" {
		cfg.ProxySecretHeader = DefaultProxySecretHeader
	}
	if cfg.ProxyTrusted == nil {
		cfg.ProxyTrusted = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	var errs []error
	if !isToken(cfg.SessionCookie) {
		errs = append(errs, fmt.Errorf("invalid name %q for the session cookie: use letters, digits, - and _", cfg.SessionCookie))
	}
	if !isToken(cfg.ProxyUserHeader) {
		errs = append(errs, fmt.Errorf("invalid name %q for the proxy's user header: use letters, digits, - and _", cfg.ProxyUserHeader))
	}
	if !isToken(cfg.ProxySecretHeader) {
		errs = append(errs, fmt.Errorf("invalid name %q for the proxy's secret header: use letters, digits, - and _", cfg.ProxySecretHeader))
	}
	trusted := make([]netip.Prefix, 0, len(cfg.ProxyTrusted))
	for _, prefix := range cfg.ProxyTrusted {
		if !prefix.IsValid() {
			errs = append(errs, errors.New("invalid address of a trusted proxy: write it as 10.0.0.0/8 or fd00::/8"))
			continue
		}
		// Addresses are compared as IPv4 wherever they are.
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		trusted = append(trusted, prefix)
	}
	seals, err := newSeals(cfg.OwnSecrets)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	cfg.ProxyTrusted = trusted
	return &Reader{cfg: cfg, proof: sha256.Sum256(cfg.ProxySecret), seals: seals, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(),
		jwt.WithoutClaimsValidation(), // subject checks them, as the control layer does
	)}, nil
}

// isToken reports whether s can name a header or a cookie; both are tokens of RFC 9110.
func isToken(s string) bool {
	return (&http.Cookie{Name: s}).Valid() == nil
}

// Read returns the credentials in a request. It ignores those that are malformed,
// forged, expired or switched off.
func (a *Reader) Read(r *http.Request) domain.Credentials {
	return domain.Credentials{
		Key:          a.key(r),
		Session:      a.ownSession(r),
		Sessions:     a.sessions(r),
		ExternalID:   a.externalID(r),
		Organization: organization(r),
	}
}

func (a *Reader) key(r *http.Request) string {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !usable(secret) {
		return ""
	}
	return secret
}

func (a *Reader) sessions(r *http.Request) []uuid.UUID {
	if len(a.cfg.SessionSecret) == 0 {
		return nil
	}
	var subjects []uuid.UUID
	for _, token := range cookies(r, a.cfg.SessionCookie) {
		if id, ok := a.subject(token); ok {
			subjects = append(subjects, id)
		}
	}
	return subjects
}

// subject returns the user of a token, if the token is valid.
func (a *Reader) subject(token string) (uuid.UUID, bool) {
	if !usable(token) {
		return uuid.Nil, false
	}
	claims := jwt.MapClaims{}
	parsed, err := a.parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return a.cfg.SessionSecret, nil })
	if err != nil {
		return uuid.Nil, false
	}
	// crit lists mandatory extensions (RFC 7515, section 4.1.11); none is supported.
	if _, given := parsed.Header["crit"]; given {
		return uuid.Nil, false
	}
	if _, given := claims["aud"]; given {
		return uuid.Nil, false
	}
	expires, ok := integer(claims["exp"])
	if !ok || expires < a.cfg.Now().Unix()-sessionLeeway {
		return uuid.Nil, false
	}
	if _, ok := integer(claims["iat"]); !ok {
		return uuid.Nil, false
	}
	text, _ := claims["sub"].(string)
	id, err := domain.ParseID(text)
	return id, err == nil && id != uuid.Nil
}

func integer(claim any) (int64, bool) {
	n, ok := claim.(interface{ Int64() (int64, error) })
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func (a *Reader) externalID(r *http.Request) string {
	if !a.cfg.ProxyHeaders || !a.trusts(r.RemoteAddr) || !a.proves(r.Header) {
		return ""
	}
	// With two values it is unclear which one is the proxy's.
	names := r.Header.Values(a.cfg.ProxyUserHeader)
	if len(names) != 1 || !usable(names[0]) {
		return ""
	}
	return names[0]
}

// proves reports whether a request has the proxy's secret exactly once, or whether none
// is needed. It compares in constant time.
func (a *Reader) proves(h http.Header) bool {
	if len(a.cfg.ProxySecret) == 0 {
		return true
	}
	given := h.Values(a.cfg.ProxySecretHeader)
	if len(given) != 1 {
		return false
	}
	sum := sha256.Sum256([]byte(given[0]))
	return subtle.ConstantTimeCompare(sum[:], a.proof[:]) == 1
}

func (a *Reader) trusts(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, prefix := range a.cfg.ProxyTrusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// organization returns the organization that the caller asks to act for. A cookie takes
// precedence over the header, even if it names nothing.
func organization(r *http.Request) *uuid.UUID {
	var text string
	if given := cookies(r, activeOrganizationCookie); len(given) > 0 {
		text = given[0]
	}
	if text == "" {
		text = r.Header.Get(activeOrganizationHeader)
	}
	id, err := domain.ParseID(text)
	if err != nil {
		return nil
	}
	return &id
}

// cookies returns the values of the cookies of this name, in order. Unlike net/http it
// keeps invalid values: the cookie counts as sent.
func cookies(r *http.Request, name string) []string {
	var values []string
	for _, line := range r.Header.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			key, value, ok := strings.Cut(pair, "=")
			if ok && strings.TrimSpace(key) == name {
				values = append(values, strings.TrimSpace(value))
			}
		}
	}
	return values
}

// usable reports whether a value can be looked up.
func usable(s string) bool { return s != "" && len(s) <= maxLength && domain.Storable(s) }
