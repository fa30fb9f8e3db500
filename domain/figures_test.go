package domain_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

const errByOwner = "group_by: owner requires permission to read everyone's responses, or an active organization"

func (w *world) figures() *domain.GetFigures {
	return domain.NewGetFigures(w, w, func() time.Time { return noon }, w.logger())
}

// figuresOf are the keys of the series with their totals, in order.
func figuresOf(f domain.Figures) (keys []string) {
	for _, s := range f.Series {
		key, total := "-", int64(0)
		if s.Key != nil {
			key = *s.Key
		}
		if s.Other {
			key = "other"
		}
		for _, p := range s.Points {
			total += p.Responses
		}
		keys = append(keys, fmt.Sprintf("%s %d", key, total))
	}
	return keys
}

// TestFiguresScope goes through every caller: figures are of what a list shows.
func TestFiguresScope(t *testing.T) {
	t.Parallel()
	everyone := []string{anna.String(), ben.String(), acme.String(), globex.String(), "someone"}
	w := newWorld()
	for i, owner := range everyone {
		for range 9 - i {
			w.put(owner)
		}
	}
	// They are of noon, which is where the time ends.
	request := domain.FiguresRequest{GroupBy: domain.ByModel, From: ptr(noon.Add(-time.Hour)), To: ptr(noon.Add(time.Hour))}
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, member := range []*uuid.UUID{nil, &anna, &ben} {
				for _, by := range []domain.Grouping{"", domain.ByModel, domain.ByOwner} {
					caller := c.principal
					caller.Organization = organization
					r := request
					r.List.MemberID, r.GroupBy = member, by
					got, err := w.figures().Execute(t.Context(), caller, r)
					switch {
					case c.read == "none":
						wantError(t, err, domain.CodeForbidden, errReadForbidden)
						continue
					case member != nil && c.read != "everyone":
						wantError(t, err, domain.CodeInvalid, errMember)
						continue
					case by == domain.ByOwner && c.read != "everyone" && organization == nil:
						wantError(t, err, domain.CodeInvalid, errByOwner)
						if e, ok := errors.AsType[*domain.Error](err); !ok || e.Parameter != "group_by" {
							t.Errorf("%s: want group_by named, got %+v", c.name, e)
						}
						continue
					case err != nil:
						t.Errorf("%s: %v", c.name, err)
						continue
					}
					want := everyone
					switch {
					case member != nil:
						want = []string{member.String()}
					case organization != nil:
						want = []string{acme.String()}
					case c.read == "own":
						want = []string{anna.String()}
					}
					total := 0
					var series []string
					for _, owner := range want {
						n := 9 - slices.Index(everyone, owner)
						total, series = total+n, append(series, fmt.Sprintf("%s %d", owner, n))
					}
					switch by {
					case "":
						series = []string{fmt.Sprintf("- %d", total)}
					case domain.ByModel:
						series = []string{fmt.Sprintf("model-a %d", total)}
					}
					if keys := figuresOf(got); !slices.Equal(keys, series) {
						t.Errorf("%s, organization %v, member %v, by %q: want %v, got %v", c.name, organization, member, by, series, keys)
					}
				}
			}
		}
	}
}

