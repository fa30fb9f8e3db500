// Package lethe is a client of Lethe, which lists, fetches and erases the
// responses of LLM requests.
//
// Make one with New. Everything else follows the contract; All goes through
// the pages of a list.
package lethe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// errorLimit is how much of an error's body is read, in bytes.
const errorLimit = 64 << 10

// Error is every answer of the service other than the one asked for. Find it
// with errors.As.
type Error struct {
	// Problem is what the service says; only Status and Title where something
	// else answered, like a gateway in between.
	Problem
	RetryAfter time.Duration // how long to wait before trying again; 0 if not told
}

// Error implements error.
func (e *Error) Error() string {
	message := fmt.Sprintf("lethe: %d %s", e.Status, e.Title)
	if e.Detail != "" {
		message += ": " + e.Detail
	}
	if e.RequestId != "" {
		message += " (request " + e.RequestId + ")"
	}
	return message
}

// New makes a client of the service at a URL, for the owner of an API key. An
// answer that is not the one asked for is returned as *Error, so JSON200, or
// what else the contract has for success, is never nil where the error is. So
// is a receipt that is still to be sealed: its Status is 202, and RetryAfter
// tells when to ask again.
func New(server, key string, options ...ClientOption) (*ClientWithResponses, error) {
	options = append(options,
		WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+key)
			request.Header.Set("User-Agent", "lethe-go/"+Version)
			return nil
		}),
		// Last, to wrap the HTTP client that another option has set.
		func(client *Client) error {
			if client.Client == nil {
				client.Client = &http.Client{}
			}
			client.Client = errorDoer{client.Client}
			return nil
		})
	return NewClientWithResponses(server, options...)
}

// errorDoer turns answers without a result into errors.
type errorDoer struct{ next HttpRequestDoer }

func (d errorDoer) Do(request *http.Request) (*http.Response, error) {
	response, err := d.next.Do(request)
	if err != nil {
		return nil, err
	}
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	success := response.StatusCode >= 200 && response.StatusCode < 300
	if response.StatusCode == http.StatusNoContent || success && mediaType == resultType(request.URL.Path) {
		return response, nil
	}
	defer response.Body.Close()

	failure := &Error{}
	if mediaType == "application/problem+json" {
		// What cannot be read is left out; the status is told below.
		_ = json.NewDecoder(io.LimitReader(response.Body, errorLimit)).Decode(&failure.Problem)
	} else if response.StatusCode == http.StatusOK {
		failure.Detail = fmt.Sprintf("the answer is not %s but %q; is this the service's address?", resultType(request.URL.Path), mediaType)
	}
	failure.Status = int32(response.StatusCode)
	if failure.Title == "" {
		failure.Title = http.StatusText(response.StatusCode)
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		failure.RetryAfter = time.Duration(seconds) * time.Second
	}
	return nil, failure
}

// resultType is the media type of what is asked for at a path of the contract.
func resultType(path string) string {
	switch {
	case strings.Contains(path, "/log/tile/"):
		return "application/octet-stream"
	case strings.HasSuffix(path, "/receipt"), strings.HasSuffix(path, "/log/checkpoint"), strings.HasSuffix(path, "/log/keys"):
		return "text/plain"
	case strings.HasSuffix(path, "/events"):
		return "text/event-stream"
	}
	return "application/json"
}

// All goes through every response that matches, page by page. An error ends it.
//
// Of params, which may be nil, Limit is the size of a page, 100 by default;
// Skip does not count. The order is newest first: responses may come in, change
// or be erased meanwhile, by the loop's body too, and none is told twice or
// left out. That goes for ActiveFirst, too, but for those that change their
// state meanwhile.
func (c *ClientWithResponses) All(ctx context.Context, params *ListResponsesParams) iter.Seq2[ResponseSummary, error] {
	return func(yield func(ResponseSummary, error) bool) {
		page := ListResponsesParams{}
		if params != nil {
			page = *params
		}
		activeFirst, limit, count := false, int64(100), ListResponsesParamsCountNone
		page.Skip, page.Count = nil, &count
		if page.ActiveFirst == nil {
			page.ActiveFirst = &activeFirst
		}
		if page.Limit == nil {
			page.Limit = &limit
		}
		for {
			answer, err := c.ListResponsesWithResponse(ctx, &page)
			if err != nil {
				yield(ResponseSummary{}, err)
				return
			}
			for _, response := range answer.JSON200.Data {
				if !yield(response, nil) {
					return
				}
			}
			if page.After = answer.JSON200.NextCursor; page.After == nil {
				return
			}
		}
	}
}

// FetchReceipt is the file of a receipt, as soon as it is sealed: some two
// seconds after its erasure. It waits until then, or until ctx is over. Package
// receipt checks the file.
func (c *ClientWithResponses) FetchReceipt(ctx context.Context, id uuid.UUID) ([]byte, error) {
	for {
		answer, err := c.GetReceiptWithResponse(ctx, id, nil)
		if err == nil {
			return answer.Body, nil
		}
		var pending *Error
		if !errors.As(err, &pending) || pending.Status != http.StatusAccepted {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(max(pending.RetryAfter, time.Second)):
		}
	}
}
