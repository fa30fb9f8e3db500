package main

import (
	"fmt"
	"slices"
	"strings"
)

// check compares a measurement with what must be reached.
type check struct {
	What        string  `json:"what"`
	Connections int     `json:"connections,omitempty"`
	Measured    float64 `json:"measured"`
	AtLeast     float64 `json:"at_least,omitempty"`
	AtMost      float64 `json:"at_most,omitempty"`
	Unit        string  `json:"unit,omitempty"`
	Met         bool    `json:"met"`
	Unmeasured  bool    `json:"unmeasured,omitempty"` // the service does not offer it, or the run left it out
}

func atLeast(what string, conns int, measured, target float64) check {
	return check{What: what, Connections: conns, Measured: measured, AtLeast: target, Met: measured >= target}
}

func atMost(what string, conns int, measured, target float64, unit string) check {
	return check{What: what, Connections: conns, Measured: measured, AtMost: target, Unit: unit, Met: measured <= target}
}

func (c check) target() string {
	if c.AtLeast != 0 {
		return fmt.Sprintf("≥ %g", c.AtLeast)
	}
	return strings.TrimSpace(fmt.Sprintf("≤ %g %s", c.AtMost, c.Unit))
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

// What must be reached as ratio to the floor, of requests a second and, if not
// 0, of processor time a request; at which numbers of connections, nil for all.
var againstFloor = []struct {
	scenario    string
	rate, spent float64
	conns       []int
}{
	{listLarge, 0.9, 1.25, []int{1, 16}},
	{listSmall, 0.9, 1.25, []int{1, 16}},
	{listLargeAuto, 0.8, 0, []int{1, 16}},
	{listSmallAuto, 0.8, 0, []int{1, 16}},
	{fetchOne, 0.9, 0, nil},
	{fetchOther, 0.75, 0, nil},
	{fetchMiss, 0.85, 0, nil},
	{eraseOne, 0.5, 0, []int{8}},
}

const (
	fewRowsTarget  = 0.9  // of the requests a second of a list of few rows
	filterTarget   = 5    // times an own first page
	estimateTarget = 0.15 // of the exact number
	idleTarget     = 40   // MiB
	loadTarget     = 80   // MiB
)

func unmeasured(c check) check {
	c.Connections, c.Measured, c.Met, c.Unmeasured = 0, 0, false, true
	return c
}

// against is the ratio of the requests a second to another scenario's at the same
// number of connections, paired by round, or 0.
func (r *report) against(res *result, other string) float64 {
	for _, with := range r.Results {
		if with.Scenario != other || with.Connections != res.Connections {
			continue
		}
		ratios := make([]float64, len(res.samples[0]))
		for i, s := range res.samples[0] {
			ratios[i] = s.Rate / with.samples[0][i].Rate
		}
		return median(ratios)
	}
	return 0
}

// judge fills in Checks.
func (r *report) judge() {
	r.judgeFloor()
	compared := false
	for _, res := range r.Results {
		if ratio := r.against(res, listFewRows); res.Scenario == listLarge && ratio > 0 {
			r.Checks = append(r.Checks, atLeast(listLarge+", against "+listFewRows, res.Connections, ratio, fewRowsTarget))
			compared = true
		}
	}
	if !compared {
		r.Checks = append(r.Checks, unmeasured(atLeast(listLarge+", against "+listFewRows, 0, 0, fewRowsTarget)))
	}
	r.judgeFilters()
	for _, m := range []struct {
		what   string
		conns  int
		bytes  int64
		target float64
	}{
		{"resident memory, after start and 10 s of quiet", 0, r.Idle.Resident, idleTarget},
		{"resident memory under load", slices.Max(connections), r.Resident["service"].Peak, loadTarget},
	} {
		c := atMost(m.what, m.conns, mebibytes(m.bytes), m.target, "MiB")
		if m.bytes == 0 {
			c = unmeasured(c)
		}
		r.Checks = append(r.Checks, c)
	}
}

func (r *report) judgeFloor() {
	for _, t := range againstFloor {
		measured := false
		for _, res := range r.Results {
			if res.Scenario != t.scenario || t.conns != nil && !slices.Contains(t.conns, res.Connections) {
				continue
			}
			measured = true
			r.Checks = append(r.Checks, atLeast(t.scenario+", against the floor", res.Connections, res.Ratio, t.rate))
			if t.spent == 0 {
				continue
			}
			c := atMost(t.scenario+", processor time against the floor's", res.Connections, res.Time.Total, t.spent, "")
			if res.Time.Total == 0 {
				c = unmeasured(c)
			}
			r.Checks = append(r.Checks, c)
		}
		if !measured {
			r.Checks = append(r.Checks, unmeasured(atLeast(t.scenario+", against the floor", 0, 0, t.rate)))
		}
	}
}

// judgeFilters judges the worst of the filters.
func (r *report) judgeFilters() {
	slowest, furthest := filtered{}, filtered{}
	for _, f := range r.Filters {
		if f.cost() > slowest.cost() {
			slowest = *f
		}
		furthest.Off = max(furthest.Off, f.Off)
	}
	cost := atMost(everyFilter+", the slowest against an own first page", 1, slowest.Ratio, filterTarget, "")
	cost.Met = cost.Met && slowest.Failure == ""
	estimate := atMost(everyFilter+", the worst estimate", 1, 100*furthest.Off, 100*estimateTarget, "%")
	if len(r.Filters) == 0 {
		cost, estimate = unmeasured(cost), unmeasured(estimate)
	}
	r.Checks = append(r.Checks, cost, estimate)
}
