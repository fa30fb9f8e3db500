package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	koanfyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"lethe/adapters/auth"
	"lethe/receipt"
)

// Config is the effective configuration, made by LoadConfig and valid.
type Config struct {
	Database struct {
		URL        string // empty: an embedded Postgres
		ReplicaURL string
		// ReplicaMaxLag is how far behind a replica may be, fusillade's too; 0: however far.
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
		DatabaseURL string // empty: where fusillade is
		Schema      string
	}
	HTTPAddr    string
	ProfileAddr string // empty: no profiles
	Auth        struct {
		SessionSecret   string // empty: sessions are off
		SessionCookie   string
		ProxyHeaders    bool
		ProxyUserHeader string
		ProxyTrusted    []netip.Prefix
		// ProxySecret is by what the proxy proves itself; empty: by its address alone.
		ProxySecret       string
		ProxySecretHeader string
		ProxyIncoming     string        // incomingStripped: the operator has said so
		CacheTTL          time.Duration // 0: no cache
	}
	Erasure struct {
		KeyFile        string              // of the keys that sign the log; empty: see Key
		Key            string              // these keys themselves; empty: none, or the embedded mode's own
		Origin         string              // the log's name; empty: the keys'
		Standbys       []string            // that have to have replayed a checkpoint before it is published
		Witnesses      []receipt.PublicKey // whose signatures may be added to checkpoints
		CheckpointFile string              // of the newest checkpoint that was seen; empty: none, or the embedded mode's own
		Rate           perSecond
		Orphans        bool // copies whose request is gone are removed
		// StandbyURLs are where it is looked whether what was erased is gone
		// from the standbys too; none: nowhere.
		StandbyURLs []string
	}
	AccessLog struct {
		Keep time.Duration // whole days
	}
	DataDir string
	Log     struct {
		Level  string // debug, info, warn or error
		Format string // text or json
	}

	sources map[string]string // where each key's value comes from
}

// Embedded tells whether the service brings its own Postgres.
func (c *Config) Embedded() bool { return c.Database.URL == "" }

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
	{"auth.proxy_incoming", "stripped: says that the proxy removes auth.proxy_user_header from whatever callers send; unknown: does not", func(c *Config) any { return &c.Auth.ProxyIncoming }, oneOf(incomingUnknown, incomingStripped), nil},
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
	incomingStripped = "stripped"
)

// perSecond is how many there may be a second; 0: no bound.
type perSecond int

// days is a duration that is written in days.
type days time.Duration

const day = 24 * time.Hour

func parseDays(text string) (time.Duration, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || text != fmt.Sprintf("%dd", n) || n < 1 || n > 3650 {
		return 0, errors.New("must be a number of days such as 365d, from 1d to 3650d")
	}
	return time.Duration(n) * day, nil
}

// Bounds of a perSecond. A part of an erasure waits for as many as it has
// erased, which should not take longer than a job may.
const (
	minRate = 100
	maxRate = 1_000_000
)

// urls are databases, whose passwords are hidden.
type urls []string

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

// ConfigError lists everything that is wrong with a configuration, or with what
// a command was given. It holds no secrets.
type ConfigError struct{ Problems []string }

func (e *ConfigError) Error() string { return strings.Join(e.Problems, "\n") }

// misused is the error of a command that was given what it cannot work with.
func misused(format string, args ...any) error {
	return &ConfigError{[]string{fmt.Sprintf(format, args...)}}
}

// Sources is where a configuration is read from.
type Sources struct {
	File    string         // empty: lethe.yaml, where there is one
	Environ []string       // as of os.Environ
	Flags   *pflag.FlagSet // with flags of AddFlags, parsed; may be nil
}

const defaultFile = "lethe.yaml"

// embeddedWord is what database.url says for the embedded Postgres, which is
// also what it is by default.
const embeddedWord = "embedded"

