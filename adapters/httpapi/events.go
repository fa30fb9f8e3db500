package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Limits of event streams.
const (
	streamFor      = 10 * time.Minute
	lookEvery      = time.Second
	heartbeatEvery = 15 * time.Second // proxies may close a stream that is silent for longer
	reconnectAfter = 3 * time.Second
	writeTimeout   = 30 * time.Second // of one event
)

// endID is the id of the last event. A browser reopens a stream that has ended and
// sends this id, and stops when the response is 204.
const endID = "end"

func (s *server) WatchErasure(ctx context.Context, request WatchErasureRequestObject) (WatchErasureResponseObject, error) {
	stream := progressStream{ctx: ctx, server: s, id: request.ErasureId}
	var err error
	stream.first, err = stream.lookAs(ctx, callerIn(ctx))
	if last := request.Params.LastEventID; err == nil && stream.first.over && last != nil && *last == endID {
		return WatchErasure204Response{}, nil
	}
	return stream, err
}

// progressStream streams the progress of one erasure.
type progressStream struct {
	ctx    context.Context // the request's, with its caller
	server *server
	id     uuid.UUID
	first  progress
}

// progress is an erasure as a stream reports it.
type progress struct {
	body []byte
	over bool
}

// look identifies the caller again, whose permissions may have ended.
func (p progressStream) look() (progress, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.server.lookTimeout)
	defer cancel()
	caller, err := callIn(ctx).identify(ctx)
	if err != nil {
		return progress{}, err
	}
	return p.lookAs(ctx, caller)
}

func (p progressStream) lookAs(ctx context.Context, caller domain.Principal) (progress, error) {
	ctx, cancel := context.WithTimeout(ctx, p.server.lookTimeout)
	defer cancel()
	e, err := p.server.Erasures.Get.Execute(ctx, caller, p.id)
	if err != nil {
		return progress{}, err
	}
	body, err := json.Marshal(shownErasure(e))
	return progress{body, e.State.Finished()}, err
}

// VisitWatchErasureResponse sends events until the erasure is over, the stream has
// lasted its time, or the caller loses access. A client that disconnects is not an
// error.
func (p progressStream) VisitWatchErasureResponse(w http.ResponseWriter) error {
	giveBack, err := p.server.shares.streams.take(p.ctx, callerIn(p.ctx).ID, 1)
	if err != nil {
		return err
	}
	defer giveBack()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx would buffer the events
	w.WriteHeader(http.StatusOK)
	if callIn(p.ctx).head() {
		return nil
	}
	control := http.NewResponseController(w)
	var reported time.Time
	report := func(text string) error {
		reported = time.Now()
		// The server's own deadline is for short responses. A writer without deadlines
		// cannot set one and needs none.
		_ = control.SetWriteDeadline(reported.Add(writeTimeout))
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		return control.Flush()
	}

	end := time.NewTimer(streamFor)
	defer end.Stop()
	looks := time.NewTicker(lookEvery)
	defer looks.Stop()
	if report(fmt.Sprintf("retry: %d\n%s", reconnectAfter.Milliseconds(), p.first.event())) != nil {
		return nil
	}
	for last := p.first; !last.over; {
		select {
		case <-p.ctx.Done():
			return nil
		case <-p.server.Stopping:
			return nil
		case <-end.C:
			return nil
		case <-looks.C:
		}
		now, err := p.look()
		text := ""
		switch {
		case p.ctx.Err() != nil:
			return nil
		case domain.CodeOf(err) == domain.CodeUnavailable, errors.Is(err, context.DeadlineExceeded):
			// Try again at the next look.
		case domain.CodeOf(err) == domain.CodeUnauthenticated, domain.CodeOf(err) == domain.CodeNotFound, domain.CodeOf(err) == domain.CodeForbidden:
			return nil // a new request will say why
		case err != nil:
			return err
		case !bytes.Equal(now.body, last.body):
			last, text = now, now.event()
		}
		if text == "" && time.Since(reported) >= heartbeatEvery {
			text = ":\n\n"
		}
		if text != "" && report(text) != nil {
			return nil
		}
	}
	return nil
}

// event encodes the progress as an event. Its JSON has no line breaks.
func (p progress) event() string {
	text := fmt.Sprintf("event: progress\ndata: %s\n\n", p.body)
	if p.over {
		text += fmt.Sprintf("event: end\nid: %s\ndata: %s\n\n", endID, p.body)
	}
	return text
}
