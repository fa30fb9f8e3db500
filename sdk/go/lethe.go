// Package lethe is a client of Lethe, which lists, fetches and erases the
// responses of LLM requests.
//
// Make one with New. Everything else follows the contract; All goes through
// the pages of a list.
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

// Error is every answer other than a success as the contract documents it, with
// its status, media type and required headers and fields, whoever answered. No
// call returns another error once a request is sent. Find it with errors.As.
type Error struct {
	// Problem is what the service says. Where something else answered, like a
	// gateway in between, it has the Status, 0 if there was no answer at all, and
	// Detail says what is wrong with the answer.
	Problem
	Documented bool          // whether Problem is the service's own
	Body       []byte        // what was answered, as far as it came, at most 64 KiB
	RetryAfter time.Duration // how long to wait before trying again; 0 if not told
	Err        error         // why there is no answer, or no whole one

	unfinished bool // a stream came to its end before its erasure
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

// noAnswer is the error where nothing was answered.
func noAnswer(err error) *Error {
	return &Error{Problem: Problem{Title: "No answer", Detail: err.Error()}, Err: err}
}

// Unwrap is why there is no whole answer, such as context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// New makes a client of the service at a URL, for the owner of an API key. An
// answer that is not the one asked for is returned as *Error, so JSON200, or
// what else the contract has for success, is never nil where the error is. So
// is a receipt that is still to be sealed: its Status is 202, and RetryAfter
// tells when to ask again. Redirects are not followed: the answer would be
// somebody else's.
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
			if given, ok := client.Client.(*http.Client); ok {
				own := *given
				own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				client.Client = &own
			}
			client.Client = doer{client.Client}
			return nil
		})
	return NewClientWithResponses(server, options...)
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
			return nil, noAnswer(ctx.Err())
		case <-time.After(min(max(pending.RetryAfter, time.Second), longestWait)):
		}
	}
}

// Of a stream that is opened again.
const (
	firstWait   = 3 * time.Second // where the service does not say
	longestWait = 30 * time.Second
	maxFailures = 10 // in a row
)

// Watch tells an erasure at once and when it has changed, until it is over: the
// last that it tells is the erasure as it ended. A stream that breaks off before
// is opened again. An error ends it: every answer that opening it again would
// not mend, such as 404, ten failures in a row, or that ctx is over.
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
			passing := errors.As(err, &failure) && (failure.Status == 0 || failure.Status >= http.StatusInternalServerError || failure.unfinished)
			if ctx.Err() != nil || !passing || failures >= maxFailures {
				yield(Erasure{}, err)
				return
			}
			select {
			case <-ctx.Done():
				yield(Erasure{}, noAnswer(ctx.Err()))
				return
			case <-time.After(min(max(wait<<(failures-1), failure.RetryAfter), longestWait)):
			}
		}
	}
}

// watchOnce tells what one stream tells: whether to go on, whether it told
// anything, and what ended it.
func (c *ClientWithResponses) watchOnce(ctx context.Context, id uuid.UUID, params *WatchErasureParams, wait *time.Duration, yield func(Erasure, error) bool) (goOn, told bool, err error) {
	response, err := c.WatchErasure(ctx, id, params)
	if err != nil {
		return true, false, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNoContent {
		return false, false, nil // the end had been told, as params say
	}
	var reader eventReader
	for part := make([]byte, 4<<10); ; {
		n, err := response.Body.Read(part)
		events := reader.feed(part[:n])
		if reader.retry > 0 {
			*wait = reader.retry
		}
		for _, e := range events {
			erasure, over, fault := e.erasure(id.String())
			if fault != "" {
				return true, told, err // which the body has found, too
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
