package importfile_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/importfile"
	"lethe/domain"
)

// read reads a file to its end, or to its error.
func read(t *testing.T, text string, format importfile.Format, prompts *importfile.Prompts) (all []domain.ImportedResponse, err error) {
	t.Helper()
	r, err := importfile.Open(strings.NewReader(text), format, prompts)
	if err != nil {
		return nil, err
	}
	for {
		next, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, next)
	}
}

// wantError reads a file that is broken after some responses.
func wantError(t *testing.T, text, message string, before int) {
	t.Helper()
	all, err := read(t, text, importfile.Auto, nil)
	if err == nil || err.Error() != message || len(all) != before {
		t.Errorf("%.60q: want %q after %d responses, got %v after %d", text, message, before, err, len(all))
	}
}

// answer is an export as the service sends it: parts of responses, each with its mark.
func answer(parts ...string) string {
	var b strings.Builder
	rows := 0
	for i, part := range parts {
		b.WriteString(part)
		rows += strings.Count(part, "\n")
		sum := sha256.Sum256([]byte(b.String()))
		fmt.Fprintf(&b, `{"has_more":%t,"next_cursor":null,"rows":%d,"sha256":"%s"}`+"\n", i < len(parts)-1, rows, hex.EncodeToString(sum[:]))
	}
	return b.String()
}

// line is a response of an export without contents.
func line(n int) string {
	return fmt.Sprintf(`{"batch_id":null,"completed_at":"2026-03-01T12:00:02.5Z","completion_tokens":5,"created_at":"2026-03-01T12:00:00.0005Z","created_by_email":"ada@example.com","duration_ms":1234.567,"failed_at":null,`+
		`"id":"00000000-0000-4000-8000-%012d","model":"m","prompt_tokens":10,"reasoning_tokens":0,"response_status":200,"service_tier":"flex","status":"completed","total_cost":1e-7,"total_tokens":15}`, n) + "\n"
}

func TestExport(t *testing.T) {
	t.Parallel()
	all, err := read(t, answer(line(1)+line(2), line(3), ""), importfile.Auto, nil)
	if err != nil || len(all) != 3 {
		t.Fatalf("got %d, %v", len(all), err)
	}
	for i, proven := range []bool{true, false, true} {
		if all[i].Proven != proven {
			t.Errorf("response %d: want proven %t", i, proven)
		}
	}
	r := all[2]
	if r.Place != "line 4" || !r.Partial || r.ID != uuid.MustParse("00000000-0000-4000-8000-000000000003") || r.Owner != "" || *r.OwnerEmail != "ada@example.com" ||
		r.Answer != nil || *r.Tier != "flex" || *r.Usage.Cost != "0.0000001" || *r.Usage.TotalTokens != 15 ||
		!r.StartedAt.Equal(time.Date(2026, 3, 1, 12, 0, 1, 265433000, time.UTC)) || r.Response.Duration().Microseconds() != 1234567 {
		t.Errorf("got %+v", r)
	}

	detail := strings.TrimSuffix(line(1), "}\n") + `,"created_by":"robot","error":null,"body":"{\"messages\":[]}","response_body":"{}","withheld":[]}` + "\n"
	if all, err = read(t, answer(detail), importfile.Lethe, nil); err != nil || all[0].Partial || all[0].Owner != "robot" || *all[0].Answer != "{}" || all[0].Path != "/v1/chat/completions" {
		t.Errorf("got %+v, %v", all, err)
	}
	// Times that an export cannot express.
	unsayable := strings.NewReplacer(`"2026-03-01T12:00:02.5Z"`, "null", `"2026-03-01T12:00:00.0005Z"`, "null").Replace(line(1))
	if all, err = read(t, answer(unsayable), importfile.Auto, nil); err != nil || !all[0].CreatedAt.Equal(domain.InfiniteFuture) || !all[0].CompletedAt.Equal(domain.InfiniteFuture) {
		t.Errorf("got %+v, %v", all, err)
	}
}

