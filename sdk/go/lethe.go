// Package lethe is a client of Lethe, which lists, fetches and erases the
// responses of LLM requests.
//
// Make one with New. Calls follow the contract; an iterator such as AllResponses goes
// through the pages of a list, and EraseAndProve erases, waits and checks the receipts.
package lethe

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Error is any answer that is not a success as the contract documents it: its status,
// media type, and required headers and fields. Once a request is sent, calls return
// no other error. Find it with errors.As.
type Error struct {
	// Problem is the service's own problem. If something else answered, such as a
	// gateway in between, it has only the Status, 0 if nothing answered, and Detail
	// says what is wrong with the answer.
	Problem
	Documented bool          // whether Problem is the service's own
	Body       []byte        // as much of the answer as arrived, at most 64 KiB
	RetryAfter time.Duration // how long to wait before trying again; 0 if unknown
	Err        error         // why the answer is missing or incomplete

	unfinished bool // a stream ended before its erasure
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

// noAnswer is the error for a request without an answer.
func noAnswer(err error) *Error {
	return &Error{Problem: Problem{Title: "No answer", Detail: err.Error()}, Err: err}
}

// Unwrap returns why the answer is missing or incomplete, such as context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// New makes a client of the service at a URL, for the owner of an API key. Every
// answer that is not a documented success is returned as *Error, so if the error is
// nil, JSON200, or the field for the call's success, is not. A receipt that is not
// sealed yet is an *Error with Status 202, and RetryAfter says when to ask again.
// Redirects are not followed because something else would answer. A request that got no
// answer, 429 or 503 is sent again as long as that cannot do anything twice; WithLimits
// changes how often.
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
				client.Client = &http.Client{Transport: transport}
			}
			if given, ok := client.Client.(*http.Client); ok {
				own := *given
				own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				client.Client = &own
			}
			client.Client = retrier{doer{client.Client}}
			return nil
		})
	return NewClientWithResponses(server, options...)
}

// pageSize is the default for iterators.
const pageSize = 100

// all yields the items of page after page. get returns a page's items and the cursor of
// the next one.
func all[P, T any](params *P, get func(page P, after *string) ([]T, *string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var page P
		if params != nil {
			page = *params
		}
		for after := (*string)(nil); ; {
			items, next, err := get(page, after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if after = next; after == nil {
				return
			}
		}
	}
}

// FetchReceipt returns the file of a receipt. It waits until the receipt is sealed,
// about two seconds after its erasure, or until ctx ends. Package receipt checks the
// file.
func (c *ClientWithResponses) FetchReceipt(ctx context.Context, id uuid.UUID) ([]byte, error) {
	return c.fetchReceipt(ctx, id, nil)
}

func (c *ClientWithResponses) fetchReceipt(ctx context.Context, id uuid.UUID, params *GetReceiptParams) ([]byte, error) {
	for {
		answer, err := c.GetReceiptWithResponse(ctx, id, params)
		if err == nil {
			return answer.Body, nil
		}
		var pending *Error
		if !errors.As(err, &pending) || pending.Status != http.StatusAccepted {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, noAnswer(ctx.Err())
		case <-time.After(min(max(pending.RetryAfter, time.Second), longestWait)):
		}
	}
}

// Limits for reopening a stream.
const (
	firstWait   = 3 * time.Second // if the service does not say
	longestWait = 30 * time.Second
	maxFailures = 10 // in a row
)

// Watch yields an erasure at once and whenever it has changed, until it is finished;
// the last value is its final state. A stream that breaks off is reopened. An error
// ends it: an answer that reopening would not fix, such as 404; ten failures in a row;
// or the end of ctx.
func (c *ClientWithResponses) Watch(ctx context.Context, id uuid.UUID, params *WatchErasureParams) iter.Seq2[Erasure, error] {
	return func(yield func(Erasure, error) bool) {
		wait, failures := time.Duration(firstWait), 0
		for {
			goOn, told, err := c.watchOnce(ctx, id, params, &wait, yield)
			if !goOn {
				return
			}
			if told {
				failures = 0
			}
			failures++
			var failure *Error
			passing := errors.As(err, &failure) && (failure.Status == 0 || failure.Status == http.StatusTooManyRequests || failure.Status >= http.StatusInternalServerError || failure.unfinished)
			if ctx.Err() != nil || !passing || failures >= maxFailures {
				yield(Erasure{}, err)
				return
			}
			select {
			case <-ctx.Done():
				yield(Erasure{}, noAnswer(ctx.Err()))
				return
			case <-time.After(min(backoff(failures, wait, longestWait, failure.RetryAfter), longestWait)):
			}
		}
	}
}

// watchOnce yields from one stream. It returns whether to go on, whether the stream
// had any event, and what ended it.
func (c *ClientWithResponses) watchOnce(ctx context.Context, id uuid.UUID, params *WatchErasureParams, wait *time.Duration, yield func(Erasure, error) bool) (goOn, told bool, err error) {
	// A connection that was lost without a sign must not be waited for. The service sends
	// something every few seconds.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := limitsOf(ctx).Timeout
	idle := time.AfterFunc(silence, func() { cancel(errTimeout) })
	defer idle.Stop()
	response, err := c.WatchErasure(ctx, id, params)
	if err != nil {
		return true, false, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent {
		return false, false, nil // params say that the end was received before
	}
	var reader eventReader
	for part := make([]byte, 4<<10); ; {
		n, err := response.Body.Read(part)
		idle.Reset(silence)
		events := reader.feed(part[:n])
		if reader.retry > 0 {
			*wait = reader.retry
		}
		for _, e := range events {
			erasure, over, fault := e.erasure(id.String())
			if fault != "" {
				return true, told, err // the body found it too and returned err
			}
			if erasure == nil {
				continue
			}
			told = true
			if !yield(*erasure, nil) || over {
				return false, true, nil
			}
		}
		if err != nil {
			return true, told, err
		}
	}
}
