// Package inspect checks whether Lethe can work on a database: the tables, columns and
// privileges that its queries need, the indexes that its lists need, and the state of
// the server. Requirements is the only list of what is needed; the checks and the grants
// are derived from it.
//
// [Requirement] is a table with the columns and privileges that the queries need,
// [Place] is where content can be stored, and [IndexAdvice] is a missing index.
package inspect

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Querier runs the checks: a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

type Schemas struct {
	Fusillade string // empty: "fusillade"
	Outlet    string // empty: "outlet"
	// OutletApart means that the outlet's tables are in a separate database.
	OutletApart bool
}

func (s Schemas) withDefaults() Schemas {
	if s.Fusillade == "" {
		s.Fusillade = "fusillade"
	}
	if s.Outlet == "" {
		s.Outlet = "outlet"
	}
	return s
}

// CopiesIn returns the database of the outlet's tables.
func (s Schemas) CopiesIn() Side {
	if s.OutletApart {
		return Outlet
	}
	return Fusillade
}

// Side is the database of a table. Several sides may be one database.
type Side int

const (
	Main      Side = iota // users, keys and usage
	Fusillade             // requests, the log of erasures, the access log, and raw copies unless OutletApart
	Outlet                // raw copies if OutletApart
)

// Own is the schema of Lethe's own tables.
const Own = "lethe"

// Arsenal is the table that identifies fusillade's schema as fusillade-arsenal's.
const Arsenal = "retained_response_objects"

// Fences is the newest of the tables in which fusillade-arsenal keeps finished
// responses. If it exists, they are served.
const Fences = "retained_response_resurrection_fences"

// Column is a column that a query names. Type is PostgreSQL's internal name of its type
// (pg_type.typname).
type Column struct {
	Name, Type string
}

// Requirement is a table with what the queries do with it.
type Requirement struct {
	Side          Side
	Schema, Table string
	Read          []Column // SELECT
	Insert        []Column // INSERT
	Update        []Column // UPDATE, which FOR UPDATE requires, too
	Delete        bool     // DELETE
	// Whole requires SELECT on the table instead of on columns: a query reads a system
	// column, such as xmax.
	Whole    bool
	Sequence string // numbers its rows: USAGE
	Optional bool   // may be absent; if it exists, the rest is required
	// Voluntary means that the service works without it, and does more with it. It is
	// never reported as missing.
	Voluntary bool
	Unless    string // may be absent if this table, its replacement, is in the same schema
	With      string // required only if this table is in the same schema; "": always
}

