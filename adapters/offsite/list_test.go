package offsite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/offsite"
)

var day = time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)

type reader struct{ identity, recipient string }

func newReader(t *testing.T) reader {
	t.Helper()
	identity, recipient, err := offsite.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return reader{identity, recipient}
}

func openList(t *testing.T, folder string, recipients ...string) *offsite.List {
	t.Helper()
	l, err := offsite.OpenList(folder, recipients)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newEntries(n int) []offsite.Entry {
	entries := make([]offsite.Entry, n)
	for i := range entries {
		entries[i] = offsite.Entry{
			Receipt: uuid.New(), ExecutedAt: day.Add(time.Duration(i) * 1500 * time.Microsecond),
			Requests: []uuid.UUID{uuid.New(), uuid.New()}, Salt: bytes.Repeat([]byte{byte(i)}, 32),
		}
		if i%2 == 0 {
			entries[i].Actor = &entries[i].Requests[0]
		}
	}
	return entries
}

func appendAll(t *testing.T, l *offsite.List, now time.Time, entries []offsite.Entry) {
	t.Helper()
	if err := l.Append(now, entries); err != nil {
		t.Fatal(err)
	}
}

func readAll(folder, identity string) (entries []offsite.Entry, err error) {
	err = offsite.ReadList(folder, []byte(identity), func(e offsite.Entry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// TestList: each recipient can read the entries, nobody else can, and only receipts
// and times are in the clear.
func TestList(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "export")
	first, second := newReader(t), newReader(t)
	l := openList(t, folder, first.recipient, second.recipient)
	entries := newEntries(5)
	appendAll(t, l, day, entries[:2])
	appendAll(t, l, day, nil)
	appendAll(t, l, day.Add(time.Hour), entries[2:])
	for _, r := range []reader{first, second} {
		if got, err := readAll(folder, r.identity); err != nil || !reflect.DeepEqual(got, entries) {
			t.Errorf("got %+v (error %v), want all entries", got, err)
		}
	}
	if got, err := readAll(folder, newReader(t).identity); got != nil || err == nil || !strings.Contains(err.Error(), "another recipient") || !strings.Contains(err.Error(), "2026-03-01.list, line 1") {
		t.Errorf("another identity: got %+v (error %v), want an error naming the line", got, err)
	}
	if _, err := readAll(folder, first.recipient); err == nil || !strings.Contains(err.Error(), "AGE-SECRET-KEY") {
		t.Errorf("not an identity: got %v, want AGE-SECRET-KEY in the error", err)
	}
	files, err := filepath.Glob(folder + "/*.list")
	if err != nil || len(files) != 2 {
		t.Fatalf("got files %v (error %v), want 2", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v (error %v), want mode 0600", file, info, err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.Contains(string(data), e.Requests[0].String()) {
				t.Errorf("%s contains a request id in the clear", file)
			}
		}
	}

	for since, want := range map[time.Time]int{day: 5, day.Add(-48 * time.Hour): 5, day.Add(time.Hour): 3, day.Add(48 * time.Hour): 0} {
		if listed, err := l.Listed(since); err != nil || len(listed) != want {
			t.Errorf("since %s: got %v (error %v), want %d", since, listed, err, want)
		}
	}
	if _, err := offsite.OpenList(folder, []string{first.recipient}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second writer: got %v, want an error", err)
	}
	for now, want := range map[time.Time]int{day.Add(24 * time.Hour): 0, day.Add(48 * time.Hour): 0} {
		if n, err := l.Expire(now, 48*time.Hour); err != nil || n != want {
			t.Errorf("at %s: %d expired (error %v), want %d", now, n, err, want)
		}
	}
	if n, err := l.Expire(day.Add(72*time.Hour), 48*time.Hour); err != nil || n != 1 {
		t.Errorf("%d expired (error %v), want 1", n, err)
	}
	if got, err := readAll(folder, first.identity); err != nil || !reflect.DeepEqual(got, entries[2:]) {
		t.Errorf("after expiry: got %+v (error %v), want the entries of the second day", got, err)
	}
}

// TestListTorn: a partial line left by a crash is skipped, and repaired by the next
// write.
func TestListTorn(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for cut := range 3 {
		folder := filepath.Join(t.TempDir(), "export")
		l := openList(t, folder, r.recipient)
		entries := newEntries(3)
		appendAll(t, l, day, entries[:2])
		path := filepath.Join(folder, "2026-03-01.list")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole := bytes.IndexByte(data, '\n') + 1
		torn := data[:[]int{whole + 1, (whole + len(data)) / 2, len(data) - 1}[cut]]
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(folder, r.identity); err != nil || !reflect.DeepEqual(got, entries[:1]) {
			t.Errorf("torn line: got %+v (error %v), want the first entry", got, err)
		}
		if listed, err := l.Listed(day); err != nil || len(listed) != 1 || !listed[entries[0].Receipt] {
			t.Errorf("torn line: listed %v (error %v), want the first receipt", listed, err)
		}
		appendAll(t, l, day, entries[1:])
		if got, err := readAll(folder, r.identity); err != nil || !reflect.DeepEqual(got, entries) {
			t.Errorf("repaired: got %+v (error %v), want all entries", got, err)
		}
	}
}

// TestListDamaged: a change of any byte of a line is detected.
func TestListDamaged(t *testing.T) {
	t.Parallel()
	r, folder := newReader(t), filepath.Join(t.TempDir(), "export")
	l := openList(t, folder, r.recipient)
	appendAll(t, l, day, newEntries(2))
	path := filepath.Join(folder, "2026-03-01.list")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(data, '\n')
	for at := range first + 1 {
		changed := bytes.Clone(data)
		changed[at] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(folder, r.identity); err == nil || !strings.Contains(err.Error(), path+", line 1") {
			t.Fatalf("byte %d changed: got %v, want an error naming the line", at, err)
		}
	}
	for name, content := range map[string]string{
		"two words": "a b\n", "no base64": "a b c!\n", "nothing": "\n", "too long": strings.Repeat("a", 2<<20) + "\n",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readAll(folder, r.identity); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := readAll(t.TempDir(), r.identity); err == nil || !strings.Contains(err.Error(), "no list") {
		t.Errorf("empty folder: got %v, want an error", err)
	}
}

func TestListState(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := openList(t, folder, newReader(t).recipient)
	if s, err := l.State(); err != nil || !s.Complete.IsZero() {
		t.Errorf("new list: got %+v (error %v), want no state", s, err)
	}
	want := offsite.State{Complete: day, Gaps: []offsite.Span{{After: day.Add(-time.Hour), Before: day}}}
	if err := l.SetState(want); err != nil {
		t.Fatal(err)
	}
	if s, err := offsite.ReadState(folder); err != nil || !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v (error %v), want %+v", s, err, want)
	}
	if err := os.WriteFile(filepath.Join(folder, "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.State(); err == nil {
		t.Error("damaged state: got no error")
	}
	for _, recipients := range [][]string{nil, {"age1"}, {newReader(t).identity}} {
		if _, err := offsite.OpenList(t.TempDir(), recipients); err == nil || strings.Contains(fmt.Sprint(err), "SECRET") {
			t.Errorf("%d invalid recipients: got %v, want an error without the secret", len(recipients), err)
		}
	}
}
