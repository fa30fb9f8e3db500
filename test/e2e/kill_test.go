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
	"syscall"
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

// killsOr is how often the service is killed: usual times, or as the variable says.
func killsOr(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv(killsVariable)
	if text == "" {
		return usual
	}
	kills, err := strconv.Atoi(text)
	if err != nil || kills < 1 {
		t.Fatalf("%s: want a number of 1 or more, got %q", killsVariable, text)
	}
	return kills
}

// TestKilledService: the service is killed at random moments while several callers
// erase single responses, chains and many at once, a retention rule runs, and the log
// is sealed. At every moment nothing is half erased, each erased response is in one
// receipt and counted once, each receipt has its erasure, and every checkpoint that
// was shown stays valid.
func TestKilledService(t *testing.T) {
	t.Parallel()
	kills := killsOr(t, 16)
	t.Run("copies in same database", func(t *testing.T) {
		t.Parallel()
		killService(t, kills, false)
	})
	t.Run("copies in other database", func(t *testing.T) {
		t.Parallel()
		killService(t, (kills+1)/2, true)
	})
}

// killService kills the service so often. Where the raw copies are in another
// database, a response may be without them for a while, which is noted then: the
// next service finishes what has begun.
func killService(t *testing.T, kills int, apart bool) {
	database := pgtest.WithFixture(t)
	const origin = "kill.test/erasures"
	private, public, err := receipt.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	k := &killed{
		t: t, conn: connect(t, database.URL), keys: []receipt.PublicKey{public},
		parts: map[uuid.UUID]*erasable{}, receipts: map[uuid.UUID]*told{}, shown: map[int64]tlog.Hash{},
	}
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY=" + private}
	if apart {
		copies := pgtest.New(t)
		k.elsewhere = connect(t, copies.URL)
		settings = append(settings, "LETHE_OUTLET_DATABASE_URL="+copies.RoleURL, "LETHE_OUTLET_SCHEMA=outlet")
	}
	first := serve(t, settings...)
	k.rule = newRule(t, first, map[string]any{"name": "Keep for a day", "filter": map[string]any{"models": []string{oldModel}}, "age_days": 1, "run_at": []string{"00:00"}, "max_per_run": maxPerRun})
	if code := first.stop(t, syscall.SIGTERM); code != 0 {
		t.Fatalf("it ended with %d, want 0", code)
	}

	interrupted, unsealed := 0, 0
	atWork := map[string]int{}
	telling := func() bool {
		return k.singles >= 4*kills && interrupted > 0 && unsealed > 0 && atWork["bulk"]+atWork["retention"] > 0 && (!apart || k.halfGone > 0)
	}
	// On a busy machine a kill more often comes before anything has begun.
	for n := 0; n < kills || n < 8*kills && !telling(); n++ {
		k.prepare()
		execute(t, k.conn, "UPDATE lethe.retention_rules SET next_run_at = now()")
		execute(t, k.conn, jobsOfTheDead)
		p := serve(t, settings...)
		stop := make(chan struct{})
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() { k.erase(p, stop) })
		}
		callers.Go(func() { k.eraseMany(p, stop) })
		callers.Go(func() { k.watch(p, stop) })
		if limit := 2 * time.Second; n%4 == 3 {
			k.awaitRetention(limit) // else it is seldom at work
		} else {
			time.Sleep(rand.N(limit / 2))
		}
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
		for _, conn := range []*pgx.Conn{k.conn, k.copies()} {
			await(t, "the server has noticed", time.Minute, func() bool {
				return scan[int](t, conn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'") == 0
			})
		}
		interrupted += k.check()
		if k.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL") > 0 {
			unsealed++
		}
		for _, trigger := range []string{"bulk", "retention"} {
			if k.number("SELECT count(*) FROM lethe.erasures WHERE finished_at IS NULL AND done > 0 AND trigger = '"+trigger+"'") > 0 {
				atWork[trigger]++
			}
		}
	}
	if !telling() {
		t.Errorf("%d single erasures, %d of them with no answer, bulk erasures at work at %v kills, unsealed receipts after %d and %d responses without their copies: that says little",
			k.singles, interrupted, atWork, unsealed, k.halfGone)
	}

	execute(t, k.conn, jobsOfTheDead)
	p := serve(t, settings...)
	k.finish(p)
	if out := must(t, settings, "doctor"); !strings.Contains(out, "as it was sealed: ") {
		t.Errorf("doctor: want the log as it was sealed, got\n%s", out)
	}
	t.Logf("%d kills; %d single erasures, %d of them with no answer; %d of many with %d responses, at work in the midst at kills: %v; receipts unsealed after %d kills, %d checkpoints shown; %d responses were without their copies",
		kills, k.singles, interrupted, len(k.asked), k.erased-k.singles, atWork, unsealed, len(k.shown), k.halfGone)
}

