// Package mutation_test tests the tests of the rules of access: each rule is
// changed in every way that is known here, and some test must fail.
package mutation_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rules are the files of domain that decide who may do what, and to which rows.
var rules = []string{
	"principal.go", "principal_identify.go", "caller.go", "owner.go", "response_list.go", "response_get.go", "response_steps.go", "response_models.go", "response_export.go", "response_erase.go",
	"response_whole.go",
	"response_repeat.go", "session.go", "log_read.go", "hold_read.go", "hold_release.go", "erasure_access.go", "erasure_start.go", "erasure_approve.go",
	"erasure_read.go", "rule_write.go", "rule_read.go", "rule_enable.go", "rule_run.go", "status_read.go",
	"figures_read.go",
	"person_file_start.go", "person_file_read.go",
	"subject_request_open.go", "subject_request_check.go", "subject_request_read.go", "subject_request_process.go", "subject_request_letter.go",
}

// others are the files that do not. A new file must be put here or there.
var others = []string{
	"access_log.go", "authorization.go", "cursor.go", "erasure.go", "erasure_replay.go", "erasure_request.go",
	"erasure_run.go", "errors.go", "event.go", "event_deliver.go", "hold.go", "hold_place.go", "log.go", "ports.go", "ports_erasure.go", "ports_event.go", "ports_subject.go", "profile.go", "response.go", "response_enrich.go", "response_import.go", "response_outcome.go",
	"figures.go", "rule.go", "status.go", "subject_request.go", "sweep.go", "values.go",
	"person_file.go", "person_file_make.go", "ports_person_file.go",
}

// equivalent are changes that change nothing, with the reason.
var equivalent = map[string]string{
	"erasure_approve.go mayBegin: err == nil → true": "with an error, RunErasure.Execute does not look at it",
}

// only is for work on the tests of one file: all of rules take minutes.
var only = flag.String("only", "", "change just these files of domain, separated by commas")

func TestMutations(t *testing.T) {
	t.Parallel()
	changed := rules
	if *only != "" {
		changed = strings.Split(*only, ",")
	}
	domain, err := filepath.Abs("../../domain")
	if err != nil {
		t.Fatal(err)
	}
	checkFiles(t, domain)
	changes, programs := build(t, domain, changed)
	if *only == "" && len(changes) < 100 {
		t.Fatalf("changes: want 100 or more, got %d in %v", len(changes), rules)
	}
	tests := reaching(t, programs)

	survived := make([]bool, len(changes))
	queue := make(chan int)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for i := range queue {
				survived[i] = !fails(t, programs, tests, changes[i])
			}
		})
	}
	for i := range changes {
		queue <- i
	}
	close(queue)
	workers.Wait()

	listed := make(map[string]bool)
	for i, c := range changes {
		_, known := equivalent[c.name]
		listed[c.name] = listed[c.name] || known
		switch {
		case survived[i] && !known:
			t.Errorf("no test fails with this change: %s", c.name)
		case !survived[i] && known:
			t.Errorf("a test fails with this change, so it is not equivalent: %s", c.name)
		}
	}
	for name := range equivalent {
		if file, _, _ := strings.Cut(name, " "); slices.Contains(changed, file) && !listed[name] {
			t.Errorf("equivalent has a change that does not exist: %s", name)
		}
	}
	t.Logf("%d changes, %d of them equivalent", len(changes), len(equivalent))
}

// checkFiles also reads whatever the result hangs on, so that the cache of test
// results knows about it.
func checkFiles(t *testing.T, domain string) {
	t.Helper()
	var found []string
	for _, dir := range []string{domain, domain + "/porttest", domain + "/../internal/memory", domain + "/../test/property"} {
		paths, err := filepath.Glob(dir + "/*.go")
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no Go files, %v", dir, err)
		}
		for _, path := range paths {
			if _, err := os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
			if dir == domain && !strings.HasSuffix(path, "_test.go") {
				found = append(found, filepath.Base(path))
			}
		}
	}
	slices.Sort(found)
	want := slices.Sorted(slices.Values(slices.Concat(rules, others)))
	if !slices.Equal(want, found) {
		t.Fatalf("domain has the files %v, but known are %v: name the new ones in rules or others", found, want)
	}
}

