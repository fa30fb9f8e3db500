package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"net/http"
	"strconv"
	"time"

	"lethe/domain"
)

// Limits of exports.
const (
	exportFor     = time.Hour
	partWithin    = 30 * time.Second // to read one part
	identifyEvery = 5 * time.Second

	// An export pauses after a part if other requests were served meanwhile: yieldFor
	// times as long as the part took, so that it leaves most of the database to them.
	yieldFor = 2
	maxPause = time.Second

	// roomEvery is when to ask again for room for large contents.
	roomEvery = time.Second
)

// Trailers of formats that have no place for them.
const (
	rowsTrailer = "Export-Rows"
	sumTrailer  = "Export-SHA256"
)

// exportFormat says how an export is written.
type exportFormat struct {
	media     string
	encoder   func(out *pieceWriter, sent *sending, contents bool) exportEncoder
	resumable bool // has marks; the others have trailers
	// copies is how often contents are in memory until they are written: as received, as
	// scanned, and what the encoder makes of them.
	copies int64
}

// exportFormats are named as in the contract.
var exportFormats = map[string]exportFormat{
	"ndjson":  {"application/x-ndjson", newLines, true, 2},
	"csv":     {"text/csv; charset=utf-8; header=present", newCSV, false, 2},
	"parquet": {"application/vnd.apache.parquet", newParquet, false, 5},
}

const defaultFormat = "ndjson"

// exportEncoder writes responses in one format.
type exportEncoder interface {
	// write writes a response, or keeps it in memory until enough of them have come.
	write(r domain.ResponseDetail) error
	// endPart follows the responses of each part; next is nil after the last.
	endPart(next *domain.Cursor) error
}

func (s *server) ExportResponses(ctx context.Context, request ExportResponsesRequestObject) (ExportResponsesResponseObject, error) {
	p := request.Params
	name := defaultFormat
	if p.Format != nil {
		name = *p.Format
	}
	format := exportFormats[name]
	if p.After != nil && !format.resumable {
		return nil, invalid("after", "after: only an export with format=ndjson can be resumed; omit one of both")
	}
	return exportAnswer{ctx, s, name, format, domain.ExportRequest{
		ListRequest: domain.ListRequest{
			MemberID: p.MemberId, OwnerEmail: p.CreatedByEmail, State: p.Status, After: (*domain.Cursor)(p.After),
			ResponseFilter: domain.ResponseFilter{
				States: entries(p.Statuses), Models: entries(p.Model), Tiers: entries(p.ServiceTiers),
				CreatedAfter: (*time.Time)(p.CreatedAfter), CreatedBefore: (*time.Time)(p.CreatedBefore),
				StatusMin: p.ResponseStatusMin, StatusMax: p.ResponseStatusMax,
				MinDuration: (*time.Duration)(p.MinDurationMs), HasError: p.HasError,
				MinTotalCost: (*domain.Decimal)(p.MinTotalCost),
			},
		},
		Contents: given(p.Contents), Address: callIn(ctx).address,
	}}, nil
}

// exportAnswer is an export that is still to be made.
type exportAnswer struct {
	ctx     context.Context // the request's, with its caller
	server  *server
	name    string
	format  exportFormat
	request domain.ExportRequest
}

// VisitExportResponsesResponse sends the export. Until its first part is there, an error
// is answered like any other; a later one breaks the connection. An export that has to
// end early, but not because of an error, lacks its end.
func (a exportAnswer) VisitExportResponsesResponse(w http.ResponseWriter) error {
	caller := callerIn(a.ctx)
	giveBack, err := a.server.shares.exports.take(a.ctx, caller.ID, 1)
	if err != nil {
		return err
	}
	defer giveBack()
	export, err := a.server.Export.Start(a.ctx, caller, a.request)
	if err != nil {
		return err
	}
	sent := &sending{w: w, control: http.NewResponseController(w), sum: sha256.New(), until: time.Now().Add(exportFor + writeTimeout)}
	x := exporting{exportAnswer: a, export: export, sent: sent, identified: time.Now()}
	if callIn(a.ctx).head() {
		x.begin()
		return nil
	}
	page, took, err := x.next()
	if err != nil {
		return err
	}
	x.begin()
	out := pieceWriters.Get().(*pieceWriter)
	defer pieceWriters.Put(out)
	out.Reset(sent)
	defer out.Reset(nil)
	x.out, x.encoder = out, a.format.encoder(out, sent, a.request.Contents)
	var cancel context.CancelFunc
	x.ctx, cancel = context.WithTimeout(a.ctx, exportFor)
	defer cancel()
	go func() {
		select {
		case <-a.server.Stopping:
			cancel()
		case <-x.ctx.Done():
		}
	}()

	complete, err := x.send(page, took)
	if err != nil && x.ctx.Err() == nil && !sent.failed && !ended(err) {
		a.server.Log.WarnContext(a.ctx, "Export broken off", "request_id", requestIDIn(a.ctx), "rows", sent.rows, "error", err)
		panic(http.ErrAbortHandler)
	}
	a.server.Log.InfoContext(a.ctx, "Responses exported", "request_id", requestIDIn(a.ctx), "caller", caller.ID,
		"rows", sent.rows, "contents", a.request.Contents, "format", a.name, "complete", complete)
	return nil
}

// ended reports whether an error ends an export as if its time were over: a new request
// will say why.
func ended(err error) bool {
	code := domain.CodeOf(err)
	return code == domain.CodeUnauthenticated || code == domain.CodeForbidden
}

