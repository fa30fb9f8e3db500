package boot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"lethe/adapters/offsite"
	"lethe/adapters/postgres/translog"
	"lethe/app/config"
	"lethe/plainfile"
	"lethe/receipt"
)

const (
	// defaultOrigin is the origin of a log without a configured one.
	defaultOrigin = "lethe.local/erasures"
	// embeddedKey is the key file that the embedded mode creates.
	embeddedKey = "erasure.key"

	lookTimeout = 30 * time.Second // for the query whether the log was signed
)

// Signing is the origin of the log of erasures, and its signers.
type Signing struct {
	Origin  string
	named   bool             // the origin was given: by erasure.origin, or by the keys
	Signers []receipt.Signer // none: nothing is sealed
	Advice  string           // how to fix the key file's permissions; empty: they are fine
}

// NewSigning reads the keys of the log. The embedded mode creates one if none is
// configured and nothing was signed yet. A configured key that cannot be used and a key
// that has disappeared are errors.
func NewSigning(cfg *config.Config, db *Databases) (*Signing, error) {
	return ReadSigning(cfg, func() error { return VanishedKey(cfg, db.OwnURL()) })
}

// VanishedKey returns an error if the log was signed with a key that the embedded mode
// had created and that is gone. No other key can continue the log, so an operator has
// to decide.
func VanishedKey(cfg *config.Config, url string) error {
	signed := ""
	if file := CheckpointFile(cfg); file != nil {
		if _, err := os.Lstat(file.Path()); err == nil {
			signed = file.Path() + " contains a checkpoint signed with it"
		}
	}
	if signed == "" {
		ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
		defer cancel()
		conn, err := Connect(ctx, url)
		if err != nil {
			return err
		}
		defer HangUp(conn)
		var is bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM lethe.checkpoints)").Scan(&is); err != nil {
			return fmt.Errorf("check whether the log of erasures was signed: %w", err)
		}
		if is {
			signed = "the database contains checkpoints signed with it"
		}
	}
	file := filepath.Join(cfg.DataDir, embeddedKey)
	if _, err := os.Lstat(file); signed == "" || err == nil { // another process may have created it meanwhile
		return nil
	}
	return fmt.Errorf("the key that signed the log of erasures is gone: %s does not exist, but %s: restore the key from your copy. "+
		"No other key proves what it signed; to continue with another key anyway, create one with `lethe keys new ORIGIN --out FILE`, set erasure.key_file (LETHE_ERASURE_KEY_FILE) to it, and inform everyone who checks receipts", file, signed)
}

// ReadSigning is NewSigning with a check before a key is created: mayMake returns the
// reason not to. If it is nil, no key is created.
func ReadSigning(cfg *config.Config, mayMake func() error) (*Signing, error) {
	s := &Signing{Origin: cfg.Erasure.Origin, named: cfg.Erasure.Origin != ""}
	if !s.named {
		s.Origin = defaultOrigin
	}
	file, made := cfg.Erasure.KeyFile, false
	if cfg.Embedded() && file == "" && cfg.Erasure.Key == "" {
		file = filepath.Join(cfg.DataDir, embeddedKey)
		made = true
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			if mayMake == nil {
				return s, nil
			}
			if err := mayMake(); err != nil {
				return nil, err
			}
			private, _, err := receipt.GenerateKey(s.Origin)
			if err == nil {
				err = createOnce(file, private+"\n")
			}
			if err != nil {
				return nil, fmt.Errorf("create the key that signs the log of erasures: %w", err)
			}
		}
	}
	text, from := []byte(cfg.Erasure.Key), "erasure.key"
	switch {
	case file != "":
		var err error
		if made {
			text, err = readOwn(file, MaxKeyFile)
		} else {
			text, err = ReadBounded(file, MaxKeyFile)
		}
		if err != nil {
			return nil, s.unreadable(file, err)
		}
		from = file
	case cfg.Erasure.Key == "":
		return s, nil
	}
	var err error
	if s.Signers, err = receipt.ParsePrivateKeys(text); err != nil {
		return nil, fmt.Errorf("read the keys of the log of erasures from %s: %w: restore the original content; no other key can continue a log that these keys have signed", from, err)
	}
	name := s.Signers[0].Name()
	if cfg.Erasure.Origin != "" && cfg.Erasure.Origin != name {
		return nil, fmt.Errorf("erasure.origin is %s, but the keys of the log are named %s: correct one of them", cfg.Erasure.Origin, name)
	}
	s.Origin, s.named = name, true
	if info, err := os.Stat(file); file != "" && err == nil && info.Mode().Perm()&0o077 != 0 {
		s.Advice = fmt.Sprintf("other users of this machine can read %s: run chmod 600 on it", file)
	}
	return s, nil
}

