package e2e

import (
	"debug/elf"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
)

const (
	rootKey = "sk-root-platform"
)

func databaseURL(url string) string { return "LETHE_DATABASE_URL=" + url }

func TestBinary(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= 48*mebibyte {
		t.Errorf("binary: want less than 48 MiB, got %d", info.Size()/mebibyte)
	}
	t.Logf("it has %.1f MiB", float64(info.Size())/mebibyte)
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("binary: want it static")
		}
	}
	if file.Section(".debug_info") != nil || file.Section(".zdebug_info") != nil {
		t.Error("binary: want no debug information")
	}
	out := must(t, nil, "version")
	if !strings.HasPrefix(out, "lethe e2e\n") {
		t.Errorf("version: want lethe e2e, got %s", out)
	}
	// Built from a clone, it knows of which commit; out of an archive there is none.
	want := "commit unknown"
	if head, err := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD").Output(); err == nil {
		want = "commit " + strings.TrimSpace(string(head))
	}
	if !strings.Contains(out, want) {
		t.Errorf("its version is %s, want %s", out, want)
	}
}

func TestIdleMemory(t *testing.T) {
	t.Parallel()
	p := serve(t, databaseURL(pgtest.WithFixture(t).RoleURL))
	for range 20 {
		if a := p.ask(t, http.MethodGet, requestsPath+"?limit=100", rootKey); a.status != http.StatusOK {
			t.Fatalf("list: want %d, got %d %s", http.StatusOK, a.status, a.body)
		}
	}
	// What the start and the lists have taken is given back within ten seconds.
	await(t, "an idle service is small", 30*time.Second, func() bool { return resident(t, p.Process.Pid) < residentLimit })
}

func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "lethe.yaml"), []byte("htpp: {addr: x}\nlog: {level: loud}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, folder, []string{
		"LETHE_DATABASE_URL=postgres://u:hunter2hunter2@h:port/d", "LETHE_AUTH_SESSION_SECRET=hunter2", "LETHE_PORT=80",
	}, "serve", "--database-max-conns", "none")
	if r.code != 2 || r.stdout != "" {
		t.Errorf("want exit code 2 and no output, got %d, %q", r.code, r.stdout)
	}
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	for _, want := range []string{"htpp.addr", "log.level", "database.url", "auth.session_secret", "LETHE_PORT", "database.max_conns"} {
		n := 0
		for _, line := range lines {
			if strings.Contains(line, want) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is named in %d lines of\n%s", want, n, r.stderr)
		}
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "lethe: ") {
			t.Errorf("want lines that begin with lethe:, got %q", line)
		}
	}
	if len(lines) != 6 || strings.Contains(r.stderr, "hunter2") {
		t.Errorf("want 6 problems without secrets, got\n%s", r.stderr)
	}
}

// TestUsage: every command has an example, and wrong usage exits with code 2.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"", "serve", "demo", "migrate", "migrate up", "migrate status", "doctor", "config", "version",
		"users", "users add", "users list", "users roles", "users join", "keys", "keys create", "keys list", "keys revoke",
	} {
		out := must(t, nil, append(strings.Fields(command), "--help")...)
		if !strings.Contains(out, "Examples:") || command == "" && !strings.Contains(out, "Exit codes:") {
			t.Errorf("help of %q: want examples, got\n%s", command, out)
		}
		if strings.Contains(out, "embedded-postgres-helper") {
			t.Errorf("help of %q: want no hidden command", command)
		}
	}
	for _, line := range []string{"nothing", "serve now", "serve --nothing", "users nothing", "keys revoke", "users join a@example.com"} {
		r := run(t, "", nil, strings.Fields(line)...)
		if r.code != 2 || !strings.HasPrefix(r.stderr, "lethe: ") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%q: want exit code 2 and one line, got %d, %q", line, r.code, r.stderr)
		}
	}
}

func TestConfigCommand(t *testing.T) {
	t.Parallel()
	out := must(t, []string{"LETHE_DATABASE_URL=postgres://u:hunter2@h/d", "LETHE_AUTH_SESSION_SECRET=hunter2hunter2hunter2"}, "config")
	if strings.Contains(out, "hunter2") || !strings.Contains(out, "postgres://u:hidden@h/d # environment LETHE_DATABASE_URL") {
		t.Errorf("want the URL without its password, got\n%s", out)
	}
}

