package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"lethe/domain"
)

// entityTag identifies one state of a response. It is weak, as the same state may be
// sent compressed.
func entityTag(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
		h.Write([]byte{0})
	}
	return `W/"` + hex.EncodeToString(h.Sum(nil)[:16]) + `"`
}

type ifNoneMatchKey struct{}

const ifNoneMatchHeader = "If-None-Match"

// ifNoneMatch returns the If-None-Match header, empty if it was not sent.
func ifNoneMatch(ctx context.Context) string {
	given, _ := ctx.Value(ifNoneMatchKey{}).(string)
	return given
}

// conditional passes If-None-Match on, with all its lines joined.
func conditional(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if given := strings.Join(r.Header.Values(ifNoneMatchHeader), ","); given != "" {
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), ifNoneMatchKey{}, given)))
		}
		return next(c)
	}
}

// matches reports whether If-None-Match contains the tag, by the weak comparison of RFC
// 9110.
func matches(ifNoneMatch, tag string) bool {
	for given := range strings.SplitSeq(ifNoneMatch, ",") {
		given = strings.TrimSpace(given)
		if given == "*" || strings.TrimPrefix(given, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}

// pageAnswer is a page that is already encoded, because its tag needs that.
type pageAnswer struct {
	body []byte
	tag  string
}

func (a pageAnswer) VisitListResponsesResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", a.tag)
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(a.body)
	return err
}

// detailAnswer writes a ResponseDetail of openapi.yaml piece by piece: contents may be
// large, and encoding them as a whole would take two more copies.
type detailAnswer struct {
	response domain.ResponseDetail
	shown    []byte // the ResponseSummary
	tag      string
	unread   bool // the contents: only the headers are sent, without the length
}

// detailTag changes with everything that is shown of a response. Contents are included
// by their revision.
func detailTag(a detailAnswer, omitted bool) string {
	kind := "full"
	if omitted {
		kind = "omit"
	}
	return entityTag([]byte(kind), a.shown, []byte(a.response.Owner), []byte(a.response.Revision))
}

func (a detailAnswer) VisitGetResponseResponse(w http.ResponseWriter) error {
	r := a.response
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", a.tag)
	w.WriteHeader(http.StatusOK)
	if a.unread {
		return nil
	}
	out := pieceWriters.Get().(*pieceWriter)
	defer pieceWriters.Put(out)
	out.Reset(w)
	defer out.Reset(nil)
	if err := out.writeDetail(r, a.shown); err != nil {
		return err
	}
	return out.Flush()
}

// writeDetail writes a ResponseDetail and a line break; shown is its ResponseSummary.
func (w *pieceWriter) writeDetail(r domain.ResponseDetail, shown []byte) error {
	w.Write(bytes.TrimSuffix(shown, []byte("}"))) // bufio keeps the first error for Flush
	err := w.writeFields(withheldFields(r.Withheld, "body", "response_body"),
		field{"created_by", &r.Owner}, field{"error", r.Error}, field{"body", &r.Prompt}, field{"response_body", r.Answer})
	if err != nil {
		return err
	}
	_, err = w.WriteString("}\n")
	return err
}

// field is a text of an object; nil: null.
type field struct {
	name string
	text *string
}

// writeFields continues an object with texts, and the names of those withheld.
func (w *pieceWriter) writeFields(withheld []string, fields ...field) error {
	for _, field := range fields {
		w.WriteString(`,"` + field.name + `":`)
		if field.text == nil {
			w.WriteString("null")
		} else if err := w.writeJSON(*field.text); err != nil {
			return err
		}
	}
	names, err := json.Marshal(withheld)
	if err != nil {
		return err
	}
	w.WriteString(`,"withheld":`)
	w.Write(names)
	return nil
}

// withheldFields returns the contract's names of the withheld fields.
func withheldFields(w domain.Withheld, prompt, answer string) []string {
	fields := []string{}
	for _, field := range []struct {
		name     string
		withheld bool
	}{{prompt, w.Prompt}, {answer, w.Answer}, {"error", w.Error}} {
		if field.withheld {
			fields = append(fields, field.name)
		}
	}
	return fields
}

// contentChunk is how much of a text is encoded at a time, in bytes.
const contentChunk = 32 << 10

// pieceWriter writes texts as JSON strings, a piece at a time. It is reused, as its
// buffers are most of the memory that a response takes.
type pieceWriter struct {
	*bufio.Writer
	encoded bytes.Buffer
	encoder *json.Encoder // to encoded
}

var pieceWriters = sync.Pool{New: func() any { return newPieceWriter() }}

func newPieceWriter() *pieceWriter {
	w := &pieceWriter{Writer: bufio.NewWriterSize(nil, contentChunk)}
	w.encoder = json.NewEncoder(&w.encoded)
	return w
}

func (w *pieceWriter) writeJSON(text string) error {
	w.WriteByte('"') // bufio keeps the first error for Flush
	for len(text) > 0 {
		n := min(contentChunk, len(text))
		for n < len(text) && n > contentChunk-utf8.UTFMax && !utf8.RuneStart(text[n]) {
			n--
		}
		w.encoded.Reset()
		if err := w.encoder.Encode(text[:n]); err != nil {
			return err
		}
		// Drop the quotes, and the newline that the encoder adds.
		if _, err := w.Write(w.encoded.Bytes()[1 : w.encoded.Len()-2]); err != nil {
			return err
		}
		text = text[n:]
	}
	return w.WriteByte('"')
}
