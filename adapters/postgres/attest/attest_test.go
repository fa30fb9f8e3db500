package attest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/translog"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// fixture is a database with everything that erases, seals and attests on it.
type fixture struct {
	*pgfixture.Fixture
	*translog.Log
	t        testing.TB
	database *pgtest.Database
	owner    *pgx.Conn
	role     *postgres.DB
	signer   receipt.Signer
	attester *Attester
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	b := &fixture{t: t, database: pgtest.New(t), signer: testreceipt.Signer(t, testreceipt.Origin)}
	b.owner, b.role = b.connect(), b.open(b.database.RoleURL)
	responses, err := fusillade.New(postgres.Source{Primary: b.role}, "outlet", true,
		fusillade.Issuer{Origin: testreceipt.Origin, Build: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	b.Fixture = pgfixture.New(t, b.database.URL, pgfixture.Ports{Responses: responses})
	if b.Log, err = translog.New(b.role, translog.Config{Signers: []receipt.Signer{b.signer}}); err != nil {
		t.Fatal(err)
	}
	b.attester = b.newAttester()
	return b
}

func (b *fixture) newAttester() *Attester {
	b.t.Helper()
	attester, err := New(b.role, Issuer{Build: "test", Now: time.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	return attester
}

func (b *fixture) open(url string) *postgres.DB {
	b.t.Helper()
	db, err := postgres.Open(postgres.Config{URL: url, SearchPath: []string{"fusillade", "outlet", "lethe"}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(db.Close)
	return db
}

func (b *fixture) connect() *pgx.Conn {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.database.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func (b *fixture) exec(conn *pgx.Conn, sql string, args ...any) {
	b.t.Helper()
	if _, err := conn.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

func (b *fixture) number(sql string, args ...any) (n int64) {
	b.t.Helper()
	if err := b.owner.QueryRow(b.t.Context(), sql, args...).Scan(&n); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// erase erases n responses and seals their receipts.
func (b *fixture) erase(n int) (requests, receipts []uuid.UUID) {
	b.t.Helper()
	requests, receipts = b.eraseUnsealed(n)
	b.seal()
	return requests, receipts
}

func (b *fixture) eraseUnsealed(n int) (requests, receipts []uuid.UUID) {
	b.t.Helper()
	for range n {
		row := porttest.NewRow("anna", "completed", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		row.Prompt = strings.Repeat("words", 2000) // stored out of line
		b.AddResponse(row)
		w := domain.Authorization{
			Receipt: uuid.New(), Salt: domain.Salt(receipt.NewSalt()), Trigger: domain.TriggerSingle, Ground: domain.GroundRequest,
			RequestedAt: time.Now(), Role: domain.ActorOwner,
		}
		if _, err := b.Responses().Erase(b.t.Context(), row.ID, nil, func(domain.Found) (domain.Authorization, error) { return w, nil }); err != nil {
			b.t.Fatal(err)
		}
		requests, receipts = append(requests, row.ID), append(receipts, w.Receipt)
	}
	return requests, receipts
}

// seal seals everything.
func (b *fixture) seal() {
	b.t.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = b.Seal(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
	}
	if _, _, err := b.Publish(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// quiet waits for the end of every transaction on the server that was running when
// the receipts were written, so that no later snapshot can see the erased rows.
func (b *fixture) quiet() {
	b.t.Helper()
	b.pass("(SELECT max(horizon) FROM lethe.receipts)")
}

// pass waits until the oldest running transaction is at least transaction.
func (b *fixture) pass(transaction string) {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if b.number("SELECT ("+transaction+" > pg_snapshot_xmin(pg_current_snapshot()))::int") == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal("older transactions kept running")
		}
	}
}

func (b *fixture) openVacuum() *Vacuum {
	b.t.Helper()
	v, err := OpenVacuum(b.t.Context(), b.database.URL, "test")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(v.Close)
	return v
}

// cutoff is the smallest cutoff of vacuuming all tables of requests.
func (b *fixture) cutoff(work func(context.Context, Table) (uint64, error)) (least uint64) {
	b.t.Helper()
	least = math.MaxUint64
	for _, name := range []string{"requests", "request_templates", "response_steps"} {
		cutoff, err := work(b.t.Context(), Table{"fusillade", name})
		if err != nil {
			b.t.Fatal(err)
		}
		least = min(least, cutoff)
	}
	return least
}

func (b *fixture) attest(level receipt.Level, reached func(Leaf) bool, written, open int64) Outcome {
	b.t.Helper()
	o, err := b.attester.Attest(b.t.Context(), level, reached, false)
	if err != nil || o.Written != written || o.Open != open {
		b.t.Errorf("%s: want %d written and %d open, got %+v (error %v)", level, written, open, o, err)
	}
	return o
}

// proven checks that the log has one receipt of a level about each erasure, and
// what it says.
func (b *fixture) proven(level receipt.Level, verified receipt.Verification, without receipt.Gap, erasures []uuid.UUID) {
	b.t.Helper()
	b.seal()
	for _, about := range erasures {
		rows, err := b.owner.Query(b.t.Context(), "SELECT id FROM lethe.receipts WHERE about = $1 AND level = $2", about, string(level))
		if err != nil {
			b.t.Fatal(err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
		if err != nil || len(ids) != 1 {
			b.t.Fatalf("got %d receipts of level %s about %s (error %v)", len(ids), level, about, err)
		}
		logged, err := b.Receipt(b.t.Context(), ids[0])
		if err != nil {
			b.t.Fatal(err)
		}
		result, err := receipt.Check(logged.File, []receipt.PublicKey{b.signer.PublicKey()}, receipt.Options{})
		if err != nil {
			b.t.Fatal(err)
		}
		if r := result.Receipt; r.Level != level || r.About != about || r.Verified != verified || slices.Contains(r.NotCovered, without) {
			b.t.Errorf("got the receipt %+v", r)
		}
	}
}

func TestVacuumed(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.attest(receipt.LevelVacuumed, CutOff(math.MaxUint64), 0, 0)
	_, first := b.erase(2)
	v := b.openVacuum()
	reader := b.connect()
	b.quiet()
	b.exec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	pid := reader.PgConn().PID()
	b.exec(reader, "SELECT FROM fusillade.requests")
	_, second := b.erase(3)

	// A reader with an old snapshot still sees what was erased later.
	o := b.attest(receipt.LevelVacuumed, CutOff(b.cutoff(v.Plain)), 2, 3)
	if o.Next == nil || o.Next.ID != second[0] {
		t.Errorf("next: want %s, got %+v", second[0], o.Next)
	}
	b.proven(receipt.LevelVacuumed, receipt.VerifiedByCutoff, "", first)
	holders, err := inspect.Holders(t.Context(), v.Conn())
	if err != nil || len(holders) == 0 || holders[0].Oldest >= o.Next.Horizon || !strings.Contains(holders[0].What, fmt.Sprint(pid)) {
		t.Errorf("want process %d before %d, got %+v, %v", pid, o.Next.Horizon, holders, err)
	}
	b.attest(receipt.LevelVacuumed, CutOff(b.cutoff(v.Plain)), 0, 3)

	b.exec(reader, "ROLLBACK")
	b.quiet()
	cutoff := b.cutoff(v.Plain)
	dry, err := b.attester.Attest(t.Context(), receipt.LevelVacuumed, CutOff(cutoff), true)
	if err != nil || dry.Written != 3 || dry.Open != 0 {
		t.Errorf("dry run: got %+v (error %v)", dry, err)
	}
	b.attest(receipt.LevelVacuumed, CutOff(cutoff), 3, 0)
	b.attest(receipt.LevelVacuumed, CutOff(cutoff), 0, 0)
	b.proven(receipt.LevelVacuumed, receipt.VerifiedByCutoff, "", slices.Concat(first, second))
	if n := b.number("SELECT count(*) FROM lethe.receipts"); n != 10 {
		t.Errorf("got %d receipts", n)
	}
}

// TestHorizon: a row version that a transaction newer than the erasure's left
// behind before the erasure locked the row is dead only past that transaction.
func TestHorizon(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	early, late := b.connect(), b.connect()
	b.exec(early, "BEGIN")
	b.exec(early, "SELECT pg_current_xact_id()")
	b.exec(late, "CREATE TABLE other (n int)")
	b.exec(early, "INSERT INTO lethe.receipts (id, body) VALUES (gen_random_uuid(), 'x')")
	b.exec(early, "COMMIT")
	after := b.number("SELECT count(*) FROM lethe.receipts WHERE horizon > (SELECT max(xmin::text::bigint) FROM pg_class WHERE relname = 'other')::text::xid8")
	if after != 1 {
		t.Error("the horizon is before a transaction that was committed before the receipt was written")
	}
}

func TestRewritten(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	_, erased := b.erase(2)
	v := b.openVacuum()
	reader := b.connect()
	b.quiet()
	b.exec(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	b.exec(reader, "SELECT 1")
	_, later := b.erase(1)
	// The tables are rewritten, with the dead rows that the reader may see.
	b.attest(receipt.LevelRewritten, CutOff(b.cutoff(v.Rewrite)), 2, 1)
	if err := v.Analyze(t.Context(), []Table{{"fusillade", "requests"}}); err != nil {
		t.Fatal(err)
	}
	if done, err := v.RewriteStatistics(t.Context()); err != nil || done {
		t.Errorf("the old statistics were removed during a read: %v", err)
	}
	b.exec(reader, "ROLLBACK")
	b.quiet()
	b.attest(receipt.LevelRewritten, CutOff(b.cutoff(v.Rewrite)), 1, 0)
	for deadline := time.Now().Add(time.Minute); ; {
		done, err := v.RewriteStatistics(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the statistics were not rewritten: %v", err)
		}
		if done {
			break
		}
	}
	b.proven(receipt.LevelRewritten, receipt.VerifiedByRewrite, receipt.GapPages, slices.Concat(erased, later))
}

func TestExpired(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	_, erased := b.erase(2)
	b.exec(b.owner, "UPDATE lethe.receipts SET created_at = '2026-03-01 12:00Z' WHERE leaf_index = 0")
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b.attest(receipt.LevelExpired, Before(at.Add(time.Second)), 0, 2) // its commit may be later
	b.attest(receipt.LevelExpired, Before(at.Add(time.Hour)), 1, 1)
	b.attest(receipt.LevelExpired, Before(at.Add(time.Hour)), 0, 1)
	b.proven(receipt.LevelExpired, receipt.VerifiedByOperator, receipt.GapBackups, erased[:1])
}

// TestAttestConcurrently runs several attesters over more than one batch: each erasure
// gets one receipt.
func TestAttestConcurrently(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const erasures = 2*batch + 10
	id, _, body := testreceipt.New(t, testreceipt.Origin)
	b.exec(b.owner, `INSERT INTO lethe.receipts (id, body)
		SELECT id, convert_to(replace(convert_from($1, 'UTF8'), $2, id::text), 'UTF8')
		FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $3)) ids`, body, id.String(), erasures)
	b.seal()
	var at sync.WaitGroup
	for _, level := range []receipt.Level{receipt.LevelVacuumed, receipt.LevelExpired} {
		for range 3 {
			attester := b.newAttester()
			at.Go(func() {
				if _, err := attester.Attest(t.Context(), level, func(Leaf) bool { return true }, false); err != nil {
					t.Error(err)
				}
			})
		}
	}
	at.Wait()
	if n := b.number("SELECT count(DISTINCT (about, level)) FROM lethe.receipts WHERE about IS NOT NULL"); n != 2*erasures {
		t.Errorf("got %d receipts about %d erasures", n, erasures)
	}
	if n := b.number("SELECT count(*) FROM lethe.receipts"); n != 3*erasures {
		t.Errorf("got %d receipts", n)
	}
	b.seal()
	b.attest(receipt.LevelVacuumed, CutOff(math.MaxUint64), 0, 0)
	audit, err := b.Audit(t.Context(), nil)
	if err != nil || len(audit.Findings) > 0 || audit.Size != 3*erasures {
		t.Errorf("audit: got %+v (error %v), want no findings", audit, err)
	}
}

// TestVacuumNotPermitted: a role that does not own a table gets no cutoff.
func TestVacuumNotPermitted(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	v, err := OpenVacuum(t.Context(), b.database.RoleURL, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for name, work := range map[string]func(context.Context, Table) (uint64, error){"vacuum": v.Plain, "rewrite": v.Rewrite} {
		if cutoff, err := work(t.Context(), Table{"fusillade", "requests"}); domain.CodeOf(err) != domain.CodeForbidden || cutoff != 0 {
			t.Errorf("%s: got the cutoff %d (error %v)", name, cutoff, err)
		}
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.exec(b.owner, `CREATE TABLE public.whole (n int) PARTITION BY RANGE (n);
		CREATE TABLE public.low PARTITION OF public.whole FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (n);
		CREATE TABLE public.lowest PARTITION OF public.low FOR VALUES FROM (0) TO (5);
		CREATE TABLE public.high PARTITION OF public.whole FOR VALUES FROM (10) TO (20);
		CREATE VIEW public.seen AS SELECT 1`)
	v := b.openVacuum()
	parts, err := v.Parts(t.Context(), Table{"public", "whole"})
	if err != nil || !slices.Equal(parts, []Table{{"public", "high"}, {"public", "lowest"}}) {
		t.Errorf("got the parts %v (error %v)", parts, err)
	}
	if _, err := v.Parts(t.Context(), Table{"public", "seen"}); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("view: got %v", err)
	}
	for _, part := range parts {
		if cutoff, err := v.Plain(t.Context(), part); err != nil || cutoff == 0 {
			t.Errorf("%s: got the cutoff %d (error %v)", part, cutoff, err)
		}
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	const epoch = 1 << 32
	for _, c := range []struct {
		next uint64
		xid  uint32
		want uint64
	}{
		{1000, 1000, 1000},
		{1000, 3, 3},
		{1000, 1001, 0},
		{epoch + 5, 5, epoch + 5},
		{epoch + 5, 6, 6},
		{epoch + 5, math.MaxUint32, math.MaxUint32},
		{7*epoch + 10, math.MaxUint32 - 3, 7*epoch - 4},
		{7*epoch + math.MaxUint32, 12, 7*epoch + 12},
	} {
		if got := extend(c.next, c.xid); got != c.want {
			t.Errorf("extending %d with next %d: want %d, got %d", c.xid, c.next, c.want, got)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	const said = "finished vacuuming \"d.s.t\": index scans: 1\npages: 0 removed\ntuples: 9 removed, 41 remain, 0 are dead but not yet removable\n"
	for text, want := range map[string]struct {
		cutoffs []uint32
		missed  bool
	}{
		said + "removable cutoff: 4294967295, which was 0 XIDs old when operation ended\n":                                                                       {[]uint32{math.MaxUint32}, false},
		said + "tuples missed: 2 dead from 1 pages not removed due to cleanup lock contention\nremovable cutoff: 7, which was 1 XIDs old when operation ended\n": {[]uint32{7}, true},
		"vacuuming \"d.removable cutoff: 7, .t\"": {nil, false},
	} {
		if cutoffs, missed := read([]string{text}); !slices.Equal(cutoffs, want.cutoffs) || missed != want.missed {
			t.Errorf("%q: got cutoffs %d, missed %t", text, cutoffs, missed)
		}
	}
}

// TestHorizonOfOtherCluster: a dump restored into another cluster contains receipts whose
// horizons are transaction ids of the first cluster.
func TestHorizonOfOtherCluster(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	foreign := func(want int64) {
		t.Helper()
		if n, err := b.attester.Foreign(t.Context()); err != nil || n != want {
			t.Errorf("want %d receipts of another cluster, got %d (error %v)", want, n, err)
		}
	}
	_, erased := b.eraseUnsealed(2)
	foreign(0)
	// The first cluster was much further ahead. A vacuum from before the new
	// cluster was noticed proves nothing.
	b.exec(b.owner, "UPDATE lethe.receipts SET cluster = cluster - 1, horizon = '900000000000'")
	foreign(2)
	b.seal()
	foreign(2)
	v := b.openVacuum()
	before := b.cutoff(v.Plain)
	b.exec(b.owner, "SELECT pg_current_xact_id()")
	if n, err := b.attester.NoticeCluster(t.Context()); err != nil || n != 2 {
		t.Errorf("noticed %d receipts of another cluster (error %v), want 2", n, err)
	}
	b.attest(receipt.LevelVacuumed, CutOff(before), 0, 2)

	// The first vacuum afterwards does. What is erased here has its own horizon.
	b.pass("(SELECT horizon FROM lethe.clusters)")
	cutoff := b.cutoff(v.Plain)
	b.exec(b.owner, "SELECT pg_current_xact_id()")
	_, later := b.erase(1)
	b.attest(receipt.LevelVacuumed, CutOff(cutoff), 2, 1)
	foreign(0)
	b.proven(receipt.LevelVacuumed, receipt.VerifiedByCutoff, "", erased)
	b.pass("(SELECT max(horizon) FROM lethe.receipts WHERE cluster = lethe.cluster())")
	b.attest(receipt.LevelVacuumed, CutOff(b.cutoff(v.Plain)), 1, 0)
	b.proven(receipt.LevelVacuumed, receipt.VerifiedByCutoff, "", later)
}

// TestHorizonOfUnknownCluster: a role that cannot read the cluster's id erases, but attests
// nothing by vacuuming.
func TestHorizonOfUnknownCluster(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	// As if the privilege had been revoked, which would affect the whole server.
	b.exec(b.owner, "CREATE OR REPLACE FUNCTION lethe.cluster() RETURNS bigint LANGUAGE sql AS 'SELECT NULL::bigint'")
	b.erase(1)
	if n := b.number("SELECT count(*) FROM lethe.receipts WHERE cluster IS NULL"); n != 1 {
		t.Errorf("got %d receipts of an unknown cluster", n)
	}
	if _, err := b.attester.NoticeCluster(t.Context()); domain.CodeOf(err) != domain.CodeForbidden {
		t.Errorf("got the error %v", err)
	}
	if n := b.number("SELECT count(*) FROM lethe.clusters"); n != 0 {
		t.Errorf("%d clusters noticed, want none", n)
	}
}

// TestStillThere: a standby shows a response until its rows are deleted there,
// including those that fusillade-arsenal moved.
func TestStillThere(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]*pgtest.Database{"alone": pgtest.New(t), "beside fusillade-arsenal": pgtest.WithArsenal(t)} {
		b := &fixture{t: t, database: database}
		b.owner = b.connect()
		standbys := &Standbys{standbys: []*postgres.DB{b.open(database.RoleURL)}}
		live, moved, gone := uuid.New(), uuid.New(), uuid.New()
		b.exec(b.owner, "INSERT INTO fusillade.requests (id, state, model, created_by) VALUES ($1, 'pending', 'm', 'anna')", live)
		want := map[uuid.UUID]bool{live: true}
		if name != "alone" {
			b.exec(b.owner, "INSERT INTO fusillade.retained_response_request_routes VALUES ($1, $1, '2027-01-01')", moved)
			want[moved] = true
		}
		receipts := map[uuid.UUID][]uuid.UUID{uuid.New(): {live, moved}, uuid.New(): {gone}}
		if there, err := standbys.stillThere(t.Context(), receipts); err != nil || !maps.Equal(there, want) {
			t.Errorf("%s: want %v, got %v (error %v)", name, want, there, err)
		}
	}
}
