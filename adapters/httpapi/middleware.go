package httpapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
)

// Keys of echo's context.
const (
	requestID = "request_id"
	callerID  = "caller"

	hiddenMethod = "hidden_method"
	misspelled   = "misspelled"
)

// MaxBodyBytes is more than any operation needs.
const MaxBodyBytes = 64 << 10

type requestIDKey struct{}

func requestIDIn(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func requestIDOf(c echo.Context) string {
	id, _ := c.Get(requestID).(string)
	return id
}

var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func newRequestID() string {
	random := uuid.New()
	return hex.EncodeToString(random[:])
}

// setHeaders sets the headers of every response.
func setHeaders(h http.Header, requestID string) {
	h.Set("X-Request-Id", requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// observe gives the request an id, and logs and measures its outcome. Of what the
// caller sent, it logs only that id, and the method if HTTP defines it.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begin := time.Now()
		done := s.Observe()
		r, w := c.Request(), c.Response()

		id := r.Header.Get("X-Request-Id")
		if !wellFormedID.MatchString(id) {
			id = newRequestID()
		}
		c.Set(requestID, id)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
		setHeaders(w.Header(), id)

		route := c.Path()
		if !s.routes[route] {
			route = "other"
		}
		// Deferred because a panic that ends the connection passes through.
		defer func() {
			method := knownMethod(r.Method)
			done(route, method, w.Status)
			level := accessLevel(route, w.Status)
			if !s.Log.Enabled(r.Context(), level) {
				return
			}
			bytes := w.Size
			if r.Method == http.MethodHead {
				bytes = 0
			}
			attrs := []slog.Attr{
				slog.String("method", method), slog.String("route", route), slog.Int("status", w.Status),
				slog.Int64("bytes", bytes), slog.Duration("duration", time.Since(begin)),
				slog.String("request_id", id), slog.String("remote", c.RealIP()),
			}
			if caller, ok := c.Get(callerID).(uuid.UUID); ok {
				attrs = append(attrs, slog.String("caller", caller.String()))
			}
			s.Log.LogAttrs(r.Context(), level, "request", attrs...)
		}()
		if err := next(c); err != nil {
			s.fail(err, c)
		}
		return nil
	}
}

// accessLevel keeps successful probes out of the log.
func accessLevel(route string, status int) slog.Level {
	switch route {
	case "/healthz", "/readyz", "/metrics":
		if status == http.StatusOK {
			return slog.LevelDebug
		}
	}
	return slog.LevelInfo
}

// knownMethod bounds the number of metrics and keeps callers' words out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "other"
}

// recover answers a panic. The panic value may hold anything, so only its type is
// logged, and the text of runtime errors.
func (s *server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			thrown := recover()
			if thrown == nil {
				return
			}
			if err, ok := thrown.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(thrown)
			}
			what := fmt.Sprintf("%T", thrown)
			if e, ok := thrown.(runtime.Error); ok {
				what = e.Error()
			}
			s.Log.ErrorContext(c.Request().Context(), "Request panicked",
				"request_id", requestIDOf(c), "panic", what, "stack", string(debug.Stack()))
			if c.Response().Committed {
				panic(http.ErrAbortHandler) // or half a response would look whole
			}
			err = errors.New("panic: " + what)
		}()
		return next(c)
	}
}

// refuseOtherOrigins keeps other sites from using what a browser sends automatically:
// cookies, and whatever an authenticating proxy accepts, which the proxy may not pass
// on. A key is only sent by a program that has it.
func (s *server) refuseOtherOrigins(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		r := c.Request()
		byItself := func() bool { return len(r.Header.Values("Cookie")) > 0 || s.Credentials(r).ExternalID != "" }
		if protection.Check(r) != nil && byItself() {
			return &requestProblem{status: http.StatusForbidden,
				detail: "A browser sent this request from another site; send it from the service's own site, or with an API key as the only credential"}
		}
		return next(c)
	}
}

// limitBody reads the body, so that a body that is too large is refused even without a
// Content-Length and by operations without a body.
func limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	tooLarge := &requestProblem{status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("The request body must not exceed %d bytes", MaxBodyBytes)}
	return func(c echo.Context) error {
		r := c.Request()
		if r.ContentLength > MaxBodyBytes {
			return tooLarge
		}
		if r.ContentLength != 0 {
			body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, MaxBodyBytes))
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return tooLarge
			}
			if err != nil {
				return invalid("", "The request body could not be read to its end")
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		return next(c)
	}
}

// hiddenMethods handles fixed paths that a path with a parameter also matches: the
// router takes a method that the fixed path lacks for one of the other path. GET
// /erasures/preview must not fetch an erasure of that name. methods has those of each
// path and gets sorted.
func hiddenMethods(methods map[string][]string) echo.MiddlewareFunc {
	allow := make(map[string]string)
	for path, known := range methods {
		if strings.Contains(path, "/:") {
			continue // a pattern, which nobody requests
		}
		slices.Sort(known)
		allow[path] = strings.Join(append([]string{http.MethodOptions}, known...), ", ")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			asked := echo.GetPath(c.Request())
			if decoded := c.Request().URL.Path; asked != decoded && allow[decoded] != "" {
				// A fixed path has one spelling, here and for proxies that rely on it:
				// another spelling does not match a parameter either.
				c.SetPath("")
				c.Set(misspelled, true)
				return next(c)
			}
			if c.Path() != asked && allow[asked] != "" && c.Request().Method != http.MethodOptions {
				c.SetPath(asked)
				c.Set(hiddenMethod, true)
				c.Set(echo.ContextKeyHeaderAllow, allow[asked])
			}
			return next(c)
		}
	}
}

// refuseHiddenMethods refuses what hiddenMethods has found, inside observe.
func refuseHiddenMethods(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Get(misspelled) != nil {
			return echo.ErrNotFound
		}
		if allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string); ok && c.Get(hiddenMethod) != nil {
			c.Response().Header().Set("Allow", allow)
			return echo.ErrMethodNotAllowed
		}
		return next(c)
	}
}

// options answers OPTIONS with the methods that the router knows for the path.
func options(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string)
		if !ok || c.Request().Method != http.MethodOptions {
			return next(c)
		}
		c.Response().Header().Set("Allow", allow)
		return c.NoContent(http.StatusOK)
	}
}

// deadline bounds how long an operation may work.
func deadline(limit time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			ctx, cancel := context.WithTimeout(r.Context(), limit)
			defer cancel()
			// Afterwards the request's own context shows whether the client is still there.
			defer c.SetRequest(r)
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}
