package attest

import (
	"testing"

	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// BenchmarkAttest writes a receipt about each of many erasures.
func BenchmarkAttest(t *testing.B) {
	b := newFixture(t)
	const erasures = 50_000
	id, _, body := testreceipt.New(t, testreceipt.Origin)
	b.exec(b.owner, `INSERT INTO lethe.receipts (id, body)
		SELECT id, convert_to(replace(convert_from($1, 'UTF8'), $2, id::text), 'UTF8')
		FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) ids`, body, id.String(), erasures)
	b.seal()
	for t.Loop() {
		b.exec(b.owner, "DELETE FROM lethe.receipts WHERE about IS NOT NULL")
		b.exec(b.owner, "UPDATE lethe.attested SET leaves = 0")
		o, err := b.attester.Attest(t.Context(), receipt.LevelVacuumed, func(Leaf) bool { return true }, false)
		if err != nil || o.Written != erasures {
			t.Fatalf("got %+v (error %v)", o, err)
		}
	}
	t.ReportMetric(float64(erasures)*float64(t.N)/t.Elapsed().Seconds(), "receipts/s")
}
