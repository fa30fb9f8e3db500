package imports

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres/imports/internal/dbsqlc"
	"lethe/domain"
)

// rows are to be written to the tables.
type rows struct {
	unit                       *Unit
	kept                       Kept
	templates, requests, usage [][]any
}

func newRows(u *Unit, n int) *rows {
	return &rows{unit: u, templates: make([][]any, 0, n), requests: make([][]any, 0, n), usage: make([][]any, 0, n)}
}

var (
	templateColumns = []string{"id", "endpoint", "method", "path", "body", "model", "api_key", "created_at", "updated_at", "custom_id", "body_byte_size"}
	requestColumns  = []string{
		"id", "template_id", "state", "daemon_id", "claimed_at", "started_at", "completed_at", "failed_at", "canceled_at",
		"response_status", "response_body", "response_size", "error", "created_at", "updated_at", "custom_id", "model", "service_tier", "created_by",
	}
	usageColumns = []string{
		"instance_id", "correlation_id", "timestamp", "method", "uri", "model", "status_code", "prompt_tokens", "completion_tokens",
		"total_tokens", "reasoning_tokens", "user_id", "input_price_per_token", "output_price_per_token", "fusillade_request_id", "custom_id",
	}
)

// copy writes the rows, referenced tables first.
func (r *rows) copy(ctx context.Context) error {
	schema := r.unit.of.schema
	for _, t := range []struct {
		name    pgx.Identifier
		columns []string
		rows    [][]any
	}{
		{pgx.Identifier{schema, "request_templates"}, templateColumns, r.templates},
		{pgx.Identifier{schema, "requests"}, requestColumns, r.requests},
		{pgx.Identifier{"public", "http_analytics"}, usageColumns, r.usage},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := r.unit.tx.CopyFrom(ctx, t.name, t.columns, pgx.CopyFromRows(t.rows)); err != nil {
			return err
		}
	}
	return nil
}

// add makes the rows of a response. What its state needs and the file does not say is
// empty, or when the response was created.
func (r *rows) add(in domain.ImportedResponse, users map[uuid.UUID]bool) {
	r.kept.Kept++
	if in.CreatedAt.IsZero() {
		in.CreatedAt = domain.ToMicroseconds(r.unit.of.now())
	}
	created := in.CreatedAt
	or := func(at *time.Time) *time.Time {
		if at == nil {
			return &created
		}
		return at
	}
	text := func(t *string) *string {
		if t == nil {
			return new("")
		}
		return t
	}
	var daemon *uuid.UUID
	var claimed, canceled *time.Time
	switch in.State {
	case "completed":
		in.CompletedAt, in.Answer = or(in.CompletedAt), text(in.Answer)
	case "failed":
		in.FailedAt, in.Error = or(in.FailedAt), text(in.Error)
	case "canceled":
		canceled = &created
	case "claimed":
		daemon, claimed = &uuid.Nil, &created
	case "processing":
		daemon, claimed, in.StartedAt = &uuid.Nil, &created, or(in.StartedAt)
	}
	var template *uuid.UUID
	if in.Prompt != "" {
		template = new(uuid.New())
		r.templates = append(r.templates, []any{
			*template, "", "POST", in.Path, in.Prompt, in.Model, "", moment(&created), moment(&created), in.CustomID, len(in.Prompt),
		})
	}
	size := 0
	if in.Answer != nil {
		size = len(*in.Answer)
	}
	ended := created
	for _, at := range []*time.Time{in.CompletedAt, in.FailedAt} {
		if at != nil {
			ended = *at
		}
	}
	r.requests = append(r.requests, []any{
		in.ID, template, in.State, daemon, moment(claimed), moment(in.StartedAt), moment(in.CompletedAt), moment(in.FailedAt), moment(canceled),
		in.HTTPStatus, in.Answer, size, in.Error, moment(&created), moment(&ended), in.CustomID, in.Model, in.Tier, in.Owner,
	})
	r.addUsage(in, ended, users)
}

func (r *rows) addUsage(in domain.ImportedResponse, ended time.Time, users map[uuid.UUID]bool) {
	u := in.Usage
	input, output, exact := prices(u)
	if !exact {
		r.kept.NoCost++
	}
	if u.PromptTokens == nil && u.CompletionTokens == nil && u.ReasoningTokens == nil && u.TotalTokens == nil {
		return
	}
	var user *uuid.UUID
	if id, err := uuid.Parse(in.Owner); err == nil && users[id] {
		user = &id
	}
	var thoughts int64
	if u.ReasoningTokens != nil {
		thoughts = *u.ReasoningTokens
	}
	r.unit.numbered++
	r.usage = append(r.usage, []any{
		r.unit.instance, r.unit.numbered, moment(&ended), "POST", "/ai" + in.Path, in.Model, in.HTTPStatus, u.PromptTokens, u.CompletionTokens,
		u.TotalTokens, thoughts, user, input, output, in.ID, in.CustomID,
	})
}

