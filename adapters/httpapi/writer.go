package httpapi

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Who does not read their answer keeps a connection, and what is left of the
// answer, but not for long, and the shorter the more of them there are.

const (
	pieceBytes   = 32 << 10
	answerWithin = 60 * time.Second // from its first byte on; streams bound themselves

	// patience is for how long a piece of an answer may wait for who reads it,
	// while few answers are being written, while some are, and beyond.
	few, patienceForFew   = 64, 20 * time.Second
	some, patienceForSome = 256, 5 * time.Second
	minPatience           = 3 * time.Second

	// refusalTakes is how long it takes to answer 429. Who asks too much asks again
	// when they have been answered, at once if they mean it; meanwhile they have
	// nothing but their connection.
	refusalTakes = time.Second

	// setEvery is how often a deadline is set anew.
	setEvery = 200 * time.Millisecond
)

// outgoing are the answers that are being written.
type outgoing struct{ writing atomic.Int64 }

// Writer bounds how long what is written to w may wait for its reader, a piece at
// a time. begun is called when the answer begins, as then it is at work no more;
// done is to be called when it has ended. A refusal of what is too much takes a
// moment, unless ctx ends, the request's.
func (o *outgoing) Writer(ctx context.Context, w http.ResponseWriter, begun func()) (patient http.ResponseWriter, done func()) {
	p := &patientWriter{ResponseWriter: w, ctx: ctx, outgoing: o, begun: begun}
	return p, func() {
		if !p.end.IsZero() {
			// What is left is written when the handler has returned, which on a busy
			// machine may be late: that is no fault of who reads it.
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
	end, set time.Time // when the answer has to have ended, and when a deadline was set
	own      bool      // whoever writes sets deadlines
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
	// A writer that has none cannot set any, and needs not.
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

// SetWriteDeadline is for http.ResponseController, too. Who sets one goes on to.
func (w *patientWriter) SetWriteDeadline(deadline time.Time) error {
	w.own = true
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline)
}

// unread is how much of its answers the system keeps for a connection that does not
// read them. By itself it is some four megabytes, which a thousand fill in a moment;
// to a proxy nearby, which is where answers go, nothing is slower for it.
const unread = 128 << 10

// boundUnread is told of every connection.
func boundUnread(c net.Conn, state http.ConnState) {
	if tcp, ok := c.(*net.TCPConn); ok && state == http.StateNew {
		_ = tcp.SetWriteBuffer(unread) // one that is gone already needs none
	}
}
