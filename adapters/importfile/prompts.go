package importfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Prompts are the requests in the input file of a batch. Only where each one is is kept in
// memory.
type Prompts struct {
	file *os.File
	at   map[[sha256.Size]byte]span // by the hash of custom_id
}

type span struct {
	from   int64
	length int
}

// promptLine is a line of an input file.
type promptLine struct {
	CustomID *string         `json:"custom_id"`
	URL      string          `json:"url"`
	Body     json.RawMessage `json:"body"`

	model string
}

// OpenPrompts reads the input file of a batch, which may be compressed with gzip: then it
// is decompressed into a temporary file that has no name. Errors name the line.
func OpenPrompts(path string) (_ *Prompts, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	if file, err = spooled(file); err != nil {
		return nil, err
	}
	p := &Prompts{file: file, at: map[[sha256.Size]byte]span{}}
	in := &lines{in: bufio.NewReaderSize(file, peeked)}
	var from int64
	for {
		line, err := in.next()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		where := span{from, len(line)}
		from += int64(len(line))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		asked, err := promptIn(line)
		if err != nil {
			return nil, in.wrong("%w", err)
		}
		key := sha256.Sum256([]byte(*asked.CustomID))
		if _, twice := p.at[key]; twice {
			return nil, in.wrong("its custom_id is that of an earlier line")
		}
		p.at[key] = where
	}
}

// spooled returns a file that can be read at any place: this one, or its contents if it is
// compressed.
func spooled(file *os.File) (*os.File, error) {
	plain, err := decompressed(file)
	if err != nil {
		return file, err
	}
	if _, is := plain.(*bufio.Reader); is {
		_, err := file.Seek(0, io.SeekStart)
		if err != nil {
			return file, errors.New("it must be a file, not a pipe")
		}
		return file, nil
	}
	defer func() { _ = file.Close() }()
	spool, err := os.CreateTemp("", "lethe-import-")
	if err != nil {
		return spool, err
	}
	if err = os.Remove(spool.Name()); err == nil {
		_, err = io.Copy(spool, plain)
	}
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		err = broken(err)
	}
	return spool, err
}

func promptIn(line []byte) (p promptLine, err error) {
	if err := decode(line, &p); err != nil {
		return p, err
	}
	var body struct {
		Model string `json:"model"`
	}
	switch {
	case p.CustomID == nil:
		return p, errors.New("it has no custom_id")
	case isNull(p.Body):
		return p, errors.New("it has no body")
	}
	err = decode(p.Body, &body)
	p.model = body.Model
	return p, err
}

// find returns the request of this custom_id.
func (p *Prompts) find(customID string) (promptLine, error) {
	where, is := p.at[sha256.Sum256([]byte(customID))]
	if !is {
		return promptLine{}, errors.New("the batch's input file has no line with its custom_id")
	}
	line := make([]byte, where.length)
	if _, err := p.file.ReadAt(line, where.from); err != nil {
		return promptLine{}, fmt.Errorf("the batch's input file: %w", broken(err))
	}
	return promptIn(line)
}

// Close closes the file.
func (p *Prompts) Close() error { return p.file.Close() }
