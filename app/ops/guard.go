package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/inspect"
	"lethe/app/boot"
	"lethe/app/config"
)

// guardIntroduction explains the guard to the owner of dwctl's tables.
const guardIntroduction = `-- The guard of holds: once installed, this database refuses to delete held
-- responses for every role except those with which Lethe connects: %s.
-- Lethe checks holds itself. Read this, and run it with psql as the owner of
-- dwctl's tables and of schema lethe. It stops at the first error and exits with
-- 3. It can be run again; ` + "`lethe guard --remove`" + ` prints SQL that removes it. Remove it
-- before ` + "`lethe replay`" + `, which ignores holds, and before dwctl is upgraded to a
-- version that moves responses between tables.
--
-- What it does. A row of a response that a hold covers, by identifier, by owner or
-- by filter, cannot be deleted, nor can the rows that belong with it: the other
-- requests of its chain, steps, prompts, and raw copies that a usage row or the
-- header x-fusillade-request-id leads to (of several identifiers in it, the last).
-- A raw copy whose response is gone is kept by a hold that names the response or
-- an owner in its usage rows, by any hold with a filter, and by any hold by owner
-- if a usage row names no owner or there is none: the same rules by which Lethe
-- erases such copies.
-- Answers, errors, prompts, payloads of steps and raw copies cannot be emptied,
-- neither to no text nor to a bare {} or []. The columns by which holds find
-- responses cannot be changed: identifier, owner, model, tier, time of creation;
-- nor can those that lead from a response to its prompt, steps and raw copies (of
-- headers, x-fusillade-request-id and x-fusillade-batch-id). These tables cannot
-- be truncated. Rows of batches are not checked.
-- While something is held, placing a hold waits for running deletions, as it does
-- for erasures.
--
-- What dwctl's clients see. The statement fails with SQLSTATE 23001
-- (restrict_violation). DELETE /ai/v1/responses/{id} then returns 500, as for any
-- database error, and nothing of the response is deleted. A purge of a deleted
-- user (purge-user-data) fails for each chunk that contains a held response, is
-- retried as dwctl's queue is configured, and finally fails: the person's other
-- responses stay, too, until Lethe erases them by owner, or a purge runs after the
-- hold. A prompt that belongs to a file is kept without an error, because dwctl
-- removes those of many files in one statement. A failed response is not retried,
-- because that would remove its error.
--
-- What it does not prevent: DROP TABLE; dropping or truncating a partition; a
-- superuser or the tables' owner who disables triggers; replacing content with
-- other content; a changed state, after which a hold that names states no longer
-- covers the response; and deleting or changing usage rows, as when they expire:
-- raw copies that only they led to are then no longer kept. Raw copies in another
-- database, those whose request neither a usage row nor a header names, and those
-- of batches are not kept.
`

// PrintGuard writes SQL for psql that installs or removes the guard. It changes nothing.
func PrintGuard(ctx context.Context, cfg *config.Config, roles []string, remove bool, out, progress io.Writer) (err error) {
	for _, role := range roles {
		if err := checkRole(role); err != nil {
			return config.Misused("%v", err)
		}
	}
	db, err := boot.Open(ctx, cfg, progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	conn, err := boot.Connect(ctx, db.OwnURL())
	if err != nil {
		return err
	}
	defer boot.HangUp(conn)
	if !remove {
		why, err := inspect.GuardRefused(ctx, conn, db.Schemas, roles)
		if err != nil {
			return err
		}
		if why != "" {
			return errors.New(why)
		}
	}
	guard, err := inspect.NewGuard(ctx, conn, db.Schemas, roles)
	if err != nil {
		return err
	}
	var b strings.Builder
	statements := guard.Remove()
	if remove {
		b.WriteString("-- Removes the guard of holds: dwctl can then delete held responses. Run it with\n-- psql as the owner of dwctl's tables and of schema lethe.\n")
	} else {
		statements = guard.Install()
		names := make([]string, len(roles))
		for i, role := range roles {
			names[i] = pgx.Identifier{role}.Sanitize()
		}
		fmt.Fprintf(&b, guardIntroduction, strings.Join(names, ", "))
	}
	fmt.Fprintf(&b, "%s-- In database %s:\n", endAtErrors, pgx.Identifier{conn.Config().Database}.Sanitize())
	writeTransaction(&b, statements)
	_, err = io.WriteString(out, b.String())
	return err
}

// guard checks whether the database refuses to delete held responses.
func (d *doctor) guard(ctx context.Context, name string, conn *pgx.Conn) {
	const check = "guard of holds"
	state, err := inspect.InspectGuard(ctx, conn, d.schemas)
	if d.failed(name, check, err) {
		return
	}
	role := conn.Config().User
	again := fmt.Sprintf("as the owner of the tables, run what `lethe guard --role %s` prints", role)
	switch {
	case !state.There:
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none: only Lethe itself respects holds",
			Advice: "to make the database refuse to delete held responses, see `lethe guard --help`"})
	case len(state.Wrong) > 0:
		d.add(Check{name, check, Warning, "differs from what this version prints: " + strings.Join(state.Wrong, ", "), again, nil})
	case !slices.Contains(state.Roles, role):
		d.add(Check{name, check, Warning, fmt.Sprintf("it lets role %s pass, but Lethe connects as %s: erasures that began before a hold cannot finish", strings.Join(state.Roles, ", "), role),
			again, nil})
	default:
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "as this version prints it: the database refuses to delete held responses"})
	}
}
