package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	koanfyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"lethe/adapters/auth"
)

// Sources are the places that Load reads, beside the defaults.
type Sources struct {
	File    string         // empty: lethe.yaml, if it exists
	Environ []string       // as os.Environ returns it
	Flags   *pflag.FlagSet // with flags of AddFlags, parsed; may be nil
}

const defaultFile = "lethe.yaml"

// The variables of the commands that call a running service: its address and the API
// key. They are no settings of the service.
const (
	ServerVariable = "LETHE_SERVER"
	KeyVariable    = "LETHE_API_KEY"
)

// embeddedWord is the value of database.url for the embedded PostgreSQL, and the
// default.
const embeddedWord = "embedded"

func defaults(apart, outletApart bool, environ []string) map[string]any {
	d := map[string]any{
		"database.url":             embeddedWord,
		"database.replica_max_lag": "30s",
		"database.pgbouncer":       false,
		"database.max_conns":       10,
		"fusillade.schema":         "fusillade",
		"outlet.schema":            "outlet",
		"http.addr":                "127.0.0.1:8080",
		"http.dwctl_dashboard":     false,
		"auth.session_idle":        "30m",
		"auth.session_max":         "12h",
		"auth.session_cookie":      auth.DefaultSessionCookie,
		"auth.proxy_headers":       false,
		"auth.proxy_user_header":   auth.DefaultProxyUserHeader,
		"auth.proxy_trusted":       "127.0.0.0/8,::1/128",
		"auth.proxy_secret_header": auth.DefaultProxySecretHeader,
		"auth.proxy_incoming":      incomingUnknown,
		"auth.cache_ttl":           "0s",
		"erasure.approval_over":    0,
		"erasure.approve_rules":    false,
		"erasure.approval_wait":    "7d",
		"erasure.orphans":          false,
		"erasure.rate":             2000,
		"access_log.keep":          "365d",
		"subject_requests.keep":    "1095d",
		"exports.max_bytes":        1 << 30,
		"exports.keep":             "7d",
		"privacy.controller":       "The operator of this service.",
		"privacy.contact":          "The operator of this service.",
		"privacy.purpose":          "To show people their earlier requests and answers, and to account for what they used.",
		"privacy.retention":        "Until they are erased: at the wish of the person, by the operator, or by a rule that limits their age.",
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

// reader collects values, their sources, and errors.
type reader struct {
	merged   *koanf.Koanf
	sources  map[string]string
	empty    map[string]bool // keys that are set but empty somewhere
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

// set records the source of a value and reports whether there is a value; an empty
// one is reported as an error.
func (r *reader) set(key, source string, value any) bool {
	if !isBlank(value) {
		r.sources[key] = source
		return true
	}
	r.empty[key] = true
	s, _ := settingOf(key)
	r.problems = append(r.problems, fmt.Sprintf("%s (%s): is set and empty, perhaps from an unset variable: %s", key, source, s.instead()))
	return false
}

// instead says what to do about a setting that is set but empty.
func (s setting) instead() string {
	if s.key == "database.url" {
		return "set it to the URL of a database; for the embedded PostgreSQL unset it, or write " + embeddedWord
	}
	return "give it a value, or unset it"
}

// isBlank reports whether a value is given but empty.
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
		r.problems = append(r.problems, fmt.Sprintf("--config: file %q not found: create it, or omit the flag", name))
		return
	case errors.Is(err, fs.ErrPermission):
		r.problems = append(r.problems, fmt.Sprintf("%s: permission denied: change its owner or mode so that this user can read it", name))
		return
	case err != nil:
		// The parser's message may repeat a secret.
		where := ""
		if line := yamlLine.FindString(err.Error()); line != "" {
			where = " at " + line
		}
		r.problems = append(r.problems, fmt.Sprintf("%s: is not a YAML mapping%s: compare it with the output of `lethe config`", name, where))
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
			k.Delete(key) // as if not written
		default:
			k.Delete(key)
			r.problems = append(r.problems, fmt.Sprintf("%s: unknown key %q: %sremove or correct it; `lethe config` prints a file with all keys", name, key, suggest(key, setting.path)))
		}
	}
	r.merge(k)
}

// bareKeys returns the keys of a YAML file with nothing after the colon, perhaps from a
// template with an unset variable; an explicit null, in contrast, means no value. None
// if the file is not valid YAML.
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

// isSection reports whether there are settings below the key.
func isSection(key string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.key, key+".") })
}

func isEmpty(value any) bool {
	m, ok := value.(map[string]any)
	return value == nil || ok && len(m) == 0
}

// ofClient tells whether a variable is for the commands that call a running service,
// and so none of the configuration's.
func ofClient(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return name == ServerVariable || name == KeyVariable
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
		EnvironFunc: func() []string { return slices.DeleteFunc(slices.Clone(environ), ofClient) },
		TransformFunc: func(name, value string) (string, any) {
			s, known := byName[name]
			switch {
			case strings.HasPrefix(name, envPrefix+"TEST_"): // for tests
			case !known:
				unknown = append(unknown, fmt.Sprintf("%s: unknown variable: %sunset it or correct it; `lethe config --help` lists all variables", name, suggest(name, setting.env)))
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
