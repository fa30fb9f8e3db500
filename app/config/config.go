// Package config reads the settings from defaults, lethe.yaml, the environment and
// flags. Config is the result, Sources are where it is read from, and Error lists
// everything that is wrong.
package config

import (
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"

	"lethe/receipt"
)

// Config is a valid configuration.
type Config struct {
	Database struct {
		URL        string // empty: an embedded Postgres
		ReplicaURL string
		// ReplicaMaxLag applies to fusillade's replica, too; 0: no limit.
		ReplicaMaxLag time.Duration
		PgBouncer     bool // in front of every database
		MaxConns      int  // of each pool
	}
	Fusillade struct {
		DatabaseURL string // empty: in the main database
		ReplicaURL  string
		Schema      string
	}
	Outlet struct {
		DatabaseURL string // empty: in fusillade's database
		Schema      string
	}
	HTTPAddr    string
	ProfileAddr string // empty: no profiles
	Dashboard   bool   // answer what dwctl's dashboard asks for before it shows a view
	Auth        struct {
		SessionKeyFile  string        // seals Lethe's own sessions; empty: none, or the embedded mode's own
		SessionIdle     time.Duration // how long one lasts without being used
		SessionMax      time.Duration // and at all
		SessionSecret   string        // of the gateway's sessions; empty: they are off
		SessionCookie   string
		ProxyHeaders    bool
		ProxyUserHeader string
		ProxyTrusted    []netip.Prefix
		// ProxySecret proves that a request is the proxy's; empty: its address does.
		ProxySecret       string
		ProxySecretHeader string
		ProxyIncoming     string        // incomingStripped: the operator has confirmed it
		CacheTTL          time.Duration // 0: no cache
	}
	Erasure struct {
		KeyFile        string              // with the keys that sign the log; empty: see Key
		Key            string              // these keys themselves; empty: none, or the embedded mode's own
		Origin         string              // the log's name; empty: the keys'
		Standbys       []string            // that must have replayed a checkpoint before its publication
		Witnesses      []receipt.PublicKey // whose signatures may be added to checkpoints
		CheckpointFile string              // stores the newest checkpoint seen; empty: none, or the embedded mode's own
		Rate           PerSecond
		ApprovalOver   int64         // erasures of more responses need an approval; 0: none does
		ApproveRules   bool          // retention rules need one
		ApprovalWait   time.Duration // for how long it can be given; whole days
		Orphans        bool          // remove raw copies whose request is gone
		StandbyURLs    []string      // standbys to check for erased rows; none: no check
	}
	AccessLog struct {
		Keep time.Duration // whole days
	}
	SubjectRequests struct {
		Keep time.Duration // whole days
	}
	Exports struct {
		Folder   string        // of persons' files; empty: none, or the embedded mode's own
		MaxBytes int64         // of one file
		Keep     time.Duration // whole days
	}
	// Privacy is what persons' files and letters say of whoever keeps the data; Authority
	// and Kept may be empty.
	Privacy struct{ Controller, Contact, Authority, Purpose, Retention, Kept string }
	Webhook struct {
		URL        string // empty: nobody is told
		SecretFile string // signs what is told; empty: see Secret
		Secret     string
	}
	DataDir string
	Log     struct {
		Level  string // debug, info, warn or error
		Format string // text or json
	}

	sources map[string]string // where the value of each key comes from
}

// Embedded reports whether the service runs its own Postgres.
func (c *Config) Embedded() bool { return c.Database.URL == "" }

// Error lists everything that is wrong with a configuration, or with the arguments of
// a command. It holds no secrets.
type Error struct{ Problems []string }

func (e *Error) Error() string { return strings.Join(e.Problems, "\n") }

// Misused returns the error of a command with invalid arguments.
func Misused(format string, args ...any) error {
	return &Error{[]string{fmt.Sprintf(format, args...)}}
}

// Load reads defaults, then the file, the environment and the flags; later sources
// win. A setting that is set but empty is an error in any source: it probably comes
// from a variable that was not filled, so the default was not meant. If anything is
// wrong, Load returns an *Error that lists every problem.
func Load(from Sources) (*Config, error) {
	r := reader{sources: map[string]string{}, empty: map[string]bool{}, merged: koanf.New(".")}
	r.readFile(from.File)
	r.readEnvironment(from.Environ)
	if from.Flags != nil {
		r.readFlags(from.Flags)
	}
	given := r.merged
	r.merged = koanf.New(".")
	apart := given.Exists("fusillade.database_url")
	if err := r.merged.Load(confmap.Provider(defaults(apart, given.Exists("outlet.database_url"), from.Environ), "."), nil); err != nil {
		return nil, err
	}
	if err := r.merged.Merge(given); err != nil {
		return nil, err
	}

	c := &Config{sources: r.sources}
	for _, s := range settings {
		if r.sources[s.key] == "" {
			r.sources[s.key] = "default"
		}
		if r.empty[s.key] {
			continue // already reported
		}
		if err := s.assign(c, r.merged.Get(s.key)); err != nil {
			r.problem(s.key, "%s", err.Error())
		}
	}
	r.crossCheck(c)
	if len(r.problems) > 0 {
		return nil, &Error{r.problems}
	}
	if c.DataDir != "" {
		dir, err := filepath.Abs(c.DataDir)
		if err != nil {
			return nil, err
		}
		c.DataDir = dir
	}
	return c, nil
}

