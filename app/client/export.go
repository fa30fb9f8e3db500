package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/time/rate"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/sdk/go"
)

// Export is what to export, and where to.
type Export struct {
	Filter   Filter
	Format   string // ndjson, csv or parquet
	Contents bool
	Output   string // new file; empty: standard output
	Resume   bool   // go on with the part of the file that an export left
}

// exportMedia are the media types of the formats.
var exportMedia = map[string]string{
	resumable: "application/x-ndjson",
	"csv":     "text/csv",
	"parquet": "application/vnd.apache.parquet",
}

// resumable is the format that can go on after a cut.
const resumable = "ndjson"

// Limits of an export.
const (
	exportAttempts = 4 // in a row in which nothing came
	exportPause    = 500 * time.Millisecond
	exportSilence  = 5 * time.Minute // then the connection counts as lost
	exportDrawn    = 100 * time.Millisecond
	maxMark        = 64 << 10
)

// Export exports responses, and checks what the service counted and hashed. An error
// leaves no file of the name, but as NDJSON the part to go on with.
func (c *Client) Export(ctx context.Context, e Export) (err error) {
	if exportMedia[e.Format] == "" {
		return config.Misused("--format must be ndjson, csv or parquet")
	}
	if c.o.JSON && e.Output == "" {
		return config.Misused("--json says what was exported, but standard output has the export itself: give --output")
	}
	if e.Resume && (e.Format != resumable || e.Output == "") {
		return config.Misused("--resume goes on with a file of format ndjson: give --output, without another --format")
	}
	params, err := e.Filter.params()
	if err != nil {
		return err
	}
	list, err := lethe.NewListResponsesRequest(c.server, &params)
	if err != nil {
		return err
	}
	at, err := url.Parse(c.server)
	if err != nil {
		return err
	}
	// An export has the list's filters, by the same names.
	query := list.URL.Query()
	query.Set("format", e.Format)
	query.Set("contents", strconv.FormatBool(e.Contents))
	x := exporting{Export: e, c: c, at: at.JoinPath("lethe/api/v1/responses/export"), query: query, part: e.Output + ".partial"}
	if err := x.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.close()) }()
	err = x.all(ctx)
	if x.bar != nil {
		_ = x.bar.Finish() // before anything else is written there
	}
	if err != nil {
		return x.failed(ctx, err)
	}
	if x.Output != "" {
		if err := x.file.Sync(); err != nil {
			return err
		}
		if err := os.Rename(x.part, x.Output); err != nil {
			return err
		}
	}
	return x.report()
}

// exporting is an export while it arrives.
type exporting struct {
	Export
	c     *Client
	at    *url.URL
	query url.Values
	part  string   // name of the file until it is whole
	file  *os.File // nil: straight to standard output
	bar   *progressbar.ProgressBar
	drawn rate.Sometimes // the bar draws more often if the total is unknown
	came  int64

	after       string // cursor of the last mark
	rows, bytes int64  // of what is kept
	resumes     int
}

// permanent is an error that another attempt would not mend.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// open opens what the export is written to until it is whole.
func (x *exporting) open() (err error) {
	if terminal := ops.Terminal(x.c.o.Progress); terminal != nil && (x.Output != "" || ops.Terminal(x.c.o.Out) == nil) {
		x.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(terminal), progressbar.OptionShowBytes(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("Exporting"))
		x.drawn.Interval = exportDrawn
	}
	switch {
	case x.Output == "" && x.Format != resumable:
		return nil
	case x.Output == "":
		// A cut takes back what follows the last mark, so it must not be out already.
		if x.file, err = os.CreateTemp("", "lethe-export-"); err != nil {
			return err
		}
		x.part = x.file.Name()
		_ = os.Remove(x.part) // so nothing is left after a crash; where that fails, close does it
		return nil
	}
	if _, err := os.Lstat(x.Output); err == nil {
		return config.Misused("--output: %s exists already: give another name, or remove it", x.Output)
	}
	if !x.Resume {
		x.file, err = os.OpenFile(x.part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return config.Misused("--output: %s is there, of an export that did not end: go on with --resume, or remove it", x.part)
		}
	} else {
		x.file, err = os.OpenFile(x.part, os.O_RDWR, 0)
	}
	if err != nil {
		return config.Misused("--output: %v", err)
	}
	return nil
}

