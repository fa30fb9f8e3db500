package domain_test

import (
	"strings"
	"testing"
	"time"

	"lethe/domain"
)

func TestImportedResponseCheck(t *testing.T) {
	t.Parallel()
	good := func() domain.ImportedResponse {
		var r domain.ImportedResponse
		r.Owner, r.Model, r.State, r.HTTPStatus = "owner", "model", "completed", new(200)
		r.CreatedAt = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		return r
	}
	for name, change := range map[string]func(*domain.ImportedResponse){
		"as it is": func(*domain.ImportedResponse) {},
		"unknown":  func(r *domain.ImportedResponse) { r.CreatedAt = time.Time{} },
		"unsayable": func(r *domain.ImportedResponse) {
			r.CreatedAt, r.CompletedAt = domain.InfiniteFuture, &domain.InfinitePast
		},
		"in progress": func(r *domain.ImportedResponse) { r.State, r.HTTPStatus = "pending", nil },
		"long": func(r *domain.ImportedResponse) {
			r.Owner, r.Model = strings.Repeat("o", 512), strings.Repeat("m", 512)
		},
		"no tokens": func(r *domain.ImportedResponse) { r.Usage.TotalTokens = new(int64(0)) },
		"999":       func(r *domain.ImportedResponse) { r.HTTPStatus = new(999) },
	} {
		r := good()
		if change(&r); r.Check() != nil {
			t.Errorf("%s: got %v", name, r.Check())
		}
	}
	const (
		noText   = "has a text with NUL or bytes that are not UTF-8, which the database cannot store"
		noTime   = "has a time outside the years 1 to 9999"
		noTokens = "has a negative number of tokens"
		noStatus = "has an HTTP status that is none"
		noOwner  = "has an owner that is too long, or not UTF-8 without NUL"
		noModel  = "has a model that is too long, or not UTF-8 without NUL"
	)
	late := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		change  func(*domain.ImportedResponse)
		message string
	}{
		{func(r *domain.ImportedResponse) { r.Owner = "" }, "names no owner: give one with --owner"},
		{func(r *domain.ImportedResponse) { r.Owner = "\x00" }, noOwner},
		{func(r *domain.ImportedResponse) { r.Owner = strings.Repeat("o", 513) }, noOwner},
		{func(r *domain.ImportedResponse) { r.Model = "" }, "names no model"},
		{func(r *domain.ImportedResponse) { r.Model = "\xff" }, noModel},
		{func(r *domain.ImportedResponse) { r.Model = strings.Repeat("m", 513) }, noModel},
		{func(r *domain.ImportedResponse) { r.State = "secret" }, "has a status that is none of pending, claimed, processing, completed, failed and canceled"},
		{func(r *domain.ImportedResponse) { r.HTTPStatus = nil }, "is completed, but has no response_status"},
		{func(r *domain.ImportedResponse) { r.HTTPStatus = new(-1) }, noStatus},
		{func(r *domain.ImportedResponse) { r.HTTPStatus = new(1000) }, noStatus},
		{func(r *domain.ImportedResponse) { r.Prompt = "\x00" }, noText},
		{func(r *domain.ImportedResponse) { r.Answer = new("\xff") }, noText},
		{func(r *domain.ImportedResponse) { r.Error = new("\x00") }, noText},
		{func(r *domain.ImportedResponse) { r.CustomID = new("\x00") }, noText},
		{func(r *domain.ImportedResponse) { r.CreatedAt = late }, noTime},
		{func(r *domain.ImportedResponse) { r.StartedAt = &late }, noTime},
		{func(r *domain.ImportedResponse) { r.CompletedAt = &late }, noTime},
		{func(r *domain.ImportedResponse) { r.FailedAt = &late }, noTime},
		{func(r *domain.ImportedResponse) { r.Usage.PromptTokens = new(int64(-1)) }, noTokens},
		{func(r *domain.ImportedResponse) { r.Usage.CompletionTokens = new(int64(-1)) }, noTokens},
		{func(r *domain.ImportedResponse) { r.Usage.ReasoningTokens = new(int64(-1)) }, noTokens},
		{func(r *domain.ImportedResponse) { r.Usage.TotalTokens = new(int64(-1)) }, noTokens},
	} {
		r := good()
		c.change(&r)
		if err := r.Check(); err == nil || err.Error() != c.message || domain.CodeOf(err) != domain.CodeInvalid {
			t.Errorf("want %q, got %v", c.message, err)
		}
	}
}
