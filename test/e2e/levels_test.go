package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/attest"
	"lethe/domain"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// eraseOne erases a response that is not there yet for anyone, and waits until
// its receipt is in the log. It returns both.
func (p *process) eraseOne(t *testing.T, databaseURL, key string) (response, id string) {
	t.Helper()
	conn := connect(t, databaseURL)
	response = addResponses(t, conn, 1)[0]
	if answer := p.ask(t, http.MethodDelete, requestsPath+"/"+response, key); answer.status != http.StatusNoContent {
		t.Fatalf("erase: want 204, got %d %s", answer.status, answer.body)
	}
	id = scan[string](t, conn, "SELECT receipt_id::text FROM lethe.tombstones WHERE $1::text::uuid = ANY (request_ids)", response)
	await(t, "the receipt is sealed", startTimeout, func() bool {
		return scan[bool](t, conn, "SELECT leaf_index IS NOT NULL FROM lethe.receipts WHERE id = $1::text::uuid", id)
	})
	return response, id
}

// TestReplicated: an erasure reaches the level replicated once the standby has
// replayed it, and not while the erased rows exist there.
func TestReplicated(t *testing.T) {
	t.Parallel()
	db := newStandby(t)
	primary, standby := connect(t, db.primaryURL), connect(t, db.standbyURL)
	key := newKey(t, db.primaryURL)
	file, public := keyFile(t)
	settings := []string{databaseURL(db.primaryURL), "LETHE_ERASURE_KEY_FILE=" + file}
	p := serve(t, settings...)
	open := func(url string) *postgres.DB {
		t.Helper()
		pool, err := postgres.Open(postgres.Config{URL: url, MaxConns: 2, SearchPath: []string{"fusillade", "outlet"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	attester, err := attest.New(open(db.primaryURL), attest.Issuer{Build: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	standbys := func(url string) *attest.Standbys {
		t.Helper()
		s, err := attester.NewStandbys([]*postgres.DB{open(url)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := standbys(db.standbyURL)
	step := func() (written, passed int64) {
		t.Helper()
		written, passed, err := s.Attest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return written, passed
	}
	const (
		about    = "SELECT count(*) FROM lethe.receipts WHERE about = $1::text::uuid AND level = 'replicated'"
		attested = "SELECT leaves FROM lethe.attested WHERE level = 'replicated'"
	)
	replicated := func(id string) int64 { return scan[int64](t, primary, about, id) }

	await(t, "the standby has the tables", startTimeout, func() bool {
		return scan[bool](t, standby, "SELECT to_regclass('lethe.attested') IS NOT NULL")
	})
	execute(t, standby, "SELECT pg_wal_replay_pause()")
	_, id := p.eraseOne(t, db.primaryURL, key)
	for range 3 {
		if written, passed := step(); written+passed != 0 {
			t.Fatalf("while replay is paused: want none written and none passed, got %d and %d", written, passed)
		}
	}
	execute(t, standby, "SELECT pg_wal_replay_resume()")
	await(t, "the erasure comes to the level", startTimeout, func() bool {
		step()
		return replicated(id) == 1
	})
	await(t, "the receipt of the level can be fetched and proves it", startTimeout, func() bool {
		answer := p.ask(t, http.MethodGet, "/lethe/api/v1/erasures/"+id+"/receipt?reached=replicated", key)
		result, err := receipt.Check([]byte(answer.body), []receipt.PublicKey{public}, receipt.Options{})
		return answer.status == http.StatusOK && err == nil && result.Receipt.Level == receipt.LevelReplicated && result.Receipt.About.String() == id
	})

	// What is written again is waited for, and not for ever.
	response, again := p.eraseOne(t, db.primaryURL, key)
	execute(t, primary, `INSERT INTO fusillade.requests (id, model, created_by) VALUES ($1::text::uuid, 'm', 'x')`, response)
	_, behind := p.eraseOne(t, db.primaryURL, key)
	await(t, "it is looked at", startTimeout, func() bool {
		step()
		return scan[bool](t, primary, "SELECT (SELECT leaf_index FROM lethe.receipts WHERE id = $1::text::uuid) = ("+attested+")", again)
	})
	step()
	if replicated(again)+replicated(behind) != 0 {
		t.Error("replicated: want it held back while erased rows exist on the standby")
	}
	execute(t, primary, "UPDATE lethe.receipts SET created_at = created_at - interval '1 hour' WHERE id = $1::text::uuid", again)
	var passed int64
	await(t, "the one behind it comes to the level", startTimeout, func() bool {
		_, n := step()
		passed += n
		return replicated(behind) == 1
	})
	if passed != 1 || replicated(again) != 0 {
		t.Errorf("want 1 passed and the other held back, got %d", passed)
	}

	// What is not known any more cannot be read back.
	_, forgotten := p.eraseOne(t, db.primaryURL, key)
	execute(t, primary, "DELETE FROM lethe.tombstones WHERE receipt_id = $1::text::uuid", forgotten)
	await(t, "it is looked at", startTimeout, func() bool {
		step()
		return scan[bool](t, primary, "SELECT (SELECT leaf_index FROM lethe.receipts WHERE id = $1::text::uuid) < ("+attested+")", forgotten)
	})
	if replicated(forgotten) != 0 {
		t.Error("replicated: want it held back for an erasure whose details are gone")
	}

	// A primary is no standby.
	_, last := p.eraseOne(t, db.primaryURL, key)
	wrong := standbys(db.primaryURL)
	_, _, first := wrong.Attest(t.Context())
	if _, _, err := wrong.Attest(t.Context()); first != nil || domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "erasure.standby_urls") {
		t.Errorf("got %v, then %v", first, err)
	}

	// The service does it by itself.
	serve(t, append(settings, "LETHE_ERASURE_STANDBY_URLS="+db.standbyURL)...)
	await(t, "the service finds it out", startTimeout, func() bool { return replicated(last) == 1 })
}

// TestAttest: the command vacuums, and writes receipts that can be fetched and
// checked; with consent it rewrites.
func TestAttest(t *testing.T) {
	t.Parallel()
	cluster, binary := newCluster(t)
	url := clusterURL(cluster)
	runPostgres(t, binary, cluster, url)
	file, public := keyFile(t)
	settings := []string{databaseURL(url), "LETHE_ERASURE_KEY_FILE=" + file}
	key := newKey(t, url)
	p := serve(t, settings...)
	conn := connect(t, url)
	_, id := p.eraseOne(t, url, key)

	type row struct {
		Level                  string
		Written, ToWrite, Open int64
		Why                    string
	}
	attest := func(args ...string) map[string]row {
		t.Helper()
		rows := map[string]row{}
		var list []row
		text := strings.ReplaceAll(must(t, settings, append([]string{"erasures", "attest", "--json"}, args...)...), "to_write", "ToWrite")
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			rows[r.Level] = r
		}
		return rows
	}
	if rows := attest("--dry-run"); rows["vacuumed"] != (row{Level: "vacuumed", ToWrite: 1}) || rows["expired"].Open != 1 {
		t.Errorf("dry: got %+v", rows)
	}
	if n := scan[int](t, conn, "SELECT count(*) FROM lethe.receipts"); n != 1 {
		t.Errorf("a dry run has left %d receipts, want 1", n)
	}
	if rows := attest(); rows["vacuumed"] != (row{Level: "vacuumed", Written: 1}) || rows["rewritten"].Open != 1 || !strings.Contains(rows["rewritten"].Why, "--rewrite") {
		t.Errorf("got %+v", rows)
	}
	before := scan[uint32](t, conn, "SELECT pg_relation_filenode('fusillade.requests')")
	refused := run(t, "", settings, "erasures", "attest", "--rewrite")
	if refused.code != 2 || !strings.Contains(refused.stderr, "--yes") || scan[uint32](t, conn, "SELECT pg_relation_filenode('fusillade.requests')") != before {
		t.Errorf("attest --rewrite without --yes: want exit code 2 and no rewrite, got %+v", refused)
	}
	reader := connect(t, url)
	execute(t, reader, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	execute(t, reader, "SELECT 1")
	p.eraseOne(t, url, key)
	rows := attest("--rewrite", "--yes")
	if rows["vacuumed"].Open != 1 || !strings.Contains(rows["vacuumed"].Why, "transaction of process") || rows["rewritten"].Written != 0 {
		t.Errorf("while somebody reads: got %+v", rows)
	}
	execute(t, reader, "ROLLBACK")
	if rows := attest("--rewrite", "--yes"); rows["vacuumed"] != (row{Level: "vacuumed", Written: 1}) || rows["rewritten"] != (row{Level: "rewritten", Written: 2}) {
		t.Errorf("got %+v", rows)
	}
	execute(t, conn, "UPDATE lethe.receipts SET created_at = '2026-03-01' WHERE id = $1::text::uuid", id)
	if rows := attest("--backups-expired-before", "2026-04-01"); rows["expired"].Written != 1 || rows["expired"].Open != 1 {
		t.Errorf("got %+v", rows)
	}
	for _, args := range [][]string{{"--backups-expired-before", "soon"}, {"--backups-expired-before", "9999-01-01"}} {
		if refused := run(t, "", settings, append([]string{"erasures", "attest"}, args...)...); refused.code != 2 {
			t.Errorf("attest %s: want exit code 2, got %+v", args, refused)
		}
	}
	for _, level := range []string{"vacuumed", "rewritten", "expired"} {
		await(t, level+" is proven", startTimeout, func() bool {
			answer := p.ask(t, http.MethodGet, "/lethe/api/v1/erasures/"+id+"/receipt?reached="+level, key)
			result, err := receipt.Check([]byte(answer.body), []receipt.PublicKey{public}, receipt.Options{})
			return answer.status == http.StatusOK && err == nil && string(result.Receipt.Level) == level
		})
	}
}

// TestAttestRestoredDump: a dump restored into another cluster, whose transaction
// numbers are far behind, is attested after that cluster's first vacuum.
func TestAttestRestoredDump(t *testing.T) {
	t.Parallel()
	from := pgtest.New(t)
	old := connect(t, from.URL)
	dump := pgDump(t, old)
	if dump == "" {
		t.Skip("there is no pg_dump for this server")
	}
	file, _ := keyFile(t)
	settings := []string{databaseURL(from.URL), "LETHE_ERASURE_KEY_FILE=" + file}
	key := newKey(t, from.URL)
	p := serve(t, settings...)
	execute(t, old, `DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`)
	_, id := p.eraseOne(t, from.URL, key)
	p.stop(t, syscall.SIGTERM)

	cluster, binary := newCluster(t)
	bootstrap := clusterURL(cluster)
	runPostgres(t, binary, cluster, bootstrap)
	execute(t, connect(t, bootstrap), "CREATE DATABASE restored TEMPLATE template0")
	into := strings.Replace(bootstrap, "@/lethe?", "@/restored?", 1)
	text, err := exec.CommandContext(t.Context(), dump, "--no-owner", "--no-privileges", from.URL).Output()
	if err != nil {
		t.Fatal(err)
	}
	restore := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(dump), "psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", into)
	restore.Stdin = bytes.NewReader(text)
	if said, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	conn := connect(t, into)
	if ahead := scan[bool](t, conn, "SELECT horizon > pg_snapshot_xmax(pg_current_snapshot()) FROM lethe.receipts WHERE id = $1::text::uuid", id); !ahead {
		t.Fatal("new cluster: want its transaction numbers behind the old ones")
	}
	settings[0] = databaseURL(into)
	if r := run(t, "", settings, "doctor"); !strings.Contains(r.stdout, "1 erasure made in another cluster") {
		t.Errorf("doctor: want an erasure made in another cluster, got %s", r.stdout)
	}
	dry := run(t, "", settings, "erasures", "attest", "--dry-run", "--json")
	if scan[int](t, conn, "SELECT count(*) FROM lethe.clusters") != 0 || !strings.Contains(dry.stderr, "1 erasure") {
		t.Errorf("attest --dry-run: want 1 erasure and nothing written, got %+v", dry)
	}
	r := run(t, "", settings, "erasures", "attest", "--json")
	if r.code != 0 || !strings.Contains(r.stderr, "1 erasure made before this database was dumped and restored") ||
		scan[int](t, conn, "SELECT count(*) FROM lethe.receipts WHERE level = 'vacuumed' AND about = $1::text::uuid", id) != 1 {
		t.Errorf("attest: want one receipt of level vacuumed, got %+v", r)
	}
	if r := run(t, "", settings, "doctor"); strings.Contains(r.stdout, "made in another cluster") {
		t.Errorf("doctor after attest: want no other cluster, got %s", r.stdout)
	}
}
