package embeddedpg

import (
	"bytes"
	"context"
	"encoding/json"
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
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/plainfile"
)

// errBusy means that another helper holds the lock.
var errBusy = errors.New("another process is using the data folder")

// message is one line of the helper's output. Exactly one field is set, except that
// Kind accompanies Error.
type message struct {
	Progress string `json:"progress,omitempty"`
	URL      string `json:"url,omitempty"` // ready
	Error    string `json:"error,omitempty"`
	Kind     string `json:"kind,omitempty"`
}

// kinds names the errors that keep their identity on the way from the helper.
var kinds = map[string]error{
	"version":  ErrVersionMismatch,
	"data_dir": ErrDataDir,
	"binaries": ErrNoBinaries,
	"busy":     errBusy,
}

// helperError is an error as the helper reported it.
type helperError struct {
	text string
	kind error
}

func (e *helperError) Error() string { return e.text }
func (e *helperError) Unwrap() error { return e.kind }

// state is the content of server.json while a server is ready.
type state struct {
	PID int    `json:"pid"` // the helper's; makes each run's state different
	URL string `json:"url"`
}

func statePath(dataDir string) string { return filepath.Join(dataDir, "server.json") }
func lockPath(dataDir string) string  { return filepath.Join(dataDir, "lock") }

// attach returns the server that another process runs on dataDir once it answers, nil
// if nobody holds the lock.
func attach(ctx context.Context, dataDir string) (*Server, error) {
	for {
		held, err := lockHeld(dataDir)
		if err != nil || !held {
			return nil, err
		}
		if st, ok := readState(dataDir); ok && ping(ctx, st.URL) == nil {
			// Read again: a helper that has just taken the lock removes the state of a
			// killed one, and this may have been that state.
			if now, ok := readState(dataDir); ok && now == st {
				return watch(dataDir, st), nil
			}
		}
		if err := pause(ctx); err != nil {
			return nil, fmt.Errorf("%w; another process holds the lock %s, but no database answers: `fuser -v %[2]s` shows that process", err, lockPath(dataDir))
		}
	}
}

// watch makes a Server of one that another process runs.
func watch(dataDir string, st state) *Server {
	quit := make(chan struct{})
	srv := &Server{url: st.URL, done: make(chan struct{}), stop: func() { close(quit) }}
	go func() {
		defer close(srv.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			held, err := lockHeld(dataDir)
			if now, ok := readState(dataDir); err != nil || !held || !ok || now != st {
				return
			}
		}
	}()
	return srv
}

// lockHeld reports whether a helper is running on dataDir.
func lockHeld(dataDir string) (bool, error) {
	f, err := plainfile.Open(lockPath(dataDir), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer func() { _ = f.Close() }()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: cannot lock %s: %w", ErrDataDir, f.Name(), err)
	}
	return false, nil
}

func readState(dataDir string) (state, bool) {
	var st state
	f, err := plainfile.Open(statePath(dataDir), os.O_RDONLY, 0)
	if err != nil {
		return st, false
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxState))
	return st, err == nil && json.Unmarshal(b, &st) == nil && isOurs(dataDir, st.URL)
}

// maxState is more than server.json needs, in bytes.
const maxState = 64 << 10

// isOurs reports whether a URL can come from a helper on this folder. The helper is
// another user if this process is root: its URL may lead to its own server only, and to
// no file.
func isOurs(dataDir, text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" || u.User.Username() != role || u.Path != "/"+database || u.Fragment != "" {
		return false
	}
	if password, _ := u.User.Password(); password == "" {
		return false
	}
	q := u.Query()
	if u.Host == "" {
		return len(q) == 3 && q.Get("sslmode") == "disable" && q.Get("host") == dataDir && q.Get("port") == strconv.Itoa(socketPort)
	}
	return u.Hostname() == "127.0.0.1" && len(q) == 1 && q.Get("sslmode") == "disable"
}

// ping connects to url once.
func ping(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return conn.Ping(ctx)
}

// launch runs the helper cmd and returns when its server is ready. It fails with
// errBusy if another helper was quicker.
func launch(ctx context.Context, cmd *exec.Cmd, set settings, progress io.Writer) (*Server, error) {
	first, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	var stderr capture
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w (the program's file must be executable by everyone: run chmod o+rx on it)", err)
		}
		return nil, fmt.Errorf("run the helper: %w", err)
	}

	srv := &Server{owned: true, done: make(chan struct{}), stop: func() { _ = stdin.Close() }}
	messages := make(chan message)
	go func() {
		defer close(srv.done)
		dec := json.NewDecoder(stdout)
		for {
			var m message
			if dec.Decode(&m) != nil {
				break
			}
			messages <- m
		}
		close(messages)
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	}()
	// abandon ends the helper and all that it has started, and lets the reader end.
	abandon := func() {
		srv.once.Do(srv.stop)
		kill := time.AfterFunc(cancelGrace, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		for range messages {
		}
		<-srv.done
	}
	if _, err := stdin.Write(append(first, '\n')); err != nil {
		abandon()
		return nil, fmt.Errorf("the helper exited at once: %w%s", err, stderr.said())
	}
	for {
		select {
		case <-ctx.Done():
			abandon()
			return nil, context.Cause(ctx)
		case m, ok := <-messages:
			switch {
			case !ok:
				abandon()
				return nil, fmt.Errorf("the helper exited before the server was ready: %s%s", cmd.ProcessState, stderr.said())
			case m.Error != "":
				abandon()
				return nil, &helperError{text: m.Error, kind: kinds[m.Kind]}
			case m.URL != "" && !isOurs(set.DataDir, m.URL):
				abandon()
				return nil, errors.New("the helper reported a server that is not its own")
			case m.URL != "":
				srv.url = m.URL
				go func() {
					for range messages {
					}
				}()
				return srv, nil
			case m.Progress != "" && progress != nil:
				_, _ = fmt.Fprintln(progress, m.Progress)
			}
		}
	}
}

// helperCmd runs this program again, with HelperCommand.
func helperCmd(dataDir string, as identity) (*exec.Cmd, error) {
	// The link needs no access to the folders above the program, which for root are
	// often closed to others (/root, a build's temporary folder).
	self := "/proc/self/exe"
	if _, err := os.Stat(self); err != nil {
		if self, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("find the program's own file: %w", err)
		}
	}
	cmd := exec.Command(self, HelperCommand)
	cmd.Args[0] = os.Args[0]
	cmd.Dir = dataDir // accessible to that user
	cmd.Env = helperEnv(dataDir)
	// A group of its own: Ctrl-C goes to the program, which then stops the helper.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if as.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: as.uid, Gid: as.gid}
	}
	cmd.WaitDelay = 5 * time.Second
	return cmd, nil
}

// helperEnv passes on only what fetching and running need: neither the program's
// secrets nor PGOPTIONS and the like.
func helperEnv(dataDir string) []string {
	env := []string{"HOME=" + dataDir, "LC_ALL=C"}
	for _, name := range []string{
		"PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "GOCOVERDIR",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// capture keeps the start of what is written to it; it is safe for one writer and a
// reader.
type capture struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *capture) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// said returns what was written, for appending to an error's text.
func (t *capture) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := strings.TrimSpace(t.buf.String()); s != "" {
		return "; it said: " + s
	}
	return ""
}
