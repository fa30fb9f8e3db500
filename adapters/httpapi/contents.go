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

// whole returns the response with its contents once there is room for them. Large
// contents are read only then.
func (s *server) whole(ctx context.Context, id uuid.UUID) (detailAnswer, error) {
	k, _ := ctx.Value(keptKey{}).(*kept)
	caller := callerIn(ctx).ID
	limit := int64(readAtOnce)
	for range 3 { // they may grow meanwhile
		answer, err := s.detail(ctx, id, domain.GetRequest{Max: limit}, false)
		left := answer.response.Left
		if err != nil || left == 0 {
			if n := answer.response.Bytes(); err == nil && limit == readAtOnce && n > 0 {
				giveBack, none := s.shares.small.take(ctx, caller, n)
				if none != nil {
					return detailAnswer{}, none
				}
				k.giveBack = append(k.giveBack, giveBack)
			}
			return answer, err
		}
		// A row is in memory twice: as received and as scanned.
		giveBack, err := s.shares.large.take(ctx, caller, 2*left)
		if err != nil {
			return detailAnswer{}, err
		}
		k.giveBack = append(k.giveBack, func() {
			if left < worthGivingBack { // freed with other garbage
				giveBack()
				return
			}
			go func() { // after the last reference to it is gone
				debug.FreeOSMemory()
				giveBack()
			}()
		})
		limit = left
	}
	return detailAnswer{}, domain.Errorf(domain.CodeUnavailable, "The response grew while it was being read; try again later")
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