// LoadConfig reads defaults, then the file, the environment and the flags,
// each over the ones before. A setting that is set and empty is wrong, wherever
// it is: it comes from a variable that was to be filled and was not, and
// whoever has set it did not mean the default. If anything is wrong it returns
// a *ConfigError with all of it.
func LoadConfig(from Sources) (*Config, error) {
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
			continue // which has been told
		}
		if err := s.assign(c, r.merged.Get(s.key)); err != nil {
			r.problem(s.key, "%s", err.Error())
		}
	}
	r.crossCheck(c)
	if len(r.problems) > 0 {
		return nil, &ConfigError{r.problems}
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

func defaults(apart, outletApart bool, environ []string) map[string]any {
	d := map[string]any{
		"database.url":             embeddedWord,
		"database.replica_max_lag": "30s",
		"database.pgbouncer":       false,
		"database.max_conns":       10,
		"fusillade.schema":         "fusillade",
		"outlet.schema":            "outlet",
		"http.addr":                "127.0.0.1:8080",
		"auth.session_cookie":      auth.DefaultSessionCookie,
		"auth.proxy_headers":       false,
		"auth.proxy_user_header":   auth.DefaultProxyUserHeader,
		"auth.proxy_trusted":       "127.0.0.0/8,::1/128",
		"auth.proxy_secret_header": auth.DefaultProxySecretHeader,
		"auth.proxy_incoming":      incomingUnknown,
		"auth.cache_ttl":           "0s",
		"erasure.orphans":          false,
		"erasure.rate":             2000,
		"access_log.keep":          "365d",
		"log.level":                "info",
		"log.format":               "text",
	}
	if dir := defaultDataDir(environ); dir != "" {
		d["data_dir"] = dir
	}
	if apart {
		d["fusillade.schema"], d["outlet.schema"] = "public", "public"
	}
	if outletApart {
		d["outlet.schema"] = "public"
	}
	return d
}

func defaultDataDir(environ []string) string {
	if os.Geteuid() == 0 {
		return "/var/lib/lethe"
	}
	get := func(name string) string {
		for _, v := range slices.Backward(environ) {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
	if dir := get("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lethe")
	}
	if home := get("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "lethe")
	}
	return ""
}

// reader gathers values, where they come from, and what is wrong.
type reader struct {
	merged   *koanf.Koanf
	sources  map[string]string
	empty    map[string]bool // keys that are set and empty somewhere
	problems []string
}

func (r *reader) problem(key, format string, args ...any) {
	name := key
	if source := r.sources[key]; source != "" && source != "default" {
		name = fmt.Sprintf("%s (%s)", key, source)
	} else if s, ok := settingOf(key); ok {
		name = fmt.Sprintf("%s (%s)", key, s.env())
	}
	r.problems = append(r.problems, name+": "+fmt.Sprintf(format, args...))
}

// set notes where a value comes from, and tells whether it is one: what is
// empty is told of instead.
func (r *reader) set(key, source string, value any) bool {
	if !isBlank(value) {
		r.sources[key] = source
		return true
	}
	r.empty[key] = true
	s, _ := settingOf(key)
	r.problems = append(r.problems, fmt.Sprintf("%s (%s): is set and empty, as when it is filled from a variable that is not set: %s", key, source, s.instead()))
	return false
}

// instead is what to do about a setting that is set and empty.
func (s setting) instead() string {
	if s.key == "database.url" {
		return "give it the URL of a database; for the embedded Postgres unset it, or write " + embeddedWord
	}
	return "give it a value, or unset it"
}

// isBlank tells whether a value is given and says nothing.
func isBlank(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.TrimSpace(value) == ""
	case []any:
		return len(value) == 0
	}
	return false
}

func (r *reader) readFile(name string) {
	asked := name != ""
	if !asked {
		name = defaultFile
	}
	k := koanf.New(".")
	err := k.Load(file.Provider(name), koanfyaml.Parser())
	switch {
	case errors.Is(err, fs.ErrNotExist) && !asked:
		return
	case errors.Is(err, fs.ErrNotExist):
		r.problems = append(r.problems, fmt.Sprintf("--config: there is no file %q: create it, or leave the flag out", name))
		return
	case errors.Is(err, fs.ErrPermission):
		r.problems = append(r.problems, fmt.Sprintf("%s: may not be read by this user: change its owner or mode", name))
		return
	case err != nil:
		// The parser's own words may repeat a secret.
		where := ""
		if line := yamlLine.FindString(err.Error()); line != "" {
			where = " at " + line
		}
		r.problems = append(r.problems, fmt.Sprintf("%s: is not a YAML mapping%s: compare it with what `lethe config` prints", name, where))
		return
	}
	bare := bareKeys(name)
	for _, key := range k.Keys() {
		_, known := settingOf(key)
		value := k.Get(key)
		if known && bare[key] {
			value = ""
		}
		switch {
		case known && value != nil:
			if !r.set(key, "file "+name, value) {
				k.Delete(key)
			}
		case known || isSection(key) && isEmpty(value):
			k.Delete(key) // as good as not written
		default:
			k.Delete(key)
			r.problems = append(r.problems, fmt.Sprintf("%s: unknown key %q: %stake it out or correct it; `lethe config` prints a file with all of them", name, key, suggest(key, setting.path)))
		}
	}
	r.merge(k)
}

// bareKeys are those of a YAML file that are written with nothing after the
// colon, as when a template is filled from a variable that is not set; null says
// in a word that nothing is meant. None where the file cannot be read as YAML.
func bareKeys(name string) map[string]bool {
	bare := map[string]bool{}
	var document yaml.Node
	text, err := os.ReadFile(name)
	if err != nil || yaml.Unmarshal(text, &document) != nil {
		return bare
	}
	var visit func(n *yaml.Node, path string)
	visit = func(n *yaml.Node, path string) {
		if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
			n = n.Content[0]
		}
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Value == "" {
			bare[path] = true
		}
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i].Value
			if path != "" {
				key = path + "." + key
			}
			visit(n.Content[i+1], key)
		}
	}
	visit(&document, "")
	return bare
}

