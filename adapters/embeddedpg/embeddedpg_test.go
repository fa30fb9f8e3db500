package embeddedpg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestRestartKeepsData(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	first := open(t, Config{DataDir: dataDir})
	if !first.Owned() {
		t.Error("the first Open does not own the server")
	}
	exec1(t, first.URL(), "CREATE TABLE kept (word text)")
	exec1(t, first.URL(), "INSERT INTO kept VALUES ('Grüße')")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := first.Stop(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Stop with an ended context: got %v, want context.Canceled", err)
	}
	stop(t, first)
	stop(t, first)
	awaitDone(t, first)
	if err := ping(context.Background(), first.URL()); err == nil {
		t.Error("the server still answers after Stop")
	}
	if left := processesOn(dataDir); len(left) != 0 {
		t.Errorf("processes left after Stop: %v", left)
	}

	var progress recorder
	second := open(t, Config{DataDir: dataDir, Progress: &progress})
	if got := query(t, second.URL(), "SELECT string_agg(word, ',') FROM kept"); got != "Grüße" {
		t.Errorf("after the restart: got %q, want Grüße", got)
	}
	if second.URL() != first.URL() {
		t.Error("the restart changed the URL")
	}
	if strings.Contains(progress.String(), "Fetching") || strings.Contains(progress.String(), "Making") {
		t.Errorf("the second start fetched or created something: %s", progress.String())
	}
}

