package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lethe/app/config"
)

// explain makes a command and its subcommands report usage errors in the program's
// own words.
func explain(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(flagError)
	if !cmd.Hidden {
		cmd.Args = checkWords
	}
	for _, sub := range cmd.Commands() {
		explain(sub)
	}
}

// checkWords compares a command's arguments with its usage, which names them in
// capitals: [WORD] is optional, and WORD... may be repeated.
func checkWords(cmd *cobra.Command, args []string) error {
	if cmd.HasSubCommands() {
		if len(args) > 0 {
			return noCommand(cmd, args[0])
		}
		return nil
	}
	words := strings.Fields(cmd.Use)[1:]
	least := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, "[") })
	if least < 0 {
		least = len(words)
	}
	switch last := len(words) - 1; {
	case len(args) < least:
		missing := words[len(args):least]
		verb := "is"
		if len(missing) > 1 {
			verb = "are"
		}
		return fmt.Errorf("%s %s missing: write %s", strings.Join(missing, " and "), verb, cmd.UseLine())
	case len(args) > len(words) && (last < 0 || !strings.Contains(words[last], "...")):
		return fmt.Errorf("%q is too much: write %s", args[len(words)], cmd.UseLine())
	}
	for i, arg := range args {
		if strings.TrimSpace(arg) == "" {
			return fmt.Errorf("%s is empty, perhaps from an unset variable: write %s", strings.Trim(words[min(i, len(words)-1)], "[.]"), cmd.UseLine())
		}
	}
	return nil
}

// helpCommand prints the help of a command, and refuses unknown commands.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Help about any command",
		Long:  `Print the help of a command, as "lethe COMMAND --help" does.`,
		Example: `  lethe help serve
  lethe help erasures search`,
		RunE: func(cmd *cobra.Command, args []string) error {
			about := cmd.Root()
			for _, word := range args {
				if !about.HasSubCommands() {
					return fmt.Errorf("%s has no commands, not even %q", about.CommandPath(), word)
				}
				i := slices.IndexFunc(about.Commands(), func(sub *cobra.Command) bool { return sub.Name() == word })
				if i < 0 {
					return noCommand(about, word)
				}
				about = about.Commands()[i]
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

func noCommand(cmd *cobra.Command, given string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("%s has no command %q: %suse one of %s", cmd.CommandPath(), given, config.DidYouMean(given, names), strings.Join(names, ", "))
}

// flagError translates an error of pflag.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		name := "--" + unknown.GetSpecifiedName()
		if letters := unknown.GetSpecifiedShortnames(); letters != "" {
			name = "-" + letters
		}
		return fmt.Errorf("%s has no flag %s: %sleave it out or correct it", cmd.CommandPath(), name, config.DidYouMean(name, names))
	}
	if without, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("--%s needs a value: %s", without.GetFlag().Name, without.GetFlag().Usage)
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s is %s and has another value: %s", bad.GetFlag().Name, kindOf(bad.GetFlag()), bad.GetFlag().Usage)
	}
	return err
}

func kindOf(f *pflag.Flag) string {
	if f.Value.Type() == "bool" {
		return "true or false"
	}
	return "a " + f.Value.Type()
}

// checkFlags refuses missing required flags, and flags that are given but empty:
// probably from an unset variable, so ignoring them could do something that was not
// meant. Settings are checked by the configuration.
func checkFlags(cmd *cobra.Command, _ []string) error {
	var problems, missing []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Changed && isEmpty(f.Value) && !config.IsSetting(f.Name):
			problems = append(problems, fmt.Sprintf("--%s is given and empty, perhaps from an unset variable: give it a value, or leave it out", f.Name))
		case !f.Changed && f.Annotations[cobra.BashCompOneRequiredFlag] != nil:
			missing = append(missing, fmt.Sprintf("--%s (%s)", f.Name, f.Usage))
		}
	})
	if len(missing) > 0 {
		problems = append(problems, "give "+strings.Join(missing, " and "))
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

func isEmpty(value pflag.Value) bool {
	if list, ok := value.(pflag.SliceValue); ok {
		return len(list.GetSlice()) == 0 || slices.ContainsFunc(list.GetSlice(), isBlank)
	}
	return isBlank(value.String())
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }
