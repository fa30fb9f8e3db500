package receipt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/sdk/go/receipt"
)

const folder = "../../../docs/vectors"

type vectors struct {
	Keys   map[string]string
	Proofs []vector
}

type vector struct {
	File                    string
	Keys, Responses, Owners []string
	Salt, Older, Tiles      string
	Proven                  bool
	Leaf, Kind              string
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func all(t *testing.T) (v vectors) {
	t.Helper()
	if err := json.Unmarshal(read(t, "vectors.json"), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v vectors) keys(t *testing.T, names []string) []receipt.PublicKey {
	t.Helper()
	var text []byte
	for _, name := range names {
		text = append(text, v.Keys[name]+"\n"...)
	}
	keys, err := receipt.ParsePublicKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// check is what comes of the vector: an error where one of what must be found
// is not.
func (v vector) check(t *testing.T, file []byte, keys []receipt.PublicKey) (r receipt.Result, err error) {
	t.Helper()
	var o receipt.Options
	if v.Salt != "" {
		salt, err := receipt.ParseSalt(v.Salt)
		if err != nil {
			t.Fatal(err)
		}
		o.Salt = &salt
	}
	if v.Older != "" {
		o.Older, o.Tiles = read(t, v.Older), os.DirFS(filepath.Join(folder, v.Tiles))
	}
	r, err = receipt.Check(file, keys, o)
	for _, response := range v.Responses {
		o, id := o, uuid.MustParse(response)
		o.Response = &id
		_, wrong := receipt.Check(file, keys, o)
		err = errors.Join(err, wrong)
	}
	for _, owner := range v.Owners {
		o := o
		o.Owner = &owner
		_, wrong := receipt.Check(file, keys, o)
		err = errors.Join(err, wrong)
	}
	return r, err
}

func TestVectors(t *testing.T) {
	t.Parallel()
	v := all(t)
	proven, kinds := 0, map[string]int{}
	for _, vector := range v.Proofs {
		r, err := vector.check(t, read(t, vector.File), v.keys(t, vector.Keys))
		var problem *receipt.Error
		switch errors.As(err, &problem); {
		case !vector.Proven:
			kinds[vector.Kind]++
			if problem == nil || string(problem.Kind) != vector.Kind {
				t.Errorf("%s: want %s, got %v", vector.File, vector.Kind, err)
			}
		case err != nil:
			t.Errorf("%s: %v", vector.File, err)
		default:
			proven++
			leaf, err := receipt.Encode(r.Receipt)
			if err != nil || tlog.RecordHash(leaf).String() != vector.Leaf {
				t.Errorf("%s: want the leaf of the vector, got another or %v", vector.File, err)
			}
		}
	}
	if proven < 12 || len(kinds) < 10 {
		t.Errorf("want 12 proven and 10 kinds refused or more, got %d and %v", proven, kinds)
	}
}

// TestSameSource: each file of the check is a copy of the service's own.
func TestSameSource(t *testing.T) {
	t.Parallel()
	const own = "../../../receipt"
	files := map[string]bool{}
	for _, pattern := range []string{"*.gen.go", filepath.Join(own, "*.go")} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				name, _, _ := strings.Cut(filepath.Base(path), ".")
				files[name] = true
			}
		}
	}
	for name := range files {
		copied, err := os.ReadFile(name + ".gen.go")
		source, missing := os.ReadFile(filepath.Join(own, name+".go"))
		if err = errors.Join(err, missing); err != nil {
			t.Fatal(err)
		}
		if _, rest, _ := bytes.Cut(copied, []byte("\n\n")); !bytes.Equal(rest, source) {
			t.Errorf("%s.gen.go differs from receipt/%s.go: run make generate", name, name)
		}
	}
	if len(files) < 8 {
		t.Errorf("copied files: want 8 or more, got %d", len(files))
	}
}

func TestVectorsEveryByteChanged(t *testing.T) {
	t.Parallel()
	v := all(t)
	for _, name := range []string{"single.receipt", "rotated.receipt"} {
		file, keys := read(t, name), v.keys(t, []string{"log", "next", "witness"})
		if _, err := receipt.Check(file, keys, receipt.Options{}); err != nil {
			t.Fatal(err)
		}
		for at := range file {
			for _, value := range []byte{file[at] ^ 1, file[at] ^ 0x20, file[at] ^ 0x80, 'A', '\n'} {
				changed := bytes.Clone(file)
				if changed[at] = value; value == file[at] {
					continue
				}
				if _, err := receipt.Check(changed, keys, receipt.Options{}); err == nil {
					t.Errorf("%s: byte %d changed to %q: want an error", name, at, value)
				}
			}
		}
	}
}