// Requirements lists what the queries need on the given sides, or on all if none is
// given. It is long because it is one table.
func Requirements(s Schemas, sides ...Side) []Requirement {
	s = s.withDefaults()
	// Locking a row requires UPDATE on one of its columns.
	updatedAt := []Column{{"updated_at", "timestamptz"}}
	copies := []Column{{"instance_id", "uuid"}, {"correlation_id", "int8"}}
	copies = append(copies, Column{"id", "int8"}, Column{"timestamp", "timestamptz"})
	headed := append(slices.Clone(copies), Column{"headers", "jsonb"}) // a header names the request
	steps := []Column{{"id", "uuid"}, {"request_id", "uuid"}, {"prev_step_id", "uuid"}, {"parent_step_id", "uuid"}, {"step_sequence", "int8"}}
	shownSteps := []Column{
		{"step_kind", "text"}, {"request_payload", "jsonb"}, {"response_payload", "jsonb"}, {"error", "jsonb"}, {"state", "text"},
		{"created_at", "timestamptz"}, {"started_at", "timestamptz"}, {"completed_at", "timestamptz"}, {"failed_at", "timestamptz"}, {"canceled_at", "timestamptz"},
	}
	retainedRoutes := []Column{{"request_id", "uuid"}, {"group_id", "uuid"}, {"delete_on", "date"}}
	fences := []Column{{"object_id", "uuid"}, {"reason", "text"}, {"expires_at", "timestamptz"}}
	templateRoutes := []Column{{"id", "uuid"}, {"created_on", "date"}}
	copiesIn := s.CopiesIn()
	accessLog := []Column{
		{"id", "uuid"}, {"accessed_at", "timestamptz"}, {"accessed_by", "uuid"}, {"request_id", "uuid"}, {"owner", "text"}, {"address", "text"},
		{"export", "jsonb"},
	}
	// The columns that River's statements name, for those of its services that run here.
	job := []Column{
		{"id", "int8"}, {"args", "jsonb"}, {"attempt", "int2"}, {"attempted_at", "timestamptz"}, {"attempted_by", "_text"},
		{"created_at", "timestamptz"}, {"errors", "_jsonb"}, {"finalized_at", "timestamptz"}, {"kind", "text"},
		{"max_attempts", "int2"}, {"metadata", "jsonb"}, {"priority", "int2"}, {"queue", "text"}, {"state", "river_job_state"},
		{"scheduled_at", "timestamptz"}, {"tags", "_varchar"}, {"unique_key", "bytea"}, {"unique_states", "bit"},
	}
	queue := []Column{
		{"name", "text"}, {"created_at", "timestamptz"}, {"metadata", "jsonb"}, {"paused_at", "timestamptz"}, {"updated_at", "timestamptz"},
	}
	leader := []Column{{"leader_id", "text"}, {"elected_at", "timestamptz"}, {"expires_at", "timestamptz"}}
	erasures := []Column{
		{"id", "uuid"}, {"trigger", "text"}, {"rule_id", "uuid"}, {"rule_version", "int8"}, {"kind", "text"}, {"target", "jsonb"},
		{"scope", "_text"}, {"as_of", "timestamptz"}, {"max", "int8"}, {"ground", "text"}, {"ticket", "text"},
		{"requested_at", "timestamptz"}, {"requested_by", "uuid"}, {"role", "text"}, {"secret", "bytea"},
		{"idempotency_key", "text"}, {"request_sum", "bytea"}, {"state", "text"}, {"expected", "int8"}, {"preview", "bytea"},
		{"approve_by", "timestamptz"}, {"subject_request", "uuid"},
	}
	progress := []Column{
		{"state", "text"}, {"started_at", "timestamptz"}, {"finished_at", "timestamptz"}, {"verify_at", "timestamptz"},
		{"verified_at", "timestamptz"}, {"done", "int8"}, {"requests", "int8"}, {"steps", "int8"}, {"templates", "int8"},
		{"raw_requests", "int8"}, {"raw_responses", "int8"}, {"tasks", "int8"}, {"files", "int8"}, {"kept_templates", "int8"}, {"retained", "int8"}, {"held", "int8"}, {"not_found", "int8"},
		{"receipts", "int8"}, {"failures", "jsonb"}, {"last_error", "text"}, {"pass_created_at", "timestamptz"}, {"pass_id", "uuid"},
		{"pass_named", "int8"}, {"pass_erased", "int8"}, {"refused", "int8"},
		{"decided_at", "timestamptz"}, {"decided_by", "uuid"}, {"refusal", "text"},
	}
	intents := []Column{
		{"begun_at", "timestamptz"}, {"id", "uuid"}, {"trigger", "text"}, {"rule_id", "uuid"}, {"rule_version", "int8"}, {"ground", "text"},
		{"requested_at", "timestamptz"}, {"actor_id", "uuid"}, {"role", "text"}, {"salt", "bytea"}, {"request_ids", "_uuid"},
		{"owners", "_text"}, {"raw_requests", "int8"}, {"raw_responses", "int8"}, {"erasure_id", "uuid"}, {"responses", "int8"},
		{"shared", "bool"}, {"instance_ids", "_uuid"}, {"correlation_ids", "_int8"},
	}
	endedSessions := []Column{{"id", "uuid"}, {"ended_by", "uuid"}, {"expires_at", "timestamptz"}}
	subjectRequests := []Column{
		{"id", "uuid"}, {"kind", "text"}, {"owner", "uuid"}, {"ticket", "text"}, {"state", "text"}, {"received_at", "timestamptz"},
		{"due_at", "timestamptz"}, {"created_at", "timestamptz"}, {"created_by", "uuid"},
	}
	processed := []Column{
		{"identity_checked_at", "timestamptz"}, {"identity_checked_by", "uuid"}, {"extended_at", "timestamptz"}, {"extended_by", "uuid"},
		{"extension", "text"}, {"ended_at", "timestamptz"}, {"ended_by", "uuid"}, {"refusal", "text"},
	}
	personFiles := []Column{
		{"id", "uuid"}, {"owner", "text"}, {"requested_at", "timestamptz"}, {"requested_by", "uuid"}, {"subject_request", "uuid"}, {"idempotency_key", "text"}, {"due_at", "timestamptz"},
	}
	madeFiles := []Column{
		{"due_at", "timestamptz"}, {"state", "text"}, {"reason", "text"}, {"attempt", "int4"}, {"as_of", "timestamptz"}, {"finished_at", "timestamptz"},
		{"expires_at", "timestamptz"}, {"responses", "int8"}, {"bytes", "int8"}, {"sha256", "bytea"}, {"removed", "bool"},
	}
	events := []Column{
		{"attempts", "int8"}, {"ended_at", "timestamptz"}, {"delivered", "bool"}, {"due_at", "timestamptz"}, {"type", "text"}, {"at", "timestamptz"}, {"data", "json"},
	}
	orphans := []Column{{"after_request", "int8"}, {"after_response", "int8"}, {"responses", "bool"}, {"due_at", "timestamptz"}}
	erasureReceipts := []Column{{"receipt_id", "uuid"}, {"erasure_id", "uuid"}, {"at", "timestamptz"}, {"responses", "int8"}}
	previews := []Column{
		{"token_sum", "bytea"}, {"requested_by", "uuid"}, {"target", "bytea"}, {"as_of", "timestamptz"}, {"expires_at", "timestamptz"},
		{"responses", "int8"}, {"requests", "int8"}, {"steps", "int8"}, {"templates", "int8"}, {"raw_requests", "int8"},
		{"raw_responses", "int8"}, {"tasks", "int8"}, {"held", "int8"}, {"not_found", "int8"}, {"partial", "bool"}, {"sum", "bytea"},
		{"files", "int8"}, {"kept_templates", "int8"}, {"retained", "int8"},
	}
	previewed := []Column{{"token_sum", "bytea"}, {"part", "int4"}, {"request_ids", "_uuid"}}
	ruleVersions := []Column{
		{"rule_id", "uuid"}, {"version", "int8"}, {"name", "text"}, {"states", "_text"}, {"models", "_text"}, {"tiers", "_text"},
		{"owners", "_uuid"}, {"age_days", "int8"}, {"run_at", "_int4"}, {"max_per_run", "int8"}, {"changed_at", "timestamptz"}, {"changed_by", "uuid"},
	}
	rules := []Column{{"id", "uuid"}, {"version", "int8"}, {"created_at", "timestamptz"}, {"created_by", "uuid"}}
	runs := []Column{
		{"version", "int8"}, {"dry_run_at", "timestamptz"}, {"dry_run_counts", "_int8"}, {"next_run_at", "timestamptz"},
		{"enabled_by", "uuid"}, {"enabled_at", "timestamptz"}, {"approve_by", "timestamptz"}, {"approved_by", "uuid"}, {"approved_at", "timestamptz"},
		{"last_run_at", "timestamptz"}, {"last_version", "int8"}, {"last_erasure_id", "uuid"}, {"skipped_at", "timestamptz"},
		{"removed_at", "timestamptz"}, {"removed_by", "uuid"},
	}
	all := []Requirement{
		{Side: Main, Schema: "public", Table: "users",
			Read: []Column{
				{"id", "uuid"}, {"email", "varchar"}, {"is_admin", "bool"}, {"is_deleted", "bool"},
				{"external_user_id", "text"}, {"user_type", "varchar"}, {"last_login", "timestamptz"},
				{"username", "varchar"}, {"display_name", "varchar"}, {"is_internal", "bool"},
			},
			Update: []Column{{"last_login", "timestamptz"}}},
		{Side: Main, Schema: "public", Table: "user_roles",
			Read: []Column{{"user_id", "uuid"}, {"role", "user_role"}}},
		{Side: Main, Schema: "public", Table: "user_organizations",
			Read: []Column{{"user_id", "uuid"}, {"organization_id", "uuid"}, {"status", "varchar"}}},
		{Side: Main, Schema: "public", Table: "api_keys",
			Read: []Column{
				{"secret", "varchar"}, {"user_id", "uuid"}, {"created_by", "uuid"},
				{"purpose", "varchar"}, {"is_deleted", "bool"},
			}},
		{Side: Main, Schema: "public", Table: "http_analytics",
			Read: []Column{
				{"id", "int8"}, {"fusillade_request_id", "uuid"}, {"fusillade_batch_id", "uuid"}, {"response_step_id", "uuid"}, {"user_id", "uuid"}, {"instance_id", "uuid"}, {"correlation_id", "int8"},
				{"timestamp", "timestamptz"}, {"prompt_tokens", "int8"}, {"completion_tokens", "int8"},
				{"reasoning_tokens", "int8"}, {"total_tokens", "int8"}, {"total_cost", "numeric"},
			}},
		// Newer versions keep these by person; erasing everything of a person deletes them.
		{Side: Main, Schema: "public", Table: "image_access", Optional: true, Voluntary: true,
			Read: []Column{{"user_id", "uuid"}}, Delete: true},
		{Side: Main, Schema: "public", Table: "prompt_cache_entries", Optional: true, Voluntary: true,
			Read: []Column{{"principal_id", "uuid"}}, Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "files",
			Read: []Column{
				{"id", "uuid"}, {"name", "text"}, {"purpose", "text"}, {"uploaded_by", "text"}, {"deleted_at", "timestamptz"},
			},
			Update: updatedAt, Delete: true},
		// Only batches left over from single-request files are deleted.
		{Side: Fusillade, Schema: s.Fusillade, Table: "batches",
			Read: []Column{
				{"id", "uuid"}, {"file_id", "uuid"}, {"output_file_id", "uuid"}, {"error_file_id", "uuid"}, {"total_requests", "int8"},
			},
			Delete: true},
		// A template also holds the caller's API key, which no query reads.
		{Side: Fusillade, Schema: s.Fusillade, Table: "request_templates",
			Read:   []Column{{"id", "uuid"}, {"file_id", "uuid"}, {"body", "text"}, {"updated_at", "timestamptz"}},
			Update: updatedAt, Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "requests",
			Read: []Column{
				{"id", "uuid"}, {"batch_id", "uuid"}, {"template_id", "uuid"}, {"state", "text"}, {"model", "text"},
				{"service_tier", "text"}, {"created_by", "text"}, {"created_at", "timestamptz"},
				{"started_at", "timestamptz"}, {"completed_at", "timestamptz"}, {"failed_at", "timestamptz"},
				{"response_status", "int2"}, {"response_body", "text"}, {"error", "text"},
				{"updated_at", "timestamptz"},
			},
			Update: updatedAt, Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "response_steps", Unless: Arsenal, Read: slices.Concat(steps, shownSteps), Update: updatedAt, Delete: true},
		// Used instead if that one is absent.
		{Side: Fusillade, Schema: Own, Table: "response_steps", Read: steps, Update: updatedAt, Delete: true},
		// fusillade-arsenal's prompts, by day.
		{Side: Fusillade, Schema: s.Fusillade, Table: "request_templates_g2", With: "request_templates_g2",
			Read:   []Column{{"created_on", "date"}, {"id", "uuid"}, {"file_id", "uuid"}, {"body", "text"}, {"updated_at", "timestamptz"}},
			Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "request_template_routes", With: "request_templates_g2",
			Read: templateRoutes, Update: templateRoutes[1:], Delete: true},
		{Side: copiesIn, Schema: s.Outlet, Table: "http_requests", Optional: !s.OutletApart, Read: headed, Delete: true},
		{Side: copiesIn, Schema: s.Outlet, Table: "http_responses", Optional: !s.OutletApart, Read: copies, Delete: true},
		{Side: Fusillade, Schema: "underway", Table: "task", Optional: true,
			Read: []Column{{"task_queue_name", "text"}, {"input", "jsonb"}, {"state", "task_state"}}, Delete: true},
		// fusillade-arsenal moves finished responses here.
		{Side: Fusillade, Schema: s.Fusillade, Table: "retained_response_request_routes", With: Fences,
			Read: retainedRoutes, Update: retainedRoutes[2:], Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "retained_response_group_routes", With: Fences, Read: retainedRoutes[1:], Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "retained_response_objects", With: Fences, Whole: true,
			Read: []Column{
				{"delete_on", "date"}, {"group_id", "uuid"}, {"object_kind", "text"}, {"object_id", "uuid"}, {"created_by", "text"},
				{"service_tier", "text"}, {"state", "text"}, {"model", "text"}, {"created_at", "timestamptz"}, {"payload", "jsonb"},
			},
			Delete: true},
		{Side: Fusillade, Schema: s.Fusillade, Table: "retained_response_buckets", With: Fences,
			Read: []Column{{"delete_on", "date"}, {"partition_oid", "oid"}, {"state", "text"}}},
		{Side: Fusillade, Schema: s.Fusillade, Table: Fences, With: Fences, Read: fences, Insert: fences, Update: fences[1:]},
		{Side: Fusillade, Schema: Own, Table: "version_lethe", Read: []Column{{"version_id", "int8"}, {"is_applied", "bool"}}},
		// A receipt can be written, but never changed.
		{Side: Fusillade, Schema: Own, Table: "receipts",
			Read: []Column{
				{"id", "uuid"}, {"about", "uuid"}, {"level", "text"}, {"body", "bytea"}, {"created_at", "timestamptz"},
				{"leaf_index", "int8"}, {"horizon", "xid8"}, {"cluster", "int8"},
			},
			Insert: []Column{{"id", "uuid"}, {"about", "uuid"}, {"level", "text"}, {"body", "bytea"}, {"cluster", "int8"}},
			Update: []Column{{"leaf_index", "int8"}}},
		{Side: Fusillade, Schema: Own, Table: "receipt_secrets",
			Read:   []Column{{"receipt_id", "uuid"}, {"actor_id", "uuid"}},
			Insert: []Column{{"receipt_id", "uuid"}, {"salt", "bytea"}, {"actor_id", "uuid"}, {"owner_keys", "_bytea"}}},
		// A hold can be placed and released, but never altered or removed.
		{Side: Fusillade, Schema: Own, Table: "holds",
			Read: []Column{
				{"id", "uuid"}, {"responses", "_uuid"}, {"owners", "_text"}, {"states", "_text"}, {"models", "_text"}, {"tiers", "_text"},
				{"created_after", "timestamptz"}, {"created_before", "timestamptz"}, {"reason", "text"}, {"created_at", "timestamptz"},
				{"created_by", "uuid"}, {"expires_at", "timestamptz"}, {"released_at", "timestamptz"}, {"released_by", "uuid"}, {"seen", "_uuid"},
			},
			Insert: []Column{
				{"id", "uuid"}, {"responses", "_uuid"}, {"owners", "_text"}, {"states", "_text"}, {"models", "_text"}, {"tiers", "_text"},
				{"created_after", "timestamptz"}, {"created_before", "timestamptz"}, {"reason", "text"},
				{"created_by", "uuid"}, {"expires_at", "timestamptz"}, {"seen", "_uuid"},
			},
			Update: []Column{{"released_at", "timestamptz"}, {"released_by", "uuid"}, {"seen", "_uuid"}}},
		{Side: Fusillade, Schema: Own, Table: "tombstones",
			Read:   []Column{{"receipt_id", "uuid"}, {"request_ids", "_uuid"}, {"due_at", "timestamptz"}, {"sweeps", "int4"}},
			Insert: []Column{{"receipt_id", "uuid"}, {"request_ids", "_uuid"}, {"due_at", "timestamptz"}},
			Update: []Column{{"due_at", "timestamptz"}, {"sweeps", "int4"}}, Delete: true},
		// An intent can be finished, but not altered. Locking it requires UPDATE on one
		// column.
		{Side: Fusillade, Schema: Own, Table: "intents", Read: intents, Insert: intents[1:], Update: intents[:1], Delete: true},
		{Side: Fusillade, Schema: Own, Table: "known_keys",
			Read: []Column{{"mark", "bytea"}, {"seen_at", "timestamptz"}}, Insert: []Column{{"mark", "bytea"}}, Delete: true},
		{Side: Fusillade, Schema: Own, Table: "known_keys_secret", Read: []Column{{"secret", "bytea"}}},
		{Side: Fusillade, Schema: Own, Table: "ended_sessions", Read: endedSessions, Insert: endedSessions, Delete: true},
		{Side: Fusillade, Schema: Own, Table: "person_files", Read: slices.Concat(personFiles, madeFiles[1:]), Insert: personFiles, Update: madeFiles, Delete: true},
		{Side: Fusillade, Schema: Own, Table: "orphans", Read: orphans, Update: orphans},
		// An erasure's target can be written and forgotten, but no erasure can be removed.
		{Side: Fusillade, Schema: Own, Table: "subject_requests",
			Read: slices.Concat(subjectRequests, processed), Insert: subjectRequests,
			Update: slices.Concat(processed, []Column{{"owner", "uuid"}, {"ticket", "text"}, {"state", "text"}, {"due_at", "timestamptz"}, {"created_by", "uuid"}})},
		{Side: Fusillade, Schema: Own, Table: "erasures",
			Read: slices.Concat(erasures, progress), Insert: erasures,
			Update: slices.Concat(progress, []Column{{"target", "jsonb"}, {"scope", "_text"}, {"secret", "bytea"}, {"request_sum", "bytea"}, {"preview", "bytea"}})},
		// A trigger writes an event with the service's own rights. What it says cannot be
		// altered.
		{Side: Fusillade, Schema: Own, Table: "events",
			Read: append([]Column{{"id", "uuid"}}, events...), Insert: events[3:], Update: events[:4], Delete: true},
		{Side: Fusillade, Schema: Own, Table: "erasure_receipts", Read: erasureReceipts, Insert: erasureReceipts},
		{Side: Fusillade, Schema: Own, Table: "previews", Read: previews, Insert: previews, Delete: true},
		{Side: Fusillade, Schema: Own, Table: "preview_requests", Read: previewed, Insert: previewed, Delete: true},
		// A rule's version can never be altered, and a rule never removed.
		{Side: Fusillade, Schema: Own, Table: "retention_versions", Read: ruleVersions, Insert: ruleVersions},
		{Side: Fusillade, Schema: Own, Table: "retention_rules", Read: slices.Concat(rules, runs), Insert: rules, Update: runs},
		{Side: Fusillade, Schema: Own, Table: "tiles",
			Read:   []Column{{"level", "int4"}, {"idx", "int8"}, {"hashes", "bytea"}},
			Insert: []Column{{"level", "int4"}, {"idx", "int8"}, {"hashes", "bytea"}},
			Update: []Column{{"hashes", "bytea"}}},
		{Side: Fusillade, Schema: Own, Table: "log_state",
			Read:   []Column{{"single", "bool"}, {"origin", "text"}, {"size", "int8"}, {"root", "bytea"}},
			Insert: []Column{{"origin", "text"}, {"size", "int8"}, {"root", "bytea"}},
			Update: []Column{{"size", "int8"}, {"root", "bytea"}}},
		{Side: Fusillade, Schema: Own, Table: "checkpoints",
			Read: []Column{
				{"size", "int8"}, {"note", "bytea"}, {"created_at", "timestamptz"}, {"lsn", "pg_lsn"}, {"published_at", "timestamptz"},
			},
			Insert: []Column{{"size", "int8"}, {"note", "bytea"}, {"published_at", "timestamptz"}},
			Update: []Column{{"lsn", "pg_lsn"}, {"published_at", "timestamptz"}}},
		{Side: Fusillade, Schema: Own, Table: "cosignatures",
			Read:   []Column{{"size", "int8"}, {"key", "text"}, {"line", "bytea"}},
			Insert: []Column{{"size", "int8"}, {"key", "text"}, {"line", "bytea"}}},
		{Side: Fusillade, Schema: Own, Table: "attested",
			Read: []Column{{"level", "text"}, {"leaves", "int8"}}, Update: []Column{{"leaves", "int8"}}},
		{Side: Fusillade, Schema: Own, Table: "clusters",
			Read: []Column{{"system_identifier", "int8"}, {"horizon", "xid8"}}, Insert: []Column{{"system_identifier", "int8"}}},
		// An access can be recorded and forgotten, but not changed.
		{Side: Fusillade, Schema: Own, Table: "access_log", Read: accessLog, Insert: accessLog, Delete: true},
		{Side: Fusillade, Schema: Own, Table: "river_migration", Read: []Column{{"version", "int8"}}},
		{Side: Fusillade, Schema: Own, Table: "river_job", Read: job, Whole: true, Sequence: "river_job_id_seq",
			Insert: without(job, "attempt", "attempted_at", "attempted_by", "errors", "finalized_at"),
			Update: without(job, "id", "args", "created_at", "max_attempts", "priority", "queue", "tags", "unique_key", "unique_states"),
			Delete: true},
		{Side: Fusillade, Schema: Own, Table: "river_queue", Read: queue, Insert: queue, Update: updatedAt, Delete: true},
		{Side: Fusillade, Schema: Own, Table: "river_leader",
			Read: append([]Column{{"name", "text"}}, leader...), Insert: leader, Update: []Column{{"expires_at", "timestamptz"}}, Delete: true},
	}
	if len(sides) == 0 {
		return all
	}
	chosen := make([]Requirement, 0, len(all))
	for _, r := range all {
		for _, side := range sides {
			if r.Side == side {
				chosen = append(chosen, r)
				break
			}
		}
	}
	return chosen
}

func without(columns []Column, names ...string) []Column {
	return slices.DeleteFunc(slices.Clone(columns), func(c Column) bool { return slices.Contains(names, c.Name) })
}
