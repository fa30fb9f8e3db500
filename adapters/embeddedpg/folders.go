package embeddedpg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// settings is the first line of the helper's input.
type settings struct {
	DataDir      string `json:"data_dir"`
	CacheDir     string `json:"cache_dir"`
	BinariesPath string `json:"binaries_path,omitempty"`
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
			return "", fmt.Errorf("%w: %w: choose a folder that uid %d can create or write", ErrDataDir, err, os.Geteuid())
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
