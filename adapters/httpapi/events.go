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

// Of streams of events.
const (
	streamFor      = 10 * time.Minute
	lookEvery      = time.Second
	heartbeatEvery = 15 * time.Second // what is silent for longer, proxies may close
	reconnectAfter = 3 * time.Second
	writeTimeout   = 30 * time.Second // of one event
)

// endID names the last event. Browsers open a stream again when it has ended,
// say this, and stop when the answer is 204.
const endID = "end"

// WatchErasure implements StrictServerInterface.
func (s *server) WatchErasure(ctx context.Context, request WatchErasureRequestObject) (WatchErasureResponseObject, error) {
	stream := progressStream{ctx: ctx, server: s, id: request.ErasureId}
	var err error
	stream.first, err = stream.lookAs(ctx, callerIn(ctx))
	if last := request.Params.LastEventID; err == nil && stream.first.over && last != nil && *last == endID {
		return WatchErasure204Response{}, nil
	}
	return stream, err
}

// progressStream is the events of an erasure.
type progressStream struct {
	ctx    context.Context // the request's, with its caller
	server *server
	id     uuid.UUID
	first  progress
}

// progress is an erasure as it is told.
type progress struct {
	body []byte
	over bool
}

// look is as whoever the caller is by now, which may be nobody any more.
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

// VisitWatchErasureResponse tells events until the erasure or the stream is over,
// or the caller may not see it any more. Who reads it no more is no error.
func (p progressStream) VisitWatchErasureResponse(w http.ResponseWriter) error {
	giveBack, err := p.server.shares.streams.take(p.ctx, callerIn(p.ctx).ID, 1)
	if err != nil {
		return err
	}
	defer giveBack()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx would keep events back
	w.WriteHeader(http.StatusOK)
	if callIn(p.ctx).head {
		return nil
	}
	control := http.NewResponseController(w)
	var reported time.Time
	report := func(text string) error {
		reported = time.Now()
		// The server's own is for answers that end soon. A writer that has none
		// cannot set any, and needs not.
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
			// It is looked at again.
		case domain.CodeOf(err) == domain.CodeUnauthenticated, domain.CodeOf(err) == domain.CodeNotFound, domain.CodeOf(err) == domain.CodeForbidden:
			return nil // who asks again is told why
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

// event is what is told of the progress. JSON has no line breaks in it.
func (p progress) event() string {
	text := fmt.Sprintf("event: progress\ndata: %s\n\n", p.body)
	if p.over {
		text += fmt.Sprintf("event: end\nid: %s\ndata: %s\n\n", endID, p.body)
	}
	return text
}
