package boot

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lethe/app/config"
)

func sessionConfig(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestEmbeddedSessionKey: the embedded mode creates one key, readable by its owner
// only, even if several processes start at once, and another if that was removed.
func TestEmbeddedSessionKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cfg := sessionConfig(t, "LETHE_DATA_DIR="+folder)
	const starts = 8
	keys := make([]SessionKeys, starts)
	var wg sync.WaitGroup
	for i := range starts {
		wg.Go(func() {
			var err error
			if keys[i], err = ReadSessionKeys(cfg); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != 1 || len(k[0]) != 64 || !bytes.Equal(k[0], keys[0][0]) {
			t.Errorf("concurrent starts: want one key, got %q and %q", keys[0], k)
		}
	}
	file := filepath.Join(folder, embeddedSessionKey)
	entries, err := os.ReadDir(folder)
	if info, statErr := os.Stat(file); err != nil || statErr != nil || len(entries) != 1 || info.Mode().Perm() != 0o600 {
		t.Errorf("data folder: want the key alone, with mode 600, got %v, %v, %v, %v", entries, info, err, statErr)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if again, err := ReadSessionKeys(cfg); err != nil || bytes.Equal(again[0], keys[0][0]) {
		t.Errorf("after removing it: want another key, got %v", err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSessionKeys(cfg); err == nil {
		t.Error("a file that others can write: got no error")
	}
}

// TestSessionKeyFile: the file is read as it is, and what is wrong with it is said
// without showing a key.
func TestSessionKeyFile(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("ab", 16), strings.Repeat("c", 1024)
	for name, c := range map[string]struct {
		text string
		want []string // nil: refused
	}{
		"one":           {first + "\n", []string{first}},
		"two":           {first + "\n\n" + second, []string{first, second}},
		"CRLF":          {first + "\r\n", []string{first}},
		"four":          {strings.Repeat(first+"\n", 4), []string{first, first, first, first}},
		"five":          {strings.Repeat(first+"\n", 5), nil},
		"empty":         {"\n", nil},
		"short":         {first[1:] + "\n", nil},
		"long":          {second + "c\n", nil},
		"spaces":        {first + " x\n", nil},
		"not ASCII":     {first + "é\n", nil},
		"one is short":  {first + "\nx\n", nil},
		"not a newline": {first + "\x00" + first, nil},
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSessionKeys(sessionConfig(t, "LETHE_DATABASE_URL=postgres://h/d", "LETHE_AUTH_SESSION_KEY_FILE="+file))
		if c.want == nil {
			if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "openssl rand -hex 32") || strings.Contains(err.Error(), first[1:]) {
				t.Errorf("%s: want an error with the file and what to do, got %v", name, err)
			}
			continue
		}
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: want %d keys, got %q, %v", name, len(c.want), got, err)
			continue
		}
		for i, key := range got {
			if string(key) != c.want[i] {
				t.Errorf("%s: want key %d to be %q, got %q", name, i+1, c.want[i], key)
			}
		}
	}
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := ReadSessionKeys(sessionConfig(t, "LETHE_DATA_DIR="+t.TempDir(), "LETHE_AUTH_SESSION_KEY_FILE="+missing)); err == nil || !strings.Contains(err.Error(), "openssl rand -hex 32 > "+missing) {
		t.Errorf("missing file: got %v", err)
	}
	if keys, err := ReadSessionKeys(sessionConfig(t, "LETHE_DATABASE_URL=postgres://h/d")); keys != nil || err != nil {
		t.Errorf("none configured: want none, got %q, %v", keys, err)
	}
}
