package serve_test

import (
	"net/http"
	"testing"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestProxySecret: with a secret, an address alone is no proof.
func TestProxySecret(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, apptest.AddCached+"; "+apptest.Proxied)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_AUTH_PROXY_HEADERS=true", "LETHE_AUTH_PROXY_SECRET=0123456789abcdef", "LETHE_AUTH_PROXY_SECRET_HEADER=X-Proof")
	for given, want := range map[string]int{"": 401, "0123456789abcdee": 401, "0123456789abcdef": 200} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+apptest.RequestsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Doubleword-User", "idp|cached")
		if given != "" {
			r.Header.Set("X-Proof", given)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%q: answered %d, want %d", given, answer.StatusCode, want)
		}
	}
}
