// Package embeddedpg runs PostgreSQL for the program alone: it is fetched once, started
// with the program and stopped with it.
//
// PostgreSQL refuses to run as root and outlives a program that is killed, so a helper
// runs it: the program starts itself again with HelperCommand, as an unprivileged user
// if it is root. The helper holds a lock on the data folder while it lives, and stops
// PostgreSQL when its standard input ends, which happens however the program ends.
//
// A program that keeps files of its own beside the database has the data folder in its
// own folder, as PrepareHome says: PostgreSQL's user owns nothing else.
//
// The data folder holds:
//
//	cluster/       PostgreSQL's data directory
//	cache/         fetched binaries, unless Config.CacheDir is set
//	password       the database password, made once
//	lock           held by the helper
//	server.json    where the running server can be reached
//	postgres.log   PostgreSQL's log
//	initialising/  a cluster that is being made
//
// [Open] returns a [Server], which another process may have started; [Config] says where
// its files and binaries are.
package embeddedpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// HelperCommand is the hidden command for which the program has to call RunHelper.
const HelperCommand = "embedded-postgres-helper"

// Errors that Open returns, wrapped in a message that says what to do.
var (
	// ErrVersionMismatch means that another major version of PostgreSQL has written the
	// data, which are left untouched.
	ErrVersionMismatch = errors.New("data of another PostgreSQL version")
	// ErrDataDir means that the data folder cannot be used as it is.
	ErrDataDir = errors.New("data folder not usable")
	// ErrNoBinaries means that PostgreSQL could neither be fetched nor found.
	ErrNoBinaries = errors.New("no PostgreSQL to run")
)

const (
	// openTimeout bounds Open, including fetching, if the caller does not.
	openTimeout = 2 * time.Minute
	// cancelGrace is how long a helper that was told to stop while starting may take
	// before it is killed.
	cancelGrace = 45 * time.Second
	// pollInterval is the pause between two looks at another process's progress.
	pollInterval = 50 * time.Millisecond
)

// Config says where the server keeps its files and where its binaries come from.
type Config struct {
	// DataDir is the folder for everything; it is made if missing. For root it must be
	// reachable by an unprivileged user (uid 65534).
	DataDir string
	// CacheDir holds fetched binaries and may be shared by several data folders. Empty:
	// the folder cache in DataDir.
	CacheDir string
	// BinariesPath is an installed PostgreSQL to use instead of a fetched one, such as
	// /usr/lib/postgresql/17. Empty: fetch or, if that fails, use the newest installed
	// one of version 15 or later.
	BinariesPath string
	// Progress receives a line for each step that takes time; nil: none.
	Progress io.Writer
}

// Server is a running PostgreSQL, started by this process or by another one.
type Server struct {
	url   string
	owned bool
	// stop tells the server (or, if attached, the watch on it) to end.
	stop func()
	once sync.Once
	done chan struct{}
}

// Open returns the server on cfg.DataDir: one that another process runs, or a new one.
// It takes at most two minutes, or until ctx's deadline if it has one. When ctx ends,
// Open stops what it has started. Errors: ErrVersionMismatch, ErrDataDir,
// ErrNoBinaries, that of ctx, or another that says why PostgreSQL did not start.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, openTimeout,
			fmt.Errorf("not ready after %s: look at postgres.log in the data folder, or at the network if it was still fetching", openTimeout))
		defer cancel()
	}
	as := childIdentity()
	set, err := prepareFolders(cfg, as)
	if err != nil {
		return nil, fmt.Errorf("embedded PostgreSQL: %w", err)
	}
	for {
		srv, err := attach(ctx, set.DataDir)
		if err == nil && srv == nil {
			var cmd *exec.Cmd
			if cmd, err = helperCmd(set.DataDir, as); err == nil {
				srv, err = launch(ctx, cmd, set, cfg.Progress)
			}
		}
		switch {
		case err == nil:
			return srv, nil
		case !errors.Is(err, errBusy):
			return nil, fmt.Errorf("embedded PostgreSQL: %w", err)
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("embedded PostgreSQL: %w", err)
		}
	}
}

// URL is the connection string of the database "lethe"; it holds the password.
func (s *Server) URL() string { return s.url }

// Owned reports whether this process started the server, so that Stop ends it.
func (s *Server) Owned() bool { return s.owned }

// Done is closed when the server is gone, stopped or not.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends an owned server and returns when it is gone; it only detaches from another
// process's server. It may be called again. If ctx ends first, Stop returns its error,
// and the server goes on stopping.
func (s *Server) Stop(ctx context.Context) error {
	s.once.Do(s.stop)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("embedded PostgreSQL is still stopping: %w", context.Cause(ctx))
	}
}

// pause waits one poll interval, or returns why ctx ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pollInterval):
		return nil
	}
}
