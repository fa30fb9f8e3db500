package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
)

// root is the module's.
const root = "../.."

// notRun are the documented lines that no test here runs, each with the reason.
var notRun = map[string]string{
	"make test":              "it is what runs this test",
	"lethe demo":             "TestDemo runs it, with a folder of its own for the data",
	"useradd --system lethe": "it changes the machine's accounts",

	"LETHE_HTTP_ADDR=127.0.0.1:9000 LETHE_DATA_DIR=/srv/lethe-demo lethe demo": "TestDemo runs this with another port and folder",

	"make bench":         "it measures for six minutes",
	"make soak":          "it measures for twelve minutes",
	"make bench-exports": "it measures for minutes",
	"make bench-go":      "it measures for minutes, and compares with what this machine has recorded",
	"make bin/testpg && bin/testpg go test ./test/plans -run TestPartitions -v":    "`make test` runs that test in the same way",
	"make bin/testpg && bin/testpg go test ./test/plans -run TestRetainedPlans -v": "`make test` runs that test in the same way",

	"npm install --no-save playwright-core": "it installs what make screenshots needs",

	"python3 check.py erasure.receipt 'example.com/erasures+0a1b2c3d+AX…'": "the Python client's tests run that program: sdk/python/tests/test_receipt_format.py",
	"grep VmRSS /proc/$(pgrep -x lethe)/status":                            "it wants the only lethe of the machine; TestIdleMemory reads the same",
	"go tool pprof":  "the name of a tool",
	"lethe listener": "the name of a connection",
	"go get":         "the name of a command",

	"LETHE_API_KEY=sk-... lethe list": "docs/command-line.md runs it",
}

// clients have READMEs that are run by tests of their own: sdk/test.sh.
const clients = "sdk/"

// documents are all commands that a reader is shown, and which of them have been
// run.
type documents struct {
	blocks []*block
	spans  map[string][]string // commands in running text, and where they are
}

// block is a piece of shell or SQL: of a page, or the example of a help text.
type block struct {
	source, section, language, text string
	taken                           bool
}

var (
	fence   = regexp.MustCompile("(?ms)^( *)```([a-z]+)\n(.*?)^ *```$")
	heading = regexp.MustCompile(`(?m)^## (.*)$`)
	span    = regexp.MustCompile("`([^`\n]+)`")
	// What begins like a command; the names of programs alone are none.
	command = regexp.MustCompile(`^([A-Z_]+=\S+ )*(make|lethe|bin/lethe|bin/testpg|go|npm|pip|python3|curl|psql|grep|git|sdk/test\.sh) \S`)
)

func readDocuments(t *testing.T) *documents {
	t.Helper()
	d := &documents{spans: map[string][]string{}}
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "bench/*.md", "sdk/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		source, _ := filepath.Rel(root, page)
		if source == "CHANGELOG.md" || strings.HasPrefix(source, clients) {
			continue // the former says what was
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		sections := heading.FindAllSubmatchIndex(text, -1)
		for _, at := range fence.FindAllSubmatchIndex(text, -1) {
			b := &block{source: source, language: string(text[at[4]:at[5]])}
			for _, s := range sections {
				if s[0] < at[0] {
					b.section = string(text[s[2]:s[3]])
				}
			}
			indent := string(text[at[2]:at[3]])
			for line := range strings.Lines(string(text[at[6]:at[7]])) {
				b.text += strings.TrimPrefix(line, indent)
			}
			if slices.Contains([]string{"sh", "bash", "console", "shell", "sql"}, b.language) {
				d.blocks = append(d.blocks, b)
			}
		}
		for _, match := range span.FindAllSubmatch(fence.ReplaceAll(text, nil), -1) {
			// In a table, a bar is written \|.
			if s := strings.ReplaceAll(string(match[1]), `\|`, "|"); command.MatchString(s) {
				d.spans[s] = append(d.spans[s], source)
			}
		}
	}
	d.readHelp(t, nil)
	return d
}

// readHelp reads the examples of a command and of those below it.
func (d *documents) readHelp(t *testing.T, words []string) {
	t.Helper()
	help := must(t, nil, append(words, "--help")...)
	part := func(title string) string {
		_, after, _ := strings.Cut(help, "\n"+title+":\n")
		var b strings.Builder
		for line := range strings.Lines(after) {
			if line != "\n" && !strings.HasPrefix(line, "  ") {
				break
			}
			b.WriteString(strings.TrimPrefix(line, "  "))
		}
		return b.String()
	}
	if example := part("Examples"); example != "" {
		d.blocks = append(d.blocks, &block{source: strings.Join(append([]string{"lethe"}, words...), " ") + " --help", language: "sh", text: example})
	}
	for line := range strings.Lines(part("Available Commands")) {
		if name, _, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" && name != "help" {
			d.readHelp(t, append(slices.Clone(words), name))
		}
	}
}