// TestStop: requests in progress at the signal are answered; later ones are refused.
func TestStop(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	p := serve(t, databaseURL(database.RoleURL))
	p.awaitStatus(t, "/readyz", http.StatusOK)
	conn := connect(t, database.URL)
	execute(t, conn, "BEGIN")
	execute(t, conn, "LOCK TABLE fusillade.requests IN ACCESS EXCLUSIVE MODE")
	running := make(chan answer, 1)
	failed := make(chan error, 1)
	go func() {
		a, err := p.try(http.MethodGet, requestsPath, rootKey)
		running <- a
		failed <- err
	}()
	watch := connect(t, database.URL)
	await(t, "the request waits for the lock", stopTimeout, func() bool {
		var n int
		if err := watch.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	})
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "no new requests are let in", stopTimeout, func() bool {
		_, err := p.try(http.MethodGet, "/healthz", "")
		return err != nil
	})
	select {
	case <-p.ended:
		t.Fatal("the program stopped during a request")
	default:
	}
	execute(t, conn, "COMMIT")
	if a, err := <-running, <-failed; err != nil || a.status != http.StatusOK || !strings.Contains(a.body, "total_count") {
		t.Errorf("request in progress: want 200 with a list, got %v, %d %s", err, a.status, a.body)
	}
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		t.Fatal("the program did not stop")
	}
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d, want 0", code)
	}
}

// TestSecondSignal: it stops the service at once.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	p := serve(t, databaseURL(database.RoleURL))
	conn := connect(t, database.URL)
	execute(t, conn, "BEGIN")
	execute(t, conn, "LOCK TABLE fusillade.requests IN ACCESS EXCLUSIVE MODE")
	begun := make(chan struct{})
	go func() {
		close(begun)
		_, _ = p.try(http.MethodGet, requestsPath, rootKey) // cut off
	}()
	<-begun
	watch := connect(t, database.URL)
	await(t, "the request waits for the lock", stopTimeout, func() bool {
		var n int
		if err := watch.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	})
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, "the first signal is heeded", stopTimeout, func() bool { return strings.Contains(p.stderr.String(), "Stopping") })
	p.stop(t, syscall.SIGTERM)
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("want an end by SIGTERM, got %s", p.ProcessState)
	}
}

// gate is a way to the database that can be closed.
type gate struct {
	t        *testing.T
	addr     string
	network  string
	database string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
}

// newGate returns a closed gate to the server of a URL, and the URL that leads
// through it.
func newGate(t *testing.T, databaseURL string) (*gate, string) {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(int(config.Port))
	g := &gate{t: t, addr: freeAddress(t), network: "tcp", database: net.JoinHostPort(config.Host, port), conns: map[net.Conn]bool{}}
	if strings.HasPrefix(config.Host, "/") {
		g.network, g.database = "unix", config.Host+"/.s.PGSQL."+port
	}
	t.Cleanup(g.close)
	through := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: g.addr, Path: "/" + config.Database, RawQuery: "sslmode=disable",
	}
	return g, through.String()
}

func (g *gate) open() {
	g.t.Helper()
	listener, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	g.listener = listener
	g.mu.Unlock()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			onward, err := net.Dial(g.network, g.database)
			if err != nil {
				_ = conn.Close()
				continue
			}
			g.mu.Lock()
			g.conns[conn], g.conns[onward] = true, true
			g.mu.Unlock()
			for _, pair := range [][2]net.Conn{{conn, onward}, {onward, conn}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				}()
			}
		}
	}()
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		_ = g.listener.Close()
		g.listener = nil
	}
	for conn := range g.conns {
		_ = conn.Close()
	}
	clear(g.conns)
}

// TestDatabaseOutage: the service starts without a database, finds it, loses it and
// finds it again.
func TestDatabaseOutage(t *testing.T) {
	t.Parallel()
	g, through := newGate(t, pgtest.WithFixture(t).RoleURL)
	p := serve(t, databaseURL(through))
	for round, work := range []func(){g.open, g.close, g.open} {
		if round == 0 {
			unavailable(t, p)
		}
		work()
		if round == 1 {
			unavailable(t, p)
			continue
		}
		p.awaitStatus(t, "/readyz", http.StatusOK)
		if a := p.ask(t, http.MethodGet, requestsPath, rootKey); a.status != http.StatusOK {
			t.Errorf("round %d: list: want %d, got %d %s", round, http.StatusOK, a.status, a.body)
		}
	}
}

