package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"lethe/adapters/httpapi"
	"lethe/domain"
)

// TestWhoErasesIsAskedApart: a reader may be known from a moment ago, an eraser
// is not.
func TestWhoErasesIsAskedApart(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	identify := func(name string) *domain.IdentifyCaller {
		return domain.NewIdentifyCaller(fakes{byKey: func(ctx context.Context, secret string) (domain.Key, error) {
			asked[name]++
			return fakes{}.ByKey(ctx, secret)
		}}, time.Now)
	}
	s := assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Identify, d.IdentifyEraser = identify("reader"), identify("eraser")
	})
	for _, c := range []struct {
		method, target  string
		readers, eraser int
	}{
		{http.MethodGet, list, 1, 0}, {http.MethodGet, item, 2, 0}, {http.MethodHead, item, 3, 0}, {http.MethodDelete, item, 3, 1},
	} {
		s.ask(t, c.method, c.target)
		if asked["reader"] != c.readers || asked["eraser"] != c.eraser {
			t.Errorf("%s %s: asked %v, want %d and %d", c.method, c.target, asked, c.readers, c.eraser)
		}
	}
}
