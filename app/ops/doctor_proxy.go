package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"lethe"
	"lethe/app/boot"
	"lethe/app/config"
)

// proxy checks the settings for trust in proxies.
func (d *doctor) proxy() {
	const check = "proxy headers"
	a := d.cfg.Auth
	c := Check{Database: service, Name: check, Finding: OK}
	switch worry := d.cfg.ProxyUnproven(); {
	case !a.ProxyHeaders:
		return
	case worry != "":
		c.Finding, c.Detail, c.Advice = Warning, worry, config.ProxyAdvice
	case a.ProxySecret == "":
		c.Detail = fmt.Sprintf("%s is trusted by the proxy's address, and you have confirmed that callers' own is %s", a.ProxyUserHeader, config.IncomingStripped)
		if everywhere := anyAddress(d.cfg); everywhere != "" {
			c.Finding = Warning
			c.Detail = fmt.Sprintf("%s is trusted from %s, which includes everyone who can bypass the proxy", a.ProxyUserHeader, everywhere)
			c.Advice = "list only the proxy's addresses in auth.proxy_trusted, or authenticate the proxy with auth.proxy_secret (LETHE_AUTH_PROXY_SECRET)"
		}
	default:
		c.Detail = fmt.Sprintf("%s is trusted only with the proxy's secret; `lethe doctor --proxy URL` tests whether callers' own gets through", a.ProxyUserHeader)
	}
	d.add(c)
}

// anyAddress returns the first of the trusted ranges that contains every address.
func anyAddress(cfg *config.Config) string {
	for _, prefix := range cfg.Auth.ProxyTrusted {
		if prefix.Bits() == 0 {
			return prefix.String()
		}
	}
	return ""
}

const (
	probeTimeout = 10 * time.Second
	probesWithin = time.Minute // for all of them
)

// contractGets are the sorted GET paths of the contract at which a proxy may name a
// user, with its examples as parameters. A proxy may treat each differently.
var contractGets = sync.OnceValues(func() ([]string, error) {
	var contract struct {
		Paths map[string]struct {
			Get *struct {
				Security   []map[string]any
				Parameters []struct {
					Ref string `yaml:"$ref"`
				}
			}
		}
		Components struct {
			Parameters map[string]struct {
				Name, In string
				Required bool
				Example  any
			}
		}
	}
	if err := yaml.Unmarshal(lethe.OpenAPI, &contract); err != nil {
		return nil, err
	}
	var examples []string
	for _, p := range contract.Components.Parameters {
		if p.In == "path" {
			examples = append(examples, "{"+p.Name+"}", fmt.Sprint(p.Example))
		}
	}
	fill := strings.NewReplacer(examples...)
	var paths []string
	for path, operations := range contract.Paths {
		byProxy := func(way map[string]any) bool { _, is := way["proxyUser"]; return is }
		if get := operations.Get; get == nil || get.Security != nil && !slices.ContainsFunc(get.Security, byProxy) {
			continue
		}
		if path = fill.Replace(path); strings.Contains(path, "{") {
			return nil, fmt.Errorf("the contract has no example for a parameter of %s", path)
		}
		query := url.Values{}
		for _, used := range operations.Get.Parameters {
			if p := contract.Components.Parameters[strings.TrimPrefix(used.Ref, "#/components/parameters/")]; p.Required && p.In == "query" {
				query.Set(p.Name, fmt.Sprint(p.Example))
			}
		}
		if len(query) > 0 {
			path += "?" + query.Encode()
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths, nil
})

// ProxyURL checks the URL for probing a proxy: it ends where the paths of the
// contract start.
func ProxyURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, config.Misused("--proxy must be the address at which callers reach the service, such as https://gateway.example.com")
	}
	return u, nil
}