// TestFiguresOwners: the addresses of owners are shown where they are known.
func TestFiguresOwners(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.AddPerson(porttest.Person{ID: ben, Email: "ben@example.com"})
	for i, owner := range []string{anna.String(), ben.String(), acme.String(), "someone"} {
		for range 4 - i {
			w.put(owner)
		}
	}
	caller := domain.Principal{ID: anna, Email: "anna@example.com", Admin: true}
	r := domain.FiguresRequest{GroupBy: domain.ByOwner, To: ptr(noon.Add(time.Hour))}
	emails := func(f domain.Figures) (all []string) {
		for _, s := range f.Series {
			if s.Email == nil {
				all = append(all, "-")
				continue
			}
			all = append(all, *s.Email)
		}
		return all
	}
	got, err := w.figures().Execute(t.Context(), caller, r)
	if want := []string{"anna@example.com", "ben@example.com", "-", "-"}; err != nil || !slices.Equal(emails(got), want) {
		t.Errorf("want %v, got %v, %v", want, emails(got), err)
	}
	if slices.Contains(w.asked, anna) || len(w.asked) != 2 {
		t.Errorf("want the addresses of two others looked up, got %v", w.asked)
	}
	w.emails = func(context.Context) error { return errors.New("gone") }
	got, err = w.figures().Execute(t.Context(), caller, r)
	if want := []string{"anna@example.com", "-", "-", "-"}; err != nil || !slices.Equal(emails(got), want) || w.log.Len() == 0 {
		t.Errorf("want %v and a line in the log, got %v, %v, %q", want, emails(got), err, w.log.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.emails = func(context.Context) error { cancel(); return ctx.Err() }
	if _, err = w.figures().Execute(ctx, caller, r); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
	w.emails = func(context.Context) error { t.Error("addresses looked up"); return nil }
	r.List.MemberID = &anna
	if got, err = w.figures().Execute(t.Context(), caller, r); err != nil || !slices.Equal(emails(got), []string{"anna@example.com"}) {
		t.Errorf("want the caller's address, got %v, %v", emails(got), err)
	}
	r.GroupBy, r.List.MemberID = domain.ByModel, nil
	likeOwner := porttest.NewRow(acme.String(), "completed", noon)
	likeOwner.Model = anna.String()
	w.AddResponse(likeOwner)
	if got, err = w.figures().Execute(t.Context(), caller, r); err != nil || !slices.Equal(emails(got), []string{"-", "-"}) {
		t.Errorf("want no address of a model, got %v, %v", emails(got), err)
	}
	r.List.OwnerEmail = ptr("ben@example.com")
	if got, err = w.figures().Execute(t.Context(), caller, r); err != nil || !slices.Equal(figuresOf(got), []string{"model-a 3"}) {
		t.Errorf("want ben's, got %v, %v", figuresOf(got), err)
	}
	w.byEmail = func(context.Context) error { return errors.New("gone") }
	if _, err = w.figures().Execute(t.Context(), caller, r); err == nil || err.Error() != "gone" {
		t.Errorf("want the port's error, got %v", err)
	}
}

// TestFiguresManyOwners: the owners beyond MaxSeries are nobody in particular.
func TestFiguresManyOwners(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for range domain.MaxSeries + 2 {
		w.put(uuid.NewString())
	}
	got, err := w.figures().Execute(t.Context(), reader, domain.FiguresRequest{GroupBy: domain.ByOwner, To: ptr(noon.Add(time.Hour))})
	if err != nil || len(got.Series) != domain.MaxSeries+1 {
		t.Fatalf("want %d series, got %d, %v", domain.MaxSeries+1, len(got.Series), err)
	}
	if last := got.Series[domain.MaxSeries]; !last.Other || last.Email != nil || last.Points[0].Responses != 2 {
		t.Errorf("want two of others, got %+v", last)
	}
}

// TestFiguresTimes: defaults, edges and limits.
func TestFiguresTimes(t *testing.T) {
	t.Parallel()
	at := func(text string) *time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return &parsed
	}
	const day = 24 * time.Hour
	for _, c := range []struct {
		name       string
		request    domain.FiguresRequest
		from, to   string
		bucket     domain.Bucket
		parameters string // the one that is refused
	}{
		{"the default", domain.FiguresRequest{}, "2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z", domain.Hourly, ""}, // noon is an edge
		{"by day", domain.FiguresRequest{Bucket: domain.Daily}, "2026-01-31T00:00:00Z", "2026-03-01T12:00:00Z", domain.Daily, ""},
		{"to", domain.FiguresRequest{To: at("2026-02-01T01:30:00+01:00")}, "2026-01-31T01:00:00Z", "2026-02-01T00:30:00Z", domain.Hourly, ""},
		{"from", domain.FiguresRequest{From: at("2026-03-01T11:59:59.999999Z")}, "2026-03-01T11:59:59.999999Z", "2026-03-01T12:00:00Z", domain.Hourly, ""},
		{"31 days", domain.FiguresRequest{From: ptr(noon.Add(-31 * day))}, "2026-01-29T12:00:00Z", "2026-03-01T12:00:00Z", domain.Hourly, ""},
		{"more than 31 days", domain.FiguresRequest{From: ptr(noon.Add(-31*day - time.Microsecond))}, "", "", "", "from"},
		{"400 days", domain.FiguresRequest{Bucket: domain.Daily, From: ptr(noon.Add(-400 * day))}, "2025-01-25T12:00:00Z", "2026-03-01T12:00:00Z", domain.Daily, ""},
		{"more than 400 days", domain.FiguresRequest{Bucket: domain.Daily, From: ptr(noon.Add(-400*day - time.Microsecond))}, "", "", "", "from"},
		{"at once", domain.FiguresRequest{From: &noon}, "", "", "", "from"},
		{"backwards", domain.FiguresRequest{From: ptr(noon.Add(time.Hour))}, "", "", "", "from"},
		{"everything", domain.FiguresRequest{From: at("0001-01-01T00:00:00Z"), To: at("9999-12-31T23:59:59Z")}, "", "", "", "from"},
		{"the beginning", domain.FiguresRequest{To: at("0002-12-31T23:59:59Z")}, "", "", "", "to"},
		{"the end", domain.FiguresRequest{To: at("9999-12-31T23:59:59-00:01")}, "", "", "", "to"},
		{"near the beginning", domain.FiguresRequest{Bucket: domain.Daily, To: at("0003-01-01T00:00:00Z"), From: at("0001-11-27T00:00:00Z")}, "0001-11-27T00:00:00Z", "0003-01-01T00:00:00Z", domain.Daily, ""},
		{"before it", domain.FiguresRequest{From: at("0000-01-01T00:00:00Z"), To: at("0000-01-02T00:00:00Z")}, "", "", "", "to"},
	} {
		var asked domain.FigureQuery
		u := domain.NewGetFigures(figurePort(func(_ context.Context, q domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
			asked = q
			return nil, domain.BasisRows, nil
		}), newWorld(), func() time.Time { return noon }, nil)
		c.request.List = domain.ListRequest{State: ptr("failed"), ResponseFilter: domain.ResponseFilter{Models: []string{"m"}}}
		got, err := u.Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, c.request)
		if c.parameters != "" {
			e, ok := errors.AsType[*domain.Error](err)
			if !ok || e.Code != domain.CodeInvalid || e.Parameter != c.parameters || asked.Bucket != "" {
				t.Errorf("%s: want %s refused, got %v", c.name, c.parameters, err)
			}
			continue
		}
		if err != nil || !got.From.Equal(*at(c.from)) || !got.To.Equal(*at(c.to)) || got.Bucket != c.bucket || got.Basis != domain.BasisRows || got.Series == nil {
			t.Errorf("%s: want %s to %s, got %+v, %v", c.name, c.from, c.to, got, err)
			continue
		}
		f := asked.Filter
		if !f.CreatedAfter.Equal(got.From) || !f.CreatedBefore.Equal(got.To.Add(-time.Microsecond)) || asked.Bucket != c.bucket ||
			!slices.Equal(f.States, []string{"failed"}) || !slices.Equal(f.Models, []string{"m"}) || f.Owners != nil {
			t.Errorf("%s: the port was asked for %+v", c.name, asked)
		}
	}
}

