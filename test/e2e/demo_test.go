package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	mebibyte = 1 << 20

	residentLimit = 40 * mebibyte // of an idle service: see TestIdleMemory
	// A demo has just been filled and asked, and what that took is not all given
	// back at once.
	residentDemoLimit = 48 * mebibyte
	// The aim is 3 s; a busy machine takes longer, and a hang takes for ever.
	restartLimit = 30 * time.Second
)

var (
	keyLine     = regexp.MustCompile(`(?m)^  (?:administrator|platform manager|user) .* (sk-\S+)$`)
	commandLine = regexp.MustCompile(`(?m)^  (curl .*)$`)
	urlInLine   = regexp.MustCompile(`'(http://[^']*)'$`)
)

// awaitCommands returns when the demonstration has printed everything.
func awaitCommands(t *testing.T, p *process) (keys, commands []string) {
	t.Helper()
	p.awaitListening(t)
	await(t, "the commands are printed", startTimeout, func() bool {
		p.mustRun(t)
		return strings.Contains(p.stdout.String(), "Stop it with Ctrl-C")
	})
	for _, match := range keyLine.FindAllStringSubmatch(p.stdout.String(), -1) {
		keys = append(keys, match[1])
	}
	for _, match := range commandLine.FindAllStringSubmatch(p.stdout.String(), -1) {
		commands = append(commands, match[1])
	}
	return keys, commands
}

