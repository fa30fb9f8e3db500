package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/translog"
	"lethe/adapters/telemetry"
	"lethe/domain"
	"lethe/plainfile"
	"lethe/receipt"
)

const (
	// defaultOrigin is the name of a log that nobody has named.
	defaultOrigin = "lethe.local/erasures"
	// embeddedKey is the file of the key that the embedded mode makes.
	embeddedKey = "erasure.key"
)

// signing is the name of the log of erasures and who signs it.
type signing struct {
	origin  string
	named   bool             // the origin was given: by erasure.origin, or by the keys
	signers []receipt.Signer // none: nothing is sealed
	advice  string           // what to do about a key that is there and not as it should be
}

// newSigning reads the keys of the log. In the embedded mode it makes one where
// none is configured and nothing was signed yet. A key that is configured and
// cannot be used is an error, and so is one that was there and is not.
func newSigning(cfg *Config, db *Databases) (*signing, error) {
	return readSigning(cfg, func() error { return vanishedKey(cfg, db.fusilladeURL()) })
}

// vanishedKey is an error where the log was signed before, by a key that the
// embedded mode has made, as another could not go on with it: that is for somebody
// to decide, and not to happen.
func vanishedKey(cfg *Config, url string) error {
	signed := ""
	if file := checkpointFile(cfg); file != nil {
		if _, err := os.Lstat(file.Path()); err == nil {
			signed = file.Path() + " keeps a checkpoint of it"
		}
	}
	if signed == "" {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		conn, err := connect(ctx, url)
		if err != nil {
			return err
		}
		defer hangUp(conn)
		var is bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM lethe.checkpoints)").Scan(&is); err != nil {
			return fmt.Errorf("look whether the log of erasures was signed: %w", err)
		}
		if is {
			signed = "the database holds checkpoints of it"
		}
	}
	file := filepath.Join(cfg.DataDir, embeddedKey)
	if _, err := os.Lstat(file); signed == "" || err == nil { // which others may have made meanwhile
		return nil
	}
	return fmt.Errorf("the key that signed the log of erasures is gone: there is no %s, and %s: put it back from your copy. "+
		"No other key proves what this one has signed; to go on with another all the same, make one with `lethe keys new ORIGIN --out FILE`, name it in erasure.key_file (LETHE_ERASURE_KEY_FILE), and tell those who check receipts", file, signed)
}

// readSigning is newSigning for who may also not make one: mayMake says why not,
// nil: looking makes none.
func readSigning(cfg *Config, mayMake func() error) (*signing, error) {
	s := &signing{origin: cfg.Erasure.Origin, named: cfg.Erasure.Origin != ""}
	if !s.named {
		s.origin = defaultOrigin
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
			if err := makeKey(file, s.origin); err != nil {
				return nil, fmt.Errorf("make the key that signs the log of erasures: %w", err)
			}
		}
	}
	text, from := []byte(cfg.Erasure.Key), "erasure.key"
	switch {
	case file != "":
		var err error
		if made {
			text, err = readOwn(file, maxKeyFile)
		} else {
			text, err = readBounded(file, maxKeyFile)
		}
		if err != nil {
			return nil, s.unreadable(file, err)
		}
		from = file
	case cfg.Erasure.Key == "":
		return s, nil
	}
	var err error
	if s.signers, err = receipt.ParsePrivateKeys(text); err != nil {
		return nil, fmt.Errorf("%s, which holds the keys of the log of erasures: %w: put back what was there; another key cannot go on with a log that this one has signed", from, err)
	}
	name := s.signers[0].Name()
	if cfg.Erasure.Origin != "" && cfg.Erasure.Origin != name {
		return nil, fmt.Errorf("erasure.origin is %s, and the keys of the log are named %s: correct one of the two", cfg.Erasure.Origin, name)
	}
	s.origin, s.named = name, true
	if info, err := os.Stat(file); file != "" && err == nil && info.Mode().Perm()&0o077 != 0 {
		s.advice = fmt.Sprintf("other users of this machine may read %s: chmod 600 it", file)
	}
	return s, nil
}