// exporting is an export while it is sent.
type exporting struct {
	exportAnswer
	export     *domain.Export
	out        *pieceWriter
	sent       *sending
	encoder    exportEncoder
	identified time.Time // when the caller last was
}

// begin sends the headers.
func (x *exporting) begin() {
	h := x.sent.w.Header()
	h.Set("Content-Type", x.format.media)
	h.Set("Content-Disposition", `attachment; filename="responses.`+x.name+`"`)
	h.Set("X-Accel-Buffering", "no") // or nginx would write it to a file first
	if !x.format.resumable {
		h.Set("Trailer", rowsTrailer+", "+sumTrailer)
	}
	x.sent.extend()
	x.sent.w.WriteHeader(http.StatusOK)
}

// next reads a part and returns how long that took.
func (x *exporting) next() (domain.ExportPage, time.Duration, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(x.ctx, partWithin)
	defer cancel()
	page, err := x.export.Next(ctx)
	return page, time.Since(begin), err
}

// send sends parts until the end, or until the export has to end early.
func (x *exporting) send(page domain.ExportPage, took time.Duration) (complete bool, err error) {
	served := x.server.served.Load()
	for {
		begin := time.Now()
		if err := x.write(page); err != nil {
			return false, err
		}
		if page.Next == nil {
			x.finish()
			return true, nil
		}
		pause := time.Duration(0)
		if took += time.Since(begin); x.server.served.Load() != served {
			pause = min(took*yieldFor, maxPause)
		}
		select {
		case <-x.ctx.Done():
			return false, nil
		case <-time.After(pause):
		}
		if err = x.identify(); err != nil {
			return false, err
		}
		served = x.server.served.Load()
		if page, took, err = x.next(); err != nil {
			return false, err
		}
	}
}

// identify identifies the caller again, whose permissions may have ended.
func (x *exporting) identify() error {
	if time.Since(x.identified) < identifyEvery {
		return nil
	}
	ctx, cancel := context.WithTimeout(x.ctx, x.server.lookTimeout)
	defer cancel()
	caller, err := callIn(ctx).identify(ctx)
	if err != nil {
		return err
	}
	x.identified = time.Now()
	return x.export.Continue(caller)
}

// write sends one part.
func (x *exporting) write(page domain.ExportPage) error {
	for _, item := range page.Items {
		if err := x.writeItem(item); err != nil {
			return err
		}
	}
	if err := x.encoder.endPart(page.Next); err != nil {
		return err
	}
	if err := x.out.Flush(); err != nil {
		return err
	}
	return x.sent.flush()
}

func (x *exporting) writeItem(item domain.ResponseDetail) error {
	if item.Left > 0 {
		whole, giveBack, err := x.whole(item)
		if domain.CodeOf(err) == domain.CodeNotFound {
			return nil // it was erased meanwhile
		}
		if err != nil {
			return err
		}
		defer giveBack()
		defer x.sent.hurry()()
		item = whole
	}
	x.sent.rows++
	return x.encoder.write(item)
}

// whole reads large contents as soon as there is room for them.
func (x *exporting) whole(item domain.ResponseDetail) (domain.ResponseDetail, func(), error) {
	for {
		left := item.Left
		giveBack, err := x.server.roomForLarge(x.ctx, callerIn(x.ctx).ID, x.format.copies*left)
		if err != nil {
			select {
			case <-x.ctx.Done():
				return item, nil, x.ctx.Err()
			case <-time.After(roomEvery):
				continue
			}
		}
		ctx, cancel := context.WithTimeout(x.ctx, partWithin)
		item, err = x.export.Whole(ctx, item, left)
		cancel()
		if err == nil && item.Left == 0 {
			return item, giveBack, nil
		}
		giveBack()
		if err != nil {
			return item, nil, err
		}
	}
}

// finish sends the trailers of a format that has them.
func (x *exporting) finish() {
	if !x.format.resumable {
		h := x.sent.w.Header()
		h.Set(rowsTrailer, strconv.FormatInt(x.sent.rows, 10))
		h.Set(sumTrailer, x.sent.hash())
	}
}

// sending is the way to the client: it bounds how long the client may take for each
// piece, and counts and hashes what it is sent.
type sending struct {
	w       http.ResponseWriter
	control *http.ResponseController
	sum     hash.Hash
	rows    int64
	until   time.Time // when all must be written
	failed  bool      // the client takes nothing more
}

func (s *sending) Write(p []byte) (written int, err error) {
	s.sum.Write(p)
	for written < len(p) {
		s.extend()
		n, err := s.w.Write(p[written:min(len(p), written+pieceBytes)])
		if written += n; err != nil {
			s.failed = true
			return written, err
		}
	}
	return written, nil
}

// flush sends what was written so far.
func (s *sending) flush() error {
	s.extend()
	err := s.control.Flush()
	s.failed = s.failed || err != nil
	return err
}

// extend gives the client time for another piece. A writer without deadlines cannot set
// one and needs none.
func (s *sending) extend() {
	deadline := time.Now().Add(writeTimeout)
	if deadline.After(s.until) {
		deadline = s.until
	}
	_ = s.control.SetWriteDeadline(deadline)
}

// hurry bounds how long large contents may be written, as that of a single response is:
// they keep others from theirs.
func (s *sending) hurry() (done func()) {
	until := s.until
	s.until = time.Now().Add(answerWithin)
	return func() { s.until = until }
}

// hash returns the SHA-256 of everything that was written.
func (s *sending) hash() string { return hex.EncodeToString(s.sum.Sum(nil)) }
