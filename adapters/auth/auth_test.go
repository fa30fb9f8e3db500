package auth_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"lethe/adapters/auth"
	"lethe/domain"
)

const secret = "a-secret-for-tests-of-enough-length"

var (
	alice = uuid.MustParse("c0000100-0000-4000-8000-000000000003")
	bob   = uuid.MustParse("c0000100-0000-4000-8000-000000000004")
	acme  = uuid.MustParse("c0000200-0000-4000-8000-000000000001")
	now   = time.Unix(1_800_000_000, 0)
)

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// session is a valid token. changes are claim names and values in turn; a nil value
// removes the claim.
func session(t *testing.T, changes ...any) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": alice.String(), "exp": now.Unix() + 100, "iat": now.Unix()}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == nil {
			delete(claims, changes[i].(string))
		} else {
			claims[changes[i].(string)] = changes[i+1]
		}
	}
	return sign(t, jwt.SigningMethodHS256, []byte(secret), claims)
}

// headed is a valid session token with one extra header field.
func headed(t *testing.T, name string, value any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": alice.String(), "exp": now.Unix() + 100, "iat": now.Unix()})
	token.Header[name] = value
	text, err := token.SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t *testing.T, cfg auth.Config, remote string, headers ...string) domain.Credentials {
	t.Helper()
	cfg.Now = func() time.Time { return now }
	reader, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if remote != "" {
		r.RemoteAddr = remote
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return reader.Read(r)
}

func TestBearerKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		want    string
	}{
		"none":               {nil, ""},
		"a key":              {[]string{"Bearer sk-1"}, "sk-1"},
		"lower case":         {[]string{"bearer sk-1"}, ""},
		"upper case":         {[]string{"BEARER sk-1"}, ""},
		"another scheme":     {[]string{"Basic sk-1"}, ""},
		"no space":           {[]string{"Bearersk-1"}, ""},
		"a tab":              {[]string{"Bearer\tsk-1"}, ""},
		"leading space":      {[]string{" Bearer sk-1"}, ""},
		"two spaces":         {[]string{"Bearer  sk-1"}, " sk-1"},
		"words after":        {[]string{"Bearer sk-1 x"}, "sk-1 x"},
		"empty":              {[]string{"Bearer "}, ""},
		"the first counts":   {[]string{"Bearer sk-1", "Bearer sk-2"}, "sk-1"},
		"the first is wrong": {[]string{"Basic sk-1", "Bearer sk-2"}, ""},
		"NUL":                {[]string{"Bearer sk\x00"}, ""},
		"not UTF-8":          {[]string{"Bearer sk\xff"}, ""},
		"other letters":      {[]string{"Bearer schlüssel"}, "schlüssel"},
		"4 KiB":              {[]string{"Bearer " + strings.Repeat("k", 4096)}, strings.Repeat("k", 4096)},
		"over 4 KiB":         {[]string{"Bearer " + strings.Repeat("k", 4097)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			for _, h := range c.headers {
				headers = append(headers, "Authorization", h)
			}
			if got := read(t, auth.Config{}, "", headers...).Key; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSessionToken(t *testing.T) {
	t.Parallel()
	valid := session(t)
	part := func(i int) string { return strings.Split(valid, ".")[i] }
	encode := base64.RawURLEncoding.EncodeToString
	// The last character of a 32-byte signature has two spare bits. A lax decoder
	// accepts any value for them.
	spare := func() string {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := strings.IndexByte(alphabet, valid[len(valid)-1])
		return valid[:len(valid)-1] + string(alphabet[last|1])
	}
	for name, c := range map[string]struct {
		token string
		valid bool
	}{
		"valid":             {valid, true},
		"hex subject":       {session(t, "sub", strings.ReplaceAll(alice.String(), "-", "")), true},
		"braced subject":    {session(t, "sub", "{"+alice.String()+"}"), true},
		"urn subject":       {session(t, "sub", "urn:uuid:"+alice.String()), true},
		"nil subject":       {session(t, "sub", uuid.Nil.String()), false},
		"another subject":   {session(t, "sub", "alice"), false},
		"numeric subject":   {session(t, "sub", 3), false},
		"no subject":        {session(t, "sub", nil), false},
		"just expired":      {session(t, "exp", now.Unix()-60), true},
		"expired":           {session(t, "exp", now.Unix()-61), false},
		"no exp":            {session(t, "exp", nil), false},
		"string exp":        {session(t, "exp", "4102444800"), false},
		"fractional exp":    {session(t, "exp", 4102444800.5), false},
		"huge exp":          {session(t, "exp", 1e30), false},
		"negative exp":      {session(t, "exp", -1), false},
		"no iat":            {session(t, "iat", nil), false},
		"string iat":        {session(t, "iat", "1"), false},
		"future iat":        {session(t, "iat", now.Unix()+1_000_000), true},
		"future nbf":        {session(t, "nbf", now.Unix()+1_000_000), true},
		"invalid nbf":       {session(t, "nbf", "soon"), true},
		"aud":               {session(t, "aud", "dwctl"), false},
		"empty aud list":    {session(t, "aud", []string{}), false},
		"HS512":             {sign(t, jwt.SigningMethodHS512, []byte(secret), jwt.MapClaims{"sub": alice.String(), "exp": now.Unix(), "iat": 1}), false},
		"none":              {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, jwt.MapClaims{"sub": alice.String(), "exp": now.Unix(), "iat": 1}), false},
		"another secret":    {sign(t, jwt.SigningMethodHS256, []byte(secret+"x"), jwt.MapClaims{"sub": alice.String(), "exp": now.Unix(), "iat": 1}), false},
		"header says HS512": {encode([]byte(`{"alg":"HS512"}`)) + "." + part(1) + "." + part(2), false},
		"kid":               {headed(t, "kid", "1"), true},
		"unknown crit":      {headed(t, "crit", []string{"b64"}), false},
		"crit not a list":   {headed(t, "crit", true), false},
		"null crit":         {headed(t, "crit", nil), false},
		"no signature":      {part(0) + "." + part(1) + ".", false},
		"two parts":         {part(0) + "." + part(1), false},
		"padding":           {valid + "=", false},
		"spare bits set":    {spare(), false},
		"claims not JSON":   {part(0) + "." + encode([]byte(`{`)) + "." + part(2), false},
		"garbage":           {"abc", false},
		"empty":             {"", false},
		"over 4 KiB":        {session(t, "more", strings.Repeat("x", 4096)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []uuid.UUID
			if c.valid {
				want = []uuid.UUID{alice}
			}
			cookie := "dwctl_session=" + c.token
			if got := read(t, auth.Config{SessionSecret: []byte(secret)}, "", "Cookie", cookie).Sessions; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if got := read(t, auth.Config{}, "", "Cookie", cookie).Sessions; got != nil {
				t.Errorf("with sessions off: got %v, want none", got)
			}
		})
	}
}

func TestSessionCookies(t *testing.T) {
	t.Parallel()
	a, b := session(t), session(t, "sub", bob.String())
	for name, c := range map[string]struct {
		cookie  string
		headers []string
		want    []uuid.UUID
	}{
		"in order":          {"", []string{"dwctl_session=" + b + "; dwctl_session=" + a}, []uuid.UUID{bob, alice}},
		"in two headers":    {"", []string{"dwctl_session=" + b, "dwctl_session=" + a}, []uuid.UUID{bob, alice}},
		"invalid ones":      {"", []string{"dwctl_session=abc; x=y; dwctl_session=" + a + ";dwctl_session="}, []uuid.UUID{alice}},
		"another name":      {"", []string{"session=" + a}, nil},
		"a configured name": {"session", []string{"dwctl_session=" + b + "; session=" + a}, []uuid.UUID{alice}},
		"names keep case":   {"", []string{"Dwctl_Session=" + a}, nil},
		"no value":          {"", []string{"; ;dwctl_session"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			for _, h := range c.headers {
				headers = append(headers, "Cookie", h)
			}
			cfg := auth.Config{SessionSecret: []byte(secret), SessionCookie: c.cookie}
			if got := read(t, cfg, "", headers...).Sessions; !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	on := auth.Config{ProxyHeaders: true}
	private := auth.Config{ProxyHeaders: true, ProxyTrusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	const header, proof = "x-doubleword-user", "x-lethe-proxy-secret"
	proved := auth.Config{ProxyHeaders: true, ProxySecret: []byte("0123456789abcdef")}
	for name, c := range map[string]struct {
		cfg     auth.Config
		remote  string
		headers []string
		want    string
	}{
		"off":                         {auth.Config{}, "127.0.0.1:9", []string{header, "idp|a"}, ""},
		"loopback":                    {on, "127.0.0.1:9", []string{header, "idp|a"}, "idp|a"},
		"other loopback address":      {on, "127.200.0.1:9", []string{header, "idp|a"}, "idp|a"},
		"IPv6 loopback":               {on, "[::1]:9", []string{header, "idp|a"}, "idp|a"},
		"mapped loopback":             {on, "[::ffff:127.0.0.1]:9", []string{header, "idp|a"}, "idp|a"},
		"from elsewhere":              {on, "192.0.2.1:9", []string{header, "idp|a"}, ""},
		"X-Forwarded-For loopback":    {on, "192.0.2.1:9", []string{header, "idp|a", "X-Forwarded-For", "127.0.0.1"}, ""},
		"mapped elsewhere":            {on, "[::ffff:192.0.2.1]:9", []string{header, "idp|a"}, ""},
		"no address":                  {on, "@", []string{header, "idp|a"}, ""},
		"configured":                  {private, "10.1.2.3:9", []string{header, "idp|a"}, "idp|a"},
		"configured IPv6":             {private, "[fd00::1%eth0]:9", []string{header, "idp|a"}, "idp|a"},
		"loopback not configured":     {private, "127.0.0.1:9", []string{header, "idp|a"}, ""},
		"configured as IPv4-mapped":   {auth.Config{ProxyHeaders: true, ProxyTrusted: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, "10.1.2.3:9", []string{header, "idp|a"}, "idp|a"},
		"nothing trusted":             {auth.Config{ProxyHeaders: true, ProxyTrusted: []netip.Prefix{}}, "127.0.0.1:9", []string{header, "idp|a"}, ""},
		"another header":              {auth.Config{ProxyHeaders: true, ProxyUserHeader: "x-user"}, "127.0.0.1:9", []string{"X-User", "idp|a", header, "idp|b"}, "idp|a"},
		"e-mail alone":                {on, "127.0.0.1:9", []string{"x-doubleword-email", "a@example.test"}, ""},
		"empty":                       {on, "127.0.0.1:9", []string{header, ""}, ""},
		"twice":                       {on, "127.0.0.1:9", []string{header, "idp|a", header, "idp|b"}, ""},
		"not UTF-8":                   {on, "127.0.0.1:9", []string{header, "idp|\xff"}, ""},
		"NUL":                         {on, "127.0.0.1:9", []string{header, "idp|\x00"}, ""},
		"right secret":                {proved, "127.0.0.1:9", []string{header, "idp|a", proof, "0123456789abcdef"}, "idp|a"},
		"no secret":                   {proved, "127.0.0.1:9", []string{header, "idp|a"}, ""},
		"empty secret":                {proved, "127.0.0.1:9", []string{header, "idp|a", proof, ""}, ""},
		"wrong secret":                {proved, "127.0.0.1:9", []string{header, "idp|a", proof, "0123456789abcdeF"}, ""},
		"truncated secret":            {proved, "127.0.0.1:9", []string{header, "idp|a", proof, "0123456789abcde"}, ""},
		"secret sent twice":           {proved, "127.0.0.1:9", []string{header, "idp|a", proof, "0123456789abcdef", proof, "0123456789abcdef"}, ""},
		"right secret from elsewhere": {proved, "192.0.2.1:9", []string{header, "idp|a", proof, "0123456789abcdef"}, ""},
		"secret in configured header": {auth.Config{ProxyHeaders: true, ProxySecret: proved.ProxySecret, ProxySecretHeader: "x-proof"}, "127.0.0.1:9", []string{header, "idp|a", "X-Proof", "0123456789abcdef"}, "idp|a"},
		"secret in default header, another configured": {auth.Config{ProxyHeaders: true, ProxySecret: proved.ProxySecret, ProxySecretHeader: "x-proof"}, "127.0.0.1:9", []string{header, "idp|a", proof, "0123456789abcdef"}, ""},
		"too long": {on, "127.0.0.1:9", []string{header, strings.Repeat("x", 4097)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := read(t, c.cfg, c.remote, c.headers...).ExternalID; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestActiveOrganization(t *testing.T) {
	t.Parallel()
	const cookie, header = "Cookie", "X-Organization-Id"
	for name, c := range map[string]struct {
		headers []string
		want    *uuid.UUID
	}{
		"none":                           {nil, nil},
		"header":                         {[]string{header, acme.String()}, &acme},
		"cookie":                         {[]string{cookie, "dw_active_org=" + acme.String()}, &acme},
		"cookie before header":           {[]string{cookie, "dw_active_org=" + acme.String(), header, bob.String()}, &acme},
		"empty cookie":                   {[]string{cookie, "dw_active_org=", header, acme.String()}, &acme},
		"blank cookie":                   {[]string{cookie, "dw_active_org= ; a=b", header, acme.String()}, &acme},
		"invalid cookie before header":   {[]string{cookie, "dw_active_org=nonsense", header, acme.String()}, nil},
		"malformed cookie before header": {[]string{cookie, "dw_active_org=\"é", header, acme.String()}, nil},
		"two cookies":                    {[]string{cookie, "dw_active_org=" + acme.String() + "; dw_active_org=" + bob.String()}, &acme},
		"first cookie invalid":           {[]string{cookie, "dw_active_org=x; dw_active_org=" + bob.String()}, nil},
		"invalid header":                 {[]string{header, "x"}, nil},
		"header twice":                   {[]string{header, acme.String(), header, bob.String()}, &acme},
		"another cookie":                 {[]string{cookie, "org=" + bob.String(), header, acme.String()}, &acme},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(t, auth.Config{}, "", c.headers...).Organization
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestNewInvalidConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]auth.Config{
		"cookie":  {SessionCookie: "a b"},
		"header":  {ProxyUserHeader: "x:y"},
		"address": {ProxyTrusted: []netip.Prefix{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := auth.New(cfg); err == nil {
				t.Error("got no error for an invalid setting")
			}
		})
	}
	_, err := auth.New(auth.Config{SessionCookie: "a b", ProxyUserHeader: "x:y"})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want both settings named", err)
	}
	reader, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := reader.Read(httptest.NewRequest(http.MethodGet, "/", nil)); got.Key != "" || got.Sessions != nil {
		t.Errorf("got %v from nothing", got)
	}
}