// build makes the two test programs with every change to these files in them.
func build(t *testing.T, domain string, files []string) (changes []change, programs []program) {
	t.Helper()
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	put := func(name, text string) {
		replacement := filepath.Join(dir, name)
		if err := os.WriteFile(replacement, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(domain, name)] = replacement
	}
	site := 0
	for _, name := range files {
		source, err := os.ReadFile(filepath.Join(domain, name))
		if err != nil {
			t.Fatal(err)
		}
		text, found := rewrite(t, name, source, &site)
		put(name, text)
		changes = append(changes, found...)
	}
	number(changes)
	put("mutants.go", switches)
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, list, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]string{{"./domain"}, {"./test/property", "-seed=1", "-worlds=100"}} {
		file := filepath.Join(dir, filepath.Base(p[0])+".test")
		cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlayFile, "-o", file, p[0])
		cmd.Dir = filepath.Dir(domain)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("compile the tests with every change in them: %v\n%s", err, out)
		}
		programs = append(programs, program{file, p[1:]})
	}
	return changes, programs
}

// number tells apart changes that read the same.
func number(changes []change) {
	seen := make(map[string]int)
	for i, c := range changes {
		seen[c.name]++
		if n := seen[c.name]; n > 1 {
			changes[i].name = fmt.Sprintf("%s (%d)", c.name, n)
		}
	}
}

// program is a test program with every change in it.
type program struct {
	file  string
	flags []string
}

// run returns what the program said, and an *exec.ExitError where a test
// failed. A change may make one wait for ever: that is a failure, too.
func (p program) run(ctx context.Context, environ string, flags ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	command := slices.Concat([]string{p.file, "-test.failfast", "-test.timeout=20s"}, flags, p.flags)
	if _, err := exec.LookPath("nice"); err == nil { // tests that measure may run at the same time
		command = slices.Concat([]string{"nice"}, command)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), environ)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reaching runs each test of each program alone and without any change, and
// returns for each program and site the tests that come to it. The others need
// not be run with a change there: it cannot make them fail.
func reaching(t *testing.T, programs []program) []map[int][]string {
	t.Helper()
	tests := make([]map[int][]string, len(programs))
	file := filepath.Join(t.TempDir(), "reached")
	for i, p := range programs {
		tests[i] = make(map[int][]string)
		list, err := p.run(t.Context(), "DOMAIN_MUTANT=", "-test.list=.")
		if err != nil {
			t.Fatalf("list the tests of %s: %v", filepath.Base(p.file), err)
		}
		for name := range strings.FieldsSeq(list) {
			if out, err := p.run(t.Context(), "DOMAIN_MUTANT_REACHED="+file, "-test.run=^"+name+"$"); err != nil {
				t.Fatalf("%s fails without any change: %v\n%s", name, err, out)
			}
			reached, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.FieldsSeq(string(reached)) {
				site, err := strconv.Atoi(line)
				if err != nil {
					t.Fatal(err)
				}
				tests[i][site] = append(tests[i][site], name)
			}
		}
	}
	return tests
}

// fails tells whether some test fails with a change.
func fails(t *testing.T, programs []program, tests []map[int][]string, c change) bool {
	for i, p := range programs {
		names := tests[i][c.site]
		if len(names) == 0 {
			continue
		}
		_, err := p.run(t.Context(), fmt.Sprintf("DOMAIN_MUTANT=%d:%d", c.site, c.variant), "-test.run=^("+strings.Join(names, "|")+")$")
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return true
		}
		if err != nil {
			t.Errorf("run %s: %v", filepath.Base(p.file), err)
		}
	}
	return false
}
