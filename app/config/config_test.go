package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"lethe/app/config"
)

func TestAccessLogKeep(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]time.Duration{"not given": 365 * 24 * time.Hour, "1d": 24 * time.Hour, "3650d": 3650 * 24 * time.Hour} {
		environ := []string{"LETHE_DATA_DIR=" + t.TempDir()}
		if given != "not given" {
			environ = append(environ, "LETHE_ACCESS_LOG_KEEP="+given)
		}
		cfg, err := config.Load(config.Sources{Environ: environ})
		if err != nil || cfg.AccessLog.Keep != want {
			t.Errorf("%q: want %s, got %+v, %v", given, want, cfg, err)
			continue
		}
		var out strings.Builder
		if err := cfg.Print(&out); err != nil || !strings.Contains(out.String(), fmt.Sprintf("keep: %dd", want/(24*time.Hour))) {
			t.Errorf("%q: want it printed in days, got %v, %s", given, err, &out)
		}
	}
	for _, given := range []string{"0d", "-1d", "3651d", "365", "24h", "1.5d", "01d", "+1d", "d", "1 d", "99999999999999999999d"} {
		_, err := config.Load(config.Sources{Environ: []string{"LETHE_DATA_DIR=" + t.TempDir(), "LETHE_ACCESS_LOG_KEEP=" + given}})
		if err == nil || !strings.Contains(err.Error(), "access_log.keep") || !strings.Contains(err.Error(), "from 1d to 3650d") {
			t.Errorf("%q: got %v", given, err)
		}
	}
}

// TestSessionDurations: sessions have limits, which are printed as they are written.
func TestSessionDurations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		idle, max, printed string
		wantIdle, wantMax  time.Duration
	}{
		{"", "", "session_idle: 30m # default; LETHE_AUTH_SESSION_IDLE\n  session_max: 12h #", 30 * time.Minute, 12 * time.Hour},
		{"5m", "5m", "session_idle: 5m #", 5 * time.Minute, 5 * time.Minute},
		{"24h", "168h", "session_max: 168h #", 24 * time.Hour, 168 * time.Hour},
		{"90m", "5400s", "session_idle: 1h30m #", 90 * time.Minute, 90 * time.Minute},
		{"10m", "10h10m10s", "session_max: 10h10m10s #", 10 * time.Minute, 10*time.Hour + 10*time.Minute + 10*time.Second},
	} {
		environ := []string{"LETHE_DATA_DIR=" + t.TempDir()}
		if c.idle != "" {
			environ = append(environ, "LETHE_AUTH_SESSION_IDLE="+c.idle, "LETHE_AUTH_SESSION_MAX="+c.max)
		}
		cfg, err := config.Load(config.Sources{Environ: environ})
		if err != nil || cfg.Auth.SessionIdle != c.wantIdle || cfg.Auth.SessionMax != c.wantMax {
			t.Errorf("%q, %q: want %s and %s, got %v", c.idle, c.max, c.wantIdle, c.wantMax, err)
			continue
		}
		var out strings.Builder
		if err := cfg.Print(&out); err != nil || !strings.Contains(out.String(), c.printed) {
			t.Errorf("%q, %q: want %q printed, got %v, %s", c.idle, c.max, c.printed, err, &out)
		}
	}
	for setting, says := range map[string]string{
		"IDLE=4m": "from 5m to 24h", "IDLE=24h1s": "from 5m to 24h", "IDLE=30": "such as 30m", "IDLE=-30m": "from 5m to 24h", "IDLE=13h": "longer than auth.session_max (12h)",
		"MAX=4m59s": "from 5m to 168h", "MAX=169h": "from 5m to 168h", "MAX=7d": "from 5m to 168h", "MAX=20m": "longer than auth.session_max (20m)",
	} {
		_, err := config.Load(config.Sources{Environ: []string{"LETHE_DATA_DIR=" + t.TempDir(), "LETHE_AUTH_SESSION_" + setting}})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: want %q, got %v", setting, says, err)
		}
	}
}