func unavailable(t *testing.T, p *process) {
	t.Helper()
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, requestsPath}, {http.MethodDelete, requestsPath + "/c0000400-0000-4000-8000-000000000001"}, {http.MethodGet, "/readyz"},
	} {
		a := p.ask(t, c.method, c.path, rootKey)
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: want 503 with Retry-After, got %d, %q, %s", c.method, c.path, a.status, a.header.Get("Retry-After"), a.body)
		}
	}
	if a := p.ask(t, http.MethodGet, "/healthz", ""); a.status != http.StatusOK {
		t.Errorf("/healthz: want %d, got %d", http.StatusOK, a.status)
	}
}

// TestTwoServices: what one erases is gone for the other.
func TestTwoServices(t *testing.T) {
	t.Parallel()
	database := databaseURL(pgtest.WithFixture(t).RoleURL)
	a, b := serve(t, database), serve(t, database)
	list := decode[page](t, a.ask(t, http.MethodGet, requestsPath+"?limit=1", rootKey).body)
	path := requestsPath + "/" + list.Data[0].ID
	statuses := make(chan int, 2)
	for _, p := range []*process{a, b} {
		go func() {
			got, err := p.try(http.MethodDelete, path, rootKey)
			if err != nil {
				t.Error(err)
			}
			statuses <- got.status
		}()
	}
	if sum := <-statuses + <-statuses; sum != http.StatusNoContent+http.StatusNotFound {
		t.Errorf("concurrent erasures: want one 204 and one 404, got statuses of sum %d", sum)
	}
	for _, p := range []*process{a, b} {
		if got := p.ask(t, http.MethodGet, path, rootKey); got.status != http.StatusNotFound {
			t.Errorf("fetch after the erasure: want %d, got %d", http.StatusNotFound, got.status)
		}
	}
}

// TestLogHidesContents: the most verbose log contains nothing that it must not
// contain.
func TestLogHidesContents(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	const sessionSecret = "a-secret-of-sessions"
	p := serve(t, databaseURL(database.RoleURL), "LETHE_LOG_LEVEL=debug", "LETHE_LOG_FORMAT=json", "LETHE_AUTH_SESSION_SECRET="+sessionSecret)
	list := decode[page](t, p.ask(t, http.MethodGet, requestsPath+"?status=completed&limit=5", rootKey).body)
	for _, r := range list.Data {
		p.ask(t, http.MethodGet, requestsPath+"/"+r.ID, rootKey)
		p.ask(t, http.MethodDelete, requestsPath+"/"+r.ID, rootKey)
	}
	p.ask(t, http.MethodGet, requestsPath+"?model=a-model-asked-for%0Aforged", "sk-a-wrong-key")
	request, err := http.NewRequest(http.MethodGet, p.url+requestsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", "dwctl_session=a-session-token")
	if _, err := send(request); err != nil {
		t.Fatal(err)
	}
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("it ended with %d, want 0", code)
	}
	log := p.stderr.String()
	if n := strings.Count(log, `"msg":"request"`); n < 2*len(list.Data)+3 {
		t.Errorf("requests in the log: want %d or more, got %d", 2*len(list.Data)+3, n)
	}
	secrets := []string{rootKey, "sk-a-wrong-key", "a-session-token", sessionSecret, "a-model-asked-for", "question ", "answer "}
	parsed, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	if password, ok := parsed.User.Password(); ok && password != "" {
		secrets = append(secrets, password)
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("want no %q in the log:\n%s", secret, log)
		}
	}
	for line := range strings.Lines(log) {
		decode[map[string]any](t, line)
	}
}