// crossCheck finds values that contradict each other.
func (r *reader) crossCheck(c *Config) {
	main := !c.Embedded() || r.empty["database.url"]
	apart := c.Fusillade.DatabaseURL != "" || r.empty["fusillade.database_url"]
	for _, key := range []string{"database.replica_url", "fusillade.database_url", "outlet.database_url"} {
		if !main && r.merged.String(key) != "" {
			r.problem(key, "needs database.url (LETHE_DATABASE_URL): set that too")
		}
	}
	if !apart && r.merged.String("fusillade.replica_url") != "" {
		r.problem("fusillade.replica_url", "needs fusillade.database_url (LETHE_FUSILLADE_DATABASE_URL): set that too, or use database.replica_url")
	}
	if !main && c.DataDir == "" && !r.empty["data_dir"] {
		r.problem("data_dir", "no home folder to put it in: set a folder for the embedded database, or set database.url")
	}
	if c.Dashboard && main {
		r.problem("http.dwctl_dashboard", "needs the embedded database: leave it off beside dwctl, which answers its dashboard itself")
	}
	if c.Auth.SessionMax > 0 && c.Auth.SessionIdle > c.Auth.SessionMax {
		r.problem("auth.session_idle", "is longer than auth.session_max (%s): shorten it, or lengthen that", brief(c.Auth.SessionMax))
	}
	if c.Auth.ProxySecret != "" && !c.Auth.ProxyHeaders {
		r.problem("auth.proxy_secret", "has no effect while proxy headers are off: set auth.proxy_headers (LETHE_AUTH_PROXY_HEADERS) to true, or remove the secret")
	}
	if name := c.Auth.ProxySecretHeader; name != "" && slices.ContainsFunc([]string{c.Auth.ProxyUserHeader, "Authorization", "Cookie"}, func(other string) bool { return strings.EqualFold(name, other) }) {
		r.problem("auth.proxy_secret_header", "is already used for something else: choose another header")
	}
	if c.Erasure.Key != "" && c.Erasure.KeyFile != "" {
		r.problem("erasure.key", "is set together with erasure.key_file: set only one of them")
	}
	if secret := c.Webhook.Secret != "" || c.Webhook.SecretFile != ""; c.Webhook.URL != "" && !secret {
		r.problem("webhook.url", "needs a secret that signs what is told: set webhook.secret_file (LETHE_WEBHOOK_SECRET_FILE)")
	} else if c.Webhook.URL == "" && secret {
		r.problem("webhook.url", "is not set, so the webhook's secret has no effect: set webhook.url (LETHE_WEBHOOK_URL), or remove the secret")
	}
	if c.Webhook.Secret != "" && c.Webhook.SecretFile != "" {
		r.problem("webhook.secret", "is set together with webhook.secret_file: set only one of them")
	}
	if named, n := len(c.Erasure.Standbys), len(c.Erasure.StandbyURLs); n > 0 && named > 0 && n != named {
		r.problem("erasure.standby_urls", "has %d URLs, but erasure.standbys has %d names: list the URL of every standby, or none", n, named)
	}
}

// ProxyUnproven describes the risk of trusting a proxy's header when nothing proves
// that the proxy sent it and nobody has confirmed that callers cannot send it
// themselves. Empty: no risk.
func (c *Config) ProxyUnproven() string {
	a := c.Auth
	if !a.ProxyHeaders || a.ProxySecret != "" || a.ProxyIncoming == IncomingStripped {
		return ""
	}
	from := make([]string, len(a.ProxyTrusted))
	for i, prefix := range a.ProxyTrusted {
		from[i] = prefix.String()
	}
	return fmt.Sprintf("the header %s is trusted from %s without proof: if the proxy forwards the header that callers send, as nginx does by default, anyone can act as any user, even an administrator",
		a.ProxyUserHeader, strings.Join(from, ", "))
}

// ProxyAdvice says how to remove that risk.
const ProxyAdvice = "make the proxy strip that header from incoming requests and authenticate itself with auth.proxy_secret (LETHE_AUTH_PROXY_SECRET), then test it with `lethe doctor --proxy URL`; " +
	"without a secret, set auth.proxy_incoming (LETHE_AUTH_PROXY_INCOMING) to " + IncomingStripped + " once the proxy strips it"

// Print writes the configuration as YAML, each value with its source, and hides secrets
// and passwords. An unset value is null, which a file can contain too.
func (c *Config) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{"": root}
	for _, s := range settings {
		section, name, _ := strings.Cut(s.key, ".")
		if name == "" {
			section, name = "", section
		}
		if sections[section] == nil {
			sections[section] = &yaml.Node{Kind: yaml.MappingNode}
			root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: section}, sections[section])
		}
		var value yaml.Node
		if err := value.Encode(s.value(c).printed()); err != nil {
			return err
		}
		if value.Kind == yaml.SequenceNode {
			value.Style = yaml.FlowStyle
		}
		value.LineComment = c.sources[s.key]
		if !strings.HasSuffix(value.LineComment, " "+s.env()) {
			value.LineComment += "; " + s.env()
		}
		sections[section].Content = append(sections[section].Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, &value)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return err
	}
	return enc.Close()
}