var yamlLine = regexp.MustCompile(`line \d+`)

// isSection tells whether settings lie below the key.
func isSection(key string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
}

func isEmpty(value any) bool {
	m, ok := value.(map[string]any)
	return value == nil || ok && len(m) == 0
}

func (r *reader) readEnvironment(environ []string) {
	byName := map[string]setting{}
	for _, s := range settings {
		byName[s.env()] = s
	}
	var unknown []string
	k := koanf.New(".")
	err := k.Load(env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			s, known := byName[name]
			switch {
			case strings.HasPrefix(name, envPrefix+"TEST_"): // the tests' own
			case !known:
				unknown = append(unknown, fmt.Sprintf("%s: unknown variable: %sunset it or correct it; `lethe config --help` lists all of them", name, suggest(name, setting.env)))
			case r.set(s.key, "environment "+name, value):
				return s.key, value
			}
			return "", nil
		},
	}), nil)
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	slices.Sort(unknown)
	r.problems = append(r.problems, unknown...)
	r.merge(k)
}

func (r *reader) readFlags(flags *pflag.FlagSet) {
	k := koanf.New(".")
	err := k.Load(posflag.ProviderWithFlag(flags, ".", nil, func(f *pflag.Flag) (string, any) {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.flag() == f.Name })
		if i < 0 || !f.Changed {
			return "", nil
		}
		if key := settings[i].key; r.set(key, "flag --"+f.Name, f.Value.String()) {
			return key, f.Value.String()
		}
		return "", nil
	}), nil)
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	r.merge(k)
}

func (r *reader) merge(k *koanf.Koanf) {
	if err := r.merged.Merge(k); err != nil {
		r.problems = append(r.problems, err.Error())
	}
}

// crossCheck finds values that do not go together.
func (r *reader) crossCheck(c *Config) {
	main := !c.Embedded() || r.empty["database.url"]
	apart := c.Fusillade.DatabaseURL != "" || r.empty["fusillade.database_url"]
	for _, key := range []string{"database.replica_url", "fusillade.database_url", "outlet.database_url"} {
		if !main && r.merged.String(key) != "" {
			r.problem(key, "needs database.url (LETHE_DATABASE_URL): give that too")
		}
	}
	if !apart && r.merged.String("fusillade.replica_url") != "" {
		r.problem("fusillade.replica_url", "needs fusillade.database_url (LETHE_FUSILLADE_DATABASE_URL): give that too, or use database.replica_url")
	}
	if !main && c.DataDir == "" && !r.empty["data_dir"] {
		r.problem("data_dir", "there is no home folder to put it in: give a folder for the embedded database, or database.url")
	}
	if c.Auth.ProxySecret != "" && !c.Auth.ProxyHeaders {
		r.problem("auth.proxy_secret", "proves a proxy whose word is not believed: set auth.proxy_headers (LETHE_AUTH_PROXY_HEADERS) to true, or leave the secret out")
	}
	if name := c.Auth.ProxySecretHeader; name != "" && slices.ContainsFunc([]string{c.Auth.ProxyUserHeader, "Authorization", "Cookie"}, func(other string) bool { return strings.EqualFold(name, other) }) {
		r.problem("auth.proxy_secret_header", "is a header that says something else: name another")
	}
	if c.Erasure.Key != "" && c.Erasure.KeyFile != "" {
		r.problem("erasure.key", "is given together with erasure.key_file: put all keys in the file, or none")
	}
	if named, n := len(c.Erasure.Standbys), len(c.Erasure.StandbyURLs); n > 0 && named > 0 && n != named {
		r.problem("erasure.standby_urls", "are %d, and erasure.standbys names %d: give the URL of each, or none", n, named)
	}
}