// TestEmbeddedDatabase: the service creates its own database, with people and keys.
func TestEmbeddedDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.Empty(t)
	file, _ := keyFile(t)
	settings := []string{databaseURL(database.URL), "LETHE_ERASURE_KEY_FILE=" + file, seenFile(t)}
	lethe := func(args ...string) string { t.Helper(); return must(t, settings, args...) }

	if r := run(t, "", settings, "users", "list"); r.code != 1 || !strings.Contains(r.stderr, "lethe migrate up") {
		t.Errorf("users list without tables: want 1 with `lethe migrate up`, got %d %s", r.code, r.stderr)
	}
	if r := run(t, "", settings, "doctor"); r.code != 3 || !strings.Contains(r.stdout, "table public.users is missing") {
		t.Errorf("doctor without tables: want 3, got %d %s", r.code, r.stdout)
	}
	if out := lethe("migrate", "status"); strings.Count(out, "pending") != 6 {
		t.Errorf("migrate status: want 6 pending, got\n%s", out)
	}
	if out := lethe("migrate", "up"); strings.Count(out, "created") < 6 {
		t.Errorf("migrate up: want 6 created or more, got\n%s", out)
	}
	if sets := decode[[]map[string]any](t, lethe("migrate", "status", "--json")); len(sets) != 6 || sets[0]["state"] != "current" {
		t.Errorf("migrate status --json: want 6 current sets, got %v", sets)
	}
	if out := lethe("doctor"); strings.Contains(out, "problem ") || strings.Contains(out, "warning ") {
		t.Errorf("doctor: want no problem and no warning, got\n%s", out)
	}

	lethe("users", "add", "ada@example.com", "--admin", "--name", "Ada\tTab")
	lethe("users", "add", "jonas@example.com")
	lethe("users", "add", "team@example.com", "--organization")
	lethe("users", "roles", "jonas@example.com", "BATCHAPIUSER", "STANDARDUSER")
	lethe("users", "join", "jonas@example.com", "team@example.com")
	if r := run(t, "", settings, "users", "add", "ada@example.com"); r.code != 1 || !strings.Contains(r.stderr, "taken") {
		t.Errorf("users add, again: want 1 with taken, got %d %s", r.code, r.stderr)
	}
	if r := run(t, "", settings, "users", "roles", "ada@example.com", "KING"); r.code != 1 || !strings.Contains(r.stderr, "BATCHAPIUSER") {
		t.Errorf("unknown role: want 1 with the known ones, got %d %s", r.code, r.stderr)
	}
	users := decode[[]struct {
		Email         string   `json:"email"`
		Roles         []string `json:"roles"`
		Organizations []string `json:"organizations"`
	}](t, lethe("users", "list", "--json"))
	if len(users) != 3 || len(users[1].Roles) != 2 || len(users[1].Organizations) != 1 || users[0].Roles == nil {
		t.Errorf("users list --json: want 3 with roles and organizations, got %+v", users)
	}
	if out := lethe("users", "list"); strings.Count(out, "\n") != 4 || strings.Contains(out, "\t") {
		t.Errorf("users list: want 4 lines without tabs, got\n%s", out)
	}

	own := strings.TrimSpace(lethe("keys", "create", "jonas@example.com"))
	teams := strings.TrimSpace(lethe("keys", "create", "jonas@example.com", "--organization", "team@example.com", "--name", "team"))
	if !regexp.MustCompile(`^sk-\S+$`).MatchString(own) {
		t.Errorf("printed secret: want sk-…, got %q", own)
	}
	list := lethe("keys", "list")
	if strings.Contains(list, own) || strings.Contains(list, teams) || strings.Count(list, "\n") != 3 {
		t.Errorf("keys list: want 3 lines without secrets, got\n%s", list)
	}
	execute(t, connect(t, database.URL), `INSERT INTO fusillade.requests (model, created_by) SELECT 'm', id::text FROM public.users WHERE email = 'team@example.com'`)

	p := serve(t, settings...)
	for key, want := range map[string]int{own: 0, teams: 1} {
		if got := decode[page](t, p.ask(t, http.MethodGet, requestsPath, key).body); got.Total != want {
			t.Errorf("a key sees %d, want %d", got.Total, want)
		}
	}
	keys := decode[[]struct {
		ID string `json:"id"`
	}](t, lethe("keys", "list", "--json"))
	lethe("keys", "revoke", keys[0].ID)
	if a := p.ask(t, http.MethodGet, requestsPath, own); a.status != http.StatusUnauthorized {
		t.Errorf("revoked key: want %d, got %d", http.StatusUnauthorized, a.status)
	}
	if r := run(t, "", settings, "keys", "revoke", keys[0].ID); r.code != 1 {
		t.Errorf("revoke a revoked key: want 1, got %d %s", r.code, r.stderr)
	}
	if r := run(t, "", settings, "keys", "revoke", "x"); r.code != 1 || !strings.Contains(r.stderr, "lethe keys list") {
		t.Errorf("revoke an unknown key: want 1 with `lethe keys list`, got %d %s", r.code, r.stderr)
	}
}

