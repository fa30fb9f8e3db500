package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
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
	"lethe.holds":              "responses owners states models tiers reason", // what must not be erased is no trace of what was
	"lethe.retention_versions": "name states models tiers owners run_at",      // an operator's words
	"lethe.retention_rules":    "dry_run_counts",
	"lethe.looks":              "owner address", // who looked, from where; they go with the response
	"lethe.receipts":           "body level horizon",
	"lethe.erasures":           "trigger kind target scope ground ticket role secret idempotency_key request_sum state failures trouble",
	"lethe.previews":           "token_sum target sum",
	"lethe.receipt_secrets":    "salt subject_keys",
	"lethe.tiles":              "hashes",
	"lethe.log_state":          "origin root",
	"lethe.checkpoints":        "note",
	"lethe.cosignatures":       "key line",
	"lethe.tombstones":         "request_ids",
	"lethe.settled":            "level",
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

// TestCanaries plants strings in everything that a response consists of, erases
// singles, chains and all that one person has, and looks for the strings in all
// that the database then holds.
func TestCanaries(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	c := newCage(t, database)
	private, public, err := receipt.GenerateKey("canary.test/erasures")
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, databaseURL(database.RoleURL), "LETHE_ERASURE_KEY="+private)

	person, others := c.addPerson(), []string{uuid.NewString(), uuid.NewString(), uuid.NewString()}
	var byOthers []uuid.UUID // one request of each response
	for i := range 18 {
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
	planted := slices.Collect(maps.Keys(c.canaries))
	if len(planted) < 1000 {
		t.Fatalf("%d canaries are planted", len(planted))
	}
	c.canaries = map[string]string{}
	c.addResponse(uuid.NewString(), 3)
	kept := slices.Collect(maps.Keys(c.canaries))
	c.complete()

	before := c.dump()
	c.find(before, "before", planted, len(planted))
	c.find(before, "before", kept, len(kept))
	accounts := c.accounts()

	var receipts []string
	erase := func(id, key string) bool {
		a := p.ask(t, http.MethodDelete, requestsPath+"/"+id, key)
		switch a.status {
		case http.StatusNoContent:
			receipts = append(receipts, a.header.Get("Location"))
			return true
		case http.StatusNotFound:
			return false
		}
		t.Fatalf("erasing answers %d %s", a.status, a.body)
		return false
	}
	for _, id := range byOthers {
		if !erase(id.String(), rootKey) {
			t.Fatalf("there was no %s", id)
		}
	}
	// Whatever of the person's own the list shows, until it shows none.
	for rounds := 0; ; rounds++ {
		own := decode[page](t, p.ask(t, http.MethodGet, requestsPath+"?limit=100", canaryKey).body)
		if rounds == 0 && own.Total != ofPerson {
			t.Fatalf("the person has %d responses and sees %d", ofPerson, own.Total)
		}
		if len(own.Data) == 0 {
			break
		}
		if rounds == ofPerson {
			t.Fatalf("%d are left", own.Total)
		}
		for _, r := range own.Data {
			erase(r.ID, canaryKey)
		}
	}
	if want := len(byOthers) + 12; len(receipts) != want {
		t.Fatalf("%d erasures, %d receipts", want, len(receipts))
	}
	// Only then the log has written all that it will.
	for _, location := range receipts {
		var proof answer
		await(t, "the receipt is sealed", time.Minute, func() bool {
			proof = p.ask(t, http.MethodGet, location, rootKey)
			return proof.status != http.StatusAccepted
		})
		if _, err := receipt.Check([]byte(proof.body), []receipt.PublicKey{public}, receipt.Options{}); err != nil {
			t.Fatalf("%s: %d, %v", location, proof.status, err)
		}
	}

	after := c.dump()
	c.find(after, "after", planted, 0)
	c.find(after, "after", kept, len(kept))
	if c.accounts() != accounts {
		t.Error("usage or credits have changed")
	}
	// Who asked for an erasure can be read in one column, which nothing needs.
	delete(after, "lethe.receipt_secrets")
	rest := c.copy("SELECT receipt_id, salt, subject_keys FROM lethe.receipt_secrets")
	for _, owner := range append(others, person) {
		raw := uuid.MustParse(owner)
		for _, form := range []string{owner, hex.EncodeToString(raw[:]), hex.EncodeToString([]byte(owner))} {
			if bytes.Contains(rest, []byte(form)) {
				t.Errorf("the secrets name the owner %s", owner)
			}
			for table, rows := range after {
				if strings.HasPrefix(table, "public.") && owner == person {
					continue // bills, and the person's own row and key
				}
				if bytes.Contains(rows, []byte(form)) {
					t.Errorf("%s names the owner %s", table, owner)
				}
			}
		}
		if owner != person && bytes.Contains(c.copy("TABLE lethe.receipt_secrets"), []byte(owner)) {
			t.Errorf("the secrets name the owner %s, who asked for nothing", owner)
		}
	}
	if binary := c.pgDump(); binary != "" {
		out, err := exec.CommandContext(t.Context(), binary, "--data-only", "--dbname="+database.URL).Output()
		if err != nil {
			t.Fatalf("%s: %v", binary, err)
		}
		whole := map[string][]byte{"pg_dump": out}
		c.find(whole, "after", planted, 0)
		c.find(whole, "after", kept, len(kept))
		t.Logf("%s agrees, in %d bytes", binary, len(out))
	} else {
		t.Log("there is no pg_dump for this server: the tables were copied out instead")
	}
	t.Logf("%d canaries in %d columns; %d erasures", len(planted), len(c.planted), len(receipts))
}

