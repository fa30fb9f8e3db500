package ops

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"lethe/app/boot"
)

// table is the output of lists: aligned columns for people, a list of objects for
// programs.
type table struct {
	columns []string
	rows    [][]any
}

func newTable(columns ...string) *table { return &table{columns: columns} }

func (t *table) row(values ...any) { t.rows = append(t.rows, values) }

func (t *table) write(out io.Writer, asJSON bool) error {
	if asJSON {
		objects := make([]map[string]any, len(t.rows))
		for i, row := range t.rows {
			objects[i] = map[string]any{}
			for j, column := range t.columns {
				objects[i][strings.ReplaceAll(column, " ", "_")] = row[j]
			}
		}
		return writeJSON(out, objects)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, strings.ToUpper(strings.Join(t.columns, "\t"))); err != nil {
		return err
	}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, value := range row {
			cells[i] = cell(value)
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// cell formats a value as one cell, without the tabs and control characters that names
// can contain.
func cell(value any) string {
	text := fmt.Sprint(value)
	if list, ok := value.([]string); ok {
		text = strings.Join(list, ", ")
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
	if text == "" {
		return "-"
	}
	return text
}

func writeJSON(out io.Writer, value any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

// oneLine puts an error's text on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// count returns a number with its noun in the singular, as in "1 erasure", or with an
// s in the plural.
func count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// PrintVersion prints the version of this build.
func PrintVersion(out io.Writer, asJSON bool) error {
	v := boot.BuildVersion()
	if asJSON {
		return writeJSON(out, v)
	}
	if v.Commit == boot.UnknownCommit {
		v.Commit += " (not built in a clone, or with -buildvcs=false)"
	}
	_, err := fmt.Fprintf(out, "lethe %s\ncommit %s\n%s %s\n", v.Version, v.Commit, v.Go, v.Target)
	return err
}