// TestMarks: one that was resumed is answers one after the other, of which the first
// were cut after a mark.
func TestMarks(t *testing.T) {
	t.Parallel()
	cut := func(text string) string { // without its last mark
		return text[:strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n")+1]
	}
	whole := answer(line(1)+line(2), line(3))
	first := cut(cut(whole))
	for name, text := range map[string]string{
		"resumed":       first + answer(line(3), line(4)),
		"resumed twice": first + cut(answer(line(3), "")) + answer(line(4)),
		"two":           whole + answer(line(5)),
		"none":          answer(""),
	} {
		if _, err := read(t, text, importfile.Auto, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const missing = `the file ends without the export's last mark, {"has_more":false,…}: it was cut, or is no whole export; resume the export, or export again`
	wantError(t, cut(whole), "line 5: "+missing, 3)
	wantError(t, first, "line 4: "+missing, 2)
	wantError(t, line(1), "line 2: "+missing, 1)
	wantError(t, strings.Replace(whole, line(2), "", 1), "line 2: the mark counts 2 responses, but there are 1 before it: lines were added or are missing", 1)
	wantError(t, strings.Replace(whole, `"model":"m"`, `"model":"n"`, 1), "line 3: the mark's hash is of other text than there is before it: the file was changed or damaged", 2)
	wantError(t, whole+line(4), "line 7: "+missing, 4)
}

// response is one of OpenAI's.
const response = `{
  "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
  "object": "response",
  "created_at": 1741476542,
  "status": "completed",
  "error": null,
  "instructions": "Be brief.",
  "model": "gpt-4.1-2025-04-14",
  "output": [{"type": "message", "content": [{"type": "output_text", "text": "<In a grove.>"}]}],
  "service_tier": "default",
  "usage": {"input_tokens": 36, "output_tokens": 87, "output_tokens_details": {"reasoning_tokens": 5}, "total_tokens": 123}
}
`

func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "") + "\n" }

func TestStored(t *testing.T) {
	t.Parallel()
	const items = `{"object":"list","data":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Where?"}]}],"has_more":false}`
	for name, c := range map[string]struct {
		text, place string
		prompt      string
	}{
		"pretty":  {response, "response 1", ""},
		"line":    {oneLine(response), "line 1", ""},
		"array":   {"[" + response + "]", "response 1", ""},
		"list":    {`{"object":"list","data":[` + response + `],"has_more":false}`, "response 1", ""},
		"items":   {`{"response":` + oneLine(response) + `,"input_items":` + items + "}", "response 1", `{"model":"gpt-4.1-2025-04-14","instructions":"Be brief.","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Where?"}]}],"service_tier":"default"}`},
		"without": {strings.Replace(oneLine(response), "{", `{"input_items":[],`, 1), "line 1", `{"model":"gpt-4.1-2025-04-14","instructions":"Be brief.","input":[],"service_tier":"default"}`},
	} {
		all, err := read(t, c.text, importfile.Auto, nil)
		if err != nil || len(all) != 1 {
			t.Errorf("%s: got %d, %v", name, len(all), err)
			continue
		}
		r := all[0]
		if r.Place != c.place || r.Prompt != c.prompt || !r.Proven || r.State != "completed" || *r.HTTPStatus != 200 || *r.Tier != "default" ||
			!r.CreatedAt.Equal(time.Unix(1741476542, 0)) || *r.Usage.PromptTokens != 36 || *r.Usage.ReasoningTokens != 5 ||
			!strings.Contains(*r.Answer, `"text":"<In a grove.>"`) || strings.Contains(*r.Answer, "input_items") {
			t.Errorf("%s: got %+v %s", name, r, *r.Answer)
		}
		if r.ID != uuid.MustParse("fdf85e02-8a6e-557f-8295-86175ab9da65") {
			t.Errorf("%s: got the identifier %s", name, r.ID)
		}
	}
	all, err := read(t, strings.ReplaceAll(response, "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b", "resp_c0000400-0000-4000-8000-00000000005a")+response, importfile.Auto, nil)
	if err != nil || len(all) != 2 || all[0].ID != uuid.MustParse("c0000400-0000-4000-8000-00000000005a") || all[1].Place != "response 2" {
		t.Errorf("got %+v, %v", all, err)
	}
	for status, state := range map[string]string{
		"incomplete": "completed", "failed": "failed", "cancelled": "canceled", "queued": "pending", "in_progress": "processing",
	} {
		all, err := read(t, strings.Replace(oneLine(response), "completed", status, 1), importfile.Auto, nil)
		if err != nil || all[0].State != state || all[0].Check() != nil && all[0].Owner != "" {
			t.Errorf("%s: got %+v, %v", status, all, err)
		}
	}
}

func TestStoredBroken(t *testing.T) {
	t.Parallel()
	wantError(t, oneLine(response)+`{"id":"resp_secret"`+"\n", "line 2: it is not valid JSON at byte 20", 1)
	wantError(t, oneLine(response)+"[]\n", "line 2: it is not a JSON object", 1)
	wantError(t, strings.Replace(oneLine(response), `"gpt-4.1-2025-04-14"`, "17", 1), "line 1: the field model has a value of the wrong type", 0)
	wantError(t, strings.Replace(oneLine(response), "1741476542", "1e300", 1), "line 1: a time is out of range", 0)
	wantError(t, strings.Replace(oneLine(response), `"created_at"`, `"created"`, 1), "line 1: it has no created_at", 0)
	wantError(t, strings.Replace(oneLine(response), "completed", "pondering", 1), "line 1: its status is unknown", 0)
	wantError(t, oneLine(response)+strings.Replace(oneLine(response), `"response"`, `"thread"`, 1), `line 2: its object is not "response"`, 1)
	wantError(t, oneLine(response)+strings.Replace(oneLine(response), `"id"`, `"it"`, 1), "line 2: it has no id", 1)
	wantError(t, "[\n"+response+",\n"+response, "response 3: the file ends in the middle: it was cut", 2)
	wantError(t, "[\n"+response+response+"]", "response 2: it is not valid JSON at byte 480 of the file", 1)
	wantError(t, response+response[:99], "response 2: the file ends in the middle: it was cut", 1)
	wantError(t, "["+response+"] {}", "response 2: something follows the end of the document", 1)
	wantError(t, `{"object":"list","data":{}}`, "response 1: the list has no array named data", 0)
	wantError(t, `{"object":"list"}`, "response 1: the list has no array named data", 0)
	wantError(t, " \n", "the file is empty", 0)
	wantError(t, "id,model\n", "cannot tell its format: give --format lethe, openai or batch", 0)
	wantError(t, `{"id":"x"}`, "cannot tell its format: give --format lethe, openai or batch", 0)
}

const (
	output = `{"id":"batch_req_1","custom_id":"a","response":{"status_code":200,"request_id":"r","body":{"model":"m","created":1711652795,"usage":{"prompt_tokens":22,"completion_tokens":2,"total_tokens":24,"completion_tokens_details":{"reasoning_tokens":1}}}},"error":null}` + "\n"
	failed = `{"id":"batch_req_2","custom_id":"b","response":null,"error":{"code":"batch_expired","message":"Expired."}}` + "\n"
	inputA = `{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model": "m", "messages": []}}` + "\n"
	inputB = `{"custom_id":"b","method":"POST","url":"/v1/embeddings","body":{"model":"n","input":"words"}}` + "\n"
)

func promptsOf(t *testing.T, text string) (*importfile.Prompts, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := importfile.OpenPrompts(path)
	if err == nil {
		t.Cleanup(func() { _ = p.Close() })
	}
	return p, err
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	if _, err := io.WriteString(zip, text); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBatch(t *testing.T) {
	t.Parallel()
	if all, err := read(t, output, importfile.Auto, nil); err != nil || all[0].Model != "m" || all[0].Prompt != "" || *all[0].CustomID != "a" || *all[0].Usage.ReasoningTokens != 1 {
		t.Errorf("got %+v, %v", all, err)
	}
	wantError(t, output+failed, "line 2: it names no model: give the input file of the batch with --input", 1)
	wantError(t, output+`{"id":"x","custom_id":"c","response":null,"error":null}`, "line 2: it has neither response nor error", 1)
	wantError(t, output+`{"custom_id":"c","error":{}}`, "line 2: it has no id", 1)
	wantError(t, output+`{"id":"c","error":{}}`, "line 2: it has no custom_id", 1)
	for _, input := range []string{inputB + "\n" + inputA, packed(t, inputB+"\n"+inputA)} {
		prompts, err := promptsOf(t, input)
		if err != nil {
			t.Fatal(err)
		}
		all, err := read(t, output+failed, importfile.Batch, prompts)
		if err != nil || all[0].Prompt != `{"model":"m","messages":[]}` || all[0].Path != "/v1/chat/completions" || all[1].Model != "n" || all[1].State != "failed" || all[1].Path != "/v1/embeddings" {
			t.Errorf("got %+v, %v", all, err)
		}
		if _, err := read(t, strings.Replace(output, `"a"`, `"c"`, 1), importfile.Batch, prompts); err == nil || err.Error() != "line 1: the batch's input file has no line with its custom_id" {
			t.Errorf("got %v", err)
		}
		if _, err := read(t, response, importfile.Auto, prompts); err == nil || err.Error() != "its format is openai, but --input is for the output files of batches alone" {
			t.Errorf("got %v", err)
		}
	}
	for text, message := range map[string]string{
		inputA + inputA:                             "line 2: its custom_id is that of an earlier line",
		`{"body":{}}`:                               "line 1: it has no custom_id",
		inputA + `{"custom_id":"c"}`:                "line 2: it has no body",
		inputA + `{"custom_id":"c","body":"words"}`: "line 2: it is not a JSON object",
	} {
		if _, err := promptsOf(t, text); err == nil || err.Error() != message {
			t.Errorf("want %q, got %v", message, err)
		}
	}
}

func TestCompressed(t *testing.T) {
	t.Parallel()
	text := packed(t, oneLine(response)+oneLine(response))
	if all, err := read(t, text, importfile.Auto, nil); err != nil || len(all) != 2 {
		t.Errorf("got %d, %v", len(all), err)
	}
	for name, c := range map[string][2]string{
		"cut":     {text[:len(text)-20], "the file ends in the middle: it was cut"},
		"damaged": {text[:len(text)-8] + "12345678", "the file is compressed, and damaged"},
	} {
		if _, err := read(t, c[0], importfile.Auto, nil); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: want %q, got %v", name, c[1], err)
		}
	}
}

// endless is a line, or a document, without an end.
type endless struct{ begin string }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.begin)
	e.begin = e.begin[n:]
	for i := n; i < len(p); i++ {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestTooLong(t *testing.T) { // not parallel: it changes a limit
	defer importfile.SetMaxResponse(1 << 20)()
	for begin, message := range map[string]string{
		`{"object":"response","id":"`:       "line 1: it is longer than 1 MiB",
		"[" + `{"object":"response","id":"`: "response 1: it is longer than 1 MiB",
	} {
		r, err := importfile.Open(&endless{begin}, importfile.Auto, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Next(); err == nil || err.Error() != message {
			t.Errorf("want %q, got %v", message, err)
		}
	}
}

// repeated is a text many times.
type repeated struct {
	text  string
	times int
	at    strings.Reader
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.at.Len() == 0 {
		if r.times--; r.times < 0 {
			return 0, io.EOF
		}
		r.at.Reset(r.text)
	}
	return r.at.Read(p)
}

// TestMemory: a file of any length takes the memory of a short one.
func TestMemory(t *testing.T) { // not parallel: it measures memory
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	r, err := importfile.Open(&repeated{text: oneLine(response), times: 50_000}, importfile.Auto, nil)
	if err != nil {
		t.Fatal(err)
	}
	before, n := inUse(), 0
	for ; ; n++ {
		if _, err := r.Next(); err != nil {
			break
		}
		if n == 49_000 {
			if after := inUse(); after > before+1<<20 {
				t.Errorf("want the same memory, got %d bytes more", after-before)
			}
		}
	}
	if n != 50_000 {
		t.Errorf("want 50,000 responses, got %d", n)
	}
}
