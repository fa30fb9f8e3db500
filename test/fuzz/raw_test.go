package fuzz

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"lethe"
)

// TestMalformed: it sends malformed HTTP over its own connections. Each is closed or
// gets a response that the contract allows. The long form takes
// LETHE_TEST_RAW_REQUESTS, and LETHE_TEST_FUZZ_SEED for another seed.
func TestMalformed(t *testing.T) {
	t.Parallel()
	s := start(t)
	doc, err := openapi3.NewLoader().LoadFromData(lethe.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	g := generator{seed: uint64(setting(t, "LETHE_TEST_FUZZ_SEED", 1)), targets: targets(doc)}
	model := model{doc}
	requests := setting(t, "LETHE_TEST_RAW_REQUESTS", 2000)

	var next, silent, faults atomic.Int64
	var mu sync.Mutex
	statuses := map[int]int{}
	var senders sync.WaitGroup
	for range 4 { // more would crowd two processors so much that /readyz comes late
		senders.Go(func() {
			for i := next.Add(1); int(i) <= requests && faults.Load() < 10; i = next.Add(1) {
				sent := g.request(uint64(i))
				answers, err := exchange(s.addr, sent)
				for _, a := range answers {
					mu.Lock()
					statuses[a.status]++
					mu.Unlock()
				}
				if len(answers) == 0 {
					silent.Add(1)
				}
				if err == nil {
					err = model.judge(sent, answers)
				}
				if err != nil {
					faults.Add(1)
					t.Errorf("request %d: %v\nsent %.600q\nanswered %.1000s", i, err, sent, fmt.Sprintf("%+v", answers))
				}
			}
		})
	}
	senders.Wait()
	t.Logf("answered %v; %d closed without an answer", statuses, silent.Load())
	if _, faults := s.answered(t); faults != nil {
		t.Errorf("want no faults, got %q", faults)
	}
	// Malformed ones must be refused, and enough of them must come through.
	for _, status := range []int{200, 400, 401, 404, 405, 413, 415, 431, 501, 505} {
		if statuses[status] == 0 {
			t.Errorf("status %d: want an answer with it, got none", status)
		}
	}
	s.ask(t, http.MethodGet, listPath, "")
}

// target is a method and a path of the contract, with examples for parameters.
type target struct{ method, path string }

func targets(doc *openapi3.T) (all []target) {
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			filled, query := path, ""
			for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
				switch p.Value.In {
				case openapi3.ParameterInPath:
					filled = strings.Replace(filled, "{"+p.Value.Name+"}", fmt.Sprint(p.Value.Example), 1)
				case openapi3.ParameterInQuery:
					if p.Value.Name != "after" {
						query += "&" + p.Value.Name + "=" + strings.Trim(strings.ReplaceAll(fmt.Sprint(p.Value.Example), " ", ","), "[]")
					}
				}
			}
			all = append(all, target{method, filled})
			if query != "" {
				all = append(all, target{method, filled + "?" + query[1:]})
			}
		}
	}
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.method+a.path, b.method+b.path) })
	return append(all, target{"GET", "/healthz"}, target{"GET", "/readyz"}, target{"GET", "/metrics"}, target{"GET", "/openapi.yaml"}, target{"GET", "/"})
}

