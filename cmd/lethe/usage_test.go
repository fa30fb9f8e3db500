package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// call runs a command that ends by itself, with an empty environment.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, []string{"HOME=" + t.TempDir()}, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// commands are all visible commands, keyed by the words that call them.
func commands() map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var add func(*cobra.Command)
	add = func(cmd *cobra.Command) {
		if !cmd.Hidden {
			all[strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), "lethe"))] = cmd
		}
		for _, sub := range cmd.Commands() {
			add(sub)
		}
	}
	add(new(cli).root())
	return all
}

// TestHelp: terminals show backquotes literally, and pflag takes the text between
// them for the name of a value.
func TestHelp(t *testing.T) {
	t.Parallel()
	all := commands()
	if len(all) < 25 {
		t.Fatalf("got %d commands, want at least 25", len(all))
	}
	for words, cmd := range all {
		code, out, _ := call(t, append(strings.Fields(words), "--help")...)
		if code != exitOK || !strings.Contains(out, "Usage:") {
			t.Errorf("lethe %s --help: exit code %d: %s", words, code, out)
		}
		if strings.Contains(out, "`") {
			t.Errorf("lethe %s --help has a backquote:\n%s", words, out)
		}
		for line := range strings.Lines(cmd.Long) {
			if len([]rune(line)) > 81 {
				t.Errorf("lethe %s --help: a line is longer than a terminal: %s", words, line)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Usage, "`") {
				t.Errorf("lethe %s: --%s has a backquote: %s", words, f.Name, f.Usage)
			}
		})
	}
	_, out, _ := call(t, "config", "--help")
	for _, name := range []string{"LETHE_DATABASE_URL", "LETHE_AUTH_SESSION_SECRET", "LETHE_ERASURE_KEY\n", "LETHE_LOG_FORMAT"} {
		if !strings.Contains(out, name) {
			t.Errorf("lethe config --help does not name %s", name)
		}
	}
}

// TestInvalidArguments calls each command with too few and with too many arguments.
func TestInvalidArguments(t *testing.T) {
	t.Parallel()
	refused := func(want string, args ...string) {
		t.Helper()
		code, out, err := call(t, args...)
		if code != exitUsage || out != "" || !strings.Contains(err, want) || strings.Count(err, "\n") != 1 ||
			strings.Contains(err, "arg(s)") || !strings.Contains(err, " --help\n") {
			t.Errorf("lethe %q: exit code %d, want usage error %q: %s%s", args, code, want, out, err)
		}
	}
	for words, cmd := range commands() {
		given := strings.Fields(words)
		if cmd.HasSubCommands() {
			refused("has no command \"nothing\"", append(given, "nothing")...)
			continue
		}
		wanted := strings.Fields(cmd.Use)[1:]
		for i, word := range wanted {
			if strings.HasPrefix(word, "[") {
				break
			}
			some := append(slices.Clone(given), slices.Repeat([]string{"x"}, i)...)
			refused(word, some...)
			refused("missing: write lethe "+words+" "+wanted[0], some...)
			refused(strings.TrimSuffix(word, "...")+" is empty", append(append(some, ""), slices.Repeat([]string{"x"}, len(wanted)-i-1)...)...)
		}
		if !strings.Contains(cmd.Use, "...") {
			refused(`"toomuch" is too much: write lethe `+words, append(append(given, slices.Repeat([]string{"x"}, len(wanted))...), "toomuch")...)
		}
	}
	refused("WHO and ORGANIZATION are missing: write lethe users join WHO ORGANIZATION", "users", "join")
	refused("did you mean doctor?", "docter")
	refused("did you mean add?", "users", "ad")
	refused("did you mean serve?", "help", "servee")
	refused("did you mean add?", "help", "users", "ad")
	refused("has no commands", "help", "serve", "add")
	if code, out, _ := call(t, "help", "users", "add"); code != exitOK || !strings.Contains(out, "lethe users add") {
		t.Errorf("lethe help users add: exit code %d: %s", code, out)
	}
}

func TestInvalidFlags(t *testing.T) {
	t.Parallel()
	for want, line := range map[string]string{
		"lethe doctor has no flag --databse-url: did you mean --database-url?": "doctor --databse-url x",
		"lethe version has no flag -x: leave it out":                           "version -x",
		"--database-url needs a value":                                         "doctor --database-url",
		"--json is true or false and has another value":                        "doctor --json=hidden",
		"give --from (folder ":                                                 "replay",
		"give --identity (file ":                                               "replay --from x",
		"give --to (the folder) and --recipient":                               "erasures export --to x",
		"--new-identity only creates a key pair: use it alone":                 "erasures export --new-identity x --to y",
		"--older is given and empty":                                           "verify x --key y --older=",
		"--key is given and empty":                                             "verify x --key=",
		"--role needs --grants (it names the role":                             "doctor --role x",
		"--config is given and empty":                                          "migrate up --config=",
		"--role is given and empty":                                            "users add x --role=",
		"database.url (flag --database-url): is set and empty":                 "migrate up --database-url=",
	} {
		code, out, err := call(t, strings.Fields(line)...)
		if code != exitUsage || out != "" || !strings.Contains(err, want) || strings.Count(err, "\n") != 1 || strings.Contains(err, "hidden") {
			t.Errorf("lethe %s: exit code %d, want usage error %q: %s%s", line, code, want, out, err)
		}
	}
}

// TestEmptySettings: an empty setting is an error; no command falls back to another
// database.
func TestEmptySettings(t *testing.T) {
	t.Parallel()
	for words, cmd := range commands() {
		if cmd.HasSubCommands() || cmd.Flags().Lookup("config") == nil {
			continue
		}
		args := strings.Fields(words)
		for _, word := range strings.Fields(cmd.Use)[1:] {
			if !strings.HasPrefix(word, "[") {
				args = append(args, "x")
			}
		}
		args = append(args, needed(cmd)...)
		var out, err bytes.Buffer
		code := run(t.Context(), args, []string{"LETHE_DATABASE_URL=", "LETHE_DATA_DIR=" + t.TempDir()}, strings.NewReader(""), &out, &err)
		if code != exitUsage || !strings.Contains(err.String(), "database.url (environment LETHE_DATABASE_URL): is set and empty") {
			t.Errorf("lethe %s: exit code %d, want usage error: %s%s", words, code, &out, &err)
		}
	}
}

// needed returns the required flags of a command.
func needed(cmd *cobra.Command) []string {
	switch cmd.Name() {
	case "export":
		return []string{"--to", "x", "--recipient", "x"}
	case "replay":
		return []string{"--from", "x", "--identity", "x"}
	}
	return nil
}
