// Package contract holds the assembled service to what the reference answered.
package contract

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/app/config"
	"lethe/app/serve"
	"lethe/internal/pgtest"
)

// service is a running Lethe over the rows of the fixture.
type service struct {
	addr string
	db   *pgx.Conn // as the owner of the tables
}

// start runs the service as it is configured in production, under a role that
// has only the grants it needs, with the settings of the recordings.
func start(t *testing.T) *service {
	t.Helper()
	database := pgtest.WithFixture(t)
	return startOn(t, database, "LETHE_DATABASE_URL="+database.RoleURL)
}

// startThroughPgBouncer is start with a PgBouncer between the service and the
// database, and its superuser.
func startThroughPgBouncer(t *testing.T) *service {
	t.Helper()
	through := pgtest.ThroughPgBouncer(t)
	database := pgtest.WithFixture(t)
	return startOn(t, database, "LETHE_DATABASE_URL="+through(database.URL), "LETHE_DATABASE_PGBOUNCER=true")
}

func startOn(t *testing.T, database *pgtest.Database, settings ...string) *service {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: append(settings,
		"LETHE_HTTP_ADDR=127.0.0.1:0",
		"LETHE_AUTH_SESSION_SECRET=contract-secret-key-of-enough-length",
		"LETHE_AUTH_PROXY_HEADERS=true",
		"LETHE_LOG_LEVEL=error",
	)})
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := db.Close(ctx); err != nil {
			t.Error(err)
		}
	})

	ctx, stop := context.WithCancel(context.Background())
	listening, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- serve.Run(ctx, cfg, func(addr string) { listening <- addr }) }()
	select {
	case err := <-ended:
		stop()
		t.Fatal("the service stopped: ", err)
	case addr := <-listening:
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return &service{addr: addr, db: db}
	}
	return nil
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// client takes every answer as it is.
var client = &http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send sends the path exactly as it is written.
func (s *service) send(ctx context.Context, method, path string, headers map[string]string) (got answer, err error) {
	r := (&http.Request{
		Method: method,
		URL:    &url.URL{Scheme: "http", Host: s.addr, Opaque: path},
		Header: make(http.Header),
	}).WithContext(ctx)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, err
}
