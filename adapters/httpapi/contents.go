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

// Contents are in memory until they have been written, which is up to who reads
// them. So there is a bound on all of them together, and on one caller's.

// worthGivingBack is what is given back to the system as soon as it is used no more.
const worthGivingBack = 8 * mebibyte

type keptKey struct{}

// kept is what a request has taken until it has been answered.
type kept struct{ giveBack []func() }

// keeping gives back, after the answer, what a request has taken.
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

// whole is the answer with contents, for which there has to be room. Those that are
// large are only read when there is.
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
		// A row is in memory twice, as it came over the wire and as it was scanned.
		giveBack, err := s.shares.large.take(ctx, caller, 2*left)
		if err != nil {
			return detailAnswer{}, err
		}
		k.giveBack = append(k.giveBack, func() {
			if left < worthGivingBack { // which goes with what else is used no more
				giveBack()
				return
			}
			go func() { // when nothing refers to it any more
				debug.FreeOSMemory()
				giveBack()
			}()
		})
		limit = left
	}
	return detailAnswer{}, domain.Errorf(domain.CodeUnavailable, "The response grows while it is read; try again later")
}

// compressing is how many answers are compressed at a time: each takes about a
// megabyte, for as long as it is being read. Others are not compressed.
const compressing = 32

// newCompress makes the middleware that compresses answers.
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
