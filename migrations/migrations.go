// Package migrations carries the SQL that creates the tables Lethe works on
// where no other system has created them, and those that are always its own.
package migrations

import "embed"

// Upstream holds one folder for each set of tables: upstream/main,
// upstream/fusillade, upstream/outlet and upstream/underway. The files are
// goose migrations. Those of fusillade and outlet do not name their schema,
// because its name is a setting: they rely on the connection's search_path.
//
//go:embed upstream
var Upstream embed.FS

// Lethe holds the folder lethe: the tables of schema lethe, beside fusillade's
// in every database. The files are goose migrations and name their schema.
//
//go:embed lethe
var Lethe embed.FS
