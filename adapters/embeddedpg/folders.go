package embeddedpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// nobody is the user and group that PostgreSQL runs as if this process is root.
const nobody = 65534

// settings is the first line of the helper's input.
type settings struct {
	DataDir      string `json:"data_dir"`
	CacheDir     string `json:"cache_dir"`
	BinariesPath string `json:"binaries_path,omitempty"`
}

// identity is the user that the helper runs as.
type identity struct {
	uid, gid uint32
	// switched is true if that user is not this process's.
	switched bool
}

func childIdentity() identity {
	if os.Geteuid() == 0 {
		return identity{uid: nobody, gid: nobody, switched: true}
	}
	return identity{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
}

// prepareFolders makes the missing folders of cfg, owned by as, and refuses those that
// as could not use.
func prepareFolders(cfg Config, as identity) (settings, error) {
	var set settings
	if cfg.DataDir == "" {
		return set, fmt.Errorf("%w: no folder given", ErrDataDir)
	}
	var err error
	if set.DataDir, err = prepareFolder(cfg.DataDir, 0o700, as); err != nil {
		return set, err
	}
	info, err := os.Lstat(set.DataDir)
	if err != nil {
		return set, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if err := checkOwner(set.DataDir, info, as); err != nil {
		return set, err
	}
	set.CacheDir = filepath.Join(set.DataDir, "cache")
	if cfg.CacheDir != "" {
		if set.CacheDir, err = prepareFolder(cfg.CacheDir, 0o755, as); err != nil {
			return set, err
		}
	}
	if cfg.BinariesPath != "" {
		if set.BinariesPath, err = filepath.Abs(cfg.BinariesPath); err != nil {
			return set, err
		}
		if err := errors.Join(checkName(set.BinariesPath), checkPath(set.BinariesPath, as)); err != nil {
			return set, err
		}
	}
	return set, nil
}

const (
	// databaseFolder is the database's folder in a program's folder.
	databaseFolder = "postgres"
	// formerCluster is where the cluster was before that.
	formerCluster = "cluster"
)

// PrepareHome makes the folder of a program that keeps files of its own beside the
// database, and returns the DataDir to use: a folder in it. If PostgreSQL runs as
// another user than this process, that user can neither read nor replace anything
// beside the DataDir.
func PrepareHome(dir string) (dataDir string, err error) {
	if dir == "" {
		return "", fmt.Errorf("%w: no folder given", ErrDataDir)
	}
	return prepareHome(dir, identity{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}, childIdentity())
}

func prepareHome(dir string, we, as identity) (dataDir string, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := checkPath(nearest(filepath.Dir(abs)), as); err != nil {
		return "", err
	}
	mode := fs.FileMode(0o700)
	if as.switched {
		mode = 0o711 // the database's user passes through, and cannot list it
	}
	home, err := prepareFolder(abs, mode, we)
	if err != nil {
		return "", err
	}
	// Use this handle from here on: the folder's former owner could swap what a name
	// leads to until the folder is taken.
	root, err := os.OpenRoot(home)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Lstat(formerCluster); err == nil {
		return "", fmt.Errorf("%w: %s holds a database of before the first release, which this version does not read: choose another folder, or stop what runs on this one and start anew with rm -r %s", ErrDataDir, home, home)
	}
	if err := takeHome(root, mode, we, as); err != nil {
		return "", err
	}
	if err := refuseTheirs(root, as); err != nil {
		return "", err
	}
	// Check before giving that user anything, who could not use it.
	if err := checkPath(home, as); err != nil {
		return "", err
	}
	data, err := databaseFolderIn(root, as)
	if err != nil {
		return "", err
	}
	return filepath.Join(home, databaseFolder), data.Close()
}

// nearest returns the folder itself, or the nearest one above it that exists.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// takeHome makes sure that only we can write in a folder.
func takeHome(root *os.Root, mode fs.FileMode, we, as identity) error {
	home := root.Name()
	f, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if named, err := os.Lstat(home); err != nil || !os.SameFile(named, info) {
		return cmp.Or(err, fmt.Errorf("%w: %s was exchanged while it was opened: other users may write to the folder that it lies in", ErrDataDir, home))
	}
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	switch {
	case stat.Uid == we.uid:
		if writable := info.Mode().Perm() & 0o022; writable&0o002 != 0 || writable != 0 && stat.Gid != we.gid {
			return fmt.Errorf("%w: other users may write to %s, and so put their own files in the place of the service's: run chmod go-w %s", ErrDataDir, home, home)
		}
		if len(names) > 0 || !as.switched || canEnter(home, as) {
			return nil
		}
	case as.switched && stat.Uid == as.uid && len(names) == 0: // it was given to that user for this
		if err := f.Chown(int(we.uid), int(we.gid)); err != nil {
			return fmt.Errorf("%w: %w", ErrDataDir, err)
		}
	case as.switched:
		return fmt.Errorf("%w: %s belongs to uid %d, who could put other files in the place of the service's: choose another folder, or, if it is the service's, run chown %d:%d %s",
			ErrDataDir, home, stat.Uid, we.uid, we.gid, home)
	default:
		return fmt.Errorf("%w: %s belongs to uid %d and this is uid %d: run as that user, or choose another folder", ErrDataDir, home, stat.Uid, we.uid)
	}
	if err := f.Chmod(mode); err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	return nil
}

// refuseTheirs refuses anything in our folder beside the database that the database's
// user owns: that user could change it at any time. The service gives that user nothing
// there, so somebody put it there, or the whole folder was given away.
func refuseTheirs(root *os.Root, as identity) error {
	if !as.switched {
		return nil
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	for _, entry := range entries {
		if entry.Name() == databaseFolder {
			continue
		}
		info, err := root.Lstat(entry.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDataDir, err)
		}
		if uid := uidOf(info); uid == as.uid {
			return fmt.Errorf("%w: %s belongs to uid %d, as which PostgreSQL runs and who may have put it there: look at it and move it away, and where the service needs it, put your own copy in its place, "+
				"as a new file: another owner is not enough for one that is open", ErrDataDir, filepath.Join(root.Name(), entry.Name()), uid)
		}
	}
	return nil
}

// databaseFolderIn opens the database's folder in ours. It makes a missing one, and
// never follows a link.
func databaseFolderIn(root *os.Root, as identity) (*os.File, error) {
	path := filepath.Join(root.Name(), databaseFolder)
	made := root.Mkdir(databaseFolder, 0o700)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %w", ErrDataDir, made)
	}
	named, err := root.Lstat(databaseFolder)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDataDir, err)
	case named.Mode().Type() == fs.ModeSymlink:
		return nil, fmt.Errorf("%w: %s is a link, and could lead the database's user into any folder: look where it leads and take it away, and move the database's folder there itself, or have all of data_dir elsewhere", ErrDataDir, path)
	case !named.IsDir():
		return nil, fmt.Errorf("%w: %s is no folder: look at it and move it away", ErrDataDir, path)
	case !as.switched:
		if err := checkOwner(path, named, as); err != nil {
			return nil, err // that says more than that it cannot be opened
		}
	}
	f, err := root.OpenFile(databaseFolder, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrDataDir, err)
	case !os.SameFile(named, info):
		err = fmt.Errorf("%w: %s was exchanged while it was opened", ErrDataDir, path)
	case made == nil:
		err = f.Chmod(0o700) // whatever the umask
	}
	if err == nil && as.switched {
		err = giveEmpty(f, as)
	}
	if err == nil {
		if info, err = f.Stat(); err == nil {
			err = checkOwner(path, info, as)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// prepareFolder returns the real path of dir. It makes a missing folder with mode and
// gives it to as, and also gives an empty one of ours to as. Missing parents are made
// so that everyone can pass.
func prepareFolder(dir string, mode fs.FileMode, as identity) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := checkName(abs); err != nil {
		return "", err
	}
	var missing []string
	there := abs
	for {
		if info, err := os.Stat(there); err == nil {
			if !info.IsDir() {
				return "", fmt.Errorf("%w: %s is not a folder", ErrDataDir, there)
			}
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w: %w", ErrDataDir, err)
		}
		missing = append(missing, there)
		there = filepath.Dir(there)
	}
	if len(missing) == 0 {
		there = filepath.Dir(abs) // the folder itself may be about to be given to as
	}
	if err := checkPath(there, as); err != nil {
		return "", err
	}
	for i := len(missing) - 1; i >= 0; i-- {
		m := fs.FileMode(0o755)
		if i == 0 {
			m = mode
		}
		err := os.Mkdir(missing[i], m)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = chmodFolder(missing[i], m) // whatever the umask
		}
		if err != nil {
			return "", fmt.Errorf("%w: %w: choose a folder that uid %d may make or write", ErrDataDir, err, os.Geteuid())
		}
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if as.switched {
		f, err := openFolder(real)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrDataDir, err)
		}
		defer func() { _ = f.Close() }()
		if err := giveEmpty(f, as); err != nil {
			return "", err
		}
	}
	return real, checkPath(real, as)
}

