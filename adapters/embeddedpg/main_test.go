package embeddedpg

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// programCommand makes this test binary act as a program that uses the package.
const programCommand = "program"

// cacheDir is shared by all tests of the project and kept, so PostgreSQL is fetched
// once.
var cacheDir = filepath.Join(os.TempDir(), fmt.Sprintf("lethe-testpg-%d", os.Geteuid()))

// openTime allows for the first Open on a machine: unpacking is slow under the race
// detector.
const openTime = 8 * time.Minute

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case HelperCommand:
			os.Exit(RunHelper(os.Stdin, os.Stdout, os.Stderr))
		case programCommand:
			os.Exit(runProgram(os.Stdin, os.Stdout))
		}
	}
	os.Exit(runTests(m))
}

// runTests also counts the coverage of the processes that the tests start.
func runTests(m *testing.M) int {
	flag.Parse()
	if testing.CoverMode() != "" {
		dir, err := os.MkdirTemp("", "lethe-cover-")
		if err == nil {
			defer func() { _ = os.RemoveAll(dir) }()
			err = os.Chmod(dir, 0o777) // for processes that run as other users
		}
		if err == nil {
			err = flag.Set("test.gocoverdir", dir)
		}
		if err == nil {
			err = os.Setenv("GOCOVERDIR", dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	// A secret of the program, which the helper must not get.
	if err := os.Setenv("LETHE_AUTH_SESSION_SECRET", "session-secret"); err != nil {
		return 1
	}
	return m.Run()
}

// programOrder is what a test sends to the program; programReport is its answer.
type programOrder struct {
	Config   Config
	CancelOn string // cancel Open when a progress line contains this
}

type programReport struct {
	URL      string
	Owned    bool
	Error    string
	Progress string
}

// runProgram opens a server, reports, and stops the server when its input ends.
func runProgram(stdin io.Reader, stdout io.Writer) int {
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return 1
	}
	var order programOrder
	if json.Unmarshal(line, &order) != nil {
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	var progress recorder
	if order.CancelOn != "" {
		progress.on, progress.call = order.CancelOn, cancel
	}
	order.Config.Progress = &progress
	srv, err := Open(ctx, order.Config)
	report := programReport{Progress: progress.String()}
	if err != nil {
		report.Error = err.Error()
	} else {
		report.URL, report.Owned = srv.URL(), srv.Owned()
	}
	if json.NewEncoder(stdout).Encode(report) != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, in)
	if srv == nil || srv.Stop(context.Background()) == nil {
		return 0
	}
	return 1
}

// recorder keeps what is written, and runs call when that contains on.
type recorder struct {
	on   string
	call func()

	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.call != nil && strings.Contains(string(p), r.on) {
		r.call()
	}
	return r.buf.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// program is this binary running as a program.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	programReport
}

// startProgram runs the program as uid and waits for its report.
func startProgram(t *testing.T, order programOrder, uid int, env ...string) *program {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", programCommand)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if uid != os.Geteuid() {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &program{cmd: cmd, stdin: stdin}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	must(t, json.NewEncoder(stdin).Encode(order))
	must(t, json.NewDecoder(stdout).Decode(&p.programReport))
	return p
}

// newDataDir returns the path of a folder, not yet created, that any user can
// reach. At the end of the test, no process may still run on it.
func newDataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lethe-pg-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() {
		await(t, "nothing runs on "+dir, func() bool { return len(processesOn(dir)) == 0 })
		for pid := range processesOn(dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		must(t, os.RemoveAll(dir))
	})
	return filepath.Join(dir, "data")
}

// processesOn lists the postmasters and helpers of dir by process id.
func processesOn(dir string) map[int]string {
	found := map[int]string{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if len(cmdline) > 0 && strings.HasPrefix(cwd, dir) {
			found[pid] = string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '}))
		}
	}
	return found
}

func open(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.CacheDir == "" {
		cfg.CacheDir = cacheDir
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	srv, err := Open(ctx, cfg)
	must(t, err)
	t.Cleanup(func() { stop(t, srv) })
	return srv
}

func stop(t *testing.T, srv *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(t, srv.Stop(ctx))
}

// query returns the single value of a query.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var value string
	must(t, conn.QueryRow(context.Background(), sql).Scan(&value))
	return value
}

func exec1(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(context.Background(), sql)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until cond holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("timed out waiting: %s", what)
			return
		}
	}
}

func awaitDone(t *testing.T, srv *Server) {
	t.Helper()
	select {
	case <-srv.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("Done was not closed within 30 seconds")
	}
}

// helperPID is the process id of the helper that serves dataDir.
func helperPID(t *testing.T, dataDir string) int {
	t.Helper()
	st, ok := readState(dataDir)
	if !ok {
		t.Fatal("no server.json")
	}
	return st.PID
}

// postmasterPID is the first line of postmaster.pid.
func postmasterPID(t *testing.T, dataDir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dataDir, "cluster", "postmaster.pid"))
	must(t, err)
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	must(t, err)
	return pid
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(b) > 0 // a zombie has no command line
}

// handOver gives path and its contents to the helper's user.
func handOver(t *testing.T, path string) {
	t.Helper()
	as := childIdentity()
	must(t, filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil || !as.switched {
			return err
		}
		return os.Lchown(p, int(as.uid), int(as.gid))
	}))
}

// snapshot lists every path under dir with its mode and content.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s %s", p, info.Mode(), info.ModTime())
		if d.Type().IsRegular() {
			content, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", content)
		}
		b.WriteByte('\n')
		return nil
	}))
	return b.String()
}

// fakeBinaries is a folder with programs that only print a version.
func fakeBinaries(t *testing.T, dir, version string) string {
	t.Helper()
	path := filepath.Join(dir, "postgresql-"+version)
	must(t, os.MkdirAll(filepath.Join(path, "bin"), 0o755))
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		script := "#!/bin/sh\necho 'postgres (PostgreSQL) " + version + "'\n"
		must(t, os.WriteFile(filepath.Join(path, "bin", name), []byte(script), 0o755))
	}
	return path
}
