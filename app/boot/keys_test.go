package boot

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/app/config"
	"lethe/internal/pgtest"
	"lethe/plainfile"
)

// TestEmbeddedKey: the embedded mode creates one key, readable by its owner only,
// even if several processes start at once; looking creates none.
func TestEmbeddedKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "example.com/log"} {
		folder := t.TempDir()
		environ := []string{"LETHE_DATA_DIR=" + folder}
		if name != "" {
			environ = append(environ, "LETHE_ERASURE_ORIGIN="+name)
		}
		cfg, err := config.Load(config.Sources{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := ReadSigning(cfg, nil); err != nil || len(s.Signers) != 0 {
			t.Fatalf("before the first start: want no key, got %+v, %v", s, err)
		}
		const starts = 8
		keys := make([]string, starts)
		var wg sync.WaitGroup
		for i := range starts {
			wg.Go(func() {
				s, err := ReadSigning(cfg, func() error { return nil })
				if err != nil {
					t.Error(err)
					return
				}
				keys[i] = s.Signers[0].PublicKey().String()
			})
		}
		wg.Wait()
		want := name
		if want == "" {
			want = defaultOrigin
		}
		for _, key := range keys {
			if key != keys[0] || !strings.HasPrefix(key, want+"+") {
				t.Errorf("concurrent starts: want one key of %s, got %q", want, keys)
			}
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 1 || entries[0].Name() != embeddedKey {
			t.Errorf("data folder: want the key alone, got %v, %v", entries, err)
		}
		info, err := os.Stat(filepath.Join(folder, embeddedKey))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("key file: want mode 600, got %v, %v", info.Mode(), err)
		}
		if s, err := ReadSigning(cfg, nil); err != nil || s.Origin != want || s.Advice != "" || s.Signers[0].PublicKey().String() != keys[0] {
			t.Errorf("after the starts: want the same key, got %+v, %v", s, err)
		}
	}
}

// TestEmbeddedKeyNotForDatabaseURL: a key that a container would lose is not created.
func TestEmbeddedKeyNotForDatabaseURL(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=postgres://h/d", "LETHE_DATA_DIR=" + folder}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadSigning(cfg, func() error { return nil })
	if err != nil || len(s.Signers) != 0 || s.Origin != defaultOrigin || !strings.Contains(s.NoKey(), "lethe keys new ORIGIN ") || strings.Contains(s.NoKey(), "new "+defaultOrigin) {
		t.Errorf("got %+v, %v", s, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("data folder: want nothing, got %v, %v", entries, err)
	}
	cfg.Erasure.Origin = "example.com/log"
	if s, err = ReadSigning(cfg, func() error { return nil }); err != nil || !strings.Contains(s.NoKey(), "lethe keys new example.com/log ") {
		t.Errorf("with a name, got %+v, %v", s, err)
	}
}

// TestSigningKeyLost: a key that has signed the log is not replaced with another.
func TestSigningKeyLost(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	begin := func(folder string) error {
		t.Helper()
		cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATA_DIR=" + folder}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewSigning(cfg, &Databases{MainURL: database.URL})
		return err
	}
	folder := t.TempDir()
	if err := begin(folder); err != nil {
		t.Fatalf("first start: %v", err)
	}
	key := filepath.Join(folder, embeddedKey)

	// Both what was seen of the log and the database show it.
	if err := os.Rename(key, key+".away"); err != nil {
		t.Fatal(err)
	}
	if err := begin(folder); err != nil {
		t.Errorf("lost key that signed nothing: want a new key, got %v", err)
	}
	for name, sign := range map[string]func() error{
		"seen": func() error { return os.WriteFile(filepath.Join(folder, embeddedCheckpoint), nil, 0o600) },
		"database": func() error {
			_, err := conn.Exec(t.Context(), `INSERT INTO lethe.checkpoints (size, note) VALUES (1, 'x')`)
			return err
		},
	} {
		if err := errors.Join(sign(), os.RemoveAll(key)); err != nil {
			t.Fatal(err)
		}
		err := begin(folder)
		if err == nil || !strings.Contains(err.Error(), "is gone") || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "lethe keys new ORIGIN --out FILE") {
			t.Errorf("%s: want an error that names the key and `lethe keys new`, got %v", name, err)
		}
		if _, err := os.Lstat(key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: want no new key, got %v", name, err)
		}
		if err := os.RemoveAll(filepath.Join(folder, embeddedCheckpoint)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(key+".away", key); err != nil {
		t.Fatal(err)
	}
	if err := begin(folder); err != nil {
		t.Errorf("restored key: got %v", err)
	}
}

// TestEmbeddedKeyOfOtherUser: the key is not read through a link or from another
// user's file.
func TestEmbeddedKeyOfOtherUser(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATA_DIR=" + folder}})
	if err != nil {
		t.Fatal(err)
	}
	read := func() error {
		_, err := ReadSigning(cfg, func() error { return nil })
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(folder, embeddedKey)
	if os.Geteuid() == 0 {
		if err := os.Chown(key, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := read(); err == nil || !strings.Contains(err.Error(), "belongs to uid 65534") {
			t.Errorf("key of another user: want an error that names its uid, got %v", err)
		}
		if err := os.Chown(key, 0, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Rename(key, key+".there"), os.Symlink(key+".there", key)); err != nil {
		t.Fatal(err)
	}
	if err := read(); !errors.Is(err, plainfile.ErrNotPlain) {
		t.Errorf("link to the key: want %v, got %v", plainfile.ErrNotPlain, err)
	}
}