func TestServerSecurity(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	srv := open(t, Config{DataDir: dataDir})
	for setting, want := range map[string]string{
		"fsync": "on", "server_encoding": "UTF8", "TimeZone": "UTC", "max_connections": "60",
		"shared_buffers": "64MB", "password_encryption": "scram-sha-256", "listen_addresses": "",
	} {
		if got := query(t, srv.URL(), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	if got := query(t, srv.URL(), "SELECT current_database() || ' ' || current_user"); got != "lethe lethe" {
		t.Errorf("database and role: got %q, want lethe lethe", got)
	}
	if got := query(t, srv.URL(), "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"); got != "scram-sha-256" {
		t.Errorf("authentication methods: got %q, want scram-sha-256", got)
	}

	password, err := os.ReadFile(filepath.Join(dataDir, "password"))
	must(t, err)
	if len(password) != 64 {
		t.Errorf("the password has %d characters, want 32 bytes in hexadecimal", len(password))
	}
	wrong := strings.Replace(srv.URL(), string(password), "postgres", 1)
	var refused *pgconn.PgError
	if err := ping(context.Background(), wrong); !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Errorf("wrong password: got %v, want code 28P01", err)
	}
	for _, name := range []string{"password", "server.json", "lock", "postgres.log"} {
		if info, err := os.Stat(filepath.Join(dataDir, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: got mode %v, want 0600 (error %v)", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(dataDir); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("data folder: got mode %v, want drwx------ (error %v)", info.Mode(), err)
	}

	helper := helperPID(t, dataDir)
	if group, err := syscall.Getpgid(helper); err != nil || group != helper {
		t.Errorf("the helper is in process group %d (error %v), want its own, %d", group, err, helper)
	}
	for _, pid := range []int{helper, postmasterPID(t, dataDir)} {
		for _, file := range []string{"cmdline", "environ"} {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			must(t, err)
			if bytes.Contains(b, password) || bytes.Contains(b, []byte("session-secret")) {
				t.Errorf("%s of process %d contains a secret", file, pid)
			}
		}
	}

	postmaster, cluster := postmasterPID(t, dataDir), filepath.Join(dataDir, "cluster")
	if !isPostgresOn(postmaster, cluster) || isPostgresOn(postmaster, dataDir) ||
		isPostgresOn(helper, cluster) || isPostgresOn(1<<30, cluster) {
		t.Error("isPostgresOn gives a wrong result")
	}

	conn, err := pgx.Connect(context.Background(), srv.URL())
	must(t, err)
	if _, err := conn.Exec(context.Background(), "SELECT 'a prompt'::int"); err == nil {
		t.Error("casting text to int: got no error")
	}
	must(t, conn.Close(context.Background()))
	log, err := os.ReadFile(filepath.Join(dataDir, "postgres.log"))
	must(t, err)
	if !bytes.Contains(log, []byte("ready to accept connections")) || bytes.Contains(log, []byte("a prompt")) {
		t.Errorf("want the startup message and no statement in the log: %s", log)
	}
}

func TestOpenRunningServer(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	owner := open(t, Config{DataDir: dataDir})
	guest := open(t, Config{DataDir: dataDir})
	other := startProgram(t, programOrder{Config: Config{DataDir: dataDir, CacheDir: cacheDir}}, os.Geteuid())
	if guest.Owned() || other.Owned || guest.URL() != owner.URL() || other.URL != owner.URL() {
		t.Errorf("owned: got %v, %v, want false; same URL: got %v, %v, want true", guest.Owned(), other.Owned, guest.URL() == owner.URL(), other.URL == owner.URL())
	}
	stop(t, guest)
	awaitDone(t, guest)
	must(t, other.stdin.Close())
	must(t, other.cmd.Wait())
	must(t, ping(context.Background(), owner.URL()))

	guest = open(t, Config{DataDir: dataDir})
	stop(t, owner)
	awaitDone(t, guest)
}

func TestOpenConcurrently(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	servers := make([]*Server, 4)
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() { servers[i] = open(t, Config{DataDir: dataDir}) })
	}
	wg.Wait()
	owned := 0
	for _, srv := range servers {
		if srv == nil {
			t.Fatal("a concurrent Open failed")
		}
		must(t, ping(context.Background(), srv.URL()))
		if srv.Owned() {
			owned++
		}
	}
	if owned != 1 {
		t.Errorf("%d callers own the server, want 1", owned)
	}
}

func TestKilledProgramStopsServer(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	p := startProgram(t, programOrder{Config: Config{DataDir: dataDir, CacheDir: cacheDir}}, os.Geteuid())
	exec1(t, p.URL, "CREATE TABLE kept AS SELECT 'here' AS word")
	must(t, p.cmd.Process.Kill())
	await(t, "PostgreSQL and its helper end", func() bool { return len(processesOn(dataDir)) == 0 })

	again := open(t, Config{DataDir: dataDir})
	if got := query(t, again.URL(), "SELECT word FROM kept"); !again.Owned() || got != "here" {
		t.Errorf("got owned %v and data %q, want true and here", again.Owned(), got)
	}
}

// TestRecovery takes one cluster through every kind of crash.
func TestRecovery(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	pidFile := filepath.Join(dataDir, "cluster", "postmaster.pid")
	srv := open(t, Config{DataDir: dataDir})
	exec1(t, srv.URL(), "CREATE TABLE kept AS SELECT 'here' AS word")
	reopen := func(t *testing.T) string {
		t.Helper()
		var progress recorder
		srv = open(t, Config{DataDir: dataDir, Progress: &progress})
		if got := query(t, srv.URL(), "SELECT word FROM kept"); !srv.Owned() || got != "here" {
			t.Errorf("got owned %v and data %q, want true and here", srv.Owned(), got)
		}
		return progress.String()
	}

	// The helper is killed: its PostgreSQL keeps running and is found.
	left := postmasterPID(t, dataDir)
	must(t, syscall.Kill(helperPID(t, dataDir), syscall.SIGKILL))
	awaitDone(t, srv)
	if !alive(left) {
		t.Fatal("PostgreSQL ended with the killed helper")
	}
	if said := reopen(t); !strings.Contains(said, fmt.Sprintf("Stopping PostgreSQL (process %d)", left)) || alive(left) {
		t.Errorf("the orphaned PostgreSQL is alive: %v, want it stopped; progress: %s", alive(left), said)
	}

	stop(t, srv)
	reopen(t)

	// Everything is killed: the lock files are stale.
	killed := postmasterPID(t, dataDir)
	must(t, errors.Join(syscall.Kill(helperPID(t, dataDir), syscall.SIGKILL), syscall.Kill(killed, syscall.SIGKILL)))
	awaitDone(t, srv)
	await(t, "PostgreSQL is gone", func() bool { return !alive(killed) })
	if said := reopen(t); strings.Contains(said, "Stopping") {
		t.Errorf("stopped a process although none was running: %s", said)
	}

	// The same, while a connection's process has not noticed yet.
	conn, err := pgx.Connect(context.Background(), srv.URL())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	backend := int(conn.PgConn().PID())
	must(t, syscall.Kill(backend, syscall.SIGSTOP))
	killed = postmasterPID(t, dataDir)
	must(t, errors.Join(syscall.Kill(helperPID(t, dataDir), syscall.SIGKILL), syscall.Kill(killed, syscall.SIGKILL)))
	awaitDone(t, srv)
	await(t, "PostgreSQL is gone", func() bool { return !alive(killed) })
	var waited sync.WaitGroup
	waited.Go(func() {
		await(t, "PostgreSQL meets the memory in use", func() bool {
			log, err := os.ReadFile(filepath.Join(dataDir, "postgres.log"))
			return err == nil && bytes.Contains(log, []byte("shared memory block"))
		})
		_ = syscall.Kill(backend, syscall.SIGCONT)
	})
	reopen(t)
	waited.Wait()

	// The process id in a stale file now belongs to another process.
	real, err := os.ReadFile(pidFile)
	must(t, err)
	stop(t, srv)
	stranger := exec.Command("sleep", "600")
	if as := childIdentity(); as.switched {
		stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.uid, Gid: as.gid}}
	}
	must(t, stranger.Start())
	t.Cleanup(func() { _ = stranger.Process.Kill(); _ = stranger.Wait() })
	_, rest, _ := bytes.Cut(real, []byte("\n"))
	must(t, os.WriteFile(pidFile, fmt.Appendf(nil, "%d\n%s", stranger.Process.Pid, rest), 0o600))
	handOver(t, pidFile)
	reopen(t)
	if !alive(stranger.Process.Pid) {
		t.Error("an unrelated process was killed")
	}

	// A crash truncated a file.
	stop(t, srv)
	must(t, os.WriteFile(pidFile, nil, 0o600))
	handOver(t, pidFile)
	reopen(t)

	// PostgreSQL alone dies: the program is notified.
	must(t, syscall.Kill(postmasterPID(t, dataDir), syscall.SIGKILL))
	awaitDone(t, srv)
	if _, ok := readState(dataDir); ok {
		t.Error("server.json still names the dead server")
	}
	reopen(t)

	// The helper is asked to stop.
	must(t, syscall.Kill(helperPID(t, dataDir), syscall.SIGTERM))
	awaitDone(t, srv)
	if left := processesOn(dataDir); len(left) != 0 {
		t.Errorf("processes left: %v", left)
	}

	// A large log is rotated.
	log := filepath.Join(dataDir, "postgres.log")
	must(t, os.Truncate(log, maxLogSize+1))
	reopen(t)
	if info, err := os.Stat(log); err != nil || info.Size() > maxLogSize {
		t.Errorf("log file: got %v (error %v), want at most maxLogSize bytes", info, err)
	}

	// The settings are invalid: the error quotes the reason.
	stop(t, srv)
	settings := filepath.Join(dataDir, "cluster", "postgresql.auto.conf")
	must(t, os.WriteFile(settings, []byte("no_such_setting = 1\n"), 0o600))
	if _, err := Open(context.Background(), Config{DataDir: dataDir, CacheDir: cacheDir}); err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("invalid settings: got error %v, want no_such_setting in it", err)
	}
	must(t, os.WriteFile(settings, nil, 0o600))

	// server.json cannot be written, so no other program could attach.
	must(t, os.Mkdir(statePath(dataDir)+".new", 0o700))
	if _, err := Open(context.Background(), Config{DataDir: dataDir, CacheDir: cacheDir}); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "server.json") {
		t.Errorf("without server.json: got %v, want ErrDataDir naming it", err)
	}
	must(t, os.Remove(statePath(dataDir)+".new"))

	// The database is dropped.
	reopen(t)
	exec1(t, strings.Replace(srv.URL(), "/lethe?", "/postgres?", 1), "DROP DATABASE lethe")
	stop(t, srv)
	if _, err := Open(context.Background(), Config{DataDir: dataDir, CacheDir: cacheDir}); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "has been dropped") {
		t.Errorf("without the database: got %v, want ErrDataDir", err)
	}

	// The password is missing or wrong.
	password := filepath.Join(dataDir, "password")
	for content, want := range map[string]string{"": "missing or empty", "another": "is not this database's"} {
		must(t, os.WriteFile(password, []byte(content), 0o600))
		if _, err := Open(context.Background(), Config{DataDir: dataDir, CacheDir: cacheDir}); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), want) {
			t.Errorf("password %q: got %v, want ErrDataDir", content, err)
		}
	}
}

