package httpapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"lethe/domain"
)

// tilePath is of a tile, whose index has slashes.
const tilePath = "/log/tile/:level/:index"

// receiptDue is in how many seconds a receipt that is not sealed yet may be.
const receiptDue = 1

// GetReceipt implements StrictServerInterface.
func (s *server) GetReceipt(ctx context.Context, request GetReceiptRequestObject) (GetReceiptResponseObject, error) {
	file, err := s.Receipt.Execute(ctx, callerIn(ctx), uuid.UUID(request.ErasureId), (*domain.Level)(request.Params.Reached))
	if domain.CodeOf(err) == domain.CodeNotSealed {
		return GetReceipt202Response{Headers: GetReceipt202ResponseHeaders{RetryAfter: new(receiptDue)}}, nil
	}
	return textAnswer(file), err
}

// GetCheckpoint implements StrictServerInterface.
func (s *server) GetCheckpoint(ctx context.Context, _ GetCheckpointRequestObject) (GetCheckpointResponseObject, error) {
	checkpoint, err := s.ReadLog.Checkpoint(ctx, callerIn(ctx))
	return textAnswer(checkpoint), err
}

// GetLogKeys implements StrictServerInterface.
func (s *server) GetLogKeys(ctx context.Context, _ GetLogKeysRequestObject) (GetLogKeysResponseObject, error) {
	keys, err := s.ReadLog.Keys(ctx, callerIn(ctx))
	var lines strings.Builder
	for _, key := range keys {
		lines.WriteString(key + "\n")
	}
	return textAnswer(lines.String()), err
}

// GetTile implements StrictServerInterface.
func (s *server) GetTile(ctx context.Context, request GetTileRequestObject) (GetTileResponseObject, error) {
	t := domain.Tile{Level: request.Level.level, Index: request.Index.index, Width: request.Index.width}
	read := s.ReadLog.Hashes
	if request.Level.entries {
		read = s.ReadLog.Entries
	}
	data, err := read(ctx, callerIn(ctx), t)
	return GetTile200ApplicationoctetStreamResponse{Body: bytes.NewReader(data), ContentLength: int64(len(data))}, err
}

// textAnswer is a text as it is.
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

var tileLevelShape = regexp.MustCompile(`^(?:[0-9]|[1-5][0-9]|6[0-3])$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *tileLevel) UnmarshalText(given []byte) (err error) {
	switch text := string(given); {
	case text == "entries":
		l.entries = true
	case tileLevelShape.MatchString(text):
		l.level, err = strconv.Atoi(text)
	default:
		err = errors.New("no level")
	}
	return err
}

// tileIndex is the rest of the path of a tile. There is one spelling of each.
type tileIndex struct {
	index int64
	width int
}

var tileIndexShape = regexp.MustCompile(`^((?:x[0-9]{3}/){0,5})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *tileIndex) UnmarshalText(given []byte) (err error) {
	text := string(given)
	parts := tileIndexShape.FindStringSubmatch(text)
	if parts == nil || strings.HasPrefix(text, "x000/") {
		return errors.New("no index")
	}
	// At most eighteen digits.
	if i.index, err = strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(parts[1])+parts[2], 10, 64); err != nil {
		return err
	}
	i.width = domain.TileWidth
	if parts[3] != "" {
		if i.width, err = strconv.Atoi(parts[3]); err == nil && i.width >= domain.TileWidth {
			err = errors.New("no width")
		}
	}
	return err
}
