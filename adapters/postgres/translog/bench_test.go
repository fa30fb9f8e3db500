package translog

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/receipt"
)

// BenchmarkSeal seals full batches; writing the receipts is not measured.
func BenchmarkSeal(b *testing.B) {
	w := newFixture(b)
	for b.Loop() {
		b.StopTimer()
		w.fill(MaxSealed)
		b.StartTimer()
		w.seal(MaxSealed)
	}
	b.ReportMetric(float64(MaxSealed)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}

// BenchmarkWrite writes receipts on eight connections, with and without concurrent
// sealing.
func BenchmarkWrite(b *testing.B) {
	for _, name := range []string{"alone", "while sealing"} {
		b.Run(name, func(b *testing.B) {
			w := newFixture(b)
			ctx, stop := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for name == "while sealing" && ctx.Err() == nil {
					if _, err := w.Seal(ctx); err != nil && ctx.Err() == nil {
						b.Error(err)
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
			db := openDB(b, postgres.Config{URL: w.database.RoleURL, MaxConns: 8})
			template := newReceipt(b, origin)
			b.SetParallelism(4) // eight with two processors
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r := template
					r.ID = uuid.New()
					r.Body = bytes.Replace(template.Body, []byte(template.ID.String()), []byte(r.ID.String()), 1)
					err := db.Tx(ctx, func(tx *postgres.Tx) error {
						var batch pgx.Batch
						postgres.QueueReceipt(&batch, r)
						return tx.SendBatch(ctx, &batch).Close()
					})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
			stop()
			<-done
		})
	}
}

// BenchmarkProof fetches proof files from a log of a million receipts.
func BenchmarkProof(b *testing.B) {
	const leaves = 1_000_000
	w := newFixture(b)
	for sealed := 0; sealed < leaves; sealed += MaxSealed {
		w.fill(MaxSealed)
		w.seal(MaxSealed)
	}
	w.exec("VACUUM ANALYZE lethe.receipts")
	rows, err := w.owner.Pool().Query(b.Context(), "SELECT id FROM lethe.receipts TABLESAMPLE SYSTEM (1) LIMIT 5000")
	if err != nil {
		b.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(ids) < 1000 {
		b.Fatalf("got %d receipt ids: %v", len(ids), err)
	}
	var queries counter
	db := openDB(b, postgres.Config{URL: w.database.RoleURL, Tracer: &queries})
	log, err := New(db, Config{Signers: []receipt.Signer{w.signer}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("receipt", func(b *testing.B) {
		queries.n.Store(0)
		n := 0
		for b.Loop() {
			got, err := log.Receipt(b.Context(), ids[n%len(ids)])
			if err != nil || got.File == nil {
				b.Fatalf("%+v, %v", got, err)
			}
			n++
		}
		b.ReportMetric(float64(queries.n.Load())/float64(n), "queries/op")
	})
	b.Run("tile", func(b *testing.B) {
		n := 0
		for b.Loop() {
			if _, err := log.Hashes(b.Context(), domain.Tile{Index: int64(n % (leaves / domain.TileWidth)), Width: domain.TileWidth}); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
	b.Run("audit", func(b *testing.B) {
		for b.Loop() {
			audit, err := log.Audit(b.Context(), nil)
			if err != nil || audit.Size != leaves || len(audit.Findings) > 0 {
				b.Fatalf("%+v, %v", audit, err)
			}
		}
		b.ReportMetric(leaves*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
	})
	b.Run("seal one", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			w.write(1)
			b.StartTimer()
			w.seal(1)
		}
	})
	b.Run("nothing to do", func(b *testing.B) {
		for b.Loop() {
			if _, err := log.Backlog(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// counter counts queries.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// BenchmarkRestore mirrors a log of 100,000 leaves, and completes an empty log from
// the mirror.
func BenchmarkRestore(b *testing.B) {
	const leaves = 100_000
	t := newFixture(b)
	for range leaves / MaxSealed {
		t.fill(MaxSealed)
		t.seal(MaxSealed)
	}
	var mirror, complete time.Duration
	for b.Loop() {
		begun := time.Now()
		later, _ := t.later()
		mirror += time.Since(begun)
		t.exec("TRUNCATE lethe.receipts, lethe.tiles, lethe.log_state, lethe.checkpoints CASCADE")
		begun = time.Now()
		if n, err := t.asOwner().Complete(b.Context(), later, nil); n != leaves || err != nil {
			b.Fatalf("added %d (error %v)", n, err)
		}
		complete += time.Since(begun)
	}
	b.ReportMetric(float64(b.N*leaves)/mirror.Seconds(), "mirrored/s")
	b.ReportMetric(float64(b.N*leaves)/complete.Seconds(), "completed/s")
}