// lines are those of a block that do something; one that goes on in the next is
// one with it.
func lines(text string) []string {
	var all []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		line, _, _ = strings.Cut(line, " #") // no command has this in quotes
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// take returns what is to be run of the blocks of a source that pass: everything
// but what is not.
func (d *documents) take(t *testing.T, source string, passes func(*block) bool) string {
	t.Helper()
	var script strings.Builder
	for _, b := range d.blocks {
		if b.source != source || !passes(b) {
			continue
		}
		b.taken = true
		for line := range strings.Lines(b.text) {
			if l := lines(line); len(l) == 1 && notRun[l[0]] != "" {
				continue
			}
			script.WriteString(line)
		}
	}
	if script.Len() == 0 {
		t.Fatalf("%s: the block is missing", source)
	}
	return script.String()
}

// of passes the blocks of a section.
func of(sections ...string) func(*block) bool {
	return func(b *block) bool { return slices.Contains(sections, b.section) }
}

// having passes the blocks with this text in them.
func having(text string) func(*block) bool {
	return func(b *block) bool { return strings.Contains(b.text, text) }
}

func whole(*block) bool { return true }

// shell is where and how scripts are run.
type shell struct {
	name        string
	folder      string
	environ     []string
	replacement []string // what stands for something that a reader has, and this
}

// process starts a script, in a process group of its own. It stops where a
// command fails, as a reader would.
func (s shell) process(t *testing.T, script string) (*exec.Cmd, *output) {
	t.Helper()
	for i := 0; i < len(s.replacement); i += 2 {
		script = strings.ReplaceAll(script, s.replacement[i], s.replacement[i+1])
	}
	if rest := regexp.MustCompile(`…|\.\.\. `).FindString(strings.Join(lines(script), "\n")); rest != "" {
		t.Fatalf("want nothing left to fill in:\n%s", script)
	}
	out := &output{}
	cmd := exec.Command(s.name, "-euc", script)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, out, out
	cmd.Env = environ(s.folder, append([]string{"TMPDIR=" + s.folder}, s.environ...)...)
	cmd.Env = append(cmd.Env, "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("%s\n%s", script, out)
		}
	})
	return cmd, out
}

// run runs a script to its end and returns what it said.
func (s shell) run(t *testing.T, script string) string {
	t.Helper()
	cmd, out := s.process(t, script)
	ended := time.AfterFunc(startTimeout, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer ended.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return out.String()
}

// runUntil runs a script whose last command goes on, until it has said or done
// something, and stops it with Ctrl-C.
func (s shell) runUntil(t *testing.T, script string, until func(out string) bool, meanwhile func(out string)) string {
	t.Helper()
	cmd, out := s.process(t, script)
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	await(t, "the script has come to its end", startTimeout, func() bool {
		select {
		case <-ended:
			t.Fatal("the program stopped")
		default:
		}
		return until(out.String())
	})
	if meanwhile != nil {
		meanwhile(out.String())
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(stopTimeout):
		t.Fatal("the program did not stop")
	}
	return out.String()
}

func listens(out string) bool { return listening.MatchString(out) }

// exported says when a folder holds a list and a mirror that has this many leaves.
func exported(folder string, leaves int) func(string) bool {
	return func(string) bool {
		checkpoint, err := os.ReadFile(filepath.Join(folder, "mirror", "checkpoint"))
		_, stateErr := os.Stat(filepath.Join(folder, "state.json"))
		return err == nil && stateErr == nil && strings.Contains(string(checkpoint), fmt.Sprintf("\n%d\n", leaves))
	}
}

// wantInOrder looks for parts of a text one after the other.
func wantInOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		at := regexp.MustCompile(part).FindStringIndex(rest)
		if at == nil {
			t.Fatalf("%q is not in\n%s\nwhich is the rest of\n%s", part, rest, text)
		}
		rest = rest[at[1]:]
	}
}

// TestDocumentedCommands: it runs every command of a page or help text as printed,
// except those in notRun, and fills in what a reader has to fill in.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"curl", "psql", "openssl"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s: not installed", name)
			}
			t.Logf("no %s found: the commands of the documentation are not run", name)
			return
		}
	}
	d := readDocuments(t)
	if !t.Run("run", func(t *testing.T) {
		t.Run("README", d.readme)
		t.Run("beside dwctl", d.besideDwctl)
		t.Run("own database", d.ownDatabase)
		t.Run("log", d.withLog)
		t.Run("over the API", d.overAPI)
		t.Run("webhook", d.webhook)
	}) {
		return
	}

	shown := map[string]bool{}
	for _, b := range d.blocks {
		for _, line := range lines(b.text) {
			shown[line] = true
			if !b.taken && notRun[line] == "" {
				t.Errorf("%s: neither run here nor listed in notRun: %s", b.source, line)
			}
		}
	}
	for s, sources := range d.spans {
		if shown[s] {
			continue
		}
		shown[s] = true
		if notRun[s] != "" {
			continue
		}
		if err := d.trySpan(t, s); err != nil {
			t.Errorf("%s: %s: %v", strings.Join(sources, ", "), s, err)
		}
	}
	for line := range notRun {
		if !shown[line] {
			t.Errorf("notRun has a command that no page shows: %s", line)
		}
	}
}

