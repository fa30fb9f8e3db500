// Package auth reads from a request who says to be calling: an API key, a
// session of the control layer, or the word of an authenticating proxy. What
// takes a secret or an address to believe is checked here; whether such a
// person exists is not.
//
// [Reader] reads the credentials of a request into a domain.Credentials, as [Config]
// says what to believe.
package auth

import (
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

// What names are taken when none are configured.
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
	// sessionLeeway is how many seconds a session counts after its end.
	sessionLeeway = 60
)

// Config says what is believed.
type Config struct {
	SessionSecret   []byte         // signs the sessions; empty: sessions are off
	SessionCookie   string         // empty: DefaultSessionCookie
	ProxyHeaders    bool           // whether a proxy's word counts
	ProxyUserHeader string         // empty: DefaultProxyUserHeader
	ProxyTrusted    []netip.Prefix // whose word counts; nil: loopback

	// ProxySecret proves that a request comes from the proxy, in the header
	// ProxySecretHeader; empty: an address of ProxyTrusted is proof enough.
	ProxySecret       []byte
	ProxySecretHeader string // empty: DefaultProxySecretHeader
	Now               func() time.Time
}

// Reader reads credentials.
type Reader struct {
	cfg    Config
	parser *jwt.Parser
	proof  [sha256.Size]byte // of the proxy's secret
}

// New makes a Reader. It fails where a name can be none of a cookie or header,
// or a prefix is invalid.
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
		errs = append(errs, fmt.Errorf("%q cannot name the session's cookie: use letters, digits, - and _", cfg.SessionCookie))
	}
	if !isToken(cfg.ProxyUserHeader) {
		errs = append(errs, fmt.Errorf("%q cannot name the proxy's header: use letters, digits, - and _", cfg.ProxyUserHeader))
	}
	if !isToken(cfg.ProxySecretHeader) {
		errs = append(errs, fmt.Errorf("%q cannot name the header of the proxy's secret: use letters, digits, - and _", cfg.ProxySecretHeader))
	}
	trusted := make([]netip.Prefix, 0, len(cfg.ProxyTrusted))
	for _, prefix := range cfg.ProxyTrusted {
		if !prefix.IsValid() {
			errs = append(errs, errors.New("a trusted proxy's address is invalid: write it as 10.0.0.0/8 or fd00::/8"))
			continue
		}
		// Addresses are compared as IPv4 wherever they are.
		if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
		}
		trusted = append(trusted, prefix)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	cfg.ProxyTrusted = trusted
	return &Reader{cfg: cfg, proof: sha256.Sum256(cfg.ProxySecret), parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(),
		jwt.WithoutClaimsValidation(), // subject checks them, as the control layer does
	)}, nil
}

// isToken tells whether s can name a header or a cookie; both are tokens of
// RFC 9110.
func isToken(s string) bool {
	return (&http.Cookie{Name: s}).Valid() == nil
}

// Read returns what the request brought along. What is malformed, forged,
// expired or switched off counts as not given.
func (a *Reader) Read(r *http.Request) domain.Credentials {
	return domain.Credentials{
		Key:          a.key(r),
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

// subject is whom a token speaks for, if it is valid.
func (a *Reader) subject(token string) (uuid.UUID, bool) {
	if !usable(token) {
		return uuid.Nil, false
	}
	claims := jwt.MapClaims{}
	parsed, err := a.parser.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return a.cfg.SessionSecret, nil })
	if err != nil {
		return uuid.Nil, false
	}
	// It names what has to be understood (RFC 7515, section 4.1.11), and nothing is.
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
	// Of two values nobody can tell which one is the proxy's.
	names := r.Header.Values(a.cfg.ProxyUserHeader)
	if len(names) != 1 || !usable(names[0]) {
		return ""
	}
	return names[0]
}

// proves tells whether a request has the proxy's secret, once, where there is one.
// How long that takes tells nothing of it.
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

// organization is the one that the caller asks to act for. A cookie comes
// before the header, also one that names nothing.
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

// cookies returns the values of the cookies of this name, in order. Unlike
// net/http it does not drop those with odd characters: such a cookie is there,
// and worth nothing.
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

// usable tells whether a value may be looked up.
func usable(s string) bool { return s != "" && len(s) <= maxLength && domain.Storable(s) }
