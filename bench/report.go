package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

	Results  []*result         `json:"results"`
	Resident map[string]memory `json:"resident_at_64_connections"`
	Curve    []point           `json:"cost_by_rows"`
	Checks   []check           `json:"targets"`
}

// result is one scenario at one number of connections: medians over the rounds.
type result struct {
	Scenario    string  `json:"scenario"`
	Note        string  `json:"note,omitempty"`
	Connections int     `json:"connections"`
	Service     figures `json:"service"`
	Floor       figures `json:"floor,omitzero"`
	Ratio       float64 `json:"ratio,omitempty"` // of the rates, paired in each round

	rates  []float64 // the service's, by round
	ratios []float64
}

type figures struct {
	Rate float64 `json:"requests_per_second"`
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
}

// point is the cost of one list at a number of rows.
type point struct {
	Rows int                `json:"rows"`
	P50  map[string]float64 `json:"p50_ms"`
}

// check compares a measurement with its target.
type check struct {
	What        string  `json:"what"`
	Connections int     `json:"connections,omitempty"`
	Measured    float64 `json:"measured"`
	AtLeast     float64 `json:"at_least,omitempty"`
	Below       float64 `json:"below,omitempty"`
	Unit        string  `json:"unit,omitempty"`
	Met         bool    `json:"met"`
	Unmeasured  bool    `json:"unmeasured,omitempty"` // not offered by the service, or skipped by the run
}

func atLeast(what string, conns int, measured, target float64) check {
	return check{What: what, Connections: conns, Measured: measured, AtLeast: target, Met: measured >= target}
}

func below(what string, conns int, measured, target float64, unit string) check {
	return check{What: what, Connections: conns, Measured: measured, Below: target, Unit: unit, Met: measured < target}
}

func (c check) target() string {
	if c.AtLeast != 0 {
		return fmt.Sprintf("≥ %g", c.AtLeast)
	}
	return strings.TrimSpace(fmt.Sprintf("< %g %s", c.Below, c.Unit))
}

func (c check) verdict() string {
	switch {
	case c.Unmeasured:
		return "NOT MEASURED"
	case c.Met:
		return "met"
	}
	return "FALLS SHORT"
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
	}
}

// Targets, as ratios of requests/s to the floor, at these numbers of connections;
// nil: at all.
var againstFloor = []struct {
	scenario string
	target   float64
	conns    []int
}{
	{listLarge, 0.85, []int{1, 16}},
	{listSmall, 0.85, []int{1, 16}},
	{listLargeAuto, 0.6, []int{1, 16}},
	{listSmallAuto, 0.6, []int{1, 16}},
	{fetchOne, 0.85, nil},
	{fetchMiss, 0.85, nil},
	{eraseOne, 0.85, nil},
	{listLargeCache, 1.1, nil},
	{fetchCache, 1.1, nil},
}

// Targets as ratios between two scenarios of the service.
var againstEachOther = []struct {
	scenario, other string
	target          float64
}{
	{listCursor, "", 0.8}, // the first page of the same list
	{listLarge, listFewRows, 0.8},
	{listEveryone, listLarge, 0.3},
	{listFiltered, listLarge, 0.3},
}

const (
	memoryTarget  = 80 // MiB
	latencyTarget = 1.5
)

