package httpapi

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
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
	leastPatience         = time.Second

	// refusalTakes is how long it takes to answer 429. Who asks too much asks again
	// when they have been answered, at once if they mean it; meanwhile they have
	// nothing but their connection.
	refusalTakes = time.Second

	// setEvery is how often a deadline is set anew.
	setEvery = 200 * time.Millisecond
)

// Outgoing are the answers that are being written.
type Outgoing struct{ writing atomic.Int64 }

// Writer bounds how long what is written to w may wait for its reader, a piece at
// a time. begun is called when the answer begins, as then it is at work no more;
// done is to be called when it has ended. A refusal of what is too much takes a
// moment, unless ctx ends, the request's.
func (o *Outgoing) Writer(ctx context.Context, w http.ResponseWriter, begun func()) (patient http.ResponseWriter, done func()) {
	p := &patientWriter{ResponseWriter: w, ctx: ctx, outgoing: o, begun: begun}
	return p, func() {
		if !p.end.IsZero() {
			o.writing.Add(-1)
		}
	}
}

func (o *Outgoing) patience() time.Duration {
	switch n := o.writing.Load(); {
	case n <= few:
		return patienceForFew
	case n <= some:
		return patienceForSome
	}
	return leastPatience
}

type patientWriter struct {
	http.ResponseWriter
	ctx      context.Context
	outgoing *Outgoing
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

// WriteHeader implements http.ResponseWriter.
func (w *patientWriter) WriteHeader(status int) {
	w.begin(status)
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
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

// released is memory that is used no more. The runtime by itself would keep it for
// minutes.
type released struct {
	bytes atomic.Int64
	soon  atomic.Bool
}

const (
	worthGivingBack = 8 * mebibyte
	giveBackAfter   = 2 * time.Second // by when more is used no more
)

var memory released

// add notes so much, and gives back all that there is when it is much.
func (r *released) add(bytes int64) {
	if r.bytes.Add(bytes) >= worthGivingBack {
		r.giveBack()
	}
}

func (r *released) giveBack() {
	if !r.soon.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(giveBackAfter, func() {
		r.bytes.Store(0)
		r.soon.Store(false)
		runtime.GC() // what is pooled goes when it has not been used between two
		debug.FreeOSMemory()
	})
}

// crowd gives back the memory of connections that have been closed, where there
// were many.
type crowd struct {
	open   atomic.Int64
	gather atomic.Bool // there were many
}

const (
	many          = 64
	ofAConnection = 32 << 10 // buffers and stacks
)

func (c *crowd) changed(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if c.open.Add(1) >= many {
			c.gather.Store(true)
		}
	case http.StateClosed, http.StateHijacked:
		left := c.open.Add(-1)
		if !c.gather.Load() {
			return
		}
		if memory.add(ofAConnection); left <= many/8 && c.gather.CompareAndSwap(true, false) {
			memory.giveBack()
		}
	}
}