func (s *signing) unreadable(file string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		origin := s.origin
		if !s.named {
			origin = "ORIGIN"
		}
		return fmt.Errorf("there is no file %q with the keys of the log of erasures: correct erasure.key_file, or make a key with `lethe keys new %s --out %s`; `lethe keys new --help` says more", file, origin, file)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not read %q, which holds the keys of the log of erasures: change its owner", file)
	}
	return fmt.Errorf("the keys of the log of erasures cannot be read: %w", err)
}

// readOwn reads a file that this program has made: through no link, and of no other
// user.
func readOwn(path string, limit int64) ([]byte, error) {
	f, err := plainfile.OpenOwn(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// repeatSecrets are what the receipts and salts of erasures with a key follow from:
// a secret of each key that signs, the newest first. Without any there is one
// that lasts as long as the process.
func (s *signing) repeatSecrets() (secrets [][]byte) {
	for _, signer := range s.signers {
		// A signature by Ed25519 is the same each time, and of no other use: no
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

// issuer is who issues receipts of the log of this name.
func issuer(origin string, p *places) fusillade.Issuer {
	return fusillade.Issuer{Origin: origin, Build: BuildVersion().Version, Now: time.Now, Beyond: p.beyond}
}

// makeKey makes a key in a file, unless that is there. Whoever else does so at
// the same time finds a whole file.
func makeKey(file, origin string) error {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	private, _, err := receipt.GenerateKey(origin)
	if err != nil {
		return err
	}
	draft := file + "." + rand.Text()
	if err := writeNew(draft, private+"\n"); err != nil {
		return err
	}
	err = os.Link(draft, file)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(draft))
}

// noKey is what to do where erasures are not sealed. A log keeps its name for
// good, so nobody is told to make a key for one that nobody has chosen.
func (s *signing) noKey() string {
	const rest = "keep a copy of it, and name the file in erasure.key_file (LETHE_ERASURE_KEY_FILE)"
	if s.named {
		return fmt.Sprintf("make one with `lethe keys new %s --out FILE`, %s", s.origin, rest)
	}
	return "choose a name for the log, ORIGIN, such as example.com/erasures: it keeps that for good. Set erasure.origin (LETHE_ERASURE_ORIGIN) to it before anything is erased, make a key with `lethe keys new ORIGIN --out FILE`, " + rest +
		". Receipts that were written before the log had a name are of " + defaultOrigin + ": only a key of that name seals them"
}

// logConfig is how the log is kept, but for what was seen of it.
func logConfig(s *signing, cfg *Config) translog.Config {
	return translog.Config{Signers: s.signers, Standbys: cfg.Erasure.Standbys, Witnesses: cfg.Erasure.Witnesses}
}

const (
	sealPauseBusy = 500 * time.Millisecond // between two looks, where the first found something
	sealPauseIdle = time.Second
	sealPauseFail = 5 * time.Second
	// compareAtStart bounds the first look whether the database is an older one.
	compareAtStart = time.Second
	sealAtStop     = 5 * time.Second // for what the last requests have left
	sealLogEvery   = time.Minute     // between two lines about the same kind of failure
)

// sealer seals receipts and publishes checkpoints, from time to time.
type sealer struct {
	translog *translog.Log
	rollback *rollbackGuard
	may      bool // there is a key
	metrics  *telemetry.LogMetrics
	figures  *telemetry.ErasureMetrics
	log      *slog.Logger
	worries  *worries
	failing  rate.Sometimes
	waiting  rate.Sometimes

	compared int64 // leaves of the newest published tree that was compared with what was seen; negative: none
}

// startSealer seals for as long as the service runs, and once more when the last
// request has been answered: it must be started before the door is opened.
func startSealer(lc fx.Lifecycle, cfg *Config, l *translog.Log, rollback *rollbackGuard, sign *signing, metrics *telemetry.Metrics, figures *telemetry.ErasureMetrics, worries *worries, log *slog.Logger) error {
	watched, err := metrics.WatchLog()
	if err != nil {
		return err
	}
	s := &sealer{translog: l, rollback: rollback, compared: -1, may: len(sign.signers) > 0, metrics: watched, figures: figures, worries: worries, log: log,
		failing: rate.Sometimes{Interval: sealLogEvery}, waiting: rate.Sometimes{Interval: sealLogEvery}}
	running, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			if !s.may {
				log.Warn("erasures leave receipts that are not sealed, as there is no key to sign the log with: " + sign.noKey())
			}
			if sign.advice != "" {
				log.Warn(sign.advice)
			}
			if checkpointFile(cfg) == nil {
				log.Warn("after a restart, nobody would notice that the database was restored from a backup, as the newest checkpoint of the log is kept nowhere: " + noCheckpointFile)
			}
			go func() {
				defer close(done)
				s.run(running)
			}()
			// So that it is known when the door opens. It holds up nothing.
			ctx, end := context.WithTimeout(ctx, compareAtStart)
			defer end()
			_ = rollback.check(ctx) // which run says
			return nil
		},
		OnStop: func(ctx context.Context) error {
			cancel()
			<-done
			ctx, end := context.WithTimeout(ctx, sealAtStop)
			defer end()
			s.step(ctx)
			return nil
		},
	})
	return nil
}

