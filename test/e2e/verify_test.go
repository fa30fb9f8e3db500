package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/receipt"
)

// noService are settings with which nothing else would run.
var noService = []string{"LETHE_DATABASE_URL=no url at all", "LETHE_HTTP_ADDR=nowhere"}

// vectorFolder is docs/vectors, beside a configuration file that nobody could
// read.
func vectorFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("../../docs/vectors")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "lethe.yaml"), "{ no configuration")
	return folder
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyVectors: `lethe verify` reports the documented result for every test
// vector, without a database and whatever the configuration.
func TestVerifyVectors(t *testing.T) {
	t.Parallel()
	folder := vectorFolder(t)
	data, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Keys   map[string]string
		Proofs []struct {
			File, Salt, Older, Tiles, Kind, Reason string
			Keys, Responses, Owners                []string
			Proven                                 bool
		}
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	proven := 0
	for _, v := range all.Proofs {
		args := []string{"verify", v.File, "--json"}
		for _, name := range v.Keys {
			args = append(args, "--key", all.Keys[name])
		}
		for flag, values := range map[string][]string{
			"--salt": {v.Salt}, "--response": v.Responses, "--owner": v.Owners, "--older": {v.Older}, "--tiles": {v.Tiles},
		} {
			if len(values) > 0 && values[0] != "" {
				args = append(args, flag, values[0])
			}
		}
		r := run(t, folder, noService, args...)
		var got struct {
			Proven     bool
			Statements []string
			Receipt    struct{ Version string }
			Problem    struct{ Kind, Reason string }
		}
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatalf("%v: %v\n%s%s", args, err, r.stdout, r.stderr)
		}
		want := 1
		if v.Proven {
			want = 0
			proven++
		}
		if r.code != want || r.stderr != "" || got.Proven != v.Proven || got.Problem.Kind != v.Kind || got.Problem.Reason != v.Reason ||
			v.Proven && (len(got.Statements) < 2 || got.Receipt.Version != receipt.Version) {
			t.Errorf("%v: want the result of the vector, got exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if proven < 9 || len(all.Proofs)-proven < 40 {
		t.Errorf("vectors: want 9 proven and 40 others or more, got %d proven of %d", proven, len(all.Proofs))
	}
}

func TestVerifyOutput(t *testing.T) {
	t.Parallel()
	folder := vectorFolder(t)
	data, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Keys map[string]string }
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "log.pub"), all.Keys["log"]+"\n")
	r := run(t, folder, noService, "verify", "history.receipt", "--key", "log.pub", "--older", "8.checkpoint", "--tiles", "mirror")
	for _, part := range []string{
		"Proven:\n  - This receipt is leaf 0 of the log lethe.example/log of size 300, whose checkpoint is signed with the log's key lethe.example/log+",
		"\n  - It says that on 20 November 2026, 10:00:00 UTC the erasure of one response, asked for on",
		"\n  - The log was not rewritten between its checkpoints of size 8 and 300",
		"\n\nNot proven:\n  - that what the receipt says is true",
		"\n  - that no bytes remain in the write-ahead log",
	} {
		if r.code != 0 || !strings.Contains(r.stdout, part) {
			t.Errorf("want exit code 0 with %[2]q, got %[1]d\n%[3]s%[4]s", r.code, part, r.stdout, r.stderr)
		}
	}
	r = run(t, folder, noService, "verify", "history.receipt", "--key", "log.pub", "--older", "forked.checkpoint", "--tiles", "mirror")
	if r.code != 1 || !strings.HasPrefix(r.stdout, "Not proven: the log lethe.example/log was rewritten: ") {
		t.Errorf("rewritten log: want exit code 1, got %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestVerifyUsageErrors(t *testing.T) {
	t.Parallel()
	folder := vectorFolder(t)
	private, public, err := receipt.GenerateKey("lethe.example/log")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "private.key"), public.String()+"\n"+private+"\n")
	writeFile(t, filepath.Join(folder, "empty"), "")
	nothing, err := os.ReadFile(filepath.Join(folder, "nothing.receipt"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "nothing-of-nobody.receipt"), ofNobody(t, nothing))
	key, salt := public.String(), strings.Repeat("ab", 32)
	const response = "c0000400-0000-4000-8000-00000000005a"
	for _, c := range []struct {
		want string
		args []string
	}{
		{"FILE is missing: write lethe verify FILE", nil},
		{"give the log's public key with --key", []string{"single.receipt"}},
		{`--key: "nothing" is neither a public key nor a file`, []string{"single.receipt", "--key", "nothing"}},
		{"--key: this is a private key", []string{"single.receipt", "--key", private}},
		{"private.key: line 2 is a private key", []string{"single.receipt", "--key", "private.key"}},
		{"empty: there is no public key in it", []string{"single.receipt", "--key", "empty"}},
		{"missing.receipt: no such file", []string{"missing.receipt", "--key", key}},
		{"is a directory", []string{"mirror", "--key", key}},
		{"add --salt", []string{"single.receipt", "--key", key, "--response", response}},
		{"add --salt", []string{"single.receipt", "--key", key, "--owner", "ada"}},
		{"add --response ID or --owner OWNER, or leave --salt out", []string{"single.receipt", "--key", key, "--salt", salt}},
		{"add --response ID or --owner OWNER, or leave --salt out", []string{"empty", "--key", key, "--salt", salt}},
		{"names no response; add --owner OWNER, or leave --salt out", []string{"nothing.receipt", "--key", key, "--salt", salt}},
		{"names no response and no owner; leave --salt out", []string{"nothing-of-nobody.receipt", "--key", key, "--salt", salt}},
		{"leave --salt out, or use it with the erasure's own receipt, ", []string{"level.receipt", "--key", key, "--salt", salt}},
		{"--salt: a salt is 32 bytes", []string{"single.receipt", "--key", key, "--salt", "abcd", "--response", response}},
		{"--response: must be a UUID", []string{"single.receipt", "--key", key, "--salt", salt, "--response", "ada"}},
		{"add --tiles", []string{"single.receipt", "--key", key, "--older", "8.checkpoint"}},
		{"add --older", []string{"single.receipt", "--key", key, "--tiles", "mirror"}},
		{"missing.checkpoint: no such file", []string{"single.receipt", "--key", key, "--older", "missing.checkpoint", "--tiles", "mirror"}},
		{`--tiles: "8.checkpoint" is not a folder`, []string{"single.receipt", "--key", key, "--older", "8.checkpoint", "--tiles", "8.checkpoint"}},
		{"lethe verify has no flag --config", []string{"single.receipt", "--key", key, "--config", "lethe.yaml"}},
	} {
		r := run(t, folder, noService, append([]string{"verify"}, c.args...)...)
		if r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, c.want) || strings.Contains(r.stderr, private) {
			t.Errorf("verify %s: want 2 and %q, got %d\n%s%s", strings.Join(c.args, " "), c.want, r.code, r.stdout, r.stderr)
		}
	}
}

