package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// sample is the result of one run of one side.
type sample struct {
	Rate float64       // requests a second
	P50  time.Duration // latencies
	P99  time.Duration
	N    int

	Process, Database time.Duration // processor time a request, 0 if unknown
}

// answerWithin is how long a request waits for its answer.
const answerWithin = 30 * time.Second

var errTooSlow = fmt.Errorf("no answer within %s", answerWithin)

// clients keep their connections between runs, as callers do.
type clients map[clientOf]*http.Client

type clientOf struct {
	p     *program
	conns int
}

func (c clients) get(p *program, conns int) *http.Client {
	of := clientOf{p, conns}
	if c[of] == nil {
		c[of] = &http.Client{Timeout: answerWithin, Transport: &http.Transport{
			MaxConnsPerHost: conns, MaxIdleConnsPerHost: conns,
			DisableCompression: true, // the floor does not compress
		}}
	}
	return c[of]
}

// close ends all connections, because idle ones take memory on both sides.
func (c clients) close() {
	for of, client := range c {
		client.CloseIdleConnections()
		delete(c, of)
	}
}

// drive keeps conns connections busy, each with one request at a time, for the
// given time or until supply has no more. It fails on an answer other than sc.want.
func (c clients) drive(ctx context.Context, sc *scenario, p *program, supply func() (string, error), conns int, d time.Duration) (sample, error) {
	return c.observe(ctx, sc, p, supply, conns, d, func(result *vegeta.Result) error {
		if err := sc.check(result); err != nil {
			return fmt.Errorf("%d connections, %s: %w", conns, p.name, err)
		}
		return nil
	})
}

func (sc *scenario) check(result *vegeta.Result) error {
	if int(result.Code) == sc.want {
		return nil
	}
	if strings.Contains(result.Error, "Client.Timeout exceeded") { // the library gives no more than the text
		return fmt.Errorf("%s: %w", sc.name, errTooSlow)
	}
	return fmt.Errorf("%s: %s from %s", sc.name, cmp.Or(result.Error, strconv.Itoa(int(result.Code))), result.URL)
}

// observe is drive that calls seen with each answer; its error ends the run.
func (c clients) observe(ctx context.Context, sc *scenario, p *program, supply func() (string, error), conns int, d time.Duration, seen func(*vegeta.Result) error) (sample, error) {
	header := http.Header{"Authorization": {"Bearer " + sc.key}}
	attacker := vegeta.NewAttacker(
		vegeta.Workers(uint64(conns)), vegeta.MaxWorkers(uint64(conns)), vegeta.MaxBody(sc.maxBody), vegeta.Client(c.get(p, conns)),
	)
	var exhausted atomic.Bool
	targeter := func(t *vegeta.Target) error {
		path, err := supply()
		if err != nil {
			exhausted.Store(true)
			return err
		}
		t.Method, t.URL, t.Header = sc.method, p.base+path, header
		return nil
	}
	stopWithContext := context.AfterFunc(ctx, func() { attacker.Stop() })
	defer stopWithContext()

	var first, last time.Time
	var failed error
	latencies := make([]time.Duration, 0, 1<<14)
	for result := range attacker.Attack(targeter, vegeta.Rate{Freq: sc.perSecond, Per: time.Second}, d, "") {
		if result.Code == 0 && exhausted.Load() {
			continue
		}
		if err := seen(result); err != nil && failed == nil && ctx.Err() == nil {
			failed = err
			attacker.Stop()
		}
		if first.IsZero() || result.Timestamp.Before(first) {
			first = result.Timestamp
		}
		if end := result.End(); end.After(last) {
			last = end
		}
		latencies = append(latencies, result.Latency)
	}
	if ctx.Err() != nil {
		return sample{}, context.Cause(ctx)
	}
	if failed != nil {
		return sample{}, failed
	}
	if len(latencies) == 0 {
		return sample{}, fmt.Errorf("%s, %d connections: %s gave no answer", sc.name, conns, p.name)
	}
	slices.Sort(latencies)
	at := func(q float64) time.Duration { return latencies[int(q*float64(len(latencies)-1))] }
	return sample{Rate: float64(len(latencies)) / last.Sub(first).Seconds(), P50: at(0.5), P99: at(0.99), N: len(latencies)}, nil
}

// watch samples the memory of p until the returned function is called, which
// stores the maximum in m.
func watch(p *program, m *memory) func() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			now := memoryOf(p.cmd.Process.Pid)
			m.Resident, m.Peak, m.Private = max(m.Resident, now.Resident), max(m.Peak, now.Peak), max(m.Private, now.Private)
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}
