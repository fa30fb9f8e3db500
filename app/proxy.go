package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// proxyUnproven says what is wrong with believing a proxy's word: nothing proves
// that it is the proxy's, and nobody has said that callers cannot send it
// themselves. Empty: nothing is.
func proxyUnproven(cfg *Config) string {
	a := cfg.Auth
	if !a.ProxyHeaders || a.ProxySecret != "" || a.ProxyIncoming == incomingStripped {
		return ""
	}
	from := make([]string, len(a.ProxyTrusted))
	for i, prefix := range a.ProxyTrusted {
		from[i] = prefix.String()
	}
	return fmt.Sprintf("the header %s is believed from %s without proof: where the proxy passes on what callers send, as nginx does unless it is told otherwise, anyone is whoever they name, an administrator too",
		a.ProxyUserHeader, strings.Join(from, ", "))
}

const proxyAdvice = "have the proxy remove that header from what comes in, have it prove itself by auth.proxy_secret (LETHE_AUTH_PROXY_SECRET), and try with `lethe doctor --proxy URL`; " +
	"without a secret, set auth.proxy_incoming (LETHE_AUTH_PROXY_INCOMING) to " + incomingStripped + " once it is removed"

// warnOfProxy says so when the service starts, which it does all the same.
func warnOfProxy(cfg *Config, log *slog.Logger) {
	if worry := proxyUnproven(cfg); worry != "" {
		log.Warn(worry + ": " + proxyAdvice)
	}
}

// proxy looks at what is believed of proxies, which no database knows.
func (d *doctor) proxy() {
	const check = "proxy headers"
	a := d.cfg.Auth
	c := Check{Database: service, Name: check, Finding: OK}
	switch worry := proxyUnproven(d.cfg); {
	case !a.ProxyHeaders:
		return
	case worry != "":
		c.Finding, c.Detail, c.Advice = Warning, worry, proxyAdvice
	case a.ProxySecret == "":
		c.Detail = fmt.Sprintf("%s is believed by the proxy's address; you have said that callers' own is %s", a.ProxyUserHeader, incomingStripped)
		if everywhere := anyAddress(d.cfg); everywhere != "" {
			c.Finding = Warning
			c.Detail = fmt.Sprintf("%s is believed from %s, which is everyone who reaches the service past the proxy", a.ProxyUserHeader, everywhere)
			c.Advice = "name the proxy's addresses alone in auth.proxy_trusted, or have it prove itself by auth.proxy_secret (LETHE_AUTH_PROXY_SECRET)"
		}
	default:
		c.Detail = fmt.Sprintf("%s is believed from who has the proxy's secret; that callers' own does not come through, `lethe doctor --proxy URL` shows", a.ProxyUserHeader)
	}
	d.add(c)
}

// anyAddress is the first of the trusted ranges that holds every address.
func anyAddress(cfg *Config) string {
	for _, prefix := range cfg.Auth.ProxyTrusted {
		if prefix.Bits() == 0 {
			return prefix.String()
		}
	}
	return ""
}

const (
	probeTimeout = 10 * time.Second
	// probed is what every proxy in front of the service sends to it.
	probed = "/admin/api/v1/batches/requests?limit=1&count=none"
)

// ProxyURL checks what a proxy is to be probed by: the URL up to the paths of the
// contract.
func ProxyURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, misused("--proxy must be the address at which callers reach the service, such as https://gateway.example.com")
	}
	return u, nil
}

// throughProxy asks through the proxy as anyone could: without credentials, and
// then with the header that names somebody. HEAD shows no data, even where the door
// is open.
func (d *doctor) throughProxy(ctx context.Context, database string) {
	const check = "proxy, probed"
	if d.through == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*probeTimeout)
	defer cancel()
	header := d.cfg.Auth.ProxyUserHeader
	add := func(finding Finding, advice, detail string, args ...any) {
		d.add(Check{Database: service, Name: check, Finding: finding, Detail: fmt.Sprintf(detail, args...), Advice: advice})
	}
	if !d.cfg.Auth.ProxyHeaders {
		add(OK, "", "no proxy's word is believed, so there is nothing to probe: auth.proxy_headers is false")
		return
	}
	name, err := someExternalID(ctx, database)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		add(OK, "", "nobody can be named in %s: no person in the database has an external_user_id", header)
		return
	case err != nil:
		add(Problem, "mend what is wrong with the database first", "whom to name could not be looked up: %s", oneLine(err.Error()))
		return
	}
	control, ours, err := d.ask(ctx, "", "")
	if err != nil {
		add(Problem, "correct the URL of --proxy, or see why the proxy does not answer", "%s does not answer: %s", d.through, oneLine(err.Error()))
		return
	}
	if control != http.StatusUnauthorized || !ours {
		add(Warning, "give the URL at which the proxy passes "+strings.Split(probed, "?")[0]+" on to this service, while that runs; a proxy that signs everyone in before it passes anything on has to be probed from behind the sign-in, by hand",
			"a caller without credentials gets %d at %s, and not this service's 401: what the proxy does with the header cannot be told by that", control, d.through)
		return
	}
	status, ours, err := d.ask(ctx, header, name)
	switch {
	case err != nil:
		add(Problem, "try again", "%s answered once, and then no more: %s", d.through, oneLine(err.Error()))
	case status == http.StatusTooManyRequests || status >= 500:
		add(Warning, "try again", "with the header the answer is %d, by which nothing can be told", status)
	case !ours:
		add(OK, "", "a caller's own %s does not come through %s: the proxy answers %d by itself", header, d.through, status)
	case status != http.StatusUnauthorized:
		add(Problem, "stop the service or the proxy until it removes "+header+" from what comes in; docs/configuration.md, \"Behind a proxy\", says how for nginx, Caddy, Apache and HAProxy",
			"anyone is whoever they name: a caller without credentials who sends %s to %s is answered with %d instead of 401", header, d.through, status)
	default:
		add(OK, "", "a caller's own %s does not count through %s: 401, with it as without", header, d.through)
	}
}

// ask returns the status, and whether the answer is in this service's form.
func (d *doctor) ask(ctx context.Context, header, value string) (status int, ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, strings.TrimSuffix(d.through.String(), "/")+probed, nil)
	if err != nil {
		return 0, false, err
	}
	if header != "" {
		r.Header.Set(header, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, which is told
		}
		return 0, false, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10))
	_ = answer.Body.Close()
	problem := strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") && answer.Header.Get("X-Request-Id") != ""
	ours = problem || answer.StatusCode < 300
	return answer.StatusCode, ours, nil
}

// someExternalID is whom a proxy could name: one who has just been here, of whom
// nothing is written, before others.
func someExternalID(ctx context.Context, url string) (name string, err error) {
	conn, err := connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer hangUp(conn)
	err = conn.QueryRow(ctx, `
		SELECT external_user_id FROM public.users
		WHERE NOT is_deleted AND external_user_id <> '' AND external_user_id ~ '^[!-~]+$'
		  AND id <> '00000000-0000-0000-0000-000000000000'
		ORDER BY last_login > now() - interval '4 minutes' DESC NULLS LAST, id LIMIT 1`).Scan(&name)
	return name, err
}
