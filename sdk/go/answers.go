package lethe

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// errorLimit is how much of an error answer is kept, in bytes.
const errorLimit = 64 << 10

// The successes that the contract documents, extracted by internal/sdkanswers.
//
//go:embed answers.gen.json
var documentedJSON []byte

// It is parsed with the first answer, since a program may import this package without
// using it.
var documented = sync.OnceValue(func() (table struct {
	Operations []operation
	Schemas    map[string]shape
}) {
	if err := json.Unmarshal(documentedJSON, &table); err != nil {
		panic(err) // generated with this package
	}
	return table
})

type operation struct {
	Method  string
	Keyed   bool // takes an Idempotency-Key
	Path    *regexp.Regexp
	Answers map[string]documentedAnswer
}

type documentedAnswer struct {
	Media   string
	Schema  *shape
	Headers map[string]shape
	Same    []string // the fields that repeat the path's parameters

	asked []string // the values of these parameters
}

// shape is what a client checks in a value.
type shape struct {
	Ref          string
	All          []shape
	Type, Format string
	Pattern      *regexp.Regexp // nil: any
	Nullable     bool
	Items        *shape
	Required     []string
	Properties   map[string]shape
}

// doer passes on only the answers that the contract documents as a success;
// everything else is an *Error.
type doer struct{ next HttpRequestDoer }

func (d doer) Do(request *http.Request) (*http.Response, error) {
	response, err := d.next.Do(request)
	if err != nil {
		return nil, noAnswer(err)
	}
	mediaType, charsetFault := mediaTypeOf(response.Header)
	expected, fault := expectedOf(request, response)
	if fault == "" {
		if expected.Media == "" {
			// The answer has no body that matters.
			_ = response.Body.Close()
			response.Body = http.NoBody
			switch fault = expected.headerFault(response.Header); {
			case fault != "":
			case response.StatusCode == http.StatusAccepted:
				fault = "the receipt is not sealed yet"
			case strings.HasSuffix(request.URL.Path, "/events") && request.Header.Get("Last-Event-ID") == "":
				fault = "204 means that the stream has ended, but no end was received"
			default:
				return response, nil
			}
		} else if fault = charsetFault; fault == "" && mediaType != expected.Media {
			fault = fmt.Sprintf("the answer is not %s but %q; is this the service's address?", expected.Media, mediaType)
		}
	}
	if fault != "" {
		return nil, failure(response, mediaType, fault, nil)
	}
	if mediaType == "text/event-stream" {
		response.Body = &eventsBody{body: response.Body, response: response, asked: expected.asked[0]}
		return response, nil
	}

	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		fault = "the answer was cut short: " + err.Error()
	} else if fault = expected.headerFault(response.Header); fault == "" && mediaType == "application/json" {
		var value any
		if value, fault = jsonValue(*expected.Schema, body); fault == "" {
			fault = expected.anotherFault(value)
		}
	} else if fault == "" && mediaType == "text/plain" && !utf8.Valid(body) {
		fault = "the answer is not UTF-8"
	} else if fault == "" && mediaType == "text/plain" && len(expected.Same) > 0 {
		fault = receiptFault(body, expected.asked[0], request.URL.Query().Get("reached"))
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if fault != "" {
		return nil, failure(response, mediaType, fault, err)
	}
	return response, nil
}

// expectedOf returns what the contract documents for an answer with this status, or
// why it documents nothing.
func expectedOf(request *http.Request, response *http.Response) (documentedAnswer, string) {
	// A client given in options can follow redirects anyway.
	if response.Request != nil && response.Request.URL.String() != request.URL.String() {
		return documentedAnswer{}, "the answer is from " + response.Request.URL.Redacted() + ", after a redirect"
	}
	if location := response.Header.Get("Location"); response.StatusCode >= 300 && response.StatusCode < 400 && location != "" {
		return documentedAnswer{}, fmt.Sprintf("a redirect to %q, which is not followed; use the service's own address", location)
	}
	o, asked := operationOf(request)
	if a, ok := o.Answers[strconv.Itoa(response.StatusCode)]; ok {
		a.asked = asked
		return a, ""
	}
	return documentedAnswer{}, fmt.Sprintf("%d is not a documented success of this call", response.StatusCode)
}

// operationOf returns the operation of a request, and the parameters of its path.
func operationOf(request *http.Request) (operation, []string) {
	for _, o := range documented().Operations {
		if path := o.Path.FindStringSubmatch(request.URL.Path); o.Method == request.Method && path != nil {
			return o, path[1:]
		}
	}
	return operation{}, nil
}

