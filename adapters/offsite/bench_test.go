package offsite_test

import (
	"path/filepath"
	"testing"

	"lethe/adapters/offsite"
)

// BenchmarkList writes entries and reads them back, as export and replay do.
func BenchmarkList(b *testing.B) {
	identity, recipient, err := offsite.NewIdentity()
	if err != nil {
		b.Fatal(err)
	}
	folder := filepath.Join(b.TempDir(), "export")
	l, err := offsite.OpenList(folder, []string{recipient})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	entries := newEntries(200)
	b.Run("append", func(b *testing.B) {
		for b.Loop() {
			if err := l.Append(day, entries); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*len(entries))/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("read", func(b *testing.B) {
		n := 0
		for b.Loop() {
			if err := offsite.ReadList(folder, []byte(identity), func(offsite.Entry) error { n++; return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
	})
}
