package lethe_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/sdk/go"
)

// lies is what the gateway of the tests may answer.
type lies struct {
	Lies, Truths []struct {
		Name       string
		Status     int32
		Body       string
		Documented bool
		RetryAfter int      `json:"retry_after"`
		TrueFor    []string `json:"true_for"`
		AnotherFor []string `json:"another_for"`
		Detail     string
	}
	Streams []struct {
		Name        string
		Connections []struct{}
		States      []lethe.ErasureState
		Error       int32
		Detail      string
		Asked       int
	}
}

func readLies(t *testing.T) lies {
	t.Helper()
	text, err := os.ReadFile("../testdata/lies.json")
	if err != nil {
		t.Fatal(err)
	}
	var told lies
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Lies) < 30 || len(told.Streams) < 5 {
		t.Fatalf("want 30 wrong answers and 5 streams or more, got %d and %d", len(told.Lies), len(told.Streams))
	}
	return told
}

// gateway asks the gateway itself.
func gateway(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get(setting(t, "LETHE_TEST_LIES_URL") + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("gateway: want %d, got %d %s %v", http.StatusOK, answer.StatusCode, text, err)
	}
	return string(text)
}

// asked is the identifier that the tests ask for.
var asked = uuid.MustParse("c0000400-0000-4000-8000-00000000005a")

// calls are those that a lie could make a caller believe something of.
func calls(c *lethe.ClientWithResponses) map[string]func(ctx context.Context) error {
	id := asked
	// A receipt that is yet to be sealed is no lie.
	sealed := func(err error) error {
		var pending *lethe.Error
		if errors.As(err, &pending) && pending.Status == http.StatusAccepted {
			return nil
		}
		return err
	}
	return map[string]func(ctx context.Context) error{
		"eraseResponse": func(ctx context.Context) error { _, err := c.EraseResponseWithResponse(ctx, id, nil); return err },
		"startErasure": func(ctx context.Context) error {
			_, err := c.StartErasureWithResponse(ctx, nil, lethe.NewErasure{Responses: []uuid.UUID{id}})
			return err
		},
		"previewErasure": func(ctx context.Context) error {
			_, err := c.PreviewErasureWithResponse(ctx, nil, lethe.ErasureRequest{Responses: []uuid.UUID{id}})
			return err
		},
		"getErasure":          func(ctx context.Context) error { _, err := c.GetErasureWithResponse(ctx, id, nil); return err },
		"cancelErasure":       func(ctx context.Context) error { _, err := c.CancelErasureWithResponse(ctx, id, nil); return err },
		"getResponse":         func(ctx context.Context) error { _, err := c.GetResponseWithResponse(ctx, id, nil); return err },
		"listErasures":        func(ctx context.Context) error { _, err := c.ListErasuresWithResponse(ctx, nil); return err },
		"listErasureReceipts": func(ctx context.Context) error { _, err := c.ListErasureReceiptsWithResponse(ctx, id, nil); return err },
		"releaseHold":         func(ctx context.Context) error { _, err := c.ReleaseHoldWithResponse(ctx, id, nil); return err },
		"getHold":             func(ctx context.Context) error { _, err := c.GetHoldWithResponse(ctx, id, nil); return err },
		"getRetentionRule":    func(ctx context.Context) error { _, err := c.GetRetentionRuleWithResponse(ctx, id, nil); return err },
		"approveRetentionRule": func(ctx context.Context) error {
			_, err := c.ApproveRetentionRuleWithResponse(ctx, id, nil, lethe.ApproveRetentionRuleJSONRequestBody{Version: 1})
			return err
		},
		"enableRetentionRule": func(ctx context.Context) error {
			_, err := c.EnableRetentionRuleWithResponse(ctx, id, nil, lethe.EnableRetentionRuleJSONRequestBody{Version: 1})
			return err
		},
		"getRetentionRuleVersion": func(ctx context.Context) error {
			_, err := c.GetRetentionRuleVersionWithResponse(ctx, id, 1, nil)
			return err
		},
		"getReceipt": func(ctx context.Context) error {
			_, err := c.GetReceiptWithResponse(ctx, id, nil)
			return sealed(err)
		},
		"getReceiptOfVacuumed": func(ctx context.Context) error {
			reached := lethe.GetReceiptParamsReachedVacuumed
			_, err := c.GetReceiptWithResponse(ctx, id, &lethe.GetReceiptParams{Reached: &reached})
			return sealed(err)
		},
		"watchErasure": func(ctx context.Context) error { _, err := c.WatchErasureWithResponse(ctx, id, nil); return err },
		"all": func(ctx context.Context) error {
			for _, err := range c.AllResponses(ctx, nil) {
				return err
			}
			return nil
		},
	}
}

