package offsite_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/offsite"
	"lethe/internal/memory"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// source is a log in memory to be mirrored.
type source struct {
	*memory.Log
	t      *testing.T
	keys   []receipt.PublicKey
	bodies [][]byte
}

func newSource(t *testing.T) *source {
	t.Helper()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	return &source{Log: memory.NewLog(signer), t: t, keys: []receipt.PublicKey{signer.PublicKey()}}
}

func (s *source) grow(n int) {
	s.t.Helper()
	for range n {
		id, _, body := testreceipt.New(s.t, testreceipt.Origin)
		s.AddReceipt(id, body, nil, (*uuid.UUID)(nil))
		s.bodies = append(s.bodies, body)
	}
	if err := s.Seal(); err != nil {
		s.t.Fatal(err)
	}
	s.Publish()
}

func (s *source) open(folder string) *offsite.Mirror {
	s.t.Helper()
	m, err := offsite.OpenMirror(folder, s.keys)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// leaves reads the receipts from leaf first on.
func leaves(m *offsite.Mirror, first int64) (bodies [][]byte, err error) {
	err = m.Leaves(first, func(body []byte) error {
		bodies = append(bodies, bytes.Clone(body))
		return nil
	})
	return bodies, err
}

// TestMirror grows a mirror with its log, across full tiles, and reads it back.
func TestMirror(t *testing.T) {
	t.Parallel()
	s, folder := newSource(t), filepath.Join(t.TempDir(), "mirror")
	m := s.open(folder)
	if n, err := m.Update(t.Context(), s); n != 0 || err != nil {
		t.Errorf("empty log: added %d (error %v), want 0", n, err)
	}
	for _, n := range []int{1, 2, 253, 1, 255, 1, 300, 700} {
		s.grow(n)
		if added, err := m.Update(t.Context(), s); added != int64(n) || err != nil {
			t.Fatalf("log grew by %d leaves: added %d (error %v)", n, added, err)
		}
		if added, err := m.Update(t.Context(), s); added != 0 || err != nil {
			t.Errorf("second update: added %d (error %v), want 0", added, err)
		}
		again := s.open(folder)
		for _, first := range []int{0, 1, 255, 256, 300, len(s.bodies) - 1, len(s.bodies)} {
			if first > len(s.bodies) {
				continue
			}
			got, err := leaves(again, int64(first))
			if err != nil || len(got) != len(s.bodies)-first || len(got) > 0 && !bytes.Equal(bytes.Join(got, nil), bytes.Join(s.bodies[first:], nil)) {
				t.Fatalf("mirror of %d leaves read from leaf %d: got %d leaves (error %v)", len(s.bodies), first, len(got), err)
			}
		}
		m = again
	}
	// Only the partial tiles of the checkpoint are left.
	var partial []string
	if err := fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if strings.Contains(path, ".p") && !d.IsDir() || strings.HasSuffix(path, ".new") {
			partial = append(partial, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := "tile/0/005.p/233 tile/1/000.p/5 tile/entries/005.p/233"; strings.Join(partial, " ") != want {
		t.Errorf("partial tiles: got %v, want %s", partial, want)
	}
}

// TestMirrorOtherLog: the mirror refuses a log that is older or was rewritten, and
// writes nothing.
func TestMirrorOtherLog(t *testing.T) {
	t.Parallel()
	s, folder := newSource(t), filepath.Join(t.TempDir(), "mirror")
	s.grow(300)
	if _, err := s.open(folder).Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		size int
		says string
	}{
		"nothing": {0, "lethe replay"}, "older": {299, "lethe replay"}, "as long": {300, "lethe replay"}, "longer": {600, "was rewritten"},
	} {
		other := newSource(t)
		if c.size > 0 {
			other.grow(c.size)
		}
		m, err := offsite.OpenMirror(folder, append(other.keys, s.keys...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Update(t.Context(), other); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q in the error", name, err, c.says)
		}
		if after, err := os.ReadFile(filepath.Join(folder, "checkpoint")); err != nil || !bytes.Equal(after, before) {
			t.Errorf("%s: checkpoint is %q (error %v), want it unchanged", name, after, err)
		}
		if got, err := leaves(s.open(folder), 0); err != nil || len(got) != 300 {
			t.Errorf("%s: %d leaves left (error %v), want 300", name, len(got), err)
		}
	}
	if _, err := offsite.OpenMirror(folder, newSource(t).keys); err == nil {
		t.Error("another log's key: got no error")
	}
	if _, err := offsite.OpenMirror(folder, nil); err == nil || !strings.Contains(err.Error(), "--key") {
		t.Errorf("no key: got %v, want --key in the error", err)
	}
}

// TestMirrorDamaged: a file that does not belong to the tree is an error.
func TestMirrorDamaged(t *testing.T) {
	t.Parallel()
	s, folder := newSource(t), filepath.Join(t.TempDir(), "mirror")
	s.grow(300)
	if _, err := s.open(folder).Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44"} {
		path := filepath.Join(folder, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(data)
		changed[len(changed)-2] ^= 1
		for _, content := range [][]byte{changed, data[:len(data)-1], {}, nil} {
			if content == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := leaves(s.open(folder), 0); err == nil {
				t.Errorf("%s of %d bytes: got no error", name, len(content))
			}
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := leaves(s.open(folder), 0); err != nil || len(got) != 300 {
		t.Errorf("files restored: got %d leaves (error %v), want 300", len(got), err)
	}
}
