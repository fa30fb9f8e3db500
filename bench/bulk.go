package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	erasuresPath = "/lethe/api/v1/erasures"
	// A preview counts no more than 250,000.
	mostInBulk = 200_000
)

func (m *measuring) inBulk() int {
	return min(mostInBulk, int(erasuresInBulk*m.cfg.seconds))
}

// bulk is a bulk erasure, as the contract has it.
type bulk struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Responses  int        `json:"responses"`
	Token      string     `json:"token"` // of a preview
}

func (b *bulk) ask(p *program, method, path, body string, want int) error {
	answer, err := ask(p, method, path, body, key(eraser), want)
	if err == nil {
		err = json.Unmarshal(answer, b)
	}
	return err
}

// startBulk begins to erase the next n rows that are there for it.
func (m *measuring) startBulk(n int) (b bulk, err error) {
	first := int(m.ids.next.Add(int64(n))) - n + 1
	created := func(i int) string {
		return time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC).Format(time.RFC3339)
	}
	target := fmt.Sprintf(`{"filter": {"created_after": %q, "created_before": %q}`, created(first), created(first+n-1))
	if err := b.ask(m.service, http.MethodPost, erasuresPath+"/preview", target+"}", http.StatusOK); err != nil {
		return b, err
	}
	if b.Responses != n {
		return b, fmt.Errorf("the preview of a bulk erasure counts %d responses, not %d", b.Responses, n)
	}
	return b, b.ask(m.service, http.MethodPost, erasuresPath, target+fmt.Sprintf(`, "token": %q}`, b.Token), http.StatusAccepted)
}

// playDuringErasure drives the service for as long as a bulk erasure goes on in
// it, at most as long as others are driven, and returns how many responses were
// erased a second meanwhile.
func (m *measuring) playDuringErasure(ctx context.Context, sc *scenario, conns int) (made sample, erased float64, err error) {
	const every = 20 * time.Millisecond
	now, err := m.startBulk(m.inBulk())
	if err != nil {
		return made, 0, err
	}
	look := func() error {
		return now.ask(m.service, http.MethodGet, erasuresPath+"/"+now.ID, "", http.StatusOK)
	}
	for now.StartedAt == nil {
		time.Sleep(every)
		if err := cmp.Or(ctx.Err(), look()); err != nil {
			return made, 0, err
		}
		if now.StartedAt == nil && now.FinishedAt != nil {
			return made, 0, fmt.Errorf("bulk erasure %s is %s without having begun", now.ID, now.State)
		}
	}
	var over, driven atomic.Bool
	looked := make(chan error, 1)
	go func() {
		var err error
		for err == nil && now.FinishedAt == nil && !driven.Load() {
			time.Sleep(every)
			err = look()
		}
		over.Store(true)
		looked <- err
	}()
	supply := sc.supply(0)
	// Processor time would be the erasure's, too.
	made, err = m.driver.drive(ctx, sc, sc.service, func() (string, error) {
		if over.Load() {
			return "", errNoneLeft
		}
		return supply()
	}, conns, m.duration())
	driven.Store(true)
	if lookErr := <-looked; err == nil {
		err = lookErr
	}
	if err != nil {
		return made, 0, err
	}
	end := time.Now()
	if now.FinishedAt != nil {
		end = *now.FinishedAt
	}
	erased = float64(now.Responses) / end.Sub(*now.StartedAt).Seconds()
	for now.FinishedAt == nil && ctx.Err() == nil {
		time.Sleep(every)
		if err := look(); err != nil {
			return made, 0, err
		}
	}
	if now.State != "finished" {
		err = fmt.Errorf("bulk erasure %s is %s", now.ID, now.State)
	}
	return made, erased, err
}
