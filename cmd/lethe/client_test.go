package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lethe/app/client"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

const (
	adminKey    = "sk-root-platform"
	aliceEmail  = "alice@example.test"
	aliceAnswer = "c0000400-0000-4000-8000-00000000005a" // a response of alice's
)

// user is somebody at a terminal, with a service of their own.
type user struct {
	environ []string
	folder  string
}

// newUser starts a service with these settings besides the usual ones.
func newUser(t *testing.T, settings ...string) user {
	t.Helper()
	s := apptest.Start(t, append(settings, "LETHE_DATABASE_URL="+pgtest.WithFixture(t).RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t),
		"LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "checkpoint"))...)
	return user{environ: []string{"HOME=" + t.TempDir(), "LETHE_SERVER=" + s.URL, "LETHE_API_KEY=" + adminKey}, folder: t.TempDir()}
}

// types runs a command with something typed, and expects this exit code.
func (u user) types(t *testing.T, input string, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if code := run(t.Context(), args, u.environ, strings.NewReader(input), &out, &err); code != want {
		t.Fatalf("lethe %q: want exit code %d, got %d: %s%s", args, want, code, &out, &err)
	}
	if strings.Contains(out.String()+err.String(), adminKey) {
		t.Fatalf("lethe %q: the key is shown", args)
	}
	return out.String(), err.String()
}

func (u user) runs(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := u.types(t, "", exitOK, args...)
	return out
}

func (u user) refused(t *testing.T, want int, message string, args ...string) {
	t.Helper()
	if _, err := u.types(t, "", want, args...); !strings.Contains(err, message) {
		t.Errorf("lethe %q: want %q, got %s", args, message, err)
	}
}

// rows are lines of JSON.
func rows(t *testing.T, text string) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, row)
	}
	return all
}

func TestListAndGet(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	all := rows(t, u.runs(t, "list", "--all", "--json"))
	few := rows(t, u.runs(t, "list", "--limit", "2", "--json"))
	alices := rows(t, u.runs(t, "list", "--all", "--json", "--owner", aliceEmail))
	if len(few) != 2 || len(all) < 3 || len(alices) == 0 || len(alices) >= len(all) || few[0]["id"] != all[0]["id"] {
		t.Errorf("want two of all, and alice's to be fewer than all: got %d of %d, %d of alice", len(few), len(all), len(alices))
	}
	for _, r := range alices {
		if r["created_by_email"] != aliceEmail {
			t.Errorf("want alice's alone, got %v", r)
		}
	}
	out, err := u.types(t, "", exitOK, "list", "--limit", "1")
	cursor := regexp.MustCompile(`--after (\S+),`).FindStringSubmatch(err)
	if !strings.HasPrefix(out, "ID ") || !strings.Contains(out, fmt.Sprint(all[0]["id"])) || cursor == nil {
		t.Fatalf("want a table and a cursor, got %s%s", out, err)
	}
	if next := rows(t, u.runs(t, "list", "--limit", "1", "--json", "--after", cursor[1])); len(next) != 1 || next[0]["id"] != all[1]["id"] {
		t.Errorf("want the second response, got %v", next)
	}
	if failed := rows(t, u.runs(t, "list", "--all", "--json", "--state", "failed", "--created-after", "1990-01-01")); len(failed) == 0 || failed[0]["status"] != "failed" {
		t.Errorf("want those that failed, got %v", failed)
	}

	if text := u.runs(t, "get", aliceAnswer); !strings.Contains(text, "\nbody:\n") || !strings.Contains(text, aliceAnswer) {
		t.Errorf("want the response with its prompt, got %s", text)
	}
	var response map[string]any
	if err := json.Unmarshal([]byte(u.runs(t, "get", aliceAnswer, "--json")), &response); err != nil || response["id"] != aliceAnswer {
		t.Errorf("want the response as JSON, got %v, %v", response, err)
	}
	if out := u.runs(t, "owners", "alice"); !strings.Contains(out, aliceEmail) {
		t.Errorf("owners: want alice, got %s", out)
	}
	if out := u.runs(t, "me"); !strings.Contains(out, "erase all") {
		t.Errorf("me: want what an administrator may do, got %s", out)
	}
	if out := u.runs(t, "status"); !strings.Contains(out, "sentence") {
		t.Errorf("status: got %s", out)
	}
	u.refused(t, exitUsage, `--created-after: "soon" is not a time`, "list", "--created-after", "soon")
	u.refused(t, exitUsage, "--owner must be an e-mail address or an identifier", "list", "--owner", "alice")
	u.refused(t, exitUsage, `"x" is not an identifier`, "get", "x")
	u.refused(t, exitFailed, "", "get", "00000000-0000-4000-8000-000000000000")
}