// Of the retention rule.
const (
	oldModel  = "of old"
	maxPerRun = 500
)

// awaitRetention returns some moment after the rule has begun to erase, or when
// it has not for so long.
func (k *killed) awaitRetention(limit time.Duration) {
	k.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if k.number("SELECT count(*) FROM lethe.erasures WHERE finished_at IS NULL AND done > 0 AND trigger = 'retention'") > 0 {
			time.Sleep(rand.N(30 * time.Millisecond))
			return
		}
	}
}

// jobsOfTheDead does what River does by itself a minute later.
const jobsOfTheDead = "UPDATE lethe.river_job SET state = 'available', scheduled_at = now() WHERE state IN ('running', 'retryable')"

// erasable is a response that is to be erased.
type erasable struct {
	trigger  receipt.Trigger // by what
	owner    string
	requests []uuid.UUID
	steps    int
	whole    int  // rows in all
	begun    bool // before the last kill
	gone     bool
	receipt  uuid.UUID    // zero: not known yet
	salt     receipt.Salt // of a single one that was answered
}

// told is a receipt with what it is about.
type told struct {
	parts []*erasable
	receipt.Counts
}

// group are responses that are erased together, by one request that is repeated
// until it has been answered.
type group struct {
	parts  []*erasable
	body   map[string]any
	key    string // Idempotency-Key
	id     string // of the erasure; empty: not answered yet
	secret string
}

type killed struct {
	t    *testing.T
	conn *pgx.Conn
	keys []receipt.PublicKey
	rule string // the retention rule's id
	// elsewhere is the database that the copies are in; nil: beside the rest.
	elsewhere *pgx.Conn
	halfGone  int // how many responses were found without their copies

	parts           map[uuid.UUID]*erasable // by each request, template and step, and by the instance of its copies
	all             []*erasable
	receipts        map[uuid.UUID]*told
	erased, singles int       // how many are gone
	looked          time.Time // receipts up to then have been compared

	mu      sync.Mutex
	left    []*erasable         // nobody has asked for them yet, or in vain
	waiting []*group            // likewise
	asked   []*group            // and answered
	shown   map[int64]tlog.Hash // every checkpoint that somebody was shown
}

func (k *killed) copies() *pgx.Conn {
	if k.elsewhere != nil {
		return k.elsewhere
	}
	return k.conn
}

