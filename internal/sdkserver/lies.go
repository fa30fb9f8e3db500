package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// lies are the answers of a gateway in place of the service.
type lies struct {
	Lies    []lie `json:"lies"`
	Truths  []lie `json:"truths"`
	Streams []struct {
		Name        string `json:"name"`
		Connections []lie  `json:"connections"`
	} `json:"streams"`
}

type lie struct {
	Name     string            `json:"name"`
	Status   int               `json:"status"`
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`
	Base64   []byte            `json:"body_base64"`
	Erasure  map[string]any    `json:"erasure"`  // a merge patch of a true one with the requested identifier
	JSON     map[string]any    `json:"json"`     // {asked} in it is the requested identifier
	Receipt  map[string]any    `json:"receipt"`  // likewise, in a file
	Keep     int               `json:"keep"`     // how many bytes of the body are sent
	Promised int               `json:"promised"` // the Content-Length
	Raw      string            `json:"raw"`      // replaces the whole answer
	Events   string            `json:"events"`   // a stream of events
	HangUp   bool              `json:"hang_up"`
	Always   bool              `json:"always"` // answered every time
}

// gateway tells lies. Each lie is the answer to every request below /NAME, and to streams
// below /NAME/ANYTHING, where ANYTHING distinguishes clients. /asked/NAME/ANYTHING returns
// the number of such requests, and /followed the number that followed a redirect.
type gateway struct {
	url      string
	answers  map[string]lie
	streams  map[string][]lie
	erasure  []byte
	follow   atomic.Int64
	place    string // another host
	mutex    sync.Mutex
	asked    map[string]int
	stopping []func()
}

// tellLies starts the gateway with the lies in a file; erasure is a true one.
func tellLies(file string, erasure []byte) (*gateway, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var told lies
	if err := json.Unmarshal(text, &told); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	g := &gateway{answers: map[string]lie{}, streams: map[string][]lie{}, erasure: erasure, asked: map[string]int{}}
	for _, l := range slices.Concat(told.Lies, told.Truths) {
		g.answers[l.Name] = l
	}
	for _, s := range told.Streams {
		g.streams[s.Name] = s.Connections
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(g.followed))
	own := httptest.NewServer(g)
	// For clients, localhost is another host than 127.0.0.1.
	_, port, err := net.SplitHostPort(elsewhere.Listener.Addr().String())
	g.url, g.place, g.stopping = own.URL, "http://localhost:"+port, []func(){own.Close, elsewhere.Close}
	return g, err
}

func (g *gateway) stop() {
	for _, stop := range g.stopping {
		stop()
	}
}

// followed answers every request as if it had succeeded.
func (g *gateway) followed(w http.ResponseWriter, r *http.Request) {
	g.follow.Add(1)
	w.Header().Set("Location", "/lethe/api/v1/erasures/3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b/receipt")
	w.Header().Set("Receipt-Salt", strings.Repeat("0", 64))
	w.Header().Set("Content-Type", "application/json")
	switch r.Method {
	case http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		w.WriteHeader(http.StatusCreated)
		fallthrough
	default:
		_, _ = w.Write(g.erasure)
	}
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	switch {
	case r.URL.Path == "/follows":
		// Since the last query: one gateway serves the tests of every language.
		_, _ = fmt.Fprint(w, g.follow.Swap(0))
		return
	case parts[0] == "followed":
		g.followed(w, r)
		return
	case parts[0] == "asked" && len(parts) == 3:
		g.mutex.Lock()
		defer g.mutex.Unlock()
		_, _ = fmt.Fprint(w, g.asked[parts[1]+"/"+parts[2]])
		return
	}
	if connections := g.streams[parts[0]]; connections != nil && len(parts) > 1 {
		g.mutex.Lock()
		name := parts[0] + "/" + parts[1]
		n := g.asked[name]
		g.asked[name]++
		g.mutex.Unlock()
		if n >= len(connections) && !connections[len(connections)-1].Always {
			http.Error(w, "the stream was opened too often", http.StatusTeapot)
			return
		}
		g.answer(w, r, connections[min(n, len(connections)-1)])
		return
	}
	answer, ok := g.answers[parts[0]]
	if !ok {
		http.NotFound(w, r)
		return
	}
	g.answer(w, r, answer)
}

// answer writes an answer verbatim, which net/http would not.
func (g *gateway) answer(w http.ResponseWriter, r *http.Request, l lie) {
	connection, out, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	defer out.Flush()
	body := append([]byte(l.Body), l.Base64...)
	switch {
	case l.Raw != "":
		_, _ = out.WriteString(l.Raw)
		return
	case l.HangUp, l.Status == 0 && l.Events == "":
		return
	case l.Events != "":
		events := strings.ReplaceAll(l.Events, "{running}", string(g.changed(r, map[string]any{"state": "running"})))
		events = strings.ReplaceAll(events, "{finished}", string(g.changed(r, nil)))
		events = strings.ReplaceAll(events, "{another}", string(g.changed(r, map[string]any{"id": another})))
		_, _ = out.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events)
		return
	case l.Erasure != nil:
		body = g.changed(r, l.Erasure)
	case l.JSON != nil:
		body = inJSON(r, l.JSON)
	case l.Receipt != nil:
		body = []byte("c2sp.org/tlog-proof@v1\nextra " + base64.StdEncoding.EncodeToString(inJSON(r, l.Receipt)) + "\nindex 0\n")
	}
	length := len(body)
	if l.Keep > 0 {
		body = body[:min(l.Keep, len(body))]
		length = len(body)
	}
	if l.Promised > 0 {
		length = l.Promised
	}
	_, _ = fmt.Fprintf(out, "HTTP/1.1 %d %s\r\nConnection: close\r\n", l.Status, http.StatusText(l.Status))
	if l.Status != http.StatusNoContent && l.Status != http.StatusNotModified {
		_, _ = out.WriteString("Content-Length: " + strconv.Itoa(length) + "\r\n")
	}
	for name, value := range l.Headers {
		value = strings.ReplaceAll(value, "{elsewhere}", g.place)
		value = strings.ReplaceAll(value, "{in 120 seconds}", time.Now().Add(2*time.Minute).UTC().Format(http.TimeFormat))
		_, _ = fmt.Fprintf(out, "%s: %s\r\n", name, value)
	}
	_, _ = out.WriteString("\r\n")
	_, _ = out.Write(body)
}

const another = "3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b"

// askedFor returns the last identifier in a request's path, "" if there is none.
func askedFor(r *http.Request) (id string) {
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if uuid.Validate(part) == nil {
			id = part
		}
	}
	return id
}

func inJSON(r *http.Request, fields map[string]any) []byte {
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err) // it was JSON
	}
	text := strings.ReplaceAll(string(body), "{asked}", askedFor(r))
	return []byte(strings.ReplaceAll(text, "{ASKED}", strings.ToUpper(askedFor(r))))
}

// changed returns the true erasure with a merge patch of one level and the requested
// identifier, if there is one.
func (g *gateway) changed(r *http.Request, patch map[string]any) []byte {
	var erasure map[string]any
	if err := json.Unmarshal(g.erasure, &erasure); err != nil {
		panic(err) // it came from the service
	}
	if askedFor(r) != "" {
		erasure["id"] = "{asked}"
	}
	maps.Copy(erasure, patch)
	maps.DeleteFunc(erasure, func(name string, value any) bool {
		changed, told := patch[name]
		return told && changed == nil
	})
	return inJSON(r, erasure)
}
