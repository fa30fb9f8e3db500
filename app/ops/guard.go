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

// guardIntroduction is what the owner of dwctl's tables reads before the guard.
const guardIntroduction = `-- The guard of what is held: from then on this database refuses to delete it,
-- whoever asks, but for these roles, with which Lethe connects: %s.
-- Lethe asks for holds itself. Read it, and have psql run it as the owner of
-- dwctl's tables and of schema lethe. It stops at the first error, and exits with
-- 3. It can be run again; ` + "`lethe guard --remove`" + ` prints what removes it. Remove it
-- before ` + "`lethe replay`" + `, which does not ask for holds, and before dwctl is upgraded
-- to a version that moves responses between tables.
--
-- What it does. A row of a response that a hold covers, by identifier, by owner or
-- by filter, cannot be deleted, nor can what hangs together with one: the other
-- requests of its chain, steps, prompts, and raw copies that a usage row or the
-- header x-fusillade-request-id leads to (of several in it, the last). A raw copy
-- of what is gone is kept by a hold that names it or an owner that usage rows name,
-- by any hold with a filter, and by any hold by owner where a usage row names
-- nobody or there is none: as Lethe itself erases such copies.
-- Answers, errors, prompts, what steps were asked and answered, and raw copies
-- cannot be made empty, whether with no text or with a bare {} or []. What a hold
-- finds a response by cannot be changed: identifier, owner, model, tier, time of
-- creation; nor can what leads from a response to its prompt, steps and raw
-- copies (of headers, x-fusillade-request-id and x-fusillade-batch-id). These tables cannot be truncated. Rows of batches are not looked at.
-- While something is held, placing a hold waits for deletions that have not ended,
-- as it does for erasures.
--
-- What dwctl's clients see. The statement fails with SQLSTATE 23001
-- (restrict_violation). DELETE /ai/v1/responses/{id} is then answered as any
-- error of the database is, with 500, and nothing of the response is gone. A
-- purge of a deleted user (purge-user-data) fails with each chunk that has a held
-- response in it, is tried again as dwctl's queue says, and fails in the end: the
-- rest of that person's responses stays as well, until an erasure by owner with
-- Lethe, or a purge after the hold. A prompt that belongs to a file is left where
-- it is without an error, as dwctl removes those of many files in one statement. A
-- failed response is not tried again, as that would remove its error.
--
-- What it does not stop: DROP TABLE, a partition that is dropped or truncated,
-- a superuser or the tables' owner who disables triggers, content that is replaced
-- by other content, a changed state, by which a hold that names states does not
-- cover the response any more, and usage rows that are deleted, as when they
-- expire, or changed: nothing then keeps the raw copies that only they led to.
-- Raw copies in another database, those of which no usage row and no header says
-- a request, and those of batches are not kept.
`

// PrintGuard writes the guard as SQL for psql, or its removal. It changes nothing. An
// error says what is wrong with a role or with the database.
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
		b.WriteString("-- Removes the guard of what is held: from then on dwctl can delete it. Have psql\n-- run it as the owner of dwctl's tables and of schema lethe.\n")
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
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "none, so what others than Lethe delete is not held",
			Advice: "where the database itself is to refuse that, read what `lethe guard` prints"})
	case len(state.Wrong) > 0:
		d.add(Check{name, check, Warning, "not as this version prints it: " + strings.Join(state.Wrong, ", "), again, nil})
	case !slices.Contains(state.Roles, role):
		d.add(Check{name, check, Warning, fmt.Sprintf("it is for Lethe's role %s, and this is role %s: what was begun before a hold cannot be finished", strings.Join(state.Roles, ", "), role),
			again, nil})
	default:
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "as this version prints it: the database refuses to delete what is held"})
	}
}