func (k *killed) number(sql string) (n int64) {
	k.t.Helper()
	if err := k.conn.QueryRow(k.t.Context(), sql).Scan(&n); err != nil {
		k.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// seed adds n responses that are to be erased one by one.
func (k *killed) seed(n int) {
	k.t.Helper()
	k.left = append(k.left, k.add(n, receipt.TriggerSingle, oneOfSeven)...)
}

// oneOfSeven is the owner of one response of several.
func oneOfSeven(i int) string { return "owner " + strconv.Itoa(i%7) }

// prepare adds what may be erased until the next kill.
func (k *killed) prepare() {
	k.t.Helper()
	k.seed(max(0, 400-len(k.left)))
	old := 0
	for _, e := range k.all {
		if e.trigger == receipt.TriggerRetention && !e.gone {
			old++
		}
	}
	k.add(max(0, maxPerRun+100-old), receipt.TriggerRetention, oneOfSeven)
	if k.number("SELECT count(*) FROM lethe.erasures WHERE finished_at IS NULL AND trigger = 'bulk'") >= 3 {
		return
	}
	for len(k.waiting) < 2 {
		owner := uuid.NewString()
		n := []int{40, 150, 450, 450}[len(k.all)%4] // up to a hundred are erased at once
		g := &group{parts: k.add(n, receipt.TriggerBulk, func(int) string { return owner }), key: uuid.NewString()}
		switch {
		case n < 450:
			var ids []uuid.UUID
			for _, e := range g.parts {
				ids = append(ids, e.requests[len(e.requests)-1])
			}
			g.body = map[string]any{"responses": ids}
		case rand.N(2) == 0:
			g.body = map[string]any{"owner": owner}
		default:
			g.body = map[string]any{"filter": map[string]any{"member_id": owner}}
		}
		k.waiting = append(k.waiting, g)
	}
}

// add adds n responses, with copies and tasks of each request. Each third one is
// a chain of three steps, the last of which calls a tool.
func (k *killed) add(n int, trigger receipt.Trigger, owner func(i int) string) (added []*erasable) {
	k.t.Helper()
	now, model := time.Now(), "m"
	created := now
	if trigger == receipt.TriggerRetention {
		created, model = now.Add(-48*time.Hour), oldModel
	}
	var templates, requests, steps, usage, rawRequests, rawResponses, tasks [][]any
	for i := range n {
		e := &erasable{trigger: trigger, owner: owner(i)}
		models := 1
		if i%3 == 2 {
			models, e.steps = 2, 3
		}
		head, second, third := uuid.New(), uuid.New(), uuid.New()
		for j := range models {
			id, template, instance := uuid.New(), uuid.New(), uuid.New()
			e.requests = append(e.requests, id)
			templates = append(templates, []any{template, "http://upstream.test", "POST", "/v1/responses", "words of people", "m", "key"})
			requests = append(requests, []any{id, template, "completed", 200, "words of a model", now, created, model, e.owner})
			usage = append(usage, []any{instance, int64(j), now, "POST", "/v1/responses", id})
			rawRequests = append(rawRequests, []any{instance, int64(j), now, "POST", "/v1/responses", map[string]any{}})
			rawResponses = append(rawResponses, []any{instance, int64(j), now, 200, map[string]any{}, 1, 2})
			tasks = append(tasks, []any{uuid.New(), "create-response", map[string]any{"step_input": map[string]any{"request_id": id}}})
			k.parts[id], k.parts[template], k.parts[instance] = e, e, e
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
		added = append(added, e)
	}
	k.all = append(k.all, added...)
	execute(k.t, k.conn, "INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING")
	for _, c := range []struct {
		table, columns string
		rows           [][]any
	}{
		{"fusillade.request_templates", "id endpoint method path body model api_key", templates},
		{"fusillade.requests", "id template_id state response_status response_body completed_at created_at model created_by", requests},
		{"fusillade.response_steps", "id request_id prev_step_id parent_step_id step_kind step_sequence request_payload response_payload state started_at completed_at", steps},
		{"public.http_analytics", "instance_id correlation_id timestamp method uri fusillade_request_id", usage},
		{"outlet.http_requests", "instance_id correlation_id timestamp method uri headers", rawRequests},
		{"outlet.http_responses", "instance_id correlation_id timestamp status_code headers duration_to_first_byte_ms duration_ms", rawResponses},
		{"underway.task", "id task_queue_name input", tasks},
	} {
		conn := k.conn
		if strings.HasPrefix(c.table, "outlet.") {
			conn = k.copies()
		}
		if _, err := conn.CopyFrom(k.t.Context(), strings.Split(c.table, "."), strings.Fields(c.columns), pgx.CopyFromRows(c.rows)); err != nil {
			k.t.Fatalf("%s: %v", c.table, err)
		}
	}
	return added
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
		case a.status == http.StatusNotFound && e.begun: // and has been finished
			continue
		case a.status != http.StatusNoContent:
			k.t.Errorf("erase: want 204, got %d %s", a.status, a.body)
			return
		}
		salt, err := hex.DecodeString(a.header.Get("Receipt-Salt"))
		if err != nil || len(salt) != len(e.salt) {
			k.t.Errorf("Receipt-Salt: want 32 bytes, got %q", a.header.Get("Receipt-Salt"))
			return
		}
		k.mu.Lock()
		e.receipt, e.salt, e.gone = uuid.MustParse(path.Base(path.Dir(a.header.Get("Location")))), receipt.Salt(salt), true
		k.mu.Unlock()
	}
}

// eraseMany asks for the erasure of one group after another until the service is
// gone. What had no answer is asked for again, and must not be begun twice.
func (k *killed) eraseMany(p *process, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
		}
		k.mu.Lock()
		waiting := k.waiting
		k.mu.Unlock()
		if len(waiting) == 0 {
			continue
		}
		g := waiting[0]
		if g.body["responses"] == nil && g.body["token"] == nil {
			a, err := p.post(erasuresPath+"/preview", rootKey, g.body)
			switch {
			case err != nil:
				return
			case a.status != http.StatusOK || decode[erasure](k.t, a.body).Responses != int64(len(g.parts)):
				k.t.Errorf("preview of %d responses: want 200, got %d %s", len(g.parts), a.status, a.body)
				return
			}
			g.body["token"] = decode[struct{ Token string }](k.t, a.body).Token
		}
		a, err := p.post(erasuresPath, rootKey, g.body, "Idempotency-Key", g.key)
		switch {
		case err != nil:
			return
		case a.status != http.StatusCreated && a.status != http.StatusAccepted:
			k.t.Errorf("bulk erasure of %d responses: want 201 or 202, got %d %s", len(g.parts), a.status, a.body)
			return
		}
		k.mu.Lock()
		g.id, g.secret = decode[erasure](k.t, a.body).ID, a.header.Get("Receipt-Salt")
		k.waiting, k.asked = slices.Delete(slices.Clone(k.waiting), 0, 1), append(k.asked, g)
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
		k.t.Errorf("checkpoint: got %d, %v", a.status, err)
		return c
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if before, is := k.shown[c.Size]; is && before != c.Root {
		k.t.Errorf("checkpoints of %d leaves: want one root, got two", c.Size)
	}
	k.shown[c.Size] = c.Root
	return c
}

