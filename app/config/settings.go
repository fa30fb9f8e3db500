package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/pflag"

	"lethe/adapters/webhook"
)

// setting is one key of the configuration.
type setting struct {
	key   string
	usage string
	value func(*Config) value
}

var settings = []setting{
	{"database.url", "PostgreSQL with users, keys, usage and, unless it has its own, fusillade; embedded (the default): the PostgreSQL that comes with this program", func(c *Config) value {
		return text{field: &c.Database.URL, check: checkURL, hide: hidePassword, none: embeddedWord}
	}},
	{"database.replica_url", "read replica of the database", func(c *Config) value { return text{field: &c.Database.ReplicaURL, check: checkURL, hide: hidePassword} }},
	{"database.replica_max_lag", "maximum lag of a replica, such as 30s, beyond which reads go to the primary; 0: no limit", func(c *Config) value { return duration(&c.Database.ReplicaMaxLag) }},
	{"database.pgbouncer", "true: connect through PgBouncer in transaction mode", func(c *Config) value { return yes(&c.Database.PgBouncer) }},
	{"database.max_conns", "maximum connections of each pool", func(c *Config) value { return whole(&c.Database.MaxConns) }},
	{"fusillade.database_url", "PostgreSQL with fusillade, if it has its own", func(c *Config) value {
		return text{field: &c.Fusillade.DatabaseURL, check: checkURL, hide: hidePassword}
	}},
	{"fusillade.replica_url", "read replica of fusillade's own database", func(c *Config) value {
		return text{field: &c.Fusillade.ReplicaURL, check: checkURL, hide: hidePassword}
	}},
	{"fusillade.schema", "schema of fusillade's tables", func(c *Config) value { return text{field: &c.Fusillade.Schema, check: checkSchema} }},
	{"outlet.database_url", "PostgreSQL with outlet's tables, if they are not in fusillade's", func(c *Config) value { return text{field: &c.Outlet.DatabaseURL, check: checkURL, hide: hidePassword} }},
	{"outlet.schema", "schema of outlet's tables", func(c *Config) value { return text{field: &c.Outlet.Schema, check: checkSchema} }},
	{"http.addr", "address to listen on, as HOST:PORT; port 0 takes a free one", func(c *Config) value { return text{field: &c.HTTPAddr, check: checkAddr} }},
	{"http.profile_addr", "address to serve profiles on (net/http/pprof), as HOST:PORT; unset: off", func(c *Config) value { return text{field: &c.ProfileAddr, check: checkAddr} }},
	{"http.dwctl_dashboard", "true: also answer what dwctl's dashboard asks for before it shows responses; with the embedded database only", func(c *Config) value { return yes(&c.Dashboard) }},
	{"auth.session_key_file", "file with the keys that seal Lethe's own sessions, newest first; unset: there are none; in embedded mode one is created in data_dir", func(c *Config) value { return text{field: &c.Auth.SessionKeyFile} }},
	{"auth.session_idle", "how long one of these sessions lasts without being used, 5m to 24h", func(c *Config) value { return durationIn(&c.Auth.SessionIdle, 5*time.Minute, 24*time.Hour) }},
	{"auth.session_max", "how long such a session lasts at most, 5m to 168h", func(c *Config) value { return durationIn(&c.Auth.SessionMax, 5*time.Minute, 168*time.Hour) }},
	{"auth.session_secret", "secret that signs dwctl's session cookies, 16 bytes or more; unset: these are not accepted", func(c *Config) value { return text{field: &c.Auth.SessionSecret, check: checkSecret, hide: hideAll} }},
	{"auth.session_cookie", "name of dwctl's session cookie", func(c *Config) value { return text{field: &c.Auth.SessionCookie, check: checkToken} }},
	{"auth.proxy_headers", "true: trust the proxy's header that names the user", func(c *Config) value { return yes(&c.Auth.ProxyHeaders) }},
	{"auth.proxy_user_header", "header that names the user", func(c *Config) value { return text{field: &c.Auth.ProxyUserHeader, check: checkToken} }},
	{"auth.proxy_trusted", "addresses of proxies, as comma-separated CIDRs", func(c *Config) value { return prefixes(&c.Auth.ProxyTrusted) }},
	{"auth.proxy_secret", "secret that authenticates the proxy, 16 bytes or more; unset: its address alone is trusted", func(c *Config) value { return text{field: &c.Auth.ProxySecret, check: checkProxySecret, hide: hideAll} }},
	{"auth.proxy_secret_header", "header in which the proxy sends that secret", func(c *Config) value { return text{field: &c.Auth.ProxySecretHeader, check: checkToken} }},
	{"auth.proxy_incoming", "stripped: you confirm that the proxy removes auth.proxy_user_header from callers' requests; unknown: not confirmed", func(c *Config) value {
		return text{field: &c.Auth.ProxyIncoming, check: oneOf(incomingUnknown, IncomingStripped)}
	}},
	{"auth.cache_ttl", "how long to cache a caller, at most 60s; 0: no cache", func(c *Config) value { return duration(&c.Auth.CacheTTL) }},
	{"erasure.key_file", "file with the private keys that sign the log of erasures, newest first; in embedded mode one is created in data_dir", func(c *Config) value { return text{field: &c.Erasure.KeyFile} }},
	{"erasure.key", "the keys themselves, one per line, instead of a file", func(c *Config) value { return text{field: &c.Erasure.Key, check: checkKeys, hide: hideAll} }},
	{"erasure.origin", "name of the log of erasures, such as example.com/erasures; unset: the name in its keys", func(c *Config) value { return text{field: &c.Erasure.Origin, check: checkOrigin} }},
	{"erasure.standbys", "application_names of the standbys that must replay a checkpoint of the log before it is published, comma-separated", func(c *Config) value { return names(&c.Erasure.Standbys) }},
	{"erasure.checkpoint_file", "file that stores the newest checkpoint of the log seen, so that a restored older database is noticed; in embedded mode one in data_dir", func(c *Config) value { return text{field: &c.Erasure.CheckpointFile} }},
	{"erasure.witnesses", "public keys of the witnesses whose signatures may be added to checkpoints of the log, comma-separated", func(c *Config) value { return witnesses(&c.Erasure.Witnesses) }},
	{"erasure.rate", "maximum responses per second that bulk erasures erase in this process; 0: no limit", func(c *Config) value { return perSecond(&c.Erasure.Rate) }},
	{"erasure.approval_over", "bulk erasures of more responses than this wait until somebody else approves them; 0: none does", func(c *Config) value { return count(&c.Erasure.ApprovalOver) }},
	{"erasure.approve_rules", "true: a retention rule that somebody enables runs only after somebody else has approved it", func(c *Config) value { return yes(&c.Erasure.ApproveRules) }},
	{"erasure.approval_wait", "how long such an erasure or rule can be approved, in days such as 7d", func(c *Config) value { return days(&c.Erasure.ApprovalWait) }},
	{"erasure.orphans", "true: remove raw copies whose request dwctl deleted; lethe erasures orphans --dry-run counts them", func(c *Config) value { return yes(&c.Erasure.Orphans) }},
	{"erasure.standby_urls", "URLs of all standbys, to check that erased rows are gone there too, comma-separated", func(c *Config) value { return urls(&c.Erasure.StandbyURLs) }},
	{"access_log.keep", "how long to keep records of the access log, in days such as 365d", func(c *Config) value { return days(&c.AccessLog.Keep) }},
	{"subject_requests.keep", "how long after its end a subject request names its person, in days such as 1095d", func(c *Config) value { return days(&c.SubjectRequests.Keep) }},
	{"exports.folder", "folder for persons' files, shared by all processes; unset: none are made; in embedded mode one in data_dir", func(c *Config) value { return text{field: &c.Exports.Folder, check: checkDir} }},
	{"exports.max_bytes", "maximum bytes that one person's file may take while it is made, 1048576 (1 MiB) to 1099511627776 (1 TiB)", func(c *Config) value { return size(&c.Exports.MaxBytes) }},
	{"exports.keep", "how long to keep persons' files, in days such as 7d", func(c *Config) value { return days(&c.Exports.Keep) }},
	{"privacy.controller", "who is responsible for the data, for persons' files and letters", func(c *Config) value { return text{field: &c.Privacy.Controller, check: checkWords} }},
	{"privacy.contact", "whom to ask about the data, for persons' files and letters", func(c *Config) value { return text{field: &c.Privacy.Contact, check: checkWords} }},
	{"privacy.purpose", "why responses are kept, for persons' files", func(c *Config) value { return text{field: &c.Privacy.Purpose, check: checkWords} }},
	{"privacy.retention", "how long responses are kept, for persons' files", func(c *Config) value { return text{field: &c.Privacy.Retention, check: checkWords} }},
	{"privacy.authority", "the supervisory authority that letters name for complaints", func(c *Config) value { return text{field: &c.Privacy.Authority, check: checkWords} }},
	{"privacy.kept", "what letters say is kept beside responses, such as invoices, and why", func(c *Config) value { return text{field: &c.Privacy.Kept, check: checkWords} }},
	{"webhook.url", "URL that is told when an erasure or a person's file ends; https, or this machine; unset: nobody is told", func(c *Config) value {
		return text{field: &c.Webhook.URL, check: webhook.CheckURL, hide: hideQuery}
	}},
	{"webhook.secret_file", "file with the secret that signs what that URL is told", func(c *Config) value { return text{field: &c.Webhook.SecretFile} }},
	{"webhook.secret", "the secret itself, instead of a file", func(c *Config) value { return text{field: &c.Webhook.Secret, check: checkWebhookSecret, hide: hideAll} }},
	{"data_dir", "folder of the embedded database", func(c *Config) value { return text{field: &c.DataDir, check: checkDir} }},
	{"log.level", "debug, info, warn or error", func(c *Config) value {
		return text{field: &c.Log.Level, check: oneOf("debug", "info", "warn", "error")}
	}},
	{"log.format", "text or json", func(c *Config) value { return text{field: &c.Log.Format, check: oneOf("text", "json")} }},
}