func TestOpenOtherMajorVersion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		data, binaries string
		want           []string
	}{
		"no such version here": {"9.6", "", []string{"PostgreSQL 9 ", "Install PostgreSQL 9 "}},
		"newer than ours":      {"99", "", []string{"PostgreSQL 99 "}},
		"other binaries given": {"15", "16.4", []string{"PostgreSQL 15 ", "PostgreSQL 16.4 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dataDir := newDataDir(t)
			cluster := filepath.Join(dataDir, "cluster")
			must(t, os.MkdirAll(filepath.Join(cluster, "base", "1"), 0o700))
			must(t, os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte(tc.data+"\n"), 0o600))
			must(t, os.WriteFile(filepath.Join(cluster, "base", "1", "1259"), []byte("rows"), 0o600))
			must(t, os.WriteFile(filepath.Join(cluster, "postmaster.pid"), fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600))
			handOver(t, dataDir)
			before := snapshot(t, cluster)

			cfg := Config{DataDir: dataDir, CacheDir: cacheDir}
			if tc.binaries != "" {
				cfg.BinariesPath = fakeBinaries(t, filepath.Dir(dataDir), tc.binaries)
			}
			_, err := Open(context.Background(), cfg)
			if !errors.Is(err, ErrVersionMismatch) {
				t.Fatal(err)
			}
			for _, want := range append(tc.want, cluster, "nothing has been changed", "dump") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in the error, got %v", want, err)
				}
			}
			if after := snapshot(t, cluster); after != before {
				t.Errorf("the data changed, before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

func TestOpenUnusableContents(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a data directory itself": {map[string]string{"PG_VERSION": "17\n"}, "is a PostgreSQL data directory itself"},
		"someone else's folder":   {map[string]string{"cluster/notes": "mine"}, "is not a PostgreSQL data directory"},
		"not a version":           {map[string]string{"cluster/PG_VERSION": "\x00\x00"}, "contains no version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dataDir := newDataDir(t)
			for file, content := range tc.files {
				path := filepath.Join(dataDir, file)
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				must(t, os.WriteFile(path, []byte(content), 0o600))
			}
			handOver(t, dataDir)
			_, err := Open(context.Background(), Config{DataDir: dataDir, CacheDir: cacheDir})
			if !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), tc.want) {
				t.Error(err)
			}
			for file, content := range tc.files {
				if b, err := os.ReadFile(filepath.Join(dataDir, file)); err != nil || string(b) != content {
					t.Errorf("%s: got %q (error %v), want it unchanged", file, b, err)
				}
			}
		})
	}
}

