package search

import (
	"bytes"
	"context"
	"encoding/hex"
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

// Sample holds needles for some responses, and the places from which erasing these
// would remove them.
type Sample struct {
	Needles   []Needle
	Responses int

	schemas Schemas
	leads   Leads
	kinds   []kindOfNeedle  // of each needle
	digits  []string        // of each that is an identifier
	own     map[string]bool // tables and keys of the responses' own rows
	reached map[string]bool // those of them that an erasure removes
	led     map[string]bool // places of raw copies that leads were found to
}

type kindOfNeedle int

const (
	piece kindOfNeedle = iota // of contents
	ofRequest
	ofStep
	ofTemplate
)

// Leads are what erasures follow to raw copies.
type Leads struct {
	Usage  bool // usage records that name a request
	Step   bool // those that name only a step
	Header bool // the header of the copied request
}

// Identifier reports whether a needle is an identifier; the others are pieces of
// contents.
func (s *Sample) Identifier(needle int) bool { return s.kinds[needle] != piece }

// Reached reports whether erasing the responses removes the row of this key. For raw
// copies it is known when every row has been followed.
func (s *Sample) Reached(table, key string) bool {
	if s.Copies(table) {
		place, _, _ := strings.Cut(key, " ")
		return s.led[place]
	}
	return s.reached[table+" "+key]
}

// Own reports whether the row of this key is part of the responses, and not a copy.
func (s *Sample) Own(table, key string) bool { return s.own[table+" "+key] }

// Copies reports whether a table holds raw copies.
func (s *Sample) Copies(table string) bool {
	return table == s.schemas.Outlet+".http_requests" || table == s.schemas.Outlet+".http_responses"
}

// Follow records the raw copies that a row with findings leads to. The client does
// this, as a query would have to name the needles.
func (s *Sample) Follow(table string, row Row) {
	place, header, _ := strings.Cut(row.Key, " ")
	switch table {
	case usageRecords:
		for column, lead := range map[string]struct {
			followed bool
			to       kindOfNeedle
		}{"fusillade_request_id": {s.leads.Usage, ofRequest}, "response_step_id": {s.leads.Step, ofStep}} {
			if lead.followed && slices.ContainsFunc(row.Found[column], func(n int) bool { return s.kinds[n] == lead.to }) {
				s.led[place] = true
			}
		}
	case s.schemas.Outlet + ".http_requests":
		if s.leads.Header && slices.ContainsFunc(row.Found["headers"], func(n int) bool { return s.kinds[n] == ofRequest && s.digits[n] == header }) {
			s.led[place] = true
		}
	}
}

// Schemas names the schemas of fusillade, of the raw copies, and of Lethe.
type Schemas struct{ Fusillade, Outlet, Own string }

const usageRecords = "public.http_analytics"

// Keys maps tables from which an erasure removes rows, and the usage records, to
// expressions that identify their rows. named is the expression, in digits, for the
// request that a header names.
func Keys(schemas Schemas, named string) map[string]string {
	copied := "instance_id::text || '/' || correlation_id::text"
	const grouped = "delete_on::text || '/' || group_id::text"
	return map[string]string{
		schemas.Fusillade + ".requests":                         "id::text",
		schemas.Fusillade + ".request_templates":                "id::text",
		schemas.Fusillade + ".request_templates_g2":             "id::text",
		schemas.Fusillade + ".request_template_routes":          "id::text",
		schemas.Fusillade + ".response_steps":                   "id::text",
		schemas.Fusillade + ".retained_response_objects":        grouped,
		schemas.Fusillade + ".retained_response_request_routes": grouped,
		schemas.Fusillade + ".retained_response_group_routes":   grouped,
		usageRecords:                       copied,
		schemas.Outlet + ".http_requests":  copied + " || ' ' || coalesce(" + named + ", '')",
		schemas.Outlet + ".http_responses": copied,
		"underway.task":                    "task_queue_name || '/' || coalesce(input -> 'step_input' ->> 'request_id', '')",
		schemas.Own + ".access_log":        "request_id::text",
	}
}

// TakeSample takes n random responses, or all if there are fewer. leads are what an
// erasure of them follows. Errors are those of MapError.
func (d *Database) TakeSample(ctx context.Context, schemas Schemas, leads Leads, n int) (*Sample, error) {
	s, err := d.takeSample(ctx, schemas, leads, n)
	return s, postgres.MapError(err)
}

// retainedRows selects finished responses that fusillade-arsenal has moved, as in
// queries/fusillade/retained.sql; without its tables, none.
const (
	retainedRows = `
		SELECT q.request_id AS id, (o.payload -> 'request' ->> 'template_id')::uuid AS template_id, o.payload
		FROM FUSILLADE.retained_response_request_routes q
		JOIN FUSILLADE.retained_response_group_routes g ON g.group_id = q.group_id AND g.delete_on = q.delete_on
		JOIN FUSILLADE.retained_response_objects o ON o.delete_on = q.delete_on AND o.group_id = q.group_id AND o.object_id = q.request_id
		JOIN FUSILLADE.retained_response_buckets b ON b.delete_on = o.delete_on AND b.partition_oid = o.tableoid AND b.state = 'active'
		WHERE o.object_kind = 'request' AND o.created_by IS NOT NULL AND o.created_at IS NOT NULL`
	noRetainedRows = `SELECT NULL::uuid AS id, NULL::uuid AS template_id, NULL::jsonb AS payload WHERE false`

	// The places of these, and whether they match what their groups say: otherwise an
	// erasure refuses.
	retainedPlaces = `
		SELECT placed.delete_on::text || '/' || placed.group_id::text AS place,
		       EXISTS (SELECT FROM FUSILLADE.retained_response_group_routes g WHERE g.group_id = placed.group_id AND g.delete_on = placed.delete_on)
		       AND said.objects = 1 AND said.ids = routed.ids AND routed.ids = there.ids AND routed.within AS as_said
		FROM (SELECT DISTINCT q.group_id, q.delete_on FROM FUSILLADE.retained_response_request_routes q WHERE q.request_id = ANY (REQUESTS)) placed
		CROSS JOIN LATERAL (
		    SELECT count(DISTINCT o.object_id) AS objects, array_agg(lower(i.id) ORDER BY lower(i.id)) AS ids
		    FROM FUSILLADE.retained_response_objects o
		    CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(o.payload -> 'request_ids') WHEN 'array' THEN o.payload -> 'request_ids' ELSE '[]' END) i (id)
		    WHERE o.delete_on = placed.delete_on AND o.group_id = placed.group_id AND o.object_kind = 'group'
		) said
		CROSS JOIN LATERAL (
		    SELECT array_agg(o.object_id::text ORDER BY o.object_id::text) AS ids FROM FUSILLADE.retained_response_objects o
		    WHERE o.delete_on = placed.delete_on AND o.group_id = placed.group_id AND o.object_kind = 'request'
		) there
		CROSS JOIN LATERAL (
		    SELECT array_agg(q.request_id::text ORDER BY q.request_id::text) AS ids, bool_and(q.request_id = ANY (REQUESTS)) AS within
		    FROM FUSILLADE.retained_response_request_routes q WHERE q.delete_on = placed.delete_on AND q.group_id = placed.group_id
		) routed`
	noRetainedPlaces = `SELECT NULL::text AS place, true AS as_said WHERE false`
)

// takeSample uses one statement, as a second one would have to name what the first one
// found. What belongs to a response is as in queries/fusillade/erase.sql, and a test
// compares it with what an erasure removes: a template goes unless a request outside of
// the sample refers to it. The statement makes it long.
func (d *Database) takeSample(ctx context.Context, schemas Schemas, leads Leads, n int) (*Sample, error) {
	var steps string
	var elsewhere, moved bool
	if err := d.conn.QueryRow(ctx, `SELECT coalesce(to_regclass(format('%I.response_steps', $1::text))::text, 'lethe.response_steps'),
		to_regclass(format('%I.request_templates_g2', $1::text)) IS NOT NULL,
		to_regclass(format('%I.retained_response_objects', $1::text)) IS NOT NULL`, schemas.Fusillade).Scan(&steps, &elsewhere, &moved); err != nil {
		return nil, err
	}
	prompts := "SELECT t.body FROM FUSILLADE.request_templates t WHERE t.id = q.template_id"
	if elsewhere {
		prompts += ` UNION ALL SELECT t.body FROM FUSILLADE.request_template_routes w
		    JOIN FUSILLADE.request_templates_g2 t ON t.created_on = w.created_on AND t.id = w.id WHERE w.id = q.template_id`
	}
	retained, places := noRetainedRows, noRetainedPlaces
	if moved {
		retained, places = retainedRows, strings.ReplaceAll(retainedPlaces, "REQUESTS", "r.requests")
	}
	query := strings.NewReplacer("RETAINED", retained, "PLACES", places, "PROMPTS", prompts, "LIMITED", fmt.Sprint(n)).Replace(`
		WITH RECURSIVE retained AS NOT MATERIALIZED (RETAINED), sample AS MATERIALIZED (
		    SELECT head FROM (
		        SELECT id AS head FROM FUSILLADE.requests WHERE batch_id IS NULL AND created_by IS NOT NULL UNION SELECT id FROM retained
		    ) responses ORDER BY random() LIMIT LIMITED
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
		), responses AS MATERIALIZED (
		    SELECT head,
		           ARRAY(SELECT head UNION SELECT c.request_id FROM chain c WHERE c.head = sample.head AND c.request_id IS NOT NULL) AS requests,
		           ARRAY(SELECT c.id FROM chain c WHERE c.head = sample.head) AS steps
		    FROM sample
		), members AS MATERIALIZED (
		    SELECT DISTINCT unnest(requests) AS id FROM responses
		), rows AS MATERIALIZED (
		    SELECT q.id, q.template_id, q.response_body, q.error, NULL::text AS prompt, true AS refers
		    FROM members m JOIN FUSILLADE.requests q ON q.id = m.id
		    UNION ALL
		    SELECT q.id, q.template_id, q.payload -> 'request' ->> 'response_body', q.payload -> 'request' ->> 'error', q.payload -> 'template' ->> 'body', false
		    FROM members m JOIN retained q ON q.id = m.id
		), known AS MATERIALIZED (
		    SELECT template_id, count(*) FILTER (WHERE refers) AS requests FROM rows WHERE template_id IS NOT NULL GROUP BY template_id
		), needed AS MATERIALIZED (
		    SELECT k.template_id FROM known k
		    WHERE (SELECT count(*) FROM (SELECT FROM FUSILLADE.requests q WHERE q.template_id = k.template_id LIMIT k.requests + 1) referring) > k.requests
		)
		SELECT r.requests, r.steps,
		       ARRAY(SELECT DISTINCT q.template_id FROM rows q WHERE q.id = ANY (r.requests) AND q.template_id IS NOT NULL
		             AND q.template_id NOT IN (SELECT template_id FROM needed)),
		       ARRAY(SELECT texts.body FROM rows q
		             CROSS JOIN LATERAL (PROMPTS UNION ALL SELECT q.response_body UNION ALL SELECT q.error UNION ALL SELECT q.prompt) texts (body)
		             WHERE q.id = ANY (r.requests) AND texts.body <> ''),
		       coalesce(found.places, '{}'), coalesce(found.as_said, true)
		FROM responses r
		CROSS JOIN LATERAL (SELECT array_agg(p.place) AS places, bool_and(coalesce(p.as_said, false)) AS as_said FROM (PLACES) p) found`)
	in := pgx.Identifier{schemas.Fusillade}.Sanitize()
	result, err := d.conn.Query(ctx, strings.NewReplacer("FUSILLADE.response_steps", steps, "FUSILLADE", in).Replace(query))
	if err != nil {
		return nil, err
	}
	s := &Sample{schemas: schemas, leads: leads, own: map[string]bool{}, reached: map[string]bool{}, led: map[string]bool{}}
	taken := map[uuid.UUID]bool{}
	given := map[string]bool{}
	var requests, stepIDs, templates []uuid.UUID
	var texts, groups []string
	var erasable bool
	_, err = pgx.ForEachRow(result, []any{&requests, &stepIDs, &templates, &texts, &groups, &erasable}, func() error {
		if slices.ContainsFunc(requests, func(id uuid.UUID) bool { return taken[id] }) {
			return nil // another request of a response in the sample
		}
		s.Responses++
		for kind, ids := range map[kindOfNeedle][]uuid.UUID{ofRequest: requests, ofStep: stepIDs, ofTemplate: templates} {
			for _, id := range ids {
				if !taken[id] { // several may share a template
					taken[id] = true
					s.add(identifierNeedle(len(s.Needles)+1, id), kind, hex.EncodeToString(id[:]))
				}
			}
		}
		s.reachAll(requests, stepIDs, templates, groups, erasable)
		for _, text := range texts {
			for _, part := range distinctive(text) {
				if !given[part] {
					given[part] = true
					s.add(textNeedle(len(s.Needles)+1, part), piece, "")
				}
			}
		}
		return nil
	})
	return s, err
}

func (s *Sample) add(n Needle, kind kindOfNeedle, digits string) {
	s.Needles, s.kinds, s.digits = append(s.Needles, n), append(s.kinds, kind), append(s.digits, digits)
}

// reachAll records what belongs to a response, except raw copies; all of it goes if
// erasable is set.
func (s *Sample) reachAll(requests, steps, templates []uuid.UUID, groups []string, erasable bool) {
	reach := func(table, key string) {
		s.own[table+" "+key], s.reached[table+" "+key] = true, erasable
	}
	for _, id := range requests {
		reach(s.schemas.Fusillade+".requests", id.String())
		reach(s.schemas.Own+".access_log", id.String())
		reach("underway.task", "create-response/"+id.String())
		reach("underway.task", "complete-response/"+id.String())
	}
	for _, id := range steps {
		reach(s.schemas.Fusillade+".response_steps", id.String())
	}
	for _, id := range templates {
		for _, table := range []string{".request_templates", ".request_templates_g2", ".request_template_routes"} {
			reach(s.schemas.Fusillade+table, id.String())
		}
	}
	for _, group := range groups {
		for _, table := range []string{".retained_response_objects", ".retained_response_request_routes", ".retained_response_group_routes"} {
			reach(s.schemas.Fusillade+table, group)
		}
	}
}

// distinctive returns characteristic pieces of a body: from the middle of its longest
// strings if it is JSON.
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

// name matches what looks like a model, a tool or an identifier.
var name = regexp.MustCompile(`^[A-Za-z0-9_./:@-]*$`)

// leaves returns the strings in a value of JSON that are not names.
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

// midst returns the middle of the longest line of a text, in whole characters; "" if
// that is too short to distinguish responses.
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