// TestErase: the walk from an address to a proof that is checked with nothing but files.
func TestErase(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	alices := rows(t, u.runs(t, "list", "--all", "--json", "--owner", aliceEmail))
	folder := filepath.Join(u.folder, "proof")
	erase := []string{"erase", "--owner", aliceEmail, "--proof", folder}

	for _, answer := range []string{"", "no\n", "bob@example.test\n"} {
		if _, err := u.types(t, answer, exitNotConfirmed, erase...); !strings.Contains(err, "nothing was erased") {
			t.Errorf("want it to say that nothing was erased, got %s", err)
		}
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("want no folder before the confirmation, got %v", err)
	}
	if left := rows(t, u.runs(t, "list", "--all", "--json", "--owner", aliceEmail)); len(left) != len(alices) {
		t.Fatalf("want all %d left without a confirmation, got %d", len(alices), len(left))
	}

	held := fmt.Sprint(alices[0]["id"])
	var hold map[string]any
	if err := json.Unmarshal([]byte(u.runs(t, "holds", "place", held, "--reason", "Case 17", "--json")), &hold); err != nil {
		t.Fatal(err)
	}
	u.refused(t, exitPartly, "holds cover all of it", "erase", held, "--yes", "--proof", folder)
	if out := u.runs(t, "holds", "list", "--active"); !strings.Contains(out, "Case 17") {
		t.Errorf("want the hold listed, got %s", out)
	}
	u.runs(t, "holds", "show", fmt.Sprint(hold["id"]))
	u.runs(t, "holds", "release", fmt.Sprint(hold["id"]))

	out, told := u.types(t, aliceEmail+"\n", exitOK, erase...)
	if !strings.Contains(out, "all checked, are in "+folder) || !strings.Contains(told, "This would erase") {
		t.Errorf("want a preview and a proof, got %s%s", told, out)
	}
	if left := rows(t, u.runs(t, "list", "--all", "--json", "--owner", aliceEmail)); len(left) != 0 {
		t.Errorf("want nothing left, got %d", len(left))
	}
	receipts, err := filepath.Glob(filepath.Join(folder, "*.receipt"))
	if err != nil || len(receipts) == 0 {
		t.Fatalf("want receipts, got %v, %v", receipts, err)
	}
	salt, err := os.ReadFile(filepath.Join(folder, "salt"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(folder, "salt")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want a salt that only its owner can read, got %v, %v", info, err)
	}
	if out := u.runs(t, "verify", receipts[0], "--key", filepath.Join(folder, "log.pub"), "--salt", strings.TrimSpace(string(salt)), "--owner", apptest.Alice); !strings.Contains(out, "The salt fits") {
		t.Errorf("verify: got %s", out)
	}

	id := regexp.MustCompile(`Erasure (\S+) has started`).FindStringSubmatch(told)[1]
	for _, words := range []string{"erasures show", "erasures watch", "erasures cancel"} {
		if out := u.runs(t, append(strings.Fields(words), id)...); !strings.Contains(out, "finished") {
			t.Errorf("lethe %s: want it finished, got %s", words, out)
		}
	}
	if out := u.runs(t, "erasures", "list", "--state", "finished"); !strings.Contains(out, id) {
		t.Errorf("erasures list: want %s, got %s", id, out)
	}
	u.runs(t, "erasures", "proof", id, "--proof", folder)
	// A receipt that was changed afterwards proves nothing.
	text, err := os.ReadFile(receipts[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(receipts[0], bytes.Replace(text, []byte("index "), []byte("index 1"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	u.refused(t, exitUnproven, "is not proven", "erasures", "proof", id, "--proof", folder)
}

func TestEraseInScripts(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	two := rows(t, u.runs(t, "list", "--limit", "2", "--json", "--state", "completed"))
	var done struct {
		Checked, Opened bool
		Receipts        int
		Erasure         struct{ State string }
	}
	args := []string{"erase", "--yes", "--json", "--proof", filepath.Join(u.folder, "two")}
	for _, r := range two {
		args = append(args, fmt.Sprint(r["id"]))
	}
	if err := json.Unmarshal([]byte(u.runs(t, args...)), &done); err != nil || !done.Checked || !done.Opened || done.Receipts == 0 || done.Erasure.State != "finished" {
		t.Errorf("want a checked proof that the salt opens, got %+v, %v", done, err)
	}
	u.refused(t, exitUsage, "is not empty", "erase", "--owner", aliceEmail, "--yes", "--proof", filepath.Join(u.folder, "two"))
	u.refused(t, exitUsage, "say what to erase", "erase", "--yes")
	u.refused(t, exitUsage, "give only one of", "erase", "--yes", "--everything", "--state", "failed")
	u.runs(t, "erase", "--state", "failed", "--owner", aliceEmail, "--yes", "--proof", filepath.Join(u.folder, "failed"))

	// Who stops watching keeps the salt, and is told how to go on.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, told bytes.Buffer
	if code := run(ctx, []string{"erase", "--owner", aliceEmail, "--yes"}, u.environ, strings.NewReader(""), &out, &told); code == exitOK {
		t.Errorf("want a canceled command to fail, got %s%s", &out, &told)
	}
}

func TestRulesOverAPI(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	var rule map[string]any
	if err := json.Unmarshal([]byte(u.runs(t, "rules", "create", "two weeks", "--age-days", "14", "--run-at", "01:30", "--tier", "flex", "--json")), &rule); err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(rule["id"])
	u.refused(t, exitFailed, "dry run", "rules", "enable", id, "--version", "1")
	u.runs(t, "rules", "dry-run", id)
	for want, args := range map[string][]string{
		"two weeks": {"rules", "show", id},
		"true":      {"rules", "enable", id, "--version", "1"},
		"ID  ":      {"rules", "list"},
	} {
		if out := u.runs(t, args...); !strings.Contains(out, want) {
			t.Errorf("lethe %q: want %q, got %s", args, want, out)
		}
	}
	if out := u.runs(t, "rules", "disable", id, "--json"); !strings.Contains(out, `"enabled": false`) {
		t.Errorf("want it disabled, got %s", out)
	}
}

func TestNoService(t *testing.T) {
	t.Parallel()
	away := user{environ: []string{"LETHE_SERVER=http://127.0.0.1:1", "LETHE_API_KEY=" + adminKey}}
	away.refused(t, exitFailed, "nothing answers at http://127.0.0.1:1: start the service (make run starts the demo), or give its address with --server or LETHE_SERVER", "list")
	away.refused(t, exitUsage, "the address of the service must be http://HOST:PORT", "list", "--server", "http://me:secret@localhost")
	user{}.refused(t, exitUsage, "no API key: set LETHE_API_KEY, or write the key to a file and give it with --key-file", "list")
	away.refused(t, exitUsage, "--key-file: open /nowhere", "list", "--key-file", "/nowhere")

	u := newUser(t)
	file := filepath.Join(u.folder, "key")
	if err := os.WriteFile(file, []byte("sk-nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u.refused(t, exitFailed, "the key comes from the file "+file, "list", "--key-file", file)
	if _, err := client.Connect(client.Sources{Environ: []string{"LETHE_API_KEY=sk a"}}); err == nil || strings.Contains(err.Error(), "sk a") {
		t.Errorf("want an error without the key, got %v", err)
	}
}