// there counts the rows that there are of each.
func (k *killed) there() map[*erasable]int {
	k.t.Helper()
	there := map[*erasable]int{}
	for _, part := range []struct {
		conn *pgx.Conn
		sql  string
	}{
		{k.conn, `SELECT id FROM fusillade.requests
			UNION ALL SELECT id FROM fusillade.request_templates
			UNION ALL SELECT id FROM fusillade.response_steps
			UNION ALL SELECT (input -> 'step_input' ->> 'request_id')::uuid FROM underway.task`},
		{k.copies(), `SELECT instance_id FROM outlet.http_requests UNION ALL SELECT instance_id FROM outlet.http_responses`},
	} {
		rows, err := part.conn.Query(k.t.Context(), part.sql)
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
	}
	return there
}

// check compares what is there with what was asked for, and returns how many
// were erased without an answer.
func (k *killed) check() (unanswered int) {
	k.t.Helper()
	there := k.there()
	k.begun()
	var unknown []*erasable
	k.erased, k.singles = 0, 0
	for _, e := range k.all {
		switch n := there[e]; {
		case n == e.whole && !e.gone:
			continue
		case n == e.whole:
			k.t.Errorf("erased response of receipt %s: want no rows", e.receipt)
		case n == e.whole-2*len(e.requests) && e.begun && !e.gone: // all but the copies
			k.halfGone++
			continue
		case n > 0:
			k.t.Fatalf("rows of a response: want 0 or %d, got %d", e.whole, n)
		}
		k.erased++
		if e.trigger == receipt.TriggerSingle {
			k.singles++
		}
		if k.receipts[e.receipt] == nil {
			unknown = append(unknown, e)
		}
	}
	k.left = slices.DeleteFunc(k.left, func(e *erasable) bool { return there[e] == 0 })
	unanswered = k.compare(unknown)
	if found := k.number("SELECT count(*) FROM lethe.receipts"); found != int64(len(k.receipts)) {
		k.t.Errorf("receipts: want %d, of erasures, got %d", len(k.receipts), found)
	}
	for _, e := range unknown {
		if k.receipts[e.receipt] == nil {
			k.t.Errorf("erased response: want receipt %s, got none", e.receipt)
		}
	}
	k.count()
	return unanswered
}

// begun notes of which responses it is said that their erasure has begun.
func (k *killed) begun() {
	k.t.Helper()
	for _, e := range k.all {
		e.begun = false
	}
	if k.elsewhere == nil {
		return
	}
	rows, err := k.conn.Query(k.t.Context(), "SELECT unnest(request_ids) FROM lethe.intents")
	if err != nil {
		k.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		k.t.Fatal(err)
	}
	for _, id := range ids {
		k.parts[id].begun = true
	}
}

