package inspect

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// GuardState describes the guard that is installed.
type GuardState struct {
	There bool     // at least a part of it exists
	Roles []string // that it lets pass
	Wrong []string // parts that differ from what this version prints, in words
}

var guardRole = regexp.MustCompile(`'((?:[^']|'')*)'`)

// InspectGuard looks for the guard in fusillade's database.
func InspectGuard(ctx context.Context, q Querier, s Schemas) (GuardState, error) {
	type function struct {
		Name, Body, Language string
		Definer              bool
		Settings             []string
	}
	rows, err := q.Query(ctx, `
		SELECT p.proname::text, p.prosrc, l.lanname::text, p.prosecdef, p.proconfig
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE n.nspname = $1 AND p.proname LIKE 'guard\_%'`, Own)
	if err != nil {
		return GuardState{}, err
	}
	functions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[function])
	if err != nil {
		return GuardState{}, err
	}
	type trigger struct {
		Schema, Table, Name, Function, Columns string
		Kind                                   int16
		Enabled                                bool
	}
	rows, err = q.Query(ctx, `
		SELECT n.nspname::text, c.relname::text, t.tgname::text, p.proname::text,
		       coalesce((SELECT string_agg(a.attname::text, ', ' ORDER BY a.attname)
		                 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (t.tgattr::int2[])), ''),
		       t.tgtype, t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
		FROM pg_catalog.pg_trigger t
		JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
		WHERE t.tgparentid = 0 AND pn.nspname = $1 AND p.proname LIKE 'guard\_%'`, Own)
	if err != nil {
		return GuardState{}, err
	}
	triggers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[trigger])
	if err != nil || len(functions)+len(triggers) == 0 {
		return GuardState{}, err
	}
	state := GuardState{There: true}
	of := map[string]function{}
	for _, f := range functions {
		of[f.Name] = f
		if f.Name == "guard_passes" {
			for _, m := range guardRole.FindAllStringSubmatch(f.Body, -1) {
				state.Roles = append(state.Roles, strings.ReplaceAll(m[1], "''", "'"))
			}
		}
	}
	g, err := NewGuard(ctx, q, s, state.Roles)
	if err != nil {
		return GuardState{}, err
	}
	for _, f := range g.functions {
		want := function{f.name, f.body, f.language, false, nil}
		if f.returns == "trigger" {
			want.Definer = true
			for _, set := range guardSettings {
				want.Settings = append(want.Settings, set[0]+"="+set[1])
			}
		}
		if !reflect.DeepEqual(of[f.name], want) {
			state.Wrong = append(state.Wrong, "function "+Own+"."+f.name)
		}
	}
	for _, t := range g.triggers {
		if !slices.Contains(triggers, trigger{t.table.Schema, t.table.Name, t.name, t.function, t.columns, t.kind, true}) {
			state.Wrong = append(state.Wrong, fmt.Sprintf("trigger %s on %s.%s", t.name, t.table.Schema, t.table.Name))
		}
	}
	return state, nil
}