// TestOpenFolderInPlaceOfFile: a folder stands in the place of one of the server's files.
func TestOpenFolderInPlaceOfFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"lock", "server.json", "password", "postgres.log", ".s.PGSQL.5432",
		"cluster/PG_VERSION", "cluster/postmaster.pid", "initialising/cluster/postmaster.pid",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dataDir := newDataDir(t)
			cluster := filepath.Join(dataDir, "cluster")
			must(t, os.MkdirAll(cluster, 0o700))
			for _, file := range []string{"password", "cluster/PG_VERSION"} {
				if file != name {
					must(t, os.WriteFile(filepath.Join(dataDir, file), []byte("17\n"), 0o600))
				}
			}
			must(t, os.MkdirAll(filepath.Join(dataDir, name, "things"), 0o700))
			handOver(t, dataDir)
			before := snapshot(t, cluster)
			_, err := Open(context.Background(), Config{DataDir: dataDir, BinariesPath: fakeBinaries(t, filepath.Dir(dataDir), "17.1")})
			if !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), filepath.Join(dataDir, name)) {
				t.Error(err)
			}
			if snapshot(t, cluster) != before {
				t.Error("the data changed")
			}
		})
	}
}

func TestOpenUnusableFolders(t *testing.T) {
	t.Parallel()
	stranger := identity{uid: uint32(os.Geteuid()) + 1, gid: uint32(os.Getegid()) + 1}
	unprivileged := stranger
	unprivileged.switched = true
	for name, tc := range map[string]struct {
		as   identity
		make func(dir string) (Config, error)
		want []string
	}{
		"none given": {unprivileged, func(string) (Config, error) { return Config{}, nil }, []string{"no folder given"}},
		"behind a closed folder": {unprivileged, func(dir string) (Config, error) {
			return Config{DataDir: filepath.Join(dir, "closed", "a", "data")}, os.Mkdir(filepath.Join(dir, "closed"), 0o700)
		}, []string{"/closed cannot be entered", "chmod o+x", "refuses to run as root"}},
		"binaries behind a closed folder": {unprivileged, func(dir string) (Config, error) {
			return Config{DataDir: filepath.Join(dir, "data"), BinariesPath: filepath.Join(dir, "closed", "pg")}, os.MkdirAll(filepath.Join(dir, "closed", "pg"), 0o700)
		}, []string{"cannot be"}},
		"in use by another": {unprivileged, func(dir string) (Config, error) {
			return Config{DataDir: dir}, os.Mkdir(filepath.Join(dir, "things"), 0o755)
		}, []string{"belongs to uid", "a new folder or an empty one", "chown -R"}},
		"another user's": {stranger, func(dir string) (Config, error) { return Config{DataDir: dir}, nil }, []string{"belongs to uid", "run as that user"}},
		"a file": {unprivileged, func(dir string) (Config, error) {
			return Config{DataDir: filepath.Join(dir, "file", "data")}, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
		}, []string{"/file", "not a"}},
		"a name for a shell": {unprivileged, func(dir string) (Config, error) {
			return Config{DataDir: filepath.Join(dir, "$(date)")}, nil
		}, []string{"choose another name"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Dir(newDataDir(t))
			cfg, err := tc.make(dir)
			must(t, err)
			before := snapshot(t, dir)
			_, err = prepareFolders(cfg, tc.as)
			if !errors.Is(err, ErrDataDir) && !errors.Is(err, os.ErrPermission) {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in the error, got %v", want, err)
				}
			}
			if cfg.BinariesPath == "" && snapshot(t, dir) != before {
				t.Error("the folder changed")
			}
		})
	}
}

