package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

// killsVariable says how often the service is killed, where that is not enough
// which a quick run does.
const killsVariable = "LETHE_TEST_KILLS"

// TestKilledService kills the service at random moments while several callers
// erase singles and chains and the log is sealed. Whatever the moment, nothing
// is half gone, each erasure has its receipt and each receipt its erasure, and
// no checkpoint that anybody was shown is ever taken back.
func TestKilledService(t *testing.T) {
	t.Parallel()
	kills := 16
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil || kills < 1 {
			t.Fatalf("%s is %q", killsVariable, text)
		}
	}
	database := pgtest.WithFixture(t)
	const origin = "kill.test/erasures"
	private, public, err := receipt.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	k := &killed{
		t: t, conn: connect(t, database.URL), keys: []receipt.PublicKey{public},
		parts: map[uuid.UUID]*erasable{}, shown: map[int64]tlog.Hash{},
	}
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY=" + private}

	interrupted, unsealed := 0, 0
	for range kills {
		k.seed(400 - len(k.left))
		p := serve(t, settings...)
		stop := make(chan struct{})
		var callers sync.WaitGroup
		for range 6 {
			callers.Go(func() { k.erase(p, stop) })
		}
		callers.Go(func() { k.watch(p, stop) })
		time.Sleep(rand.N(700 * time.Millisecond))
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		close(stop)
		callers.Wait()
		if t.Failed() {
			return
		}
		// The server finishes or rolls back what it was sent.
		await(t, "the server has noticed", time.Minute, func() bool {
			return k.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'") == 0
		})
		interrupted += k.check()
		if k.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL") > 0 {
			unsealed++
		}
	}
	if k.erased < 10*kills || interrupted == 0 || unsealed == 0 {
		t.Errorf("%d erasures, %d of them with no answer, and unsealed receipts after %d kills: that says little", k.erased, interrupted, unsealed)
	}

	p := serve(t, settings...)
	k.finish(p)
	if out := must(t, settings, "doctor"); !strings.Contains(out, "as they were sealed") {
		t.Errorf("doctor says\n%s", out)
	}
	t.Logf("%d kills, %d erasures, %d of them with no answer, receipts unsealed after %d kills, %d checkpoints shown",
		kills, k.erased, interrupted, unsealed, len(k.shown))
}

// erasable is a response that is to be erased.
type erasable struct {
	owner    string
	requests []uuid.UUID
	steps    int
	whole    int // rows in all
	gone     bool
	receipt  uuid.UUID // zero: not known yet
	salt     receipt.Salt
}

type killed struct {
	t    *testing.T
	conn *pgx.Conn
	keys []receipt.PublicKey

	parts  map[uuid.UUID]*erasable // by each request, template and step
	all    []*erasable
	erased int
	looked time.Time // receipts up to then have been compared

	mu    sync.Mutex
	left  []*erasable         // nobody has asked for them yet, or in vain
	shown map[int64]tlog.Hash // every checkpoint that somebody was shown
}

