package httpapi

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listen serves a handler as the service does.
func listen(t *testing.T, handler http.HandlerFunc) (addr string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := Server("", handler, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(socket) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket.Addr().String()
}

// TestUnreadAnswerBuffersLittle: an answer that its client does not read takes less than a
// megabyte in the system's buffers.
func TestUnreadAnswerBuffersLittle(t *testing.T) {
	t.Parallel()
	took := make(chan int, 1)
	addr := listen(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Second))
		written, piece := 0, make([]byte, pieceBytes)
		for {
			n, err := w.Write(piece)
			if written += n; err != nil {
				took <- written
				return
			}
		}
	})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n := <-took; n > mebibyte {
		t.Errorf("buffered %d bytes, want at most 1 MiB", n)
	}
}

// TestLateAnswerArrives: an answer written late on a busy machine is not cut off,
// even if many others are not being read.
func TestLateAnswerArrives(t *testing.T) {
	t.Parallel()
	var answers outgoing
	answers.writing.Add(some + 1)
	addr := listen(t, func(w http.ResponseWriter, r *http.Request) {
		w, done := answers.Writer(r.Context(), w, func() {})
		defer done()
		_, _ = io.WriteString(w, "an answer")
		time.Sleep(minPatience + 200*time.Millisecond)
	})
	response, err := http.Get("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), "an answer") {
		t.Errorf("got %q (error %v), want the answer", body, err)
	}
}