func (s *Signing) unreadable(file string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		origin := s.Origin
		if !s.named {
			origin = "ORIGIN"
		}
		return fmt.Errorf("open key file %q: not found: correct erasure.key_file, or create a key with `lethe keys new %s --out %s`; see `lethe keys new --help`", file, origin, file)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open key file %q: permission denied: change its owner so that this user can read it", file)
	}
	return fmt.Errorf("read the keys of the log of erasures: %w", err)
}

// readOwn reads a file that this program has created. It follows no link and refuses
// another user's file.
func readOwn(path string, limit int64) ([]byte, error) {
	f, err := plainfile.OpenOwn(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// RepeatSecrets are the secrets from which receipts and salts of erasures with an
// idempotency key are derived: one for each signing key, newest first. Without a key it
// is one secret for the life of the process.
func (s *Signing) RepeatSecrets() (secrets [][]byte) {
	for _, signer := range s.Signers {
		// An Ed25519 signature is deterministic. This one has no other use, because no
		// note has this text.
		if signature, err := signer.Sign([]byte("lethe: the secret of erasures with an Idempotency-Key, version 1")); err == nil {
			sum := sha256.Sum256(signature)
			secrets = append(secrets, sum[:])
		}
	}
	if len(secrets) == 0 {
		secret := make([]byte, sha256.Size)
		_, _ = rand.Read(secret) // never fails
		secrets = append(secrets, secret)
	}
	return secrets
}

// createOnce creates a file with a key unless it exists. Concurrent processes never see
// a partial file.
func createOnce(file, text string) error {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	draft := file + "." + rand.Text()
	if err := WriteNew(draft, text); err != nil {
		return err
	}
	err := os.Link(draft, file)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(draft))
}

// NoKey is the advice if there is no key to seal erasures. A log's name is permanent, so
// an operator must choose it first.
func (s *Signing) NoKey() string {
	const rest = "keep a copy of it, and set erasure.key_file (LETHE_ERASURE_KEY_FILE) to the file"
	if s.named {
		return fmt.Sprintf("create one with `lethe keys new %s --out FILE`, %s", s.Origin, rest)
	}
	return "choose a permanent name for the log, ORIGIN, such as example.com/erasures. Set erasure.origin (LETHE_ERASURE_ORIGIN) to it before anything is erased, create a key with `lethe keys new ORIGIN --out FILE`, " + rest +
		". Receipts written before the log had a name belong to " + defaultOrigin + ": only a key of that name can seal them"
}

// LogConfig is the configuration of the log, without a checkpoint file.
func LogConfig(s *Signing, cfg *config.Config) translog.Config {
	return translog.Config{Signers: s.Signers, Standbys: cfg.Erasure.Standbys, Witnesses: cfg.Erasure.Witnesses}
}

// WriteNew creates a file, readable by its owner only, and fails if it exists. On
// failure it leaves no file behind.
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

// MaxKeyFile is the maximum size of files with keys or a single checkpoint.
const MaxKeyFile = 64 << 10

// ReadBounded reads at most one byte more than limit from a file named on the command
// line, so that the parser reports a file that is too long.
func ReadBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// embeddedCheckpoint is the file in which the embedded mode stores the newest
// checkpoint seen.
const embeddedCheckpoint = "erasure.checkpoint"

// NoCheckpointFile is the advice if the newest checkpoint is not stored.
const NoCheckpointFile = "set erasure.checkpoint_file (LETHE_ERASURE_CHECKPOINT_FILE) to a file that is not on the database's disk"

// CheckpointFile stores the newest checkpoint seen; nil: there is no file.
func CheckpointFile(cfg *config.Config) *offsite.CheckpointFile {
	switch {
	case cfg.Erasure.CheckpointFile != "":
		return offsite.CheckpointFileAt(cfg.Erasure.CheckpointFile)
	case cfg.Embedded():
		return offsite.CheckpointFileAt(filepath.Join(cfg.DataDir, embeddedCheckpoint))
	}
	return nil
}

// UnusableCheckpoint adds the file and what to do to the error of a checkpoint file.
func UnusableCheckpoint(file *offsite.CheckpointFile, err error) error {
	return fmt.Errorf("use checkpoint file %s: %w: restore the file's content, or correct erasure.checkpoint_file; remove the file only if you are sure that the database was not rolled back", file.Path(), err)
}
