package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	total        = 5000
	longestChain = 4 // responses in a finished chain
	days         = 30
	rawDays      = 7 // how long the gateway keeps raw copies
	taskDays     = 3
	longest      = 25 * time.Minute // duration of a response with several steps
)

// generator generates the rows from one random source with a fixed seed.
type generator struct {
	rand   *rand.Rand
	now    time.Time
	secret func() string

	instance, daemon uuid.UUID
	correlation      int64
	responses        int

	users, roles, memberships, keys   table
	files, batches, templates         table
	requests, steps, usage            table
	rawRequests, rawResponses, queues table
	tasks                             table
}

func newGenerator(s Schemas, now time.Time, secret func() string) *generator {
	in := func(schema, name string, columns ...string) table {
		return table{name: pgx.Identifier{schema, name}, columns: columns}
	}
	g := &generator{
		rand: rand.New(rand.NewPCG(30, 5000)), now: now, secret: secret,

		users:       in("public", "users", "id", "username", "email", "display_name", "auth_source", "is_admin", "is_deleted", "user_type", "external_user_id", "created_at", "updated_at"),
		roles:       in("public", "user_roles", "user_id", "role"),
		memberships: in("public", "user_organizations", "user_id", "organization_id", "role", "status", "created_at"),
		keys:        in("public", "api_keys", "name", "secret", "user_id", "created_by", "purpose", "created_at"),
		usage: in("public", "http_analytics", "instance_id", "correlation_id", "timestamp", "method", "uri", "model", "status_code", "duration_ms",
			"prompt_tokens", "completion_tokens", "total_tokens", "reasoning_tokens", "user_id", "access_source",
			"input_price_per_token", "output_price_per_token", "fusillade_request_id"),

		files:     in(s.Fusillade, "files", "id", "name", "status", "purpose", "uploaded_by", "created_at", "updated_at", "size_bytes", "size_finalized", "deleted_at"),
		batches:   in(s.Fusillade, "batches", "id", "file_id", "created_by", "created_at", "expires_at", "total_requests"),
		templates: in(s.Fusillade, "request_templates", "id", "file_id", "endpoint", "method", "path", "body", "model", "api_key", "created_at", "updated_at", "line_number", "body_byte_size"),
		requests: in(s.Fusillade, "requests", "id", "batch_id", "template_id", "state", "daemon_id", "claimed_at", "started_at", "completed_at", "failed_at", "canceled_at",
			"response_status", "response_body", "response_size", "error", "created_at", "updated_at", "model", "routed_model", "service_tier", "created_by", "retry_attempt"),
		steps: in(s.Fusillade, "response_steps", "id", "request_id", "prev_step_id", "parent_step_id", "step_kind", "step_sequence", "request_payload", "response_payload",
			"state", "started_at", "completed_at", "failed_at", "error", "created_at", "updated_at"),

		rawRequests:  in(s.Outlet, "http_requests", "instance_id", "correlation_id", "timestamp", "method", "uri", "headers", "body", "body_parsed"),
		rawResponses: in(s.Outlet, "http_responses", "instance_id", "correlation_id", "timestamp", "status_code", "headers", "body", "body_parsed", "duration_to_first_byte_ms", "duration_ms"),

		queues: in("underway", "task_queue", "name"),
		tasks:  in("underway", "task", "id", "task_queue_name", "input", "state", "created_at", "updated_at", "completed_at"),
	}
	g.instance, g.daemon = g.id(), g.id()
	return g
}

// tables returns the tables with their rows, referenced tables first.
func (g *generator) tables() []*table {
	return []*table{
		&g.users, &g.roles, &g.memberships, &g.keys,
		&g.files, &g.batches, &g.templates, &g.requests, &g.steps, &g.usage,
		&g.rawRequests, &g.rawResponses, &g.queues, &g.tasks,
	}
}

func (g *generator) generate() {
	g.makePeople()
	g.queues.add("create-response")
	g.queues.add("complete-response")
	g.makeActive()
	g.makeLarge()
	g.makeFromDeletedFile()
	for g.responses < total {
		at := g.moment()
		if g.rand.IntN(100) < 4 && total-g.responses >= longestChain {
			g.makeChain(g.owner(), at, 1+g.rand.IntN(3), "completed")
			continue
		}
		g.makeSingle(g.owner(), at)
	}
	g.makeBatches()
}

func (g *generator) makePeople() {
	joined := g.now.AddDate(0, -5, 0)
	insert := func(p person, kind string) {
		joined = joined.Add(53 * time.Hour)
		g.users.add(p.id(), p.login, p.login+mailDomain, p.name, "proxy-header", p.admin, p.deleted, kind, "demo|"+p.login, joined, joined)
		for _, role := range p.roles {
			g.roles.add(p.id(), role)
		}
	}
	for _, p := range people {
		insert(p, "individual")
		g.keys.add(keyName, g.secret(), p.id(), p.id(), "platform", joined)
		g.keys.add("gateway", g.secret(), p.id(), p.id(), "realtime", joined)
	}
	for _, o := range organizations {
		insert(o, "organization")
	}
	for _, m := range memberships {
		g.memberships.add(idOf(m.member), idOf(m.organization), m.role, m.status, joined)
		if m.role == "owner" {
			g.keys.add("reporting", g.secret(), idOf(m.organization), idOf(m.member), "platform", joined)
		}
	}
}

