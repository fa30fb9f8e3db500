package embeddedpg

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

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
	// Use this handle from here on: until takeHome, the folder's former owner could
	// replace what a name leads to.
	root, err := os.OpenRoot(home)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	defer func() { _ = root.Close() }()
	if _, err := root.Lstat(formerCluster); err == nil {
		return "", fmt.Errorf("%w: %s holds a database from before the first release, which this version cannot read: choose another folder, or stop the service that uses this one and start anew with rm -r %s", ErrDataDir, home, home)
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
		return cmp.Or(err, fmt.Errorf("%w: %s was replaced while it was being opened: other users may write to its parent folder", ErrDataDir, home))
	}
	names, err := f.Readdirnames(-1)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	stat := info.Sys().(*syscall.Stat_t)
	switch {
	case stat.Uid == we.uid:
		if writable := info.Mode().Perm() & 0o022; writable&0o002 != 0 || writable != 0 && stat.Gid != we.gid {
			return fmt.Errorf("%w: other users may write to %s and replace the service's files: run chmod go-w %s", ErrDataDir, home, home)
		}
		if len(names) > 0 || !as.switched || canEnter(home, as) {
			return nil
		}
	case as.switched && stat.Uid == as.uid && len(names) == 0: // given to that user for this purpose
		if err := f.Chown(int(we.uid), int(we.gid)); err != nil {
			return fmt.Errorf("%w: %w", ErrDataDir, err)
		}
	case as.switched:
		return fmt.Errorf("%w: %s belongs to uid %d, who could replace the service's files: choose another folder or, if it is the service's, run chown %d:%d %s",
			ErrDataDir, home, stat.Uid, we.uid, we.gid, home)
	default:
		return fmt.Errorf("%w: %s belongs to uid %d, but this process runs as uid %d: run as that user, or choose another folder", ErrDataDir, home, stat.Uid, we.uid)
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
			return fmt.Errorf("%w: %s belongs to uid %d, which runs PostgreSQL and may have put it there: inspect it and move it away. If the service needs it, put your own copy there "+
				"as a new file: changing the owner does not stop a process that has it open", ErrDataDir, filepath.Join(root.Name(), entry.Name()), uid)
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
		return nil, fmt.Errorf("%w: %s is a link, which could give the database's user any folder: check where it leads and remove it, then move the database's folder itself here, or move all of data_dir elsewhere", ErrDataDir, path)
	case !named.IsDir():
		return nil, fmt.Errorf("%w: %s is not a folder: inspect it and move it away", ErrDataDir, path)
	case !as.switched:
		if err := checkOwner(path, named, as); err != nil {
			return nil, err // more informative than the failure to open it
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
		err = fmt.Errorf("%w: %s was replaced while it was being opened", ErrDataDir, path)
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