// ofNobody is the file of a receipt without owners, which its proof is wrong for.
func ofNobody(t *testing.T, file []byte) string {
	t.Helper()
	proof, err := receipt.ParseProof(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Parse(proof.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	r.Owners = nil
	if proof.Receipt, err = receipt.Encode(r); err != nil {
		t.Fatal(err)
	}
	file, err = receipt.FormatProof(proof)
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}

// TestSigningKeys: a key is created and signs a log, and `lethe verify` checks it with
// the published keys.
func TestSigningKeys(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const origin = "example.com/erasures"
	printed := func(args ...string) string {
		t.Helper()
		r := run(t, folder, noService, args...)
		if r.code != 0 || r.stderr != "" {
			t.Fatalf("lethe %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
		}
		return r.stdout
	}
	public := printed("keys", "new", origin, "--out", "lethe.key")
	path := filepath.Join(folder, "lethe.key")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("key file: want mode 600, got %v", info.Mode())
	}
	private, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if shown := printed("keys", "show", "lethe.key"); shown != public || strings.Contains(shown, "PRIVATE") {
		t.Errorf("keys show: want %s, got %s", public, shown)
	}

	r := run(t, folder, noService, "keys", "new", origin, "--out", "lethe.key")
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, "lethe.key already exists") || string(after) != string(private) {
		t.Errorf("want exit code 1, got %d\n%s%s", r.code, r.stdout, r.stderr)
	}

	// Without a file the key alone is on the standard output, for a pipe.
	r = run(t, folder, noService, "keys", "new", origin)
	newer := r.stdout
	next, err := receipt.ParsePrivateKeys([]byte(newer))
	if r.code != 0 || err != nil || len(next) != 1 || !strings.Contains(r.stderr, next[0].PublicKey().String()) {
		t.Fatalf("keys new without a file: want one key, got exit code %d, %v\n%s", r.code, err, r.stderr)
	}

	// Rotation: the new one above the old one.
	writeFile(t, filepath.Join(folder, "both.key"), newer+string(private))
	shown := printed("keys", "show", "both.key")
	if shown != next[0].PublicKey().String()+"\n"+public {
		t.Errorf("keys show: want both keys, got\n%s", shown)
	}
	writeFile(t, filepath.Join(folder, "both.pub"), shown)
	signers, err := receipt.ParsePrivateKeys([]byte(newer + string(private)))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "erasure.receipt"), string(proofOfOne(t, origin, signers[0], signers[1])))
	if said := printed("verify", "erasure.receipt", "--key", "both.pub"); !strings.Contains(said, "This receipt is leaf 0 of the log example.com/erasures of size 1") {
		t.Errorf("got %s", said)
	}
	r = run(t, folder, noService, "verify", "erasure.receipt", "--key", strings.TrimSpace(public))
	if want := "Not proven: the checkpoint is signed with " + next[0].PublicKey().ID() + ", and that key is not given.\n"; r.code != 1 || r.stdout != want {
		t.Errorf("verify with the old key alone: want exit code 1, got %d\n%s%s", r.code, r.stdout, r.stderr)
	}

	// Damage is told by its line, and nothing of the key is.
	writeFile(t, filepath.Join(folder, "damaged.key"), newer+string(private[:len(private)-6]))
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, "damaged.key: line 2 is no private key", []string{"show", "damaged.key"}},
		{1, "missing.key: no such file", []string{"show", "missing.key"}},
		{1, "no such file or directory", []string{"new", origin, "--out", "missing/lethe.key"}},
		{2, "a log's origin is", []string{"new", "two words"}},
		{2, "ORIGIN is missing: write lethe keys new ORIGIN", []string{"new"}},
	} {
		r := run(t, folder, noService, append([]string{"keys"}, c.args...)...)
		if r.code != c.code || r.stdout != "" || !strings.Contains(r.stderr, c.want) || strings.Contains(r.stderr, "PRIVATE") {
			t.Errorf("keys %v: want %d and %q, got %d\n%s%s", c.args, c.code, c.want, r.code, r.stdout, r.stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "missing")); err == nil {
		t.Error("want no folder created")
	}
}

// proofOfOne is the file of a receipt that is the only leaf of its log.
func proofOfOne(t *testing.T, origin string, signers ...note.Signer) []byte {
	t.Helper()
	now := time.Now()
	leaf, err := receipt.Encode(receipt.Receipt{
		ID: uuid.New(), Log: origin, Level: receipt.LevelLogical, RequestedAt: now, ExecutedAt: now, Build: "e2e",
		Trigger: receipt.TriggerSingle, Ground: receipt.GroundRequest, Actor: receipt.ActorOwner, Verified: receipt.VerifiedInTransaction,
	})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := receipt.SignCheckpoint(receipt.Checkpoint{Origin: origin, Size: 1, Root: tlog.RecordHash(leaf)}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := receipt.FormatProof(receipt.Proof{Receipt: leaf, Checkpoint: signed})
	if err != nil {
		t.Fatal(err)
	}
	return file
}