// assign reads a value of any source into the setting's field. Its errors do
// not repeat values.
func (s setting) assign(c *Config, value any) error {
	if value == nil {
		return nil
	}
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, v := range list {
			text, ok := v.(string)
			if !ok {
				return errors.New("must be a list of texts")
			}
			texts[i] = text
		}
		value = strings.Join(texts, ",")
	}
	text, isText := value.(string)
	switch field := s.field(c).(type) {
	case *string:
		if !isText {
			return errors.New("must be text: put it in quotes")
		}
		if s.key == "database.url" && text == embeddedWord {
			return nil
		}
		*field = text
		if s.check != nil {
			return s.check(text)
		}
	case *int:
		n, err := strconv.Atoi(fmt.Sprint(value))
		if err != nil || n < 1 || n > 1000 {
			return errors.New("must be a whole number from 1 to 1000")
		}
		*field = n
	case *perSecond:
		n, err := strconv.Atoi(fmt.Sprint(value))
		if err != nil || n != 0 && (n < minRate || n > maxRate) {
			return fmt.Errorf("must be a whole number from %d to %d, or 0 for no bound", minRate, maxRate)
		}
		*field = perSecond(n)
	case *time.Duration:
		d, err := time.ParseDuration(fmt.Sprint(value))
		if err != nil || d < 0 || d > time.Minute {
			return errors.New("must be a duration such as 5s, from 0 to 60s")
		}
		*field = d
	case *days:
		d, err := parseDays(text)
		if err != nil {
			return err
		}
		*field = days(d)
	case *bool:
		switch fmt.Sprint(value) {
		case "true":
			*field = true
		case "false":
			*field = false
		default:
			return errors.New("must be true or false")
		}
	case *[]string:
		return eachPart(text, isText, func(part string) error {
			if len(part) > 63 || slices.Contains(*field, part) {
				return errors.New("must be different names of at most 63 bytes, with commas between")
			}
			*field = append(*field, part)
			return nil
		})
	case *[]receipt.PublicKey:
		return eachPart(text, isText, func(part string) error {
			key, err := receipt.ParsePublicKey(part)
			if err != nil || !key.Witness() || slices.Contains(*field, key) {
				return errors.New("must be different public keys of witnesses, such as witness.example/w1+01234567+BASE64, with commas between")
			}
			*field = append(*field, key)
			return nil
		})
	case *urls:
		return eachPart(text, isText, func(part string) error {
			if checkURL(part) != nil || slices.Contains(*field, part) {
				return errors.New("must be different URLs such as postgres://USER:PASSWORD@HOST:5432/DATABASE with commas between; special characters of a password are written as %XX")
			}
			*field = append(*field, part)
			return nil
		})
	case *[]netip.Prefix:
		return eachPart(text, isText, func(part string) error {
			prefix, err := netip.ParsePrefix(part)
			if addr, errAddr := netip.ParseAddr(part); err != nil && errAddr == nil {
				prefix, err = addr.Prefix(addr.BitLen())
			}
			if err != nil {
				return errors.New("must be addresses such as 10.0.0.0/8 or 10.1.2.3 with commas between")
			}
			*field = append(*field, prefix)
			return nil
		})
	}
	return nil
}

// eachPart takes what stands between the commas of a list.
func eachPart(text string, isText bool, take func(part string) error) error {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return errors.New("has an empty entry, as when it is filled from a variable that is not set: give it a value, or take it out with its comma")
		}
		if err := take(part); err != nil {
			return err
		}
	}
	if !isText {
		return errors.New("must be text or a list of texts")
	}
	return nil
}

func checkURL(text string) error {
	const hint = "must be a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New(hint + "; special characters of a password are written as %XX")
	}
	if hasEmptyPart(u) {
		return errors.New("has an empty part, as when it is filled from a variable that is not set; it " + hint)
	}
	if _, err := pgconn.ParseConfig(text); err != nil {
		// The error may repeat the password.
		return errors.New(hint + "; a part after the ? may be misspelt, or a file that it names missing")
	}
	return nil
}

