// Package fuzz asks the assembled service what its contract allows, what it does
// not, and what is no HTTP. No answer is 500 or 503, and each is one that the
// contract describes.
package fuzz

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lethe/app/config"
	"lethe/app/serve"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

const (
	api      = "/lethe/api/v1"
	listPath = "/admin/api/v1/batches/requests"
	adminKey = "sk-root-platform"
)

// service is a running Lethe over the rows of the fixture.
type service struct{ addr string }

func start(t *testing.T) service {
	t.Helper()
	database := pgtest.WithFixture(t)
	private, _, err := receipt.GenerateKey("example.com/log")
	if err != nil {
		t.Fatal(err)
	}
	sessionKeys := filepath.Join(t.TempDir(), "session.keys")
	if err := os.WriteFile(sessionKeys, []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.Sources{Environ: []string{
		"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_AUTH_SESSION_KEY_FILE=" + sessionKeys,
		"LETHE_ERASURE_KEY=" + private, "LETHE_LOG_LEVEL=error",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- serve.Run(ctx, cfg, func(addr string) { listening <- addr }) }()
	select {
	case err := <-ended:
		stop()
		t.Fatal("the service stopped: ", err)
	case addr := <-listening:
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return service{addr}
	}
	return service{}
}

// ask asks as an administrator for JSON.
func (s service) ask(t *testing.T, method, path, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminKey)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	var answer map[string]any
	if err != nil || response.StatusCode >= 300 || json.Unmarshal(text, &answer) != nil {
		t.Fatalf("%s %s: %s %s, %v", method, path, response.Status, text, err)
	}
	return answer
}

var requestsTotal = regexp.MustCompile(`^lethe_http_request_duration_seconds_count\{(.*)\} ([0-9.e+]+)$`)

// answered tells how many requests were answered, and which of them as no
// request should be.
func (s service) answered(t *testing.T) (all int, faults []string) {
	t.Helper()
	response, err := http.Get("http://" + s.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		parts := requestsTotal.FindStringSubmatch(lines.Text())
		if parts == nil {
			continue
		}
		n, err := strconv.ParseFloat(parts[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		if all += int(n); n > 0 && strings.Contains(parts[1], `="5`) {
			faults = append(faults, lines.Text())
		}
	}
	return all, faults
}

// setting is a number from the environment, or the one of the short form.
func setting(t *testing.T, name string, short int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// stock puts things there for the fuzzer to come upon, and writes their
// identifiers into the folder, a dictionary of each kind. Half of the responses
// are held, so that some are left however many are erased.
func (s service) stock(t *testing.T, folder string) {
	t.Helper()
	dictionary := func(name string, values ...string) {
		var text strings.Builder
		for _, value := range values {
			fmt.Fprintf(&text, "%q\n", value)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".dict"), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(path string) (all []string) {
		for _, item := range s.ask(t, http.MethodGet, path, "")["data"].([]any) {
			all = append(all, item.(map[string]any)["id"].(string))
		}
		return all
	}
	responses := ids(listPath + "?limit=101")
	held, err := json.Marshal(slices.Collect(func(yield func(string) bool) {
		for i := 0; i < len(responses) && (i%2 == 1 || yield(responses[i])); i++ {
		}
	}))
	if err != nil || len(responses) < 50 {
		t.Fatalf("responses: want 50 or more, got %d, %v", len(responses), err)
	}
	dictionary("responses", responses...)
	hold := s.ask(t, http.MethodPost, api+"/holds", `{"reason": "to be left", "responses": `+string(held)+`}`)
	var rules, erasures, receipts []string
	for i := range 3 {
		rule := s.ask(t, http.MethodPost, api+"/retention-rules", `{"name": "a rule", "age_days": 36500, "run_at": ["01:30"]}`)
		rules = append(rules, rule["id"].(string))
		erasure := s.ask(t, http.MethodPost, api+"/erasures", `{"responses": ["`+responses[2*i+1]+`"]}`)
		erasures = append(erasures, erasure["id"].(string))
		receipts = append(receipts, ids(api+"/erasures/"+erasures[i]+"/receipts")...)
	}
	dictionary("holds", hold["id"].(string))
	dictionary("rules", rules...)
	dictionary("erasures", erasures...)
	dictionary("receipts", receipts...)
	dictionary("tiles", "000.p/1", "000.p/2", "000.p/3", "000")
}

// TestContract: a fuzzer reads the contract, with a fixed seed. The long form takes
// LETHE_TEST_FUZZ_SECONDS, and LETHE_TEST_FUZZ_SEED for another seed; see `make fuzz`.
func TestContract(t *testing.T) {
	t.Parallel()
	if exec.Command("python3", "-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Python 3.11 or newer with venv is needed; install it")
		}
		t.Skip("left out, since Python 3.11 or newer with venv is not installed")
	}
	s := start(t)
	folder := t.TempDir()
	s.stock(t, folder)
	seconds := setting(t, "LETHE_TEST_FUZZ_SECONDS", 0)
	s.fuzz(t, folder, adminKey, seconds*4/5)
	if seconds > 0 {
		// Who may not all that administrators may is refused some of what the contract
		// allows, and is answered as it describes all the same.
		s.fuzz(t, folder, "sk-alice-platform", seconds/5, "--warnings", "off", "--checks",
			"not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance")
	}
	all, faults := s.answered(t)
	t.Logf("%d requests", all)
	if all < 1000 || faults != nil {
		t.Errorf("want 1000 requests or more without faults, got %d; faults: %q", all, faults)
	}
	if left := s.ask(t, http.MethodGet, listPath, "")["total_count"].(float64); left < 25 {
		t.Errorf("responses left: want 25 or more, as these are held, got %v", left)
	}
}

// fuzz has the fuzzer ask for so many seconds in all of its phases; 0: a few
// times in each but the one that goes from one operation to others.
func (s service) fuzz(t *testing.T, folder, key string, seconds int, arguments ...string) {
	t.Helper()
	arguments = append([]string{"http://" + s.addr, folder, "--seed", strconv.Itoa(setting(t, "LETHE_TEST_FUZZ_SEED", 1))}, arguments...)
	if seconds > 0 {
		arguments = append(arguments, "--max-time", strconv.Itoa(seconds))
	} else {
		arguments = append(arguments, "--max-examples", "3", "--phases", "examples,coverage,fuzzing")
	}
	fuzzer := exec.CommandContext(t.Context(), "./contract.sh", arguments...)
	fuzzer.Env = append(os.Environ(), "LETHE_TEST_KEY="+key)
	fuzzer.Cancel = func() error { return fuzzer.Process.Signal(syscall.SIGTERM) }
	fuzzer.WaitDelay = 10 * time.Second
	said, err := fuzzer.CombinedOutput()
	t.Logf("the fuzzer says:\n%s", shortened(said))
	if err != nil {
		t.Error(err)
	}
}

// shortened is what the fuzzer says, without the ends of long lines.
func shortened(text []byte) string {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = line[:min(len(line), 2000)]
	}
	return strings.Join(lines, "\n")
}