func (s *sealer) run(ctx context.Context) {
	for {
		timer := time.NewTimer(s.step(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// step does what there is to be done, and returns when to look again.
func (s *sealer) step(ctx context.Context) (pause time.Duration) {
	busy, err := s.work(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.metrics.Failed()
		countDamage(s.figures, err)
		s.failing.Do(func() {
			level := slog.LevelError
			if domain.CodeOf(err) == domain.CodeUnavailable {
				level = slog.LevelWarn
			}
			s.worries.report(ctx, level, "the log of erasures cannot be sealed or published now", err)
		})
		return sealPauseFail
	case busy:
		return sealPauseBusy
	}
	return sealPauseIdle
}

// work tells whether something was to be done.
func (s *sealer) work(ctx context.Context) (busy bool, err error) {
	backlog, err := s.look(ctx)
	if err != nil {
		return false, err
	}
	if err := s.compare(ctx, backlog.Published); err != nil {
		return true, err
	}
	unpublished := backlog.Published < backlog.Size
	if !s.may || !backlog.Waiting && !unpublished {
		return false, nil
	}
	for n := translog.MaxSealed; backlog.Waiting && n == translog.MaxSealed; {
		if n, err = s.translog.Seal(ctx); err != nil {
			return true, err
		}
		unpublished = unpublished || n > 0
	}
	if unpublished {
		_, absent, err := s.translog.Publish(ctx)
		if err != nil {
			return true, err
		}
		if len(absent) > 0 {
			s.waiting.Do(func() {
				s.log.Warn("no checkpoint of the log of erasures is published: standbys are not connected under these names", "standbys", absent)
			})
		}
	}
	if backlog, err = s.look(ctx); err != nil {
		return true, err
	}
	return true, s.compare(ctx, backlog.Published)
}

// compare makes sure that what is published goes on from what was seen, and
// keeps it.
func (s *sealer) compare(ctx context.Context, published int64) error {
	if published == s.compared {
		return nil
	}
	s.compared = -1
	err := s.rollback.check(ctx)
	if err == nil {
		s.compared = published
	}
	return err
}

func (s *sealer) look(ctx context.Context) (translog.Backlog, error) {
	backlog, err := s.translog.Backlog(ctx)
	if err == nil {
		s.metrics.Looked(backlog.Waiting, backlog.Oldest, backlog.Size, backlog.Published)
	}
	return backlog, err
}
