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
	Advice  string           // what to do about a key that exists but is not as it should be
}

// NewSigning reads the keys of the log. The embedded mode creates one if none is
// configured and nothing was signed yet. A configured key that cannot be used is an
// error, and so is a key that has disappeared.
func NewSigning(cfg *config.Config, db *Databases) (*Signing, error) {
	return ReadSigning(cfg, func() error { return VanishedKey(cfg, db.OwnURL()) })
}

// VanishedKey returns an error if the log was signed with a key that the embedded
// mode had created: no other key can continue the log, so an operator has to decide;
// it must not happen silently.
func VanishedKey(cfg *config.Config, url string) error {
	signed := ""
	if file := CheckpointFile(cfg); file != nil {
		if _, err := os.Lstat(file.Path()); err == nil {
			signed = file.Path() + " keeps a checkpoint of it"
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
			return fmt.Errorf("look whether the log of erasures was signed: %w", err)
		}
		if is {
			signed = "the database holds checkpoints of it"
		}
	}
	file := filepath.Join(cfg.DataDir, embeddedKey)
	if _, err := os.Lstat(file); signed == "" || err == nil { // which another process may have created meanwhile
		return nil
	}
	return fmt.Errorf("the key that signed the log of erasures is gone: there is no %s, and %s: put it back from your copy. "+
		"No other key proves what this one has signed; to go on with another all the same, make one with `lethe keys new ORIGIN --out FILE`, name it in erasure.key_file (LETHE_ERASURE_KEY_FILE), and tell those who check receipts", file, signed)
}

// ReadSigning is NewSigning for callers that may not create a key: mayMake returns why
// not; with nil no key is created.
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
			if err := makeKey(file, s.Origin); err != nil {
				return nil, fmt.Errorf("make the key that signs the log of erasures: %w", err)
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
		return nil, fmt.Errorf("%s, which holds the keys of the log of erasures: %w: put back what was there; another key cannot go on with a log that this one has signed", from, err)
	}
	name := s.Signers[0].Name()
	if cfg.Erasure.Origin != "" && cfg.Erasure.Origin != name {
		return nil, fmt.Errorf("erasure.origin is %s, and the keys of the log are named %s: correct one of the two", cfg.Erasure.Origin, name)
	}
	s.Origin, s.named = name, true
	if info, err := os.Stat(file); file != "" && err == nil && info.Mode().Perm()&0o077 != 0 {
		s.Advice = fmt.Sprintf("other users of this machine may read %s: chmod 600 it", file)
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
		return fmt.Errorf("there is no file %q with the keys of the log of erasures: correct erasure.key_file, or make a key with `lethe keys new %s --out %s`; `lethe keys new --help` says more", file, origin, file)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not read %q, which holds the keys of the log of erasures: change its owner", file)
	}
	return fmt.Errorf("the keys of the log of erasures cannot be read: %w", err)
}

// readOwn reads a file that this program has created: not through a link, and not
// another user's.
func readOwn(path string, limit int64) ([]byte, error) {
	f, err := plainfile.OpenOwn(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// RepeatSecrets are the secrets from which receipts and salts of erasures with an
// idempotency key are derived: one for each signing key, the newest first. Without a
// key there is one that lasts as long as the process.
func (s *Signing) RepeatSecrets() (secrets [][]byte) {
	for _, signer := range s.Signers {
		// An Ed25519 signature is the same each time, and this one has no other use:
		// no note has this text.
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

// makeKey creates a key file unless it exists. A concurrent process finds a complete
// file.
func makeKey(file, origin string) error {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	private, _, err := receipt.GenerateKey(origin)
	if err != nil {
		return err
	}
	draft := file + "." + rand.Text()
	if err := WriteNew(draft, private+"\n"); err != nil {
		return err
	}
	err = os.Link(draft, file)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(draft))
}

// NoKey is what to do if erasures are not sealed. A log keeps its name for good, so
// the advice is not to make a key for a name that nobody has chosen.
func (s *Signing) NoKey() string {
	const rest = "keep a copy of it, and name the file in erasure.key_file (LETHE_ERASURE_KEY_FILE)"
	if s.named {
		return fmt.Sprintf("make one with `lethe keys new %s --out FILE`, %s", s.Origin, rest)
	}
	return "choose a name for the log, ORIGIN, such as example.com/erasures: it keeps that for good. Set erasure.origin (LETHE_ERASURE_ORIGIN) to it before anything is erased, make a key with `lethe keys new ORIGIN --out FILE`, " + rest +
		". Receipts that were written before the log had a name are of " + defaultOrigin + ": only a key of that name seals them"
}

// LogConfig is the configuration of the log, without what was seen of it.
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

// ReadBounded reads a file named on the command line. Of a file that is too long it
// returns one byte more than limit, so that the parser reports it.
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

// embeddedCheckpoint is the file in which the embedded mode stores the newest
// checkpoint that was seen.
const embeddedCheckpoint = "erasure.checkpoint"

// NoCheckpointFile is what to do if the newest checkpoint is stored nowhere.
const NoCheckpointFile = "name a file for it in erasure.checkpoint_file (LETHE_ERASURE_CHECKPOINT_FILE), on another disk than the database's"

// CheckpointFile stores the newest checkpoint that was seen; nil: there is no file.
func CheckpointFile(cfg *config.Config) *offsite.CheckpointFile {
	switch {
	case cfg.Erasure.CheckpointFile != "":
		return offsite.CheckpointFileAt(cfg.Erasure.CheckpointFile)
	case cfg.Embedded():
		return offsite.CheckpointFileAt(filepath.Join(cfg.DataDir, embeddedCheckpoint))
	}
	return nil
}

// UnusableCheckpoint says what to do about a checkpoint file that cannot be used.
func UnusableCheckpoint(file *offsite.CheckpointFile, err error) error {
	return fmt.Errorf("%s, which keeps the newest checkpoint of the log of erasures that was seen: %w: put back what was there, or correct erasure.checkpoint_file; take the file away only when you are sure that the database is the newest", file.Path(), err)
}