// mediaTypeOf returns the media type of an answer, and what is wrong with it.
func mediaTypeOf(header http.Header) (mediaType, fault string) {
	mediaType, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return mediaType, fmt.Sprintf("%q is not a media type", header.Get("Content-Type"))
	}
	switch charset := strings.ToLower(parameters["charset"]); charset {
	case "", "utf-8", "utf8", "us-ascii":
		return mediaType, ""
	default:
		return mediaType, fmt.Sprintf("the answer's charset is %q, not UTF-8", charset)
	}
}

func (a documentedAnswer) headerFault(header http.Header) string {
	for name, s := range a.Headers {
		values := header.Values(name)
		if len(values) != 1 || values[0] == "" {
			return "the answer has no " + name
		}
		if fault := s.fault(values[0], name); fault != "" {
			return fault
		}
	}
	return ""
}

// anotherFault says how JSON is about something other than what was requested, ""
// if it is not.
func (a documentedAnswer) anotherFault(value any) string {
	fields, _ := value.(map[string]any)
	for i, field := range a.Same {
		if fault := anotherFault(field, fmt.Sprint(fields[field]), a.asked[i]); fault != "" {
			return fault
		}
	}
	return ""
}

func anotherFault(field, told, asked string) string {
	if strings.EqualFold(told, asked) {
		return ""
	}
	return fmt.Sprintf("the answer is for something else: its %s is %s, not %s", field, told, asked)
}

// receiptFault does the same for a receipt file: it must be the receipt with this
// identifier, or the one that confirms a later level for it. Package receipt checks
// the receipt itself.
func receiptFault(file []byte, asked, reached string) string {
	var told struct{ ID, About, Level string }
	_, leaf, _ := bytes.Cut(file, []byte("\nextra "))
	leaf, _, _ = bytes.Cut(leaf, []byte("\n"))
	leaf, err := base64.StdEncoding.AppendDecode(nil, leaf)
	if err != nil || json.Unmarshal(leaf, &told) != nil || told.ID == "" {
		return "the answer is not a receipt"
	}
	if reached == "" {
		return anotherFault("id", told.ID, asked)
	}
	if fault := anotherFault("level", told.Level, reached); fault != "" {
		return fault
	}
	return anotherFault("erasure", told.About, asked)
}

// failure turns an answer into an error.
func failure(response *http.Response, mediaType, fault string, err error) *Error {
	defer response.Body.Close()
	e := &Error{RetryAfter: retryAfter(response.Header), Err: err}
	// After a protocol switch this would read the rest of the connection.
	if response.StatusCode >= http.StatusOK {
		// The unreadable rest is left out.
		e.Body, _ = io.ReadAll(io.LimitReader(response.Body, errorLimit))
	}
	if mediaType == "application/problem+json" && response.StatusCode >= http.StatusBadRequest &&
		jsonFault(shape{Ref: "Problem"}, e.Body) == "" && json.Unmarshal(e.Body, &e.Problem) == nil {
		e.Documented = true
	} else {
		e.Problem = Problem{Detail: fault, RequestId: response.Header.Get("X-Request-Id")}
	}
	e.Status = int32(response.StatusCode)
	if e.Title == "" {
		e.Title = http.StatusText(response.StatusCode)
	}
	return e
}

// retryAfter reads the header, which has seconds or a date.
func retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<31)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// jsonFault says how JSON does not match a shape, "" if it does.
func jsonFault(s shape, body []byte) string {
	_, fault := jsonValue(s, body)
	return fault
}

func jsonValue(s shape, body []byte) (value any, fault string) {
	if !utf8.Valid(body) {
		return nil, "the answer is not UTF-8"
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, "the answer is not JSON, or was cut short: " + err.Error()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, "the answer is not JSON: it has trailing data"
	}
	return value, s.fault(value, "the answer")
}

func (s shape) fault(value any, name string) string {
	if value == nil && s.Nullable {
		return ""
	}
	if s.Ref != "" {
		return documented().Schemas[s.Ref].fault(value, name)
	}
	for _, part := range s.All {
		if fault := part.fault(value, name); fault != "" {
			return fault
		}
	}
	ok := true
	switch v := value.(type) {
	case map[string]any:
		ok = s.Type == "object" || s.Type == ""
		for _, required := range s.Required {
			if _, there := v[required]; !there {
				return fmt.Sprintf("%s has no %s", name, required)
			}
		}
		for field, of := range s.Properties {
			if inner, there := v[field]; there {
				if fault := of.fault(inner, field); fault != "" {
					return fault
				}
			}
		}
	case []any:
		ok = s.Type == "array" || s.Type == ""
		for _, inner := range v {
			if s.Items == nil {
				break
			}
			if fault := s.Items.fault(inner, name); fault != "" {
				return fault
			}
		}
	case string:
		ok = (s.Type == "string" || s.Type == "") && s.isText(v)
	case json.Number:
		ok = s.isNumber(v)
	case bool:
		ok = s.Type == "boolean" || s.Type == ""
	case nil:
		ok = s.Type == "" && len(s.All) == 0
	}
	if !ok {
		return fmt.Sprintf("%s is not of the type in the contract: %s", name, strings.TrimSpace(s.Type+" "+s.Format))
	}
	return ""
}

