package personfile

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// pageOf is how many responses each page of conversations has.
const pageOf = 100

// Names within a file.
const (
	indexName    = "index.html"
	linesName    = "data/responses.ndjson"
	usageName    = "data/usage.csv"
	keyName      = "receipts/log.pub"
	readmeName   = "receipts/README.txt"
	manifestName = "manifest.json"
)

// writer writes one file. An archive has one open entry at a time, so what grows beside
// the pages waits in files of its own until the end.
type writer struct {
	store  *Store
	id     uuid.UUID
	folder string // of this attempt
	left   int64  // bytes that may still be written
	begun  time.Time

	file    *os.File
	sum     hash.Hash
	bytes   int64
	archive *zip.Writer
	entries []entry // that are complete
	open    *entry

	lines, usage *waiting
	page         int // the open page of conversations
	onPage       int
	counted      counts
	closed       bool
}

// counts are what the manifest and the index say of the responses.
type counts struct {
	Responses, Receipts, Withheld, TooLarge, WithoutUsage int64
	From, To                                              time.Time // of creation
}

// entry is a file in the archive.
type entry struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`

	to  io.Writer
	sum hash.Hash
}

func (e *entry) Write(p []byte) (int, error) {
	n, err := e.to.Write(p)
	e.sum.Write(p[:n])
	e.Bytes += int64(n)
	return n, err
}

// waiting is a file that becomes an entry at the end.
type waiting struct {
	Encoder
	file *os.File
	out  *bufio.Writer
}

func (s *Store) New(id uuid.UUID) (domain.PersonFileWriter, error) {
	if err := s.removeAttempts(id); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(s.cfg.Folder, id.String()+"-*"+making)
	if err != nil {
		return nil, failed("begin", err)
	}
	w := &writer{store: s, id: id, folder: folder, left: s.cfg.MaxBytes, begun: time.Now().UTC(), sum: sha256.New()}
	w.file, err = w.create("file.zip")
	if err == nil {
		w.archive = zip.NewWriter(archiveTo{w})
		w.lines, err = w.wait("responses", s.cfg.Lines)
	}
	if err == nil {
		w.usage, err = w.wait("usage", s.cfg.Usage)
	}
	if err != nil {
		return nil, failed("begin", errors.Join(err, w.Discard()))
	}
	return w, nil
}

func (w *writer) create(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(w.folder, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
}

func (w *writer) wait(name string, encoder func(io.Writer) Encoder) (*waiting, error) {
	file, err := w.create(name)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriter(limited{w, file})
	return &waiting{encoder(out), file, out}, nil
}

// limited writes to a file of the attempt as long as there may be more.
type limited struct {
	of   *writer
	file *os.File
}

func (l limited) Write(p []byte) (int, error) {
	if l.of.left -= int64(len(p)); l.of.left < 0 {
		return 0, domain.ErrPersonFileTooLarge
	}
	return l.file.Write(p)
}

// archiveTo also counts and hashes what is written.
type archiveTo struct{ of *writer }

func (a archiveTo) Write(p []byte) (int, error) {
	n, err := limited{a.of, a.of.file}.Write(p)
	a.of.sum.Write(p[:n])
	a.of.bytes += int64(n)
	return n, err
}

// begin begins the next entry. What is written to it may wait in memory.
func (w *writer) begin(name string) (*bufio.Writer, error) {
	to, err := w.archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: w.begun})
	w.open = &entry{Name: name, to: to, sum: sha256.New()}
	return bufio.NewWriter(w.open), err
}

// end ends the open entry.
func (w *writer) end(out *bufio.Writer) error {
	err := out.Flush()
	w.open.SHA256 = hex.EncodeToString(w.open.sum.Sum(nil))
	w.entries = append(w.entries, *w.open)
	return err
}

// put writes an entry at once.
func (w *writer) put(name string, write func(io.Writer) error) error {
	out, err := w.begin(name)
	if err == nil {
		err = write(out)
	}
	if err == nil {
		err = w.end(out)
	}
	return failed("write", err)
}

func (w *writer) Add(r domain.ResponseDetail) error {
	for _, encoder := range []Encoder{w.lines, w.usage} {
		if err := encoder.Write(r); err != nil {
			return failed("write", err)
		}
	}
	if w.page == 0 || w.onPage == pageOf {
		if err := w.turnPage(); err != nil {
			return failed("write", err)
		}
	}
	w.onPage++
	w.counted.add(r)
	out := bufio.NewWriter(w.open)
	if err := responseTemplate.Execute(out, shownResponse(r)); err != nil {
		return failed("write", err)
	}
	return failed("write", out.Flush())
}

func (c *counts) add(r domain.ResponseDetail) {
	if c.Responses++; c.Responses == 1 {
		c.To = r.CreatedAt
	}
	c.From = r.CreatedAt
	if r.Withheld != (domain.Withheld{}) {
		c.Withheld++
	}
	if r.Left > 0 {
		c.TooLarge++
	}
	if r.Usage.TotalTokens == nil && r.Usage.Cost == nil {
		c.WithoutUsage++
	}
}

func pageName(page int) string { return fmt.Sprintf("conversations/%04d.html", page) }

// turnPage ends the open page, if any, and begins the next.
func (w *writer) turnPage() error {
	if err := w.endPage(true); err != nil {
		return err
	}
	w.page, w.onPage = w.page+1, 0
	out, err := w.begin(pageName(w.page))
	if err == nil {
		err = headTemplate.Execute(out, pageLinks(w.page, false))
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func (w *writer) endPage(more bool) error {
	if w.page == 0 {
		return nil
	}
	out := bufio.NewWriter(w.open)
	if err := footTemplate.Execute(out, pageLinks(w.page, more)); err != nil {
		return err
	}
	return w.end(out)
}

func (w *writer) AddReceipt(id uuid.UUID, proof []byte) error {
	if w.counted.Receipts == 0 {
		if err := w.endPage(false); err != nil {
			return failed("write", err)
		}
	}
	w.counted.Receipts++
	return w.put("receipts/"+id.String()+".receipt", func(out io.Writer) error {
		_, err := out.Write(proof)
		return err
	})
}

func (w *writer) Finish(facts domain.PersonFileFacts) (domain.MadePersonFile, error) {
	if w.counted.Receipts == 0 {
		if err := w.endPage(false); err != nil {
			return domain.MadePersonFile{}, failed("write", err)
		}
	}
	about := shownFacts(facts, w.store.cfg.Words, w.counted, w.page)
	text := func(text string) func(io.Writer) error {
		return func(out io.Writer) error {
			_, err := io.WriteString(out, text)
			return err
		}
	}
	for _, part := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{linesName, w.lines.copy},
		{usageName, w.usage.copy},
		{keyName, text(strings.Join(append(facts.LogKeys, ""), "\n"))},
		{readmeName, text(receiptsReadme)},
		{indexName, func(out io.Writer) error { return indexTemplate.Execute(out, about) }},
		{manifestName, func(out io.Writer) error { return w.writeManifest(out, about) }},
	} {
		if err := w.put(part.name, part.write); err != nil {
			return domain.MadePersonFile{}, err
		}
	}
	if err := errors.Join(w.archive.Close(), w.file.Sync()); err != nil {
		return domain.MadePersonFile{}, failed("write", err)
	}
	// A file that cannot be renamed is discarded.
	if err := os.Rename(w.file.Name(), w.store.path(w.id)); err != nil {
		return domain.MadePersonFile{}, failed("rename", err)
	}
	if err := syncFolder(w.store.cfg.Folder); err != nil {
		return domain.MadePersonFile{}, failed("rename", err)
	}
	return domain.MadePersonFile{Responses: w.counted.Responses, Bytes: w.bytes, SHA256: [sha256.Size]byte(w.sum.Sum(nil))}, nil
}

// copy copies what has been written to the file.
func (f *waiting) copy(out io.Writer) error {
	if err := errors.Join(f.Flush(), f.out.Flush()); err != nil {
		return err
	}
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(out, f.file)
	return err
}

func (w *writer) writeManifest(out io.Writer, about about) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Format   string    `json:"format"`
		Owner    uuid.UUID `json:"owner"`
		Email    string    `json:"email,omitempty"`
		AsOf     time.Time `json:"as_of"`
		MadeAt   time.Time `json:"made_at"`
		Counts   any       `json:"counts"`
		Missing  []missing `json:"missing"`
		Contents []entry   `json:"files"`
	}{
		"lethe person file 1", about.Owner, about.Email, about.AsOf.UTC(), about.MadeAt.UTC(),
		struct {
			Responses int64 `json:"responses"`
			Pages     int   `json:"pages"`
			Receipts  int64 `json:"receipts"`
		}{w.counted.Responses, w.page, w.counted.Receipts},
		about.Missing, w.entries,
	})
}

func (w *writer) Discard() error {
	if w.closed {
		return nil
	}
	w.closed = true
	files := []*os.File{w.file}
	for _, f := range []*waiting{w.lines, w.usage} {
		if f != nil {
			files = append(files, f.file)
		}
	}
	for _, f := range files {
		_ = f.Close() // what matters has been synced
	}
	return failed("discard", os.RemoveAll(w.folder))
}

// syncFolder makes the folder's list of files durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
