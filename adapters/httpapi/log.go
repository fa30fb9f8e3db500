package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"

	"lethe/domain"
)

// tilePath is the route of a tile, whose index has slashes.
const tilePath = "/log/tile/:level/:index"

// receiptDue is the Retry-After for a receipt that is not sealed yet, in seconds.
const receiptDue = 1

func (s *server) GetReceipt(ctx context.Context, request GetReceiptRequestObject) (GetReceiptResponseObject, error) {
	file, err := s.Receipt.Execute(ctx, callerIn(ctx), request.ErasureId, (*domain.Level)(request.Params.Reached))
	if domain.CodeOf(err) == domain.CodeNotSealed {
		return GetReceipt202Response{Headers: GetReceipt202ResponseHeaders{RetryAfter: new(receiptDue)}}, nil
	}
	return textAnswer(file), err
}

func (s *server) GetCheckpoint(ctx context.Context, _ GetCheckpointRequestObject) (GetCheckpointResponseObject, error) {
	checkpoint, err := s.ReadLog.Checkpoint(ctx, callerIn(ctx))
	return textAnswer(checkpoint), err
}

func (s *server) GetLogKeys(ctx context.Context, _ GetLogKeysRequestObject) (GetLogKeysResponseObject, error) {
	keys, err := s.ReadLog.Keys(ctx, callerIn(ctx))
	var lines strings.Builder
	for _, key := range keys {
		lines.WriteString(key + "\n")
	}
	return textAnswer(lines.String()), err
}

func (s *server) GetTile(ctx context.Context, request GetTileRequestObject) (GetTileResponseObject, error) {
	t := domain.Tile{Level: request.Level.level, Index: request.Index.index, Width: request.Index.width}
	read := s.ReadLog.Hashes
	if request.Level.entries {
		read = s.ReadLog.Entries
	}
	data, err := read(ctx, callerIn(ctx), t)
	return GetTile200ApplicationoctetStreamResponse{Body: bytes.NewReader(data), ContentLength: int64(len(data))}, err
}

// textAnswer is a response of plain text.
type textAnswer []byte

func (a textAnswer) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(a)
	return err
}

func (a textAnswer) VisitGetReceiptResponse(w http.ResponseWriter) error    { return a.write(w) }
func (a textAnswer) VisitGetCheckpointResponse(w http.ResponseWriter) error { return a.write(w) }
func (a textAnswer) VisitGetLogKeysResponse(w http.ResponseWriter) error    { return a.write(w) }

// tileLevel is a level of C2SP tlog-tiles, or the entries below level 0.
type tileLevel struct {
	level   int
	entries bool
}

func (l *tileLevel) UnmarshalText(given []byte) (err error) {
	if l.entries = string(given) == "entries"; !l.entries {
		l.level, err = strconv.Atoi(string(given))
	}
	return err
}

// tileIndex is the rest of the path of a tile. Each tile has one spelling.
type tileIndex struct {
	index int64
	width int
}

func (i *tileIndex) UnmarshalText(given []byte) (err error) {
	index, width, partial := strings.Cut(string(given), ".p/")
	i.width = domain.TileWidth
	if partial {
		if i.width, err = strconv.Atoi(width); err != nil {
			return err
		}
	}
	i.index, err = strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(index), 10, 64)
	return err
}
