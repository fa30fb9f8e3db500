// Command floor is the least code that answers the service's calls: what they
// cost at best with net/http, encoding/json and pgx. It validates nothing,
// counts nothing, and knows keys only. The service is measured against it, so
// whenever a faster form of it is found, that is the floor.
//
// There are two forms. In steps, each query waits for the one before: caller,
// page, usage. At once, all are sent together, whatever the caller turns out to
// be allowed; only those who may read everyone's need a second round trip.
//
// FLOOR_DATABASE_URL says where the tables are, FLOOR_ADDR where to listen,
// FLOOR_FORM which form: "steps", else at once.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
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
		extract(epoch FROM completed_at - started_at)::float8 * 1000, response_status FROM fusillade.requests WHERE `
	order = ` ORDER BY ` + rank + `, created_at DESC, id DESC LIMIT `

	ownSQL      = selection + `created_by = $1` + order + `$2 OFFSET $3`
	everyoneSQL = selection + `created_by IS NOT NULL` + order + `$1 OFFSET $2`
	filteredSQL = selection + `created_by IS NOT NULL AND state = $1 AND model = $2` + order + `$3 OFFSET $4`
	// The second half is reached only where the first does not fill the page.
	ownAfterSQL = `(` + selection + `created_by = $1 AND ` + rank + ` = $3 AND (created_at, id) < ($4, $5)` + order + `$2)
		UNION ALL (` + selection + `created_by = $1 AND ` + rank + ` > $3` + order + `$2) LIMIT $2`
	everyoneAfterSQL = `(` + selection + `created_by IS NOT NULL AND ` + rank + ` = $2 AND (created_at, id) < ($3, $4)` + order + `$1)
		UNION ALL (` + selection + `created_by IS NOT NULL AND ` + rank + ` > $2` + order + `$1) LIMIT $1`

	usageSQL = `SELECT DISTINCT ON (fusillade_request_id) fusillade_request_id,
		prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, total_cost::float8
		FROM http_analytics WHERE fusillade_request_id = ANY ($1) ORDER BY fusillade_request_id, timestamp DESC, id DESC`
	emailsSQL = `SELECT id::text, email FROM users WHERE id = ANY ($1)`

	fetchSQL = `SELECT r.id, r.created_by, r.model, r.state, r.service_tier, r.created_at, r.completed_at, r.failed_at,
		extract(epoch FROM r.completed_at - r.started_at)::float8 * 1000, r.response_status,
		a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens, a.total_cost::float8,
		CASE WHEN f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END, r.response_body, r.error
		FROM fusillade.requests r
		LEFT JOIN fusillade.request_templates t ON t.id = r.template_id
		LEFT JOIN fusillade.files f ON f.id = t.file_id
		LEFT JOIN LATERAL (SELECT * FROM http_analytics WHERE fusillade_request_id = r.id ORDER BY timestamp DESC, id DESC LIMIT 1) a ON true
		WHERE r.id = $1 AND r.created_by IS NOT NULL AND (r.created_by = $2 OR $3)`

	// One statement is one transaction. Steps go with their requests.
	eraseSQL = `WITH gone AS (
			DELETE FROM fusillade.requests WHERE id = $1 AND created_by IS NOT NULL AND (created_by = $2 OR $3) RETURNING template_id
		), template AS (
			DELETE FROM fusillade.request_templates WHERE id = (SELECT template_id FROM gone) AND file_id IS NULL
		) SELECT count(*) FROM gone`
)

// The same for the owner that a key is of, since who calls is not known yet.
const keyOwner = `(SELECT k.user_id::text FROM api_keys k WHERE k.secret = $1 AND NOT k.is_deleted)`

var (
	ownByKeySQL      = strings.ReplaceAll(ownSQL, "created_by = $1", "created_by = "+keyOwner)
	ownAfterByKeySQL = strings.ReplaceAll(ownAfterSQL, "created_by = $1", "created_by = "+keyOwner)
	fetchByIDSQL     = strings.Replace(fetchSQL, " AND (r.created_by = $2 OR $3)", "", 1)
	// Permission is asked for in the same statement.
	eraseByKeySQL = strings.Replace(eraseSQL, "(created_by = $2 OR $3)", `EXISTS (
		SELECT FROM api_keys k JOIN users u ON u.id = k.created_by LEFT JOIN user_roles ur ON ur.user_id = u.id
		WHERE k.secret = $2 AND NOT k.is_deleted AND NOT u.is_deleted AND k.purpose = 'platform'
		  AND (u.is_admin OR ur.role = 'PLATFORMMANAGER' OR ur.role = 'BATCHAPIUSER' AND requests.created_by = u.id::text))`, 1)
)

func usageOf(pageSQL string) string {
	return strings.Replace(usageSQL, "ANY ($1)", "ANY (ARRAY (SELECT id FROM ("+pageSQL+") page))", 1)
}

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

type floor struct{ pool *pgxpool.Pool }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	time.Local = time.UTC
	cfg, err := pgxpool.ParseConfig(os.Getenv("FLOOR_DATABASE_URL"))
	if err != nil {
		log.Fatal("FLOOR_DATABASE_URL is no connection string")
	}
	cfg.MaxConns = 20
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	f := floor{pool}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	const path = "/admin/api/v1/batches/requests"
	if os.Getenv("FLOOR_FORM") == "steps" {
		mux.HandleFunc("GET "+path, f.inSteps(f.list))
		mux.HandleFunc("GET "+path+"/{id}", f.inSteps(f.fetch))
		mux.HandleFunc("DELETE "+path+"/{id}", f.inSteps(f.erase))
	} else {
		mux.HandleFunc("GET "+path, f.atOnce(f.queueList))
		mux.HandleFunc("GET "+path+"/{id}", f.atOnce(f.queueFetch))
		mux.HandleFunc("DELETE "+path+"/{id}", f.atOnce(f.queueErase))
	}
	server := &http.Server{Addr: os.Getenv("FLOOR_ADDR"), Handler: mux}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func keyOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func (c *caller) scan(row pgx.Row) error {
	return row.Scan(&c.id, &c.email, &c.everyone, &c.uses)
}

var errNobody, errForbidden = errors.New("nobody"), errors.New("forbidden")

func (c *caller) check(err error) error {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errNobody
	case err == nil && !c.everyone && !c.uses:
		return errForbidden
	}
	return err
}

// inSteps finds out who calls before it does anything else.
func (f floor) inSteps(answer func(*http.Request, caller) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c caller
		var body any
		err := c.check(c.scan(f.pool.QueryRow(r.Context(), callerSQL, keyOf(r))))
		if err == nil {
			body, err = answer(r, c)
		}
		respond(w, body, err)
	}
}

// atOnce sends the query for who calls together with those that queue adds; the
// answer is called when all have been answered.
func (f floor) atOnce(queue func(*http.Request, *pgx.Batch, *caller) (answer func() (any, error))) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var c caller
		var batch pgx.Batch
		var body any
		batch.Queue(callerSQL, keyOf(r)).QueryRow(func(row pgx.Row) error { return c.check(c.scan(row)) })
		answer := queue(r, &batch, &c)
		err := f.pool.SendBatch(r.Context(), &batch).Close()
		if err == nil {
			body, err = answer()
		}
		respond(w, body, err)
	}
}

// respond writes what is to be said as JSON, nil as a 204.
func respond(w http.ResponseWriter, body any, err error) {
	switch {
	case errors.Is(err, errNobody):
		w.WriteHeader(http.StatusUnauthorized)
	case errors.Is(err, errForbidden):
		w.WriteHeader(http.StatusForbidden)
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

func (f floor) queueList(r *http.Request, batch *pgx.Batch, c *caller) func() (any, error) {
	q := r.URL.Query()
	p := newPage(q)
	sql, args := ownByKeySQL, []any{keyOf(r), p.Limit, p.Skip}
	if after := q.Get("after"); after != "" {
		rank, created, id := position(after)
		sql, args = ownAfterByKeySQL, []any{keyOf(r), p.Limit, rank, created, id}
	}
	batch.Queue(sql, args...).Query(p.read)
	batch.Queue(usageOf(sql), args...).Query(p.readUsage)
	return func() (any, error) {
		if c.everyone {
			return f.list(r, *c)
		}
		for i := range p.Data {
			p.Data[i].CreatedByEmail = &c.email
		}
		return p, nil
	}
}

func (f floor) queueFetch(r *http.Request, batch *pgx.Batch, c *caller) func() (any, error) {
	var d detail
	var missing error // an error here and now would cost the connection
	batch.Queue(fetchByIDSQL, r.PathValue("id")).QueryRow(func(row pgx.Row) error {
		err := d.scan(row)
		if errors.Is(err, pgx.ErrNoRows) {
			missing, err = err, nil
		}
		return err
	})
	return func() (any, error) {
		if missing == nil && !c.everyone && d.CreatedBy != c.id {
			missing = pgx.ErrNoRows
		}
		if missing != nil {
			return nil, missing
		}
		return d, f.addEmail(r.Context(), &d, *c)
	}
}

func (f floor) queueErase(r *http.Request, batch *pgx.Batch, _ *caller) func() (any, error) {
	var erased int
	batch.Queue(eraseByKeySQL, r.PathValue("id"), keyOf(r)).QueryRow(func(row pgx.Row) error { return row.Scan(&erased) })
	return func() (any, error) { return nil, some(erased) }
}

func some(erased int) error {
	if erased == 0 {
		return pgx.ErrNoRows
	}
	return nil
}

func newPage(q url.Values) *page {
	p := &page{Data: []summary{}, Limit: 10}
	if limit := q.Get("limit"); limit != "" {
		p.Limit, _ = strconv.ParseInt(limit, 10, 64)
	}
	p.Skip, _ = strconv.ParseInt(q.Get("skip"), 10, 64)
	return p
}

// position undoes what read makes of a page's last row.
func position(after string) (rank int, created time.Time, id string) {
	parts := strings.SplitN(after, "_", 3)
	rank, _ = strconv.Atoi(parts[0])
	micros, _ := strconv.ParseInt(parts[1], 10, 64)
	return rank, time.UnixMicro(micros), parts[2]
}

func (p *page) read(rows pgx.Rows) error {
	for rows.Next() {
		var s summary
		if err := rows.Scan(&s.ID, &s.owner, &s.Model, &s.Status, &s.ServiceTier, &s.CreatedAt, &s.CompletedAt, &s.FailedAt, &s.DurationMs, &s.ResponseStatus); err != nil {
			return err
		}
		p.Data = append(p.Data, s)
	}
	if n := len(p.Data); n > 0 && int64(n) == p.Limit {
		last := p.Data[n-1]
		p.NextCursor = strconv.Itoa(ranks[last.Status]) + "_" + strconv.FormatInt(last.CreatedAt.UnixMicro(), 10) + "_" + last.ID.String()
	}
	return rows.Err()
}

// ranks of states that come before all others; those have 3.
var ranks = map[string]int{"processing": 0, "claimed": 1, "pending": 2, "completed": 3, "failed": 3, "canceled": 3}

func (p *page) readUsage(rows pgx.Rows) error {
	for rows.Next() {
		var id uuid.UUID
		var u summary
		if err := rows.Scan(&id, &u.PromptTokens, &u.CompletionTokens, &u.ReasoningTokens, &u.TotalTokens, &u.TotalCost); err != nil {
			return err
		}
		i := slices.IndexFunc(p.Data, func(s summary) bool { return s.ID == id })
		s := &p.Data[i]
		s.PromptTokens, s.CompletionTokens, s.ReasoningTokens, s.TotalTokens, s.TotalCost = u.PromptTokens, u.CompletionTokens, u.ReasoningTokens, u.TotalTokens, u.TotalCost
	}
	return rows.Err()
}

func (f floor) list(r *http.Request, c caller) (any, error) {
	q := r.URL.Query()
	p := newPage(q)
	var sql string
	var args []any
	switch after := q.Get("after"); {
	case after != "":
		rank, created, id := position(after)
		sql, args = ownAfterSQL, []any{c.id, p.Limit, rank, created, id}
		if c.everyone {
			sql, args = everyoneAfterSQL, args[1:]
		}
	case !c.everyone:
		sql, args = ownSQL, []any{c.id, p.Limit, p.Skip}
	case q.Has("status"):
		sql, args = filteredSQL, []any{q.Get("status"), q.Get("model"), p.Limit, p.Skip}
	default:
		sql, args = everyoneSQL, []any{p.Limit, p.Skip}
	}
	rows, err := f.pool.Query(r.Context(), sql, args...)
	if err == nil {
		err = p.read(rows)
	}
	if err != nil || len(p.Data) == 0 {
		return p, err
	}
	ids, owners := make([]uuid.UUID, len(p.Data)), make([]string, len(p.Data))
	for i := range p.Data {
		ids[i], owners[i], p.Data[i].CreatedByEmail = p.Data[i].ID, p.Data[i].owner, &c.email
	}
	var batch pgx.Batch
	batch.Queue(usageSQL, ids).Query(p.readUsage)
	if c.everyone {
		batch.Queue(emailsSQL, owners).Query(p.readEmails)
	}
	return p, f.pool.SendBatch(r.Context(), &batch).Close()
}

func (p *page) readEmails(rows pgx.Rows) error {
	emails := make(map[string]*string, len(p.Data))
	for rows.Next() {
		var id, email string
		if err := rows.Scan(&id, &email); err != nil {
			return err
		}
		emails[id] = &email
	}
	for i := range p.Data {
		p.Data[i].CreatedByEmail = emails[p.Data[i].owner]
	}
	return rows.Err()
}

func (d *detail) scan(row pgx.Row) error {
	return row.Scan(
		&d.ID, &d.CreatedBy, &d.Model, &d.Status, &d.ServiceTier, &d.CreatedAt, &d.CompletedAt, &d.FailedAt, &d.DurationMs, &d.ResponseStatus,
		&d.PromptTokens, &d.CompletionTokens, &d.ReasoningTokens, &d.TotalTokens, &d.TotalCost, &d.Body, &d.ResponseBody, &d.Error)
}

func (f floor) addEmail(ctx context.Context, d *detail, c caller) error {
	if d.CreatedBy == c.id {
		d.CreatedByEmail = &c.email
		return nil
	}
	var id string
	return f.pool.QueryRow(ctx, emailsSQL, []string{d.CreatedBy}).Scan(&id, &d.CreatedByEmail)
}

func (f floor) fetch(r *http.Request, c caller) (any, error) {
	var d detail
	err := d.scan(f.pool.QueryRow(r.Context(), fetchSQL, r.PathValue("id"), c.id, c.everyone))
	if err == nil {
		err = f.addEmail(r.Context(), &d, c)
	}
	return d, err
}

func (f floor) erase(r *http.Request, c caller) (any, error) {
	var erased int
	if err := f.pool.QueryRow(r.Context(), eraseSQL, r.PathValue("id"), c.id, c.everyone).Scan(&erased); err != nil {
		return nil, err
	}
	return nil, some(erased)
}
