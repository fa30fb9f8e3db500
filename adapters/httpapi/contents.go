package httpapi

import (
	"compress/gzip"
	"context"
	"runtime/debug"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"lethe/domain"
)

// Contents stay in memory until the client has read them. So they are bounded, in total
// and for each caller.

// worthGivingBack is the size from which unused memory is returned to the system at once.
const worthGivingBack = 8 * mebibyte

type keptKey struct{}

// kept holds what a request has taken until its response is written.
type kept struct{ giveBack []func() }

// keeping gives back what a request has taken once it has been answered.
func keeping(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		k := &kept{}
		r := c.Request()
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), keptKey{}, k)))
		defer func() {
			for _, giveBack := range k.giveBack {
				giveBack()
			}
		}()
		return next(c)
	}
}

const scannedCopies = 2 // of contents at a time: as received and as scanned

// whole returns the response with its contents once there is room for them.
func (s *server) whole(ctx context.Context, id uuid.UUID) (answer detailAnswer, err error) {
	err = s.withRoom(ctx, scannedCopies, func(limit int64) (n, left int64, err error) {
		answer, err = s.detail(ctx, id, domain.GetRequest{Max: limit}, false)
		return answer.response.Bytes(), answer.response.Left, err
	})
	return answer, err
}

// withRoom calls read once there is room for what it reads: contents of at most limit
// bytes, n of them; or, if there are more, nothing of left bytes. Large contents are read
// only then. They are in memory that many times.
func (s *server) withRoom(ctx context.Context, copies int64, read func(limit int64) (n, left int64, err error)) error {
	k, _ := ctx.Value(keptKey{}).(*kept)
	caller := callerIn(ctx).ID
	limit := int64(readAtOnce)
	for range 3 { // they may grow meanwhile
		n, left, err := read(limit)
		if err != nil || left == 0 {
			if err == nil && limit == readAtOnce && n > 0 {
				giveBack, none := s.shares.small.take(ctx, caller, n)
				if none != nil {
					return none
				}
				k.giveBack = append(k.giveBack, giveBack)
			}
			return err
		}
		giveBack, err := s.roomForLarge(ctx, caller, copies*left)
		if err != nil {
			return err
		}
		k.giveBack = append(k.giveBack, giveBack)
		limit = left
	}
	return domain.Errorf(domain.CodeUnavailable, "The response grew while it was being read; try again later")
}

// roomForLarge takes room for that many bytes of contents and their copies.
func (s *server) roomForLarge(ctx context.Context, caller uuid.UUID, bytes int64) (func(), error) {
	giveBack, err := s.shares.large.take(ctx, caller, bytes)
	if err != nil || bytes < 2*worthGivingBack { // freed with other garbage
		return giveBack, err
	}
	return func() {
		go func() { // after the last reference to it is gone
			debug.FreeOSMemory()
			giveBack()
		}()
	}, nil
}

// compressing is how many responses are compressed at a time: each takes about a
// megabyte until it has been read. Others are sent uncompressed.
const compressing = 32

// newCompress makes the middleware that compresses responses.
func newCompress() echo.MiddlewareFunc {
	room := make(chan struct{}, compressing)
	compress := middleware.GzipWithConfig(middleware.GzipConfig{Level: gzip.BestSpeed, MinLength: minCompressed})
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		compressed := compress(next)
		return func(c echo.Context) error {
			if !strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
				return compressed(c)
			}
			select {
			case room <- struct{}{}:
				defer func() { <-room }()
				return compressed(c)
			default:
				c.Response().Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
				return next(c)
			}
		}
	}
}