// follow runs a printed command as it is where there is curl, and returns what
// it prints; else it makes the same request, and returns the same.
func follow(t *testing.T, command string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		return string(out)
	}
	method := http.MethodGet
	if strings.Contains(command, "-X DELETE") {
		method = http.MethodDelete
	}
	request, err := http.NewRequest(method, urlInLine.FindStringSubmatch(command)[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", regexp.MustCompile(`Bearer [^']+`).FindString(command))
	a, err := send(request)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(command, " -i ") {
		return "HTTP/1.1 " + strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\r\n\r\n" + a.body + "\n"
	}
	return a.body + "\n"
}

// page is what of a list's answer is looked at.
type page struct {
	Data []struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Model  string `json:"model"`
	} `json:"data"`
	Total int `json:"total_count"`
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestDemo: the demo runs from nothing; then it is killed, started again, joined by a
// second process, and stopped.
func TestDemo(t *testing.T) {
	t.Parallel()
	folder := dataFolder(t)
	data := "LETHE_DATA_DIR=" + folder

	begun := time.Now()
	first := start(t, []string{"demo"}, data, anyPort)
	keys, commands := awaitCommands(t, first)
	t.Logf("the first start took %s, fetching Postgres included", time.Since(begun).Round(time.Millisecond))
	if len(keys) != 3 || len(commands) != 5 {
		t.Fatalf("want 3 keys and 5 commands printed, got %d and %d", len(keys), len(commands))
	}
	administrator, user := keys[0], keys[2]

	list := decode[page](t, follow(t, commands[0]))
	if len(list.Data) != 3 || list.Total < 500 || list.Total >= 5000 {
		t.Errorf("list of the user: want 3 of 500 to 4999, got %d of %d", len(list.Data), list.Total)
	}
	filtered := decode[page](t, follow(t, commands[1]))
	if len(filtered.Data) == 0 {
		t.Error("filtered list: want failed responses, got none")
	}
	for _, r := range filtered.Data {
		if r.Status != "failed" {
			t.Errorf("filtered list: want failed, got %s", r.Status)
		}
	}
	one := decode[struct {
		ID     string `json:"id"`
		Body   string `json:"body"`
		Answer string `json:"response_body"`
	}](t, follow(t, commands[2]))
	if one.ID == "" || one.Body == "" || one.Answer == "" {
		t.Errorf("fetch: want ID, prompt and answer, got %+v", one)
	}
	everyones := decode[page](t, first.ask(t, http.MethodGet, requestsPath+"?limit=1&count=exact", administrator).body).Total
	if everyones < 4900 || everyones > 5200 {
		t.Errorf("responses: want 4900 to 5200, got %d", everyones)
	}
	if out := follow(t, commands[3]); !strings.HasPrefix(out, "HTTP/1.1 204") {
		t.Errorf("erase: want 204, got %s", out)
	}
	if out := follow(t, commands[4]); !strings.HasPrefix(out, "HTTP/1.1 404") || !strings.Contains(out, one.ID) {
		t.Errorf("fetch after the erasure: want 404 with the ID, got %s", out)
	}
	left := decode[page](t, first.ask(t, http.MethodGet, requestsPath+"?limit=1&count=exact", administrator).body).Total
	if left >= everyones {
		t.Errorf("after the erasure: want fewer than %d responses, got %d", everyones, left)
	}

	if rss := resident(t, first.Process.Pid); rss >= residentDemoLimit {
		t.Errorf("resident memory: want less than %d MiB, got %d", residentDemoLimit/mebibyte, rss/mebibyte)
	} else {
		t.Logf("%.1f MiB are resident", float64(rss)/mebibyte)
	}

	wantKey(t, folder)

	// Users and keys are kept beside the running service.
	must(t, []string{data}, "users", "add", "new@example.com", "--role", "BATCHAPIUSER")
	secret := strings.TrimSpace(must(t, []string{data}, "keys", "create", "new@example.com"))
	if a := first.ask(t, http.MethodGet, requestsPath, secret); a.status != http.StatusOK {
		t.Errorf("new key: want 200, got %d %s", a.status, a.body)
	}

	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	await(t, "Postgres has gone after the program was killed", time.Minute, func() bool { return processesOf(t, folder) == 0 })

	begun = time.Now()
	second := start(t, []string{"demo"}, data, anyPort)
	second.awaitListening(t)
	second.awaitStatus(t, "/readyz", http.StatusOK)
	again := decode[page](t, second.ask(t, http.MethodGet, requestsPath+"?limit=1&count=exact", administrator).body)
	took := time.Since(begun)
	t.Logf("the second start took %s to the first answer", took.Round(time.Millisecond))
	if took > restartLimit {
		t.Errorf("second start: want %s or less, got %s", restartLimit, took)
	}
	if again.Total != left {
		t.Errorf("after the restart: want %d responses, got %d", left, again.Total)
	}
	if a := second.ask(t, http.MethodGet, requestsPath+"/"+one.ID, user); a.status != http.StatusNotFound {
		t.Errorf("erased response after the restart: want 404, got %d", a.status)
	}
	keysAgain, commandsAgain := awaitCommands(t, second)
	if strings.Join(keys, " ") != strings.Join(keysAgain, " ") {
		t.Error("second start: want the same keys printed")
	}
	if out := follow(t, commandsAgain[2]); strings.Contains(out, one.ID) || !strings.Contains(out, `"response_body"`) {
		t.Errorf("fetch of the second start: want another response, got %s", out)
	}

	// A second service on the same folder shares the database.
	other := serve(t, data)
	if a := other.ask(t, http.MethodDelete, strings.TrimPrefix(urlInLine.FindStringSubmatch(commandsAgain[3])[1], second.url), user); a.status != http.StatusNoContent {
		t.Errorf("erase on the other service: want 204, got %d %s", a.status, a.body)
	}
	if out := follow(t, commandsAgain[4]); !strings.HasPrefix(out, "HTTP/1.1 404") {
		t.Errorf("fetch from the first service: want 404, got %s", out)
	}
	if code := other.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("the other service ended with %d, want 0", code)
	}
	if a := second.ask(t, http.MethodGet, "/readyz", ""); a.status != http.StatusOK {
		t.Errorf("readyz after the other has stopped: want 200, got %d %s", a.status, a.body)
	}

	taken := run(t, "", []string{data, "LETHE_HTTP_ADDR=" + strings.TrimPrefix(second.url, "http://")}, "demo")
	if taken.code != 1 || !strings.Contains(taken.stderr, "LETHE_HTTP_ADDR") {
		t.Errorf("taken address: want 1 with LETHE_HTTP_ADDR, got %d %s", taken.code, taken.stderr)
	}

	if code := second.stop(t, os.Interrupt); code != 0 {
		t.Errorf("it ended with %d, want 0", code)
	}
	if n := processesOf(t, folder); n != 0 {
		t.Errorf("%d processes are left, want 0", n)
	}
	for _, p := range []*process{first, second, other} {
		for _, key := range append(keys, secret) {
			if strings.Contains(p.stderr.String(), key) {
				t.Error("log: want no key in it")
			}
		}
	}
}

// resident is the resident memory of a process in bytes.
func resident(t *testing.T, pid int) int { return memory(t, pid, "VmRSS") }

// memory is a figure of /proc/PID/status in bytes.
func memory(t *testing.T, pid int, name string) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		t.Fatalf("no %s in %s", name, status)
	}
	kib, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
