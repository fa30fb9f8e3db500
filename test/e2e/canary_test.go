package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

// unplanted are the columns that can hold text and get no canary, by their
// tables. What the catalogue shows and nobody has thought of is where contents
// stay behind: so each column is here, with the reason, or has a canary.
var unplanted = map[string]string{
	"fusillade.requests":       "state service_tier created_by", // words of a constraint, and the owner's id
	"fusillade.response_steps": "step_kind state",               // words of a constraint
	"underway.task":            "task_queue_name retry_policy",  // the name of a queue, and numbers
	// Written by erasures and by the log.
	"lethe.holds":              "responses owners states models tiers reason seen", // what must not be erased is no trace of what was
	"lethe.retention_versions": "name states models tiers owners run_at",           // an operator's words
	"lethe.retention_rules":    "dry_run_counts",
	"lethe.access_log":         "owner address export",                                   // who read it, from where, or what an export was narrowed to; the first two go with the response
	"lethe.response_steps":     "step_kind request_payload response_payload state error", // stays empty: see 00007_serve_arsenal.sql
	"lethe.receipts":           "body level horizon",
	"lethe.person_files":       "owner idempotency_key state reason sha256", // whose file somebody asked for; its bytes are in a folder: see TestPersonFile (app/serve)
	"lethe.intents":            "trigger ground role salt request_ids owners instance_ids correlation_ids",
	"lethe.erasures":           "trigger kind target scope ground ticket role secret idempotency_key request_sum state failures last_error preview refusal",
	"lethe.subject_requests":   "kind ticket state extension refusal", // an operator's words, about a person who asked for this
	"lethe.events":             "type data",                           // when an erasure or a person's file has ended, and its counts
	"lethe.previews":           "token_sum target sum",
	"lethe.preview_requests":   "token_sum request_ids",
	"lethe.receipt_secrets":    "salt owner_keys",
	"lethe.tiles":              "hashes",
	"lethe.log_state":          "origin root",
	"lethe.checkpoints":        "note",
	"lethe.cosignatures":       "key line",
	"lethe.tombstones":         "request_ids",
	"lethe.attested":           "level",
	"lethe.clusters":           "horizon",
	"lethe.known_keys":         "mark", // hashes of keys
	"lethe.known_keys_secret":  "secret",
	// What goes on in the background: identifiers, and words of our own.
	"lethe.river_job":          "args attempted_by errors kind metadata queue tags unique_key unique_states",
	"lethe.river_queue":        "name metadata",
	"lethe.river_leader":       "leader_id name",
	"lethe.river_migration":    "line",
	"lethe.river_notification": "payload topic", // unused in PostgreSQL
	// Bills, which stay.
	"public.http_analytics":       "method uri model response_type access_source custom_id request_origin batch_sla batch_request_source trace_id",
	"public.credits_transactions": "transaction_type source_id description",
	// People, and what they may.
	"public.users":              "username email display_name avatar_url auth_source password_hash external_user_id payment_provider_id user_type",
	"public.user_organizations": "role status invite_token_hash invite_email",
	"public.api_keys":           "name description secret purpose",
	// Batches and their files: no response that can be erased one by one is
	// theirs.
	"fusillade.files":     "name description status error_message purpose uploaded_by source_external_key",
	"fusillade.batches":   "metadata completion_window endpoint created_by errors api_key",
	"underway.task_queue": "name dlq_name",
}

// canaryKey is the key of the person whose responses are erased.
const canaryKey = "sk-canary-platform"

const canaryLength = 10

// TestCanaries: it plants strings in every part of a response, erases single
// responses, chains, everything of one person, and many in each possible way, plants
// more late writes, and searches the whole database for the strings.
func TestCanaries(t *testing.T) {
	t.Parallel()
	t.Run("copies in same database", func(t *testing.T) {
		t.Parallel()
		plantAndErase(t, false)
	})
	t.Run("copies in other database", func(t *testing.T) {
		t.Parallel()
		plantAndErase(t, true)
	})
}

