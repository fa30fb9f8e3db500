package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// setting is one key of the configuration.
type setting struct {
	key   string
	usage string
	field func(*Config) any  // a pointer to the value
	check func(string) error // for strings; must not repeat the value
	hide  func(string) string
}

var settings = []setting{
	{"database.url", "Postgres with users, keys, usage and, unless given apart, fusillade; embedded, the default: one that the program brings along", func(c *Config) any { return &c.Database.URL }, checkURL, hidePassword},
	{"database.replica_url", "read replica of the database", func(c *Config) any { return &c.Database.ReplicaURL }, checkURL, hidePassword},
	{"database.replica_max_lag", "how far behind a replica may be before the primary is read instead, such as 30s; 0: however far", func(c *Config) any { return &c.Database.ReplicaMaxLag }, nil, nil},
	{"database.pgbouncer", "true: the databases are reached through PgBouncer in transaction mode", func(c *Config) any { return &c.Database.PgBouncer }, nil, nil},
	{"database.max_conns", "connections of each pool", func(c *Config) any { return &c.Database.MaxConns }, nil, nil},
	{"fusillade.database_url", "Postgres with fusillade, if it has its own", func(c *Config) any { return &c.Fusillade.DatabaseURL }, checkURL, hidePassword},
	{"fusillade.replica_url", "read replica of fusillade's own database", func(c *Config) any { return &c.Fusillade.ReplicaURL }, checkURL, hidePassword},
	{"fusillade.schema", "schema of fusillade's tables", func(c *Config) any { return &c.Fusillade.Schema }, checkSchema, nil},
	{"outlet.database_url", "Postgres with outlet's tables, if that is not fusillade's", func(c *Config) any { return &c.Outlet.DatabaseURL }, checkURL, hidePassword},
	{"outlet.schema", "schema of outlet's tables", func(c *Config) any { return &c.Outlet.Schema }, checkSchema, nil},
	{"http.addr", "address to listen on, as HOST:PORT; port 0 takes a free one", func(c *Config) any { return &c.HTTPAddr }, checkAddr, nil},
	{"http.profile_addr", "address to serve profiles on (net/http/pprof), as HOST:PORT; unset: none", func(c *Config) any { return &c.ProfileAddr }, checkAddr, nil},
	{"auth.session_secret", "secret that signs session cookies, 16 bytes or more; unset: sessions are off", func(c *Config) any { return &c.Auth.SessionSecret }, checkSecret, hideAll},
	{"auth.session_cookie", "name of the session cookie", func(c *Config) any { return &c.Auth.SessionCookie }, checkToken, nil},
	{"auth.proxy_headers", "true: believe a proxy's word for who is calling", func(c *Config) any { return &c.Auth.ProxyHeaders }, nil, nil},
	{"auth.proxy_user_header", "header that names the user", func(c *Config) any { return &c.Auth.ProxyUserHeader }, checkToken, nil},
	{"auth.proxy_trusted", "addresses of proxies, as CIDRs with commas between", func(c *Config) any { return &c.Auth.ProxyTrusted }, nil, nil},
	{"auth.proxy_secret", "secret by which the proxy proves itself, of 16 bytes or more; unset: its address is all that is asked for", func(c *Config) any { return &c.Auth.ProxySecret }, checkProxySecret, hideAll},
	{"auth.proxy_secret_header", "header in which the proxy sends that secret", func(c *Config) any { return &c.Auth.ProxySecretHeader }, checkToken, nil},
	{"auth.proxy_incoming", "stripped: says that the proxy removes auth.proxy_user_header from whatever callers send; unknown: does not", func(c *Config) any { return &c.Auth.ProxyIncoming }, oneOf(incomingUnknown, IncomingStripped), nil},
	{"auth.cache_ttl", "for how long a caller may be remembered, at most 60s; 0: not at all", func(c *Config) any { return &c.Auth.CacheTTL }, nil, nil},
	{"erasure.key_file", "file with the private keys that sign the log of erasures, the newest first; in the embedded mode one is made in data_dir", func(c *Config) any { return &c.Erasure.KeyFile }, nil, nil},
	{"erasure.key", "these keys themselves, one a line, instead of a file", func(c *Config) any { return &c.Erasure.Key }, checkKeys, hideAll},
	{"erasure.origin", "name of the log of erasures, such as example.com/erasures; unset: that of its keys", func(c *Config) any { return &c.Erasure.Origin }, checkOrigin, nil},
	{"erasure.standbys", "application_names of standbys that have to have replayed a checkpoint of the log before it is published, with commas between", func(c *Config) any { return &c.Erasure.Standbys }, nil, nil},
	{"erasure.checkpoint_file", "file that keeps the newest checkpoint of the log that was seen, so that an older database is noticed; in the embedded mode one in data_dir", func(c *Config) any { return &c.Erasure.CheckpointFile }, nil, nil},
	{"erasure.witnesses", "public keys of witnesses whose signatures may be added to checkpoints of the log, with commas between", func(c *Config) any { return &c.Erasure.Witnesses }, nil, nil},
	{"erasure.rate", "responses a second that bulk erasures may erase in this process; 0: no bound", func(c *Config) any { return &c.Erasure.Rate }, nil, nil},
	{"erasure.orphans", "true: remove raw copies whose request is gone, as dwctl deleted it; lethe erasures orphans --dry-run counts them", func(c *Config) any { return &c.Erasure.Orphans }, nil, nil},
	{"erasure.standby_urls", "URLs of all standbys, where it is looked whether what was erased is gone there too, with commas between", func(c *Config) any { return (*urls)(&c.Erasure.StandbyURLs) }, nil, nil},
	{"access_log.keep", "for how long records of the access log are kept, in days such as 365d", func(c *Config) any { return (*days)(&c.AccessLog.Keep) }, nil, nil},
	{"data_dir", "folder of the embedded database", func(c *Config) any { return &c.DataDir }, checkDir, nil},
	{"log.level", "debug, info, warn or error", func(c *Config) any { return &c.Log.Level }, oneOf("debug", "info", "warn", "error"), nil},
	{"log.format", "text or json", func(c *Config) any { return &c.Log.Format }, oneOf("text", "json"), nil},
}