// load reads a configuration from a file's text, variables and flags.
func load(t *testing.T, file string, environ, args []string) (*config.Config, error) {
	t.Helper()
	from := config.Sources{Environ: environ, Flags: pflag.NewFlagSet("test", pflag.ContinueOnError)}
	if file != "" {
		from.File = filepath.Join(t.TempDir(), "lethe.yaml")
		if err := os.WriteFile(from.File, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config.AddFlags(from.Flags)
	if err := from.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config.Load(from)
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "", []string{"HOME=/home/x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !cfg.Embedded() || cfg.HTTPAddr != "127.0.0.1:8080" || cfg.ProfileAddr != "" || cfg.Database.MaxConns != 10 ||
		cfg.Fusillade.Schema != "fusillade" || cfg.Outlet.Schema != "outlet" ||
		cfg.Auth.SessionSecret != "" || cfg.Auth.SessionCookie != "dwctl_session" ||
		cfg.Auth.ProxyHeaders || cfg.Auth.ProxyUserHeader != "x-doubleword-user" || len(cfg.Auth.ProxyTrusted) != 2 ||
		cfg.Auth.CacheTTL != 0 || cfg.Log.Level != "info" || cfg.Log.Format != "text" {
		t.Errorf("got %+v", cfg)
	}
	want := "/home/x/.local/share/lethe"
	if os.Geteuid() == 0 {
		want = "/var/lib/lethe"
	}
	if cfg.DataDir != want {
		t.Errorf("data_dir is %s, want %s", cfg.DataDir, want)
	}
}

func TestConfigSchemasOfSeparateDatabase(t *testing.T) {
	t.Parallel()
	environ := []string{"LETHE_DATABASE_URL=postgres://h/main", "LETHE_FUSILLADE_DATABASE_URL=postgres://h/fusillade"}
	for _, c := range []struct {
		more              []string
		fusillade, outlet string
	}{
		{nil, "public", "public"},
		{[]string{"LETHE_FUSILLADE_SCHEMA=jobs"}, "jobs", "public"},
		{[]string{"LETHE_FUSILLADE_SCHEMA=jobs", "LETHE_OUTLET_SCHEMA=raw"}, "jobs", "raw"},
		{[]string{"LETHE_OUTLET_DATABASE_URL=postgres://h/main", "LETHE_OUTLET_SCHEMA=outlet"}, "public", "outlet"},
	} {
		cfg, err := load(t, "", append(slices.Clone(environ), c.more...), nil)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Fusillade.Schema != c.fusillade || cfg.Outlet.Schema != c.outlet {
			t.Errorf("%v: want schemas %s and %s, got %s and %s", c.more, c.fusillade, c.outlet, cfg.Fusillade.Schema, cfg.Outlet.Schema)
		}
	}
	cfg, err := load(t, "", []string{environ[0], "LETHE_OUTLET_DATABASE_URL=postgres://h/outlet"}, nil)
	if err != nil || cfg.Fusillade.Schema != "fusillade" || cfg.Outlet.Schema != "public" {
		t.Errorf("outlet in its own database: want schemas fusillade and public, got %s and %s, %v", cfg.Fusillade.Schema, cfg.Outlet.Schema, err)
	}
}

func TestConfigLayers(t *testing.T) {
	t.Parallel()
	file := `
http: {addr: "127.0.0.1:1"}
log:
  level: debug
  format: json
auth:
  cache_ttl: 1m
  proxy_headers: true
  proxy_trusted: [10.0.0.0/8, "192.168.1.7"]
database:
  max_conns: 3
  url: null
  replica_url: ~
fusillade:
`
	cfg, err := load(t, file, []string{"LETHE_LOG_LEVEL=warn", "LETHE_HTTP_ADDR=127.0.0.1:2", "LETHE_TEST_ANYTHING="},
		[]string{"--http-addr", "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Log.Format != "json" || cfg.Log.Level != "warn" || cfg.HTTPAddr != "127.0.0.1:3" || cfg.Database.MaxConns != 3 || !cfg.Auth.ProxyHeaders {
		t.Errorf("got %+v", cfg)
	}
	if len(cfg.Auth.ProxyTrusted) != 2 || cfg.Auth.ProxyTrusted[1].String() != "192.168.1.7/32" {
		t.Errorf("proxy_trusted: want two networks, got %v", cfg.Auth.ProxyTrusted)
	}
	if cfg.Auth.CacheTTL != time.Minute {
		t.Errorf("cache_ttl: want 1m, got %s", cfg.Auth.CacheTTL)
	}
	var out strings.Builder
	if err := cfg.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cache_ttl: 1m0s # file ", "# flag --http-addr", "# environment LETHE_LOG_LEVEL", "lethe.yaml", "# default; LETHE_DATA_DIR"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

// TestConfigPrintRoundTrip uses the printed configuration as a configuration file.
func TestConfigPrintRoundTrip(t *testing.T) {
	t.Parallel()
	for name, environ := range map[string][]string{
		"defaults":   nil,
		"no home":    {"HOME=", "LETHE_DATABASE_URL=postgres://u@h/d"},
		"embedded":   {"LETHE_DATABASE_URL=embedded", "LETHE_LOG_FORMAT=json"},
		"a database": {"LETHE_DATABASE_URL=postgres://u@h:1/d", "LETHE_ERASURE_STANDBYS=near,far", "LETHE_ERASURE_ORIGIN=example.com/log"},
	} {
		first, err := load(t, "", append([]string{"HOME=/home/x"}, environ...), nil)
		if err != nil {
			t.Fatal(err)
		}
		var printed, again strings.Builder
		if err := first.Print(&printed); err != nil {
			t.Fatal(err)
		}
		second, err := load(t, printed.String(), nil, nil)
		if err != nil {
			t.Fatalf("%s: load the printed file: %v\n%s", name, err, &printed)
		}
		if first.Embedded() != second.Embedded() {
			t.Errorf("%s: embedded: want %t, got %t", name, first.Embedded(), second.Embedded())
		}
		if err := second.Print(&again); err != nil {
			t.Fatal(err)
		}
		var a, b map[string]any
		if err := errors.Join(yaml.Unmarshal([]byte(printed.String()), &a), yaml.Unmarshal([]byte(again.String()), &b)); err != nil {
			t.Fatal(err)
		}
		if x, y := toYAML(t, a), toYAML(t, b); x != y {
			t.Errorf("%s: want\n%s\ngot\n%s", name, x, y)
		}
	}
}

// TestConfigEmptyValues sets each setting to an empty value, in every possible way.
func TestConfigEmptyValues(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	cfg, err := load(t, "", []string{"HOME=/home/x"}, nil)
	if err == nil {
		err = cfg.Print(&printed)
	}
	if err != nil {
		t.Fatal(err)
	}
	var sections map[string]any
	if err := yaml.Unmarshal([]byte(printed.String()), &sections); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for section, value := range sections {
		if names, ok := value.(map[string]any); ok {
			for name := range names {
				keys = append(keys, section+"."+name)
			}
		} else {
			keys = append(keys, section)
		}
	}
	if len(keys) < 25 {
		t.Fatalf("settings: want 25 or more, got %d: %v", len(keys), keys)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags)
	refused := func(key, source, file string, environ, args []string) {
		t.Helper()
		_, err := load(t, file, append([]string{"HOME=/home/x"}, environ...), args)
		problems, ok := errors.AsType[*config.Error](err)
		advice := "unset it"
		if key == "database.url" {
			advice = "write embedded"
		}
		if !ok || len(problems.Problems) != 1 || !strings.HasPrefix(err.Error(), key+" ("+source) ||
			!strings.Contains(err.Error(), "is set and empty") || !strings.Contains(err.Error(), advice) {
			t.Errorf("%s, %s: got %v", key, source, err)
		}
	}
	for _, key := range keys {
		variable := "LETHE_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		flag := strings.NewReplacer(".", "-", "_", "-").Replace(key)
		for _, value := range []string{"", "  \n"} {
			refused(key, "environment "+variable, "", []string{variable + "=" + value}, nil)
			if flags.Lookup(flag) != nil {
				refused(key, "flag --"+flag, "", nil, []string{"--" + flag + "=" + value})
			}
		}
		section, name, _ := strings.Cut(key, ".")
		if name != "" {
			name = "{" + name + ": %}"
		} else {
			name = "%"
		}
		for _, value := range []string{`""`, `" "`, "[]", ""} {
			refused(key, "file ", section+": "+strings.Replace(name, "%", value, 1), nil, nil)
		}
		if _, err := load(t, section+": "+strings.Replace(name, "%", "null", 1), []string{"HOME=/home/x"}, nil); err != nil {
			t.Errorf("%s: want null accepted, got %v", key, err)
		}
	}
	// A value in a later source does not help.
	refused("database.url", "environment LETHE_DATABASE_URL", "", []string{"LETHE_DATABASE_URL="}, []string{"--database-url=postgres://u@h/d"})
}

func TestConfigEmbedded(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "database: {url: postgres://u@h/d}", []string{"HOME=/home/x"}, []string{"--database-url=embedded"})
	if err != nil || !cfg.Embedded() || cfg.Database.URL != "" {
		t.Errorf("got %+v, %v", cfg, err)
	}
}

func toYAML(t *testing.T, v any) string {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	logKey     = "lethe.example/log+84f422f6+AVvvbhQzo0IEnacx3oQtUfhv0MlOPx0XF/fpKwqTBlmh"
	witnessKey = "witness.example/w1+00322471+BM8GdAwh0aWi2qQ6cvu61sDHtBnN/z2Yac+4GL7pIjtC"
	hiddenWord = "hunter2hunter2"
	someURL    = "LETHE_DATABASE_URL=postgres://u@h/d"

	webhookSecret = "LETHE_WEBHOOK_SECRET=whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
)

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file    string
		environ []string
		args    []string
		want    []string // one for each problem, in any order
	}{
		"unknown keys":              {file: "http: {adr: x}\nnothing: 1\n", want: []string{`"http.adr"`, `"nothing"`}},
		"file/scalar for a section": {file: "http: " + hiddenWord, want: []string{`"http"`}},
		"file/not a mapping":        {file: hiddenWord, want: []string{"is not a YAML mapping"}},
		"broken YAML":               {file: "a: [" + hiddenWord, want: []string{"is not a YAML mapping"}},
		"a key twice":               {file: "log: {level: info}\nlog: {level: info}\n", want: []string{"is not a YAML mapping at line 2"}},
		"file/mapping for a value":  {file: "log: {level: {a: 1}}", want: []string{`"log.level.a"`}},
		"file/number for a text":    {file: "auth: {session_secret: 1234567890123456789}", want: []string{"put it in quotes"}},
		"unknown variables":         {environ: []string{"LETHE_PORT=1", "LETHE_=", "LETHE_DATABASE=x"}, want: []string{"LETHE_PORT: unknown variable: unset it", "LETHE_:", "LETHE_DATABASE:"}},
		"misspelt variables":        {environ: []string{"LETHE_DATABSE_URL=x", "LETHE_HTTP_ADRR="}, want: []string{"did you mean LETHE_DATABASE_URL? If not, unset it or correct it; `lethe config --help` lists all", "did you mean LETHE_HTTP_ADDR?"}},
		"misspelt keys":             {file: "databse: {url: x}\nlog: {lvel: info}\n", want: []string{"did you mean database.url?", "did you mean log.level?"}},
		"former variables":          {environ: []string{"LETHE_LOOKS_KEEP=1d", "LETHE_ERASURE_SEEN_FILE=/x"}, want: []string{"it is now called LETHE_ACCESS_LOG_KEEP", "it is now called LETHE_ERASURE_CHECKPOINT_FILE"}},
		"former keys":               {file: "looks: {keep: 1d}\nerasure: {seen_file: /x}\n", want: []string{"it is now called access_log.keep", "it is now called erasure.checkpoint_file"}},
		"an empty entry":            {environ: []string{someURL, "LETHE_ERASURE_STANDBY_URLS=postgres://u@h/d,"}, want: []string{"erasure.standby_urls (environment LETHE_ERASURE_STANDBY_URLS): has an empty entry"}},
		"an empty entry of many":    {file: "auth: {proxy_trusted: [10.0.0.0/8, \"\"]}", want: []string{"has an empty entry"}},
		"embedded apart":            {environ: []string{someURL, "LETHE_FUSILLADE_DATABASE_URL=embedded"}, want: []string{"must be a URL"}},
		"replica of embedded":       {environ: []string{"LETHE_DATABASE_URL=embedded", "LETHE_DATABASE_REPLICA_URL=postgres://h/d"}, want: []string{"needs database.url"}},
		"replica of an empty URL":   {environ: []string{"LETHE_DATABASE_URL=", "LETHE_DATABASE_REPLICA_URL=postgres://h/d"}, want: []string{"is set and empty"}},
		"secret too short":          {environ: []string{"LETHE_AUTH_SESSION_SECRET=fifteen_bytes_x"}, want: []string{"shorter than 16 bytes"}},
		"not a URL":                 {environ: []string{"LETHE_DATABASE_URL=" + hiddenWord}, want: []string{"database.url (environment LETHE_DATABASE_URL): must be a URL"}},
		"other URL scheme":          {environ: []string{"LETHE_DATABASE_URL=mysql://u:" + hiddenWord + "@h/d"}, want: []string{"must be a URL"}},
		"a bad escape":              {environ: []string{"LETHE_DATABASE_URL=postgres://u:%zz" + hiddenWord + "@h/d"}, want: []string{"must be a URL"}},
		"a bad port":                {environ: []string{"LETHE_DATABASE_URL=postgres://u:" + hiddenWord + "@h:x/d"}, want: []string{"must be a URL"}},
		"a bad parameter":           {environ: []string{"LETHE_DATABASE_URL=postgres://u:" + hiddenWord + "@h/d?sslmode=maybe"}, want: []string{"must be a URL"}},
		"URLs of empty parts": {
			environ: []string{
				"LETHE_DATABASE_URL=postgres://:@/", "LETHE_DATABASE_REPLICA_URL=postgres://u:@h/d", "LETHE_FUSILLADE_DATABASE_URL=postgres://u:p@/d",
				"LETHE_FUSILLADE_REPLICA_URL=postgres://u:p@h/", "LETHE_OUTLET_DATABASE_URL=postgres://",
			},
			want: []string{
				"LETHE_DATABASE_URL): has an empty part", "LETHE_DATABASE_REPLICA_URL): has an empty part", "LETHE_FUSILLADE_DATABASE_URL): has an empty part",
				"LETHE_FUSILLADE_REPLICA_URL): has an empty part", "LETHE_OUTLET_DATABASE_URL): has an empty part",
			},
		},
		"invalid number":                     {environ: []string{"LETHE_DATABASE_MAX_CONNS=ten"}, want: []string{"whole number"}},
		"max_conns 0":                        {environ: []string{"LETHE_DATABASE_MAX_CONNS=0"}, want: []string{"whole number"}},
		"invalid boolean":                    {environ: []string{"LETHE_AUTH_PROXY_HEADERS=yes"}, want: []string{"true or false"}},
		"invalid network":                    {environ: []string{"LETHE_AUTH_PROXY_TRUSTED=10.0.0.0/8,proxy.example.com"}, want: []string{"10.0.0.0/8 or 10.1.2.3"}},
		"proxy without address":              {file: "auth: {proxy_headers: true, proxy_trusted: []}", want: []string{"is set and empty"}},
		"witness/log key":                    {environ: []string{"LETHE_ERASURE_WITNESSES=" + logKey}, want: []string{"erasure.witnesses (environment LETHE_ERASURE_WITNESSES): must be distinct, comma-separated public keys of witnesses"}},
		"witness/twice":                      {environ: []string{"LETHE_ERASURE_WITNESSES=" + witnessKey + "," + witnessKey}, want: []string{"distinct, comma-separated public keys of witnesses"}},
		"witness/not a list":                 {file: "erasure: {witnesses: 1}", want: []string{"erasure.witnesses"}},
		"proxy secret/short":                 {environ: []string{"LETHE_AUTH_PROXY_HEADERS=true", "LETHE_AUTH_PROXY_SECRET=sesame"}, want: []string{"must be 16 to 1024"}},
		"proxy secret/spaces":                {environ: []string{"LETHE_AUTH_PROXY_HEADERS=true", "LETHE_AUTH_PROXY_SECRET=sesame sesame sesame"}, want: []string{"without spaces"}},
		"proxy secret/headers off":           {environ: []string{"LETHE_AUTH_PROXY_SECRET=0123456789abcdef"}, want: []string{"set auth.proxy_headers"}},
		"proxy secret/header of user":        {environ: []string{"LETHE_AUTH_PROXY_SECRET_HEADER=X-Doubleword-User"}, want: []string{"already used for something else"}},
		"webhook/no TLS":                     {environ: []string{"LETHE_WEBHOOK_URL=http://example.com/?token=" + hiddenWord, webhookSecret}, want: []string{"webhook.url (environment LETHE_WEBHOOK_URL): must be a URL such as https://"}},
		"webhook/no secret":                  {environ: []string{"LETHE_WEBHOOK_URL=https://example.com/"}, want: []string{"webhook.url (environment LETHE_WEBHOOK_URL): needs a secret"}},
		"webhook/no URL":                     {environ: []string{webhookSecret}, want: []string{"set webhook.url (LETHE_WEBHOOK_URL), or remove the secret"}},
		"webhook/two secrets":                {environ: []string{"LETHE_WEBHOOK_URL=https://example.com/", webhookSecret, "LETHE_WEBHOOK_SECRET_FILE=/x"}, want: []string{"set only one of them"}},
		"webhook/invalid secret":             {environ: []string{"LETHE_WEBHOOK_URL=https://example.com/", "LETHE_WEBHOOK_SECRET=whsec_" + hiddenWord}, want: []string{"must be whsec_ and 24 to 64 bytes in base64"}},
		"invalid proxy_incoming":             {environ: []string{"LETHE_AUTH_PROXY_INCOMING=true"}, want: []string{"must be unknown or stripped"}},
		"invalid header name":                {environ: []string{"LETHE_AUTH_PROXY_USER_HEADER=a b"}, want: []string{"must be a name"}},
		"invalid cookie name":                {environ: []string{"LETHE_AUTH_SESSION_COOKIE=a;b"}, want: []string{"must be a name"}},
		"address without host":               {environ: []string{"LETHE_HTTP_ADDR=8080"}, want: []string{"HOST:PORT"}},
		"invalid port":                       {environ: []string{"LETHE_HTTP_ADDR=localhost:http"}, want: []string{"HOST:PORT"}},
		"no profile address":                 {environ: []string{"LETHE_HTTP_PROFILE_ADDR=6060"}, want: []string{"http.profile_addr (environment LETHE_HTTP_PROFILE_ADDR): must be HOST:PORT"}},
		"level and format":                   {environ: []string{"LETHE_LOG_LEVEL=loud", "LETHE_LOG_FORMAT=xml"}, want: []string{"debug, info, warn or error", "text or json"}},
		"a schema too long":                  {environ: []string{"LETHE_FUSILLADE_SCHEMA=" + strings.Repeat("x", 64)}, want: []string{"1 to 63 bytes"}},
		"replica without database":           {environ: []string{"LETHE_DATABASE_REPLICA_URL=postgres://h/d"}, want: []string{"needs database.url"}},
		"fusillade without database":         {environ: []string{"LETHE_FUSILLADE_DATABASE_URL=postgres://h/d"}, want: []string{"needs database.url"}},
		"fusillade replica without database": {environ: []string{someURL, "LETHE_FUSILLADE_REPLICA_URL=postgres://h/d"}, want: []string{"needs fusillade.database_url"}},
		"file as data folder":                {environ: []string{"LETHE_DATA_DIR=/etc/passwd"}, want: []string{"is a file"}},
		"duration without unit":              {environ: []string{"LETHE_AUTH_CACHE_TTL=5"}, want: []string{"auth.cache_ttl (environment LETHE_AUTH_CACHE_TTL): must be a duration such as 5s"}},
		"a number for a duration":            {file: "auth: {cache_ttl: 5}", want: []string{"from 0 to 60s"}},
		"cache_ttl too long":                 {environ: []string{"LETHE_AUTH_CACHE_TTL=60.001s"}, want: []string{"from 0 to 60s"}},
		"cache_ttl negative":                 {args: []string{"--auth-cache-ttl=-1s"}, want: []string{"from 0 to 60s"}},
		"a flag":                             {args: []string{"--database-max-conns=-1"}, want: []string{"database.max_conns (flag --database-max-conns)"}},
		"file, variable and flag":            {file: "nothing: 1", environ: []string{"LETHE_LOG_LEVEL=loud"}, args: []string{"--http-addr=x"}, want: []string{`"nothing"`, "log.level", "http.addr"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.file, append([]string{"HOME=/home/x"}, c.environ...), c.args)
			problems, ok := errors.AsType[*config.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if len(problems.Problems) != len(c.want) {
				t.Errorf("%d problems, want %d:\n%s", len(problems.Problems), len(c.want), err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in\n%s", want, err)
				}
			}
			if strings.Contains(err.Error(), hiddenWord) || strings.Contains(err.Error(), "fifteen") {
				t.Errorf("want no secret in the error, got\n%s", err)
			}
		})
	}
}

func TestConfigMissingFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Sources{File: filepath.Join(t.TempDir(), "none.yaml")})
	if err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("got %v", err)
	}
}