// compare reads what receipts have been written since, and finds what each is
// about among what is gone and in none yet. It returns how many there are that
// nobody was told of, of single erasures.
func (k *killed) compare(unknown []*erasable) (unanswered int) {
	k.t.Helper()
	rows, err := k.conn.Query(k.t.Context(), `SELECT r.id, r.body, r.created_at, s.salt
		FROM lethe.receipts r LEFT JOIN lethe.receipt_secrets s ON s.receipt_id = r.id WHERE r.created_at > $1`, k.looked)
	if err != nil {
		k.t.Fatal(err)
	}
	var id uuid.UUID
	var body, saltBytes []byte
	var created time.Time
	looked := k.looked
	if _, err := pgx.ForEachRow(rows, []any{&id, &body, &created, &saltBytes}, func() error {
		if created.After(looked) {
			looked = created
		}
		r, err := receipt.Parse(body)
		if err != nil || r.ID != id || len(saltBytes) != len(receipt.Salt{}) {
			k.t.Errorf("receipt %s with a salt of %d bytes: %v", id, len(saltBytes), err)
			return nil
		}
		salt, of := receipt.Salt(saltBytes), &told{Counts: r.Counts}
		var counts receipt.Counts
		var responses, owners []receipt.Commitment
		for _, e := range unknown {
			if e.trigger != r.Trigger || k.receipts[e.receipt] != nil || !slices.Contains(r.Responses, receipt.CommitResponse(salt, e.requests[0])) {
				continue
			}
			switch {
			case e.trigger != receipt.TriggerSingle:
			case e.receipt == uuid.Nil:
				unanswered++
			case e.receipt != id || e.salt != salt:
				k.t.Errorf("erasure: want receipt %s, as returned, got %s", e.receipt, id)
			}
			e.receipt, e.gone = id, true
			of.parts = append(of.parts, e)
			n := int64(len(e.requests))
			counts.Requests, counts.Templates, counts.Steps = counts.Requests+n, counts.Templates+n, counts.Steps+int64(e.steps)
			for _, request := range e.requests {
				responses = append(responses, receipt.CommitResponse(salt, request))
			}
			if c := receipt.CommitOwner(salt, e.owner); !slices.Contains(owners, c) {
				owners = append(owners, c)
			}
		}
		counts.RawRequests, counts.RawResponses, counts.Tasks = counts.Requests, counts.Requests, counts.Requests
		rule := ""
		if r.Rule != nil {
			rule = r.Rule.ID.String()
		}
		if len(of.parts) == 0 || r.Trigger == receipt.TriggerSingle && len(of.parts) > 1 || counts != r.Counts ||
			!sameCommitments(responses, r.Responses) || !sameCommitments(owners, r.Owners) || (r.Trigger == receipt.TriggerRetention) != (rule == k.rule) {
			k.t.Errorf("receipt %s is of %d responses with %+v, and says %+v, of rule %q", id, len(of.parts), counts, r.Counts, rule)
		}
		k.receipts[id] = of
		return nil
	}); err != nil {
		k.t.Fatal(err)
	}
	k.looked = looked
	return unanswered
}

