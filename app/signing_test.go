package app

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestEmbeddedKey: the embedded mode makes a key once, for its owner alone,
// however many begin at the same time; looking does not make one.
func TestEmbeddedKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "example.com/log"} {
		folder := t.TempDir()
		environ := []string{"LETHE_DATA_DIR=" + folder}
		if name != "" {
			environ = append(environ, "LETHE_ERASURE_ORIGIN="+name)
		}
		cfg, err := LoadConfig(Sources{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := readSigning(cfg, false); err != nil || len(s.signers) != 0 {
			t.Fatalf("before: %+v, %v", s, err)
		}
		const starts = 8
		keys := make([]string, starts)
		var wg sync.WaitGroup
		for i := range starts {
			wg.Go(func() {
				s, err := newSigning(cfg)
				if err != nil {
					t.Error(err)
					return
				}
				keys[i] = s.signers[0].PublicKey().String()
			})
		}
		wg.Wait()
		want := name
		if want == "" {
			want = defaultOrigin
		}
		for _, key := range keys {
			if key != keys[0] || !strings.HasPrefix(key, want+"+") {
				t.Errorf("the keys are %q", keys)
			}
		}
		entries, err := os.ReadDir(folder)
		if err != nil || len(entries) != 1 || entries[0].Name() != embeddedKey {
			t.Errorf("in the folder are %v, %v", entries, err)
		}
		info, err := os.Stat(filepath.Join(folder, embeddedKey))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v, %v", info.Mode(), err)
		}
		if s, err := readSigning(cfg, false); err != nil || s.origin != want || s.advice != "" || s.signers[0].PublicKey().String() != keys[0] {
			t.Errorf("after: %+v, %v", s, err)
		}
	}
}

// TestNoKeyBesideADatabase: none is made where it would be lost with a container.
func TestNoKeyBesideADatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cfg, err := LoadConfig(Sources{Environ: []string{"LETHE_DATABASE_URL=postgres://h/d", "LETHE_DATA_DIR=" + folder}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSigning(cfg)
	if err != nil || len(s.signers) != 0 || s.origin != defaultOrigin || !strings.Contains(s.noKey(), "lethe keys new ORIGIN ") || strings.Contains(s.noKey(), "new "+defaultOrigin) {
		t.Errorf("got %+v, %v", s, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("in the folder are %v, %v", entries, err)
	}
	cfg.Erasure.Origin = "example.com/log"
	if s, err = newSigning(cfg); err != nil || !strings.Contains(s.noKey(), "lethe keys new example.com/log ") {
		t.Errorf("with a name, got %+v, %v", s, err)
	}
}
