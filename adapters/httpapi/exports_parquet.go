package httpapi

import (
	"time"

	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"lethe/domain"
)

const (
	// rowGroup is how many bytes of responses are kept in memory until they are written as
	// one group, and rowSpill how many until they are encoded.
	rowGroup = 8 * mebibyte
	rowSpill = mebibyte / 4
	// summaryBytes is about what a response without contents takes.
	summaryBytes = 256
)

// summaryRow has the columns of a ResponseSummary; null is unknown.
type summaryRow struct {
	ID               uuid.UUID  `parquet:"id,uuid"`
	Model            string     `parquet:"model,dict"`
	Status           string     `parquet:"status,dict"`
	CreatedAt        *time.Time `parquet:"created_at,optional,timestamp(microsecond)"`
	CompletedAt      *time.Time `parquet:"completed_at,optional,timestamp(microsecond)"`
	FailedAt         *time.Time `parquet:"failed_at,optional,timestamp(microsecond)"`
	DurationMs       *float64   `parquet:"duration_ms,optional"`
	ResponseStatus   *int32     `parquet:"response_status,optional"`
	ServiceTier      *string    `parquet:"service_tier,optional,dict"`
	PromptTokens     *int64     `parquet:"prompt_tokens,optional"`
	CompletionTokens *int64     `parquet:"completion_tokens,optional"`
	ReasoningTokens  *int64     `parquet:"reasoning_tokens,optional"`
	TotalTokens      *int64     `parquet:"total_tokens,optional"`
	TotalCost        *float64   `parquet:"total_cost,optional"`
	CreatedByEmail   *string    `parquet:"created_by_email,optional,dict"`
}

// detailRow has the columns of a ResponseDetail.
type detailRow struct {
	summaryRow
	CreatedBy    string   `parquet:"created_by,dict"`
	Error        *string  `parquet:"error,optional"`
	Body         string   `parquet:"body,plain"`
	ResponseBody *string  `parquet:"response_body,optional,plain"`
	Withheld     []string `parquet:"withheld,list"`
}

func summaryRowOf(r domain.ResponseDetail) summaryRow {
	s := summary(r.ResponseSummary)
	return summaryRow{
		s.Id, s.Model, s.Status, s.CreatedAt, s.CompletedAt, s.FailedAt, s.DurationMs, s.ResponseStatus, s.ServiceTier,
		s.PromptTokens, s.CompletionTokens, s.ReasoningTokens, s.TotalTokens, s.TotalCost, s.CreatedByEmail,
	}
}

func detailRowOf(r domain.ResponseDetail) detailRow {
	return detailRow{summaryRowOf(r), r.Owner, r.Error, r.Prompt, r.Answer, withheldFields(r.Withheld, "body", "response_body")}
}

// parquetFile is an export as a Parquet file of groups of rows.
type parquetFile[Row any] struct {
	file           *parquet.GenericWriter[Row]
	row            func(domain.ResponseDetail) Row
	rows           []Row // not encoded yet
	spilled, group int64 // bytes of rows, and of the group
}

func newParquet(out *pieceWriter, _ *sending, contents bool) exportEncoder {
	if contents {
		return newParquetFile(out, detailRowOf)
	}
	return newParquetFile(out, summaryRowOf)
}

func newParquetFile[Row any](out *pieceWriter, row func(domain.ResponseDetail) Row) *parquetFile[Row] {
	options := []parquet.WriterOption{
		parquet.Compression(&parquet.Snappy), parquet.WriteBufferSize(0), parquet.CreatedBy("lethe", "", ""),
	}
	// The smallest and largest text of every group would stay in memory until the end, and
	// nobody searches by them.
	for _, column := range []string{"id", "error", "body", "response_body"} {
		options = append(options, parquet.SkipPageBounds(column))
	}
	return &parquetFile[Row]{row: row, file: parquet.NewGenericWriter[Row](out, options...)}
}

func (p *parquetFile[Row]) write(r domain.ResponseDetail) error {
	p.rows = append(p.rows, p.row(r))
	p.spilled += summaryBytes + r.Bytes()
	if p.spilled >= rowSpill {
		return p.spill()
	}
	return nil
}

func (p *parquetFile[Row]) spill() error {
	if _, err := p.file.Write(p.rows); err != nil {
		return err
	}
	clear(p.rows)
	p.rows, p.group, p.spilled = p.rows[:0], p.group+p.spilled, 0
	if p.group < rowGroup {
		return nil
	}
	p.group = 0
	return p.file.Flush()
}

func (p *parquetFile[Row]) endPart(next *domain.Cursor) error {
	if next != nil {
		return nil
	}
	if err := p.spill(); err != nil {
		return err
	}
	return p.file.Close()
}
