package httpapi

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

const personFilesPath = "/lethe/api/v1/exports"

func personFileLocation(id uuid.UUID) string { return personFilesPath + "/" + id.String() }

func (s *server) StartPersonFile(ctx context.Context, request StartPersonFileRequestObject) (StartPersonFileResponseObject, error) {
	owner, err := s.ownerNamed(ctx, "owner", &request.Body.Owner)
	if err != nil {
		return nil, err
	}
	call := callIn(ctx)
	f, err := s.Files.Start.Execute(ctx, call.caller, domain.PersonFileRequest{
		Owner: *owner, SubjectRequest: request.Body.SubjectRequest, IdempotencyKey: given(request.Params.IdempotencyKey), Address: call.address,
	})
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Person's file requested", "request_id", requestIDIn(ctx), "caller", call.caller.ID, "file", f.ID, "state", f.State)
	return StartPersonFile202JSONResponse{
		Body: shownPersonFile(f), Headers: StartPersonFile202ResponseHeaders{Location: new(personFileLocation(f.ID))},
	}, nil
}

func (s *server) ListPersonFiles(ctx context.Context, request ListPersonFilesRequestObject) (ListPersonFilesResponseObject, error) {
	p := request.Params
	page, err := s.Files.List.Execute(ctx, callerIn(ctx), (*domain.Cursor)(p.After), p.Limit)
	if err != nil {
		return nil, err
	}
	return ListPersonFiles200JSONResponse{Body: PersonFilePage{
		Data: convert(page.Items, shownPersonFile), Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func (s *server) GetPersonFile(ctx context.Context, request GetPersonFileRequestObject) (GetPersonFileResponseObject, error) {
	f, err := s.Files.Get.Execute(ctx, callerIn(ctx), request.ExportId)
	if err != nil {
		return nil, err
	}
	return GetPersonFile200JSONResponse{Body: shownPersonFile(f)}, nil
}

func (s *server) DeletePersonFile(ctx context.Context, request DeletePersonFileRequestObject) (DeletePersonFileResponseObject, error) {
	if err := s.Files.Delete.Execute(ctx, callerIn(ctx), request.ExportId); err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Person's file deleted", "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "file", request.ExportId)
	return DeletePersonFile204Response{}, nil
}

func shownPersonFile(f domain.PersonFile) PersonFile {
	shown := PersonFile{
		Id: f.ID, Owner: f.Owner, State: string(f.State), Reason: unlessZero(string(f.Reason)), Message: unlessZero(f.Reason.Words()),
		RequestedAt: f.RequestedAt.UTC(), RequestedBy: f.RequestedBy, SubjectRequest: f.SubjectRequest, AsOf: utc(f.AsOf), FinishedAt: utc(f.FinishedAt), ExpiresAt: utc(f.ExpiresAt),
		Responses: f.Responses,
	}
	if f.State == domain.PersonFileDone {
		shown.Bytes, shown.Sha256, shown.File = &f.Bytes, new(hex.EncodeToString(f.SHA256[:])), new(personFileLocation(f.ID)+"/file")
	}
	return shown
}

// DownloadPersonFile looks first: for HEAD and for what the caller has already, nothing is
// opened or recorded.
func (s *server) DownloadPersonFile(ctx context.Context, request DownloadPersonFileRequestObject) (DownloadPersonFileResponseObject, error) {
	call := callIn(ctx)
	f, err := s.Files.Open.Look(ctx, call.caller, request.ExportId)
	if err != nil {
		return nil, err
	}
	a := fileAnswer{server: s, call: call, file: f, tag: `"` + hex.EncodeToString(f.SHA256[:]) + `"`}
	if matches(ifNoneMatch(ctx), a.tag) {
		return DownloadPersonFile304Response{Headers: NotModifiedResponseHeaders{ETag: &a.tag}}, nil
	}
	if call.head() {
		return a, nil
	}
	if a.giveBack, err = s.shares.exports.take(ctx, call.caller.ID, 1); err != nil {
		return nil, err
	}
	if a.bytes, err = s.Files.Open.Open(ctx, call.caller, f, call.address); err != nil {
		a.giveBack()
		return nil, err
	}
	s.Log.InfoContext(ctx, "Person's file downloaded", "request_id", requestIDIn(ctx), "caller", call.caller.ID, "file", f.ID)
	return a, nil
}

// fileAnswer is a download.
type fileAnswer struct {
	server   *server
	call     call
	file     domain.PersonFile
	tag      string
	bytes    io.ReadSeekCloser // nil: only the headers are sent
	giveBack func()
}

func (a fileAnswer) VisitDownloadPersonFileResponse(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="lethe-`+a.file.ID.String()+`.zip"`)
	h.Set("ETag", a.tag)
	if a.bytes == nil {
		h.Set("Accept-Ranges", "bytes")
		h.Set("Content-Length", strconv.FormatInt(a.file.Bytes, 10))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	defer a.giveBack()
	defer func() { _ = a.bytes.Close() }() // only read
	d := &download{ResponseWriter: w, control: http.NewResponseController(w), until: time.Now().Add(exportFor)}
	d.extend()
	http.ServeContent(d, a.asked(), "", time.Time{}, a.bytes)
	if d.unsatisfiable {
		return errRange
	}
	return nil
}

var errRange = &requestProblem{status: http.StatusRequestedRangeNotSatisfiable, parameter: "Range", detail: "Range: asks for nothing that the file has; Content-Range says how long it is"}

// asked is what the contract has of the request's conditions: one range, if the caller has
// the same file.
func (a fileAnswer) asked() *http.Request {
	r := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	if given := a.call.request.Header.Values("Range"); len(given) == 1 && !strings.Contains(given[0], ",") {
		r.Header["Range"], r.Header["If-Range"] = given, a.call.request.Header.Values("If-Range")
	}
	return r
}

// download bounds how long the client may take for each piece.
type download struct {
	http.ResponseWriter
	control *http.ResponseController
	until   time.Time

	unsatisfiable bool // nothing was sent
}

func (d *download) WriteHeader(status int) {
	if d.unsatisfiable = status == http.StatusRequestedRangeNotSatisfiable; d.unsatisfiable {
		d.Header().Del("Content-Disposition")
		return
	}
	d.ResponseWriter.WriteHeader(status)
}

func (d *download) Write(p []byte) (written int, err error) {
	if d.unsatisfiable {
		return len(p), nil
	}
	for written < len(p) {
		d.extend()
		n, err := d.ResponseWriter.Write(p[written:min(len(p), written+pieceBytes)])
		if written += n; err != nil {
			return written, err
		}
	}
	return written, nil
}

func (d *download) extend() {
	deadline := time.Now().Add(writeTimeout)
	if deadline.After(d.until) {
		deadline = d.until
	}
	_ = d.control.SetWriteDeadline(deadline) // a writer without deadlines needs none
}

// Rows writes responses one after the other, as exports do.
type Rows struct {
	out     *pieceWriter
	encoder exportEncoder
}

// DetailLines writes responses with their contents as NDJSON, without marks.
func DetailLines(w io.Writer) *Rows { return newRows(w, newLines, true) }

// SummaryCSV writes responses without contents as CSV.
func SummaryCSV(w io.Writer) *Rows { return newRows(w, newCSV, false) }

func newRows(w io.Writer, encoder func(*pieceWriter, *sending, bool) exportEncoder, contents bool) *Rows {
	out := newPieceWriter()
	out.Reset(w)
	return &Rows{out, encoder(out, nil, contents)}
}

// Write writes one response; it may wait in memory until Flush.
func (r *Rows) Write(response domain.ResponseDetail) error { return r.encoder.write(response) }

// Flush writes what waits.
func (r *Rows) Flush() error { return r.out.Flush() }
