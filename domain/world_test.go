package domain_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// People and organizations of the tests.
var (
	anna   = uuid.MustParse("00000000-0000-4000-8000-00000000000a")
	ben    = uuid.MustParse("00000000-0000-4000-8000-00000000000b")
	acme   = uuid.MustParse("00000000-0000-4000-8000-0000000000aa")
	globex = uuid.MustParse("00000000-0000-4000-8000-0000000000bb")
)

func ptr[T any](v T) *T { return &v }

// callers are of every kind: who they are, and how far they reach.
var callers = []struct {
	name         string
	principal    domain.Principal
	read, delete string // none, own or everyone
}{
	{"without a role", domain.Principal{ID: anna}, "none", "none"},
	{"with roles that say nothing here", domain.Principal{ID: anna, Roles: []domain.Role{"STANDARDUSER", "REQUESTVIEWER", "BILLINGMANAGER", "batchapiuser"}}, "none", "none"},
	{"admin", domain.Principal{ID: anna, Admin: true}, "everyone", "everyone"},
	{"platform manager", domain.Principal{ID: anna, Roles: []domain.Role{"PLATFORMMANAGER"}}, "everyone", "everyone"},
	{"platform manager among others", domain.Principal{ID: anna, Roles: []domain.Role{"CONNECTIONSUSER", "PLATFORMMANAGER"}}, "everyone", "everyone"},
	{"batch user", domain.Principal{ID: anna, Roles: []domain.Role{"STANDARDUSER", "BATCHAPIUSER"}}, "own", "own"},
	{"connections user", domain.Principal{ID: anna, Roles: []domain.Role{"CONNECTIONSUSER"}}, "own", "none"},
	{"batch and connections user", domain.Principal{ID: anna, Roles: []domain.Role{"CONNECTIONSUSER", "BATCHAPIUSER"}}, "own", "own"},
}

// world is a store with a fake before each port: what is not replaced is the
// store's.
type world struct {
	*memory.Store
	page          func(context.Context) error
	count         func(context.Context) error
	get           func(context.Context) error
	erase         func(context.Context) error
	latest        func(context.Context) error
	emails        func(context.Context) error
	record        func(context.Context) error
	readAccessLog func(context.Context) error
	byEmail       func(context.Context) error
	counted       []domain.CountMode
	log           bytes.Buffer
	asked         []uuid.UUID // whose addresses were looked up
	logins        []uuid.UUID
}

func newWorld() *world { return &world{Store: memory.New()} }

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(&w.log, nil)) }

func (w *world) list() *domain.ListResponses {
	return domain.NewListResponses(w, w, w, w.logger())
}

func (w *world) getter() *domain.GetResponse {
	return domain.NewGetResponse(w, w, w, func() time.Time { return noon }, w.logger())
}

func (w *world) exporter() *domain.ExportResponses {
	return domain.NewExportResponses(w, w, w, w, w, func() time.Time { return noon }, w.logger())
}

func (w *world) eraser() *domain.EraseResponse {
	return domain.NewEraseResponse(w, func() time.Time { return noon })
}

func (w *world) Page(ctx context.Context, q domain.PageQuery) ([]domain.Response, error) {
	if w.page != nil {
		if err := w.page(ctx); err != nil {
			return nil, err
		}
	}
	return w.Store.Page(ctx, q)
}

func (w *world) PageAndCount(ctx context.Context, q domain.PageQuery, mode domain.CountMode) ([]domain.Response, *domain.Count, error) {
	w.counted = append(w.counted, mode)
	for _, fails := range []func(context.Context) error{w.page, w.count} {
		if fails != nil {
			if err := fails(ctx); err != nil {
				return nil, nil, err
			}
		}
	}
	return w.Store.PageAndCount(ctx, q, mode)
}

func (w *world) Get(ctx context.Context, id uuid.UUID, owners []string, limit int64, record *domain.Recording) (domain.Response, domain.Contents, error) {
	if w.get != nil {
		if err := w.get(ctx); err != nil {
			return domain.Response{}, domain.Contents{}, err
		}
	}
	response, contents, err := w.Store.Get(ctx, id, owners, limit, nil)
	if err == nil && contents.Left == 0 && record.Covers(response.Owner) && w.record != nil {
		if err := w.record(ctx); err != nil {
			return domain.Response{}, domain.Contents{}, err
		}
	}
	if err != nil || record == nil {
		return response, contents, err
	}
	return w.Store.Get(ctx, id, owners, limit, record)
}

func (w *world) RecordExport(ctx context.Context, l domain.Access) error {
	if w.record != nil {
		if err := w.record(ctx); err != nil {
			return err
		}
	}
	return w.Store.RecordExport(ctx, l)
}

func (w *world) Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	if w.erase != nil {
		if err := w.erase(ctx); err != nil {
			return domain.Erased{}, err
		}
	}
	return w.Store.Erase(ctx, id, owners, permit)
}

func (w *world) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	if w.erase != nil {
		if err := w.erase(ctx); err != nil {
			return domain.Erased{}, err
		}
	}
	return w.Store.EraseWithLaterTurns(ctx, id, owners, permit)
}

func (w *world) Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
	if w.latest != nil {
		if err := w.latest(ctx); err != nil {
			return nil, err
		}
	}
	return w.Store.Latest(ctx, ids)
}

func (w *world) Emails(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error) {
	w.asked = ids
	if w.emails != nil {
		if err := w.emails(ctx); err != nil {
			return nil, err
		}
	}
	return w.Store.Emails(ctx, ids)
}

// accessLogOf is the world as the port for the access log.
type accessLogOf struct{ *world }

func (w accessLogOf) Page(ctx context.Context, q domain.AccessQuery) ([]domain.Access, error) {
	if w.readAccessLog != nil {
		if err := w.readAccessLog(ctx); err != nil {
			return nil, err
		}
	}
	return w.AccessLog().Page(ctx, q)
}

func (w *world) accessLister() *domain.ListAccessLog {
	return domain.NewListAccessLog(accessLogOf{w}, w, w.logger())
}

func (w *world) ByEmail(ctx context.Context, email string) ([]uuid.UUID, error) {
	if w.byEmail != nil {
		if err := w.byEmail(ctx); err != nil {
			return nil, err
		}
	}
	return w.Store.ByEmail(ctx, email)
}

func (w *world) SawLogin(id uuid.UUID) { w.logins = append(w.logins, id) }

// put stores a completed response of this owner.
func (w *world) put(owner string) porttest.Row {
	row := porttest.NewRow(owner, "completed", noon)
	w.AddResponse(row)
	return row
}

// wantError compares an error's code and words for the caller.
func wantError(t *testing.T, err error, code domain.Code, message string) {
	t.Helper()
	if err == nil || domain.CodeOf(err) != code || err.Error() != message {
		t.Errorf("want %s %q, got %s %v", code, message, domain.CodeOf(err), err)
	}
}