// TestForeignDatabase: tables of another system are not written to; the log of
// erasures gets its own.
func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	conn := connect(t, database.URL)
	execute(t, conn, "DROP SCHEMA lethe CASCADE") // which said that the tables are ours
	settings := []string{databaseURL(database.URL)}
	for _, line := range []string{"users add x@example.com", "users list", "keys create root@example.test", "keys list"} {
		r := run(t, "", settings, strings.Fields(line)...)
		if r.code != 1 || !strings.Contains(r.stderr, "belong to another system") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: want 1 with one line, got %d %s", line, r.code, r.stderr)
		}
	}
	r := run(t, "", settings, "demo")
	if r.code != 1 || !strings.Contains(r.stderr, "--on-this-database") {
		t.Errorf("demo: want 1 with --on-this-database, got %d %s", r.code, r.stderr)
	}
	r = run(t, "", append(settings, anyPort), "demo", "--on-this-database")
	if r.code != 1 || !strings.Contains(r.stderr, "another system") {
		t.Errorf("demo --on-this-database: want 1, as the data is of another system, got %d %s", r.code, r.stderr)
	}
	if out := must(t, settings, "migrate", "up"); strings.Count(out, "foreign") != 4 {
		t.Errorf("migrate up: want 4 foreign sets, got\n%s", out)
	}
	// The log of erasures is ours there, too, and all that is.
	var versions []string
	if err := conn.QueryRow(t.Context(), `SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = 'lethe' AND tablename LIKE 'version%'`).Scan(&versions); err != nil || len(versions) != 1 || versions[0] != "version_lethe" {
		t.Errorf("version tables of schema lethe: want version_lethe alone, got %v, %v", versions, err)
	}
}

// TestDoctorLeastPrivilegedRole: exit code 0, and the secret is not shown.
func TestDoctorLeastPrivilegedRole(t *testing.T) {
	t.Parallel()
	file, _ := keyFile(t)
	r := run(t, "", []string{databaseURL(pgtest.WithFixture(t).RoleURL), "LETHE_ERASURE_KEY_FILE=" + file, seenFile(t)}, "doctor")
	if r.code != 0 || !strings.Contains(r.stdout, " 0 warnings, 0 problems") {
		t.Errorf("doctor: want 0 without findings, got %d %s%s", r.code, r.stdout, r.stderr)
	}
}

// TestDemoFillsDatabase: it fills the given database when told to.
func TestDemoFillsDatabase(t *testing.T) {
	t.Parallel()
	settings := []string{databaseURL(pgtest.New(t).URL)}
	for _, want := range []string{"Wrote 5000 responses", "nothing was written"} {
		r := run(t, "", settings, "demo", "--on-this-database", "--fill-only")
		if r.code != 0 || !strings.Contains(r.stderr, want) {
			t.Errorf("demo: want 0 with %q, got %d %s", want, r.code, r.stderr)
		}
	}
	r := run(t, "", []string{databaseURL(pgtest.WithFixture(t).URL)}, "demo", "--on-this-database", "--fill-only")
	if r.code != 1 || !strings.Contains(r.stderr, "of its own") {
		t.Errorf("database with other data: want 1, got %d %s", r.code, r.stderr)
	}
}

// TestOutageLoggedOnce: all background work fails while the database is unavailable,
// and the reason is logged once.
func TestOutageLoggedOnce(t *testing.T) {
	t.Parallel()
	const nowhere = "127.0.0.1:1"
	p := serve(t, databaseURL("postgres://lethe@"+nowhere+"/dwctl"), "LETHE_ERASURE_KEY="+strings.TrimSpace(must(t, nil, "keys", "new", "example.com/log")), "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "seen"))
	for _, work := range []string{"erasures", "retention", "sweep", "access_log"} {
		await(t, work+" has failed", startTimeout, func() bool {
			metrics := p.ask(t, http.MethodGet, "/metrics", "").body
			count := regexp.MustCompile(`(?m)^lethe_background_failures_total\{work="` + work + `"\} [1-9]`)
			return count.MatchString(metrics)
		})
	}
	told := p.stderr.String()
	if a := p.ask(t, http.MethodGet, "/readyz", ""); a.status != http.StatusServiceUnavailable || strings.Count(a.body, "cannot be reached") != 1 {
		t.Errorf("readyz: want 503 that names the database once, got %d %s", a.status, a.body)
	}
	if strings.Count(told, "A database is away") != 1 || strings.Count(told, "level=WARN") != 1 || strings.Count(told, nowhere) != 1 || strings.Contains(told, "level=ERROR") {
		t.Errorf("log: want one warning and no error, got\n%s", told)
	}
	for line := range strings.Lines(p.stderr.String()) {
		if strings.Count(line, "cannot be reached") > 1 || strings.Count(line, nowhere) > 1 {
			t.Errorf("log: want the reason once in a line, got %s", line)
		}
	}
}
