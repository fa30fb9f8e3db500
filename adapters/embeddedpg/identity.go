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

// nobody is the user and group that PostgreSQL runs as if this process is root.
const nobody = 65534

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

// checkName refuses names that pg_ctl and initdb, which go through a shell, might
// misread.
func checkName(path string) error {
	if strings.ContainsAny(path, "\"'`$\\\n\r") {
		return fmt.Errorf("%w: %q contains a quote, $, backslash or line break: choose another name", ErrDataDir, path)
	}
	return nil
}

// checkPath refuses a path that as cannot enter, naming the folder to blame.
func checkPath(path string, as identity) error {
	if !as.switched {
		return nil // a missing folder shows when this user uses it
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
				return fmt.Errorf("%w: %s cannot be entered by uid %d, which runs PostgreSQL because it refuses to run as root: "+
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
			"choose a new folder or an empty one of root's or, if this one is the database's, run chown -R %d:%d %s",
			ErrDataDir, dir, uid, as.uid, as.uid, as.gid, dir)
	}
	return fmt.Errorf("%w: %s belongs to uid %d, but this process runs as uid %d: run as that user (as root if it is %d), or choose another folder",
		ErrDataDir, dir, uid, as.uid, nobody)
}

func uidOf(info fs.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

// checkUser refuses to make a database as a user without a name. So does initdb, but only
// after everything has been fetched. Any user can run an existing database.
func checkUser(ctx context.Context, number int) error {
	uid := strconv.Itoa(number)
	if _, err := user.LookupId(uid); err == nil {
		return nil
	}
	// Users may be stored outside of the file that Go reads.
	if exec.CommandContext(ctx, "getent", "passwd", uid).Run() == nil {
		return nil
	}
	return fmt.Errorf("%w: PostgreSQL cannot create a database as uid %s, which has no entry in /etc/passwd: "+
		"run as a user with an entry, or as root if uid %d has one, or add a line such as lethe:x:%[2]s:%[2]s::/:/bin/false", ErrDataDir, uid, nobody)
}