func TestOpenUnusableBinaries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path func(t *testing.T, dir string) string
		want string
	}{
		"absent":       {func(_ *testing.T, dir string) string { return filepath.Join(dir, "none") }, "give a folder"},
		"too old":      {func(t *testing.T, dir string) string { return fakeBinaries(t, dir, "14.9") }, "15 or newer"},
		"no version":   {func(t *testing.T, dir string) string { return fakeBinaries(t, dir, "unknown") }, "does not report its version"},
		"do not start": {func(t *testing.T, dir string) string { return fakeBinaries(t, dir, "16.1") + "/bin" }, "unable to connect"},
		"cannot run": {func(t *testing.T, dir string) string {
			path := fakeBinaries(t, dir, "16.2")
			must(t, os.Chmod(filepath.Join(path, "bin", "postgres"), 0o644))
			return path
		}, "cannot be run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dataDir := newDataDir(t)
			_, err := Open(context.Background(), Config{DataDir: dataDir, BinariesPath: tc.path(t, filepath.Dir(dataDir))})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dataDir, "cluster")); err == nil {
				t.Error("a partial cluster was left")
			}
		})
	}
}

// The path can be too long for the name of a socket; then the server listens on
// loopback.
func TestOpenSocketPathTooLong(t *testing.T) {
	t.Parallel()
	dataDir := filepath.Join(newDataDir(t), strings.Repeat("long", 25))
	srv := open(t, Config{DataDir: dataDir})
	u, err := url.Parse(srv.URL())
	must(t, err)
	if u.Hostname() != "127.0.0.1" || u.Port() == "" {
		t.Errorf("got address %s, want 127.0.0.1 and a port", u.Host)
	}
	if got := query(t, srv.URL(), "SHOW listen_addresses"); got != "127.0.0.1" {
		t.Errorf("listens on %q, want 127.0.0.1", got)
	}
	u.User = url.UserPassword("lethe", "lethe")
	var refused *pgconn.PgError
	if err := ping(context.Background(), u.String()); !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Errorf("wrong password: got %v, want code 28P01", err)
	}
}