var (
	assignments = regexp.MustCompile(`^([A-Z_]+=\S+ )+`)
	testNames   = regexp.MustCompile(`-(run|bench) '?([A-Za-z|]+)`)
	packages    = regexp.MustCompile(`\./[a-z/0-9]+`)
)

// trySpan looks whether a command in running text is one: these are names of what
// is told about, and measurements, which take long.
func (d *documents) trySpan(t *testing.T, s string) error {
	t.Helper()
	words := strings.Fields(assignments.ReplaceAllString(s, ""))
	switch {
	case words[0] == "make":
		out, err := exec.CommandContext(t.Context(), "make", append([]string{"-C", root, "-n"}, words[1:]...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	case strings.HasSuffix(words[0], "lethe"):
		r := run(t, "", noService, append(words[1:], "--help")...)
		if r.code != 0 || !strings.Contains(r.stdout, "\n  "+strings.Join(slices.Concat([]string{"lethe"}, commandWords(words[1:])), " ")) {
			return fmt.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
		}
		return nil
	case words[0] == "go" && words[1] == "test":
		return findTests(s)
	}
	return fmt.Errorf("unknown command: run it, or list it in notRun")
}

// commandWords are those before the first flag or argument.
func commandWords(words []string) []string {
	for i, w := range words {
		if !regexp.MustCompile(`^[a-z]+$`).MatchString(w) {
			return words[:i]
		}
	}
	return words
}

// findTests looks whether each of the packages has a test or benchmark of the
// names that a command of `go test` asks for.
func findTests(s string) error {
	for _, match := range testNames.FindAllStringSubmatch(s, -1) {
		if match[2] == "XXX" {
			continue
		}
		for name := range strings.SplitSeq(match[2], "|") {
			found := false
			for _, folder := range packages.FindAllString(s, -1) {
				files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
				if err != nil {
					return err
				}
				for _, file := range files {
					text, err := os.ReadFile(file)
					if err != nil {
						return err
					}
					found = found || regexp.MustCompile(`func (Test|Benchmark)\w*`+strings.TrimPrefix(name, "Benchmark")).Match(text) ||
						regexp.MustCompile(`func `+name).Match(text)
				}
			}
			if !found {
				return fmt.Errorf("no test is named %s", name)
			}
		}
	}
	return nil
}

// readme runs the README from its first command to "Beside dwctl", in each shell that
// there is.
func (d *documents) readme(t *testing.T) {
	t.Parallel()
	before, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	begin := d.take(t, "README.md", having("make run"))
	rest := d.take(t, "README.md", func(b *block) bool {
		return of("Try it", "The three calls", "Erasing many, with proof")(b) && !having("make run")(b)
	})
	exports := d.take(t, "docs/export.md", whole) + d.take(t, "docs/subject-requests.md", whole)
	walk := d.take(t, "docs/command-line.md", of("From an address to a proof"))
	answered := d.take(t, "docs/command-line.md", of("From an address to an answered letter"))
	file := d.take(t, "docs/person-file.md", whole)
	if strings.TrimSpace(strings.Split(begin, "#")[0]) != "make run" {
		t.Fatalf("README: want make run first, got\n%s", begin)
	}
	for _, name := range []string{"sh", "bash"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Logf("no %s found", name)
			continue
		}
		key, _ := keyFile(t)
		demo := shell{name: "sh", folder: root, environ: append(goEnviron(t),
			databaseURL(pgtest.New(t).URL), anyPort, "LETHE_ERASURE_KEY_FILE="+key, "LETHE_EXPORTS_FOLDER="+filepath.Join(t.TempDir(), "exports"), "ARGS=--on-this-database")}
		demo.runUntil(t, begin, func(out string) bool { return strings.Contains(out, "Stop it with Ctrl-C") }, func(printed string) {
			_, values, found := strings.Cut(printed, "\n  HOST=")
			if !found {
				t.Fatalf("want a command to paste, got\n%s", printed)
			}
			values, _, _ = strings.Cut(values, "\n")
			folder := t.TempDir()
			reader := shell{name: name, folder: root, environ: append(goEnviron(t), "TMPDIR="+folder)}
			wantInOrder(t, reader.run(t, "HOST="+values+"\n"+exports), `"has_more":false,"next_cursor":null,"rows":[1-9][0-9]*,"sha256":"[0-9a-f]{64}"`, `[0-9a-f]{64}  -`)
			if name == "sh" {
				wantInOrder(t, reader.run(t, "HOST="+values+"\n"+walk), "erase all", "amelie.dubois@example.com", "all checked", "Proven:", "PRIV-2026-17")
				wantInOrder(t, reader.run(t, "HOST="+values+"\n"+answered), "in_progress", "responses in", "all checked", "answered", "The letter is in", `ERASURE`, "finished", `FILE`, "expired", `ID .*DUE`)
			}
			wantInOrder(t, reader.run(t, "HOST="+values+"\n"+file), `"state":"(queued|running|done)"`, `"state":"done"`, `PK`, `204`)
			out := reader.run(t, "HOST="+values+"\n"+rest)
			wantInOrder(t, out,
				`"total_count":[1-9]`, `"response_body":"`, `HTTP/1\.1 204`, `HTTP/1\.1 404`,
				`"responses":[1-9][0-9]{2},`, `"token":"`, `event: end`,
				`Proven:\n`, `The salt fits: the owner given is among the`, `Proven:\n`, `The salt fits: the owner given is among the`,
				`\nNot proven: `, `refused, as it should be`,
				`HTTP/1\.1 409`, `"released_at":"2`,
				`"dry_run":{[^}]*"responses":[1-9]`, `"enabled":true,`, `"enabled":false,`, `"data":\[\]`)
			receipts := regexp.MustCompile(`"receipts":([0-9]+)`).FindAllStringSubmatch(out, -1)
			if n := fmt.Sprint(strings.Count(out, "The salt fits")); len(receipts) == 0 || receipts[len(receipts)-1][1] != n {
				t.Errorf("want all receipts proven, got %s of %v", n, receipts)
			}
			left, err := os.ReadDir(folder)
			if err != nil || len(left) > 0 {
				t.Errorf("want no file left, got %v, %v", left, err)
			}
		})
	}
	after, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range after {
		if e.Name() != "bin" && !slices.ContainsFunc(before, func(b os.DirEntry) bool { return b.Name() == e.Name() }) {
			t.Errorf("want no new file in the clone, got %s", e.Name())
		}
	}
}

// webhook runs the page about it, in a folder of its own.
func (d *documents) webhook(t *testing.T) {
	t.Parallel()
	script := d.take(t, "docs/webhooks.md", whole)
	for _, name := range []string{"sh", "bash"} {
		wantInOrder(t, shell{name: name, folder: t.TempDir()}.run(t, script), "genuine\n")
	}
}

// goEnviron is where Go keeps what it has built and fetched.
func goEnviron(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name+"="+strings.TrimSpace(string(out)))
	}
	return all
}

