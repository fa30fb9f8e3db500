package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"lethe/internal/pgtest"
)

// What an honest caller may expect while others do what they can to keep the
// service from answering.
const (
	leastShare  = 0.5 // of the rate of lists beside as many connections that ask /healthz
	slowestHold = time.Second
	rest        = time.Minute // after which memory has been given back

	attackSeconds = "LETHE_TEST_ATTACK_SECONDS" // of the long form
	attackRows    = 250_000

	// The short form runs beside other tests, and a thousand connections that come at
	// once take most of what it lasts: beside them it counts a list or two, a sixth of
	// the rate with nothing wrong. A service that is stopped answers none within many
	// seconds. How long a hold takes there is up to what else runs.
	shortly      = 700 * time.Millisecond
	shortRows    = 20_000
	leastShortly = 0.02
)

// The people of an attack: alice attacks, bob asks for his lists, root places holds,
// and the rows of somebody else are locked.
const (
	attacker     = "c0000100-0000-4000-8000-000000000003"
	attackerKey  = "sk-alice-platform"
	honestKey    = "sk-bob-platform"
	somebodyElse = "c0000100-0000-4000-8000-00000000000d"
)

// attack is one way to keep a service from answering others.
type attack struct {
	name        string
	connections int
	// on is what one connection does, again and again: it returns when the
	// connection or what was asked by it has ended.
	on    func(a *assault)
	fewer bool // of what another one does: it is in the long form alone
}

// assault is an attack that is under way.
type assault struct {
	ctx    context.Context // ends with the attack
	p      *process
	client *http.Client
	number atomic.Int64

	large, locked, watched string // a response of 50 MiB, one that is locked, an erasure that does not get on

	mu   sync.Mutex
	told map[string]int // answers, by what they say
}

func (a *assault) note(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told[what]++
}

func (a *assault) answers() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, what := range slices.Sorted(maps.Keys(a.told)) {
		all = append(all, fmt.Sprintf("%s: %d", what, a.told[what]))
	}
	return strings.Join(all, ", ")
}

// ask makes a request and reads the answer to its end.
func (a *assault) ask(method, path, key, body string) {
	request, err := http.NewRequestWithContext(a.ctx, method, a.p.url+path, strings.NewReader(body))
	if err != nil {
		a.note(err.Error())
		return
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		a.broken()
		return
	}
	a.note(strconv.Itoa(response.StatusCode))
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
}

// broken notes that a connection was closed, unless that was the end of the attack.
func (a *assault) broken() {
	if a.ctx.Err() == nil {
		a.note("cut off")
	}
}

// connect opens a connection that takes little before it has been read; it is closed
// when the attack ends. Nil: there is none.
func (a *assault) connect() net.Conn {
	c, err := new(net.Dialer).DialContext(a.ctx, "tcp", strings.TrimPrefix(a.p.url, "http://"))
	if err != nil {
		a.broken()
		return nil
	}
	a.note("connections")
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	return c
}

// neverRead asks by a connection as often as it takes, and reads nothing.
func neverRead(request string) func(*assault) {
	many := strings.Repeat(request, 100)
	return func(a *assault) {
		c := a.connect()
		if c == nil {
			return
		}
		defer context.AfterFunc(a.ctx, func() { _ = c.Close() })()
		defer func() { _ = c.Close() }()
		for {
			if _, err := io.WriteString(c, many); err != nil {
				a.broken()
				return
			}
		}
	}
}