func (s shape) isText(text string) bool {
	switch s.Format {
	case "uuid":
		return len(text) == 36 && uuid.Validate(text) == nil
	case "date-time":
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	}
	return s.Pattern == nil || s.Pattern.MatchString(text)
}

func (s shape) isNumber(number json.Number) bool {
	switch s.Type {
	case "integer":
		bits := 64
		if s.Format == "int32" {
			bits = 32
		}
		_, err := strconv.ParseInt(number.String(), 10, bits)
		return err == nil
	case "number", "":
		_, err := number.Float64()
		return err == nil
	}
	return false
}

// eventsBody is a stream of events. If it ends before its erasure, it ends with an
// *Error.
type eventsBody struct {
	body     io.ReadCloser
	response *http.Response
	asked    string // the erasure
	reader   eventReader
	ended    bool
	fault    error
}

func (b *eventsBody) Read(into []byte) (int, error) {
	if b.fault != nil {
		return 0, b.fault
	}
	n, err := b.body.Read(into)
	for _, e := range b.reader.feed(into[:n]) {
		if _, over, fault := e.erasure(b.asked); fault != "" {
			b.fault = b.failed(fault, nil)
			b.fault.(*Error).Body = []byte(e.data)[:min(len(e.data), errorLimit)]
			return n, b.fault
		} else if over {
			b.ended = true
		}
	}
	switch {
	case err == nil:
		return n, nil
	case b.ended:
		err = io.EOF // no matter how the connection ended
	case errors.Is(err, io.EOF):
		err = b.failed(unfinished, nil)
	default:
		err = b.failed(unfinished+": "+err.Error(), err)
	}
	b.fault = err
	return n, err
}

func (b *eventsBody) Close() error { return b.body.Close() }

const unfinished = "the stream ended before the erasure did"

func (b *eventsBody) failed(fault string, err error) *Error {
	return &Error{
		Problem: Problem{
			Status: int32(b.response.StatusCode), Title: http.StatusText(b.response.StatusCode),
			Detail: fault, RequestId: b.response.Header.Get("X-Request-Id"),
		},
		Err: err, unfinished: strings.HasPrefix(fault, unfinished),
	}
}

// event is one server-sent event.
type event struct{ name, data string }

// erasure returns the event's erasure, which must be the requested one, and whether
// it is the end; nothing for an event of another kind.
func (e event) erasure(asked string) (told *Erasure, over bool, fault string) {
	if e.name != "progress" && e.name != "end" {
		return nil, false, ""
	}
	if fault := jsonFault(shape{Ref: "Erasure"}, []byte(e.data)); fault != "" {
		return nil, false, fault
	}
	told = new(Erasure)
	if err := json.Unmarshal([]byte(e.data), told); err != nil {
		return nil, false, err.Error()
	}
	if fault := anotherFault("id", told.Id.String(), asked); fault != "" {
		return nil, false, fault
	}
	over = e.name == "end"
	if over && slices.Contains([]ErasureState{ErasureStatePending, ErasureStateRunning}, told.State) {
		return nil, false, "got an end event for an erasure that is " + string(told.State)
	}
	return told, over, ""
}

// eventReader parses events from a stream that arrives in parts.
type eventReader struct {
	line  []byte
	cr    bool // the last byte was a carriage return, which a line feed may follow
	next  event
	told  bool          // next has data
	retry time.Duration // last received, 0 if none
}

func (r *eventReader) feed(part []byte) []event {
	var events []event
	for _, c := range part {
		if c == '\n' && r.cr {
			r.cr = false
			continue
		}
		if r.cr = c == '\r'; c != '\n' && c != '\r' {
			r.line = append(r.line, c)
			continue
		}
		if len(r.line) == 0 {
			if r.told {
				events = append(events, r.next)
			}
			r.next, r.told = event{}, false
			continue
		}
		field, value, _ := strings.Cut(string(r.line), ":")
		value = strings.TrimPrefix(value, " ")
		r.line = r.line[:0]
		switch field {
		case "event":
			r.next.name = value
		case "data":
			if r.told {
				r.next.data += "\n"
			}
			r.next.data, r.told = r.next.data+value, true
		case "retry":
			if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
				r.retry = time.Duration(ms) * time.Millisecond
			}
		}
	}
	return events
}