// generator makes requests, each by its number alone.
type generator struct {
	seed    uint64
	targets []target
}

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// request is a request with some faults, or none.
func (g generator) request(number uint64) []byte {
	r := rand.New(rand.NewPCG(g.seed, number))
	t := one(r, g.targets...)
	method, uri, version := t.method, t.path, "HTTP/1.1"
	headers := []string{"Host: lethe.test", "Connection: close"}
	if r.IntN(8) > 0 {
		headers = append(headers, "Authorization: Bearer "+one(r, adminKey, adminKey, "sk-alice-platform", "sk-carol-platform", "no-key", "\xff", ""))
	}
	body := ""
	if method == http.MethodPost || method == http.MethodPut || r.IntN(6) == 0 {
		body = one(r, `{}`, `{"responses": ["c0000400-0000-4000-8000-00000000005a"]}`, `{"filter": {"all": true}}`, `{"version": 1}`,
			`{"reason": "x", "owners": ["c0000100-0000-4000-8000-000000000003"], "expires_at": "2199-01-01T00:00:00Z"}`,
			`{"name": "x", "age_days": 1, "run_at": ["01:30"]}`, `[`, `{"a": 1, "a": 2}`, "\xff", `{"responses": null}`,
			strings.Repeat(`[`, 10000), `{"owner": 1e999}`, `{"reason": "\u0000"}`, `{"filter": {"states": ["`+strings.Repeat("x", 70000)+`"]}}`,
			`{"filter": {"created_after": "9999-12-31T23:59:59.999999999-23:59"}}`, `{"version": 9223372036854775808}`, "\ufeff{}", "")
		headers = append(headers, "Content-Type: "+one(r, "application/json", "application/json", "application/json; charset=utf-8", "text/plain", "application/json;;", ""))
		headers = append(headers, "Content-Length: "+strconv.Itoa(len(body)))
	}
	for range r.IntN(3) {
		switch r.IntN(22) {
		case 0:
			method = one(r, "PATCH", "BREW", "get", "TRACE", "CONNECT", "OPTIONS", "HEAD", "DELETE", "PUT", "G\x00T", "", " GET", strings.Repeat("M", 5000), "PRI", "(")
		case 1:
			uri = one(r, "*", "", "//", "/%00", "/%2e%2e/", "http://", "http://evil.test"+uri, "lethe.test:80", "?", uri+"#x", uri+"\x00", uri+"\xff", uri+" x", `\`+uri, "/"+uri, "%", uri+"%", uri+"/", uri+"?%ZZ")
		case 2:
			version = one(r, "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.2", "HTTP/1.1 ", "http/1.1", "HTTP/11", "HTTP/1.1.1", "", "ICY/1.1")
		case 3:
			headers = headers[min(1, len(headers)):]
		case 4:
			headers = append(headers, "Host: "+one(r, "evil.test", "", "a b", "\x7f", "[::1"))
		case 5:
			headers = append(headers, "Content-Length: "+one(r, "-1", "0", "1", "99999999999999999999", "5, 5", "0x10", "+3", "1e3", " ", "65537", "100000"))
		case 6:
			headers = append(headers, "Transfer-Encoding: "+one(r, "chunked", "gzip", "chunked, chunked", "identity", "xchunked", " chunked", "chunked\t"))
			body = one(r, "5\r\n{\"a\":\r\n0\r\n\r\n", "2\r\n{}\r\n0\r\n\r\n", "zz\r\n", "-1\r\n", "ffffffffffffffffffff\r\n", "2;x=y\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", "0\r\n\r\n", "1\n{\n0\n\n", "18000\r\n"+strings.Repeat("x", 0x18000)+"\r\n0\r\n\r\n")
		case 7:
			headers = append(headers, one(r, "no colon", ": no name", "Sp ace: x", "Space : x", "X: a\r\n folded", "X: \x00", "X: \xff", "X:\rY", "\x00: x", strings.Repeat("N", 4000)+": x"))
		case 8:
			headers = append(headers, "X-Long: "+strings.Repeat("x", one(r, 1000, 30000, 40000)))
		case 9:
			for range one(r, 100, 3000) {
				headers = append(headers, "X-Many: x")
			}
		case 10:
			headers = append(headers, "Expect: "+one(r, "100-continue", "200-ok", ""))
		case 11:
			headers = append(headers, "Connection: Upgrade", "Upgrade: "+one(r, "websocket", "h2c", "TLS/1.0"), "HTTP2-Settings: AAMAAABkAAQAAP__")
		case 12:
			headers = append(headers, one(r, "Accept-Encoding: gzip;q=0, *", "If-None-Match: *", "If-None-Match: \x01", "Range: bytes=0-1,2-3", "Last-Event-ID: end", "Idempotency-Key: a", "Idempotency-Key: \x00",
				"X-Request-Id: a\tb", "X-Organization-Id: \xff", "Cookie: dwctl_session=\x7f; dw_active_org=;;=", "Origin: null", "Sec-Fetch-Site: cross-site", "Accept: \xff", "Authorization: Bearer a\r\nAuthorization: Bearer b"))
		case 13:
			uri += one(r, "?", "&") + one(r, "limit=\x01", "a=%00", "x="+strings.Repeat("y", 17<<10), strings.Repeat("&", 2000), "skip=9223372036854775808", "limit=1&limit=2", "status=%ff", "created_after=2026-02-30T00:00:00Z", "unknown", ";", "body=full;x", "after=AQMABkvxjT_oAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT-6kOS")
		case 14:
			uri = path.Dir(uri) + "/" + one(r, "..", "%2f", "%", "{x}", ":request_id", "c0000400-0000-4000-8000-00000000005a%00", strings.Repeat("a", 9000), "\t", "é", "preview", "x/y/z")
		case 15:
			headers = nil
		case 16:
			body += one(r, "x", "GET / HTTP/1.1\r\n\r\n", "\r\n\r\n", strings.Repeat("z", 100000))
		case 17:
			i := r.IntN(len(headers) + 1)
			headers = slices.Insert(headers, i, headers...)
		default: // bytes, below
		}
	}
	end := "\r\n"
	if r.IntN(12) == 0 {
		end = one(r, "\n", "\r", "\r\r\n", "\n\r")
	}
	text := []byte(method + " " + uri + " " + version + end)
	for _, header := range headers {
		text = append(text, header+end...)
	}
	text = append(append(text, end...), body...)
	switch r.IntN(12) {
	case 0: // some bytes are others
		for range 1 + r.IntN(5) {
			text[r.IntN(min(len(text), 400))] = byte(r.UintN(256))
		}
	case 1: // some come besides, or are gone
		for range 1 + r.IntN(3) {
			at := r.IntN(min(len(text), 400))
			text = one(r, slices.Insert(slices.Clone(text), at, byte(r.UintN(256))), slices.Insert(slices.Clone(text), at, "\r\n\x00 :%"[r.IntN(6)]), slices.Delete(slices.Clone(text), at, at+1))
			if len(text) == 0 {
				text = []byte{0}
			}
		}
	case 2: // it breaks off
		text = text[:r.IntN(len(text))]
	case 3: // another follows
		text = append(text, "GET /healthz HTTP/1.1\r\nHost: lethe.test\r\nConnection: close\r\n\r\n"...)
	}
	return text
}

type answer struct {
	status int
	header http.Header
	body   string
}

// exchange sends bytes and reads all that is answered. No more is sent than
// there is only once nothing comes for a moment, as who says so has left, to the
// server.
func exchange(addr string, sent []byte) (answers []answer, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	// What was refused is not read to its end; that a part gets no further is no fault.
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = conn.Write(sent)
	}()
	defer func() { <-written }()
	defer conn.Close()
	quiet := time.AfterFunc(100*time.Millisecond, func() { _ = conn.(*net.TCPConn).CloseWrite() })
	defer quiet.Stop()
	told, err := io.ReadAll(conn)
	if err := closedOnly(err); err != nil {
		return nil, err
	}
	for len(told) > 0 {
		// The length of an answer depends on what was asked for, and what the
		// service has not seen is answered with a body in any case.
		a, rest, err := read(told, http.MethodGet)
		if len(answers) == 0 && bytes.HasPrefix(bytes.TrimLeft(sent, "\r\n"), []byte("HEAD ")) && (err != nil || a.header.Get("X-Request-Id") != "") {
			a, rest, err = read(told, http.MethodHead)
		}
		if err != nil {
			return answers, fmt.Errorf("%w in %.300q", err, told)
		}
		if told = rest; a.status != http.StatusContinue {
			answers = append(answers, a)
		}
	}
	return answers, nil
}

// read reads an answer, and what comes after it.
func read(told []byte, method string) (a answer, rest []byte, err error) {
	reader := bufio.NewReader(bytes.NewReader(told))
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		return answer{}, nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // the connection may be reset where more is sent than is read
		return answer{}, nil, err
	}
	rest, err = io.ReadAll(reader)
	return answer{response.StatusCode, response.Header, string(body)}, rest, err
}

// closedOnly is nil where a connection has come to its end, however it did.
func closedOnly(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer, and the connection stays open: %w", err)
	}
	if netErr := (*net.OpError)(nil); errors.Is(err, io.EOF) || errors.As(err, &netErr) {
		return nil
	}
	return err
}

// model says which answers there may be.
type model struct{ doc *openapi3.T }

// ofTheServer are answers to what is no HTTP, which the service does not see.
var ofTheServer = []int{400, 417, 431, 501, 505}

// unlisted are those that the contract describes for all paths in words.
var unlisted = []int{400, 403, 404, 405, 413, 499}

func (m model) judge(sent []byte, answers []answer) error {
	for i, a := range answers {
		if a.header.Get("X-Request-Id") == "" {
			// The server's own: also for `OPTIONS *`.
			if ok := slices.Contains(ofTheServer, a.status) || a.status == 200 && a.body == "" && bytes.Contains(sent, []byte("OPTIONS")); !ok {
				return fmt.Errorf("answer %d: no request ID", i)
			}
			continue
		}
		var operation *openapi3.Operation
		if i == 0 {
			operation = m.operation(sent)
		}
		if err := m.fits(operation, a); err != nil {
			return fmt.Errorf("answer %d: %w", i, err)
		}
	}
	return nil
}

func (m model) fits(operation *openapi3.Operation, a answer) error {
	media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	var described *openapi3.Response
	if operation != nil {
		if r := operation.Responses.Value(strconv.Itoa(a.status)); r != nil {
			described = r.Value
		} else if !slices.Contains(unlisted, a.status) {
			return fmt.Errorf("%s: status %d is not in the contract", operation.OperationID, a.status)
		}
	} else if a.status >= 500 {
		return fmt.Errorf("want a status below 500, got %d", a.status)
	}
	if a.status == 499 && a.body != "" {
		return errors.New("who has left is answered")
	}
	if a.status < 400 || a.status == 499 || a.body == "" {
		if described != nil && a.body != "" && described.Content[media] == nil {
			return fmt.Errorf("%s: %s is not in the contract for %d", operation.OperationID, media, a.status)
		}
		return nil
	}
	if media == "application/json" && (operation == nil || slices.Contains(operation.Tags, "openai")) {
		var failure any
		if err := json.Unmarshal([]byte(a.body), &failure); err != nil {
			return err
		}
		return m.doc.Components.Schemas["OpenAIError"].Value.VisitJSON(failure)
	}
	if media != "application/problem+json" {
		return fmt.Errorf("status %d: want application/problem+json, got %q", a.status, media)
	}
	var problem any
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		return err
	}
	if told := problem.(map[string]any)["status"]; told != float64(a.status) {
		return fmt.Errorf("status %d: the problem has status %v", a.status, told)
	}
	return m.doc.Components.Schemas["Problem"].Value.VisitJSON(problem)
}

// operation is what the server takes the request for; nil: for none that the
// contract has.
func (m model) operation(sent []byte) *openapi3.Operation {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(sent)))
	if err != nil {
		return nil
	}
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	parts := strings.Split(r.URL.EscapedPath(), "/")
	for pattern, item := range m.doc.Paths.Map() {
		names := strings.Split(pattern, "/")
		if !slices.EqualFunc(names, parts[:min(len(parts), len(names))], func(name, part string) bool { return name == part || strings.HasPrefix(name, "{") && part != "" }) {
			continue
		}
		if exact := len(parts) == len(names) || strings.HasSuffix(pattern, "{index}"); !exact || strings.HasSuffix(pattern, "{erasure_id}") && parts[len(parts)-1] == "preview" {
			continue
		}
		return item.GetOperation(r.Method)
	}
	return nil
}
