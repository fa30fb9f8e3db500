package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/inspect"
	"lethe/app/boot"
	"lethe/app/config"
)

// Grants writes the least privileges that role needs on the existing tables and
// columns, as a script for psql: one transaction per database, ending at the first
// error. A truncated script commits nothing in the database where it ends. The script
// and progress report missing tables and columns.
func Grants(ctx context.Context, cfg *config.Config, role string, out, progress io.Writer) (err error) {
	if err := checkRole(role); err != nil {
		return err
	}
	db, err := boot.Open(ctx, cfg, progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)

	var lacking []string
	var b strings.Builder
	fmt.Fprintf(&b, "-- The least privileges that role %s needs. Create it first if it does not exist, which takes CREATEROLE or a superuser:\n--   CREATE ROLE %[1]s LOGIN PASSWORD '...';\n-- Then run this with psql as the owner of the tables: one transaction for each database, which fits the\n-- tables that exist now. It stops at the first error and exits with 3.\n%s",
		pgx.Identifier{role}.Sanitize(), endAtErrors)
	write := func(url string, sides ...inspect.Side) error {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		conn, err := boot.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer boot.HangUp(conn)
		wanted := inspect.Requirements(db.Schemas, sides...)
		missing, err := inspect.MissingTables(ctx, conn, wanted)
		if err != nil {
			return err
		}
		present, err := inspect.Present(ctx, conn, wanted)
		if err != nil {
			return err
		}
		if present, err = inspect.Fitting(ctx, conn, present); err != nil {
			return err
		}
		wishes, err := inspect.PresentWishes(ctx, conn, db.Schemas, sides...)
		if err != nil {
			return err
		}
		present = append(present, wishes...)
		c := conn.Config()
		lacking = append(lacking, missing...)
		for _, what := range missing {
			fmt.Fprintf(&b, "-- Missing, so nothing is granted on it: %s.\n", oneLine(what))
		}
		if db.Apart() || db.OutletURL != "" {
			fmt.Fprintf(&b, "\\connect -reuse-previous=on %s %s %s %d\n", psqlWord(c.Database), "-", psqlWord(c.Host), c.Port)
		} else {
			fmt.Fprintf(&b, "-- In database %s:\n", pgx.Identifier{c.Database}.Sanitize())
		}
		main, others := inspect.Grants(role, present)
		writeTransaction(&b, append(main, others...))
		return nil
	}
	if !db.Apart() {
		err = write(db.MainURL, inspect.Main, inspect.Fusillade)
	} else if err = write(db.MainURL, inspect.Main); err == nil {
		err = write(db.FusilladeURL, inspect.Fusillade)
	}
	if err == nil && db.OutletURL != "" {
		err = write(db.OutletURL, inspect.Outlet)
	}
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		_, _ = fmt.Fprintf(progress, "These grants are incomplete: %s. Run `lethe migrate up` to create Lethe's own tables, correct the names of schemas, and print the grants again\n", boot.FirstOf(lacking))
	}
	_, err = io.WriteString(out, b.String())
	return err
}

// checkRole refuses impossible names of roles.
func checkRole(role string) error {
	if role == "" || len(role) > 63 || strings.ContainsFunc(role, unicode.IsControl) {
		return errors.New("--role must be the name of a role: 1 to 63 bytes, no line breaks")
	}
	return nil
}

// endAtErrors makes psql end at the first error, with 3.
const endAtErrors = "\\set ON_ERROR_STOP on\n"

// writeTransaction writes statements for psql that succeed or fail together.
func writeTransaction(b *strings.Builder, statements []string) {
	b.WriteString("BEGIN;\n")
	for _, statement := range statements {
		b.WriteString(statement + ";\n")
	}
	b.WriteString("COMMIT;\n")
}

// psqlWord quotes an argument of one of psql's backslash commands.
func psqlWord(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