// Values of auth.proxy_incoming: what the proxy does with a header in callers' own
// requests that names the user.
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

// EnvOf returns the environment variable of a setting.
func EnvOf(key string) string { return setting{key: key}.env() }

func (s setting) path() string { return s.key }

func (s setting) flag() string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(s.key)
}

// renamed maps the former names of settings to their names.
var renamed = map[string]string{"looks.keep": "access_log.keep", "erasure.seen_file": "erasure.checkpoint_file"}

// suggest says which setting an unknown name may mean; empty if none is similar.
func suggest(given string, spell func(setting) string) string {
	for former, key := range renamed {
		if spell(setting{key: former}) == given {
			return fmt.Sprintf("it is now called %s; otherwise ", spell(setting{key: key}))
		}
	}
	return DidYouMean(given, spelled(spell))
}

// spelled returns the names of all settings.
func spelled(of func(setting) string) []string {
	all := make([]string, len(settings))
	for i, s := range settings {
		all[i] = of(s)
	}
	return all
}

// onCommandLine reports whether a setting has a flag. Secrets have none, because other
// users of the machine can read command lines.
func (s setting) onCommandLine() bool {
	return s.key != "auth.session_secret" && s.key != "auth.proxy_secret" && s.key != "erasure.key" && s.key != "webhook.secret"
}

// IsSetting reports whether a flag is that of a setting.
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

// AddFlags adds a flag for each setting whose key starts with one of the prefixes;
// without prefixes, for all.
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

// DidYouMean asks whether the most similar name was meant; empty if none is similar
// enough.
func DidYouMean(given string, names []string) string {
	likest, least := "", len(given)/4+1 // one letter in four may be wrong
	for _, name := range slices.Sorted(slices.Values(names)) {
		distance := levenshtein.ComputeDistance(strings.ToLower(given), strings.ToLower(name))
		if distance < least || distance == least && likest == "" {
			likest, least = name, distance
		}
	}
	if likest == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s? If not, ", likest)
}
