package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lethe/internal/pgtest"
)

// silent opens connections that ask and never read, until the test ends or hangUp.
// Each asks so often that the answers do not fit into what lies between.
func (p *process) silent(t *testing.T, connections, requests int, request string) (hangUp func()) {
	t.Helper()
	var all []net.Conn
	hangUp = sync.OnceFunc(func() {
		for _, c := range all {
			_ = c.Close()
		}
	})
	t.Cleanup(hangUp)
	for range connections {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // what it does not take
		_, _ = io.WriteString(c, strings.Repeat(request, requests))
	}
	return hangUp
}

// honest asks for lists, for /readyz and to place holds, and counts what is not
// answered as ever.
func (p *process) honest(t *testing.T, key string, rounds int) {
	t.Helper()
	for i := range rounds {
		if a := p.ask(t, http.MethodGet, requestsPath, key); a.status != http.StatusOK {
			t.Errorf("list %d: want 200, got %d %s", i, a.status, a.body)
		}
		if a := p.ask(t, http.MethodGet, "/readyz", ""); a.status != http.StatusOK {
			t.Errorf("readyz %d: want 200, got %d %s", i, a.status, a.body)
		}
	}
	if a, err := p.post("/lethe/api/v1/holds", key, map[string]any{"responses": []string{"c0000200-0000-4000-8000-000000000999"}, "reason": "a case"}); err != nil || a.status != http.StatusCreated {
		t.Errorf("hold: want 201, got %d %s %v", a.status, a.body, err)
	}
}

const forgotten = 20 * mebibyte // what may be held of an attack after it

// TestConnectionsThatNeverRead: a thousand connections that request much and read
// nothing block nobody: lists are answered, the service is ready, holds are placed.
func TestConnectionsThatNeverRead(t *testing.T) {
	t.Parallel()
	p := serve(t, databaseURL(pgtest.WithFixture(t).RoleURL))
	p.honest(t, rootKey, 20)
	before := resident(t, p.Process.Pid)
	asked := map[string]int{"without a key": 100, "lists": 10, "metrics": 100} // lists are work, too
	for name, request := range map[string]string{
		"without a key": "GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n",
		"lists":         "GET " + requestsPath + "?limit=100 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nAuthorization: Bearer sk-alice-platform\r\n\r\n",
		"metrics":       "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		hangUp := p.silent(t, 330, asked[name], request)
		p.honest(t, rootKey, 30)
		t.Logf("%s: %d MiB are resident, %d were before", name, resident(t, p.Process.Pid)/mebibyte, before/mebibyte)
		hangUp()
	}
	if runtime.GOOS == "linux" {
		await(t, "memory is given back", stopTimeout, func() bool { return resident(t, p.Process.Pid) < before+forgotten })
	}
}

// TestSlowBodies: callers who send a request body slowly block nobody.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	p := serve(t, databaseURL(pgtest.WithFixture(t).RoleURL))
	p.silent(t, 400, 1, "POST "+erasuresPath+"/preview HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
	p.honest(t, rootKey, 30)
}

// TestSlowReadersOfLargeContents: 64 slow readers of contents of 50 MiB use no more
// memory than the limit for all, and none afterwards. Other callers are answered.
func TestSlowReadersOfLargeContents(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("memory is looked at in /proc")
	}
	database := pgtest.WithFixture(t)
	conn := connect(t, database.URL)
	const alice = "c0000100-0000-4000-8000-000000000003"
	var id string
	if err := conn.QueryRow(t.Context(), `UPDATE fusillade.requests SET response_body = repeat('x', $1) WHERE id =
		(SELECT id FROM fusillade.requests WHERE created_by = $2 AND batch_id IS NULL AND state = 'completed' LIMIT 1) RETURNING id::text`, largeBytes, alice).Scan(&id); err != nil {
		t.Fatal(err)
	}
	p := serve(t, databaseURL(database.RoleURL))
	p.honest(t, rootKey, 20)
	before := resident(t, p.Process.Pid)
	var served, refused atomic.Int64
	var all []net.Conn
	var wait sync.WaitGroup
	for range 64 {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
		wait.Go(func() {
			_, _ = fmt.Fprintf(c, "GET %s/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-alice-platform\r\n\r\n", requestsPath, id)
			line, _ := bufio.NewReaderSize(c, 64).ReadString('\n')
			switch {
			case strings.Contains(line, " 200 "):
				served.Add(1)
			case strings.Contains(line, " 429 "):
				refused.Add(1)
			default:
				t.Errorf("want 200 or 429, got %q", line)
			}
		})
	}
	wait.Wait()
	p.honest(t, rootKey, 30)
	held := memory(t, p.Process.Pid, "VmHWM") - before
	t.Logf("want some of 64 served, the others refused and 450 MiB more at most, got %d served, %d refused, %d MiB", served.Load(), refused.Load(), held/mebibyte)
	if served.Load() == 0 || served.Load()+refused.Load() != 64 || held > 450*mebibyte {
		t.Errorf("want some of 64 served, the others refused and 450 MiB more at most, got %d served, %d refused, %d MiB", served.Load(), refused.Load(), held/mebibyte)
	}
	if a := p.ask(t, http.MethodGet, requestsPath+"/"+id, rootKey); a.status != http.StatusOK || len(a.body) < largeBytes {
		t.Errorf("fetch by another caller: want 200 with all contents, got %d, %d bytes", a.status, len(a.body))
	}
	for _, c := range all {
		_ = c.Close()
	}
	await(t, "memory is given back", stopTimeout, func() bool { return resident(t, p.Process.Pid) < before+forgotten })
}