// close removes what cannot be used.
func (x *exporting) close() error {
	if x.file == nil {
		return nil
	}
	err := x.file.Close()
	if x.Output == "" || x.rows == 0 || x.Format != resumable {
		// A whole file has another name by now.
		if err := os.Remove(x.part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// all fetches until the export is whole.
func (x *exporting) all(ctx context.Context) error {
	if x.Resume {
		kept, err := os.Open(x.part)
		if err != nil {
			return err
		}
		// Whatever does not fit is dropped, and fetched again.
		whole, _ := x.lines(kept, io.Discard)
		_ = kept.Close()
		if err := x.drop(); err != nil || whole {
			return err
		}
	}
	for failures := 0; ; {
		before := x.after
		whole, err := x.once(ctx)
		if whole {
			return nil
		}
		if x.after != before {
			failures = 0
		}
		failures++
		failure, answered := errors.AsType[*lethe.Error](err)
		_, stays := errors.AsType[permanent](err)
		if stays || ctx.Err() != nil || failures >= exportAttempts || answered && !passing(failure) || !answered && x.Format != resumable {
			return err
		}
		if err := x.drop(); err != nil {
			return err
		}
		pause := exportPause << (failures - 1)
		if answered {
			pause = max(pause, failure.RetryAfter)
		} else {
			x.resumes++
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// passing reports whether to send a request again that got this answer, or none.
func passing(failure *lethe.Error) bool {
	switch failure.Status {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// once fetches until the end or a cut.
func (x *exporting) once(ctx context.Context) (whole bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(exportSilence, func() { cancel(errSilence) })
	defer idle.Stop()
	answer, err := x.ask(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = answer.Body.Close() }()
	body := readerFunc(func(p []byte) (int, error) {
		// Whoever takes the export may be slow; that is no silence.
		idle.Reset(exportSilence)
		n, err := answer.Body.Read(p)
		idle.Stop()
		if x.came += int64(n); x.bar != nil {
			x.drawn.Do(func() { _ = x.bar.Set64(x.came) }) // fails only if the bar cannot be drawn
		}
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return n, err
	})
	if x.Format == resumable {
		return x.lines(body, x.file)
	}
	return x.trailed(body, answer)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// ask sends the request. An answer that is no export is a *lethe.Error.
func (x *exporting) ask(ctx context.Context) (*http.Response, error) {
	if x.after != "" {
		x.query.Set("after", x.after)
	}
	at := *x.at
	at.RawQuery = x.query.Encode()
	answer, err := x.c.fetch(ctx, at.String(), nil, exportMedia[x.Format])
	if err != nil && ctx.Err() != nil {
		return nil, &lethe.Error{Problem: lethe.Problem{Title: "No answer", Detail: context.Cause(ctx).Error()}, Err: context.Cause(ctx)}
	}
	return answer, err
}

var (
	errCut     = errors.New("the export was cut")
	errSilence = errors.New("nothing came for five minutes")
)

// counted is what a mark counts and hashes.
type counted struct {
	rows, bytes int64
	sum         hash.Hash
}

func newCounted() *counted { return &counted{sum: sha256.New()} }

func (c *counted) is(rows int64, sum string) bool {
	return c.rows == rows && hex.EncodeToString(c.sum.Sum(nil)) == sum
}

// markBegins is how marks begin, and responses never do.
var markBegins = []byte(`{"has_more":`)

// lines reads NDJSON and keeps what is before each mark, once it fits. The file of an
// export that went on has several answers: each begins after a mark, and counts anew.
func (x *exporting) lines(from io.Reader, to io.Writer) (whole bool, err error) {
	in := bufio.NewReaderSize(from, maxMark)
	answer, group := newCounted(), newCounted()
	for {
		begin, err := in.Peek(len(markBegins))
		if err != nil {
			return false, cutBy(err)
		}
		if !bytes.Equal(begin, markBegins) {
			for more := true; more; {
				text, err := in.ReadSlice('\n')
				if more = errors.Is(err, bufio.ErrBufferFull); err != nil && !more {
					return false, cutBy(err)
				}
				answer.sum.Write(text)
				group.sum.Write(text)
				group.bytes += int64(len(text))
				if _, err := to.Write(text); err != nil {
					return false, permanent{err}
				}
			}
			answer.rows++
			group.rows++
			continue
		}
		line, err := in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false, cutBy(err)
		}
		var mark struct {
			HasMore    bool    `json:"has_more"`
			NextCursor *string `json:"next_cursor"`
			Rows       int64   `json:"rows"`
			SHA256     string  `json:"sha256"`
		}
		if err := json.Unmarshal(line, &mark); err != nil || mark.HasMore != (mark.NextCursor != nil) {
			return false, permanent{errors.New("the export has a mark that cannot be read")}
		}
		switch {
		case answer.is(mark.Rows, mark.SHA256):
		case group.is(mark.Rows, mark.SHA256):
			answer = group
		default:
			return false, permanent{fmt.Errorf("the export is damaged: the count or the hash in it does not fit the %d responses that came", answer.rows)}
		}
		if _, err := to.Write(line); err != nil {
			return false, permanent{err}
		}
		if err := x.keep(group.rows, group.bytes+int64(len(line))); err != nil {
			return false, permanent{err}
		}
		answer.sum.Write(line)
		group = newCounted()
		if !mark.HasMore {
			return true, nil
		}
		x.after = *mark.NextCursor
	}
}

// cutBy is the error of an export that ended early.
func cutBy(err error) error {
	if errors.Is(err, io.EOF) {
		return errCut
	}
	return fmt.Errorf("%w: %w", errCut, err)
}

// keep keeps a group of responses, which its mark has proven.
func (x *exporting) keep(rows, bytes int64) error {
	x.rows, x.bytes = x.rows+rows, x.bytes+bytes
	if x.Output != "" {
		return nil
	}
	if _, err := x.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(x.c.o.Out, x.file); err != nil {
		return err
	}
	return x.rewind(0)
}

// drop removes what is not kept.
func (x *exporting) drop() error {
	switch {
	case x.file == nil:
		return nil
	case x.Output == "":
		return x.rewind(0)
	}
	return x.rewind(x.bytes)
}

func (x *exporting) rewind(to int64) error {
	_, err := x.file.Seek(to, io.SeekStart)
	return errors.Join(err, x.file.Truncate(to))
}

// trailed reads CSV or Parquet, whose count and hash are in trailers.
func (x *exporting) trailed(from io.Reader, answer *http.Response) (whole bool, err error) {
	out := x.c.o.Out
	if x.file != nil {
		out = x.file
	}
	came, sum := int64(0), sha256.New()
	for part := make([]byte, maxMark); ; {
		n, err := from.Read(part)
		came += int64(n)
		sum.Write(part[:n])
		if _, err := out.Write(part[:n]); err != nil {
			return false, permanent{err}
		}
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return false, cutBy(err)
		}
	}
	rows, err := strconv.ParseInt(answer.Trailer.Get("Export-Rows"), 10, 64)
	if err != nil || answer.Trailer.Get("Export-SHA256") == "" {
		return false, fmt.Errorf("%w, or a proxy removed its trailers, which prove that it is whole", errCut)
	}
	if hex.EncodeToString(sum.Sum(nil)) != answer.Trailer.Get("Export-SHA256") {
		return false, permanent{errors.New("the export is damaged: its hash does not fit what came")}
	}
	x.rows, x.bytes = rows, came
	return true, nil
}

// failed says what an export that is not whole left, and how to go on.
func (x *exporting) failed(ctx context.Context, err error) error {
	why := x.c.explain(err).Error()
	if ctx.Err() != nil {
		why = "stopped before the end"
	}
	if err := x.drop(); err != nil {
		return err
	}
	switch {
	case x.Format != resumable && x.Output == "":
		return fmt.Errorf("%s; what was written is not whole: start again, narrow it with --created-after and --created-before, or use --format ndjson, which goes on by itself", why)
	case x.Format != resumable:
		return fmt.Errorf("%s; nothing was kept: start again, narrow it with --created-after and --created-before, or use --format ndjson, which goes on by itself", why)
	case x.Output == "" && x.rows > 0:
		return fmt.Errorf("%s; %d responses were written, but that is not all: start again, and with --output what came stays", why, x.rows)
	case x.rows > 0:
		return fmt.Errorf("%s; %s has %d responses: the same command with --resume goes on", why, x.part, x.rows)
	}
	return errors.New(why)
}

// report says what was exported.
func (x *exporting) report() error {
	if x.c.o.JSON {
		text, err := json.Marshal(struct {
			File      string `json:"file"`
			Format    string `json:"format"`
			Responses int64  `json:"responses"`
			Bytes     int64  `json:"bytes"`
			Resumes   int    `json:"resumes"`
		}{x.Output, x.Format, x.rows, x.bytes, x.resumes})
		if err != nil {
			return err
		}
		return x.c.show(text)
	}
	x.c.say("Exported %d responses to %s; count and hash fit.", x.rows, cmp.Or(x.Output, "standard output"))
	return nil
}
