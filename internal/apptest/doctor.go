package apptest

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lethe/app/config"
	"lethe/app/ops"
)

// Examine runs the doctor, with a key and a checkpoint file if the variables name none.
func Examine(t *testing.T, environ ...string) *ops.Report {
	t.Helper()
	if !strings.Contains(strings.Join(environ, " "), "LETHE_ERASURE_KEY") {
		environ = append(environ, "LETHE_ERASURE_KEY="+NewKey(t))
	}
	if !strings.Contains(strings.Join(environ, " "), "LETHE_ERASURE_CHECKPOINT_FILE") {
		environ = append(environ, "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "checkpoint"))
	}
	return ExamineAsIs(t, environ...)
}

// ExamineAsIs runs the doctor with only these variables.
func ExamineAsIs(t *testing.T, environ ...string) *ops.Report {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	report, err := ops.Doctor(t.Context(), cfg, nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Found returns the checks with this result.
func Found(r *ops.Report, f ops.Finding) []ops.Check {
	return slices.DeleteFunc(slices.Clone(r.Checks), func(c ops.Check) bool { return c.Finding != f })
}

// Named returns the check of this name.
func Named(t *testing.T, r *ops.Report, name string) ops.Check {
	t.Helper()
	i := slices.IndexFunc(r.Checks, func(c ops.Check) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no check is named %q in\n%s", name, Text(t, r))
	}
	return r.Checks[i]
}

// Text is a report as people read it.
func Text(t *testing.T, r *ops.Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
