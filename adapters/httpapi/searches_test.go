package httpapi_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"lethe/domain"
)

// TestSearchesOfOneCaller: of lists that may read much, one caller's run one after the
// other, which delays neither other callers nor the caller's other lists.
func TestSearchesOfOneCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		read := make(chan struct{})
		s := assemble(t, fakes{page: func(_ context.Context, q domain.PageQuery) ([]domain.Response, error) {
			if q.Filter.States == nil && q.Filter.HasError == nil && q.Skip == 0 {
				return nil, nil
			}
			most.Store(max(most.Load(), running.Add(1)))
			<-read
			running.Add(-1)
			return nil, nil
		}}, nil)
		const listPath = "/admin/api/v1/batches/requests"
		var all sync.WaitGroup
		for _, query := range []string{"?status=failed", "?has_error=true", "?skip=5000"} {
			all.Go(func() {
				if a := s.ask(t, http.MethodGet, listPath+query); a.status != http.StatusOK {
					t.Errorf("%s: want 200, got %d %s", query, a.status, a.body)
				}
			})
		}
		synctest.Wait()
		if a := s.ask(t, http.MethodGet, listPath); a.status != http.StatusOK {
			t.Errorf("another list: want 200, got %d %s", a.status, a.body)
		}
		all.Go(func() {
			if a := s.ask(t, http.MethodGet, listPath+"?status=failed", "Authorization", "Bearer bob"); a.status != http.StatusOK {
				t.Errorf("another caller: want 200, got %d %s", a.status, a.body)
			}
		})
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Errorf("%d lists run, want one of each caller", n)
		}
		for range 4 {
			read <- struct{}{}
			synctest.Wait()
		}
		all.Wait()
		if n := most.Load(); n != 2 {
			t.Errorf("%d lists ran at a time, want one of each caller", n)
		}

		// Who waits too long is told so.
		go s.ask(t, http.MethodGet, listPath+"?status=failed")
		synctest.Wait()
		if a := s.ask(t, http.MethodGet, listPath+"?has_error=true"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("want 429 with Retry-After, got %d %s", a.status, a.body)
		}
		read <- struct{}{}
	})
}
