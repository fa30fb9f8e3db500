package contract

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// differences compares decoded JSON with what was recorded: every recorded
// field must be there with an equal value, more fields are welcome. Numbers
// are equal within 1e-9, fields ending in _at as instants.
func differences(at string, want, got any) []string {
	unequal := []string{fmt.Sprintf("%s is %s, want %s", at, brief(got), brief(want))}
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return unequal
		}
		var found []string
		for name, value := range want {
			given, ok := got[name]
			if !ok {
				found = append(found, at+"."+name+" is missing")
				continue
			}
			found = append(found, differences(at+"."+name, value, given)...)
		}
		slices.Sort(found)
		return found
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return unequal
		}
		var found []string
		for i := range want {
			found = append(found, differences(fmt.Sprintf("%s[%d]", at, i), want[i], got[i])...)
		}
		return found
	case float64:
		if got, ok := got.(float64); ok && math.Abs(got-want) <= 1e-9 {
			return nil
		}
		return unequal
	case string:
		if got, ok := got.(string); ok && (got == want || strings.HasSuffix(at, "_at") && sameInstant(got, want)) {
			return nil
		}
		return unequal
	}
	if got != want {
		return unequal
	}
	return nil
}

func sameInstant(a, b string) bool {
	first, err := time.Parse(time.RFC3339Nano, a)
	if err != nil {
		return false
	}
	second, err := time.Parse(time.RFC3339Nano, b)
	return err == nil && first.Equal(second)
}

// brief keeps a failure readable.
func brief(v any) string {
	text := fmt.Sprintf("%#v", v)
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}
