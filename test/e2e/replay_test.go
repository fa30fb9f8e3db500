package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/offsite"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// TestKilledReplay: the export is killed at random moments during many erasures, and
// then, in a restored database, the replay. The list has every erasure once; nothing
// is ever half erased; in the end everything is erased again, and the log is the
// published one.
func TestKilledReplay(t *testing.T) {
	t.Parallel()
	kills := killsOr(t, 6)
	database := pgtest.WithFixture(t)
	private, public, err := receipt.GenerateKey("kill.test/replay")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	to, identity := filepath.Join(folder, "export"), filepath.Join(folder, "identity")
	shared := []string{"LETHE_ERASURE_KEY=" + private, "LETHE_ERASURE_CHECKPOINT_FILE=" + filepath.Join(folder, "seen")}
	service := append(slices.Clone(shared), databaseURL(database.RoleURL))
	owner := append(slices.Clone(shared), databaseURL(database.URL))
	recipient := strings.TrimSpace(must(t, nil, "erasures", "export", "--new-identity", identity))
	export := []string{"erasures", "export", "--to", to, "--recipient", recipient}

	k := &killed{
		t: t, conn: connect(t, database.URL), keys: []receipt.PublicKey{public},
		parts: map[uuid.UUID]*erasable{}, shown: map[int64]tlog.Hash{},
	}
	k.seed(640)
	later := k.left[40:]
	k.left = k.left[:40:40]
	p := serve(t, service...)
	k.eraseAll(p)
	must(t, owner, export...)
	p.stop(t, os.Interrupt)
	_ = k.conn.Close(t.Context())
	backup := copyOf(t, database.URL, database.Name+"_backup")
	k.conn = connect(t, database.URL)

	// Meanwhile the export is killed again and again.
	p = serve(t, service...)
	k.mu.Lock()
	k.left = later
	k.mu.Unlock()
	erasing := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for {
			select {
			case <-erasing:
				return
			default:
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond+rand.N(300*time.Millisecond))
				killAt(ctx, folder, owner, append(slices.Clone(export), "--follow")...)
				cancel()
			}
		}
	})
	k.eraseAll(p)
	close(erasing)
	killer.Wait()
	await(t, "all is published", time.Minute, func() bool {
		a := p.ask(t, http.MethodGet, "/log/checkpoint", rootKey)
		return a.status == http.StatusOK && k.see(a).Size == int64(len(k.all))
	})
	p.stop(t, os.Interrupt)
	must(t, owner, export...)
	keys, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[uuid.UUID]int{}
	if err := offsite.ReadList(to, keys, func(e offsite.Entry) error { listed[e.Receipt]++; return nil }); err != nil {
		t.Fatal(err)
	}
	twice := 0
	for _, n := range listed {
		twice += n - 1
	}
	if len(listed) != len(k.all) || twice > 0 {
		t.Errorf("listed erasures: want %d, each once, got %d, %d of them twice", len(k.all), len(listed), twice)
	}

	// In databases that were restored, each until a replay of it was not killed.
	var restored, out string
	replay := []string{"replay", "--from", to, "--identity", identity}
	restore := func() {
		_ = k.conn.Close(t.Context())
		restored = copyOf(t, backup, database.Name+"_restored")
		owner = append(slices.Clone(shared), databaseURL(restored))
		k.conn = connect(t, restored)
	}
	restore()
	begun := time.Now()
	must(t, owner, append(slices.Clone(replay), "--dry-run")...)
	takes := time.Since(begun)
	k.whole(600)
	killed, partly, restores := 0, 0, 1
	for killed < kills {
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(2*takes))
		again := killAt(ctx, folder, owner, replay...)
		cancel()
		if n := k.whole(-1); n > 0 && n < 600 {
			partly++
		}
		if again {
			killed++
			continue
		}
		k.whole(0)
		restore()
		restores++
	}
	out = must(t, owner, replay...)
	k.whole(0)
	if out := must(t, owner, replay...); !strings.Contains(out, "rows of 0 requests existed again") || !strings.Contains(out, "Restored to the log: 0 receipts") {
		t.Errorf("second replay: want 0 requests and 0 receipts, got\n%s", out)
	}
	t.Logf("%d replays were killed in %d restored databases, a part had been erased %d times; the last one said %s", killed, restores, partly, out)

	p = serve(t, append(slices.Clone(shared), databaseURL(within(t, database.RoleURL, nameIn(t, restored))))...)
	p.awaitStatus(t, "/readyz", http.StatusOK)
	k.prove(p)
	if out := must(t, owner, "doctor"); !strings.Contains(out, "as it was sealed: ") || !strings.Contains(out, "continues it") {
		t.Errorf("doctor: want the log as sealed and continued, got\n%s", out)
	}
}

// eraseAll erases all that is left.
func (k *killed) eraseAll(p *process) {
	k.t.Helper()
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { k.erase(p, stop) })
	}
	callers.Go(func() { k.watch(p, stop) })
	await(k.t, "all is erased", 2*time.Minute, func() bool {
		p.mustRun(k.t)
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.left) == 0
	})
	close(stop)
	callers.Wait()
}

// whole makes sure that of each response all rows are there or none, and returns
// of how many that are erased there are any; want is how many, unless negative.
func (k *killed) whole(want int) (n int) {
	k.t.Helper()
	for e, rows := range k.there() {
		if rows != e.whole {
			k.t.Errorf("rows of a response: want %d, got %d", e.whole, rows)
		}
		if e.gone {
			n++
		}
	}
	if want >= 0 && n != want {
		k.t.Errorf("%d erased responses are there, want %d", n, want)
	}
	return n
}

// prove makes sure that every checkpoint that was shown is of the past of the one
// that is.
func (k *killed) prove(p *process) {
	k.t.Helper()
	newest := k.see(p.ask(k.t, http.MethodGet, "/log/checkpoint", rootKey))
	tiles := tlog.TileHashReader(tlog.Tree{N: newest.Size, Hash: newest.Root}, &served{p: p, tiles: map[tlog.Tile][]byte{}})
	if len(k.shown) < 2 {
		k.t.Errorf("checkpoints shown: want 2 or more, got %d", len(k.shown))
	}
	for size, root := range k.shown {
		if then, err := tlog.TreeHash(size, tiles); err != nil || then != root {
			k.t.Errorf("checkpoint of %d leaves: not consistent with that of %d: %v", size, newest.Size, err)
		}
	}
}

// killAt runs the program until ctx ends, and tells whether it was killed then.
func killAt(ctx context.Context, folder string, settings []string, args ...string) bool {
	cmd := commandContext(ctx, folder, settings, args...)
	err := cmd.Run()
	return err != nil && ctx.Err() != nil
}

// copyOf copies a database that nobody is connected to, in the place of an earlier
// copy, and returns its URL.
func copyOf(t *testing.T, of, name string) string {
	t.Helper()
	admin := within(t, of, "postgres")
	drop := "DROP DATABASE IF EXISTS " + pgx.Identifier{name}.Sanitize() + " WITH (FORCE)"
	conn := connect(t, admin)
	execute(t, conn, drop)
	execute(t, conn, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", pgx.Identifier{name}.Sanitize(), pgx.Identifier{nameIn(t, of)}.Sanitize()))
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), admin)
		if err == nil {
			_, err = conn.Exec(context.Background(), drop)
			_ = conn.Close(context.Background())
		}
		if err != nil {
			t.Errorf("drop the copy: %v", err)
		}
	})
	return within(t, of, name)
}

// nameIn is the database of a URL.
func nameIn(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// within is a URL with another database.
func within(t *testing.T, text, database string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + database
	return u.String()
}
