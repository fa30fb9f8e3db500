package serve_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

const (
	webhookKey    = "012345678901234567890123"
	webhookSecret = "LETHE_WEBHOOK_SECRET=whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
)

// received is what came in one request.
type received struct {
	id, timestamp, signature, body string
}

func (r received) genuine() bool {
	mac := hmac.New(sha256.New, []byte(webhookKey))
	_, _ = mac.Write([]byte(r.id + "." + r.timestamp + "." + r.body))
	return r.signature == "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// listenForWebhook answers these statuses one after the other, and the last from then on.
func listenForWebhook(t *testing.T, statuses ...int) (url string, came chan received) {
	t.Helper()
	came = make(chan received, 16)
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		came <- received{r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), string(body)}
		w.WriteHeader(statuses[min(n, len(statuses)-1)])
		n++
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hook?token=x", came
}

func receive(t *testing.T, came chan received) received {
	t.Helper()
	select {
	case r := <-came:
		if !r.genuine() {
			t.Errorf("the signature is wrong: %+v", r)
		}
		return r
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		return received{}
	}
}

// TestWebhook: the end of an erasure is told, again under the same identifier after a
// failure, also by the next process, and then no more.
func TestWebhook(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	url, came := listenForWebhook(t, http.StatusInternalServerError, http.StatusOK)
	settings := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_WEBHOOK_URL=" + url, webhookSecret}
	s := start(t, settings...)
	id := eraseOwner(t, database.URL, 3)
	first := receive(t, came)
	var body struct {
		Type      string
		Timestamp time.Time
		Data      map[string]any
	}
	if err := json.Unmarshal([]byte(first.body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Type != "erasure.finished" || time.Since(body.Timestamp) > time.Hour || body.Data["id"] != id.String() || body.Data["state"] != "finished" ||
		body.Data["responses"] != 3.0 || body.Data["held"] != 0.0 || body.Data["refused"] != 0.0 || body.Data["receipts"] != 1.0 || len(body.Data) != 7 {
		t.Errorf("got %s", first.body)
	}
	apptest.Await(t, "the failure is counted, and the event waits", func() bool {
		return s.Metric(t, `lethe_webhook_attempts_total{outcome="failed"}`) == "1" &&
			apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.events WHERE attempts = 1 AND ended_at IS NULL AND due_at > now()") == 1
	})
	s.Stop()
	if err := <-s.Result; err != nil {
		t.Fatal(err)
	}
	s.Result <- nil

	s = start(t, settings...)
	apptest.Await(t, "it is counted as waiting", func() bool { return s.Metric(t, "lethe_webhook_waiting") == "1" })
	apptest.Exec(t, database.URL, "UPDATE lethe.events SET due_at = now()")
	second := receive(t, came)
	if second.id != first.id || second.body != first.body {
		t.Errorf("want %+v again, got %+v", first, second)
	}
	apptest.Await(t, "it is delivered", func() bool {
		return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.events WHERE delivered AND ended_at IS NOT NULL AND attempts = 2") == 1 &&
			s.Metric(t, `lethe_webhook_attempts_total{outcome="delivered"}`) == "1"
	})
	apptest.Exec(t, database.URL, "UPDATE lethe.events SET due_at = now()")
	eraseOwner(t, database.URL, 0)
	if third := receive(t, came); third.id == first.id {
		t.Errorf("it was told once more after its delivery: %+v", third)
	}
}

// TestWebhookOfPersonFiles: whoever is told learns that a file is there and, after an
// erasure, that it is gone, but not whose it is.
func TestWebhookOfPersonFiles(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	url, came := listenForWebhook(t, http.StatusOK)
	erasable := apptest.AddFinishedOf(t, database.URL, apptest.Alice, "m", 1, "1 h")[0]
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_EXPORTS_FOLDER="+filepath.Join(t.TempDir(), "exports"), "LETHE_WEBHOOK_URL="+url, webhookSecret)
	f := s.export(t, "sk-alice-platform", apptest.Alice)
	for _, want := range []struct{ kind, state string }{{"export.finished", "done"}, {"export.expired", "expired"}} {
		r := receive(t, came)
		var body struct {
			Type string
			Data struct {
				ID, State        string
				Responses, Bytes int64
				FinishedAt       *time.Time `json:"finished_at"`
			}
		}
		if err := json.Unmarshal([]byte(r.body), &body); err != nil {
			t.Fatal(err)
		}
		d := body.Data
		if body.Type != want.kind || d.ID != f.ID || d.State != want.state || d.Responses < 1 || d.Bytes < 1 || d.FinishedAt == nil || strings.Contains(r.body, apptest.Alice) {
			t.Errorf("want %s without the person, got %s", want.kind, r.body)
		}
		if want.state == "done" {
			if status, text := s.DeleteAs(t, apptest.RequestsPath+"/"+erasable, "sk-alice-platform"); status != http.StatusNoContent {
				t.Fatalf("erase one: got %d %s", status, text)
			}
		}
	}
}

// TestWebhookGone: 410 gives an event up at once.
func TestWebhookGone(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	url, came := listenForWebhook(t, http.StatusGone)
	eraseOwner(t, database.URL, 0)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_WEBHOOK_URL="+url, webhookSecret, "LETHE_LOG_LEVEL=error")
	receive(t, came)
	apptest.Await(t, "it is given up", func() bool {
		return s.Metric(t, "lethe_webhook_given_up_total") == "1" &&
			apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.events WHERE NOT delivered AND ended_at IS NOT NULL") == 1
	})
}

// TestWebhookOff: without a URL nobody is told, and events are kept for three days.
func TestWebhookOff(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	id := eraseOwner(t, database.URL, 0)
	apptest.Exec(t, database.URL, `INSERT INTO lethe.events (type, at, due_at, data) VALUES
		('erasure.finished', now() - interval '73 h', now(), '{}'), ('erasure.finished', now() - interval '71 h', now(), '{}')`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	apptest.AwaitErasure(t, database.URL, id.String(), "state = 'finished'")
	apptest.Await(t, "the oldest is removed", func() bool {
		return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.events WHERE attempts = 0 AND ended_at IS NULL") == 2
	})
	if _, _, text := s.Get(t, "/metrics", ""); strings.Contains(text, "lethe_webhook") {
		t.Error("want no metrics of a webhook")
	}
}
