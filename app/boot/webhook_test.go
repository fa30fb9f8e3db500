package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewWebhook(t *testing.T) {
	t.Parallel()
	const url, secret = "LETHE_WEBHOOK_URL=https://example.com/", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	file := filepath.Join(t.TempDir(), "secret")
	for name, c := range map[string]struct {
		content string
		environ []string
		told    bool
		says    string // in the error; empty: none
	}{
		"off":           {},
		"in a setting":  {environ: []string{url, "LETHE_WEBHOOK_SECRET=" + secret}, told: true},
		"in a file":     {environ: []string{url, "LETHE_WEBHOOK_SECRET_FILE=" + file}, content: secret + "\n", told: true},
		"no such file":  {environ: []string{url, "LETHE_WEBHOOK_SECRET_FILE=" + file + ".none"}, says: "not found: correct webhook.secret_file, or create one with"},
		"a folder":      {environ: []string{url, "LETHE_WEBHOOK_SECRET_FILE=" + filepath.Dir(file)}, says: "correct webhook.secret_file"},
		"no secret":     {environ: []string{url, "LETHE_WEBHOOK_SECRET_FILE=" + file}, content: "a password", says: file + " must be whsec_ and"},
		"not in base64": {environ: []string{url, "LETHE_WEBHOOK_SECRET_FILE=" + file}, content: "whsec_password!", says: file + " must be whsec_ and"},
	} {
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		hook, err := NewWebhook(sessionConfig(t, c.environ...))
		if (hook != nil) != c.told || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: want a webhook: %t, %q, got %v, %v", name, c.told, c.says, hook != nil, err)
		}
		if err != nil && strings.Contains(err.Error(), "password") {
			t.Errorf("%s: want no secret in the error, got %v", name, err)
		}
	}
}
