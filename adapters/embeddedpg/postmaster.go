package embeddedpg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lethe/plainfile"
)

const (
	// How long each way of stopping may take before a harsher one is tried.
	fastStop      = 20 * time.Second
	immediateStop = 10 * time.Second

	socketPort = 5432 // only part of the socket's name
	// maxSocketPath is the shortest limit of the supported systems (macOS); Linux
	// allows 107.
	maxSocketPath = 103
	maxLogSize    = 10 << 20
)

// postmaster is PostgreSQL's main process, our child.
type postmaster struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// start runs PostgreSQL on the cluster and returns when it answers at url.
func (h *helper) start(ctx context.Context, bin binaries) (*postmaster, string, error) {
	logFile, err := h.openLog()
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer func() { _ = logFile.Close() }()
	// Nobody listens there while we hold the lock, but the process named in the
	// socket's own lock file may seem alive: a zombie, or its number reused.
	for _, suffix := range []string{"", ".lock"} {
		if err := os.Remove(h.socket() + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("%w: %w", ErrDataDir, err)
		}
	}
	for attempt := 1; ; attempt++ {
		begin, _ := logFile.Seek(0, io.SeekEnd)
		url, where, err := h.address()
		if err != nil {
			return nil, "", err
		}
		pg, err := h.spawn(bin, where, logFile)
		if err != nil {
			return nil, "", err
		}
		err = pg.waitReady(ctx, url)
		if err == nil {
			return pg, url, nil
		}
		if !errors.Is(err, errExited) {
			return nil, "", errors.Join(err, pg.stop())
		}
		said := readFrom(logFile.Name(), begin)
		// Both are temporary: processes of a killed PostgreSQL that have not noticed
		// yet, and a port that someone took in between.
		passing := strings.Contains(said, "shared memory block") || strings.Contains(said, "could not create any TCP/IP sockets")
		if !passing || attempt == 5 {
			return nil, "", fmt.Errorf("%w; it said:\n%s", err, said)
		}
		select {
		case <-ctx.Done():
			return nil, "", context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// socket is PostgreSQL's name for its socket in the data folder.
func (h *helper) socket() string {
	return filepath.Join(h.set.DataDir, ".s.PGSQL."+strconv.Itoa(socketPort))
}

// address chooses where to listen: on a socket in the data folder if its name fits,
// otherwise on a loopback port.
func (h *helper) address() (dsn string, options []string, err error) {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, h.password), Path: "/" + database}
	q := url.Values{"sslmode": {"disable"}}
	// The setting is a list: a comma would split the folder's name.
	if len(h.socket()) <= maxSocketPath && !strings.Contains(h.set.DataDir, ",") {
		q.Set("host", h.set.DataDir)
		q.Set("port", strconv.Itoa(socketPort))
		options = []string{"listen_addresses=", "unix_socket_directories=" + h.set.DataDir, "port=" + strconv.Itoa(socketPort)}
	} else {
		port, err := freePort()
		if err != nil {
			return "", nil, err
		}
		u.Host = "127.0.0.1:" + strconv.Itoa(port)
		options = []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "port=" + strconv.Itoa(port)}
	}
	u.RawQuery = q.Encode()
	return u.String(), options, nil
}

func (h *helper) spawn(bin binaries, where []string, logFile *os.File) (*postmaster, error) {
	args := []string{"-D", h.cluster()}
	for _, option := range append(where,
		"unix_socket_permissions=0700",
		"shared_buffers=64MB",
		"max_connections=60",
		"fsync=on",
		"jit=off",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		// Errors quote statements and rows, which hold prompts and answers, and no log
		// may hold these. The client that caused an error still gets it.
		"log_min_messages=log",
		"log_error_verbosity=terse",
		"log_min_error_statement=panic",
	) {
		args = append(args, "-c", option)
	}
	cmd := exec.Command(filepath.Join(bin.path, "bin", "postgres"), args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBinaries, err)
	}
	pg := &postmaster{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(pg.exited)
	}()
	return pg, nil
}

var errExited = errors.New("PostgreSQL exited while starting")

// waitReady returns nil once a connection to url works.
func (pg *postmaster) waitReady(ctx context.Context, url string) error {
	for {
		err := ping(ctx, url)
		if err == nil {
			return nil
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			switch refused.Code {
			case "28P01", "28000":
				return fmt.Errorf("%w: the password file in the data folder is not this database's: restore it from a backup", ErrDataDir)
			case "3D000":
				return fmt.Errorf("%w: the database %q has been dropped: restore it, or move the folder cluster away to start with an empty database", ErrDataDir, database)
			}
		}
		select {
		case <-pg.exited:
			return errExited
		default:
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// stop ends PostgreSQL in order or, if that takes too long, at once.
func (pg *postmaster) stop() error {
	for _, way := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, fastStop}, {syscall.SIGQUIT, immediateStop}, {syscall.SIGKILL, immediateStop}} {
		_ = pg.cmd.Process.Signal(way.signal)
		select {
		case <-pg.exited:
			return nil
		case <-time.After(way.wait):
		}
	}
	return fmt.Errorf("PostgreSQL (process %d) did not exit in time", pg.cmd.Process.Pid)
}

// stopLeftOver ends the PostgreSQL that a killed helper left on the cluster, and makes
// sure that a stale postmaster.pid does not prevent a start.
func (h *helper) stopLeftOver(cluster string) error {
	path := filepath.Join(cluster, "postmaster.pid")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	first, rest, _ := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
	if err != nil || pid <= 1 {
		// Truncated by a crash: PostgreSQL would refuse it, and it is useless.
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("%w: %w", ErrDataDir, err)
		}
		return nil
	}
	if !isPostgresOn(pid, cluster) {
		if syscall.Kill(pid, 0) == nil {
			// The number belongs to another process by now, which PostgreSQL would take
			// for itself. It ignores its parent's number (ours). The other lines stay:
			// by them it finds memory still in use.
			renumbered := append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...)
			if err := writeFile(path, renumbered); err != nil {
				return fmt.Errorf("%w: %w", ErrDataDir, err)
			}
		}
		return nil
	}
	h.progress("Stopping PostgreSQL (process %d), left by an earlier run ...", pid)
	for _, way := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, fastStop}, {syscall.SIGQUIT, immediateStop}} {
		_ = syscall.Kill(pid, way.signal)
		for deadline := time.Now().Add(way.wait); time.Now().Before(deadline); time.Sleep(pollInterval) {
			if !isPostgresOn(pid, cluster) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: PostgreSQL (process %d), left by an earlier run on %s, does not stop: stop it by hand", ErrDataDir, pid, cluster)
}

// isPostgresOn reports whether process pid is a PostgreSQL that runs on the cluster:
// its program has that name and its working folder is the cluster. Without /proc it
// cannot tell, and returns false.
func isPostgresOn(pid int, cluster string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	command, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return false
	}
	program, _, _ := bytes.Cut(command, []byte{0})
	if name := filepath.Base(string(program)); name != "postgres" && name != "postmaster" {
		return false
	}
	cwd, err := os.Stat(filepath.Join(proc, "cwd"))
	if err != nil {
		return false
	}
	dir, err := os.Stat(cluster)
	return err == nil && os.SameFile(cwd, dir)
}

// openLog opens PostgreSQL's log, and starts a new one if it has grown large.
func (h *helper) openLog() (*os.File, error) {
	path := filepath.Join(h.set.DataDir, "postgres.log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogSize {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return plainfile.Open(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// readFrom returns the content of path from offset on.
func readFrom(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.NewSectionReader(f, offset, 1<<20))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}
