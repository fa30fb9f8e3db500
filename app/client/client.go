// Package client implements the commands that call a running service over its API:
// Connect makes a Client, whose methods are the commands.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/domain"
	"lethe/sdk/go"
)

// DefaultServer is where the demo listens, and a service without http.addr.
const DefaultServer = "http://127.0.0.1:8080"

// Sources say where the service is and who calls.
type Sources struct {
	Server  string // empty: LETHE_SERVER, or DefaultServer
	KeyFile string // empty: the key is in LETHE_API_KEY
	Environ []string
	In      io.Reader // answers to questions
	Output  ops.Output
}

// Client calls one service with one key.
type Client struct {
	api       *lethe.ClientWithResponses
	in        io.Reader
	o         ops.Output
	server    string
	key       string
	keySource string
	transport *http.Transport
}

// Connect returns a client; nothing is sent yet. An error of the configuration says
// which of the sources is missing or wrong. It never contains the key.
func Connect(s Sources) (*Client, error) {
	server := s.Server
	if server == "" {
		server = lookUp(s.Environ, config.ServerVariable)
	}
	if server == "" {
		server = DefaultServer
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, config.Misused("the address of the service must be http://HOST:PORT or https://HOST: correct --server or %s", config.ServerVariable)
	}
	key, source, err := s.key()
	if err != nil {
		return nil, err
	}
	c := &Client{in: s.In, o: s.Output, server: server, key: key, keySource: source, transport: http.DefaultTransport.(*http.Transport).Clone()}
	c.transport.ResponseHeaderTimeout = 5 * time.Minute
	c.api, err = lethe.New(server, key, lethe.WithHTTPClient(&http.Client{Transport: c.transport}))
	return c, err
}

// key returns the API key, and where it comes from.
func (s Sources) key() (key, source string, err error) {
	key, source = lookUp(s.Environ, config.KeyVariable), config.KeyVariable
	if s.KeyFile != "" {
		text, err := boot.ReadBounded(s.KeyFile, boot.MaxKeyFile)
		if err != nil {
			return "", "", config.Misused("--key-file: %v", err)
		}
		key, source = string(text), "the file "+s.KeyFile
	}
	key = strings.TrimSpace(key)
	switch {
	case key == "":
		return "", "", config.Misused("no API key: set %s, or write the key to a file and give it with --key-file", config.KeyVariable)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", "", config.Misused("%s contains more than one API key: leave only the key", source)
	}
	return key, source, nil
}

func lookUp(environ []string, name string) string {
	for _, v := range slices.Backward(environ) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// maxProblem is the maximum size of an error that fetch reads.
const maxProblem = 64 << 10

// fetch gets what the SDK has no call for, as it is too large for memory: the answer of
// this media type, 200, or 206 if the header has a Range. Anything else is a
// *lethe.Error. Redirects are not followed: something else would answer.
func (c *Client) fetch(ctx context.Context, at string, header http.Header, media string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("User-Agent", "lethe-go/"+lethe.Version)
	want := http.StatusOK
	if request.Header.Get("Range") != "" {
		want = http.StatusPartialContent
	}
	answer, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, &lethe.Error{Problem: lethe.Problem{Title: "No answer", Detail: err.Error()}, Err: err}
	}
	got, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode == want && got == media {
		return answer, nil
	}
	defer func() { _ = answer.Body.Close() }()
	failure := &lethe.Error{}
	if got == "application/problem+json" {
		// What cannot be read is no problem of the service's.
		failure.Body, _ = io.ReadAll(io.LimitReader(answer.Body, maxProblem))
		failure.Documented = json.Unmarshal(failure.Body, &failure.Problem) == nil
	}
	if failure.Status = int32(answer.StatusCode); !failure.Documented {
		failure.Problem.Detail = fmt.Sprintf("the answer is not %s but %q", media, got)
	}
	if seconds, err := strconv.ParseUint(answer.Header.Get("Retry-After"), 10, 16); err == nil {
		failure.RetryAfter = time.Duration(seconds) * time.Second
	}
	return nil, failure
}

// explain turns an error of a call into a sentence that says what to do next.
func (c *Client) explain(err error) error {
	failure, ok := errors.AsType[*lethe.Error](err)
	switch {
	case !ok || errors.Is(err, context.Canceled):
		return err
	case failure.Documented:
		return fmt.Errorf("%s%s", failure.Detail, c.advice(failure))
	case failure.Status == 0 && isDial(err):
		return fmt.Errorf("nothing answers at %s: start the service (make run starts the demo), or give its address with --server or %s", c.server, config.ServerVariable)
	case failure.Status == 0:
		return fmt.Errorf("no answer from %s: %s; try again", c.server, failure.Detail)
	}
	return fmt.Errorf("%s answered %d, but not as Lethe does: %s; check --server and %s", c.server, failure.Status, failure.Detail, config.ServerVariable)
}

