package ops

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"lethe/app/boot"
)

// Table is the output of lists: aligned columns for people, a list of objects for
// programs. On a terminal, lines that are too long are cut in their last column.
type Table struct {
	columns []string
	rows    [][]any
	widths  []int
	limit   int // of a line; 0: none
}

// NewTable returns a table without rows.
func NewTable(columns ...string) *Table { return &Table{columns: columns} }

// Row adds a row.
func (t *Table) Row(values ...any) { t.rows = append(t.rows, values) }

func (t *Table) write(out io.Writer, asJSON bool) error {
	if !asJSON {
		return t.Print(out)
	}
	objects := make([]map[string]any, len(t.rows))
	for i, row := range t.rows {
		objects[i] = map[string]any{}
		for j, column := range t.columns {
			objects[i][strings.ReplaceAll(column, " ", "_")] = row[j]
		}
	}
	return writeJSON(out, objects)
}

// Print prints the rows added since it was last called, with the header the first time.
func (t *Table) Print(out io.Writer) error {
	var lines [][]string
	if t.widths == nil {
		t.widths = make([]int, len(t.columns))
		header := make([]string, len(t.columns))
		for i, column := range t.columns {
			header[i] = strings.ToUpper(column)
		}
		lines = append(lines, header)
		if file, is := out.(*os.File); is {
			t.limit, _, _ = term.GetSize(int(file.Fd())) // 0 elsewhere than on a terminal
		}
	}
	for _, row := range t.rows {
		cells := make([]string, len(row))
		for i, value := range row {
			cells[i] = cell(value)
		}
		lines = append(lines, cells)
	}
	t.rows = nil
	for _, line := range lines {
		for i, text := range line {
			t.widths[i] = max(t.widths[i], uniseg.StringWidth(text))
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, t.line(line)); err != nil {
			return err
		}
	}
	return nil
}

// line aligns the cells of a line: wide characters take two columns of a terminal.
func (t *Table) line(cells []string) string {
	var b strings.Builder
	used, last := 0, len(cells)-1
	for i, text := range cells[:last] {
		b.WriteString(text + strings.Repeat(" ", t.widths[i]-uniseg.StringWidth(text)+2))
		used += t.widths[i] + 2
	}
	if text := cells[last]; t.limit > used && uniseg.StringWidth(text) > t.limit-used {
		for room := t.limit - used - 1; text != ""; {
			cluster, rest, width, _ := uniseg.FirstGraphemeClusterInString(text, -1)
			if room -= width; room < 0 {
				break
			}
			b.WriteString(cluster)
			text = rest
		}
		b.WriteString("…")
	} else {
		b.WriteString(text)
	}
	return b.String()
}

// cell formats a value as one cell, without the tabs and control characters that names
// can contain.
func cell(value any) string {
	text := fmt.Sprint(value)
	if list, ok := value.([]string); ok {
		text = strings.Join(list, ", ")
	}
	text = strings.ReplaceAll(Printable(text), "\n", "?")
	if text == "" {
		return "-"
	}
	return text
}

// Printable replaces the control characters that a terminal would obey, all but line
// breaks.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
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
