package search

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

const (
	pieces       = 3  // of each text of a sample
	pieceLength  = 40 // bytes
	pieceAtLeast = 12 // characters
	longestWord  = 64 // bytes, of the name of something
)

// Sample is what is looked for of some responses, and where erasing them would
// remove it.
type Sample struct {
	Needles   []Needle
	Responses int
	// Identifiers tells which of the needles are identifiers; the others are
	// pieces of contents.
	Identifiers []bool
	reached     map[string]bool // tables and keys, of the rows that go
	own         map[string]bool // and of those that are theirs and stay
}

// Reached tells whether erasing the responses removes the row of this key.
func (s *Sample) Reached(table, key string) bool { return s.reached[table+" "+key] }

// Own tells whether the row of this key is a part of one of the responses,
// removed with it or not.
func (s *Sample) Own(table, key string) bool {
	return s.Reached(table, key) || s.own[table+" "+key]
}

// Schemas says where tables are: those of dwctl, of the raw copies, and Lethe's.
type Schemas struct{ Fusillade, Outlet, Own string }

// Keys are expressions that tell apart the rows of the tables from which an
// erasure removes some, by the names of the tables.
func Keys(schemas Schemas) map[string]string {
	copied := "instance_id::text || '/' || correlation_id::text"
	return map[string]string{
		schemas.Fusillade + ".requests":          "id::text",
		schemas.Fusillade + ".request_templates": "id::text",
		schemas.Fusillade + ".response_steps":    "id::text",
		schemas.Outlet + ".http_requests":        copied,
		schemas.Outlet + ".http_responses":       copied,
		"underway.task":                          "task_queue_name || '/' || coalesce(input -> 'step_input' ->> 'request_id', '')",
		schemas.Own + ".looks":                   "request_id::text",
	}
}

// TakeSample takes n random responses, or all where there are fewer. Errors as of
// MapError.
func (d *Database) TakeSample(ctx context.Context, schemas Schemas, n int) (*Sample, error) {
	s, err := d.takeSample(ctx, schemas, n)
	return s, postgres.MapError(err)
}

// takeSample asks in one statement, as a second one would have to name what the
// first one found. What goes with a response is as in queries/fusillade/erase.sql.
func (d *Database) takeSample(ctx context.Context, schemas Schemas, n int) (*Sample, error) {
	var usage bool
	var steps string
	if err := d.conn.QueryRow(ctx, `SELECT to_regclass('public.http_analytics') IS NOT NULL,
		coalesce(to_regclass(format('%I.response_steps', $1::text))::text, 'lethe.response_steps')`, schemas.Fusillade).Scan(&usage, &steps); err != nil {
		return nil, err
	}
	copies := "SELECT NULL::text AS key WHERE false"
	if usage {
		copies = `SELECT a.instance_id::text || '/' || a.correlation_id::text AS key FROM public.http_analytics a WHERE a.fusillade_request_id = ANY (r.requests)`
	}
	in := pgx.Identifier{schemas.Fusillade}.Sanitize()
	result, err := d.conn.Query(ctx, strings.NewReplacer("FUSILLADE.response_steps", steps, "FUSILLADE", in, "COPIES", copies, "LIMITED", fmt.Sprint(n)).Replace(`
		WITH RECURSIVE sample AS MATERIALIZED (
		    SELECT id AS head FROM FUSILLADE.requests WHERE batch_id IS NULL AND created_by IS NOT NULL ORDER BY random() LIMIT LIMITED
		), chain AS (
		    SELECT sample.head, s.id, s.request_id, s.parent_step_id, s.prev_step_id
		    FROM sample JOIN FUSILLADE.response_steps s ON s.request_id = sample.head
		    UNION
		    SELECT c.head, linked.id, linked.request_id, linked.parent_step_id, linked.prev_step_id
		    FROM chain c
		    CROSS JOIN LATERAL (
		        SELECT s.* FROM FUSILLADE.response_steps s WHERE s.parent_step_id = c.id
		        UNION ALL
		        SELECT s.* FROM FUSILLADE.response_steps s WHERE s.prev_step_id = c.id
		        UNION ALL
		        SELECT s.* FROM FUSILLADE.response_steps s WHERE s.id = c.parent_step_id
		        UNION ALL
		        SELECT s.* FROM FUSILLADE.response_steps s WHERE s.id = c.prev_step_id
		    ) linked
		), responses AS (
		    SELECT head,
		           ARRAY(SELECT head UNION SELECT c.request_id FROM chain c WHERE c.head = sample.head AND c.request_id IS NOT NULL) AS requests,
		           ARRAY(SELECT c.id FROM chain c WHERE c.head = sample.head) AS steps
		    FROM sample
		)
		SELECT r.requests, r.steps,
		       ARRAY(SELECT t.id FROM FUSILLADE.requests q JOIN FUSILLADE.request_templates t ON t.id = q.template_id
		             WHERE q.id = ANY (r.requests) AND t.file_id IS NULL),
		       ARRAY(SELECT q.template_id FROM FUSILLADE.requests q WHERE q.id = ANY (r.requests) AND q.template_id IS NOT NULL),
		       ARRAY(SELECT c.key FROM (COPIES) c),
		       ARRAY(SELECT texts.body FROM FUSILLADE.requests q LEFT JOIN FUSILLADE.request_templates t ON t.id = q.template_id
		             CROSS JOIN LATERAL (VALUES (t.body), (q.response_body), (q.error)) texts (body)
		             WHERE q.id = ANY (r.requests) AND texts.body <> '')
		FROM responses r`))
	if err != nil {
		return nil, err
	}
	s := &Sample{reached: map[string]bool{}, own: map[string]bool{}}
	taken := map[uuid.UUID]bool{}
	given := map[string]bool{}
	var requests, stepIDs, templates, ownTemplates []uuid.UUID
	var copied, texts []string
	_, err = pgx.ForEachRow(result, []any{&requests, &stepIDs, &templates, &ownTemplates, &copied, &texts}, func() error {
		if slices.ContainsFunc(requests, func(id uuid.UUID) bool { return taken[id] }) {
			return nil // another request of a response that is in the sample
		}
		s.Responses++
		for _, id := range slices.Concat(requests, stepIDs, ownTemplates) {
			taken[id] = true
			s.add(identifierNeedle(len(s.Needles)+1, id), true)
		}
		for _, id := range requests {
			s.reach(schemas.Fusillade+".requests", id.String())
			s.reach(schemas.Own+".looks", id.String())
			s.reach("underway.task", "create-response/"+id.String())
			s.reach("underway.task", "complete-response/"+id.String())
		}
		for _, id := range stepIDs {
			s.reach(schemas.Fusillade+".response_steps", id.String())
		}
		for _, id := range templates {
			s.reach(schemas.Fusillade+".request_templates", id.String())
		}
		for _, id := range ownTemplates {
			s.own[schemas.Fusillade+".request_templates "+id.String()] = true
		}
		for _, key := range copied {
			s.reach(schemas.Outlet+".http_requests", key)
			s.reach(schemas.Outlet+".http_responses", key)
		}
		for _, text := range texts {
			for _, piece := range distinctive(text) {
				if !given[piece] {
					given[piece] = true
					s.add(textNeedle(len(s.Needles)+1, piece), false)
				}
			}
		}
		return nil
	})
	return s, err
}

func (s *Sample) add(n Needle, identifier bool) {
	s.Needles = append(s.Needles, n)
	s.Identifiers = append(s.Identifiers, identifier)
}

func (s *Sample) reach(table, key string) { s.reached[table+" "+key] = true }

// distinctive are pieces of a body that say something: of its longest strings,
// where it is JSON, from their midst.
func distinctive(body string) []string {
	texts := []string{body}
	if decoder := json.NewDecoder(bytes.NewReader([]byte(body))); body != "" {
		var value any
		if decoder.Decode(&value) == nil {
			if texts = leaves(nil, value); len(texts) == 0 {
				return nil
			}
		}
	}
	slices.SortStableFunc(texts, func(a, b string) int { return len(b) - len(a) })
	var found []string
	for _, text := range texts[:min(len(texts), pieces)] {
		if piece := midst(text); piece != "" {
			found = append(found, piece)
		}
	}
	return found
}

// name is what a model, a tool or an identifier looks like.
var name = regexp.MustCompile(`^[A-Za-z0-9_./:@-]*$`)

// leaves are the strings in a value of JSON that are no names.
func leaves(to []string, value any) []string {
	switch v := value.(type) {
	case string:
		if len(v) <= longestWord && name.MatchString(v) {
			return to
		}
		return append(to, v)
	case []any:
		for _, inner := range v {
			to = leaves(to, inner)
		}
	case map[string]any:
		for _, inner := range v {
			to = leaves(to, inner)
		}
	}
	return to
}

// midst is a piece of the longest line of a text, in whole characters; "" where
// that is too short to tell one response from another.
func midst(text string) string {
	line := ""
	for _, l := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) {
		if l = strings.TrimSpace(l); len(l) > len(line) {
			line = l
		}
	}
	if len(line) > pieceLength {
		from := (len(line) - pieceLength) / 2
		for !utf8.RuneStart(line[from]) {
			from++
		}
		end := from + pieceLength
		for end < len(line) && !utf8.RuneStart(line[end]) {
			end--
		}
		line = strings.TrimSpace(line[from:min(end, len(line))])
	}
	if utf8.RuneCountInString(line) < pieceAtLeast {
		return ""
	}
	return line
}
