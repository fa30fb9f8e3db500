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

// openHome opens a database as a program does that keeps its files beside it.
func openHome(t *testing.T, home string) (srv *Server, dataDir string) {
	t.Helper()
	dataDir, err := PrepareHome(home)
	must(t, err)
	return open(t, Config{DataDir: dataDir}), dataDir
}

// TestHomePermissions: the user that runs PostgreSQL can neither read, replace nor add
// anything outside of its own folder.
func TestHomePermissions(t *testing.T) {
	t.Parallel()
	home := newDataDir(t)
	srv, dataDir := openHome(t, home)
	as := childIdentity()
	if uid, err := owner(home); err != nil || int(uid) != os.Geteuid() {
		t.Errorf("the home folder belongs to uid %d (error %v), want the current user", uid, err)
	}
	must(t, filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // PostgreSQL removed it meanwhile
		}
		if inside := strings.HasPrefix(path+"/", dataDir+"/"); !inside && path != home {
			t.Errorf("unexpected file outside of the database's folder: %s", path)
		}
		return err
	}))
	if uid, err := owner(dataDir); err != nil || uid != as.uid {
		t.Errorf("the database's folder belongs to uid %d (error %v), want PostgreSQL's user", uid, err)
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
			t.Errorf("uid %d was able to %s: %s", as.uid, attack, out)
		}
	}
	if b, err := os.ReadFile(key); err != nil || string(b) != "secret" {
		t.Errorf("key: got %q (error %v), want it unchanged", b, err)
	}
}

// TestPrepareHomeOldLayout: a folder in the layout from before the database had a folder of
// its own is refused with instructions, and left unchanged.
func TestPrepareHomeOldLayout(t *testing.T) {
	t.Parallel()
	home := newDataDir(t)
	must(t, os.MkdirAll(filepath.Join(home, "cluster"), 0o700))
	before := snapshot(t, home)
	if _, err := PrepareHome(home); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "start anew with rm -r "+home) {
		t.Errorf("got %v, want ErrDataDir with instructions", err)
	}
	if after := snapshot(t, home); after != before {
		t.Errorf("the folder changed, before:\n%s\nafter:\n%s", before, after)
	}
}

// TestPrepareHomeReplacedFolder: something else may stand in the place of the database's
// folder. Nothing outside of it changes owner.
func TestPrepareHomeReplacedFolder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(path, victim string) error
		want  string
	}{
		"a link to a folder":        {func(path, victim string) error { return os.Symlink(victim, path) }, "is a link"},
		"a dangling link":           {func(path, victim string) error { return os.Symlink(filepath.Join(victim, "new"), path) }, "is a link"},
		"a link within":             {func(path, _ string) error { return os.Symlink("notes", path) }, "is a link"},
		"a pipe":                    {func(path, _ string) error { return syscall.Mkfifo(path, 0o666) }, "is not a folder"},
		"a file":                    {func(path, _ string) error { return os.WriteFile(path, nil, 0o600) }, "is not a folder"},
		"our own folder, not empty": {func(path, _ string) error { return os.MkdirAll(filepath.Join(path, "ours"), 0o755) }, "belongs to uid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "our own folder, not empty" && !childIdentity().switched {
				return // this one is allowed
			}
			home := newDataDir(t)
			victim := filepath.Join(filepath.Dir(home), "victim")
			must(t, os.MkdirAll(filepath.Join(home, "notes"), 0o755))
			must(t, os.Chmod(home, 0o711))
			must(t, os.Mkdir(victim, 0o755))
			must(t, c.plant(filepath.Join(home, databaseFolder), victim))
			before := snapshot(t, filepath.Dir(home))
			_, err := PrepareHome(home)
			if !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Join(home, databaseFolder)) {
				t.Errorf("got %v, want ErrDataDir naming the folder", err)
			}
			if uid, err := owner(victim); err != nil || int(uid) != os.Geteuid() {
				t.Errorf("the victim belongs to uid %d (error %v), want the current user", uid, err)
			}
			if after := snapshot(t, filepath.Dir(home)); after != before {
				t.Errorf("the folder changed, before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// TestPrepareHomeForeignFiles: a file that PostgreSQL's user put beside the database is
// refused by name, whatever it is, until it is removed.
func TestPrepareHomeForeignFiles(t *testing.T) {
	t.Parallel()
	as := childIdentity()
	if !as.switched {
		return // there is no such user
	}
	for name, plant := range map[string]func(path string) error{
		"erasure.checkpoint":      func(path string) error { return os.WriteFile(path, []byte("forged"), 0o600) },
		"erasure.checkpoint.lock": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"erasure.checkpoint.new":  func(path string) error { return os.Mkdir(path, 0o755) },
		"erasure.key":             func(path string) error { return os.Symlink("/etc/passwd", path) },
		"anything":                func(path string) error { return os.WriteFile(path, nil, 0o666) },
	} {
		home := newDataDir(t)
		must(t, os.Mkdir(home, 0o711))
		path := filepath.Join(home, name)
		must(t, plant(path))
		must(t, os.Lchown(path, int(as.uid), int(as.gid)))
		for range 2 { // again at the next start
			if _, err := PrepareHome(home); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away") {
				t.Errorf("%s: got %v, want ErrDataDir naming the file", name, err)
			}
		}
		must(t, os.Remove(path))
		if _, err := PrepareHome(home); err != nil {
			t.Errorf("%s removed: got %v, want no error", name, err)
		}
	}
}

// TestPrepareFoldersForeignFolder: only the current user's folder is given to
// PostgreSQL's user, not another user's empty folder.
func TestPrepareFoldersForeignFolder(t *testing.T) {
	t.Parallel()
	as := childIdentity()
	if !as.switched {
		return // no folder changes owner
	}
	folder := newDataDir(t)
	must(t, os.Mkdir(folder, 0o755))
	must(t, os.Chown(folder, 4711, 4711))
	if _, err := prepareFolders(Config{DataDir: folder}, as); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "belongs to uid 4711") {
		t.Errorf("got %v, want ErrDataDir", err)
	}
	if uid, err := owner(folder); err != nil || uid != 4711 {
		t.Errorf("the folder belongs to uid %d (error %v), want 4711", uid, err)
	}
}

