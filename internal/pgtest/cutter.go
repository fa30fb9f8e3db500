package pgtest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Cutter is a proxy in front of a server. Once it has passed on the word that it waits for,
// it ends the connection or withholds the answer.
type Cutter struct {
	word   atomic.Pointer[string]
	silent atomic.Bool
}

// At sets the word after which to end connections or, if silent, to withhold the answer.
func (c *Cutter) At(word string, silent bool) {
	c.silent.Store(silent)
	c.word.Store(&word)
}

// Cutting starts a Cutter until the test ends, and returns the URL through it.
func Cutting(t testing.TB, databaseURL string) (*Cutter, string) {
	t.Helper()
	config, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	c := &Cutter{}
	network, target := pgconn.NetworkAddress(config.Host, config.Port)
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go c.pass(client, server)
		}
	}()
	return c, (&url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password),
		Host: listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable",
	}).String()
}

func (c *Cutter) pass(client, server net.Conn) {
	defer func() { _, _ = client.Close(), server.Close() }()
	var cut atomic.Bool
	go func() {
		defer func() { _ = server.Close() }()
		for buf := make([]byte, 64<<10); ; {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if word := c.word.Load(); word != nil && bytes.Contains(buf[:n], []byte(*word)) {
				cut.Store(true)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	for buf := make([]byte, 64<<10); ; {
		n, err := server.Read(buf)
		if err != nil && !errors.Is(err, io.EOF) {
			return
		}
		switch {
		case !cut.Load():
			if _, werr := client.Write(buf[:n]); werr != nil || err != nil {
				return
			}
		case !c.silent.Load() || err != nil:
			return
		}
	}
}
