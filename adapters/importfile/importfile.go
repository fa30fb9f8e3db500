// Package importfile reads files of responses: Lethe's own exports as NDJSON, responses
// that OpenAI has stored, and output files of OpenAI's batches: each is a [Format]. [Open]
// returns a [Reader], which needs no more memory than the longest response in the file.
// [Prompts] are those in the input file of a batch.
//
// Errors name the place in the file and the reason, and nothing of what is there.
package importfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lethe/domain"
)

// Format is what a file has in it.
type Format string

// Formats.
const (
	Auto   Format = "auto"   // tell by the beginning of the file
	Lethe  Format = "lethe"  // an export with format=ndjson
	OpenAI Format = "openai" // stored responses: in lines, as a JSON array, or as a list object
	Batch  Format = "batch"  // the output file of a batch
)

// Formats are all of them.
var Formats = []Format{Auto, Lethe, OpenAI, Batch}

const (
	// peeked is how much of the beginning tells the format.
	peeked = 64 << 10
	// keptBuffer is the largest buffer that is used again.
	keptBuffer = 1 << 20
)

// maxResponse is up to how many bytes a response may have, as it is in the file. Tests have
// a lower limit.
var maxResponse = 128 << 20

// Reader reads the responses of a file.
type Reader struct {
	Format Format // never Auto
	next   func() (domain.ImportedResponse, error)
}

// Next returns the next response, and io.EOF after the last. If the file is broken, the
// error says where and why; nothing follows it. The owner is that of the file, and may be
// missing.
func (r *Reader) Next() (domain.ImportedResponse, error) { return r.next() }

// Open reads the beginning of a file, which may be compressed with gzip. prompts are those
// of a batch, and nil for none.
func Open(file io.Reader, format Format, prompts *Prompts) (*Reader, error) {
	plain, err := decompressed(file)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(plain, peeked)
	beginning, err := in.Peek(peeked)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, broken(err)
	}
	if len(bytes.TrimSpace(beginning)) == 0 {
		return nil, errors.New("the file is empty")
	}
	found, shape := look(beginning)
	if format == Auto {
		if format = found; format == Auto {
			return nil, errors.New("cannot tell its format: give --format lethe, openai or batch")
		}
	}
	if prompts != nil && format != Batch {
		return nil, fmt.Errorf("its format is %s, but --input is for the output files of batches alone", format)
	}
	r := &Reader{Format: format}
	switch format {
	case Lethe:
		r.next = newExport(&lines{in: in}).next
	case Batch:
		r.next = (&batch{&lines{in: in}, prompts}).next
	default:
		if shape == inLines {
			r.next = (&stored{&lines{in: in}}).next
		} else {
			r.next = newDocument(in, shape).next
		}
	}
	return r, nil
}

// decompressed returns what a file has in it if it is compressed with gzip, and else the
// file.
func decompressed(file io.Reader) (io.Reader, error) {
	in := bufio.NewReader(file)
	magic, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, broken(err)
	}
	if string(magic) != "\x1f\x8b" {
		return in, nil
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return nil, broken(err)
	}
	return plain, nil
}

// shape is how JSON is laid out in a file.
type shape int

const (
	inLines   shape = iota // an object in each line
	inObjects              // objects that go over several lines
	inArray                // an array of objects
	inList                 // an object whose field data is such an array
)

// look tells format and shape by the beginning of a file. Auto is unknown.
func look(beginning []byte) (Format, shape) {
	in := json.NewDecoder(bytes.NewReader(beginning))
	begin, err := in.Token()
	if begin == json.Delim('[') {
		return OpenAI, inArray
	}
	first, _, more := bytes.Cut(bytes.TrimLeft(beginning, " \t\r\n"), []byte("\n"))
	objects := inLines
	if more && !json.Valid(first) {
		objects = inObjects
	}
	for err == nil {
		var key json.Token
		if key, err = in.Token(); err != nil {
			break
		}
		switch key {
		case "has_more", "batch_id", "created_by_email":
			return Lethe, inLines
		case "custom_id":
			return Batch, inLines
		case "input_items":
			return OpenAI, objects
		case "data":
			return OpenAI, inList
		}
		var value json.RawMessage
		err = in.Decode(&value)
		switch {
		case key != "object":
		case string(value) == `"response"`:
			return OpenAI, objects
		case string(value) == `"list"`:
			return OpenAI, inList
		}
	}
	return Auto, objects
}

// lines reads lines of up to maxResponse bytes.
type lines struct {
	in   *bufio.Reader
	n    int64 // the line that was read last
	long []byte
}

// next returns a line with its line break, which is valid until the next call, and io.EOF
// after the last.
func (l *lines) next() ([]byte, error) {
	if cap(l.long) > keptBuffer {
		l.long = nil
	}
	l.long = l.long[:0]
	l.n++
	for {
		piece, err := l.in.ReadSlice('\n')
		if len(l.long)+len(piece) > maxResponse {
			return nil, l.wrong("%w", errTooLong{})
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, piece...)
			continue
		case err != nil && !errors.Is(err, io.EOF):
			return nil, l.wrong("%w", broken(err))
		case err != nil && len(l.long)+len(piece) == 0:
			return nil, io.EOF
		case len(l.long) == 0:
			return piece, nil
		}
		l.long = append(l.long, piece...)
		return l.long, nil
	}
}

// text returns the next line that is not blank.
func (l *lines) text() ([]byte, error) {
	for {
		line, err := l.next()
		if err != nil || len(bytes.TrimSpace(line)) > 0 {
			return line, err
		}
	}
}

// place names the line that was read last.
func (l *lines) place() string { return fmt.Sprintf("line %d", l.n) }

func (l *lines) wrong(format string, args ...any) error { return wrong(l.place(), format, args...) }

// wrong returns the error of a place.
func wrong(place, format string, args ...any) error {
	return fmt.Errorf(place+": "+format, args...)
}

// errTooLong is the error of a response with more than maxResponse bytes.
type errTooLong struct{}

func (errTooLong) Error() string { return fmt.Sprintf("it is longer than %d MiB", maxResponse>>20) }

// broken describes an error of reading without what was read.
func broken(err error) error {
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return errors.New("the file is compressed, and damaged")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the file ends in the middle: it was cut")
	}
	return fmt.Errorf("the file cannot be read: %w", err)
}

// decode reads JSON. Its errors have nothing of the text.
func decode(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	if mistyped, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		if mistyped.Field == "" {
			return errors.New("it is not a JSON object")
		}
		return fmt.Errorf("the field %s has a value of the wrong type", mistyped.Field)
	}
	if syntax, is := errors.AsType[*json.SyntaxError](err); is {
		return fmt.Errorf("it is not valid JSON at byte %d", syntax.Offset)
	}
	if err != nil {
		return errors.New("a field has an invalid value, such as an identifier or a time")
	}
	return nil
}

// compact returns JSON without spaces, as text, so that two spellings are the same.
func compact(text json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, text) // it has been read already
	return b.String()
}

// isNull reports whether a field is missing or null.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// encode encodes what always has a form in JSON.
func encode(v any) string {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