func TestPrepareHomeUnusable(t *testing.T) {
	t.Parallel()
	we := identity{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	them := identity{uid: we.uid + 1, gid: we.gid + 1, switched: true}
	if _, err := PrepareHome(""); !errors.Is(err, ErrDataDir) {
		t.Errorf("no folder given: got %v, want ErrDataDir", err)
	}
	for name, c := range map[string]struct {
		we   identity
		mode fs.FileMode
		want string
	}{
		"writable by all":     {we, 0o777, "run chmod go-w"},
		"writable by a group": {identity{uid: we.uid, gid: we.gid + 7}, 0o775, "run chmod go-w"},
		"another's":           {identity{uid: we.uid + 7, gid: we.gid}, 0o755, "choose another folder or, if it is the service's, run chown"},
		"not enterable":       {we, 0o700, "cannot be entered by uid"},
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
			t.Errorf("%s: got %v, want ErrDataDir", name, err)
		}
	}
	home := newDataDir(t)
	must(t, os.Mkdir(home, 0o755))
	if _, err := prepareHome(home, identity{uid: we.uid + 7}, identity{uid: we.uid + 7}); !errors.Is(err, ErrDataDir) || !strings.Contains(err.Error(), "run as that user") {
		t.Errorf("ordinary user in another user's folder: got %v, want ErrDataDir", err)
	}
}

// TestReadStateForeignServer: what others write into the database's folder leads neither to
// another server nor to another file.
func TestReadStateForeignServer(t *testing.T) {
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
			t.Errorf("%s: accepted %v, want the opposite", text, ok)
		}
	}
	must(t, writeState(dataDir, state{PID: 1, URL: good}))
	must(t, os.Rename(statePath(dataDir), statePath(dataDir)+".there"))
	must(t, os.Symlink(statePath(dataDir)+".there", statePath(dataDir)))
	if _, ok := readState(dataDir); ok {
		t.Error("server.json was read through a link")
	}
	must(t, os.Symlink("server.json", lockPath(dataDir)))
	if _, err := attach(context.Background(), dataDir); !errors.Is(err, ErrDataDir) {
		t.Errorf("lock is a link: got %v, want ErrDataDir", err)
	}
}

func owner(path string) (uint32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return uidOf(info), nil
}