func TestOpenCancelled(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	// Cached binaries let each step be reached.
	stop(t, open(t, Config{DataDir: dataDir + "-other"}))
	for _, step := range []string{"Making", "Starting"} {
		ctx, cancel := context.WithCancel(context.Background())
		progress := recorder{on: step, call: cancel}
		_, err := Open(ctx, Config{DataDir: dataDir, CacheDir: cacheDir, Progress: &progress})
		cancel()
		if !errors.Is(err, context.Canceled) || !strings.Contains(progress.String(), step) {
			t.Errorf("canceled at %s: got %v, want context.Canceled; progress: %s", step, err, progress.String())
		}
		await(t, "nothing runs", func() bool { return len(processesOn(dataDir)) == 0 })
	}
	must(t, ping(context.Background(), open(t, Config{DataDir: dataDir}).URL()))
}

// TestOpenCancelledWhileStaging: a start that is canceled while the new cluster's first
// PostgreSQL is being started leaves none, however long that takes.
func TestOpenCancelledWhileStaging(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	stop(t, open(t, Config{DataDir: dataDir + "-other"}))
	fetched, err := filepath.Glob(filepath.Join(cacheDir, "*", "bin", "pg_ctl"))
	must(t, err)
	if len(fetched) == 0 {
		t.Fatal("no PostgreSQL in the cache")
	}
	installed := filepath.Dir(filepath.Dir(fetched[0]))
	slow, reached := filepath.Join(filepath.Dir(dataDir), "slow"), filepath.Join(filepath.Dir(dataDir), "slow", "reached")
	must(t, os.MkdirAll(filepath.Join(slow, "bin"), 0o755))
	for _, name := range []string{"initdb", "postgres"} {
		must(t, os.WriteFile(filepath.Join(slow, "bin", name), fmt.Appendf(nil, "#!/bin/sh\nexec %s/bin/%s \"$@\"\n", installed, name), 0o755))
	}
	// Signals do not reach it, as if the machine were too busy.
	must(t, os.WriteFile(filepath.Join(slow, "bin", "pg_ctl"), fmt.Appendf(nil,
		"#!/bin/sh\nif [ ! -e %[2]s ]; then trap '' TERM; : >%[2]s; sleep 5; fi\nexec %[1]s/bin/pg_ctl \"$@\"\n", installed, reached), 0o755))
	handOver(t, slow)

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		await(t, "pg_ctl runs", func() bool { _, err := os.Stat(reached); return err == nil })
	}()
	if _, err := Open(ctx, Config{DataDir: dataDir, BinariesPath: slow}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	await(t, "nothing runs", func() bool { return len(processesOn(dataDir)) == 0 })
}

func TestOpenCancelledDuringFetch(t *testing.T) {
	t.Parallel()
	// A proxy that accepts the connection and never answers.
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	p := startProgram(t, programOrder{Config: Config{DataDir: newDataDir(t)}, CancelOn: "Fetching"},
		os.Geteuid(), "HTTPS_PROXY=http://"+proxy.Addr().String(), "NO_PROXY=")
	if !strings.Contains(p.Error, context.Canceled.Error()) {
		t.Errorf("got %+v, want context.Canceled", p.programReport)
	}
}

func TestOpenInstalledBinariesOffline(t *testing.T) {
	t.Parallel()
	// The fetched binaries serve as the installed ones.
	stop(t, open(t, Config{DataDir: newDataDir(t)}))
	path := os.Getenv("PATH")
	fetched, err := filepath.Glob(filepath.Join(cacheDir, "*", "bin"))
	must(t, err)
	for _, dir := range fetched {
		path = dir + ":" + path
	}
	dataDir := newDataDir(t)
	closed := filepath.Join(filepath.Dir(dataDir), "closed")
	must(t, os.Mkdir(closed, 0o500))
	handOver(t, closed)
	for _, tc := range []struct{ cache, want string }{
		{closed, "permission denied"},
		{"", "unable to connect"},
	} {
		p := startProgram(t, programOrder{Config: Config{DataDir: dataDir, CacheDir: tc.cache}},
			os.Geteuid(), "PATH="+path, "HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=")
		if !p.Owned || !strings.Contains(p.Progress, "using") || !strings.Contains(p.Progress, tc.want) {
			t.Errorf("cache %q: want %q in %+v", tc.cache, tc.want, p.programReport)
		}
		must(t, p.stdin.Close())
		must(t, p.cmd.Wait())
	}
}

