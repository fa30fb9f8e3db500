package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/internal/pgtest"
	"lethe/receipt"
)

const (
	erasuresPath = "/lethe/api/v1/erasures"
	rulesPath    = "/lethe/api/v1/retention-rules"
)

// post sends JSON, and headers by their names and values.
func (p *process) post(path, key string, body any, headers ...string) (answer, error) {
	return p.postBy(client, path, key, body, headers...)
}

func (p *process) postBy(by *http.Client, path, key string, body any, headers ...string) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequest(http.MethodPost, p.url+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return sendBy(by, request)
}

// mustPost is post that has to be answered with this status.
func (p *process) mustPost(t *testing.T, status int, path, key string, body any, headers ...string) answer {
	t.Helper()
	a, err := p.post(path, key, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != status {
		t.Fatalf("POST %s: want %d, got %d %s", path, status, a.status, a.body)
	}
	return a
}

// erasure is what of an erasure's answer, or of a preview's, is looked at.
type erasure struct {
	ID        string
	State     string
	Token     string
	Responses int64
	Requests  int64 // of a preview
	Held      int64
	NotFound  int64 `json:"not_found"`
	Receipts  int64
}

// newRule makes a retention rule that is enabled, and returns its id.
func newRule(t *testing.T, p *process, rule map[string]any) (id string) {
	t.Helper()
	id = decode[struct{ ID string }](t, p.mustPost(t, http.StatusCreated, rulesPath, rootKey, rule).body).ID
	p.mustPost(t, http.StatusOK, rulesPath+"/"+id+"/dry-run", rootKey, map[string]any{})
	p.mustPost(t, http.StatusOK, rulesPath+"/"+id+"/enable", rootKey, map[string]any{"version": 1})
	return id
}

// eraseMany asks for an erasure, previewed where that is needed, and waits until
// it is finished.
func (p *process) eraseMany(t *testing.T, key string, body map[string]any) (e erasure) {
	t.Helper()
	asked := maps.Clone(body)
	if asked["responses"] == nil {
		delete(asked, "ground")
		delete(asked, "ticket")
		token := decode[erasure](t, p.mustPost(t, http.StatusOK, erasuresPath+"/preview", key, asked).body).Token
		asked = maps.Clone(body)
		asked["token"] = token
	}
	a, err := p.post(erasuresPath, key, asked)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusCreated && a.status != http.StatusAccepted {
		t.Fatalf("bulk erasure: want 201 or 202, got %d %s", a.status, a.body)
	}
	await(t, "the erasure is finished", time.Minute, func() bool {
		e = decode[erasure](t, p.ask(t, http.MethodGet, a.header.Get("Location"), key).body)
		return e.State != "pending" && e.State != "running"
	})
	if e.State != "finished" {
		t.Fatalf("bulk erasure: want it finished, got %+v", e)
	}
	return e
}

// addMany adds so many responses of an owner, with prompts and answers, every
// third of which is a chain of two; it returns one request of each.
func addMany(t *testing.T, conn *pgx.Conn, owner string, responses int) []uuid.UUID {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		WITH r AS (
			SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS second, gen_random_uuid() AS head FROM generate_series(1, $2) AS n
		), part AS (
			SELECT id, n FROM r UNION ALL SELECT second, n FROM r WHERE n % 3 = 0
		), templates AS (
			INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
			SELECT id, 'http://upstream.test', 'POST', '/v1/responses', 'words of people', 'm', 'key' FROM part
		), requests AS (
			INSERT INTO fusillade.requests (id, template_id, state, response_status, response_body, completed_at, created_at, model, created_by)
			SELECT id, id, 'completed', 200, 'words of a model', now(), now() - n * interval '1 s', 'm', $1 FROM part
		), steps AS (
			INSERT INTO fusillade.response_steps (id, request_id, prev_step_id, parent_step_id, step_kind, step_sequence, request_payload, response_payload, state, started_at, completed_at)
			SELECT head, id, NULL::uuid, NULL::uuid, 'model_call', 0, '{}'::jsonb, '{}'::jsonb, 'completed', now(), now() FROM r WHERE n % 3 = 0
			UNION ALL SELECT gen_random_uuid(), second, head, head, 'model_call', 1, '{}', '{}', 'completed', now(), now() FROM r WHERE n % 3 = 0
		)
		SELECT id FROM r ORDER BY n`, owner, responses)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(ids) != responses {
		t.Fatalf("added %d responses: %v", len(ids), err)
	}
	return ids
}

// watchToTheEnd reads the events of an erasure until they end, and returns what
// the progress was in each.
func (p *process) watchToTheEnd(t *testing.T, location, key string) (seen []erasure) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+location+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if kind := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("events: want 200 text/event-stream, got %d %s", response.StatusCode, kind)
	}
	event, ended := "", false
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mebibyte)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case ended && lines.Text() != "":
			t.Errorf("events: want nothing after the end, got %s", lines.Text())
		case name == "event":
			event = value
		case name == "data":
			seen = append(seen, decode[erasure](t, value))
			ended = event == "end"
		}
	}
	if lines.Err() != nil || !ended {
		t.Fatalf("events: want an end, got %v, %+v", lines.Err(), seen)
	}
	return seen
}

// TestEraseAPerson: it erases everything of one person: preview, erase, watch,
// download the proof, verify it away from the service, and check that no change to it
// goes unnoticed, in the file or in the database.
func TestEraseAPerson(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	conn := connect(t, database.URL)
	file, public := keyFile(t)
	settings := []string{databaseURL(database.RoleURL), "LETHE_ERASURE_KEY_FILE=" + file, "LETHE_ERASURE_RATE=400"}
	p := serve(t, settings...)
	const responses = 1600 // with a burst of 1,000 it takes more than a second
	person := uuid.NewString()
	ids := addMany(t, conn, person, responses)

	target := map[string]any{"owner": person}
	shown := decode[erasure](t, p.mustPost(t, http.StatusOK, erasuresPath+"/preview", rootKey, target).body)
	if shown.Responses != responses || shown.Requests != responses+responses/3 || shown.Held != 0 {
		t.Errorf("preview: want %d responses, none held, got %+v", responses, shown)
	}
	target["token"], target["ground"], target["ticket"] = shown.Token, "request", "PRIV-2026-17"
	begun := p.mustPost(t, http.StatusAccepted, erasuresPath, rootKey, target)
	location, salt := begun.header.Get("Location"), begun.header.Get("Receipt-Salt")
	late := addMany(t, conn, person, 1)[0] // is erased, too
	seen := p.watchToTheEnd(t, location, rootKey)
	for i, e := range seen[1:] {
		if e.Responses < seen[i].Responses {
			t.Errorf("progress: want %d responses or more, got %d", seen[i].Responses, e.Responses)
		}
	}
	last := seen[len(seen)-1]
	if last.State != "finished" || last.Responses != responses+1 || len(seen) < 3 {
		t.Errorf("events: want 3 or more, the last one finished with %d responses, got %d and %+v", responses+1, len(seen), last)
	}
	if n := scan[int](t, conn, "SELECT count(*) FROM fusillade.requests WHERE created_by = $1", person); n != 0 {
		t.Errorf("%d are left, want 0", n)
	}

	folder := t.TempDir()
	keys := filepath.Join(folder, "log.pub")
	write(t, keys, p.ask(t, http.MethodGet, "/log/keys", rootKey).body)
	type entry struct {
		Location  string
		Responses int64
	}
	list := decode[struct {
		Data []entry
		More bool `json:"has_more"`
	}](t, p.ask(t, http.MethodGet, location+"/receipts?limit=101", rootKey).body)
	if int64(len(list.Data)) != last.Receipts || list.More {
		t.Fatalf("listed receipts: want %d, got %d", last.Receipts, len(list.Data))
	}
	var files []string
	var told int64
	for i, one := range list.Data {
		told += one.Responses
		var proof answer
		await(t, "the receipt is sealed", startTimeout, func() bool {
			proof = p.ask(t, http.MethodGet, one.Location, rootKey)
			return proof.status == http.StatusOK
		})
		files = append(files, filepath.Join(folder, strconv.Itoa(i)+".receipt"))
		write(t, files[i], proof.body)
		out := must(t, noService, "verify", files[i], "--key", keys, "--salt", salt, "--owner", person)
		if !strings.Contains(out, "The salt fits: the owner given is among the 1 whose responses") {
			t.Errorf("verify: want the owner confirmed, got\n%s", out)
		}
	}
	if told != last.Responses {
		t.Errorf("the receipts are of %d responses, want %d", told, last.Responses)
	}
	for _, id := range []uuid.UUID{ids[0], ids[responses-1], late} {
		proven := 0
		for _, file := range files {
			switch r := run(t, "", noService, "verify", file, "--key", keys, "--salt", salt, "--response", id.String()); r.code {
			case 0:
				proven++
			case 1:
			default:
				t.Errorf("verify: want exit code 0 or 1, got %d %s%s", r.code, r.stdout, r.stderr)
			}
		}
		if proven != 1 {
			t.Errorf("receipts that prove the erasure of %s: want 1, got %d", id, proven)
		}
	}
	if r := run(t, "", noService, "verify", files[0], "--key", keys, "--salt", salt, "--owner", uuid.NewString()); r.code != 1 {
		t.Errorf("verify for another owner: want exit code 1, got %d %s", r.code, r.stdout)
	}

	proof, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := range proof {
		changed := bytes.Clone(proof)
		changed[at] ^= 1
		if at == len(proof)/2 {
			write(t, files[0], string(changed))
			if r := run(t, "", noService, "verify", files[0], "--key", keys); r.code != 1 || !strings.HasPrefix(r.stdout, "Not proven: ") {
				t.Errorf("verify with byte %d changed: want exit code 1 and Not proven, got %d %s", at, r.code, r.stdout)
			}
		}
		if _, err := receipt.Check(changed, []receipt.PublicKey{public}, receipt.Options{}); err == nil {
			t.Errorf("check with byte %d changed: want an error", at)
		}
	}

	// In the database.
	if out := must(t, settings, "doctor"); !strings.Contains(out, "as it was sealed: ") {
		t.Errorf("doctor: want the log as it was sealed, got\n%s", out)
	}
	const change = "UPDATE lethe.receipts SET body = set_byte(body, 300, get_byte(body, 300) # 1) WHERE leaf_index = 1"
	execute(t, conn, change)
	if r := run(t, "", settings, "doctor"); r.code == 0 || !strings.Contains(r.stdout, "leaf 1, was modified") {
		t.Errorf("doctor: want leaf 1 reported as changed, got %d\n%s", r.code, r.stdout)
	}
	target = map[string]any{"responses": []uuid.UUID{addMany(t, conn, person, 1)[0]}}
	again := decode[erasure](t, p.mustPost(t, http.StatusCreated, erasuresPath, rootKey, target).body)
	if again.Responses != 1 {
		t.Errorf("erasure with a changed log: want 1 response erased, got %+v", again)
	}
	await(t, "the sealer has found it", startTimeout, func() bool { return strings.Contains(p.stderr.String(), "leaf 1,") })
	if n := scan[int](t, conn, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL"); n != 1 {
		t.Errorf("%d receipts wait, want 1", n)
	}
	execute(t, conn, change)
	await(t, "it goes on when that is mended", startTimeout, func() bool {
		return scan[int](t, conn, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL") == 0
	})
}

// TestInvalidErasures: a request that is invalid, or not permitted to the caller, is
// refused with a reason and changes nothing.
func TestInvalidErasures(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	conn := connect(t, database.URL)
	settings := []string{databaseURL(database.RoleURL)}
	p := serve(t, settings...)
	const (
		userKey    = "sk-alice-platform" // may erase her own
		managerKey = "sk-pam-platform"   // may erase everyone's
	)
	owner, other := uuid.NewString(), uuid.NewString()
	ids := addMany(t, conn, owner, 9)
	addMany(t, conn, other, 1)
	ofOwner, ofOther := map[string]any{"owner": owner}, map[string]any{"owner": other}
	preview := func(key string, body map[string]any) (token string) {
		t.Helper()
		return decode[erasure](t, p.mustPost(t, http.StatusOK, erasuresPath+"/preview", key, body).body).Token
	}
	with := func(body map[string]any, name string, value any) map[string]any {
		body = maps.Clone(body)
		body[name] = value
		return body
	}
	token, foreign, expired := preview(rootKey, ofOwner), preview(managerKey, ofOwner), preview(rootKey, ofOther)
	execute(t, conn, "UPDATE lethe.previews SET expires_at = now() WHERE as_of = (SELECT max(as_of) FROM lethe.previews)")
	grown := preview(rootKey, map[string]any{"filter": map[string]any{"models": []string{"n"}}})
	execute(t, conn, "INSERT INTO fusillade.requests (id, state, model, created_by, created_at) VALUES (gen_random_uuid(), 'pending', 'n', 'x', now() - interval '1 h')")
	execute(t, conn, "INSERT INTO lethe.erasures (id, trigger, kind, target, as_of, max, ground, ticket, requested_at, requested_by, role, idempotency_key, request_sum, state, finished_at) "+
		"SELECT gen_random_uuid(), 'bulk', 'owner', '{}', now(), 0, 'request', '', now(), id, 'administrator', 'taken', '\\x00', 'finished', now() FROM public.users WHERE is_admin")
	many := make([]uuid.UUID, 10_000)
	for i := range many {
		many[i] = uuid.New()
	}
	rule := map[string]any{"name": "a rule", "age_days": 30, "run_at": []string{"01:30"}}

	state := func() string {
		t.Helper()
		var all bytes.Buffer
		for _, table := range []string{
			"fusillade.requests", "fusillade.request_templates", "fusillade.response_steps", "outlet.http_requests", "outlet.http_responses", "underway.task",
			"lethe.erasures", "lethe.erasure_receipts", "lethe.receipts", "lethe.tombstones", "lethe.retention_rules", "lethe.retention_versions", "lethe.river_job",
		} {
			if _, err := conn.PgConn().CopyTo(t.Context(), &all, "COPY (SELECT * FROM "+table+" x ORDER BY x::text) TO STDOUT"); err != nil {
				t.Fatal(err)
			}
		}
		return all.String()
	}
	before := state()
	// What is too large is not read. Who announces to close the connection has it
	// closed at once then, and may not see the answer.
	keepsAlive := &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	defer keepsAlive.CloseIdleConnections()
	for name, c := range map[string]struct {
		path, key string
		body      any
		headers   []string
		status    int
		detail    string
	}{
		"token/none":                {erasuresPath, rootKey, ofOwner, nil, 400, "token: required with owner or filter"},
		"token/invalid":             {erasuresPath, rootKey, with(ofOwner, "token", "made-up"), nil, 409, "does not belong to a preview of this request; nothing was erased"},
		"token/other caller":        {erasuresPath, rootKey, with(ofOwner, "token", foreign), nil, 409, "does not belong to a preview of this request; nothing was erased"},
		"token/other request":       {erasuresPath, rootKey, with(ofOther, "token", token), nil, 409, "does not belong to a preview of this request; nothing was erased"},
		"token/expired":             {erasuresPath, rootKey, with(ofOther, "token", expired), nil, 409, "has expired; nothing was erased"},
		"token/outdated":            {erasuresPath, rootKey, map[string]any{"filter": map[string]any{"models": []string{"n"}}, "token": grown}, nil, 409, "have changed since the preview, so nothing was erased"},
		"idempotency key/used":      {erasuresPath, rootKey, map[string]any{"responses": ids}, []string{"Idempotency-Key", "taken"}, 409, "This Idempotency-Key was used with a different request"},
		"idempotency key/too long":  {erasuresPath, rootKey, map[string]any{"responses": ids}, []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "Idempotency-Key"},
		"responses/10,000":          {erasuresPath, rootKey, map[string]any{"responses": many}, nil, 413, "must not exceed 65536 bytes"},
		"responses/1,001":           {erasuresPath, rootKey, map[string]any{"responses": many[:1001]}, nil, 400, "responses: must have 1 to 1000 entries"},
		"responses/empty":           {erasuresPath, rootKey, map[string]any{"responses": []string{}}, nil, 400, "responses: must have 1 to 1000 entries"},
		"responses/not a UUID":      {erasuresPath, rootKey, map[string]any{"responses": []string{"ada"}}, nil, 400, "responses"},
		"filter/empty":              {erasuresPath + "/preview", rootKey, map[string]any{"filter": map[string]any{}}, nil, 400, "filter: matches everything"},
		"filter/all and condition":  {erasuresPath + "/preview", rootKey, map[string]any{"filter": map[string]any{"all": true, "models": []string{"m"}}}, nil, 400, "filter.all: must be omitted"},
		"two targets":               {erasuresPath, rootKey, with(ofOwner, "responses", ids), nil, 400, "exactly one of responses, owner and filter"},
		"field/unknown":             {erasuresPath, rootKey, with(ofOwner, "colour", "red"), nil, 400, "colour"},
		"ground/unknown":            {erasuresPath, rootKey, map[string]any{"responses": ids, "ground": "retention"}, nil, 400, "ground: must be one of"},
		"owner/not permitted":       {erasuresPath + "/preview", userKey, ofOwner, nil, 400, "owner: must be you or your active organization"},
		"member/not permitted":      {erasuresPath + "/preview", userKey, map[string]any{"filter": map[string]any{"member_id": owner}}, nil, 400, "member_id"},
		"rule/unknown field":        {rulesPath, rootKey, with(rule, "colour", "red"), nil, 400, "colour"},
		"rule/unknown filter field": {rulesPath, rootKey, with(rule, "filter", map[string]any{"colour": "red"}), nil, 400, "colour"},
		"rule/no age":               {rulesPath, rootKey, map[string]any{"name": "a rule", "run_at": []string{"01:30"}}, nil, 400, "age_days"},
		"rule/not permitted":        {rulesPath, userKey, rule, nil, 403, "Insufficient permissions"},
		"rule/not found":            {rulesPath + "/" + uuid.NewString() + "/enable", rootKey, map[string]any{"version": 1}, nil, 404, "not found"},
		"cancel/not found":          {erasuresPath + "/" + uuid.NewString() + "/cancel", rootKey, nil, nil, 404, "not found"},
		"body/not JSON":             {erasuresPath, rootKey, "erase", nil, 400, ""},
	} {
		a, err := p.postBy(keepsAlive, c.path, c.key, c.body, c.headers...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		problem := decode[struct {
			Status int
			Detail string
		}](t, a.body)
		if a.status != c.status || problem.Status != c.status || a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(problem.Detail, c.detail) {
			t.Errorf("%s: want %d and %q, got %d %s", name, c.status, c.detail, a.status, a.body)
		}
	}

	// A key that cannot be used: the service does not start, and says nothing of it.
	private, _, err := receipt.GenerateKey("bad.test/log")
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.key")
	writeFile(t, damaged, private[:len(private)-6]+"\n")
	if r := run(t, "", append(settings, anyPort, "LETHE_ERASURE_KEY_FILE="+damaged), "serve"); r.code == 0 ||
		!strings.Contains(r.stderr, damaged) || !strings.Contains(r.stderr, "line 1 is no private key") || strings.Contains(r.stdout+r.stderr, private[:len(private)-6]) {
		t.Errorf("damaged key: want no start and no key in the output, got %d %s%s", r.code, r.stdout, r.stderr)
	}
	if state() != before {
		t.Error("refused requests: want the tables unchanged")
	}

	// What is not one's own is as what is not there.
	a := p.mustPost(t, http.StatusCreated, erasuresPath, userKey, map[string]any{"responses": []uuid.UUID{ids[0], many[0], ids[1]}})
	e := decode[struct {
		erasure
		Failures []struct {
			Response uuid.UUID
			Reason   string
		}
	}](t, a.body)
	if e.State != "finished" || e.Responses != 0 || e.NotFound != 3 || len(e.Failures) != 3 {
		t.Errorf("got %s", a.body)
	}
	for _, f := range e.Failures {
		if f.Reason != "not_found" {
			t.Errorf("got %s", a.body)
		}
	}
	if n := scan[int](t, conn, "SELECT count(*) FROM fusillade.requests WHERE created_by = $1", owner); n != 12 {
		t.Errorf("%d are left, want 12", n)
	}
	// The one that was previewed still can be erased.
	done := p.mustPost(t, http.StatusAccepted, erasuresPath, rootKey, with(ofOwner, "token", token))
	if seen := p.watchToTheEnd(t, done.header.Get("Location"), rootKey); seen[len(seen)-1].Responses != 9 {
		t.Errorf("got %+v", seen[len(seen)-1])
	}
}
