package domain_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"lethe/domain"
	"lethe/domain/porttest"
)

// cursors are of the first row of lists of two, in both orders.
func cursors(t *testing.T) []*domain.Cursor {
	t.Helper()
	var all []*domain.Cursor
	for _, state := range []string{"processing", "completed"} {
		for _, at := range []time.Time{noon, time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)} {
			for _, activeFirst := range []bool{true, false} {
				w := newWorld()
				for range 2 {
					w.AddResponse(porttest.NewRow(anna.String(), state, at))
				}
				page, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true},
					domain.ListRequest{ActiveFirst: &activeFirst, Limit: ptr(int64(1))})
				if err != nil || page.Next == nil {
					t.Fatalf("want a page with more to come, got %+v, %v", page, err)
				}
				all = append(all, page.Next)
			}
		}
	}
	return all
}

func TestCursorText(t *testing.T) {
	t.Parallel()
	for _, c := range cursors(t) {
		text := c.String()
		if got, err := domain.ParseCursor(text); err != nil || got != *c {
			t.Errorf("ParseCursor(%s): want %v, got %v, %v", text, *c, got, err)
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%s needs escaping in a URL", text)
		}
	}
}

// TestCursorDamaged: every character is changed, removed and added in turn.
func TestCursorDamaged(t *testing.T) {
	t.Parallel()
	whole := cursors(t)[0].String()
	refused := func(text string) bool {
		c, err := domain.ParseCursor(text)
		if err != nil {
			return err == domain.ErrNoCursor
		}
		_, err = newWorld().list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.ListRequest{After: &c})
		return err != nil && err.Error() == errAfter
	}
	if refused(whole) {
		t.Fatal("undamaged cursor: refused")
	}
	for i := range whole {
		for _, other := range "AB9_-.= \n" {
			if changed := whole[:i] + string(other) + whole[i+1:]; changed != whole && !refused(changed) {
				t.Errorf("changed cursor %q: accepted instead of %s", changed, whole)
			}
			if longer := whole[:i] + string(other) + whole[i:]; !refused(longer) {
				t.Errorf("longer cursor %q: accepted instead of %s", longer, whole)
			}
		}
		if shorter := whole[:i] + whole[i+1:]; !refused(shorter) {
			t.Errorf("shorter cursor %s: accepted instead of %s", shorter, whole)
		}
	}
	for _, text := range []string{"", "A", whole + "=", whole + "\n", strings.Repeat("A", len(whole)), base64.StdEncoding.EncodeToString([]byte(whole))} {
		if !refused(text) {
			t.Errorf("damaged cursor %q: accepted", text)
		}
	}
}

// TestListExtremeTimes: lists continue after rows of every time that a database can
// store, and show the times that callers can parse.
func TestListExtremeTimes(t *testing.T) {
	t.Parallel()
	times := []struct {
		at      time.Time
		sayable bool
	}{
		{domain.InfiniteFuture, false},
		{time.Date(294276, 12, 31, 23, 59, 59, 999999000, time.UTC), false},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), true},
		{time.UnixMicro(-1).UTC(), true},
		{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(0, 12, 31, 0, 0, 0, 1000, time.UTC), false},
		{time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{domain.InfinitePast, false},
	}
	w := newWorld()
	for _, row := range times {
		w.AddResponse(porttest.NewRow(anna.String(), "completed", row.at))
	}
	var after *domain.Cursor
	for i, row := range times {
		page, err := w.list().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.ListRequest{After: after, Limit: ptr(int64(1))})
		if err != nil || len(page.Items) != 1 || !page.Items[0].CreatedAt.Equal(row.at) {
			t.Fatalf("want the row of %s, got %+v, %v", row.at, page.Items, err)
		}
		if got := domain.Sayable(row.at); got != row.sayable {
			t.Errorf("%s: want sayable %t", row.at, row.sayable)
		}
		if (page.Next == nil) != (i == len(times)-1) {
			t.Fatalf("%s: want more until the last, got %v", row.at, page.Next)
		}
		if page.Next != nil {
			read, err := domain.ParseCursor(page.Next.String())
			if err != nil {
				t.Fatal(err)
			}
			after = &read
		}
	}
}