// newRole names a role of a test's own: roles are the whole server's. It is
// dropped before the database is.
func newRole(t *testing.T, databaseURL, name string) (role string, at string) {
	t.Helper()
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	role = strings.TrimPrefix(parsed.Path, "/") + "_" + name
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		conn, err := pgx.Connect(ctx, databaseURL)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(ctx) }()
		var there bool
		err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).Scan(&there)
		if err == nil && there {
			_, err = conn.Exec(ctx, "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role)
		}
		if err != nil {
			t.Error(err)
		}
	})
	parsed.User = url.UserPassword(role, "secret")
	return role, parsed.String()
}

// besideDwctl follows the README on a database with the tables of dwctl, as their
// owner, who is no superuser.
func (d *documents) besideDwctl(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	owner, ownerURL := newRole(t, database.URL, "owner")
	service, serviceURL := newRole(t, database.URL, "service")
	conn := connect(t, database.URL)
	execute(t, conn, "DROP SCHEMA lethe CASCADE") // which said that the tables are ours
	execute(t, conn, "CREATE ROLE "+owner+" LOGIN CREATEROLE PASSWORD 'secret'")
	execute(t, conn, "GRANT CREATE ON DATABASE "+database.Name+" TO "+owner)
	execute(t, conn, fmt.Sprintf(`DO $$ DECLARE c text; BEGIN
		FOR c IN SELECT format('ALTER SCHEMA %%I OWNER TO %[1]s', nspname) FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'
			UNION ALL SELECT format('ALTER TABLE %%s OWNER TO %[1]s', oid::regclass) FROM pg_class
				WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^pg_|^information_schema$'
		LOOP EXECUTE c; END LOOP; END $$`, owner))

	folder := t.TempDir()
	for _, path := range []string{"bin", "programs"} {
		if err := os.Mkdir(filepath.Join(folder, path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(program, filepath.Join(folder, "bin", "lethe")); err != nil {
		t.Fatal(err)
	}
	s := shell{name: "sh", folder: folder, environ: []string{anyPort}, replacement: []string{
		"postgres://dwctl:…@db/dwctl", quote(ownerURL), "PASSWORD '…'", "PASSWORD 'secret'", "CREATE ROLE lethe ", "CREATE ROLE " + service + " ",
		"--role lethe ", "--role " + service + " ", "postgres://lethe:…@db/dwctl", quote(serviceURL),
		"LETHE_AUTH_SESSION_SECRET=…", "LETHE_AUTH_SESSION_SECRET=0123456789abcdef",
		"LETHE_AUTH_PROXY_SECRET=…", "LETHE_AUTH_PROXY_SECRET=0123456789abcdef",
		"/usr/local/bin", folder + "/programs", "runuser -u lethe -- ", "", "/etc/lethe", folder + "/etc", "/var/lib/lethe-log", folder + "/log",
		"-o lethe -g lethe", fmt.Sprintf("-o %d -g %d", os.Getuid(), os.Getgid()), "chown lethe:", fmt.Sprintf("chown %d", os.Getuid()),
	}}
	script := d.take(t, "README.md", of("Beside dwctl"))
	out := s.runUntil(t, script, listens, nil)
	wantInOrder(t, out, `(?m)^lethe .* created`, `CREATE ROLE`, `BEGIN`, `GRANT`, `COMMIT`, `0 problems`, `example\.com/erasures\+`, `0 warnings, 0 problems`)

	// The owner, who need not be a superuser, installs the guard.
	out = s.run(t, "OWNER_URL=postgres://dwctl:…@db/dwctl\n"+d.take(t, "docs/erasure.md", having("lethe guard")))
	wantInOrder(t, out, "BEGIN", "CREATE TRIGGER", "COMMIT")
	execute(t, conn, `INSERT INTO lethe.holds (id, states, reason, created_by) VALUES (gen_random_uuid(), '{completed}', 'r', gen_random_uuid())`)
	if _, err := conn.Exec(t.Context(), "DELETE FROM fusillade.requests WHERE state = 'completed' AND batch_id IS NULL"); err == nil || !strings.Contains(err.Error(), "23001") {
		t.Errorf("delete held responses: want 23001, got %v", err)
	}

	// A grant that fails leaves none, and says so.
	execute(t, conn, "REVOKE ALL ON ALL TABLES IN SCHEMA fusillade FROM "+service)
	execute(t, conn, "ALTER TABLE underway.task OWNER TO "+strings.Split(database.URL, "://")[1][:strings.IndexAny(strings.Split(database.URL, "://")[1], ":@")])
	execute(t, conn, "REVOKE ALL ON underway.task FROM "+owner)
	cmd, said := s.process(t, "OWNER_URL=postgres://dwctl:…@db/dwctl GRANTS=$(mktemp)\n"+grep(script, "--grants"))
	err := cmd.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 3 || !strings.Contains(said.String(), "permission denied for table task") {
		t.Errorf("want 3, got %v\n%s", err, said)
	}
	if scan[bool](t, conn, "SELECT has_table_privilege($1, 'fusillade.requests', 'DELETE')", service) {
		t.Error("service role: want no privilege left")
	}
}

// quote lets a shell take a URL as it is: that of a socket has an ampersand.
func quote(url string) string { return "'" + url + "'" }

// grep returns the lines with a text in them.
func grep(text, part string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// ownDatabase is what is shown of databases that are Lethe's own.
func (d *documents) ownDatabase(t *testing.T) {
	t.Parallel()
	on := func(database *pgtest.Database) shell {
		return shell{name: "sh", folder: t.TempDir(), environ: []string{databaseURL(database.URL), anyPort},
			replacement: []string{"postgres://me:...@localhost/lethe", quote(database.URL), "127.0.0.1:9000", "127.0.0.1:0"}}
	}
	readme := on(pgtest.Empty(t))
	readme.run(t, d.take(t, "lethe migrate up --help", whole))
	readme.runUntil(t, d.take(t, "README.md", func(b *block) bool {
		return of("On a database of its own")(b) && having("lethe serve")(b)
	}), listens, func(string) {
		out := readme.run(t, d.take(t, "README.md", having("lethe users add")))
		wantInOrder(t, out, `ada@example\.com`, `(?m)^sk-`)
	})

	demo := on(pgtest.Empty(t))
	wantInOrder(t, demo.run(t, d.take(t, "lethe demo --help", whole)), "created", "Wrote 5000 responses")

	s := on(pgtest.Empty(t))
	wantInOrder(t, s.run(t, d.take(t, "lethe migrate --help", whole)), "run `lethe migrate up`", "created")
	wantInOrder(t, s.run(t, d.take(t, "lethe migrate status --help", whole)), `"current"`)
	wantInOrder(t, s.run(t, d.take(t, "lethe users add --help", whole)), "Ada Okafor|ada@example.com", "team@example.com")
	s.run(t, d.take(t, "lethe users join --help", whole))
	s.run(t, d.take(t, "lethe users roles --help", whole))
	wantInOrder(t, s.run(t, d.take(t, "lethe users list --help", whole)), `"ada@example.com"`)
	wantInOrder(t, s.run(t, d.take(t, "lethe keys create --help", whole)), `(?m)^sk-`, `(?m)^sk-`)
	wantInOrder(t, s.run(t, d.take(t, "lethe keys list --help", whole)), "laptop")

	s = on(pgtest.New(t))
	wantInOrder(t, s.run(t, d.take(t, "lethe users --help", whole)), "team@example.com")
	keys := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)
	const id = "6f0f3c1e-5c5e-4d0e-9d59-0b8f6a1c2d3e"
	for _, source := range []string{"lethe keys --help", "lethe keys revoke --help"} {
		s.run(t, "lethe keys create ada@example.com --name another")
		s.replacement = append(s.replacement[:4:4], id, keys.FindString(s.run(t, "lethe keys list")))
		s.run(t, d.take(t, source, whole))
	}
	out := s.run(t, d.take(t, "lethe keys show --help", whole)+"\ncat log.pub")
	wantInOrder(t, out, `^example\.com/erasures\+`)
	s.folder = t.TempDir()
	wantInOrder(t, s.run(t, d.take(t, "lethe keys new --help", whole)+"\nlethe keys show both.key"),
		`example\.com/erasures\+`, `example\.com/erasures\+`, `example\.com/erasures\+`, `example\.com/erasures\+`)
	wantInOrder(t, s.run(t, d.take(t, "lethe version --help", whole)), `"version": "e2e"`)
}

// overAPI runs the examples of the commands that call a running service.
func (d *documents) overAPI(t *testing.T) {
	t.Parallel()
	key, _ := keyFile(t)
	database := pgtest.WithFixture(t)
	p := serve(t, databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE="+key, seenFile(t), "LETHE_EXPORTS_FOLDER="+filepath.Join(t.TempDir(), "exports"))
	d.imports(t, p, database)
	s := shell{name: "sh", folder: t.TempDir(), environ: []string{"LETHE_SERVER=" + p.url, "LETHE_API_KEY=" + rootKey},
		replacement: []string{"jonas.weber@example.com", "alice@example.test", "lethe owners jonas", "lethe owners alice"}}
	s.run(t, d.take(t, "docs/command-line.md", of("Completion")))
	help := func(words string) string { return s.run(t, d.take(t, "lethe "+words+" --help", whole)) }
	first := func(list string) string {
		return regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindString(s.run(t, list))
	}
	for _, words := range []string{"list", "get", "export", "owners", "me", "status", "files make", "files", "files list", "requests open", "requests list", "requests"} {
		help(words)
	}
	s.replacement = append(s.replacement, "5c7d9e0f-1a2b-4c3d-8e4f-506172839405", first("lethe files list"))
	for _, words := range []string{"files show", "files download", "files delete"} {
		help(words)
	}
	// Nothing can be refused that is answered, so two requests are opened.
	const request = "5d7c0e6a-3b1f-4f0e-9c1d-7a8b9c0d1e2f"
	s.replacement = append(s.replacement, request, first("lethe requests list"))
	help("requests refuse")
	s.run(t, d.take(t, "lethe requests open --help", whole))
	s.replacement[len(s.replacement)-1] = first("lethe requests list --open")
	for _, words := range []string{"requests check-identity", "requests show", "requests extend", "erase", "requests answer", "requests letter"} {
		help(words)
	}
	for _, words := range []string{"holds place", "holds", "holds list", "rules", "rules list", "rules create", "erasures list"} {
		help(words)
	}
	s.replacement = append(s.replacement, "9a0c7b1e-2f43-4c7a-8e0d-6b5a4c3d2e1f", first("lethe holds list"),
		"0b8f6a52-8c7e-4a57-9a43-5d1c2f3e4b5a", first("lethe rules list"), "3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b", first("lethe erasures list"))
	for _, words := range []string{"holds show", "holds release", "rules show", "rules dry-run", "rules enable", "rules approve", "rules disable", "erasures show", "erasures watch", "erasures cancel", "erasures proof"} {
		help(words)
	}
}

// imports runs what is shown of imports into the database of a service.
func (d *documents) imports(t *testing.T, p *process, database *pgtest.Database) {
	t.Helper()
	folder := t.TempDir()
	s := shell{name: "sh", folder: folder, environ: []string{"HOST=" + p.url, "KEY=" + rootKey, databaseURL(database.URL)},
		replacement: []string{"ada@example.com", "alice@example.test"}}
	save := func(name, text string) { write(t, filepath.Join(folder, name), text) }
	save("stored.jsonl", `{"response":{"id":"resp_1","object":"response","created_at":1741476542,"model":"m","output":[]},"input_items":[]}`)
	save("batch_input.jsonl", `{"custom_id":"a","url":"/v1/responses","body":{"model":"m","input":"x"}}`)
	save("batch_output.jsonl", `{"id":"batch_req_1","custom_id":"a","response":{"status_code":200,"body":{}},"error":null}`)
	wantInOrder(t, s.run(t, d.take(t, "docs/import.md", of("From an export"))), "WOULD BE KEPT", `lethe +113 +0 +113 `, "KEPT", `lethe +113 +0 +113 `, `- +lethe +113 +0 +113 `)
	wantInOrder(t, s.run(t, d.take(t, "docs/import.md", of("From OpenAI"))), "WOULD BE KEPT", `openai +1 +1 +0 `, `openai +1 +1 +0 `, `batch +1 +1 +0 `)
	save("responses.ndjson", p.ask(t, http.MethodGet, "/lethe/api/v1/responses/export?contents=true", rootKey).body)
	wantInOrder(t, s.run(t, d.take(t, "lethe import --help", whole)), `lethe +115 +0 +115 `, `openai +1 +0 +1 `, `batch +1 +0 +1 `, `lethe +115 +0 +115 `)
}

// withLog is what is shown of the log of erasures: on a service that has erased,
// with a witness, an export and a mirror.
func (d *documents) withLog(t *testing.T) {
	t.Parallel()
	const response = "c0000400-0000-4000-8000-00000000005a" // of the fixture
	database := pgtest.WithFixture(t)
	export, exportURL := newRole(t, database.URL, "export")
	service, _ := newRole(t, database.URL, "another")
	conn := connect(t, database.URL)
	execute(t, conn, "CREATE ROLE "+service)
	key, _ := keyFile(t)
	witness := testreceipt.NewWitness(t, "witness.example/w1")
	folder := t.TempDir()
	s := shell{name: "sh", folder: folder, environ: []string{
		anyPort, databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE=" + key, seenFile(t), "LETHE_ERASURE_WITNESSES=" + witness.Key.String(),
	}, replacement: []string{
		"postgres://lethe:...@db/dwctl", quote(database.RoleURL), "postgres://lethe:...@replica/dwctl", quote(database.RoleURL),
		"postgres://owner:...@db/dwctl", quote(database.URL), "postgres://owner:…@db/dwctl", quote(database.URL), "postgres://lethe_export:…@db/dwctl", quote(exportURL),
		"lethe_service", service, "ROLE lethe_export", "ROLE " + export, "TO lethe_export", "TO " + export, "PASSWORD '…'", "PASSWORD 'secret'",
		"/var/backups/erasures", folder + "/backup", "/srv/erasures", folder + "/erasures", "/etc/lethe.yaml", folder + "/etc.yaml",
		"0.0.0.0:8080", "127.0.0.1:0", "'witness.example/w1+0a1b2c3d+BGl...'", witness.Key.String(),
	}}
	owner := s
	owner.environ = append(slices.Clone(s.environ), databaseURL(database.URL))

	p := serve(t, s.environ...)
	erased := func(id string) (salt string) {
		answer := p.ask(t, http.MethodDelete, requestsPath+"/"+id, rootKey)
		if answer.status != http.StatusNoContent {
			t.Fatalf("erase: want 204, got %d %s", answer.status, answer.body)
		}
		await(t, "the receipt is sealed", startTimeout, func() bool {
			sealed := p.ask(t, http.MethodGet, answer.header.Get("Location"), rootKey)
			write(t, filepath.Join(folder, "erasure.receipt"), sealed.body)
			return sealed.status == http.StatusOK
		})
		return answer.header.Get("Receipt-Salt")
	}
	save := func(path, file string) {
		write(t, filepath.Join(folder, file), p.ask(t, http.MethodGet, path, rootKey).body)
	}
	erased(scan[string](t, conn, `SELECT id::text FROM fusillade.requests r WHERE batch_id IS NULL AND id <> $1
		AND NOT EXISTS (SELECT FROM fusillade.response_steps s WHERE s.request_id = r.id) ORDER BY id LIMIT 1`, response))
	save("/log/checkpoint", "kept.checkpoint")
	salt := erased(response)
	save("/log/keys", "log.pub")
	save("/log/checkpoint", "sent.checkpoint")
	sent, err := os.ReadFile(filepath.Join(folder, "sent.checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	answer := witness.Sign(sent, time.Now())
	write(t, filepath.Join(folder, "answer"), string(answer))
	write(t, filepath.Join(folder, "witnessed.checkpoint"), string(bytes.Join([][]byte{sent, answer}, nil)))

	// The export's role, then the export itself, as the guide has it.
	psql := func(source, part, url string) {
		write(t, filepath.Join(folder, "script.sql"), d.filled(t, s, source, part))
		s.run(t, "psql -v ON_ERROR_STOP=1 -f script.sql '"+url+"'")
	}
	psql("docs/erasure.md", "CREATE ROLE lethe_export", database.URL)
	s.runUntil(t, d.take(t, "docs/erasure.md", having("--new-identity")), exported(filepath.Join(folder, "erasures"), 2), nil)
	if err := os.Symlink(filepath.Join(folder, "erasures", "mirror"), filepath.Join(folder, "mirror")); err != nil {
		t.Fatal(err)
	}
	wantInOrder(t, owner.run(t, d.take(t, "docs/erasure.md", having("lethe replay"))), "0 problems")
	if err := os.Remove(filepath.Join(folder, "export.identity")); err != nil {
		t.Fatal(err)
	}
	owner.runUntil(t, d.take(t, "lethe erasures export --help", whole), exported(filepath.Join(folder, "backup"), 2), nil)

	audit := s
	audit.environ = append(slices.Clone(s.environ), "SALT="+salt, "ID="+response)
	wantInOrder(t, audit.run(t, d.take(t, "docs/erasure.md", having("lethe verify"))),
		"Proven:", "The salt fits", "The log was not rewritten between its checkpoints of size 1 and 2", "as it was sealed: 2 receipts")
	audit.replacement = append(slices.Clone(s.replacement), "5f2d...", salt)
	wantInOrder(t, audit.run(t, d.take(t, "lethe verify --help", whole)), "Proven:", "Proven:", "The salt fits", "The salt fits", "was not rewritten")

	wantInOrder(t, s.run(t, d.take(t, "docs/configuration.md", having("lethe log cosign"))), "of size 2: 1")
	s.run(t, d.take(t, "lethe log --help", whole))
	s.run(t, d.take(t, "lethe log cosign --help", whole))

	psql("docs/configuration.md", "CREATE STATISTICS", database.URL)
	wantInOrder(t, s.run(t, d.take(t, "lethe doctor --help", whole)), "0 problems", `"finding": "ok"`, "COMMIT")
	wantInOrder(t, s.run(t, d.take(t, "docs/configuration.md", having("lethe doctor --proxy"))), "so no proxy is trusted", "0 problems")
	wantInOrder(t, s.run(t, d.take(t, "lethe guard --help", whole)), "CREATE TRIGGER", "COMMIT", "DROP FUNCTION", "COMMIT")
	wantInOrder(t, s.runUntil(t, d.take(t, "lethe --help", whole), listens, nil), "0 problems")
	s.runUntil(t, d.take(t, "lethe serve --help", whole), listens, nil)
	write(t, filepath.Join(folder, "etc.yaml"), "log:\n  format: json\n")
	wantInOrder(t, s.run(t, d.take(t, "lethe config --help", whole)), "format: text", "format: json")
	wantInOrder(t, owner.run(t, d.take(t, "lethe erasures attest --help", whole)), "vacuumed", "rewritten", "expired")
	owner.run(t, d.take(t, "lethe replay --help", whole))
	wantInOrder(t, s.run(t, d.take(t, "lethe erasures orphans --help", whole)), "name a request that is gone")
	execute(t, conn, "UPDATE fusillade.request_templates SET file_id = NULL WHERE file_id IS NOT NULL") // which an erasure would miss
	write(t, filepath.Join(folder, "pieces.txt"), "a prompt that nobody has asked\nand an answer to it\n")
	wantInOrder(t, owner.run(t, d.take(t, "lethe erasures search --help", whole)), "None of 2 needles", "would miss nothing", `"treatment": "erased"`)
	wantInOrder(t, owner.run(t, d.take(t, "docs/erasure.md", having("lethe erasures search"))), "None of 2 needles", "would miss nothing")

	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("the service ended with %d, want 0", code)
	}
	psql("docs/erasure.md", "CREATE SCHEMA former", database.URL)
	if n := scan[int](t, conn, "SELECT count(*) FROM former.receipts"); n < 2 {
		t.Errorf("receipts kept: want 2 or more, got %d", n)
	}
}

// filled is a block of SQL with what stands for something else in its place.
func (d *documents) filled(t *testing.T, s shell, source, part string) string {
	t.Helper()
	return strings.NewReplacer(s.replacement...).Replace(d.take(t, source, having(part)))
}
