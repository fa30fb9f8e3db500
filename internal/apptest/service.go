// Package apptest starts the service for tests of the packages of app: Start returns a
// Service. It also contains helpers that fill databases and run the doctor.
package apptest

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/app/config"
	"lethe/app/serve"
)

const RequestsPath = "/admin/api/v1/batches/requests"

type Service struct {
	URL    string
	Stop   context.CancelFunc
	Result chan error
}

// Start runs the service with these variables until the test ends.
func Start(t *testing.T, environ ...string) *Service {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: append([]string{"LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_LOG_LEVEL=error"}, environ...)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &Service{Stop: cancel, Result: make(chan error, 1)}
	addr := make(chan string, 1)
	go func() { s.Result <- serve.Run(ctx, cfg, func(a string) { addr <- a }) }()
	select {
	case a := <-addr:
		s.URL = "http://" + a
	case err := <-s.Result:
		cancel()
		t.Fatalf("the service did not start: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		select {
		case <-s.Result:
		case <-time.After(time.Minute):
			t.Error("the service does not stop")
		}
	})
	return s
}

type Answered struct {
	Status int
	Header http.Header
	Body   string
	Err    error
}

// Do makes a request, with a key and a JSON body unless these are empty, and with these
// headers: alternating names and values.
func (s *Service) Do(ctx context.Context, client *http.Client, method, path, key, body string, headers ...string) (a Answered) {
	var request *http.Request
	if request, a.Err = http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(body)); a.Err != nil {
		return a
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for named := range slices.Chunk(headers, 2) {
		request.Header.Set(named[0], named[1])
	}
	response, err := client.Do(request)
	if a.Err = err; err != nil {
		return a
	}
	defer func() { _ = response.Body.Close() }()
	var text []byte
	text, a.Err = io.ReadAll(response.Body)
	a.Status, a.Header, a.Body = response.StatusCode, response.Header, string(text)
	return a
}

// Send makes a request that must be answered.
func (s *Service) Send(t *testing.T, method, path, key, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	a := s.Do(t.Context(), http.DefaultClient, method, path, key, body, headers...)
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	return a.Status, a.Header, a.Body
}

func (s *Service) Get(t *testing.T, path, key string) (int, http.Header, string) {
	t.Helper()
	return s.Send(t, http.MethodGet, path, key, "")
}

const ErasuresPath = "/lethe/api/v1/erasures"

// Post sends a body as an administrator.
func (s *Service) Post(t *testing.T, path string, body map[string]any) (status int, answer map[string]any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	status, _, told := s.Send(t, http.MethodPost, path, "sk-root-platform", string(text))
	if err := json.Unmarshal([]byte(told), &answer); err != nil {
		t.Fatal(err)
	}
	return status, answer
}

// Metric returns the value of a sample of /metrics; empty if there is none.
func (s *Service) Metric(t *testing.T, sample string) string {
	t.Helper()
	_, _, body := s.Get(t, "/metrics", "")
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(sample) + ` (\S+)$`).FindStringSubmatch(body)
	if found == nil {
		return ""
	}
	return found[1]
}

// EraseOne erases one of bob's responses and checks that it is gone.
func (s *Service) EraseOne(t *testing.T, id string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.URL+RequestsPath+"/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sk-bob-platform")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent || response.Header.Get("Location") == "" {
		t.Errorf("erasing one: %s", response.Status)
	}
	if status, _, body := s.Get(t, RequestsPath+"/"+id, "sk-bob-platform"); status != http.StatusNotFound {
		t.Errorf("after erasing it: want %d, got %d %s", http.StatusNotFound, status, body)
	}
}

func (s *Service) EraseAll(t *testing.T, databaseURL, owner string) {
	t.Helper()
	_, preview := s.Post(t, ErasuresPath+"/preview", map[string]any{"owner": owner})
	AwaitErasure(t, databaseURL, s.StartErasure(t, http.StatusAccepted, map[string]any{"owner": owner}, preview), "true")
}

// StartErasure starts the bulk erasure that was previewed, and returns its ID.
func (s *Service) StartErasure(t *testing.T, want int, target, preview map[string]any) string {
	t.Helper()
	body := maps.Clone(target)
	body["ground"], body["token"] = "request", preview["token"]
	status, erasure := s.Post(t, ErasuresPath, body)
	if status != want {
		t.Fatalf("start an erasure of %v: got %d %v, want %d; the preview was %v", target, status, erasure, want, preview)
	}
	return erasure["id"].(string)
}

// AwaitErasure waits until an erasure has finished and its row meets a condition.
func AwaitErasure(t *testing.T, databaseURL, id, condition string) {
	t.Helper()
	Await(t, "erasure "+id+" is finished, with "+condition, func() bool {
		return Number(t, databaseURL, "SELECT count(*) FROM lethe.erasures WHERE id = '"+id+"' AND state = 'finished' AND "+condition) == 1
	})
}

// DeleteAs sends a DELETE, and returns the status and the body.
func (s *Service) DeleteAs(t *testing.T, path, key string) (int, string) {
	t.Helper()
	status, _, body := s.Send(t, http.MethodDelete, path, key, "")
	return status, body
}

func Await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}
