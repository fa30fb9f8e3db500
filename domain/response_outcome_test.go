package domain_test

import (
	"reflect"
	"testing"
	"time"

	"lethe/domain"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	type part = domain.ResponsePart
	at := noon.Add(time.Minute)
	in := func(state string, change func(*part)) part {
		p := part{Response: domain.Response{State: state, CompletedAt: &at}}
		if change != nil {
			change(&p)
		}
		return p
	}
	status := func(n int) func(*part) { return func(p *part) { p.HTTPStatus, p.Answer = &n, ptr("words") } }
	failed := func(text string) part { return in("failed", func(p *part) { p.Error = &text }) }
	done := in("completed", status(200))
	const cannot = "The error is stored encrypted and cannot be shown"
	for name, c := range map[string]struct {
		parts []part
		want  domain.Outcome
	}{
		"pending":           {[]part{in("pending", nil)}, domain.Outcome{Status: "queued"}},
		"claimed":           {[]part{in("claimed", nil)}, domain.Outcome{Status: "in_progress"}},
		"processing":        {[]part{in("processing", nil)}, domain.Outcome{Status: "in_progress"}},
		"canceled":          {[]part{in("canceled", nil)}, domain.Outcome{Status: "cancelled"}},
		"another word":      {[]part{in("paused", nil)}, domain.Outcome{Status: "paused"}},
		"completed":         {[]part{done}, domain.Outcome{Status: "completed", CompletedAt: &at}},
		"without a status":  {[]part{in("completed", nil)}, domain.Outcome{Status: "completed", CompletedAt: &at}},
		"not yet a refusal": {[]part{in("completed", status(399))}, domain.Outcome{Status: "completed", CompletedAt: &at}},
		"refused":           {[]part{in("completed", status(400))}, domain.Outcome{Status: "failed", CompletedAt: &at, Failure: &domain.Failure{HTTPStatus: ptr(400), Message: "words"}}},
		"refused, encrypted": {[]part{in("completed", func(p *part) { p.HTTPStatus, p.Withheld.Answer = ptr(500), true })},
			domain.Outcome{Status: "failed", CompletedAt: &at, Failure: &domain.Failure{HTTPStatus: ptr(500), Message: cannot}}},
		"refused without words": {[]part{in("completed", func(p *part) { p.HTTPStatus = ptr(500) })},
			domain.Outcome{Status: "failed", CompletedAt: &at, Failure: &domain.Failure{HTTPStatus: ptr(500)}}},
		"failed":               {[]part{failed("words")}, domain.Outcome{Status: "failed", Failure: &domain.Failure{Message: "words"}}},
		"failed, with details": {[]part{failed(`{"details":{"status":429,"body":"slow"}}`)}, domain.Outcome{Status: "failed", Failure: &domain.Failure{HTTPStatus: ptr(429), Message: "slow"}}},
		"details without body": {[]part{failed(`{"details":{"status":429}}`)}, domain.Outcome{Status: "failed", Failure: &domain.Failure{Message: `{"details":{"status":429}}`}}},
		"body alone":           {[]part{failed(`{"details":{"body":"x"}}`)}, domain.Outcome{Status: "failed", Failure: &domain.Failure{Message: `{"details":{"body":"x"}}`}}},
		"other details":        {[]part{failed(`{"details":"x"}`)}, domain.Outcome{Status: "failed", Failure: &domain.Failure{Message: `{"details":"x"}`}}},
		"failed, encrypted":    {[]part{in("failed", func(p *part) { p.Withheld.Error = true })}, domain.Outcome{Status: "failed", Failure: &domain.Failure{Message: cannot}}},
		"failed without words": {[]part{in("failed", nil)}, domain.Outcome{Status: "failed", Failure: &domain.Failure{}}},

		"all done":        {[]part{done, done}, domain.Outcome{Status: "completed", CompletedAt: &at}},
		"the last failed": {[]part{done, failed("words")}, domain.Outcome{Status: "failed", Failure: &domain.Failure{Message: "words"}}},
		"an earlier one":  {[]part{failed("words"), done}, domain.Outcome{Status: "completed", CompletedAt: &at}},
		"the next waits":  {[]part{done, in("pending", nil)}, domain.Outcome{Status: "in_progress"}},
		"the next runs":   {[]part{done, in("processing", nil), done}, domain.Outcome{Status: "in_progress"}},
		"the first waits": {[]part{in("pending", nil), in("pending", nil)}, domain.Outcome{Status: "queued"}},
		"the first runs":  {[]part{in("claimed", nil), in("pending", nil)}, domain.Outcome{Status: "in_progress"}},
	} {
		if got := (domain.WholeResponse{Parts: c.parts}).Outcome(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: want %+v, got %+v", name, c.want, got)
		}
	}
}
