package embeddedpg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// nobody is the user and group as which PostgreSQL runs for root.
const nobody = 65534

// settings is what the helper is told on the first line of its input.
type settings struct {
	DataDir      string `json:"data_dir"`
	CacheDir     string `json:"cache_dir"`
	BinariesPath string `json:"binaries_path,omitempty"`
}

// identity is the user as which the helper runs.
type identity struct {
	uid, gid uint32
	// switched is true when that is another user than ours.
	switched bool
}

func childIdentity() identity {
	if os.Geteuid() == 0 {
		return identity{uid: nobody, gid: nobody, switched: true}
	}
	return identity{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
}

// prepareFolders makes the folders of cfg where absent, owned by as, and
// refuses those that as could not use.
func prepareFolders(cfg Config, as identity) (settings, error) {
	var set settings
	if cfg.DataDir == "" {
		return set, fmt.Errorf("%w: no folder given", ErrDataDir)
	}
	var err error
	if set.DataDir, err = prepareFolder(cfg.DataDir, 0o700, as); err != nil {
		return set, err
	}
	if err := checkOwner(set.DataDir, as); err != nil {
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

// databaseFolder is where in a program's folder the database has its own.
const databaseFolder = "postgres"

// PrepareHome makes the folder of a program that keeps files of its own beside the
// database, and returns what DataDir is to be: a folder in it. What lies beside
// that is out of reach for the user as whom PostgreSQL runs, where that is another
// than this process's: such a user can neither read nor replace it. In a folder
// from before there was this division, the database is moved into its own.
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
		mode = 0o711 // the database's user passes through, and sees nothing
	}
	home, err := prepareFolder(abs, mode, we)
	if err != nil {
		return "", err
	}
	if err := takeHome(home, mode, we, as); err != nil {
		return "", err
	}
	dataDir = filepath.Join(home, databaseFolder)
	former := filepath.Join(home, "cluster")
	if _, err := os.Lstat(former); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w: %w", ErrDataDir, err)
		}
		return dataDir, nil
	}
	if _, err := prepareFolder(dataDir, 0o700, as); err != nil {
		return "", err
	}
	return dataDir, moveDatabase(home, dataDir)
}

// nearest is the folder itself, or the first above it that is there.
func nearest(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// takeHome sees to it that a folder is ours alone to write in.
func takeHome(home string, mode fs.FileMode, we, as identity) error {
	f, err := os.OpenFile(home, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
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
	case as.switched && stat.Uid == as.uid && (len(names) == 0 || slices.Contains(names, "cluster")):
		// It was given to that user by a former version, or for this.
		if held, err := lockHeld(home); err != nil || held {
			return cmp.Or(err, fmt.Errorf("%w: a former version of this program runs the database in %s: stop it first", ErrDataDir, home))
		}
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

// moveDatabase moves what is the database's into its own folder, the cluster last:
// as long as that is not moved, what was broken off goes on.
func moveDatabase(home, dataDir string) error {
	if held, err := lockHeld(home); err != nil || held {
		return cmp.Or(err, fmt.Errorf("%w: a former version of this program runs the database in %s: stop it first", ErrDataDir, home))
	}
	socket := fmt.Sprintf(".s.PGSQL.%d", socketPort)
	for _, name := range []string{"cache", "password", "lock", "server.json", "postgres.log", "postgres.log.1", "initialising", socket, socket + ".lock", "cluster"} {
		err := os.Rename(filepath.Join(home, name), filepath.Join(dataDir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: the database could not be moved to its own folder: %w", ErrDataDir, err)
		}
	}
	return errors.Join(syncFolder(dataDir), syncFolder(home))
}

// prepareFolder returns the real path of dir. A missing folder is made with
// mode and given to as; an empty one that is root's is given to as too. Missing
// parents are made so that everyone can pass.
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
			err = os.Chmod(missing[i], m) // whatever the umask
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
		// Only an empty folder: handing over one that is in use, /var/lib by
		// mistake, would be worse than refusing it.
		entries, err := os.ReadDir(real)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrDataDir, err)
		}
		if uid, _ := owner(real); len(entries) == 0 && uid != as.uid {
			if err := os.Chown(real, int(as.uid), int(as.gid)); err != nil {
				return "", fmt.Errorf("%w: %w", ErrDataDir, err)
			}
		}
	}
	return real, checkPath(real, as)
}

// checkName refuses what pg_ctl and initdb, which go through a shell, might read
// as more than a name.
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
func checkOwner(dir string, as identity) error {
	uid, err := owner(dir)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if uid == as.uid {
		return nil
	}
	if as.switched {
		return fmt.Errorf("%w: %s is not empty and belongs to uid %d, while PostgreSQL runs as uid %d because it refuses to run as root: "+
			"choose another folder, or, if it is the database's, run chown -R %d:%d %s",
			ErrDataDir, dir, uid, as.uid, as.uid, as.gid, dir)
	}
	return fmt.Errorf("%w: %s belongs to uid %d and this is uid %d: run as that user (as root if it is %d), or choose another folder",
		ErrDataDir, dir, uid, as.uid, nobody)
}

func owner(path string) (uint32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Sys().(*syscall.Stat_t).Uid, nil
}

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
