package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// exchange is one request to a model and its answer, if any.
type exchange struct {
	file      *uuid.UUID // that the prompt came from
	owner     string
	model     model
	tier      *string
	path      string
	body      string
	state     string
	status    int
	answer    string
	err       string
	created   time.Time
	waited    time.Duration // in the queue
	took      time.Duration
	promptTok int64
	answerTok int64
	thoughts  int64
}

func tokens(text string) int64 { return int64(utf8.RuneCountInString(text))/4 + 9 }

// exchange adds a response with a random outcome.
func (g *generator) exchange(owner string, at time.Time, system, prompt, answer string) {
	e := exchange{owner: owner, model: g.model(), tier: g.tier(), created: at, state: "completed", status: 200}
	g.time(&e, answer)
	chat := g.rand.IntN(5) < 2
	e.body = requestBody(&e, chat, system, prompt)
	e.promptTok = tokens(system) + tokens(prompt)
	switch n := g.rand.IntN(1000); {
	case n < 60:
		f := pick(g, failures)
		e.state, e.status, e.err, e.answerTok = "failed", f.status, f.err, 0
		if f.status == 0 {
			e.promptTok = 0
		}
	case n < 85:
		e.state = "canceled"
	case n < 100: // the gateway stored the model's refusal as an answer
		e.status = 429
		e.answer = `{"error":{"message":"Rate limit reached for this organization. Try again in 20 s.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}`
		e.promptTok, e.answerTok = 0, 0
	default:
		e.answer = answerBody(&e, g.id(), chat, message(answer))
	}
	g.insert(&e)
}

// time sets the durations and the token counts of the answer.
func (g *generator) time(e *exchange, answer string) {
	e.answerTok = tokens(answer)
	if e.model.reasons {
		e.thoughts = 40 + g.rand.Int64N(900)
		e.answerTok += e.thoughts
	}
	e.waited = time.Duration(20+g.rand.IntN(400)) * time.Millisecond
	if e.tier != nil && *e.tier == "flex" {
		e.waited += time.Duration(g.rand.IntN(240)) * time.Second
	}
	seconds := 0.2 + float64(e.answerTok)/e.model.tokensASecond*(0.8+g.rand.Float64()*0.5)
	e.took = time.Duration(seconds * float64(time.Second)).Truncate(time.Microsecond)
}

// insert adds the request with its template, usage, copies and tasks.
func (g *generator) insert(e *exchange) uuid.UUID {
	id, template := g.id(), g.id()
	g.responses++
	g.templates.add(template, e.file, "http://gateway.internal:8000", "POST", e.path, e.body, e.model.name, "sk-internal", e.created, e.created, 0, len(e.body))

	var daemon *uuid.UUID
	var claimed, started, completed, failed, canceled *time.Time
	var answer, errText *string
	var status *int16
	last := e.created
	at := func(d time.Duration) *time.Time {
		t := e.created.Add(d)
		last = t
		return &t
	}
	if e.state != "pending" {
		daemon, claimed = &g.daemon, at(e.waited)
	}
	if e.state != "pending" && e.state != "claimed" {
		started = at(e.waited + 3*time.Millisecond)
	}
	switch e.state {
	case "completed":
		completed, answer = at(e.waited+e.took), &e.answer
	case "failed":
		failed, errText = at(e.waited+e.took), &e.err
	case "canceled":
		canceled = at(e.waited + e.took/3)
	}
	if e.status != 0 && e.state == "completed" {
		status = new(int16(e.status))
	}
	retries := 0
	if e.state == "failed" && strings.HasPrefix(e.err, `{"type":"RetriesExhausted"`) {
		retries = 3
	}
	g.requests.add(id, nil, template, e.state, daemon, claimed, started, completed, failed, canceled,
		status, answer, len(e.answer), errText, e.created, last, e.model.name, e.model.name, e.tier, e.owner, retries)

	age := g.now.Sub(e.created)
	if age < taskDays*24*time.Hour {
		g.addTask("create-response", e, last, map[string]any{"request_id": id, "body": e.body, "api_key": "sk-demo-not-a-key"})
		if e.state == "completed" {
			g.addTask("complete-response", e, last, map[string]any{"request_id": id, "request_body": e.body, "response_body": e.answer})
		}
	}
	if e.state == "completed" || e.state == "failed" && e.promptTok > 0 {
		g.addUsage(e, id, last, age)
	}
	return id
}