// TestGatewayAnswers: an answer from a gateway instead of the service is never
// accepted as the requested one; each is an *Error.
func TestGatewayAnswers(t *testing.T) {
	ctx := lethe.WithLimits(context.Background(), lethe.Limits{Attempts: 1})
	for _, lie := range readLies(t).Lies {
		t.Run(lie.Name, func(t *testing.T) {
			c, err := lethe.New(setting(t, "LETHE_TEST_LIES_URL")+"/"+lie.Name, "key")
			if err != nil {
				t.Fatal(err)
			}
			for name, call := range calls(c) {
				err := call(ctx)
				if slices.Contains(lie.TrueFor, name) {
					if err != nil {
						t.Errorf("%s: want the answer accepted, got %v", name, err)
					}
					continue
				}
				failure, ok := err.(*lethe.Error) //nolint:errorlint // it is to be this and nothing around it
				if !ok {
					t.Errorf("%s: got %T %v", name, err, err)
					continue
				}
				if failure.Status != lie.Status || failure.Documented != lie.Documented || failure.Error() == "" || failure.Detail == "" {
					t.Errorf("%s: got %+v", name, failure)
				}
				if slices.Contains(lie.AnotherFor, name) && failure.Detail != lie.Detail {
					t.Errorf("%s: got %q, want %q", name, failure.Detail, lie.Detail)
				}
				if got := failure.RetryAfter.Seconds(); got > float64(lie.RetryAfter) || got < float64(lie.RetryAfter)-10 {
					t.Errorf("%s: RetryAfter: want %v s, got %v", name, lie.RetryAfter, failure.RetryAfter)
				}
				if lie.Status >= 400 && !strings.HasPrefix(string(failure.Body), lie.Body) {
					t.Errorf("%s: want the body %q kept, got %q", name, lie.Body, failure.Body)
				}
			}
		})
	}
	if n := gateway(t, "/follows"); n != "0" {
		t.Errorf("want no redirect followed, got %s", n)
	}
}

// TestUnknownWords: words of a newer service are accepted.
func TestUnknownWords(t *testing.T) {
	for _, truth := range readLies(t).Truths {
		c, err := lethe.New(setting(t, "LETHE_TEST_LIES_URL")+"/"+truth.Name, "key")
		if err != nil {
			t.Fatal(err)
		}
		answer, err := c.GetErasureWithResponse(context.Background(), asked, nil)
		if err != nil {
			t.Errorf("%s: %v", truth.Name, err)
		} else if truth.Name == "unknown-words" && (answer.JSON200.State != "hibernating" || answer.JSON200.Failures[0].Reason != "unlucky") {
			t.Errorf("got %+v", answer.JSON200)
		}
	}
}

// TestWatch: a stream is followed to its end and no further.
func TestWatch(t *testing.T) {
	for _, stream := range readLies(t).Streams {
		t.Run(stream.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			name := stream.Name + "/" + uuid.NewString()
			c, err := lethe.New(setting(t, "LETHE_TEST_LIES_URL")+"/"+name, "key")
			if err != nil {
				t.Fatal(err)
			}
			states, failed := []lethe.ErasureState{}, error(nil)
			for erasure, err := range c.Watch(ctx, asked, nil) {
				if failed = err; err == nil {
					states = append(states, erasure.State)
				}
			}
			var failure *lethe.Error
			if !slices.Equal(states, stream.States) || errors.As(failed, &failure) != (stream.Error != 0) || failure != nil && failure.Status != stream.Error ||
				stream.Detail != "" && failure.Detail != stream.Detail {
				t.Errorf("stream: got states %v, then %v", states, failed)
			}
			opened := len(stream.Connections)
			if stream.Asked != 0 {
				opened = stream.Asked
			}
			if got := gateway(t, "/asked/"+name); got != strconv.Itoa(opened) {
				t.Errorf("opened %s times, want %d", got, opened)
			}
		})
	}
}

// TestWatchCanceledContext: with its context.
func TestWatchCanceledContext(t *testing.T) {
	c, err := lethe.New(setting(t, "LETHE_TEST_LIES_URL")+"/never/"+uuid.NewString(), "key")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range c.Watch(ctx, uuid.New(), nil) {
		last = err
		cancel()
	}
	var failure *lethe.Error
	if !errors.As(last, &failure) || !errors.Is(last, context.Canceled) && failure.Detail != "the stream ended before the erasure did" {
		t.Errorf("got %v", last)
	}
}