type figurePort func(context.Context, domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error)

func (f figurePort) Figures(ctx context.Context, q domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
	return f(ctx, q)
}

func TestFiguresOrder(t *testing.T) {
	t.Parallel()
	point := func(key string, hour int, n int64) domain.FigurePoint {
		p := domain.FigurePoint{Key: &key, Other: key == "other", At: noon.Add(time.Duration(hour) * time.Hour), Responses: n}
		if key == "" || p.Other {
			p.Key = nil
		}
		return p
	}
	points := []domain.FigurePoint{
		point("other", 1, 90), point("b", 2, 1), point("a", 3, 4), point("b", 0, 2), point("c", 1, 4), point("", 1, 5), point("other", 0, 1), point("b", 1, 4),
	}
	u := domain.NewGetFigures(figurePort(func(context.Context, domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
		return points, domain.BasisUsage, nil
	}), newWorld(), func() time.Time { return noon.Add(4 * time.Hour) }, nil)
	got, err := u.Execute(t.Context(), domain.Principal{Admin: true}, domain.FiguresRequest{From: ptr(noon.Add(30 * time.Minute)), To: ptr(noon.Add(200 * time.Minute))})
	if want := []string{"b 7", "- 5", "a 4", "c 4", "other 91"}; err != nil || !slices.Equal(figuresOf(got), want) {
		t.Errorf("want %v, got %v, %v", want, figuresOf(got), err)
	}
	for _, s := range got.Series {
		for i, p := range s.Points {
			if i > 0 && !s.Points[i-1].At.Before(p.At) {
				t.Errorf("want points in order, got %+v", s.Points)
			}
			from, to := got.Edges(p)
			wantFrom, wantTo := p.At, p.At.Add(time.Hour)
			if p.At.Equal(noon) {
				wantFrom = noon.Add(30 * time.Minute)
			}
			if p.At.Equal(noon.Add(3 * time.Hour)) {
				wantTo = noon.Add(200 * time.Minute)
			}
			if !from.Equal(wantFrom) || !to.Equal(wantTo) {
				t.Errorf("edges of %s: want %s and %s, got %s and %s", p.At, wantFrom, wantTo, from, to)
			}
		}
	}
	gone := errors.New("gone")
	u = domain.NewGetFigures(figurePort(func(context.Context, domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
		return points, domain.BasisUsage, gone
	}), newWorld(), time.Now, nil)
	if got, err := u.Execute(t.Context(), domain.Principal{Admin: true}, domain.FiguresRequest{}); err != gone || got.Series != nil {
		t.Errorf("want the port's error, got %+v, %v", got, err)
	}
}
