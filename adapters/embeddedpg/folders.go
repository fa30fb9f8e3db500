package embeddedpg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
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
