package httpapi

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"lethe/domain"
)

// lines is an export as NDJSON: responses and marks.
type lines struct {
	out      *pieceWriter
	sent     *sending
	contents bool
}

func newLines(out *pieceWriter, sent *sending, contents bool) exportEncoder {
	return lines{out, sent, contents}
}

func (l lines) write(r domain.ResponseDetail) error {
	shown, err := json.Marshal(summary(r.ResponseSummary))
	if err != nil {
		return err
	}
	if l.contents {
		return l.out.writeDetail(r, shown)
	}
	l.out.Write(shown) // bufio keeps the first error for Flush
	return l.out.WriteByte('\n')
}

// exportMark is an ExportMark of openapi.yaml.
type exportMark struct {
	HasMore    bool    `json:"has_more"`
	NextCursor *string `json:"next_cursor"`
	Rows       int64   `json:"rows"`
	SHA256     string  `json:"sha256"`
}

func (l lines) endPart(next *domain.Cursor) error {
	if err := l.out.Flush(); err != nil {
		return err
	}
	mark, err := json.Marshal(exportMark{next != nil, cursorText(next), l.sent.rows, l.sent.hash()})
	if err != nil {
		return err
	}
	l.out.Write(mark)
	return l.out.WriteByte('\n')
}

// csvFile is an export as CSV of RFC 4180: texts are quoted, numbers bare, and unknown
// values empty and bare.
type csvFile struct {
	out      *pieceWriter // keeps the first error
	contents bool
	begun    bool // the line has a field
}

var (
	summaryColumns = []string{
		"id", "model", "status", "created_at", "completed_at", "failed_at", "duration_ms", "response_status", "service_tier",
		"prompt_tokens", "completion_tokens", "reasoning_tokens", "total_tokens", "total_cost", "created_by_email",
	}
	contentColumns = []string{"created_by", "error", "body", "response_body", "withheld"}
)

func newCSV(out *pieceWriter, _ *sending, contents bool) exportEncoder {
	f := &csvFile{out: out, contents: contents}
	for _, name := range summaryColumns {
		f.text(&name)
	}
	if contents {
		for _, name := range contentColumns {
			f.text(&name)
		}
	}
	_ = f.end()
	return f
}

func (f *csvFile) write(r domain.ResponseDetail) error {
	s := summary(r.ResponseSummary)
	id := s.Id.String()
	f.text(&id)
	f.text(&s.Model)
	f.text(&s.Status)
	for _, at := range []*time.Time{s.CreatedAt, s.CompletedAt, s.FailedAt} {
		f.time(at)
	}
	f.number(s.DurationMs)
	var status *int64
	if s.ResponseStatus != nil {
		status = new(int64(*s.ResponseStatus))
	}
	f.integer(status)
	f.text(s.ServiceTier)
	for _, n := range []*int64{s.PromptTokens, s.CompletionTokens, s.ReasoningTokens, s.TotalTokens} {
		f.integer(n)
	}
	f.number(s.TotalCost)
	f.text(s.CreatedByEmail)
	if f.contents {
		withheld := strings.Join(withheldFields(r.Withheld, "body", "response_body"), ",")
		for _, text := range []*string{&r.Owner, r.Error, &r.Prompt, r.Answer, &withheld} {
			f.text(text)
		}
	}
	return f.end()
}

func (f *csvFile) endPart(*domain.Cursor) error { return nil }

// next begins a field.
func (f *csvFile) next() {
	if f.begun {
		f.out.WriteByte(',')
	}
	f.begun = true
}

// text writes a text. A spreadsheet would take one for a formula that begins with some
// characters; another one in front prevents that.
func (f *csvFile) text(text *string) {
	f.next()
	if text == nil {
		return
	}
	f.out.WriteByte('"')
	if *text != "" && strings.IndexByte("=+-@\t\r\n\x00", (*text)[0]) >= 0 {
		f.out.WriteByte('\'')
	}
	for rest, quoted := *text, true; quoted; {
		var before string
		before, rest, quoted = strings.Cut(rest, `"`)
		f.out.WriteString(before)
		if quoted {
			f.out.WriteString(`""`)
		}
	}
	f.out.WriteByte('"')
}

func (f *csvFile) time(at *time.Time) {
	var text *string
	if at != nil {
		text = new(at.Format(time.RFC3339Nano))
	}
	f.text(text)
}

func (f *csvFile) integer(n *int64) {
	if f.next(); n != nil {
		f.out.Write(strconv.AppendInt(f.out.AvailableBuffer(), *n, 10))
	}
}

func (f *csvFile) number(n *float64) {
	if f.next(); n != nil {
		f.out.Write(strconv.AppendFloat(f.out.AvailableBuffer(), *n, 'f', -1, 64))
	}
}

func (f *csvFile) end() error {
	f.begun = false
	_, err := f.out.WriteString("\r\n")
	return err
}
