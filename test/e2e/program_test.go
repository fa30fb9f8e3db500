// Package e2e builds the program and uses it as people do: from outside.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	requestsPath = "/admin/api/v1/batches/requests"

	// Bounds that only something broken exceeds.
	startTimeout = 3 * time.Minute // may fetch Postgres
	stopTimeout  = time.Minute
	pollInterval = 20 * time.Millisecond
)

// program is the path of the binary under test.
var program string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "lethe-e2e-")
	if err == nil {
		defer func() { _ = os.RemoveAll(folder) }()
		program = filepath.Join(folder, "lethe")
		build := exec.Command("go", "build", "-buildvcs=auto", "-trimpath", "-ldflags", "-s -w -X lethe/app/boot.version=e2e", "-o", program, "lethe/cmd/lethe")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the program:", err)
		return 1
	}
	return m.Run()
}

// environ is as good as empty: what it takes to fetch something, and settings.
func environ(home string, settings ...string) []string {
	env := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return append(env, settings...)
}

// output collects what a process writes, and can be read meanwhile.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// clear forgets what was written.
func (o *output) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Reset()
}

// process is a running service.
type process struct {
	*exec.Cmd
	url            string
	stdout, stderr output
	ended          chan struct{}
}

// start runs the program in an empty folder until the test ends.
func start(t *testing.T, args []string, settings ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.Dir = t.TempDir()
	p.Env = environ(p.Dir, settings...)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(stopTimeout):
			_ = p.Process.Kill()
			t.Error("the program did not stop")
		}
		if t.Failed() {
			t.Logf("%s\n%s%s", strings.Join(args, " "), &p.stdout, &p.stderr)
		}
	})
	return p
}

// serve starts the service on a database and waits until it listens.
func serve(t *testing.T, settings ...string) *process {
	t.Helper()
	p := start(t, []string{"serve"}, append(settings, anyPort)...)
	p.awaitListening(t)
	return p
}

// anyPort lets the system choose: a port that was free a moment ago may be
// taken by a test next door.
const anyPort = "LETHE_HTTP_ADDR=127.0.0.1:0"

var listening = regexp.MustCompile(`(?m)Listening.*addr[":=]+(127\.0\.0\.1:\d+)`)

// awaitListening reads from the log where the service listens.
func (p *process) awaitListening(t *testing.T) {
	t.Helper()
	await(t, "the service listens", startTimeout, func() bool {
		p.mustRun(t)
		match := listening.FindStringSubmatch(p.stderr.String())
		if match != nil {
			p.url = "http://" + match[1]
		}
		return match != nil
	})
}

// mustRun fails the test when the program has ended.
func (p *process) mustRun(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
		t.Fatalf("the program ended:\n%s%s", &p.stdout, &p.stderr)
	default:
	}
}

// stop sends a signal and returns the exit code.
func (p *process) stop(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		t.Fatalf("the program did not stop on %s", signal)
	}
	return p.ProcessState.ExitCode()
}

// await polls until done returns true.
func await(t *testing.T, what string, timeout time.Duration, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("not true after %s: %s", timeout, what)
		}
		time.Sleep(pollInterval)
	}
}

func (p *process) awaitStatus(t *testing.T, path string, status int) {
	t.Helper()
	await(t, fmt.Sprintf("%s answers %d", path, status), startTimeout, func() bool {
		p.mustRun(t)
		a, err := p.try(http.MethodGet, path, "")
		return err == nil && a.status == status
	})
}

// answer is what the service said.
type answer struct {
	status int
	header http.Header
	body   string
}

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (p *process) try(method, path, key string) (answer, error) {
	request, err := http.NewRequest(method, p.url+path, nil)
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	return send(request)
}

func send(request *http.Request) (answer, error) { return sendBy(client, request) }

func sendBy(by *http.Client, request *http.Request) (answer, error) {
	response, err := by.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

func (p *process) ask(t *testing.T, method, path, key string) answer {
	t.Helper()
	a, err := p.try(method, path, key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command to its end, in an empty folder unless one is given.
func run(t *testing.T, folder string, settings []string, args ...string) result {
	t.Helper()
	return runIn(t, folder, nil, settings, args...)
}

// runWith runs the program with something on standard input.
func runWith(t *testing.T, stdin io.Reader, settings []string, args ...string) result {
	t.Helper()
	return runIn(t, "", stdin, settings, args...)
}

func runIn(t *testing.T, folder string, stdin io.Reader, settings []string, args ...string) result {
	t.Helper()
	if folder == "" {
		folder = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	cmd := commandContext(ctx, folder, settings, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin = stdin
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%v: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// commandContext is the program in a folder; it is killed when ctx ends.
func commandContext(ctx context.Context, folder string, settings []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = folder, environ(folder, settings...)
	return cmd
}

// must runs a command that has to succeed and returns what it prints.
func must(t *testing.T, settings []string, args ...string) string {
	t.Helper()
	r := run(t, "", settings, args...)
	if r.code != 0 {
		t.Fatalf("lethe %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// dataFolder is a folder that the unprivileged user can reach as whom Postgres
// runs for root; those of t.TempDir are closed to others.
func dataFolder(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "lethe-e2e-data-")
	if err == nil {
		err = os.Chmod(parent, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(parent); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(parent, "data")
}

// processesOf counts processes whose command line or folder lies in folder.
func processesOf(t *testing.T, folder string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Fatal("processes are counted in /proc, which only Linux has")
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range all {
		// Processes end while we look: an error is one that is gone.
		line, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(p, "cwd"))
		if bytes.Contains(line, []byte(folder)) || strings.HasPrefix(cwd, folder) {
			n++
		}
	}
	return n
}

func execute(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