func (g *generator) addTask(queue string, e *exchange, done time.Time, input map[string]any) {
	state, completed := "succeeded", &done
	if e.state == "pending" {
		state, completed = "pending", nil
	}
	g.tasks.add(g.id(), queue, toJSON(map[string]any{"step_index": 0, "step_input": input, "job_id": g.id()}), state, e.created, done, completed)
}

func (g *generator) addUsage(e *exchange, id uuid.UUID, done time.Time, age time.Duration) {
	if g.rand.IntN(50) == 0 {
		return // as in reality, some usage is not recorded
	}
	var who *uuid.UUID
	if owner, err := uuid.Parse(e.owner); err == nil {
		who = &owner
	}
	g.correlation++
	ms := e.took.Milliseconds()
	g.usage.add(g.instance, g.correlation, done, "POST", "/ai"+e.path, e.model.name, e.status, ms,
		e.promptTok, e.answerTok, e.promptTok+e.answerTok, e.thoughts, who, "api_key", e.model.input, e.model.output, id)
	if age < rawDays*24*time.Hour {
		g.rawRequests.add(g.instance, g.correlation, e.created, "POST", "/ai"+e.path,
			`{"content-type":["application/json"],"authorization":["[redacted]"],"user-agent":["openai-python/1.109.1"]}`, e.body, true)
		body := &e.answer
		if e.answer == "" {
			body = nil
		}
		g.rawResponses.add(g.instance, g.correlation, done, e.status, `{"content-type":["application/json"]}`, body, true, ms/4, ms)
	}
}

// requestBody returns the body that a caller sent, and sets the path of e.
func requestBody(e *exchange, chat bool, system, prompt string) string {
	body := map[string]any{"model": e.model.name}
	if e.tier != nil {
		body["service_tier"] = *e.tier
	}
	if !chat {
		e.path = "/v1/responses"
		body["input"] = prompt
		if system != "" {
			body["instructions"] = system
		}
		return toJSON(body)
	}
	e.path = "/v1/chat/completions"
	messages := []any{map[string]any{"role": "user", "content": prompt}}
	if system != "" {
		messages = append([]any{map[string]any{"role": "system", "content": system}}, messages...)
	}
	body["messages"], body["temperature"] = messages, 0.7
	return toJSON(body)
}

// message returns a model's output as one message with this text.
func message(text string) []any {
	return []any{map[string]any{
		"type": "message", "role": "assistant", "status": "completed",
		"content": []any{map[string]any{"type": "output_text", "text": text, "annotations": []any{}}},
	}}
}

// answerBody returns the body that the model's server returned.
func answerBody(e *exchange, id uuid.UUID, chat bool, output []any) string {
	hex := strings.ReplaceAll(id.String(), "-", "")
	if !chat {
		return toJSON(map[string]any{
			"id": "resp_" + hex, "object": "response", "created_at": e.created.Unix(), "status": "completed", "model": e.model.name, "output": output,
			"usage": map[string]any{"input_tokens": e.promptTok, "output_tokens": e.answerTok, "total_tokens": e.promptTok + e.answerTok,
				"output_tokens_details": map[string]any{"reasoning_tokens": e.thoughts}},
		})
	}
	text := output[0].(map[string]any)["content"].([]any)[0].(map[string]any)["text"]
	return toJSON(map[string]any{
		"id": "chatcmpl-" + hex, "object": "chat.completion", "created": e.created.Unix(), "model": e.model.name,
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": text}}},
		"usage":   map[string]any{"prompt_tokens": e.promptTok, "completion_tokens": e.answerTok, "total_tokens": e.promptTok + e.answerTok},
	})
}

func toJSON(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // maps, lists, strings and numbers always encode
	}
	return strings.TrimSpace(b.String())
}
