package embeddedpg

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// openHome opens a database as a program does that keeps files beside it.
func openHome(t *testing.T, home string) (srv *Server, dataDir string) {
	t.Helper()
	dataDir, err := PrepareHome(home)
	must(t, err)
	return open(t, Config{DataDir: dataDir}), dataDir
}

// TestHomeIsOurs: the user as whom PostgreSQL runs can neither read, replace nor
// add anything beside its own folder.
func TestHomeIsOurs(t *testing.T) {
	t.Parallel()
	home := newDataDir(t)
	srv, dataDir := openHome(t, home)
	as := childIdentity()
	if uid, err := owner(home); err != nil || int(uid) != os.Geteuid() {
		t.Errorf("the folder belongs to %d, %v", uid, err)
	}
	must(t, filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // PostgreSQL is at work
		}
		if inside := strings.HasPrefix(path+"/", dataDir+"/"); !inside && path != home {
			t.Errorf("beside the database's folder is %s", path)
		}
		return err
	}))
	if uid, err := owner(dataDir); err != nil || uid != as.uid {
		t.Errorf("the database's folder belongs to %d, %v", uid, err)
	}
	exec1(t, srv.URL(), "CREATE TABLE kept AS SELECT 'here' AS word")
	if !as.switched {
		return
	}
	key := filepath.Join(home, "erasure.key")
	must(t, os.WriteFile(key, []byte("secret"), 0o600))
	for _, attack := range []string{
		"cat " + key, "mv " + key + " " + key + ".away", "rm -f " + key, "ln -s /etc/passwd " + home + "/erasure.checkpoint.new",
		"ls " + home, "mv " + dataDir + " " + dataDir + ".away", "echo x >" + home + "/erasure.checkpoint.lock", "chmod 777 " + home,
	} {
		cmd := exec.Command("sh", "-c", attack)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: as.uid, Gid: as.gid}}
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("uid %d may %s: %s", as.uid, attack, out)
		}
	}
	if b, err := os.ReadFile(key); err != nil || string(b) != "secret" {
		t.Errorf("the key is %q, %v", b, err)
	}
}

// TestFormerHome: a folder from before the database had its own is put in order,
// with all that is in it.
func TestFormerHome(t *testing.T) {
	t.Parallel()
	home := newDataDir(t)
	srv := open(t, Config{DataDir: home})
	exec1(t, srv.URL(), "CREATE TABLE kept AS SELECT 'here' AS word")
	if _, err := PrepareHome(home); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("while it runs: %v", err)
	}
	stop(t, srv)
	must(t, os.WriteFile(filepath.Join(home, "erasure.key"), []byte("secret"), 0o600))

	// It was broken off after the first of it.
	first, err := PrepareHome(home)
	must(t, err)
	must(t, os.Rename(filepath.Join(first, "cluster"), filepath.Join(home, "cluster")))

	srv, dataDir := openHome(t, home)
	if got := query(t, srv.URL(), "SELECT word FROM kept"); got != "here" || dataDir != first {
		t.Errorf("kept %q in %s", got, dataDir)
	}
	if uid, err := owner(home); err != nil || int(uid) != os.Geteuid() {
		t.Errorf("the folder belongs to %d, %v", uid, err)
	}
	entries, err := os.ReadDir(home)
	must(t, err)
	if len(entries) != 2 {
		t.Errorf("in the folder are %v", entries)
	}
}

func TestUnusableHomes(t *testing.T) {
	t.Parallel()
	we := identity{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	them := identity{uid: we.uid + 1, gid: we.gid + 1, switched: true}
	if _, err := PrepareHome(""); !errors.Is(err, ErrDataDir) {
		t.Errorf("none: %v", err)
	}
	for name, c := range map[string]struct {
		we   identity
		mode fs.FileMode
		want string
	}{
		"open to all":            {we, 0o777, "run chmod go-w"},
		"open to a group":        {identity{uid: we.uid, gid: we.gid + 7}, 0o775, "run chmod go-w"},
		"another's":              {identity{uid: we.uid + 7, gid: we.gid}, 0o755, "choose another folder, or, if it is the service's, run chown"},
		"that cannot be entered": {we, 0o700, "cannot be entered by uid"},
	} {
		home := newDataDir(t)
		must(t, os.Mkdir(home, 0o755))
		must(t, os.WriteFile(filepath.Join(home, "notes"), nil, 0o600))
		must(t, os.Chmod(home, c.mode))
		dataDir, err := prepareHome(home, c.we, them)
		if err == nil {
			_, err = prepareFolders(Config{DataDir: dataDir}, them)
		}
		if !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	home := newDataDir(t)
	must(t, os.Mkdir(home, 0o755))
	if _, err := prepareHome(home, identity{uid: we.uid + 7}, identity{uid: we.uid + 7}); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "run as that user") {
		t.Errorf("an ordinary user in another's: %v", err)
	}
}

// TestForeignServer: whoever writes into the database's folder leads us nowhere
// else, and to no other file.
func TestForeignServer(t *testing.T) {
	t.Parallel()
	dataDir := newDataDir(t)
	must(t, os.Mkdir(dataDir, 0o700))
	good := "postgres://lethe:p@/lethe?sslmode=disable&port=5432&host=" + dataDir
	for text, want := range map[string]bool{
		good: true, "postgres://lethe:p@127.0.0.1:4711/lethe?sslmode=disable": true,
		good + "&passfile=/root/.pgpass": false, "postgres://lethe:p@/lethe?sslmode=disable&port=5432&host=/tmp": false,
		"postgres://lethe:p@192.0.2.1:5432/lethe?sslmode=disable": false, "postgres://lethe@127.0.0.1:4711/lethe?sslmode=disable": false,
		"postgres://other:p@127.0.0.1:4711/lethe?sslmode=disable": false, "postgres://lethe:p@127.0.0.1:4711/other?sslmode=disable": false,
		"postgres://lethe:p@127.0.0.1:4711/lethe?sslmode=require&sslkey=/root/key": false, "postgres://lethe:p@127.0.0.1,db:1/lethe?sslmode=disable": false, "://": false, "": false,
	} {
		must(t, writeState(dataDir, state{PID: 1, URL: text}))
		if _, ok := readState(dataDir); ok != want {
			t.Errorf("%s: %v", text, ok)
		}
	}
	must(t, writeState(dataDir, state{PID: 1, URL: good}))
	must(t, os.Rename(statePath(dataDir), statePath(dataDir)+".there"))
	must(t, os.Symlink(statePath(dataDir)+".there", statePath(dataDir)))
	if _, ok := readState(dataDir); ok {
		t.Error("it is read through a link")
	}
	must(t, os.Symlink("server.json", lockPath(dataDir)))
	if _, err := attach(context.Background(), dataDir); !errors.Is(err, ErrDataDir) {
		t.Errorf("a lock that is a link: %v", err)
	}
}