func (k *killed) number(sql string) (n int64) {
	k.t.Helper()
	if err := k.conn.QueryRow(k.t.Context(), sql).Scan(&n); err != nil {
		k.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// seed adds n responses, with copies and tasks of each request. Each third one is
// a chain of three steps, the last of which calls a tool.
func (k *killed) seed(n int) {
	k.t.Helper()
	now := time.Now()
	var templates, requests, steps, usage, rawRequests, rawResponses, tasks [][]any
	for i := range n {
		e := &erasable{owner: "owner " + strconv.Itoa(i%7)}
		models := 1
		if i%3 == 2 {
			models, e.steps = 2, 3
		}
		head, second, third := uuid.New(), uuid.New(), uuid.New()
		for j := range models {
			id, template, instance := uuid.New(), uuid.New(), uuid.New()
			e.requests = append(e.requests, id)
			templates = append(templates, []any{template, "http://upstream.test", "POST", "/v1/responses", "words of people", "m", "key"})
			requests = append(requests, []any{id, template, "completed", 200, "words of a model", now, "m", e.owner})
			usage = append(usage, []any{instance, int64(j), now, "POST", "/v1/responses", id})
			rawRequests = append(rawRequests, []any{instance, int64(j), now, "POST", "/v1/responses", map[string]any{}})
			rawResponses = append(rawResponses, []any{instance, int64(j), now, 200, map[string]any{}, 1, 2})
			tasks = append(tasks, []any{uuid.New(), "create-response", map[string]any{"step_input": map[string]any{"request_id": id}}})
			k.parts[id], k.parts[template] = e, e
		}
		e.whole = 5*models + e.steps
		if e.steps > 0 {
			words := map[string]string{"words": "of people"}
			k.parts[head], k.parts[second], k.parts[third] = e, e, e
			steps = append(steps,
				[]any{head, e.requests[0], nil, nil, "model_call", 0, words, words, "completed", now, now},
				[]any{second, e.requests[1], head, head, "model_call", 1, words, words, "completed", now, now},
				[]any{third, nil, second, head, "tool_call", 2, words, words, "completed", now, now})
		}
		k.all, k.left = append(k.all, e), append(k.left, e)
	}
	execute(k.t, k.conn, "INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING")
	for _, c := range []struct {
		table, columns string
		rows           [][]any
	}{
		{"fusillade.request_templates", "id endpoint method path body model api_key", templates},
		{"fusillade.requests", "id template_id state response_status response_body completed_at model created_by", requests},
		{"fusillade.response_steps", "id request_id prev_step_id parent_step_id step_kind step_sequence request_payload response_payload state started_at completed_at", steps},
		{"public.http_analytics", "instance_id correlation_id timestamp method uri fusillade_request_id", usage},
		{"outlet.http_requests", "instance_id correlation_id timestamp method uri headers", rawRequests},
		{"outlet.http_responses", "instance_id correlation_id timestamp status_code headers duration_to_first_byte_ms duration_ms", rawResponses},
		{"underway.task", "id task_queue_name input", tasks},
	} {
		if _, err := k.conn.CopyFrom(k.t.Context(), strings.Split(c.table, "."), strings.Fields(c.columns), pgx.CopyFromRows(c.rows)); err != nil {
			k.t.Fatalf("%s: %v", c.table, err)
		}
	}
}

// erase asks for one erasure after another until the service is gone.
func (k *killed) erase(p *process, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		k.mu.Lock()
		if len(k.left) == 0 {
			k.mu.Unlock()
			time.Sleep(time.Millisecond)
			continue
		}
		i := rand.IntN(len(k.left))
		e := k.left[i]
		k.left = slices.Delete(k.left, i, i+1)
		k.mu.Unlock()
		a, err := p.try(http.MethodDelete, requestsPath+"/"+e.requests[rand.IntN(len(e.requests))].String(), rootKey)
		switch {
		case err != nil: // killed: whether it is gone remains to be seen
			k.mu.Lock()
			k.left = append(k.left, e)
			k.mu.Unlock()
			return
		case a.status != http.StatusNoContent:
			k.t.Errorf("erasing answers %d %s", a.status, a.body)
			return
		}
		salt, err := hex.DecodeString(a.header.Get("Receipt-Salt"))
		if err != nil || len(salt) != len(e.salt) {
			k.t.Errorf("the salt is %q", a.header.Get("Receipt-Salt"))
			return
		}
		k.mu.Lock()
		e.receipt, e.salt, e.gone = uuid.MustParse(path.Base(path.Dir(a.header.Get("Location")))), receipt.Salt(salt), true
		k.mu.Unlock()
	}
}

// watch keeps every checkpoint that is shown.
func (k *killed) watch(p *process, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(15 * time.Millisecond):
		}
		a, err := p.try(http.MethodGet, "/log/checkpoint", rootKey)
		if err != nil || a.status == http.StatusNotFound {
			continue
		}
		k.see(a)
	}
}