func sameCommitments(a, b []receipt.Commitment) bool {
	order := func(a, b receipt.Commitment) int { return bytes.Compare(a[:], b[:]) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}

// count adds up what the receipts of each bulk erasure say, and compares it
// with how far the erasure says it has come.
func (k *killed) count() {
	k.t.Helper()
	type sum struct {
		receipts, responses int64
		receipt.Counts
	}
	sums := map[uuid.UUID]sum{}
	rows, err := k.conn.Query(k.t.Context(), "SELECT erasure_id, receipt_id, responses FROM lethe.erasure_receipts")
	if err != nil {
		k.t.Fatal(err)
	}
	var erasure, id uuid.UUID
	var responses int64
	linked := 0
	if _, err := pgx.ForEachRow(rows, []any{&erasure, &id, &responses}, func() error {
		of := k.receipts[id]
		if of == nil || int64(len(of.parts)) != responses {
			k.t.Errorf("receipt %s of a bulk erasure is said to be of %d responses", id, responses)
			return nil
		}
		linked++
		s, c := sums[erasure], of.Counts
		sums[erasure] = sum{s.receipts + 1, s.responses + responses, receipt.Counts{
			Requests: s.Requests + c.Requests, Steps: s.Steps + c.Steps, Templates: s.Templates + c.Templates,
			RawRequests: s.RawRequests + c.RawRequests, RawResponses: s.RawResponses + c.RawResponses, Tasks: s.Tasks + c.Tasks,
		}}
		return nil
	}); err != nil {
		k.t.Fatal(err)
	}
	if many := len(k.receipts) - k.singles; linked != many {
		k.t.Errorf("receipts linked to a bulk erasure: want %d, got %d", many, linked)
	}
	rows, err = k.conn.Query(k.t.Context(), `SELECT id, receipts, done, requests, steps, templates, raw_requests, raw_responses, tasks, held + not_found
		FROM lethe.erasures`)
	if err != nil {
		k.t.Fatal(err)
	}
	var said sum
	var notErased int64
	if _, err := pgx.ForEachRow(rows, []any{
		&erasure, &said.receipts, &said.responses, &said.Requests, &said.Steps, &said.Templates, &said.RawRequests, &said.RawResponses, &said.Tasks, &notErased,
	}, func() error {
		if said != sums[erasure] || notErased != 0 {
			k.t.Errorf("a bulk erasure says %+v and that %d were not erased, its receipts %+v", said, notErased, sums[erasure])
		}
		return nil
	}); err != nil {
		k.t.Fatal(err)
	}
}

// finish lets the service seal everything, and proves that each checkpoint that
// was ever shown is one of the log's past.
func (k *killed) finish(p *process) {
	k.t.Helper()
	stop := make(chan struct{})
	var caller sync.WaitGroup
	caller.Go(func() { k.eraseMany(p, stop) })
	await(k.t, "all that was asked for is erased", 2*time.Minute, func() bool {
		p.mustRun(k.t)
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.t.Failed() || len(k.waiting) == 0 && k.number("SELECT count(*) FROM lethe.erasures WHERE finished_at IS NULL") == 0 &&
			(k.elsewhere == nil || k.number("SELECT count(*) FROM lethe.intents") == 0)
	})
	close(stop)
	caller.Wait()
	k.check()
	if n := k.number("SELECT count(*) FROM lethe.erasures WHERE trigger = 'bulk'"); n != int64(len(k.asked)) {
		k.t.Errorf("bulk erasures: want %d, as requested, got %d", len(k.asked), n)
	}
	for _, g := range k.asked {
		e := decode[erasure](k.t, p.ask(k.t, http.MethodGet, erasuresPath+"/"+g.id, rootKey).body)
		if e.State != "finished" || e.Responses != int64(len(g.parts)) {
			k.t.Errorf("bulk erasure: want it finished with %d responses, got %+v", len(g.parts), e)
		}
		for _, part := range g.parts {
			if !part.gone {
				k.t.Errorf("erasure %s: want all of its responses erased", g.id)
			}
		}
	}
	var newest receipt.Checkpoint
	await(k.t, "everything is sealed and published", time.Minute, func() bool {
		p.mustRun(k.t)
		a := p.ask(k.t, http.MethodGet, "/log/checkpoint", rootKey)
		if a.status == http.StatusOK {
			newest = k.see(a)
		}
		return newest.Size == int64(len(k.receipts))
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
			k.t.Errorf("checkpoint of %d leaves: not the root of the receipts: %v", size, err)
		}
		proof, err := tlog.ProveTree(newest.Size, size, tiles)
		if err == nil {
			err = tlog.CheckTree(proof, newest.Size, newest.Root, size, root)
		}
		if err != nil {
			k.t.Errorf("checkpoint of %d leaves: not consistent with that of %d: %v", size, newest.Size, err)
		}
	}
	prove := func(e *erasable, salt receipt.Salt) {
		a := p.ask(k.t, http.MethodGet, erasuresPath+"/"+e.receipt.String()+"/receipt", rootKey)
		if _, err := receipt.Check([]byte(a.body), k.keys, receipt.Options{Salt: &salt, Response: &e.requests[0], Owner: &e.owner}); err != nil {
			k.t.Errorf("receipt %s: %d, %v", e.receipt, a.status, err)
		}
	}
	for _, e := range k.all[:20] {
		if e.gone && e.salt != (receipt.Salt{}) {
			prove(e, e.salt)
		}
	}
	for _, g := range k.asked[:2] {
		secret, err := receipt.ParseSalt(g.secret)
		if err != nil {
			k.t.Fatal(err)
		}
		prove(g.parts[0], secret)
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