// TestOpenRefillsCache: a cache that was lost or only partly filled is filled
// again.
func TestOpenRefillsCache(t *testing.T) {
	t.Parallel()
	dataDir, cache := newDataDir(t), filepath.Dir(newDataDir(t))
	srv := open(t, Config{DataDir: dataDir})
	exec1(t, srv.URL(), "CREATE TABLE kept AS SELECT 'here' AS word")
	stop(t, srv)

	// The archives are there, so nothing is fetched again.
	archives, err := filepath.Glob(filepath.Join(cacheDir, "*.txz"))
	must(t, err)
	for _, archive := range archives {
		content, err := os.ReadFile(archive)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(cache, filepath.Base(archive)), content, 0o644))
	}
	must(t, os.Mkdir(filepath.Join(cache, "temp_broken_off"), 0o755))
	names, err := filepath.Glob(filepath.Join(cacheDir, "postgresql-*"))
	must(t, err)
	for _, name := range names {
		must(t, os.MkdirAll(filepath.Join(cache, filepath.Base(name), "bin"), 0o755))
		must(t, os.WriteFile(filepath.Join(cache, filepath.Base(name), "bin", "pg_ctl"), nil, 0o755))
	}
	handOver(t, cache)

	// Another process holds the lock of the cache.
	unlock, err := lock(filepath.Join(cache, "lock"))
	must(t, err)
	handOver(t, cache)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Config{DataDir: dataDir, CacheDir: cache}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with the cache locked: got %v, want context.DeadlineExceeded", err)
	}
	unlock()

	var progress recorder
	srv = open(t, Config{DataDir: dataDir, CacheDir: cache, Progress: &progress})
	if got := query(t, srv.URL(), "SELECT word FROM kept"); got != "here" || !strings.Contains(progress.String(), "Fetching") {
		t.Errorf("got data %q, want here; want Fetching in the progress: %s", got, progress.String())
	}
	for _, path := range []string{filepath.Join(cache, "temp_broken_off"), filepath.Join(dataDir, "initialising")} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was not removed: %v", path, err)
		}
	}
}

func TestOpenUnreadableDataFolder(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	must(t, os.Mkdir(dataDir, 0o500))
	handOver(t, dataDir)
	if _, err := Open(context.Background(), Config{DataDir: dataDir, CacheDir: cacheDir}); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "permission denied") {
		t.Error(err)
	}
}

// TestLaunchFailingHelper: the program may not know the helper's command, or the helper
// may fail.
func TestLaunchFailingHelper(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ script, want string }{
		"ends":           {"read line; echo unknown command >&2; exit 3", "exit status 3; it said: unknown command"},
		"talks nonsense": {"echo hello; cat >&2", "exit status 0"},
		"says nothing":   {"cat >/dev/null", context.DeadlineExceeded.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			srv, err := launch(ctx, exec.Command("sh", "-c", tc.script), settings{}, nil)
			if srv != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Error(err)
			}
		})
	}
	if _, err := launch(context.Background(), exec.Command(filepath.Dir(newDataDir(t))), settings{}, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("not executable: got %v, want fs.ErrPermission", err)
	}
}

func TestCanEnter(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(newDataDir(t))
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	for _, tc := range []struct {
		mode fs.FileMode
		as   identity
		want bool
	}{
		{0o701, identity{uid: uid + 1, gid: gid + 1}, true},
		{0o770, identity{uid: uid + 1, gid: gid + 1}, false},
		{0o710, identity{uid: uid + 1, gid: gid}, true},
		{0o707, identity{uid: uid + 1, gid: gid}, false},
		{0o700, identity{uid: uid, gid: gid + 1}, true},
		{0o677, identity{uid: uid, gid: gid}, false},
	} {
		must(t, os.Chmod(dir, tc.mode))
		if got := canEnter(dir, tc.as); got != tc.want {
			t.Errorf("mode %s, %+v: got %v, want the opposite", tc.mode, tc.as, got)
		}
	}
	must(t, os.Chmod(dir, 0o755))
}

func TestOpenAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	stop(t, open(t, Config{DataDir: newDataDir(t)})) // fills the cache, which others can read
	dataDir, uid := newDataDir(t), os.Geteuid()
	if uid == 0 {
		// initdb needs a user with a name.
		other, err := user.Lookup("daemon")
		must(t, err)
		uid, err = strconv.Atoi(other.Uid)
		must(t, err)
		must(t, os.Chown(filepath.Dir(dataDir), uid, uid))
	}
	p := startProgram(t, programOrder{Config: Config{DataDir: dataDir, CacheDir: cacheDir}}, uid)
	if !p.Owned || p.Error != "" {
		t.Fatalf("got %+v, want an owned server", p.programReport)
	}
	for _, name := range []string{"", "password", "cluster"} {
		if got, err := owner(filepath.Join(dataDir, name)); err != nil || int(got) != uid {
			t.Errorf("%s belongs to uid %d (error %v), want %d", name, got, err, uid)
		}
	}
	must(t, p.stdin.Close())
	must(t, p.cmd.Wait())
}

// TestOpenAsUserWithoutName: containers often run as a user without a name. initdb
// refuses such a user, so Open fails before it fetches anything.
func TestOpenAsUserWithoutName(t *testing.T) {
	t.Parallel()
	const stranger = 54321
	if err := checkUser(t.Context(), os.Geteuid()); err != nil {
		t.Errorf("current user: got %v, want no error", err)
	}
	if err := checkUser(t.Context(), stranger); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "uid 54321, which has no entry in /etc/passwd") {
		t.Errorf("user without a name: got %v, want ErrDataDir", err)
	}
	if os.Geteuid() != 0 {
		return // only root can run a program as another user
	}
	dataDir := newDataDir(t)
	must(t, os.Chown(filepath.Dir(dataDir), stranger, stranger))
	p := startProgram(t, programOrder{Config: Config{DataDir: dataDir}}, stranger)
	if p.Owned || !strings.Contains(p.Error, "has no entry in /etc/passwd") || p.Progress != "" {
		t.Errorf("got %+v, want an error before any progress", p.programReport)
	}
	if cached, err := os.ReadDir(filepath.Join(dataDir, "cache")); len(cached) > 0 {
		t.Errorf("files in the cache: %v (error %v), want none", cached, err)
	}
}

func TestRunHelperInvalidInput(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"", "serve\n", "{}"} {
		var stdout, stderr bytes.Buffer
		if code := RunHelper(strings.NewReader(input), &stdout, &stderr); code != 1 || stdout.Len() != 0 || !strings.Contains(stderr.String(), "for the program itself") {
			t.Errorf("input %q: got code %d, stderr %q", input, code, stderr.String())
		}
	}
}

// As root it refuses; other users find no folder.
func TestRunHelperReportsErrors(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := RunHelper(strings.NewReader(`{"data_dir":"/nonexistent/lethe"}`+"\n"), &stdout, &stderr)
	var m message
	must(t, json.Unmarshal(stdout.Bytes(), &m))
	if code != 1 || m.Error == "" || m.Kind != "data_dir" {
		t.Errorf("got code %d and message %+v, want code 1 and kind data_dir", code, m)
	}
}

func TestInstalledVersions(t *testing.T) {
	dir := filepath.Dir(newDataDir(t))
	path := os.Getenv("PATH")
	for _, version := range []string{"14.1", "98.1", "99beta2"} {
		path += ":" + fakeBinaries(t, dir, version) + "/bin"
	}
	t.Setenv("PATH", path)
	var versions []string
	for _, bin := range installed(t.Context()) {
		versions = append(versions, bin.version)
	}
	if len(versions) < 2 || versions[0] != "99beta2" || versions[1] != "98.1" || slices.Contains(versions, "14.1") {
		t.Errorf("got %v, want 99beta2 and 98.1 first and no 14.1", versions)
	}
}
