package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
)

// conditions are the place, time and machine of a run.
type conditions struct {
	Date      time.Time `json:"date"`
	Commit    string    `json:"commit"`
	Processor string    `json:"processor"`
	CPUs      int       `json:"cpus"`
	Memory    int64     `json:"memory_bytes"`
	Go        string    `json:"go"`
	Postgres  string    `json:"postgres"`
	Rows      int       `json:"rows"`
	BatchRows int       `json:"rows_of_batches"`
	Users     int       `json:"users"`
	Advised   []string  `json:"advised_by_doctor"` // statements
}

// report is the result of a run, written as JSON.
type report struct {
	conditions
	Rounds  int     `json:"rounds"`
	Seconds float64 `json:"seconds"`

	Forms    []form            `json:"forms_of_the_floor"`
	NoTime   string            `json:"processor_time_left_out,omitempty"` // why
	Results  []*result         `json:"results"`
	Filters  []*filtered       `json:"filters,omitempty"`
	OwnPage  float64           `json:"own_first_page_p50_ms,omitempty"` // measured beside the filters
	Idle     memory            `json:"service_after_start_and_10_s_of_quiet"`
	Resident map[string]memory `json:"resident_at_64_connections"`
	Curve    []point           `json:"cost_by_rows"`
	Checks   []check           `json:"targets"`
}

// floorForms are in how many statements the floors read a list.
var floorForms = [2]string{"two statements", "one statement"}

// form says which form of the floor a list and those like it are compared with.
type form struct {
	List         string  `json:"list"`
	OneStatement bool    `json:"one_statement"`
	Ratio        float64 `json:"requests_of_one_by_two"`
}

func (f form) String() string {
	name := floorForms[0]
	if f.OneStatement {
		name = floorForms[1]
	}
	return fmt.Sprintf("%s for %q (one against two: %.2f)", name, f.List, f.Ratio)
}

// result is one scenario at one number of connections: medians over the rounds.
type result struct {
	Scenario    string  `json:"scenario"`
	Note        string  `json:"note,omitempty"`
	Connections int     `json:"connections"`
	Service     figures `json:"service"`
	Floor       figures `json:"floor,omitzero"`
	Ratio       float64 `json:"ratio,omitempty"` // of the rates, paired in each round
	// Time is the ratio of processor time a request, paired in the same way.
	Time   timeRatios `json:"processor_time_ratio,omitzero"`
	Erased float64    `json:"erased_per_second,omitempty"` // in bulk, meanwhile

	samples [2][]sample // by side and round
	erased  []float64
}