// judge fills in Checks.
func (r *report) judge() {
	find := func(name string, conns int) *result {
		for _, res := range r.Results {
			if res.Scenario == name && res.Connections == conns {
				return res
			}
		}
		return nil
	}
	for _, t := range againstFloor {
		if !slices.ContainsFunc(r.Results, func(res *result) bool { return res.Scenario == t.scenario }) {
			r.Checks = append(r.Checks, check{What: t.scenario + ", against the floor", AtLeast: t.target, Unmeasured: true})
		}
		for _, res := range r.Results {
			if res.Scenario == t.scenario && (t.conns == nil || slices.Contains(t.conns, res.Connections)) {
				r.Checks = append(r.Checks, atLeast(t.scenario+", against the floor", res.Connections, res.Ratio, t.target))
			}
		}
	}
	for _, t := range againstEachOther {
		compared := false
		for _, res := range r.Results {
			if res.Scenario != t.scenario {
				continue
			}
			other := t.other
			if other == "" {
				other = listLarge
				if strings.HasPrefix(res.Note, everyones) {
					other = listEveryone
				}
			}
			with := find(other, res.Connections)
			if with == nil {
				continue
			}
			ratios := make([]float64, len(res.rates))
			for i := range ratios {
				ratios[i] = res.rates[i] / with.rates[i]
			}
			r.Checks = append(r.Checks, atLeast(t.scenario+", against "+other, res.Connections, median(ratios), t.target))
			compared = true
		}
		if !compared {
			r.Checks = append(r.Checks, check{What: t.scenario + ", against " + cmp.Or(t.other, "the first page"), AtLeast: t.target, Unmeasured: true})
		}
	}
	for _, res := range r.Results {
		if res.Connections == 16 && res.Floor.P99 > 0 {
			r.Checks = append(r.Checks, below(res.Scenario+", p99 against the floor's", 16, res.Service.P99/res.Floor.P99, latencyTarget, ""))
		}
	}
	if m, ok := r.Resident["service"]; ok && m.Peak > 0 {
		r.Checks = append(r.Checks, below("resident memory under load", 64, mebibytes(m.Peak), memoryTarget, "MiB"))
	}
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

type table [][]string

func (r *report) resultTable() table {
	t := table{{"request", "connections", "service req/s", "p50 ms", "p99 ms", "floor req/s", "p50 ms", "p99 ms", "ratio"}}
	number := func(f float64, digits int) string {
		if f == 0 {
			return "–"
		}
		return strconv.FormatFloat(f, 'f', digits, 64)
	}
	for _, res := range r.Results {
		name := res.Scenario
		if res.Note != "" {
			name += " (" + res.Note + ")"
		}
		t = append(t, []string{
			name, strconv.Itoa(res.Connections),
			number(res.Service.Rate, 0), number(res.Service.P50, 2), number(res.Service.P99, 2),
			number(res.Floor.Rate, 0), number(res.Floor.P50, 2), number(res.Floor.P99, 2), number(res.Ratio, 2),
		})
	}
	return t
}

func (r *report) checkTable() table {
	t := table{{"must reach", "connections", "measured", "target", ""}}
	for _, c := range r.Checks {
		conns, measured := strconv.Itoa(c.Connections), strconv.FormatFloat(c.Measured, 'f', 2, 64)
		if c.Unmeasured {
			conns, measured = "–", "–"
		}
		t = append(t, []string{c.What, conns, measured, c.target(), c.verdict()})
	}
	return t
}

func (r *report) memoryTable() table {
	t := table{{"memory at 64 connections", "resident MiB", "peak MiB", "of it private MiB"}}
	for _, name := range []string{"service", "floor"} {
		m := r.Resident[name]
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
	return fmt.Sprintf("%s; medians of %d rounds of %g s.", r.conditions, r.Rounds, r.Seconds)
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
	for _, t := range []table{r.resultTable(), r.memoryTable(), r.checkTable()} {
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

// write creates the folder dir and writes the results there.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "latest.json"), append(encoded, '\n'), 0o644); err != nil {
		return err
	}
	var md strings.Builder
	md.WriteString(r.heading() + "\n\n")
	for _, t := range []table{r.resultTable(), r.memoryTable(), r.checkTable()} {
		if err := t.markdown(&md); err != nil {
			return err
		}
		md.WriteString("\n")
	}
	if remark := r.remark(); remark != "" {
		md.WriteString(remark + "\n\n")
	}
	md.WriteString("![Cost of a list against rows](cost.svg)\n")
	if err := os.WriteFile(filepath.Join(dir, "latest.md"), []byte(md.String()), 0o644); err != nil {
		return err
	}
	return plotCurve(r.Curve, filepath.Join(dir, "cost.svg"))
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