// column is one that can hold text.
type column struct {
	name, kind string
	limit      int // characters; 0: any number
}

// cage puts responses with canaries into a database.
type cage struct {
	t        *testing.T
	conn     *pgx.Conn
	columns  map[string][]column // by table
	canaries map[string]string   // where each was planted
	planted  map[string]int      // how many by "table.column"
	count    int
}

func newCage(t *testing.T, database *pgtest.Database) *cage {
	t.Helper()
	c := &cage{t: t, conn: connect(t, database.URL), columns: map[string][]column{}, canaries: map[string]string{}, planted: map[string]int{}}
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
				c.t.Errorf("%s is listed, and holds a canary", name)
			}
			delete(listed, name)
		}
	}
	for name := range listed {
		c.t.Errorf("%s is listed, and there is no such column", name)
	}
}

// canary is a string that is nowhere else, and how many characters the shortest
// column takes. Its letters are none of hexadecimal digits.
func (c *cage) canary(column string) string {
	const letters = "GHJKLMNPQRSTUVWXYZ"
	text := make([]byte, 10)
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
	execute(c.t, c.conn, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(places, ", ")), values...)
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
	c.insert("fusillade.request_templates", map[string]any{"id": template})
	c.insert("fusillade.requests", request)
	execute(c.t, c.conn, `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, prompt_tokens, completion_tokens,
			input_price_per_token, output_price_per_token, fusillade_request_id)
		VALUES ($1, $2, $3, 'POST', '/v1/responses', 1234, 567, 0.00000012, 0.00000345, $4)`, instance, c.count, now, id)
	copied := map[string]any{"instance_id": instance, "correlation_id": c.count, "timestamp": now}
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
	return id
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
		all[table] = c.copy("TABLE " + table)
	}
	return all
}

func (c *cage) copy(query string) []byte {
	c.t.Helper()
	var out bytes.Buffer
	if _, err := c.conn.PgConn().CopyTo(c.t.Context(), &out, "COPY ("+query+") TO STDOUT"); err != nil {
		c.t.Fatalf("%s: %v", query, err)
	}
	return out.Bytes()
}

// find looks for canaries, in text and in the hexadecimal digits of bytea, and
// wants so many of them to be somewhere.
func (c *cage) find(dump map[string][]byte, when string, canaries []string, want int) {
	c.t.Helper()
	found := 0
	for _, canary := range canaries {
		where := ""
		for table, rows := range dump {
			if bytes.Contains(rows, []byte(canary)) || bytes.Contains(rows, []byte(hex.EncodeToString([]byte(canary)))) {
				where = table
			}
		}
		if where != "" {
			found++
		}
		if where != "" && want == 0 && found <= 10 {
			c.t.Errorf("%s a canary is in %s", when, where)
		}
	}
	if found != want {
		c.t.Errorf("%s %d of %d canaries are there, want %d", when, found, len(canaries), want)
	}
}

// accounts is all that is billed.
func (c *cage) accounts() string {
	c.t.Helper()
	var sums string
	err := c.conn.QueryRow(c.t.Context(), `SELECT concat_ws(' ',
		(SELECT sum(total_cost) FROM public.http_analytics), (SELECT sum(amount) FROM public.credits_transactions))`).Scan(&sums)
	if err != nil || len(strings.Fields(sums)) != 2 {
		c.t.Fatalf("the sums are %q: %v", sums, err)
	}
	return sums + string(c.copy("SELECT * FROM public.http_analytics ORDER BY id")) +
		string(c.copy("SELECT * FROM public.credits_transactions ORDER BY seq"))
}

var majorVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// pgDump is one that can read this server, if there is any.
func (c *cage) pgDump() string {
	c.t.Helper()
	var server int
	if err := c.conn.QueryRow(c.t.Context(), "SELECT current_setting('server_version_num')::int / 10000").Scan(&server); err != nil {
		c.t.Fatal(err)
	}
	candidates, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if err != nil {
		c.t.Fatal(err)
	}
	if path, err := exec.LookPath("pg_dump"); err == nil {
		candidates = append(candidates, path)
	}
	for _, path := range candidates {
		out, err := exec.CommandContext(c.t.Context(), path, "--version").Output()
		if match := majorVersion.FindSubmatch(out); err == nil && match != nil {
			if major, _ := strconv.Atoi(string(match[1])); major >= server {
				return path
			}
		}
	}
	return ""
}