func (g *generator) id() uuid.UUID {
	var id uuid.UUID
	for i := 0; i < len(id); i += 8 {
		v := g.rand.Uint64()
		for j := range 8 {
			id[i+j] = byte(v >> (8 * j))
		}
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func pick[T any](g *generator, list []T) T { return list[g.rand.IntN(len(list))] }

// words fills in the placeholders of a topic.
func (g *generator) words(t topic) *strings.Replacer {
	return strings.NewReplacer("{a}", pick(g, t.a), "{b}", pick(g, t.b))
}

func weighted[T any](g *generator, list []T, weight func(T) int) T {
	sum := 0
	for _, v := range list {
		sum += weight(v)
	}
	n := g.rand.IntN(sum)
	for _, v := range list {
		if n -= weight(v); n < 0 {
			return v
		}
	}
	panic("unreachable: weights changed meanwhile")
}

func (g *generator) owner() string {
	if g.rand.IntN(200) == 0 {
		return "playground" // an owner is not always a person
	}
	return weighted(g, slices.Concat(people, organizations), func(p person) int { return p.weight }).id().String()
}

func (g *generator) model() model {
	return weighted(g, models, func(m model) int { return m.weight })
}

func (g *generator) tier() *string {
	switch n := g.rand.IntN(10); {
	case n < 4:
		return new("default")
	case n < 6:
		return new("auto")
	case n < 8:
		return new("flex")
	case n < 9:
		return new("priority")
	}
	return nil
}

// moment returns a time in the last 30 days, usually in office hours on a weekday, and
// never so late that the answer would be in the future.
func (g *generator) moment() time.Time {
	for {
		at := g.now.Add(-longest - time.Duration(g.rand.Int64N(int64(days*24*time.Hour-longest)))).Truncate(time.Microsecond)
		chance := 12
		if h := at.Hour(); h >= 7 && h < 19 {
			chance = 100
		}
		if d := at.Weekday(); d == time.Saturday || d == time.Sunday {
			chance /= 4
		}
		if g.rand.IntN(100) < chance {
			return at
		}
	}
}

func (g *generator) makeSingle(owner string, at time.Time) {
	t := pick(g, topics)
	words := g.words(t)
	g.exchange(owner, at, t.system, words.Replace(t.prompt), words.Replace(t.answer))
}

// makeChain adds a response with several steps: the model calls a tool as many times
// as rounds says, then answers. last is the state of its last request.
func (g *generator) makeChain(owner string, at time.Time, rounds int, last string) {
	t := pick(g, toolTopics)
	words := strings.NewReplacer("{a}", pick(g, t.a))
	prompt, arguments, result := words.Replace(t.prompt), words.Replace(t.arguments), words.Replace(t.result)
	m, tier := g.model(), g.tier()
	history := []any{map[string]any{"role": "user", "content": prompt}}
	tools := []any{map[string]any{"type": "function", "name": t.tool, "parameters": map[string]any{"type": "object"}}}

	var head, prev *uuid.UUID
	seq := 0
	step := func(request *uuid.UUID, kind string, payload, answer any, state string, from time.Time, took time.Duration) {
		id := g.id()
		var response, started, completed any
		if state != "pending" {
			started = from
		}
		if state == "completed" {
			response, completed = answer, from.Add(took)
		}
		g.steps.add(id, request, prev, head, kind, seq, payload, response, state, started, completed, nil, nil, from, from.Add(took))
		if head == nil {
			head = &id
		}
		prev = &id
		seq++
	}
	for round := range rounds + 1 {
		e := exchange{owner: owner, model: m, tier: tier, created: at, state: "completed", status: 200, path: "/v1/responses"}
		final := round == rounds
		answer := words.Replace(t.answer)
		call := fmt.Sprintf("call_%s", strings.ReplaceAll(g.id().String(), "-", "")[:20])
		items := []any{map[string]any{"type": "function_call", "call_id": call, "name": t.tool, "arguments": arguments, "status": "completed"}}
		if final {
			items, e.state = message(answer), last
		}
		g.time(&e, answer)
		if last != "completed" {
			e.waited, e.took = 2*time.Second, 3*time.Second // it began only seconds ago
		}
		e.body = toJSON(map[string]any{"model": m.name, "input": history, "tools": tools})
		e.promptTok = tokens(e.body)
		if e.state == "completed" {
			e.answer = answerBody(&e, g.id(), false, items)
		}
		id := g.insert(&e)
		from := at.Add(e.waited)
		step(&id, "model_call", e.body, e.answer, e.state, from, e.took)
		if final {
			return
		}
		from = from.Add(e.took)
		took := time.Duration(50+g.rand.IntN(700)) * time.Millisecond
		step(nil, "tool_call", toJSON(map[string]any{"name": t.tool, "call_id": call, "arguments": arguments}), result, "completed", from, took)
		history = append(history, items[0], map[string]any{"type": "function_call_output", "call_id": call, "output": result})
		at = from.Add(took)
	}
}

// makeActive adds responses that are in progress.
func (g *generator) makeActive() {
	for i, state := range []string{
		"processing", "processing", "processing", "claimed", "claimed", "claimed",
		"pending", "pending", "pending", "pending", "pending", "pending",
	} {
		t := pick(g, topics)
		words := g.words(t)
		owner := pick(g, people[:9]).id().String()
		if i%6 == 0 {
			owner = user.id().String()
		}
		e := exchange{owner: owner, model: g.model(), tier: g.tier(), state: state,
			created: g.now.Add(-time.Duration(20+i*11) * time.Second), waited: 4 * time.Second}
		e.body = requestBody(&e, false, t.system, words.Replace(t.prompt))
		g.insert(&e)
	}
	g.makeChain(user.id().String(), g.now.Add(-40*time.Second), 1, "processing")
}

// makeLarge adds prompts and answers of about a megabyte.
func (g *generator) makeLarge() {
	lines := func(size int) string {
		var b strings.Builder
		at := g.now.AddDate(0, 0, -3).Truncate(time.Second)
		for i := 0; b.Len() < size; i++ {
			at = at.Add(time.Duration(1+g.rand.IntN(4000)) * time.Millisecond)
			fmt.Fprintf(&b, "%s %-5s shop-%d order=%d took=%dms\n", at.Format("2006-01-02T15:04:05.000Z"),
				pick(g, []string{"INFO", "INFO", "INFO", "WARN", "ERROR"}), 1+g.rand.IntN(6), 400000+i, g.rand.IntN(900))
		}
		return b.String()
	}
	add := func(owner person, age time.Duration, prompt, answer string) {
		e := exchange{owner: owner.id().String(), model: models[0], tier: new("flex"), created: g.now.Add(-age), state: "completed", status: 200}
		g.time(&e, answer)
		e.body = requestBody(&e, false, "", prompt)
		e.promptTok = tokens(prompt)
		e.answer = answerBody(&e, g.id(), false, message(answer))
		g.insert(&e)
	}
	const megabyte = 1 << 20
	add(user, 26*time.Hour, "Which service fails most often in this log?\n"+lines(megabyte), "shop-3: it has the most ERROR lines, and they come in bursts of a few seconds.")
	add(manager, 75*time.Hour, "Write out the log of a shop with six services for one afternoon.", lines(megabyte))
	add(people[3], 11*24*time.Hour, "このログを要約してください。\n"+lines(megabyte/2), "全体として安定していますが、午後に shop-5 の応答が遅くなっています。")
}

// makeFromDeletedFile adds responses whose prompts came from a file that was deleted
// since, so the prompts are withheld.
func (g *generator) makeFromDeletedFile() {
	at := g.now.AddDate(0, 0, -12)
	file := g.id()
	g.files.add(file, "questions.jsonl", "deleted", "batch", manager.id().String(), at, at, 4096, true, at.AddDate(0, 0, 2))
	for i := range 4 {
		e := exchange{file: &file, owner: manager.id().String(), model: models[2], tier: new("flex"), created: at.Add(time.Duration(i) * time.Minute), state: "completed", status: 200}
		g.time(&e, topics[0].answer)
		e.body = requestBody(&e, false, "", topics[0].prompt)
		e.promptTok = tokens(e.body)
		e.answer = answerBody(&e, g.id(), false, message("Done: one label for each line of the file."))
		g.insert(&e)
	}
}

// makeBatches adds rows of batches, which are not responses.
func (g *generator) makeBatches() {
	for n, size := range []int{80, 60} {
		at := g.now.AddDate(0, 0, -4*(n+1))
		file, batch := g.id(), g.id()
		g.files.add(file, fmt.Sprintf("nightly-%d.jsonl", n+1), "processed", "batch", people[4].id().String(), at, at, size*220, true, nil)
		g.batches.add(batch, file, people[4].id().String(), at, at.Add(24*time.Hour), size)
		for line := range size {
			e := exchange{model: models[4], created: at, path: "/v1/chat/completions"}
			t := topics[15]
			body := requestBody(&e, true, t.system, g.words(t).Replace(t.prompt))
			answer := answerBody(&e, g.id(), true, message(t.answer))
			template, done := g.id(), at.Add(time.Duration(line+1)*time.Second)
			g.templates.add(template, file, "http://gateway.internal:8000", "POST", e.path, body, e.model.name, "sk-internal", at, at, line+1, len(body))
			g.requests.add(g.id(), batch, template, "completed", g.daemon, at, at, done, nil, nil,
				200, answer, len(answer), nil, at, done, e.model.name, e.model.name, nil, nil, 0)
		}
	}
}