func (k *killed) see(a answer) (newest receipt.Checkpoint) {
	c, _, err := receipt.OpenCheckpoint([]byte(a.body), k.keys)
	if err != nil {
		k.t.Errorf("a checkpoint: %d, %v", a.status, err)
		return c
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if before, is := k.shown[c.Size]; is && before != c.Root {
		k.t.Errorf("two checkpoints of %d leaves have different roots", c.Size)
	}
	k.shown[c.Size] = c.Root
	return c
}

// there counts the rows that there are of each.
func (k *killed) there() map[*erasable]int {
	k.t.Helper()
	there := map[*erasable]int{}
	rows, err := k.conn.Query(k.t.Context(), `
		SELECT id FROM fusillade.requests
		UNION ALL SELECT id FROM fusillade.request_templates
		UNION ALL SELECT id FROM fusillade.response_steps
		UNION ALL SELECT a.fusillade_request_id FROM outlet.http_requests r JOIN public.http_analytics a USING (instance_id, correlation_id)
		UNION ALL SELECT a.fusillade_request_id FROM outlet.http_responses r JOIN public.http_analytics a USING (instance_id, correlation_id)
		UNION ALL SELECT (input -> 'step_input' ->> 'request_id')::uuid FROM underway.task`)
	if err != nil {
		k.t.Fatal(err)
	}
	var id uuid.UUID
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error {
		if e := k.parts[id]; e != nil { // or it is one of the fixture's
			there[e]++
		}
		return nil
	}); err != nil {
		k.t.Fatal(err)
	}
	return there
}

// check compares what is there with what was asked for, and returns how many
// were erased without an answer.
func (k *killed) check() (unanswered int) {
	k.t.Helper()
	there := k.there()
	var unknown []*erasable
	k.erased = 0
	for _, e := range k.all {
		switch n := there[e]; {
		case n == e.whole && !e.gone:
			continue
		case n == e.whole:
			k.t.Errorf("a response is there though it was erased with receipt %s", e.receipt)
		case n > 0:
			k.t.Fatalf("%d of the %d rows of a response are there", n, e.whole)
		}
		k.erased++
		if e.receipt == uuid.Nil {
			unknown = append(unknown, e)
		}
	}
	k.left = slices.DeleteFunc(k.left, func(e *erasable) bool { return there[e] == 0 })

	rows, err := k.conn.Query(k.t.Context(), `SELECT r.id, r.body, r.created_at, s.salt
		FROM lethe.receipts r LEFT JOIN lethe.receipt_secrets s ON s.receipt_id = r.id WHERE r.created_at > $1`, k.looked)
	if err != nil {
		k.t.Fatal(err)
	}
	answered := map[uuid.UUID]*erasable{}
	for _, e := range k.all {
		if e.receipt != uuid.Nil {
			answered[e.receipt] = e
		}
	}
	var receiptID uuid.UUID
	var body, salt []byte
	var created time.Time
	looked := k.looked
	if _, err := pgx.ForEachRow(rows, []any{&receiptID, &body, &created, &salt}, func() error {
		if created.After(looked) {
			looked = created
		}
		r, err := receipt.Parse(body)
		if err != nil || r.ID != receiptID || len(salt) != len(receipt.Salt{}) {
			k.t.Errorf("receipt %s with a salt of %d bytes: %v", receiptID, len(salt), err)
			return nil
		}
		e := answered[receiptID]
		if e == nil {
			for _, candidate := range unknown {
				if candidate.receipt == uuid.Nil && candidate.is(r, receipt.Salt(salt)) {
					e = candidate
					e.receipt, e.salt, e.gone = receiptID, receipt.Salt(salt), true
					unanswered++
				}
			}
		}
		if e == nil || e.salt != receipt.Salt(salt) || !e.is(r, e.salt) {
			k.t.Errorf("receipt %s is of no erasure", receiptID)
		}
		return nil
	}); err != nil {
		k.t.Fatal(err)
	}
	k.looked = looked
	if found := k.number("SELECT count(*) FROM lethe.receipts"); found != int64(k.erased) {
		k.t.Errorf("%d responses are gone, and there are %d receipts", k.erased, found)
	}
	for _, e := range k.all {
		if there[e] == 0 && e.receipt == uuid.Nil {
			k.t.Error("a response is gone without a receipt")
		}
	}
	return unanswered
}