func TestConfigHidesSecrets(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, "", []string{
		"LETHE_DATABASE_URL=postgres://u:" + hiddenWord + "@h/d",
		"LETHE_DATABASE_REPLICA_URL=postgres://u@h/d?password=" + hiddenWord,
		"LETHE_FUSILLADE_DATABASE_URL=postgresql://u:" + hiddenWord + "@h/d?sslmode=disable&sslpassword=" + hiddenWord,
		"LETHE_FUSILLADE_REPLICA_URL=postgres://u:" + hiddenWord + "%20@h/d",
		"LETHE_AUTH_SESSION_SECRET=" + hiddenWord + hiddenWord,
		"LETHE_ERASURE_STANDBY_URLS=postgres://u:" + hiddenWord + "@h1/d,postgres://u:" + hiddenWord + "@h2/d",
		"LETHE_WEBHOOK_URL=https://example.com/?token=" + hiddenWord, webhookSecret,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := cfg.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), hiddenWord) || strings.Contains(out.String(), "whsec_") {
		t.Errorf("want no secret printed, got\n%s", &out)
	}
	if n := strings.Count(out.String(), "hidden"); n != 10 {
		t.Errorf("%d values are hidden, want 10:\n%s", n, &out)
	}
}

// TestConfigSecretHasNoFlag: command lines can be read by other users.
func TestConfigSecretHasNoFlag(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags)
	for _, secret := range []string{"auth-session-secret", "webhook-secret"} {
		if flags.Lookup(secret) != nil {
			t.Errorf("flag --%s: want none, got one", secret)
		}
	}
	if flags.Lookup("database-url") == nil {
		t.Error("flag --database-url: missing")
	}
}