// moment is a time as COPY takes it, infinite ones included.
func moment(at *time.Time) pgtype.Timestamptz {
	switch {
	case at == nil:
		return pgtype.Timestamptz{}
	case at.Equal(domain.InfiniteFuture):
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: *at, Valid: true}
}

const (
	// digits are those of a price after the point.
	digits = 8
	// maxPrice is more than a price can be, in units of its last digit.
	maxPrice = 1_000_000_000_000
)

// prices returns prices of a token of the prompt and of the answer that make the cost,
// which the database computes from them. Whole numbers of the last digit solve that for
// every cost that was computed so. exact is false, and there are no prices, if none do.
func prices(u domain.Usage) (input, output pgtype.Numeric, exact bool) {
	if u.Cost == nil {
		return input, output, true
	}
	if u.PromptTokens == nil || u.CompletionTokens == nil {
		return input, output, false
	}
	scaled, is := new(big.Rat).SetString(string(*u.Cost))
	if !is {
		return input, output, false
	}
	scaled.Mul(scaled, new(big.Rat).SetInt64(100_000_000))
	cost, p, c := scaled.Num(), big.NewInt(*u.PromptTokens), big.NewInt(*u.CompletionTokens)
	if !scaled.IsInt() || cost.Sign() < 0 {
		return input, output, false
	}
	x, y, shared, rest := new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	if shared.GCD(x, y, p, c); shared.Sign() == 0 {
		if cost.Sign() == 0 {
			return price(x), price(y), true
		}
		return input, output, false
	}
	times, rest := new(big.Int).QuoRem(cost, shared, rest)
	if rest.Sign() != 0 {
		return input, output, false
	}
	if x.Mul(x, times); c.Sign() > 0 {
		// The smallest x that is not negative leaves the most for y.
		x.Mod(x, new(big.Int).Quo(c, shared))
		y.Sub(cost, new(big.Int).Mul(p, x)).Quo(y, c)
	} else {
		y.SetInt64(0)
	}
	most := big.NewInt(maxPrice)
	if y.Sign() < 0 || x.Cmp(most) >= 0 || y.Cmp(most) >= 0 {
		return input, output, false
	}
	return price(x), price(y), true
}

func price(units *big.Int) pgtype.Numeric {
	return pgtype.Numeric{Int: units, Exp: -digits, Valid: true}
}

// keptTiers are those that the tables know.
var keptTiers = []string{"auto", "default", "flex", "priority"}

func keptTier(tier *string, kept *Kept) *string {
	if tier == nil || slices.Contains(keptTiers, *tier) {
		return tier
	}
	kept.NoTier++
	return nil
}

// differs names what is not the same of a response in the database and in a file; empty:
// nothing. What the file does not say is not compared.
func differs(in dbsqlc.PresentRow, r domain.ImportedResponse) string {
	switch {
	case in.CreatedBy == nil || *in.CreatedBy != r.Owner:
		return "owner"
	case in.Model != r.Model:
		return "model"
	case in.State != r.State:
		return "status"
	case !equal(in.ServiceTier, r.Tier):
		return "service_tier"
	case !r.CreatedAt.IsZero() && !sameTime(in.CreatedAt, r.CreatedAt):
		return "created_at"
	case r.CompletedAt != nil && (in.CompletedAt == nil || !sameTime(*in.CompletedAt, *r.CompletedAt)):
		return "completed_at"
	case r.FailedAt != nil && (in.FailedAt == nil || !sameTime(*in.FailedAt, *r.FailedAt)):
		return "failed_at"
	case r.HTTPStatus != nil && (in.ResponseStatus == nil || int(*in.ResponseStatus) != *r.HTTPStatus):
		return "response_status"
	case r.Prompt != "" && !hashes(in.Prompt, r.Prompt):
		return "prompt"
	case r.Answer != nil && !hashes(in.Answer, *r.Answer):
		return "answer"
	case r.Error != nil && !hashes(in.Error, *r.Error):
		return "error"
	}
	return ""
}

func equal(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func hashes(sum []byte, text string) bool {
	of := sha256.Sum256([]byte(text))
	return bytes.Equal(sum, of[:])
}

// sameTime takes all times for the same that an export cannot express.
func sameTime(a, b time.Time) bool {
	return a.Equal(b) || !domain.Sayable(a) && !domain.Sayable(b)
}