// is tells whether a receipt is of this response, all of it and nothing else.
func (e *erasable) is(r receipt.Receipt, salt receipt.Salt) bool {
	n := int64(len(e.requests))
	if r.Counts != (receipt.Counts{Requests: n, Steps: int64(e.steps), Templates: n, RawRequests: n, RawResponses: n, Tasks: n}) ||
		len(r.Responses) != len(e.requests) || !slices.Equal(r.Subjects, []receipt.Commitment{receipt.CommitSubject(salt, e.owner)}) {
		return false
	}
	for _, id := range e.requests {
		if !slices.Contains(r.Responses, receipt.CommitResponse(salt, id)) {
			return false
		}
	}
	return true
}

// finish lets the service seal everything, and proves that each checkpoint that
// was ever shown is one of the log's past.
func (k *killed) finish(p *process) {
	k.t.Helper()
	k.looked = time.Time{}
	k.check()
	var newest receipt.Checkpoint
	await(k.t, "everything is sealed and published", time.Minute, func() bool {
		p.mustRun(k.t)
		a := p.ask(k.t, http.MethodGet, "/log/checkpoint", rootKey)
		if a.status == http.StatusOK {
			newest = k.see(a)
		}
		return newest.Size == int64(k.erased)
	})
	rows, err := k.conn.Query(k.t.Context(), "SELECT body FROM lethe.receipts ORDER BY leaf_index")
	if err != nil {
		k.t.Fatal(err)
	}
	bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		k.t.Fatal(err)
	}
	// The tree, grown anew from the receipts.
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for i, body := range bodies {
		hashes, err := tlog.StoredHashes(int64(i), body, reader)
		if err != nil {
			k.t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	// The tree, as the service hands it out.
	tiles := tlog.TileHashReader(tlog.Tree{N: newest.Size, Hash: newest.Root}, &served{p: p, tiles: map[tlog.Tile][]byte{}})
	for size, root := range k.shown {
		if got, err := tlog.TreeHash(size, reader); err != nil || got != root {
			k.t.Errorf("the receipts do not make the checkpoint of %d leaves: %v", size, err)
		}
		proof, err := tlog.ProveTree(newest.Size, size, tiles)
		if err == nil {
			err = tlog.CheckTree(proof, newest.Size, newest.Root, size, root)
		}
		if err != nil {
			k.t.Errorf("the checkpoint of %d leaves is not of the past of that of %d: %v", size, newest.Size, err)
		}
	}
	for _, e := range k.all[:20] {
		if !e.gone {
			continue
		}
		a := p.ask(k.t, http.MethodGet, "/admin/api/v1/erasures/"+e.receipt.String()+"/receipt", rootKey)
		if _, err := receipt.Check([]byte(a.body), k.keys, receipt.Options{Salt: &e.salt, Response: &e.requests[0], Subject: &e.owner}); err != nil {
			k.t.Errorf("receipt %s: %d, %v", e.receipt, a.status, err)
		}
	}
}

// served reads tiles over HTTP.
type served struct {
	p     *process
	tiles map[tlog.Tile][]byte
}

func (*served) Height() int { return 8 }

func (*served) SaveTiles([]tlog.Tile, [][]byte) {}

func (s *served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if s.tiles[tile] == nil {
			path := "/log/tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
			a, err := s.p.try(http.MethodGet, path, rootKey)
			if err != nil || a.status != http.StatusOK {
				return nil, fmt.Errorf("%s: %d, %w", path, a.status, err)
			}
			s.tiles[tile] = bytes.Clone([]byte(a.body))
		}
		data[i] = s.tiles[tile]
	}
	return data, nil
}
