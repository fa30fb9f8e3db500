package domain_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"lethe/domain"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	plain := domain.Errorf(domain.CodeInvalid, "%s is no %s", "x", "y")
	caused := &domain.Error{Code: domain.CodeUnavailable, Message: "the database is gone", Cause: cause}
	for _, c := range []struct {
		err  error
		code domain.Code
		text string
	}{
		{plain, domain.CodeInvalid, "x is no y"},
		{caused, domain.CodeUnavailable, "the database is gone: connection refused"},
		{fmt.Errorf("wrapped: %w", caused), domain.CodeUnavailable, "wrapped: the database is gone: connection refused"},
		{cause, domain.CodeInternal, "connection refused"},
		{context.Canceled, domain.CodeInternal, "context canceled"},
	} {
		if got := domain.CodeOf(c.err); got != c.code {
			t.Errorf("%v: want %s, got %s", c.err, c.code, got)
		}
		if c.err.Error() != c.text {
			t.Errorf("want %q, got %q", c.text, c.err)
		}
	}
	if !errors.Is(caused, cause) {
		t.Error("errors.Is: want the cause found")
	}
}