// slowBody sends a body a byte at a time.
func slowBody(a *assault) {
	c := a.connect()
	if c == nil {
		return
	}
	defer context.AfterFunc(a.ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	part := "POST " + erasuresPath + "/preview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + attackerKey +
		"\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
	for {
		if _, err := io.WriteString(c, part); err != nil {
			a.broken()
			return
		}
		part = " "
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// slowReader fetches what is large and reads it a little at a time.
func slowReader(a *assault) {
	c := a.connect()
	if c == nil {
		return
	}
	defer context.AfterFunc(a.ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	if _, err := fmt.Fprintf(c, "GET %s/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n", requestsPath, a.large, attackerKey); err != nil {
		a.broken()
		return
	}
	little := make([]byte, 4<<10)
	for first := true; ; first = false {
		n, err := c.Read(little)
		if first && n > len("HTTP/1.1 200") {
			a.note(string(little[len("HTTP/1.1 "):len("HTTP/1.1 200")]))
		}
		if err != nil {
			return
		}
		select {
		case <-a.ctx.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// streams is the last, as what is watched erases what others ask for.
const streams = "500 event streams"

var attacks = []attack{
	{name: "20 previews of 250,000 responses", connections: 20, on: func(a *assault) {
		a.ask(http.MethodPost, erasuresPath+"/preview", attackerKey, `{"owner":"`+attacker+`"}`)
	}},
	{name: "300 that never read", connections: 300, on: neverRead("GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n"), fewer: true},
	{name: "1,000 that never read", connections: 1000, on: neverRead("GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n")},
	{name: "1,000 that never read their lists", connections: 1000, on: neverRead("GET " + requestsPath + "?limit=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + attackerKey + "\r\n\r\n")},
	{name: "400 slow bodies", connections: 400, on: slowBody},
	{name: "64 slow readers of 50 MiB", connections: 64, on: slowReader},
	{name: "64 refused DELETEs of what is locked", connections: 64, on: func(a *assault) {
		a.ask(http.MethodDelete, requestsPath+"/"+a.locked, attackerKey, "")
	}},
	{name: "400 guessed keys", connections: 400, on: func(a *assault) {
		a.ask(http.MethodGet, requestsPath, fmt.Sprintf("sk-guess-%d", a.number.Add(1)), "")
	}},
	{name: streams, connections: 500, on: func(a *assault) {
		a.ask(http.MethodGet, erasuresPath+"/"+a.watched+"/events", attackerKey, "")
	}},
}

func askHealth(a *assault) { a.ask(http.MethodGet, "/healthz", "", "") }

// begin has so many connections do it until the attack is stopped.
func (a *assault) begin(t *testing.T, connections int, on func(*assault)) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	a.ctx, a.told = ctx, map[string]int{}
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	a.client = &http.Client{Transport: transport}
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for ctx.Err() == nil {
				on(a)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
		transport.CloseIdleConnections()
	}
}

// regarded is what honest callers saw.
type regarded struct {
	lists    float64 // a second
	refused  []string
	ready    int
	notReady []string
	holds    int
	slowest  time.Duration // of the holds
}

// regard asks as honest callers do: for lists one after another, every 200 ms
// whether the service is ready, and every second to place a hold.
func (p *process) regard(t *testing.T, within time.Duration) (r regarded) {
	until := time.Now().Add(within)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	lasting := &http.Client{Timeout: client.Timeout, Transport: transport}
	var mu sync.Mutex
	var all sync.WaitGroup
	each := func(every time.Duration, do func()) {
		all.Go(func() {
			for next := time.Now(); next.Before(until); {
				do()
				if next = next.Add(every); next.Before(time.Now()) {
					next = time.Now()
				}
				if every > 0 {
					time.Sleep(time.Until(next))
				}
			}
		})
	}
	lists := 0
	begun := time.Now()
	each(0, func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+requestsPath, nil)
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Authorization", "Bearer "+honestKey)
		answer, err := sendBy(lasting, request)
		mu.Lock()
		defer mu.Unlock()
		lists++
		r.lists = float64(lists) / time.Since(begun).Seconds()
		if err != nil || answer.status != http.StatusOK {
			r.refused = append(r.refused, fmt.Sprintf("a list: %d %s %v", answer.status, answer.body, err))
		}
	})
	each(200*time.Millisecond, func() {
		answer, err := p.try(http.MethodGet, "/readyz", "")
		mu.Lock()
		defer mu.Unlock()
		r.ready++
		if err != nil || answer.status != http.StatusOK {
			r.notReady = append(r.notReady, fmt.Sprintf("%d %s %v", answer.status, answer.body, err))
		}
	})
	each(time.Second, func() {
		asked := time.Now()
		answer, err := p.post("/lethe/api/v1/holds", rootKey, map[string]any{"responses": []string{"c0000200-0000-4000-8000-000000000999"}, "reason": "a case"})
		mu.Lock()
		defer mu.Unlock()
		r.holds++
		r.slowest = max(r.slowest, time.Since(asked))
		if err != nil || answer.status != http.StatusCreated {
			r.refused = append(r.refused, fmt.Sprintf("a hold: %d %s %v", answer.status, answer.body, err))
		}
	})
	all.Wait()
	return r
}

// TestBesideAttacks: during each attack, honest callers request lists, check readiness
// and place holds. The test reads the process's memory a minute later. In the long
// form each attack has its own service. It runs alone, as it uses the whole machine.
func TestBesideAttacks(t *testing.T) {
	within, rows, least, long := shortly, shortRows, leastShortly, false
	if text := os.Getenv(attackSeconds); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("%s is %q, want a number of seconds", attackSeconds, text)
		}
		within, rows, least, long = time.Duration(n)*time.Second, attackRows, leastShare, true
	}
	var files syscall.Rlimit // which Go has raised as far as it may, here and in the service
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < 2000 {
		t.Fatalf("a process may open %d files, and a thousand connections take 2,000: raise it (ulimit -Hn) %v", files.Cur, err)
	}
	database := pgtest.WithFixture(t)
	conn := connect(t, database.URL)
	insert := func(owner string, rows, bytes int) (id string) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `WITH added AS (INSERT INTO fusillade.requests (id, state, model, created_by, created_at, response_status, response_body, completed_at)
			SELECT gen_random_uuid(), 'completed', 'm', $1, now() - n * interval '1 s', 200, repeat('x', $3), now() FROM generate_series(1, $2) n RETURNING id)
			SELECT id::text FROM added LIMIT 1`, owner, rows, bytes).Scan(&id); err != nil {
			t.Fatal(err)
		}
		return id
	}
	insert(attacker, rows, 10)
	large, locked := insert(attacker, 1, largeBytes), insert(somebodyElse, 1, 10)
	execute(t, conn, "ANALYZE")
	lock := connect(t, database.URL)
	execute(t, lock, "BEGIN")
	execute(t, lock, "SELECT FROM fusillade.requests WHERE id = $1 FOR UPDATE", locked)

	file, _ := keyFile(t)
	var table strings.Builder
	lines := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(lines, "attack\tlists/s beside /healthz\tbeside it\tshare\tslowest hold beside /healthz\tbeside it\tnot ready\trefused\tMiB before\tat its peak\tafter rest\t")
	var mu sync.Mutex // of lines
	var resting sync.WaitGroup
	var p *process
	before := 0
	whole := t // whose services live on while they rest
	for _, attack := range attacks {
		if !long && attack.fewer {
			continue
		}
		t.Run(attack.name, func(t *testing.T) {
			if p == nil || long {
				p = serve(whole, databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE="+file, seenFile(whole), "LETHE_ERASURE_RATE=100")
				p.awaitStatus(t, "/readyz", http.StatusOK)
				for range 20 {
					for _, key := range []string{honestKey, attackerKey, rootKey} {
						if a := p.ask(t, http.MethodGet, requestsPath, key); a.status != http.StatusOK {
							t.Fatalf("list: want %d, got %d %s", http.StatusOK, a.status, a.body)
						}
					}
				}
				before = p.rss(t, "VmRSS")
			}
			p := p
			watched := ""
			if attack.name == streams {
				target := map[string]any{"owner": attacker}
				target["token"] = decode[erasure](t, p.mustPost(t, http.StatusOK, erasuresPath+"/preview", attackerKey, target).body).Token
				watched = decode[erasure](t, p.mustPost(t, http.StatusAccepted, erasuresPath, attackerKey, target).body).ID
			}
			a := &assault{p: p, large: large, locked: locked, watched: watched}
			stop := a.begin(t, attack.connections, askHealth)
			calm := p.regard(t, within)
			stop()
			stop = a.begin(t, attack.connections, attack.on)
			seen := p.regard(t, within)
			stop()
			peak := p.rss(t, "VmHWM")
			t.Logf("%s was answered %s", attack.name, a.answers())
			p.mustRun(t)
			p.stderr.clear() // a line for each request

			share := seen.lists / calm.lists
			for _, r := range []regarded{calm, seen} {
				for _, refused := range r.refused[:min(3, len(r.refused))] {
					t.Errorf("%s: want no honest request refused, got %s", attack.name, refused)
				}
				for _, not := range r.notReady[:min(3, len(r.notReady))] {
					t.Errorf("%s: not ready: %s", attack.name, not)
				}
			}
			if share < least {
				t.Errorf("%s: %.0f lists a second, of the %.0f beside /healthz", attack.name, seen.lists, calm.lists)
			}
			if long && seen.slowest > slowestHold {
				t.Errorf("%s: slowest hold: want %s or less, got %s", attack.name, slowestHold, seen.slowest)
			}
			if seen.holds == 0 || seen.ready == 0 {
				t.Errorf("%s: want holds and readiness checks, got %+v", attack.name, seen)
			}
			before := before
			resting.Go(func() { // while the next goes on, in the long form in another process
				after := before
				if last := attack.name == streams; long || last {
					for ended := time.Now().Add(rest); time.Now().Before(ended); time.Sleep(pollInterval) {
						if after = p.rss(whole, "VmRSS"); !long && after < before+forgotten {
							break
						}
					}
				}
				if after >= before+forgotten {
					whole.Errorf("%s: %d MiB are resident after a minute, %d were before", attack.name, after/mebibyte, before/mebibyte)
				}
				mu.Lock()
				defer mu.Unlock()
				_, _ = fmt.Fprintf(lines, "%s\t%.0f\t%.0f\t%.0f %%\t%.2f s\t%.2f s\t%d of %d\t%d\t%d\t%d\t%d\t\n", attack.name, calm.lists, seen.lists, 100*share,
					calm.slowest.Seconds(), seen.slowest.Seconds(), len(seen.notReady), seen.ready, len(seen.refused), before/mebibyte, peak/mebibyte, after/mebibyte)
			})
		})
	}
	resting.Wait()
	_ = lines.Flush()
	t.Logf("%s each\n%s", within, &table)
}

// rss is memory of the service in bytes, as the system tells it; 0 where it does not.
func (p *process) rss(t *testing.T, figure string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	return memory(t, p.Process.Pid, figure)
}