// hasEmptyPart tells whether a URL has a place for a part, and nothing in it; a
// host or a database may stand after the ? instead.
func hasEmptyPart(u *url.URL) bool {
	elsewhere := u.Query()
	noHost := u.Hostname() == "" && !elsewhere.Has("host") && !elsewhere.Has("service")
	noDatabase := strings.Trim(u.Path, "/") == "" && !elsewhere.Has("dbname") && !elsewhere.Has("service")
	if noHost && (noDatabase || u.User != nil) || u.Path == "/" && noDatabase || strings.HasSuffix(u.Host, ":") {
		return true
	}
	password, given := u.User.Password()
	return u.User != nil && u.User.Username() == "" || given && password == ""
}

func checkSchema(text string) error {
	if text == "" || len(text) > 63 || strings.ContainsRune(text, 0) {
		return errors.New("must be the name of a schema, of 1 to 63 bytes")
	}
	return nil
}

func checkAddr(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be HOST:PORT such as 127.0.0.1:8080, with a port from 0 to 65535")
	}
	return nil
}

func checkSecret(text string) error {
	if len(text) < 16 {
		return errors.New("is shorter than 16 bytes: make one with `openssl rand -hex 32`, or take dwctl's")
	}
	return nil
}

func checkProxySecret(text string) error {
	if len(text) < 16 || len(text) > 1024 || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("must be 16 to 1024 letters, digits and signs of ASCII, without spaces, as it is sent in a header: make one with `openssl rand -hex 32`")
	}
	return nil
}

var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func checkToken(text string) error {
	if !token.MatchString(text) {
		return errors.New("must be a name of letters, digits and hyphens")
	}
	return nil
}

func checkDir(text string) error {
	if strings.ContainsRune(text, 0) {
		return errors.New("must be the path of a folder")
	}
	if info, err := os.Stat(text); err == nil && !info.IsDir() {
		return errors.New("is a file: name a folder, or one that is yet to be made")
	}
	return nil
}

func checkKeys(text string) error {
	if _, err := receipt.ParsePrivateKeys([]byte(text)); err != nil {
		return fmt.Errorf("holds no signing keys: %w; make one with `lethe keys new`", err)
	}
	return nil
}

func checkOrigin(text string) error {
	_, err := receipt.FormatCheckpoint(receipt.Checkpoint{Origin: text, Size: 1})
	if err != nil {
		return errors.New("must be a name such as example.com/erasures, without spaces, pluses, quotes and backslashes")
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(words, text) {
			return errors.New("must be " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1])
		}
		return nil
	}
}

func hideAll(string) string { return "(hidden)" }

// hidePassword hides what pgx takes for a password, wherever it is in the URL.
func hidePassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(hidden)"
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "hidden")
	}
	query := u.Query()
	for key := range query {
		if strings.Contains(strings.ToLower(key), "password") {
			query.Set(key, "hidden")
		}
	}
	if len(query) > 0 {
		u.RawQuery = query.Encode()
	}
	return u.String()
}

// Print writes the configuration as YAML, each value with its source, secrets
// and passwords hidden. What is not set is null, which a file may say too.
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
		if err := value.Encode(s.printable(c)); err != nil {
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

// printable is the value for Print; nil where there is none.
func (s setting) printable(c *Config) any {
	var texts []string
	switch field := s.field(c).(type) {
	case *string:
		switch {
		case s.key == "database.url" && c.Embedded():
			return embeddedWord
		case *field == "":
			return nil
		case s.hide != nil:
			return s.hide(*field)
		}
		return *field
	case *[]receipt.PublicKey:
		for _, key := range *field {
			texts = append(texts, key.String())
		}
	case *[]netip.Prefix:
		for _, p := range *field {
			texts = append(texts, p.String())
		}
	case *[]string:
		texts = *field
	case *urls:
		for _, text := range *field {
			texts = append(texts, hidePassword(text))
		}
	case *int:
		return *field
	case *perSecond:
		return int(*field)
	case *time.Duration:
		return field.String()
	case *days:
		return fmt.Sprintf("%dd", time.Duration(*field)/day)
	case *bool:
		return *field
	}
	if texts == nil {
		return nil
	}
	return texts
}