// openFolder opens a folder, and does not follow a link of that name.
func openFolder(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
}

func chmodFolder(path string, mode fs.FileMode) error {
	f, err := openFolder(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(mode), f.Close())
}

// giveEmpty gives an empty folder of ours to another user: handing over one in use,
// /var/lib by mistake, would be worse than refusing it.
func giveEmpty(f *os.File, as identity) error {
	names, err := f.Readdirnames(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if len(names) > 0 || uidOf(info) != uint32(os.Geteuid()) {
		return nil
	}
	if err := f.Chown(int(as.uid), int(as.gid)); err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	return nil
}

// checkName refuses names that pg_ctl and initdb, which go through a shell, might
// misread.
func checkName(path string) error {
	if strings.ContainsAny(path, "\"'`$\\\n\r") {
		return fmt.Errorf("%w: %q holds a quote, $, backslash or line break: choose another name", ErrDataDir, path)
	}
	return nil
}

// checkPath refuses a path that as cannot enter, naming the folder to blame.
func checkPath(path string, as identity) error {
	if !as.switched {
		return nil // what is missing shows when it is used, as ourselves
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // shows when it is used
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	for _, p := range []string{path, real} {
		for dir := p; ; dir = filepath.Dir(dir) {
			if !canEnter(dir, as) {
				return fmt.Errorf("%w: %s cannot be entered by uid %d, as which PostgreSQL runs because it refuses to run as root: "+
					"choose a folder that every user can enter, such as /srv/lethe, or run chmod o+x %s", ErrDataDir, dir, as.uid, dir)
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

func canEnter(dir string, as identity) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	st := info.Sys().(*syscall.Stat_t)
	bit := fs.FileMode(0o001)
	switch {
	case st.Uid == as.uid:
		bit = 0o100
	case st.Gid == as.gid:
		bit = 0o010
	}
	return info.Mode()&bit != 0
}

// checkOwner refuses a data folder that is another user's.
func checkOwner(dir string, info fs.FileInfo, as identity) error {
	uid := uidOf(info)
	if uid == as.uid {
		return nil
	}
	if as.switched {
		return fmt.Errorf("%w: %s belongs to uid %d, while PostgreSQL runs as uid %d because it refuses to run as root: "+
			"choose another folder, new or empty and root's, or, if it is the database's, run chown -R %d:%d %s",
			ErrDataDir, dir, uid, as.uid, as.uid, as.gid, dir)
	}
	return fmt.Errorf("%w: %s belongs to uid %d and this is uid %d: run as that user (as root if it is %d), or choose another folder",
		ErrDataDir, dir, uid, as.uid, nobody)
}

func uidOf(info fs.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

// checkUser refuses to make a database as a user without a name, which initdb
// does too, after everything has been fetched. A database that is there can be
// run by any.
func checkUser(ctx context.Context, number int) error {
	uid := strconv.Itoa(number)
	if _, err := user.LookupId(uid); err == nil {
		return nil
	}
	// Users may be kept elsewhere than in the file that Go reads.
	if exec.CommandContext(ctx, "getent", "passwd", uid).Run() == nil {
		return nil
	}
	return fmt.Errorf("%w: PostgreSQL makes no database for uid %s, which has no entry in /etc/passwd: "+
		"run as a user that has one, or as root where uid %d has one, or add a line such as lethe:x:%[2]s:%[2]s::/:/bin/false", ErrDataDir, uid, nobody)
}
