package contract

import (
	"encoding/json"
	"testing"
)

// TestDifferences: a comparison that found nothing would make every exchange equal.
func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		found     int
	}{
		{`{"a": 1}`, `{"a": 1, "b": 2}`, 0},
		{`{"a": 1, "b": 2}`, `{"a": 1}`, 1},
		{`{"a": null}`, `{}`, 1},
		{`{"a": null}`, `{"a": null}`, 0},
		{`{"a": null}`, `{"a": 0}`, 1},
		{`{"a": 1}`, `{"a": null}`, 1},
		{`{"a": 1}`, `{"a": "1"}`, 1},
		{`{"a": 0.1}`, `{"a": 0.1000000001}`, 0},
		{`{"a": 0.1}`, `{"a": 0.10000001}`, 1},
		{`{"a": true}`, `{"a": false}`, 1},
		{`{"a": "x"}`, `{"a": "y"}`, 1},
		{`{"a_at": "2026-03-01T12:00:00Z"}`, `{"a_at": "2026-03-01T13:00:00.000000+01:00"}`, 0},
		{`{"a_at": "2026-03-01T12:00:00Z"}`, `{"a_at": "2026-03-01T12:00:00.000001Z"}`, 1},
		{`{"a_at": "2026-03-01T12:00:00Z"}`, `{"a_at": "x"}`, 1},
		{`{"a": "2026-03-01T12:00:00Z"}`, `{"a": "2026-03-01T13:00:00+01:00"}`, 1},
		{`[]`, `[]`, 0},
		{`[]`, `[1]`, 1},
		{`[1]`, `null`, 1},
		{`[{"a": 1}, {"b": 2}]`, `[{"a": 2}, {"b": 3}]`, 2},
		{`{"a": {}}`, `{"a": []}`, 1},
	} {
		var want, got any
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c.got), &got); err != nil {
			t.Fatal(err)
		}
		if found := differences("$", want, got); len(found) != c.found {
			t.Errorf("%s and %s: found %q", c.want, c.got, found)
		}
	}
}
