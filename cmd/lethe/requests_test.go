package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// object is what a command prints with --json.
func (u user) object(t *testing.T, args ...string) (o map[string]any) {
	t.Helper()
	text := u.runs(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("lethe %q: %v: %s", args, err, text)
	}
	return o
}

// TestRequests: from an address to the letter.
func TestRequests(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	id := fmt.Sprint(u.object(t, "requests", "open", "--owner", aliceEmail, "--kind", "erasure", "--ticket", "PRIV-17", "--received", time.Now().AddDate(0, 0, -1).Format(time.DateOnly))["id"])
	letter := filepath.Join(u.folder, "letter.html")
	proof := filepath.Join(u.folder, "proof")
	erase := []string{"erase", "--owner", aliceEmail, "--request", id, "--yes", "--proof", proof}

	u.refused(t, exitFailed, "identity", append(erase, "--ground", "request")...)
	if _, err := os.Stat(proof); !os.IsNotExist(err) {
		t.Errorf("want no folder of an erasure that was refused, got %v", err)
	}
	if r := u.object(t, "requests", "check-identity", id); r["state"] != "in_progress" {
		t.Errorf("want the identity checked, got %v", r)
	}
	if r := u.object(t, "requests", "extend", id, "--reason", "complexity"); r["extension"] != "complexity" {
		t.Errorf("want it extended, got %v", r)
	}
	u.refused(t, exitFailed, "erasure", "requests", "answer", id)
	u.refused(t, exitFailed, "", "requests", "letter", id, "--output", letter)
	if _, err := os.Stat(letter); !os.IsNotExist(err) {
		t.Errorf("want no letter before the end, got %v", err)
	}

	u.refused(t, exitUsage, "give --request with --owner alone", "erase", "--state", "failed", "--request", id, "--yes")
	u.refused(t, exitUsage, `"x" is not an identifier`, "erase", "--owner", aliceEmail, "--request", "x", "--yes")
	u.runs(t, erase...)
	if out, told := u.types(t, "", exitOK, "requests", "answer", id); !strings.Contains(out, "answered") || !strings.Contains(told, "lethe requests letter "+id) {
		t.Errorf("want it answered, and what comes next, got %s%s", out, told)
	}
	if out := u.runs(t, "requests", "show", id); !strings.Contains(out, "\n\nERASURE ") || !strings.Contains(out, "finished") {
		t.Errorf("want the request with its erasure, got %s", out)
	}
	u.runs(t, "requests", "letter", id, "--output", letter)
	text, err := os.ReadFile(letter)
	if err != nil || !strings.HasPrefix(strings.ToLower(string(text)), "<!doctype html") || !strings.Contains(string(text), "PRIV-17") {
		t.Errorf("want the letter, got %s, %v", text, err)
	}
	if info, err := os.Stat(letter); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want a letter that only its owner can read, got %v, %v", info, err)
	}
	u.refused(t, exitUsage, "--output: open "+letter, "requests", "letter", id, "--output", letter)
	if again, err := os.ReadFile(letter); err != nil || string(again) != string(text) {
		t.Errorf("want the letter kept, got %s, %v", again, err)
	}
	u.refused(t, exitFailed, "", "requests", "refuse", id, "--reason", "excessive")

	// Nothing is left, and yet the next request can be answered.
	second := fmt.Sprint(u.object(t, "requests", "open", "--owner", aliceEmail, "--kind", "erasure")["id"])
	if open := rows(t, u.runs(t, "requests", "list", "--open", "--json", "--owner", aliceEmail)); len(open) != 1 || open[0]["id"] != second {
		t.Errorf("want the second request alone, got %v", open)
	}
	if out := u.runs(t, "requests", "show", second); !strings.Contains(out, id) {
		t.Errorf("want the first named as a duplicate, got %s", out)
	}
	u.runs(t, "requests", "check-identity", second)
	if _, told := u.types(t, "", exitOK, "erase", "--owner", aliceEmail, "--request", second, "--proof", filepath.Join(u.folder, "nothing")); !strings.Contains(told, "nothing to erase") {
		t.Errorf("want it said that there is nothing, got %s", told)
	}
	if r := u.object(t, "requests", "answer", second); r["state"] != "answered" {
		t.Errorf("want it answered, got %v", r)
	}

	third := fmt.Sprint(u.object(t, "requests", "open", "--owner", aliceEmail, "--kind", "access")["id"])
	if r := u.object(t, "requests", "refuse", third, "--reason", "excessive"); r["refusal"] != "excessive" {
		t.Errorf("want it refused, got %v", r)
	}
	if out := u.runs(t, "requests", "list"); !strings.HasPrefix(out, "ID ") || strings.Count(out, "\n") != 4 || !strings.Contains(out, "PRIV-17") {
		t.Errorf("want a table of three requests, got %s", out)
	}
	u.refused(t, exitFailed, "kind", "requests", "open", "--owner", aliceEmail, "--kind", "everything")
	u.refused(t, exitUsage, "--received: \"soon\" is not a time", "requests", "open", "--owner", aliceEmail, "--kind", "both", "--received", "soon")
	u.refused(t, exitUsage, "give --kind", "requests", "open", "--owner", aliceEmail)
	u.refused(t, exitUsage, `"x" is not an identifier`, "requests", "letter", "x")
}
