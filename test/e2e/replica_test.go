package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
)

// applyDelay is how far the standby lags. Nothing waits for it to pass but the
// standby itself.
const applyDelay = 5 * time.Second

// standby is a primary with a standby that streams from it and applies what it
// gets applyDelay later.
type standby struct {
	primaryURL, standbyURL string
	stop                   func() // the standby
}

func replicaURL(url string) string { return "LETHE_DATABASE_REPLICA_URL=" + url }

// newStandby makes both out of a cluster that the program made for itself.
func newStandby(t *testing.T) standby {
	t.Helper()
	primary, binary := newCluster(t)
	copied := filepath.Join(filepath.Dir(primary), "standby")
	if out, err := exec.Command("cp", "-a", primary, copied).CombinedOutput(); err != nil {
		t.Fatalf("copy the cluster: %v: %s", err, out)
	}
	write(t, filepath.Join(copied, "standby.signal"), "")
	runPostgres(t, binary, primary, clusterURL(primary))
	stop := runPostgres(t, binary, copied, clusterURL(copied),
		"primary_conninfo=user=lethe port=5432 host="+primary,
		fmt.Sprintf("recovery_min_apply_delay=%dms", applyDelay.Milliseconds()))
	return standby{clusterURL(primary), clusterURL(copied), stop}
}

// newCluster is the folder of a cluster that the program made for itself, and
// the binary that runs it. Whoever can reach its socket is its owner.
func newCluster(t *testing.T) (cluster, binary string) {
	t.Helper()
	folder := dataFolder(t)
	must(t, []string{"LETHE_DATA_DIR=" + folder}, "users", "list")
	cluster = filepath.Join(folder, "postgres", "cluster")
	options, err := os.ReadFile(filepath.Join(cluster, "postmaster.opts"))
	if err != nil {
		t.Fatal(err)
	}
	binary, _, _ = strings.Cut(string(options), " ")
	write(t, filepath.Join(cluster, "pg_hba.conf"), "local all all trust\nlocal replication all trust\n")
	return cluster, binary
}

func clusterURL(cluster string) string {
	return "postgres://lethe@/lethe?sslmode=disable&port=5432&host=" + url.QueryEscape(cluster)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runPostgres runs a server on a cluster until the test ends, as the cluster's
// owner, and returns what stops it earlier.
func runPostgres(t *testing.T, binary, cluster, databaseURL string, options ...string) (stop func()) {
	t.Helper()
	info, err := os.Stat(cluster)
	if err != nil {
		t.Fatal(err)
	}
	var log output
	cmd := exec.Command(binary, "-D", cluster)
	for _, option := range append(options, "listen_addresses=", "port=5432", "unix_socket_directories="+cluster, "fsync=off", "shared_buffers=16MB") {
		cmd.Args = append(cmd.Args, "-c", option)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = cluster, &log, &log
	if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGINT) // ends its connections
		_ = cmd.Wait()
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s\n%s", cluster, &log)
		}
	})
	await(t, "the server on "+cluster+" answers", startTimeout, func() bool {
		conn, err := pgx.Connect(t.Context(), databaseURL)
		return err == nil && conn.Close(t.Context()) == nil
	})
	return stop
}

// newKey makes an administrator and returns a key.
func newKey(t *testing.T, address string) string {
	t.Helper()
	settings := []string{databaseURL(address)}
	must(t, settings, "users", "add", "ada@example.com", "--admin")
	return strings.TrimSpace(must(t, settings, "keys", "create", "ada@example.com"))
}

func addResponses(t *testing.T, conn *pgx.Conn, n int) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `INSERT INTO fusillade.requests (model, created_by)
		SELECT 'm', id::text FROM public.users, generate_series(1, $1) WHERE email = 'ada@example.com' RETURNING id::text`, n)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(ids) != n {
		t.Fatalf("added %d responses: %v", len(ids), err)
	}
	return ids
}

