package boot

import (
	"errors"
	"io"
	"os"
)

// WriteNew writes a file that must not be there yet, for its owner alone, and
// leaves none behind where it fails.
func WriteNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(file)
	}
	return err
}

// MaxKeyFile bounds files of keys and of single checkpoints.
const MaxKeyFile = 64 << 10

// ReadBounded reads a file of the command line, and a byte beyond the limit of
// one that is too long: whoever parses it says so.
func ReadBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	return data, nil
}
