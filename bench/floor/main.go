// Command floor is the smallest program that answers the service's calls: their
// least cost with net/http, encoding/json and pgx. It validates and counts nothing,
// and knows only keys. The service is compared with it, so a faster way becomes the
// floor.
//
// FLOOR_DATABASE_URL says where the tables are, FLOOR_ADDR where to listen, and
// FLOOR_STATEMENTS in how many statements a list is read: 2 (the page, then its
// usage) or 1, under generic plans.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	callerSQL = `SELECT u.id::text, u.email,
		u.is_admin OR EXISTS (SELECT FROM user_roles WHERE user_id = u.id AND role = 'PLATFORMMANAGER'),
		EXISTS (SELECT FROM user_roles WHERE user_id = u.id AND role = 'BATCHAPIUSER')
		FROM api_keys k JOIN users u ON u.id = k.created_by
		WHERE k.secret = $1 AND NOT k.is_deleted AND NOT u.is_deleted AND k.purpose = 'platform'`

	rank      = `CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END`
	selection = `SELECT id, created_by, model, state, service_tier, created_at, completed_at, failed_at,
		(extract(epoch FROM completed_at - started_at) * 1000)::float8 AS duration, response_status FROM fusillade.requests WHERE `
	order = ` ORDER BY ` + rank + `, created_at DESC, id DESC LIMIT `

	ownSQL      = selection + `created_by = $1` + order + `$2 OFFSET $3`
	everyoneSQL = selection + `created_by IS NOT NULL` + order + `$1 OFFSET $2`
	filteredSQL = selection + `created_by IS NOT NULL AND state = $1 AND model = $2` + order + `$3 OFFSET $4`
	// The second half is read only if the first does not fill the page.
	ownAfterSQL = `(` + selection + `created_by = $1 AND ` + rank + ` = $3 AND (created_at, id) < ($4, $5)` + order + `$2)
		UNION ALL (` + selection + `created_by = $1 AND ` + rank + ` > $3` + order + `$2) LIMIT $2`
	everyoneAfterSQL = `(` + selection + `created_by IS NOT NULL AND ` + rank + ` = $2 AND (created_at, id) < ($3, $4)` + order + `$1)
		UNION ALL (` + selection + `created_by IS NOT NULL AND ` + rank + ` > $2` + order + `$1) LIMIT $1`

	usageSQL = `SELECT DISTINCT ON (fusillade_request_id) fusillade_request_id,
		prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, total_cost::float8
		FROM http_analytics WHERE fusillade_request_id = ANY ($1) ORDER BY fusillade_request_id, timestamp DESC, id DESC`
	// The page is in between.
	beforePage     = `SELECT page.*, usage.*, NULL FROM (`
	afterPage      = `) page ` + usageJoin
	beforeEveryone = `SELECT page.*, usage.*, u.email FROM (`
	afterEveryone  = `) page ` + usageJoin + ` LEFT JOIN users u ON u.id = page.created_by::uuid`
	usageJoin      = `LEFT JOIN LATERAL (SELECT prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, total_cost::float8
		FROM http_analytics WHERE fusillade_request_id = page.id ORDER BY timestamp DESC, id DESC LIMIT 1) usage ON true`

	emailsSQL = `SELECT id::text, email FROM users WHERE id = ANY ($1)`

	fetchSQL = `SELECT r.id, r.created_by, r.model, r.state, r.service_tier, r.created_at, r.completed_at, r.failed_at,
		(extract(epoch FROM r.completed_at - r.started_at) * 1000)::float8, r.response_status,
		a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens, a.total_cost::float8,
		CASE WHEN f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END, r.response_body, r.error
		FROM fusillade.requests r
		LEFT JOIN fusillade.request_templates t ON t.id = r.template_id
		LEFT JOIN fusillade.files f ON f.id = t.file_id
		LEFT JOIN LATERAL (SELECT * FROM http_analytics WHERE fusillade_request_id = r.id ORDER BY timestamp DESC, id DESC LIMIT 1) a ON true
		WHERE r.id = $1 AND r.created_by IS NOT NULL AND (r.created_by = $2 OR $3)`

	// One statement is one transaction. Steps are deleted with their requests.
	eraseSQL = `WITH gone AS (
			DELETE FROM fusillade.requests WHERE id = $1 AND created_by IS NOT NULL AND (created_by = $2 OR $3) RETURNING template_id
		), template AS (
			DELETE FROM fusillade.request_templates WHERE id = (SELECT template_id FROM gone) AND file_id IS NULL
		) SELECT count(*) FROM gone`
)

type summary struct {
	ID               uuid.UUID  `json:"id"`
	BatchID          *uuid.UUID `json:"batch_id"`
	Model            string     `json:"model"`
	Status           string     `json:"status"`
	CreatedAt        time.Time  `json:"created_at"`
	CompletedAt      *time.Time `json:"completed_at"`
	FailedAt         *time.Time `json:"failed_at"`
	DurationMs       *float64   `json:"duration_ms"`
	ResponseStatus   *int16     `json:"response_status"`
	ServiceTier      *string    `json:"service_tier"`
	PromptTokens     *int64     `json:"prompt_tokens"`
	CompletionTokens *int64     `json:"completion_tokens"`
	ReasoningTokens  *int64     `json:"reasoning_tokens"`
	TotalTokens      *int64     `json:"total_tokens"`
	TotalCost        *float64   `json:"total_cost"`
	CreatedByEmail   *string    `json:"created_by_email"`
	owner            string
}

type detail struct {
	summary
	Body         string  `json:"body"`
	ResponseBody *string `json:"response_body"`
	Error        *string `json:"error"`
	CreatedBy    string  `json:"created_by"`
	Withheld     [0]any  `json:"withheld"`
}

type page struct {
	Data       []summary `json:"data"`
	NextCursor string    `json:"next_cursor,omitempty"`
	Skip       int64     `json:"skip"`
	Limit      int64     `json:"limit"`
}

type caller struct {
	id, email      string
	everyone, uses bool
}

type floor struct {
	pool *pgxpool.Pool
	one  bool // statement for a list
	statements
}

// statements read a page.
type statements struct{ own, everyone, filtered, ownAfter, everyoneAfter string }

var (
	inTwo = statements{ownSQL, everyoneSQL, filteredSQL, ownAfterSQL, everyoneAfterSQL}
	inOne = statements{
		beforePage + ownSQL + afterPage,
		beforeEveryone + everyoneSQL + afterEveryone,
		beforeEveryone + filteredSQL + afterEveryone,
		beforePage + ownAfterSQL + afterPage,
		beforeEveryone + everyoneAfterSQL + afterEveryone,
	}
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	time.Local = time.UTC
	cfg, err := pgxpool.ParseConfig(os.Getenv("FLOOR_DATABASE_URL"))
	if err != nil {
		log.Fatal("FLOOR_DATABASE_URL is no connection string")
	}
	cfg.MaxConns = 20
	f := floor{statements: inTwo}
	if os.Getenv("FLOOR_STATEMENTS") == "1" {
		f = floor{statements: inOne, one: true}
		cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	}
	if f.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		log.Fatal(err)
	}
	defer f.pool.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /admin/api/v1/batches/requests", f.handle(f.list))
	mux.HandleFunc("GET /admin/api/v1/batches/requests/{id}", f.handle(f.fetch))
	mux.HandleFunc("DELETE /admin/api/v1/batches/requests/{id}", f.handle(f.erase))
	server := &http.Server{Addr: os.Getenv("FLOOR_ADDR"), Handler: mux}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// handle identifies the caller and writes what answer returns as JSON; nil: 204.
func (f floor) handle(answer func(*http.Request, caller) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c caller
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		err := f.pool.QueryRow(r.Context(), callerSQL, key).Scan(&c.id, &c.email, &c.everyone, &c.uses)
		if errors.Is(err, pgx.ErrNoRows) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if err == nil && !c.everyone && !c.uses {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		var body any
		if err == nil {
			body, err = answer(r, c)
		}
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			w.WriteHeader(http.StatusNotFound)
		case err != nil:
			log.Print(err)
			w.WriteHeader(http.StatusInternalServerError)
		case body == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(body)
		}
	}
}

func (f floor) list(r *http.Request, c caller) (any, error) {
	q := r.URL.Query()
	p := page{Data: []summary{}, Limit: 10}
	if limit := q.Get("limit"); limit != "" {
		p.Limit, _ = strconv.ParseInt(limit, 10, 64)
	}
	p.Skip, _ = strconv.ParseInt(q.Get("skip"), 10, 64)

	var rows pgx.Rows
	var err error
	switch after := q.Get("after"); {
	case after != "":
		parts := strings.SplitN(after, "_", 3)
		number, _ := strconv.Atoi(parts[0])
		micros, _ := strconv.ParseInt(parts[1], 10, 64)
		if c.everyone {
			rows, err = f.pool.Query(r.Context(), f.everyoneAfter, p.Limit, number, time.UnixMicro(micros), parts[2])
		} else {
			rows, err = f.pool.Query(r.Context(), f.ownAfter, c.id, p.Limit, number, time.UnixMicro(micros), parts[2])
		}
	case !c.everyone:
		rows, err = f.pool.Query(r.Context(), f.own, c.id, p.Limit, p.Skip)
	case q.Has("status"):
		rows, err = f.pool.Query(r.Context(), f.filtered, q.Get("status"), q.Get("model"), p.Limit, p.Skip)
	default:
		rows, err = f.pool.Query(r.Context(), f.everyone, p.Limit, p.Skip)
	}
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, p.Limit)
	var s summary // pgx makes new values for its pointers with each row
	into := []any{&s.ID, &s.owner, &s.Model, &s.Status, &s.ServiceTier, &s.CreatedAt, &s.CompletedAt, &s.FailedAt, &s.DurationMs, &s.ResponseStatus}
	if f.one {
		into = append(into, &s.PromptTokens, &s.CompletionTokens, &s.ReasoningTokens, &s.TotalTokens, &s.TotalCost, &s.CreatedByEmail)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if f.one && !c.everyone {
			s.CreatedByEmail = &c.email
		}
		p.Data, ids = append(p.Data, s), append(ids, s.ID)
	}
	if err := rows.Err(); err != nil || len(p.Data) == 0 {
		return p, err
	}
	if last := p.Data[len(p.Data)-1]; int64(len(p.Data)) == p.Limit {
		p.NextCursor = strconv.Itoa(ranks[last.Status]) + "_" + strconv.FormatInt(last.CreatedAt.UnixMicro(), 10) + "_" + last.ID.String()
	}
	if f.one {
		return p, nil
	}
	return p, f.describe(r.Context(), c, p.Data, ids)
}

// ranks of the states that sort first; all others have 3.
var ranks = map[string]int{"processing": 0, "claimed": 1, "pending": 2, "completed": 3, "failed": 3, "canceled": 3}

// describe adds usage and e-mail addresses, in one round trip.
func (f floor) describe(ctx context.Context, c caller, data []summary, ids []uuid.UUID) error {
	place := make(map[uuid.UUID]*summary, len(data))
	for i := range data {
		place[data[i].ID] = &data[i]
	}
	var batch pgx.Batch
	batch.Queue(usageSQL, ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var id uuid.UUID
			var u summary
			if err := rows.Scan(&id, &u.PromptTokens, &u.CompletionTokens, &u.ReasoningTokens, &u.TotalTokens, &u.TotalCost); err != nil {
				return err
			}
			s := place[id]
			s.PromptTokens, s.CompletionTokens, s.ReasoningTokens, s.TotalTokens, s.TotalCost = u.PromptTokens, u.CompletionTokens, u.ReasoningTokens, u.TotalTokens, u.TotalCost
		}
		return rows.Err()
	})
	if c.everyone {
		owners := make([]string, len(data))
		for i := range data {
			owners[i] = data[i].owner
		}
		batch.Queue(emailsSQL, owners).Query(func(rows pgx.Rows) error {
			emails := make(map[string]*string, len(data))
			for rows.Next() {
				var id, email string
				if err := rows.Scan(&id, &email); err != nil {
					return err
				}
				emails[id] = &email
			}
			for i := range data {
				data[i].CreatedByEmail = emails[data[i].owner]
			}
			return rows.Err()
		})
	} else {
		for i := range data {
			data[i].CreatedByEmail = &c.email
		}
	}
	return f.pool.SendBatch(ctx, &batch).Close()
}

func (f floor) fetch(r *http.Request, c caller) (any, error) {
	var d detail
	err := f.pool.QueryRow(r.Context(), fetchSQL, r.PathValue("id"), c.id, c.everyone).Scan(
		&d.ID, &d.CreatedBy, &d.Model, &d.Status, &d.ServiceTier, &d.CreatedAt, &d.CompletedAt, &d.FailedAt, &d.DurationMs, &d.ResponseStatus,
		&d.PromptTokens, &d.CompletionTokens, &d.ReasoningTokens, &d.TotalTokens, &d.TotalCost, &d.Body, &d.ResponseBody, &d.Error)
	if err == nil && d.CreatedBy == c.id {
		d.CreatedByEmail = &c.email
	} else if err == nil {
		var id string
		err = f.pool.QueryRow(r.Context(), emailsSQL, []string{d.CreatedBy}).Scan(&id, &d.CreatedByEmail)
	}
	return d, err
}

func (f floor) erase(r *http.Request, c caller) (any, error) {
	var erased int
	err := f.pool.QueryRow(r.Context(), eraseSQL, r.PathValue("id"), c.id, c.everyone).Scan(&erased)
	if err == nil && erased == 0 {
		err = pgx.ErrNoRows
	}
	return nil, err
}