// throughProxy requests each GET path through the proxy as anyone could: without
// credentials, and with the header that names a user. HEAD shows no data even if the
// proxy lets it in.
func (d *doctor) throughProxy(ctx context.Context, database string) {
	const check = "proxy, probed"
	if d.through == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, probesWithin)
	defer cancel()
	header := d.cfg.Auth.ProxyUserHeader
	add := func(finding Finding, advice, detail string, args ...any) {
		d.add(Check{Database: service, Name: check, Finding: finding, Detail: fmt.Sprintf(detail, args...), Advice: advice})
	}
	if !d.cfg.Auth.ProxyHeaders {
		add(OK, "", "nothing to probe: auth.proxy_headers is false, so no proxy is trusted")
		return
	}
	name, err := someExternalID(ctx, database)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		add(OK, "", "%s can name nobody: no person in the database has an external_user_id", header)
		return
	case err != nil:
		add(Problem, "fix the database first", "could not look up a user to name: %s", oneLine(err.Error()))
		return
	}
	paths, err := contractGets()
	if err != nil {
		add(Problem, "report this as a bug in Lethe", "could not read the paths to probe: %s", err)
		return
	}
	// The probed paths by result.
	said := map[gateway][]string{}
	answers := 0
	for _, path := range paths {
		does, status, err := d.probe(ctx, path, header, name)
		switch {
		case err != nil && answers == 0:
			add(Problem, "correct the URL of --proxy, or find out why the proxy does not answer", "%s does not answer: %s", d.through, oneLine(err.Error()))
			return
		case err != nil:
			add(Problem, "try again", "%s answered %s, but not at %s: %s", d.through, count(answers, "time"), path, oneLine(err.Error()))
			return
		}
		answers++
		said[does] = append(said[does], fmt.Sprintf("%s (%d)", path, status))
	}
	at := func(does gateway) string { return strings.Join(said[does], ", ") }
	shut := len(said[closed]) + len(said[keepsToItself])
	notPassed := ""
	if len(said[passesNot]) > 0 {
		notPassed = "; it does not forward " + at(passesNot)
	}
	switch {
	case len(said[open]) > 0:
		add(Problem, "stop the service or the proxy until the proxy strips "+header+" from incoming requests at every path; see \"Behind a proxy\" in docs/configuration.md for nginx, Caddy, Apache and HAProxy",
			"anyone can act as any user: a caller without credentials who sends %s to %s does not get 401 at %s", header, d.through, at(open))
	case len(said[busy]) > 0:
		add(Warning, "try again", "no conclusive answer to requests with the header at %s", at(busy))
	case len(said[unclear]) > 0 || shut == 0:
		add(Warning, "give the URL at which the proxy forwards the contract's paths to this service, while the service runs; test a proxy that signs everyone in first by hand, signed in",
			"a caller without credentials does not get this service's 401 through %s at %s, which does not show what the proxy does with the header", d.through, strings.Join(append(said[unclear], said[passesNot]...), ", "))
	case len(said[closed]) == 0:
		add(OK, "", "a caller's own %s does not get through %s: the proxy answers by itself at %s%s", header, d.through, at(keepsToItself), notPassed)
	default:
		add(OK, "", "a caller's own %s has no effect through %s: the answer at each of %s is the same without it%s", header, d.through, count(shut, "path"), notPassed)
	}
}

// gateway is what a proxy does with a path and with the header.
type gateway int

const (
	closed        gateway = iota // 401, both with the header and without
	keepsToItself                // it answers requests with the header itself
	open                         // the header lets the caller in
	busy                         // too busy to tell
	passesNot                    // it does not forward the path
	unclear                      // something else answers
)

// probe probes one path, without the header and with it.
func (d *doctor) probe(ctx context.Context, path, header, name string) (does gateway, status int, err error) {
	without, oursWithout, err := d.ask(ctx, path, "", "")
	if err != nil {
		return 0, 0, err
	}
	passedOn := without == http.StatusUnauthorized && oursWithout
	status, ours, err := d.ask(ctx, path, header, name)
	switch {
	case err != nil:
		return 0, 0, err
	case !passedOn && ours && oursWithout && status == without:
		return unclear, without, nil // the answer of another server
	case status == http.StatusTooManyRequests || status >= 500:
		return busy, status, nil
	case ours && status != http.StatusUnauthorized:
		return open, status, nil
	case passedOn && !ours:
		return keepsToItself, status, nil
	case passedOn:
		return closed, status, nil
	case !oursWithout && (without == http.StatusForbidden || without == http.StatusNotFound):
		return passesNot, without, nil
	}
	return unclear, without, nil
}

// ask returns the status, and whether the response has this service's format.
func (d *doctor) ask(ctx context.Context, path, header, value string) (status int, ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, strings.TrimSuffix(d.through.String(), "/")+path, nil)
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
			err = u.Err // without the URL, which the check names
		}
		return 0, false, err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10))
	_ = answer.Body.Close()
	problem := strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") && answer.Header.Get("X-Request-Id") != ""
	ours = problem || answer.StatusCode < 300
	return answer.StatusCode, ours, nil
}

// someExternalID returns a user whom a proxy could name, preferably one who has just
// called, so that probing does not update their last login.
func someExternalID(ctx context.Context, url string) (name string, err error) {
	conn, err := boot.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer boot.HangUp(conn)
	err = conn.QueryRow(ctx, `
		SELECT external_user_id FROM public.users
		WHERE NOT is_deleted AND external_user_id <> '' AND external_user_id ~ '^[!-~]+$'
		  AND id <> '00000000-0000-0000-0000-000000000000'
		ORDER BY last_login > now() - interval '4 minutes' DESC NULLS LAST, id LIMIT 1`).Scan(&name)
	return name, err
}