func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func (c *Client) advice(failure *lethe.Error) string {
	switch failure.Status {
	case http.StatusUnauthorized:
		return fmt.Sprintf("; the key comes from %s: it must be a key of purpose platform that is not revoked", c.keySource)
	case http.StatusForbidden:
		return "; \"lethe me\" shows what this key may do"
	case http.StatusConflict:
		var choices []string
		for _, choice := range failure.Choices {
			choices = append(choices, fmt.Sprintf("%s (%s %s)", choice.Id, choice.Kind, choice.Email))
		}
		if len(choices) > 0 {
			return "; give one of " + strings.Join(choices, ", ")
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "; try again later"
	case http.StatusInternalServerError:
		return "; the service's log has details of request " + failure.RequestId
	}
	return ""
}

// Page says which part of a list to show.
type Page struct {
	Limit int64
	All   bool
	After string // cursor
}

// pageSize is the most that the service returns at once, but for one.
const pageSize = 100

// list prints a list page by page, as a table or as lines of JSON. fetch returns the
// service's answer.
func list[T any](c *Client, p Page, columns []string, fetch func(limit *int64, after *string) ([]byte, error), row func(T) []any) error {
	if !p.All && p.Limit < 1 {
		return config.Misused("--limit must be 1 or more; --all shows everything")
	}
	table, left := ops.NewTable(columns...), p.Limit
	var after *string
	if p.After != "" {
		after = &p.After
	}
	for {
		size := int64(pageSize)
		if !p.All {
			size = min(left, size)
		}
		body, err := fetch(&size, after)
		if err != nil {
			return c.explain(err)
		}
		var page struct {
			Data       []json.RawMessage `json:"data"`
			NextCursor *string           `json:"next_cursor"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
		for _, raw := range page.Data {
			if c.o.JSON {
				err = c.line(raw)
			} else {
				var value T
				err = json.Unmarshal(raw, &value)
				table.Row(row(value)...)
			}
			if err != nil {
				return err
			}
		}
		if !c.o.JSON {
			if err := table.Print(c.o.Out); err != nil {
				return err
			}
		}
		after, left = page.NextCursor, left-int64(len(page.Data))
		if after == nil || !p.All && (left <= 0 || len(page.Data) == 0) {
			break
		}
	}
	if after != nil {
		c.say("There is more: go on with --after %s, or add --all.", *after)
	}
	return nil
}

// line prints an object of the service as one line of JSON.
func (c *Client) line(raw json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := c.o.Out.Write(b.Bytes())
	return err
}

// say writes a sentence that is not a result.
func (c *Client) say(format string, args ...any) {
	_, _ = fmt.Fprintln(c.o.Progress, ops.Printable(fmt.Sprintf(format, args...)))
}

// show prints one object of the service: its fields for people, the object itself for
// programs. contents are fields that are shown below the others.
func (c *Client) show(body []byte, contents ...string) error {
	if c.o.JSON {
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(body), "", "  "); err != nil {
			return err
		}
		b.WriteByte('\n')
		_, err := c.o.Out.Write(b.Bytes())
		return err
	}
	names, values, err := fieldsOf(body)
	if err != nil {
		return err
	}
	table := ops.NewTable("field", "value")
	for i, name := range names {
		if text := plain(values[i]); text != "" && !slices.Contains(contents, name) {
			table.Row(strings.ReplaceAll(name, "_", " "), text)
		}
	}
	if err := table.Print(c.o.Out); err != nil {
		return err
	}
	for i, name := range names {
		var text string
		if !slices.Contains(contents, name) || json.Unmarshal(values[i], &text) != nil || text == "" {
			continue
		}
		var pretty bytes.Buffer
		if json.Indent(&pretty, []byte(text), "", "  ") == nil {
			text = pretty.String()
		}
		if _, err := fmt.Fprintf(c.o.Out, "\n%s:\n%s\n", strings.ReplaceAll(name, "_", " "), ops.Printable(text)); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf returns the fields of a JSON object in their order.
func fieldsOf(body []byte) (names []string, values []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err = d.Token(); err != nil {
		return nil, nil, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, err
		}
		names, values = append(names, fmt.Sprint(name)), append(values, value)
	}
	return names, values, nil
}

// plain is a JSON value for people: times in the local zone, nothing for null and for
// empty lists.
func plain(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return local(&at)
		}
		return text
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) == nil {
		var all []string
		for _, item := range items {
			all = append(all, plain(item))
		}
		return strings.Join(all, ", ")
	}
	names, values, err := fieldsOf(raw)
	if len(raw) == 0 || raw[0] != '{' || err != nil {
		return string(raw)
	}
	var all []string
	for i, name := range names {
		if value := plain(values[i]); value != "" {
			all = append(all, strings.ReplaceAll(name, "_", " ")+" "+value)
		}
	}
	return strings.Join(all, ", ")
}

// local is a time for people, in the local zone; empty if there is none.
func local(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Local().Format("2006-01-02 15:04:05 MST")
}

func value[T any](p *T) any {
	if p == nil {
		return ""
	}
	return *p
}

// ids reads identifiers.
func ids(given []string) ([]uuid.UUID, error) {
	var all []uuid.UUID
	for _, text := range given {
		id, err := domain.ParseID(text)
		if err != nil {
			return nil, config.Misused("%q is not an identifier: copy it from a list", text)
		}
		all = append(all, id)
	}
	return all, nil
}

func one(text string) (uuid.UUID, error) {
	all, err := ids([]string{text})
	if err != nil {
		return uuid.UUID{}, err
	}
	return all[0], nil
}
