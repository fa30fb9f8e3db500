package httpapi

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A client that does not read its response keeps its connection and the rest of the
// response only for a while; the more such clients there are, the shorter.

const (
	pieceBytes   = 32 << 10
	answerWithin = 60 * time.Second // from its first byte on; streams bound themselves

	// patience is how long a piece of a response may wait for the client, while few
	// responses are being written, while some are, and beyond.
	few, patienceForFew   = 64, 20 * time.Second
	some, patienceForSome = 256, 5 * time.Second
	minPatience           = 3 * time.Second

	// refusalTakes is how long a 429 takes. A client over its limit may retry as soon
	// as it is answered; until then it costs only its connection.
	refusalTakes = time.Second

	// setEvery is how often the deadline is renewed.
	setEvery = 200 * time.Millisecond
)

// outgoing counts the responses that are being written.
type outgoing struct{ writing atomic.Int64 }

// Writer bounds how long each piece written to w may wait for the client. It calls
// begun when the response begins, as the request's work is done then; call done when
// the response has ended. A 429 is delayed by refusalTakes, or until ctx, the
// request's, ends.
func (o *outgoing) Writer(ctx context.Context, w http.ResponseWriter, begun func()) (patient http.ResponseWriter, done func()) {
	p := &patientWriter{ResponseWriter: w, ctx: ctx, outgoing: o, begun: begun}
	return p, func() {
		if !p.end.IsZero() {
			// The rest is written after the handler has returned, which may be late on
			// a busy machine: that is not the client's fault.
			p.set = time.Time{}
			p.extend()
			o.writing.Add(-1)
		}
	}
}

func (o *outgoing) patience() time.Duration {
	switch n := o.writing.Load(); {
	case n <= few:
		return patienceForFew
	case n <= some:
		return patienceForSome
	}
	return minPatience
}

type patientWriter struct {
	http.ResponseWriter
	ctx      context.Context
	outgoing *outgoing
	begun    func()
	end, set time.Time // when the response must have ended, and when a deadline was last set
	own      bool      // the handler sets deadlines itself
}

func (w *patientWriter) begin(status int) {
	if !w.end.IsZero() {
		return
	}
	w.begun()
	if status == http.StatusTooManyRequests {
		select {
		case <-time.After(refusalTakes):
		case <-w.ctx.Done():
		}
	}
	w.end = time.Now().Add(answerWithin)
	w.outgoing.writing.Add(1)
}

func (w *patientWriter) extend() {
	now := time.Now()
	if w.own || now.Sub(w.set) < setEvery {
		return
	}
	w.set = now
	deadline := now.Add(w.outgoing.patience())
	if deadline.After(w.end) {
		deadline = w.end
	}
	// A writer without deadlines cannot set one and needs none.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline)
}

func (w *patientWriter) WriteHeader(status int) {
	w.begin(status)
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *patientWriter) Write(p []byte) (written int, err error) {
	w.begin(http.StatusOK)
	for {
		w.extend()
		n, err := w.ResponseWriter.Write(p[written:min(len(p), written+pieceBytes)])
		if written += n; err != nil || written >= len(p) {
			return written, err
		}
	}
}

// Unwrap is for http.ResponseController.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// SetWriteDeadline is for http.ResponseController. Then the handler sets all deadlines.
func (w *patientWriter) SetWriteDeadline(deadline time.Time) error {
	w.own = true
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline)
}

// unread is how much the system buffers for a connection whose client does not read, in
// bytes. The default is some four megabytes, which a thousand clients fill in a moment;
// responses go to a proxy nearby, which is not slowed down by less.
const unread = 128 << 10

// boundUnread is called for every connection.
func boundUnread(c net.Conn, state http.ConnState) {
	if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew {
		_ = tcp.SetWriteBuffer(unread) // a closed connection needs no bound
	}
}