// What auth.proxy_incoming says of the header that names the user, in what callers
// send.
const (
	incomingUnknown  = "unknown"
	IncomingStripped = "stripped"
)

func settingOf(key string) (setting, bool) {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.key == key })
	if i < 0 {
		return setting{}, false
	}
	return settings[i], true
}

const envPrefix = "LETHE_"

func (s setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}

// EnvOf is the variable of a setting.
func EnvOf(key string) string { return setting{key: key}.env() }

func (s setting) path() string { return s.key }

func (s setting) flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
}

// renamed leads from a setting's former name to its name.
var renamed = map[string]string{"looks.keep": "access_log.keep", "erasure.seen_file": "erasure.checkpoint_file"}

// suggest says which setting an unknown name may stand for; empty where none is
// like it.
func suggest(given string, spell func(setting) string) string {
	for former, key := range renamed {
		if spell(setting{key: former}) == given {
			return fmt.Sprintf("it is called %s now; else ", spell(setting{key: key}))
		}
	}
	return DidYouMean(given, names(spell))
}

// names are those of all settings.
func names(of func(setting) string) []string {
	all := make([]string, len(settings))
	for i, s := range settings {
		all[i] = of(s)
	}
	return all
}

// onCommandLine tells whether a setting has a flag: other users of the machine
// can read command lines.
func (s setting) onCommandLine() bool {
	return s.key != "auth.session_secret" && s.key != "auth.proxy_secret" && s.key != "erasure.key"
}

// IsSetting tells whether a flag is that of a setting.
func IsSetting(flag string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return s.flag() == flag })
}

// WithoutFlags lists the variables of settings that have no flag.
func WithoutFlags() []string {
	var names []string
	for _, s := range settings {
		if !s.onCommandLine() {
			names = append(names, s.env())
		}
	}
	return names
}

// AddFlags adds a flag for each setting whose key begins with one of the
// prefixes; none means all.
func AddFlags(flags *pflag.FlagSet, prefixes ...string) {
	for _, s := range settings {
		if !s.onCommandLine() {
			continue
		}
		wanted := len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s.key, p) })
		if wanted {
			flags.String(s.flag(), "", fmt.Sprintf("%s [%s]", s.usage, s.env()))
		}
	}
}