func plantAndErase(t *testing.T, apart bool) {
	database := pgtest.WithFixture(t)
	c := newCage(t, database)
	private, public, err := receipt.GenerateKey("canary.test/erasures")
	if err != nil {
		t.Fatal(err)
	}
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY=" + private}
	urls := []string{database.URL}
	if apart {
		copies := pgtest.New(t)
		c.elsewhere = connect(t, copies.URL)
		urls = append(urls, copies.URL)
		settings = append(settings, "LETHE_OUTLET_DATABASE_URL="+copies.RoleURL, "LETHE_OUTLET_SCHEMA=outlet")
	}
	p := serve(t, settings...)

	person, others := c.addPerson(), []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	var byOthers []uuid.UUID // one request of each response
	for i := range 12 {
		byOthers = append(byOthers, c.addResponse(others[i%len(others)], 1)[0])
	}
	for i := range 6 {
		requests := c.addResponse(others[i%len(others)], 2+i)
		byOthers = append(byOthers, requests[len(requests)/2])
	}
	ofPerson := 0
	for i := range 12 {
		ofPerson += len(c.addResponse(person, 1+i%3*2))
	}
	named, owner, member, ruled := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	const each = 5 // responses that are erased together
	of := map[string][]uuid.UUID{}
	for _, somebody := range []string{named, owner, member, ruled} {
		for i := range each {
			of[somebody] = append(of[somebody], c.addResponse(somebody, 1+i%3)[0])
		}
	}
	execute(t, c.conn, "UPDATE fusillade.requests SET created_at = now() - interval '3 days' WHERE created_by = $1", ruled)
	planted := c.canaries
	c.canaries = map[string]string{}
	c.addResponse(uuid.NewString(), 3)
	kept := c.canaries
	if len(planted) < 1000 {
		t.Fatalf("planted canaries: want 1000 or more, got %d", len(planted))
	}
	c.complete()

	before := c.dump()
	c.find(before, "before", planted, len(planted))
	c.find(before, "before", kept, len(kept))
	asOwner := append(slices.Clone(settings), databaseURL(database.URL))
	if apart {
		asOwner = append(asOwner, "LETHE_OUTLET_DATABASE_URL="+urls[1])
	}
	c.search(asOwner, "before", planted, len(planted))
	c.search(asOwner, "before", kept, len(kept))
	// What is said of an erasure ahead of it is held against what it leaves.
	if r := run(t, "", asOwner, "erasures", "search", "--sample", "10000", "--rate", "0"); r.code != 0 || !strings.Contains(r.stdout, "would miss nothing") {
		t.Errorf("erasures search --sample: want exit code 0 and nothing missed, got %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	accounts := c.accounts()

	single := 0
	erase := func(id, key string) bool {
		a := p.ask(t, http.MethodDelete, requestsPath+"/"+id, key)
		switch a.status {
		case http.StatusNoContent:
			single++
			return true
		case http.StatusNotFound:
			return false
		}
		t.Fatalf("erase: want 204 or 404, got %d %s", a.status, a.body)
		return false
	}
	for _, id := range byOthers {
		if !erase(id.String(), rootKey) {
			t.Fatalf("erase %s: want 204, got 404", id)
		}
	}
	// Whatever of the person's own the first pages show, and then the rest at once.
	own := decode[page](t, p.ask(t, http.MethodGet, requestsPath+"?limit=5", canaryKey).body)
	if own.Total != ofPerson {
		t.Fatalf("list of the person: want %d responses, got %d", ofPerson, own.Total)
	}
	for _, r := range own.Data {
		erase(r.ID, canaryKey)
	}
	singleOfPerson := single - len(byOthers)
	states := []string{"pending", "claimed", "processing", "completed", "failed", "canceled"}
	for _, many := range []struct {
		key       string
		body      map[string]any
		responses int
	}{
		{canaryKey, map[string]any{"filter": map[string]any{"all": true}, "ticket": "a ticket"}, 12 - singleOfPerson},
		{rootKey, map[string]any{"responses": of[named], "ground": "request", "ticket": "a ticket"}, each},
		{rootKey, map[string]any{"owner": owner, "ground": "consent_withdrawn"}, each},
		{rootKey, map[string]any{"filter": map[string]any{"member_id": member, "states": states}}, each},
	} {
		if e := p.eraseMany(t, many.key, many.body); e.Responses != int64(many.responses) || e.Held+e.NotFound != 0 {
			t.Errorf("%v: want %d responses erased, got %+v", many.body, many.responses, e)
		}
	}
	newRule(t, p, map[string]any{
		"name": "a rule", "filter": map[string]any{"owners": []string{ruled}, "states": states}, "age_days": 2, "run_at": []string{"00:00"},
	})
	execute(t, c.conn, "UPDATE lethe.retention_rules SET next_run_at = now()")
	serve(t, settings...) // looks at once
	await(t, "the rule has run", time.Minute, func() bool {
		return c.number("SELECT count(*) FROM lethe.erasures WHERE trigger = 'retention' AND state = 'finished' AND done = 5") == 1
	})

	// What comes late, and the last look for it. Of some even the rows are
	// written again.
	c.canaries = map[string]string{}
	for i, id := range slices.Concat(byOthers[:2], byOthers[len(byOthers)-2:], of[named][:2], of[owner][:2], of[member][:2], of[ruled][:2]) {
		c.addLate(id, i%2 == 1)
	}
	late := c.canaries
	execute(t, c.conn, "UPDATE lethe.erasures SET verify_at = now() WHERE verify_at IS NOT NULL")
	await(t, "what the owner has is looked for again", time.Minute, func() bool {
		return c.number("SELECT count(*) FROM lethe.erasures WHERE verify_at IS NOT NULL") == 0
	})
	execute(t, c.conn, "UPDATE lethe.tombstones SET due_at = now(), sweeps = 2")
	await(t, "all is looked for again", time.Minute, func() bool { return c.number("SELECT count(*) FROM lethe.tombstones") == 0 })
	// A day after their end.
	execute(t, c.conn, "UPDATE lethe.erasures SET finished_at = finished_at - interval '25 h'")
	execute(t, c.conn, "UPDATE lethe.previews SET expires_at = expires_at - interval '25 h'")
	serve(t, settings...)
	await(t, "whose they were is forgotten", time.Minute, func() bool {
		return c.number("SELECT count(*) FROM lethe.erasures WHERE target IS NOT NULL OR secret IS NOT NULL")+
			c.number("SELECT count(*) FROM lethe.preview_requests") == 0
	})
	// Only then the log has written all that it will.
	await(t, "all is sealed", time.Minute, func() bool {
		return c.number("SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL") == 0
	})
	receipts := c.ids("SELECT id FROM lethe.receipts")
	for _, id := range receipts {
		var proof answer
		await(t, "the receipt is published", time.Minute, func() bool {
			proof = p.ask(t, http.MethodGet, erasuresPath+"/"+id.String()+"/receipt", rootKey)
			return proof.status != http.StatusAccepted
		})
		if _, err := receipt.Check([]byte(proof.body), []receipt.PublicKey{public}, receipt.Options{}); err != nil {
			t.Fatalf("%s: %d, %v", id, proof.status, err)
		}
	}
	if least := single + 5 + 1; len(receipts) < least {
		t.Errorf("receipts: want %d or more, got %d", least, len(receipts))
	}

	after := c.dump()
	c.find(after, "after", planted, 0)
	c.find(after, "after", late, 0)
	c.find(after, "after", kept, len(kept))
	c.search(asOwner, "after", planted, 0)
	c.search(asOwner, "after", late, 0)
	c.search(asOwner, "after", kept, len(kept))
	if c.accounts() != accounts {
		t.Error("usage and credits: want them unchanged")
	}
	// Who asked for an erasure can be read in two columns, which the erasures do not
	// need; and rules name whose responses they cover.
	if rule := string(after["lethe.retention_versions"]); !strings.Contains(rule, ruled) {
		t.Errorf("rule: want it to name its owner, got %s", rule)
	}
	delete(after, "lethe.retention_versions")
	after["lethe.receipt_secrets"] = c.copy("SELECT receipt_id, salt, owner_keys FROM lethe.receipt_secrets")
	after["lethe.erasures"] = c.copy("SELECT (to_jsonb(e) - 'requested_by')::text FROM lethe.erasures e")
	for _, somebody := range append(others, person, named, owner, member, ruled) {
		c.unnamed(after, uuid.MustParse(somebody), func(table string) bool {
			return strings.HasPrefix(table, "public.") && somebody == person // bills, and the person's own row and key
		})
		if somebody != person {
			for _, table := range []string{"lethe.receipt_secrets", "lethe.erasures"} {
				if bytes.Contains(c.copy("TABLE "+table), []byte(somebody)) {
					t.Errorf("%s: want no name of owner %s, who requested nothing", table, somebody)
				}
			}
		}
	}
	for id := range c.requests {
		if len(c.ids("SELECT id FROM fusillade.requests WHERE id = $1", id)) == 0 {
			c.unnamed(after, id, func(table string) bool { return table == "public.http_analytics" })
		}
	}
	if binary := pgDump(c.t, c.conn); binary != "" {
		var out []byte
		for _, url := range urls {
			dump, err := exec.CommandContext(t.Context(), binary, "--data-only", "--dbname="+url).Output()
			if err != nil {
				t.Fatalf("%s: %v", binary, err)
			}
			out = append(out, dump...)
		}
		whole := map[string][]byte{"pg_dump": out}
		c.find(whole, "after", planted, 0)
		c.find(whole, "after", late, 0)
		c.find(whole, "after", kept, len(kept))
		t.Logf("%s agrees, in %d bytes", binary, len(out))
	} else {
		t.Log("there is no pg_dump for this server: the tables were copied out instead")
	}
	t.Logf("%d canaries in %d columns, %d of them late; %d receipts", len(planted)+len(late), len(c.planted), len(late), len(receipts))
}

// column is one that can hold text.
type column struct {
	name, kind string
	limit      int // characters; 0: any number
}

// cage puts responses with canaries into a database.
type cage struct {
	t    *testing.T
	conn *pgx.Conn
	// elsewhere is the database that the copies are in; nil: beside the rest.
	elsewhere *pgx.Conn
	columns   map[string][]column  // by table
	canaries  map[string]string    // where each was planted
	planted   map[string]int       // how many by "table.column"
	requests  map[uuid.UUID]string // and whose they are
	count     int
}

func newCage(t *testing.T, database *pgtest.Database) *cage {
	t.Helper()
	c := &cage{t: t, conn: connect(t, database.URL), columns: map[string][]column{}, canaries: map[string]string{}, planted: map[string]int{}, requests: map[uuid.UUID]string{}}
	rows, err := c.conn.Query(t.Context(), `
		SELECT n.nspname || '.' || c.relname, a.attname, t.typname,
		       CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END
		FROM pg_attribute a
		JOIN pg_class c ON c.oid = a.attrelid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_type t ON t.oid = a.atttypid
		WHERE c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
		  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
		  AND t.typtype <> 'e' -- an enumeration's words are fixed
		  AND t.typname <> ALL ('{bool,int2,int4,int8,float4,float8,numeric,uuid,timestamptz,timestamp,date,interval,pg_lsn}')
		ORDER BY 1, a.attnum`)
	if err != nil {
		t.Fatal(err)
	}
	var table string
	var col column
	_, err = pgx.ForEachRow(rows, []any{&table, &col.name, &col.kind, &col.limit}, func() error {
		c.columns[table] = append(c.columns[table], col)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// complete fails the test where a column that can hold text has no canary and is
// not listed either, or is listed and not there.
func (c *cage) complete() {
	c.t.Helper()
	listed := map[string]bool{}
	for table, names := range unplanted {
		for name := range strings.FieldsSeq(names) {
			listed[table+"."+name] = true
		}
	}
	for table, columns := range c.columns {
		for _, col := range columns {
			name := table + "." + col.name
			if c.planted[name] == 0 && !listed[name] {
				c.t.Errorf("%s can hold text (%s): plant a canary, or list it with the reason", name, col.kind)
			}
			if c.planted[name] > 0 && listed[name] {
				c.t.Errorf("%s: listed, although it holds a canary", name)
			}
			delete(listed, name)
		}
	}
	for name := range listed {
		c.t.Errorf("%s: listed, but no such column", name)
	}
}

// canary is a string that is nowhere else, and how many characters the shortest
// column takes. Its letters are none of hexadecimal digits.
func (c *cage) canary(column string) string {
	const letters = "GHJKLMNPQRSTUVWXYZ"
	text := make([]byte, canaryLength)
	_, _ = rand.Read(text) // never fails, by its contract
	for i, b := range text {
		text[i] = letters[int(b)%len(letters)]
	}
	c.canaries[string(text)] = column
	c.planted[column]++
	return string(text)
}

// value is one with a canary in it for a column.
func (c *cage) value(table string, col column) any {
	c.t.Helper()
	canary := c.canary(table + "." + col.name)
	switch col.kind {
	case "text", "varchar", "bpchar":
		switch {
		case col.limit == 0:
			return "what " + canary + " said to me"
		case col.limit >= len(canary):
			return canary
		}
	case "json", "jsonb":
		return map[string]any{canary: []any{1, map[string]any{"said": "and " + c.canary(table+"."+col.name) + " to you"}}}
	case "bytea":
		return []byte(canary)
	}
	c.t.Fatalf("no canary fits into %s.%s, of type %s and %d characters", table, col.name, col.kind, col.limit)
	return nil
}

// insert adds a row with what is given, and a canary in each other column that
// can hold text.
func (c *cage) insert(table string, given map[string]any) {
	c.t.Helper()
	row := maps.Clone(given)
	for _, col := range c.columns[table] {
		if _, is := row[col.name]; !is && !slices.Contains(strings.Fields(unplanted[table]), col.name) {
			row[col.name] = c.value(table, col)
		}
	}
	names := slices.Sorted(maps.Keys(row))
	values, places := make([]any, len(names)), make([]string, len(names))
	for i, name := range names {
		values[i], places[i] = row[name], "$"+strconv.Itoa(i+1)
	}
	execute(c.t, c.in(table), fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(places, ", ")), values...)
}

// in is the way to a table.
func (c *cage) in(table string) *pgx.Conn {
	if c.elsewhere != nil && strings.HasPrefix(table, "outlet.") {
		return c.elsewhere
	}
	return c.conn
}

// addPerson adds somebody who may erase their own, with a bill.
func (c *cage) addPerson() (id string) {
	c.t.Helper()
	id = uuid.NewString()
	for _, sql := range []string{
		`INSERT INTO public.users (id, username, email) VALUES ($1::uuid, $1::uuid::text, 'canary@example.test')`,
		`INSERT INTO public.user_roles (user_id, role) VALUES ($1::uuid, 'BATCHAPIUSER')`,
		`INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose) VALUES ('canary', '` + canaryKey + `', $1::uuid, $1::uuid, 'platform')`,
		`INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id) VALUES ($1::uuid, 'usage', 1.234567890123456, 'canary')`,
	} {
		execute(c.t, c.conn, sql, id)
	}
	return id
}

// addResponse adds a response of that many steps, every third of which calls a
// tool; of one step it is a request without any. It returns the requests.
func (c *cage) addResponse(owner string, steps int) (requests []uuid.UUID) {
	c.t.Helper()
	var head, previous *uuid.UUID
	for i := range steps {
		tool := i%3 == 2
		kind, request := "tool_call", (*uuid.UUID)(nil)
		if !tool {
			id := c.addRequest(owner)
			requests = append(requests, id)
			kind, request = "model_call", &id
		}
		if steps == 1 {
			break
		}
		// A step holds what came of it or an error, never both.
		now := time.Now()
		step := map[string]any{
			"id": uuid.New(), "request_id": request, "prev_step_id": previous, "parent_step_id": head, "step_kind": kind, "step_sequence": i,
		}
		switch i % 4 {
		case 0, 2:
			step["state"], step["started_at"], step["completed_at"], step["error"] = "completed", now, now, nil
		case 1:
			step["state"], step["failed_at"], step["response_payload"] = "failed", now, nil
		case 3:
			step["state"], step["canceled_at"], step["response_payload"], step["error"] = "canceled", now, nil, nil
		}
		c.insert("fusillade.response_steps", step)
		id := step["id"].(uuid.UUID)
		if head == nil {
			head = &id
		}
		previous = &id
	}
	return requests
}

// addRequest adds a request in each state in turn, with all its copies.
func (c *cage) addRequest(owner string) uuid.UUID {
	c.t.Helper()
	id, template, instance, now := uuid.New(), uuid.New(), uuid.New(), time.Now()
	request := map[string]any{"id": id, "template_id": template, "created_by": owner, "service_tier": "flex"}
	switch state := []string{"pending", "claimed", "processing", "completed", "failed", "canceled"}[c.count%6]; state {
	case "processing", "claimed":
		request["daemon_id"], request["claimed_at"] = uuid.New(), now
		if state == "processing" {
			request["started_at"] = now
		}
		request["state"] = state
	case "completed":
		request["state"], request["response_status"], request["completed_at"] = state, 200, now
	case "failed":
		request["state"], request["failed_at"] = state, now
	case "canceled":
		request["state"], request["canceled_at"] = state, now
	}
	c.count++
	c.requests[id] = owner
	c.insert("fusillade.request_templates", map[string]any{"id": template})
	c.insert("fusillade.requests", request)
	execute(c.t, c.conn, `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, prompt_tokens, completion_tokens,
			input_price_per_token, output_price_per_token, fusillade_request_id)
		VALUES ($1, $2, $3, 'POST', '/v1/responses', 1234, 567, 0.00000012, 0.00000345, $4)`, instance, c.count, now, id)
	c.addCopies(id, map[string]any{"instance_id": instance, "correlation_id": c.count, "timestamp": now})
	return id
}

// addCopies adds what the gateway and its tasks write of a request.
func (c *cage) addCopies(id uuid.UUID, copied map[string]any) {
	c.t.Helper()
	c.insert("outlet.http_requests", copied)
	copied["status_code"], copied["duration_to_first_byte_ms"], copied["duration_ms"] = 200, 1, 2
	c.insert("outlet.http_responses", copied)
	for _, queue := range []string{"create-response", "complete-response"} {
		execute(c.t, c.conn, `INSERT INTO underway.task_queue (name) VALUES ($1) ON CONFLICT DO NOTHING`, queue)
		c.insert("underway.task", map[string]any{"id": uuid.New(), "task_queue_name": queue, "input": map[string]any{
			c.canary("underway.task.input"): true,
			"step_input":                    map[string]any{"request_id": id, "body": "what " + c.canary("underway.task.input") + " said"},
		}})
	}
}

// addLate adds what comes of a request that has been erased, with its rows where
// a task has written them again.
func (c *cage) addLate(id uuid.UUID, again bool) {
	c.t.Helper()
	var instance uuid.UUID
	var correlation int64
	var at time.Time
	if err := c.conn.QueryRow(c.t.Context(), "SELECT instance_id, correlation_id, timestamp FROM public.http_analytics WHERE fusillade_request_id = $1", id).
		Scan(&instance, &correlation, &at); err != nil {
		c.t.Fatal(err)
	}
	c.addCopies(id, map[string]any{"instance_id": instance, "correlation_id": correlation, "timestamp": at})
	if again {
		template := uuid.New()
		c.insert("fusillade.request_templates", map[string]any{"id": template})
		c.insert("fusillade.requests", map[string]any{
			"id": id, "template_id": template, "created_by": c.requests[id], "service_tier": nil, "state": "failed", "failed_at": at,
		})
	}
}

// dump is all that the tables of the catalogue hold.
func (c *cage) dump() map[string][]byte {
	c.t.Helper()
	rows, err := c.conn.Query(c.t.Context(), `SELECT format('%I.%I', n.nspname, c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`)
	if err != nil {
		c.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		c.t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, table := range tables {
		all[table] = c.copyFrom(c.in(table), "TABLE "+table)
	}
	return all
}

func (c *cage) copy(query string) []byte { return c.copyFrom(c.conn, query) }

func (c *cage) copyFrom(conn *pgx.Conn, query string) []byte {
	c.t.Helper()
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(c.t.Context(), &out, "COPY ("+query+") TO STDOUT"); err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
	return out.Bytes()
}

// find looks for canaries, in text and in the hexadecimal digits of bytea, and
// wants so many of them to be somewhere.
func (c *cage) find(dump map[string][]byte, when string, canaries map[string]string, want int) {
	c.t.Helper()
	found := map[string]string{}
	inHex := map[string]string{}
	for canary := range canaries {
		inHex[hex.EncodeToString([]byte(canary))] = canary
	}
	for table, rows := range dump {
		for at := range len(rows) - canaryLength + 1 {
			if canary := string(rows[at : at+canaryLength]); canaries[canary] != "" {
				found[canary] = table
			}
			if end := at + 2*canaryLength; end <= len(rows) && inHex[string(rows[at:end])] != "" {
				found[inHex[string(rows[at:end])]] = table
			}
		}
	}
	told := 0
	for canary, table := range found {
		if told++; want == 0 && told <= 10 {
			c.t.Errorf("%s: want no canary of %s, found one in %s", when, canaries[canary], table)
		}
	}
	if len(found) != want {
		c.t.Errorf("%s %d of %d canaries are there, want %d", when, len(found), len(canaries), want)
	}
}

// search has the program look for canaries, and wants so many of them to be found.
func (c *cage) search(settings []string, when string, canaries map[string]string, want int) {
	c.t.Helper()
	r := runWith(c.t, strings.NewReader(strings.Join(slices.Collect(maps.Keys(canaries)), "\n")), settings, "erasures", "search", "--rate", "0", "--json")
	var found struct {
		Needles, Found, Tables int
		Places                 []struct{ Database, Table, Column string }
		Unread                 []any
	}
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
		c.t.Fatalf("%v: exit code %d\n%s%s", err, r.code, r.stdout, r.stderr)
	}
	code := 0
	if want > 0 {
		code = 4
	}
	if r.code != code || found.Needles != len(canaries) || found.Found != want || len(found.Unread) > 0 || found.Tables < 30 {
		c.t.Errorf("%s the search finds %d of %d canaries, want %d, with exit code %d, in %v; unread %v", when, found.Found, found.Needles, want, r.code, found.Places, found.Unread)
	}
	for canary := range canaries {
		if strings.Contains(r.stdout+r.stderr, canary) {
			c.t.Fatal("erasures search: want no needle in its output")
		}
	}
}

// unnamed fails the test where the identifier is in any table but those excepted.
func (c *cage) unnamed(dump map[string][]byte, id uuid.UUID, excepted func(table string) bool) {
	c.t.Helper()
	for _, form := range []string{id.String(), hex.EncodeToString(id[:]), hex.EncodeToString([]byte(id.String()))} {
		for table, rows := range dump {
			if bytes.Contains(rows, []byte(form)) && !excepted(table) {
				c.t.Errorf("%s: want no %s in it", table, id)
			}
		}
	}
}

func (c *cage) number(sql string) (n int64) {
	c.t.Helper()
	return scan[int64](c.t, c.conn, sql)
}

func (c *cage) ids(sql string, args ...any) []uuid.UUID {
	c.t.Helper()
	rows, err := c.conn.Query(c.t.Context(), sql, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		c.t.Fatal(err)
	}
	return ids
}

// accounts is all that is billed.
func (c *cage) accounts() string {
	c.t.Helper()
	var sums string
	err := c.conn.QueryRow(c.t.Context(), `SELECT concat_ws(' ',
		(SELECT sum(total_cost) FROM public.http_analytics), (SELECT sum(amount) FROM public.credits_transactions))`).Scan(&sums)
	if err != nil || len(strings.Fields(sums)) != 2 {
		c.t.Fatalf("sums of usage and credits: got %q, %v", sums, err)
	}
	return sums + string(c.copy("SELECT * FROM public.http_analytics ORDER BY id")) +
		string(c.copy("SELECT * FROM public.credits_transactions ORDER BY seq"))
}

var majorVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// pgDump is one that can read a server, if there is any. In CI there must be.
func pgDump(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	server := scan[int](t, conn, "SELECT current_setting('server_version_num')::int / 10000")
	candidates, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	if path, err := exec.LookPath("pg_dump"); err == nil {
		candidates = append(candidates, path)
	}
	for _, path := range candidates {
		out, err := exec.CommandContext(t.Context(), path, "--version").Output()
		if match := majorVersion.FindSubmatch(out); err == nil && match != nil {
			if major, _ := strconv.Atoi(string(match[1])); major >= server {
				return path
			}
		}
	}
	if os.Getenv("CI") != "" {
		t.Errorf("there is no pg_dump of version %d or later among %q", server, candidates)
	}
	return ""
}