func count(t *testing.T, conn *pgx.Conn, ids ...string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM fusillade.requests WHERE id = ANY ($1::text[]::uuid[])`, ids).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// listed returns the identifiers of a page.
func (p *process) listed(key, query string) ([]string, error) {
	a, err := p.try(http.MethodGet, requestsPath+query, key)
	if err != nil {
		return nil, err
	}
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != http.StatusOK {
		return nil, fmt.Errorf("%d %s", a.status, a.body)
	}
	ids := make([]string, len(page.Data))
	for i, row := range page.Data {
		ids[i] = row.ID
	}
	return ids, nil
}

func (p *process) list(t *testing.T, key, query string) []string {
	t.Helper()
	ids, err := p.listed(key, query)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestLaggingReplica: what one process, or anyone else, has erased is never shown by
// another, although their replica still has it.
func TestLaggingReplica(t *testing.T) {
	t.Parallel()
	db := newStandby(t)
	primary := connect(t, db.primaryURL)
	replica := connect(t, db.standbyURL)
	key := newKey(t, db.primaryURL)
	settings := []string{databaseURL(db.primaryURL), replicaURL(db.standbyURL)}
	a, b := serve(t, settings...), serve(t, settings...)
	near := serve(t, append(settings, "LETHE_DATABASE_REPLICA_MAX_LAG=1s")...)
	const all, erased = 24, 12
	awaitCurrent := func() {
		t.Helper()
		await(t, "the standby has everything", startTimeout, func() (current bool) {
			var lsn string
			if err := primary.QueryRow(t.Context(), `SELECT pg_current_wal_lsn()::text`).Scan(&lsn); err != nil {
				t.Fatal(err)
			}
			if err := replica.QueryRow(t.Context(), `SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn`, lsn).Scan(&current); err != nil {
				t.Fatal(err)
			}
			return current
		})
	}
	awaitCurrent()
	for _, p := range []*process{a, b} {
		await(t, "the replica is known to be near", startTimeout, func() bool {
			ids := addResponses(t, primary, 1)
			shown := slices.Contains(p.list(t, key, "?limit=1"), ids[0])
			execute(t, primary, `DELETE FROM fusillade.requests`)
			return !shown // so it is the replica that is read
		})
	}
	awaitCurrent()

	ids := addResponses(t, primary, all)
	await(t, "the replica is not read any more where it lags too much", startTimeout, func() bool {
		return len(near.list(t, key, "?limit=101")) == all
	})
	if count(t, replica, ids...) != 0 {
		t.Error("standby: want it to lag, or the test shows nothing")
	}
	if n := len(b.list(t, key, "?limit=101")); n != 0 {
		t.Errorf("%d responses are shown that the replica does not have yet: it is not read, want 0", n)
	}
	await(t, "the replica has the responses", startTimeout, func() bool { return count(t, replica, ids...) == all })

	gone := map[string]bool{}
	look := func(p *process, query string, want int) {
		t.Helper()
		shown := p.list(t, key, query)
		if len(shown) != want {
			t.Errorf("%d responses are listed, want %d", len(shown), want)
		}
		for _, id := range shown {
			if gone[id] {
				t.Errorf("list: want no %s, which was erased", id)
			}
		}
	}
	hidden := 0
	for i, id := range ids[:erased] {
		if i%2 == 0 {
			if answer := a.ask(t, http.MethodDelete, requestsPath+"/"+id, key); answer.status != http.StatusNoContent {
				t.Fatalf("erase: want 204, got %d %s", answer.status, answer.body)
			}
		} else {
			execute(t, primary, `DELETE FROM fusillade.requests WHERE id = $1::text::uuid`, id)
		}
		gone[id] = true
		for _, p := range []*process{b, a} {
			if answer := p.ask(t, http.MethodGet, requestsPath+"/"+id, key); answer.status != http.StatusNotFound {
				t.Errorf("fetch of an erased response: want 404, got %d", answer.status)
			}
			look(p, "?limit=101", all-i-1)
			look(p, "?limit=7", 7)
		}
		hidden += count(t, replica, id)
	}
	if hidden == 0 {
		t.Error("standby: want an erased response still there, or the test shows nothing")
	}
	await(t, "the standby has followed", startTimeout, func() bool {
		for id := range gone {
			if answer := b.ask(t, http.MethodGet, requestsPath+"/"+id, key); answer.status != http.StatusNotFound {
				t.Errorf("fetch of an erased response: want 404, got %d", answer.status)
			}
			break
		}
		look(b, "?limit=101", all-erased)
		return count(t, replica, ids[:erased]...) == 0
	})

	db.stop()
	look(b, "?limit=101", all-erased)
	look(near, "?limit=101", all-erased)
	if answer := b.ask(t, http.MethodGet, requestsPath+"/"+ids[erased], key); answer.status != http.StatusOK {
		t.Errorf("fetch without the replica: want 200, got %d %s", answer.status, answer.body)
	}
}

// TestThreeProcesses: it erases and lists through three processes in turn: exactly one
// call erases each response, and no list shows it after that call returned.
func TestThreeProcesses(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	ids := addResponses(t, connect(t, database.URL), 60)
	var targets []*url.URL
	for range 3 {
		target, err := url.Parse(serve(t, databaseURL(database.URL)).url)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	var turn atomic.Uint64
	var served [3]atomic.Int64
	balancer := &http.Server{Handler: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		next := turn.Add(1) % 3
		served[next].Add(1)
		r.SetURL(targets[next])
	}}}
	p := &process{url: listen(t, balancer)}

	var mu sync.Mutex
	gone := map[string]int{} // how often it was said to be erased
	snapshot := func() []string {
		mu.Lock()
		defer mu.Unlock()
		erased := make([]string, 0, len(gone))
		for id := range gone {
			erased = append(erased, id)
		}
		return erased
	}
	var erasing, listing sync.WaitGroup
	for worker := range 6 {
		erasing.Go(func() {
			for i := range ids {
				id := ids[(i+worker/2*7)%len(ids)] // in pairs for the same at the same time
				a, err := p.try(http.MethodDelete, requestsPath+"/"+id, key)
				switch {
				case err != nil || a.status != http.StatusNoContent && a.status != http.StatusNotFound:
					t.Errorf("erase: want 204 or 404, got %d %s %v", a.status, a.body, err)
				case a.status == http.StatusNoContent:
					mu.Lock()
					gone[id]++
					mu.Unlock()
				}
			}
		})
	}
	done := make(chan struct{})
	for range 2 {
		listing.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := snapshot()
				shown, err := p.listed(key, "?limit=101")
				if err != nil {
					t.Errorf("list: %v", err)
				}
				for _, id := range before {
					if slices.Contains(shown, id) {
						t.Errorf("list: want no %s, which was erased", id)
					}
				}
			}
		})
	}
	erasing.Wait()
	close(done)
	listing.Wait()
	for _, id := range ids {
		if gone[id] != 1 {
			t.Errorf("%s: want it erased once, got %d times", id, gone[id])
		}
	}
	if left := p.list(t, key, ""); len(left) != 0 {
		t.Errorf("responses left: want 0, got %d", len(left))
	}
	for i := range served {
		if served[i].Load() == 0 {
			t.Errorf("process %d: want requests, got none", i)
		}
	}
}

// listen serves until the test ends.
func listen(t *testing.T, server *http.Server) string {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(socket) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + socket.Addr().String()
}

// TestPgBouncer: 20 callers list, fetch and erase concurrently through a PgBouncer
// with two connections for all of them.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	through := pgtest.ThroughPgBouncer(t)
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	ids := addResponses(t, connect(t, database.URL), 100)
	p := serve(t, databaseURL(through(database.URL)), replicaURL(through(database.URL)), "LETHE_DATABASE_PGBOUNCER=true")
	p.awaitStatus(t, "/readyz", http.StatusOK)
	var callers sync.WaitGroup
	for own := range slices.Chunk(ids, 5) {
		callers.Go(func() {
			for _, id := range own {
				shown, err := p.listed(key, "?limit=101&status=pending&model=m")
				if err != nil || !slices.Contains(shown, id) {
					t.Errorf("list: want %s in it, got %d others, %v", id, len(shown), err)
				}
				for _, step := range []struct {
					method string
					want   int
				}{{http.MethodGet, http.StatusOK}, {http.MethodDelete, http.StatusNoContent}, {http.MethodGet, http.StatusNotFound}} {
					a, err := p.try(step.method, requestsPath+"/"+id, key)
					if err != nil || a.status != step.want {
						t.Errorf("%s: want %d, got %d %s %v", step.method, step.want, a.status, a.body, err)
					}
				}
			}
		})
	}
	callers.Wait()
	if left := p.list(t, key, ""); len(left) != 0 {
		t.Errorf("responses left: want 0, got %d", len(left))
	}
}
