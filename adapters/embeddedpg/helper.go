package embeddedpg

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"lethe/plainfile"
)

// errStopped means that the helper was told to stop while starting.
var errStopped = errors.New("told to stop")

// RunHelper is the body of HelperCommand. It reads its settings from the first line of
// stdin, runs PostgreSQL until stdin ends or a signal arrives, and reports to Open on
// stdout. It returns the process's exit code.
func RunHelper(stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	signals := make(chan os.Signal, 1)
	// SIGPIPE too, which a report to a killed parent raises.
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	defer func() { signal.Stop(signals); close(signals) }()
	go func() {
		for s := range signals {
			if s != syscall.SIGPIPE {
				cancel(errStopped)
			}
		}
	}()

	h := &helper{out: json.NewEncoder(stdout)}
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &h.set)
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "This command is for the program itself: it expects its settings on standard input.")
		return 1
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel(errStopped)
	}()

	if err := h.run(ctx); err != nil && !errors.Is(err, errStopped) {
		m := message{Error: err.Error()}
		for kind, target := range kinds {
			if errors.Is(err, target) {
				m.Kind = kind
			}
		}
		h.report(m)
		return 1
	}
	return 0
}

type helper struct {
	set      settings
	password string

	mu  sync.Mutex
	out *json.Encoder
}

func (h *helper) report(m message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_ = h.out.Encode(m) // nobody is left to read it on failure
}

func (h *helper) progress(format string, args ...any) {
	h.report(message{Progress: fmt.Sprintf(format, args...)})
}

func (h *helper) cluster() string { return filepath.Join(h.set.DataDir, "cluster") }
func (h *helper) staging() string { return filepath.Join(h.set.DataDir, "initialising") }

// run starts PostgreSQL, reports that it is ready, and returns when it has been stopped
// (nil) or has exited by itself.
func (h *helper) run(ctx context.Context) error {
	if os.Geteuid() == 0 {
		return fmt.Errorf("%w: PostgreSQL refuses to run as root", ErrDataDir)
	}
	// Other users may read the cache, but not write it.
	syscall.Umask(0o022)
	// This process does little: keep its heap small.
	debug.SetGCPercent(25)
	boundFetching()

	unlock, err := lock(lockPath(h.set.DataDir))
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errBusy
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer unlock()
	// A killed helper's state would send others to a server about to stop.
	if err := os.Remove(statePath(h.set.DataDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}

	major, err := clusterMajor(h.set.DataDir, h.cluster())
	if err != nil {
		return err
	}
	// A version mismatch is the better reason to refuse than a missing password, and
	// until then nothing is done to the cluster.
	passwordErr := h.loadPassword(major != 0)
	if err := h.stopLeftOver(filepath.Join(h.staging(), "cluster")); err != nil {
		return err
	}
	if major == 0 {
		if err := checkUser(ctx, os.Geteuid()); err != nil {
			return err
		}
	}
	bin, err := h.prepare(ctx, major)
	if err != nil {
		return err
	}
	if passwordErr != nil {
		return passwordErr
	}
	if err := h.stopLeftOver(h.cluster()); err != nil {
		return err
	}
	h.progress("Starting PostgreSQL %s ...", bin.version)
	pg, url, err := h.start(ctx, bin)
	if err != nil {
		return err
	}
	if err := writeState(h.set.DataDir, state{PID: os.Getpid(), URL: url}); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrDataDir, err), pg.stop())
	}
	h.report(message{URL: url})
	debug.FreeOSMemory()

	select {
	case <-ctx.Done():
		_ = os.Remove(statePath(h.set.DataDir)) // nobody should attach any more
		return pg.stop()
	case <-pg.exited:
		_ = os.Remove(statePath(h.set.DataDir))
		return errors.New("PostgreSQL exited by itself: see postgres.log in the data folder")
	}
}

// boundFetching sets limits for the library's plain http.Get, which has none.
func boundFetching() {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t.ResponseHeaderTimeout = 20 * time.Second
	http.DefaultClient = &http.Client{Transport: t, Timeout: 100 * time.Second}
}

// lock takes the lock on path without waiting. The file stays: removing it would let
// two processes lock two files of one name.
func lock(path string) (unlock func(), err error) {
	f, err := plainfile.Open(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// loadPassword reads the password or makes one. It stores a new one only if there is no
// cluster yet, as a cluster would have another.
func (h *helper) loadPassword(haveCluster bool) error {
	path := filepath.Join(h.set.DataDir, "password")
	b, err := os.ReadFile(path)
	if err == nil && len(b) > 0 {
		h.password = string(b)
		return nil
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	h.password = hex.EncodeToString(secret)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if haveCluster {
		return fmt.Errorf("%w: %s is missing or empty, and the database cannot be opened without it: "+
			"restore it from a backup, or move %s away to start with an empty database", ErrDataDir, path, h.cluster())
	}
	if err := writeFile(path, []byte(h.password)); err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	return nil
}

func writeState(dataDir string, st state) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return writeFile(statePath(dataDir), b)
}

// writeFile writes a file that only we can read, completely or not at all.
func writeFile(path string, data []byte) error {
	tmp := path + ".new"
	f, err := plainfile.Open(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