type figures struct {
	Rate     float64 `json:"requests_per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Process  float64 `json:"process_us_per_request,omitempty"`
	Database float64 `json:"database_us_per_request,omitempty"`
}

type timeRatios struct {
	Total    float64 `json:"total"`
	Process  float64 `json:"process"`
	Database float64 `json:"database"`
}

// point is the cost of one list at a number of rows.
type point struct {
	Rows int                `json:"rows"`
	P50  map[string]float64 `json:"p50_ms"`
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func medianOf(samples []sample) figures {
	pick := func(value func(sample) float64) float64 {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = value(s)
		}
		return median(values)
	}
	return figures{
		Rate: pick(func(s sample) float64 { return s.Rate }),
		P50:  pick(func(s sample) float64 { return s.P50.Seconds() * 1000 }),
		P99:  pick(func(s sample) float64 { return s.P99.Seconds() * 1000 }),

		Process:  pick(func(s sample) float64 { return s.Process.Seconds() * 1e6 }),
		Database: pick(func(s sample) float64 { return s.Database.Seconds() * 1e6 }),
	}
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

type table [][]string

func number(f float64, digits int) string {
	if f == 0 {
		return "–"
	}
	return strconv.FormatFloat(f, 'f', digits, 64)
}

func (res *result) name() string {
	if res.Note == "" {
		return res.Scenario
	}
	return res.Scenario + " (" + res.Note + ")"
}

func (r *report) resultTable() table {
	t := table{{"request", "connections", "service req/s", "p50 ms", "p99 ms", "floor req/s", "p50 ms", "p99 ms", "ratio"}}
	for _, res := range r.Results {
		t = append(t, []string{
			res.name(), strconv.Itoa(res.Connections),
			number(res.Service.Rate, 0), number(res.Service.P50, 2), number(res.Service.P99, 2),
			number(res.Floor.Rate, 0), number(res.Floor.P50, 2), number(res.Floor.P99, 2), number(res.Ratio, 2),
		})
	}
	return t
}

func (r *report) timeTable() table {
	t := table{{"processor time, µs a request", "connections", "service", "its database", "floor", "its database", "ratio", "of the processes", "of the databases"}}
	for _, res := range r.Results {
		if res.Service.Process == 0 {
			continue
		}
		t = append(t, []string{
			res.name(), strconv.Itoa(res.Connections),
			number(res.Service.Process, 0), number(res.Service.Database, 0), number(res.Floor.Process, 0), number(res.Floor.Database, 0),
			number(res.Time.Total, 2), number(res.Time.Process, 2), number(res.Time.Database, 2),
		})
	}
	return t
}

// erasureTable compares lists during a bulk erasure with the same without one.
func (r *report) erasureTable() table {
	t := table{{"during a bulk erasure", "connections", "erased a second", "service req/s", "of those without"}}
	for _, res := range r.Results {
		if res.Erased == 0 {
			continue
		}
		t = append(t, []string{
			listLarge, strconv.Itoa(res.Connections), number(res.Erased, 0), number(res.Service.Rate, 0),
			number(r.against(res, listLarge), 2),
		})
	}
	return t
}

// filterTables have the worst first; the JSON has all.
func (r *report) filterTables() []table {
	const shown = 25
	order := func(f *filtered) string {
		if f.Newest {
			return "newest first"
		}
		return "active first"
	}
	costs := table{{fmt.Sprintf("list by filter, the %d slowest of %d", min(shown, len(r.Filters)), len(r.Filters)), "order", "filter", "p50 ms", "of an own first page", "matching"}}
	for _, f := range worst(r.Filters, shown, (*filtered).cost) {
		costs = append(costs, []string{f.List, order(f), cmp.Or(f.Filter, "–"), number(f.P50, 2), cmp.Or(f.Failure, number(f.Ratio, 2)), strconv.Itoa(f.Exact)})
	}
	estimates := table{{"list by filter, the worst estimates", "filter", "estimate", "exact", "off %"}}
	once := slices.DeleteFunc(slices.Clone(r.Filters), func(f *filtered) bool { return f.Newest }) // orders are counted alike
	for _, f := range worst(once, shown, func(f *filtered) float64 { return f.Off }) {
		estimates = append(estimates, []string{f.List, cmp.Or(f.Filter, "–"), strconv.Itoa(f.Estimate), strconv.Itoa(f.Exact), fmt.Sprintf("%.1f", 100*f.Off)})
	}
	return []table{costs, estimates}
}

func (r *report) checkTable() table {
	t := table{{"must reach", "connections", "measured", "target", ""}}
	for _, c := range r.Checks {
		conns, measured := number(float64(c.Connections), 0), strconv.FormatFloat(c.Measured, 'f', 2, 64)
		if c.Unmeasured {
			measured = "–"
		}
		t = append(t, []string{c.What, conns, measured, c.target(), c.verdict()})
	}
	return t
}

func (r *report) memoryTable() table {
	t := table{{"memory", "resident MiB", "peak MiB", "of it private MiB"}}
	all := map[string]memory{"service, after start and 10 s of quiet": r.Idle}
	for name, m := range r.Resident {
		all[name+", 64 connections"] = m
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		t = append(t, []string{name, fmt.Sprintf("%.1f", mebibytes(m.Resident)), fmt.Sprintf("%.1f", mebibytes(m.Peak)), fmt.Sprintf("%.1f", mebibytes(m.Private))})
	}
	return t
}

func (t table) text(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range t {
		_, _ = fmt.Fprintln(tab, strings.Join(row, "\t"))
	}
	return tab.Flush()
}

func (t table) markdown(w io.Writer) error {
	var b strings.Builder
	for i, row := range t {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|---" + strings.Repeat("|---:", len(row)-1) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c conditions) String() string {
	advised := func(kind string) (n int) {
		for _, statement := range c.Advised {
			if strings.HasPrefix(statement, "CREATE "+kind) {
				n++
			}
		}
		return n
	}
	return fmt.Sprintf("%s, commit %s: %d responses of %d users and %d requests of batches, with the %d indexes and %d statistics that `lethe doctor` advises; %s, %d processors, %.0f GiB, shared by load, programs and database; %s, PostgreSQL %s",
		c.Date.Format("2 January 2006"), c.Commit, c.Rows, c.Users, c.BatchRows, advised("INDEX"), advised("STATISTICS"), c.Processor, c.CPUs, float64(c.Memory)/(1<<30), c.Go, c.Postgres)
}

func (r *report) heading() string {
	text := fmt.Sprintf("%s; medians of %d rounds of %g s.", r.conditions, r.Rounds, r.Seconds)
	var forms []string
	for _, f := range r.Forms {
		forms = append(forms, f.String())
	}
	if len(forms) > 0 {
		text += " The floor reads a list in the form that was quicker at the start: " + strings.Join(forms, ", ") + "."
	}
	if r.NoTime != "" {
		text += " Processor time is left out: " + r.NoTime + "."
	}
	return text
}

func (r *report) tables() []table {
	all := []table{r.resultTable()}
	if r.NoTime == "" {
		all = append(all, r.timeTable())
	}
	if t := r.erasureTable(); len(t) > 1 {
		all = append(all, t)
	}
	if len(r.Filters) > 0 {
		all = append(all, r.filterTables()...)
	}
	return append(all, r.memoryTable(), r.checkTable())
}

const targetRows = 2_000_000

func (r *report) remark() string {
	if r.Rows == targetRows {
		return ""
	}
	return fmt.Sprintf("The targets are set for %d rows: BENCH_ROWS=%d make bench.", targetRows, targetRows)
}

func (r *report) print(w io.Writer) error {
	_, _ = fmt.Fprintf(w, "\n%s\n\n", r.heading())
	for _, t := range r.tables() {
		if err := t.text(w); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(w)
	}
	short := 0
	for _, c := range r.Checks {
		if !c.Met {
			short++
		}
	}
	_, err := fmt.Fprintln(w, strings.TrimSpace(fmt.Sprintf("%d of %d targets met. %s", len(r.Checks)-short, len(r.Checks), r.remark())))
	return err
}

// file is the name of the results, without an ending.
func (c conditions) file() string {
	if c.BatchRows > 0 {
		return strconv.Itoa(c.Rows) + "-batches"
	}
	return strconv.Itoa(c.Rows)
}

// write creates the folder dir and writes the results there.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, r.file())
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".json", append(encoded, '\n'), 0o644); err != nil {
		return err
	}
	var md strings.Builder
	md.WriteString(r.heading() + "\n\n")
	for _, t := range r.tables() {
		if err := t.markdown(&md); err != nil {
			return err
		}
		md.WriteString("\n")
	}
	if remark := r.remark(); remark != "" {
		md.WriteString(remark + "\n\n")
	}
	md.WriteString("![Cost of a list against rows](" + r.file() + ".svg)\n")
	if err := os.WriteFile(path+".md", []byte(md.String()), 0o644); err != nil {
		return err
	}
	return plotCurve(r.Curve, path+".svg")
}

// describe records the machine, the database server and the commit.
func describe(ctx context.Context, cfg config, conn *pgx.Conn, advised []string) (conditions, error) {
	c := conditions{
		Date: time.Now().UTC().Truncate(time.Second), Commit: "unknown",
		Processor: cmp.Or(procField("/proc/cpuinfo", "model name"), "unknown processor"), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		Rows: cfg.rows, BatchRows: cfg.rows * cfg.batchRows, Users: cfg.users, Advised: advised,
	}
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--exclude=*").Output(); err == nil {
		c.Commit = strings.TrimSpace(string(out))
	}
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	c.Memory = kilobytes << 10
	return c, conn.QueryRow(ctx, "SHOW server_version").Scan(&c.Postgres)
}

func procField(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if field, value, _ := strings.Cut(line, ":"); strings.TrimSpace(field) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
