package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/verify"
)

// What a command line gets wrong is told in a sentence, with what was likely meant.

// near returns those names that a word may be a slip for, the nearest ones alone. The
// distance is cobra's.
func near(word string, names []string) []string {
	if word == "" || strings.ContainsAny(word, " \t") {
		return nil
	}
	all := &cobra.Command{}
	for _, name := range names {
		if strings.EqualFold(name, word) {
			return []string{name}
		}
		all.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	// Of a short word, most of it must be right.
	for all.SuggestionsMinimumDistance = 1; all.SuggestionsMinimumDistance <= min(3, (len(word)+1)/3); all.SuggestionsMinimumDistance++ {
		if found := all.SuggestionsFor(word); len(found) > 0 {
			slices.Sort(found)
			return slices.Compact(found)[:min(len(found), 4)]
		}
	}
	return nil
}

// didYouMean is the end of a sentence on a word that is none of the names, "" where
// none is near.
func didYouMean(word string, names []string) string {
	found := near(word, names)
	if len(found) == 0 {
		return ""
	}
	return "; did you mean " + choice(found) + "?"
}

// choice lists words as alternatives.
func choice(words []string) string { return listed(words, "or") }

func listed(words []string, last string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// called is how a message, which begins with the program's name, names a command.
func called(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// placeholder is what a command's usage line calls its argument.
var placeholder = regexp.MustCompile(`\s([A-Z|]+)…?\]?$`)

// takes holds a command to a number of arguments; most is -1 for any.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		what := "argument"
		if m := placeholder.FindStringSubmatch(cmd.Use); m != nil {
			what = strings.ReplaceAll(m[1], "|", " or ")
		}
		switch n := len(args); {
		case n < least && what == "INPUT":
			return errors.New("no INPUT was given: name a bundle's file, a folder, a URL, or - for stdin")
		case n < least:
			return fmt.Errorf("no %s was given: %s", what, cmd.UseLine())
		case n > 0 && cmd.ArgsLenAtDash() != 0 && misspelt(cmd, args[0]) != nil: // what follows -- is a file
			return misspelt(cmd, args[0])
		case most == 0 && n > 0:
			return fmt.Errorf("%s takes no argument, and %.80q was given", called(cmd), args[0])
		case most > 0 && n > most:
			return fmt.Errorf("%s takes one %s, and %d were given (%s)", called(cmd), what, n, quoted(args))
		}
		return nil
	}
}

// quoted lists the first few arguments.
func quoted(args []string) string {
	var list []string
	for i, arg := range args {
		if i == 4 {
			list = append(list, "…")
			break
		}
		list = append(list, fmt.Sprintf("%.80q", arg))
	}
	return strings.Join(list, ", ")
}

// misspelt reports an argument that is likely a command with a slip in it: no file of
// that name is there, and no file is likely meant by it.
func misspelt(cmd *cobra.Command, arg string) error {
	if arg == "-" || strings.ContainsAny(arg, "/\\.:") {
		return nil
	}
	if _, err := os.Lstat(arg); err == nil {
		return nil
	}
	names := namesOf(cmd)
	found := near(arg, names)
	alone := len(names) > 0 && !strings.Contains(cmd.Use, " ") // it takes commands and no files
	for i, name := range found {
		found[i] = fmt.Sprintf("%s %s", cmd.CommandPath(), name)
	}
	switch {
	case alone && len(found) == 0:
		return fmt.Errorf("%s has no command %.80q; it has %s", called(cmd), arg, listed(names, "and"))
	case alone:
		return fmt.Errorf("%s has no command %.80q; did you mean %s?", called(cmd), arg, choice(found))
	case len(found) > 0:
		return fmt.Errorf("there is no file %.80q, and no command of that name; did you mean %s?", arg, choice(found))
	}
	return nil
}

// meant are flags as people look for them, by what they are called here.
var meant = map[string]string{
	"json": "--output json", "format": "--output FORMAT", "fmt": "--output FORMAT", "html": "--report html=FILE", "sarif": "--report sarif=FILE", "junit": "--report junit=FILE",
	"key": "--jwks FILE", "keys": "--jwks FILE", "public-key": "--jwks FILE", "public-keys": "--jwks FILE", "keyset": "--jwks FILE", "certificate": "--jwks FILE",
	"sid": "--session ID", "session-id": "--session ID", "thumbprint": "--pin THUMBPRINT", "fingerprint": "--pin THUMBPRINT", "silent": "--quiet",
	"insecure": "--allow-http", "http": "--allow-http", "time": "--at TIME", "now": "--at TIME", "date": "--at TIME", "rules": "--policy FILE", "prev": "--previous HASH",
	"exclude": "--ignore PATTERN", "skip": "--ignore PATTERN", "artifacts": "--artifacts-dir DIR", "colour": "--color WHEN", "no-colour": "--no-color",
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return fmt.Errorf("unknown flag -%s%s%s", unknown.GetSpecifiedName(), of(cmd), letters(cmd, unknown.GetSpecifiedName()))
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		return fmt.Errorf("unknown flag --%s%s%s", name, of(cmd), instead(cmd, name))
	case errors.As(err, &missing):
		return fmt.Errorf("--%s needs a value: --%s %s", missing.GetFlag().Name, missing.GetFlag().Name, valueOf(missing.GetFlag()))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return fmt.Errorf("--%s %.80q is not %s", f.Name, invalid.GetValue(), kindOf(f))
	case errors.As(err, &syntax):
		return fmt.Errorf("%.80q is not a flag: a flag is --NAME, or --NAME=VALUE", syntax.GetSpecifiedFlag())
	}
	return cause.Full(err)
}

// of names a command that is not the root.
func of(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return ""
	}
	return " of " + called(cmd)
}

// instead is the end of a sentence on an unknown flag.
func instead(cmd *cobra.Command, name string) string {
	flag := meant[strings.ToLower(name)]
	if word, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), " "); flag != "" && cmd.Flag(word) != nil {
		return "; did you mean " + flag + "?"
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	if found := near("--"+name, names); len(found) > 0 {
		return "; did you mean " + choice(found) + "?"
	}
	if others := withFlag(cmd.Root(), name); len(others) > 0 {
		return "; it is a flag of " + choice(others[:min(len(others), 3)])
	}
	return ""
}

// withFlag returns the commands that have a flag.
func withFlag(cmd *cobra.Command, name string) (list []string) {
	if cmd.LocalFlags().Lookup(name) != nil {
		list = append(list, cmd.CommandPath())
	}
	for _, c := range cmd.Commands() {
		list = append(list, withFlag(c, name)...)
	}
	return list
}

// letters names the flags that begin with a letter.
func letters(cmd *cobra.Command, letter string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && len(names) < 6 && strings.HasPrefix(f.Name, letter) {
			names = append(names, "--"+f.Name)
		}
	})
	if len(names) == 0 {
		return ""
	}
	return "; there are " + strings.Join(names, ", ")
}

// valueOf is what a flag's value is called in the help.
func valueOf(f *pflag.Flag) string {
	name, _ := pflag.UnquoteUsage(f)
	if strings.ToLower(name) == name {
		return strings.ToUpper(name)
	}
	return name
}

// kindOf says what a flag's value must be.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "duration":
		return "a duration, such as 200ms or 5s"
	case "int", "int64", "int32":
		return "a whole number"
	case "uint", "uint64", "uint32", "uint16":
		return "a whole number from 0 on"
	case "float64":
		return "a number"
	}
	return "a value that it takes"
}

// noTopic holds a command that cobra makes to what there is: of the help of a command
// and of a shell's completion, it takes any word, and answers with a page and status 0.
func noTopic(cmd *cobra.Command) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		for at := cmd; len(args) > 0; args = args[1:] {
			i := slices.IndexFunc(at.Commands(), func(c *cobra.Command) bool { return c.Name() == args[0] })
			if i < 0 {
				return fmt.Errorf("there is no command %.80q%s", args[0], didYouMean(args[0], namesOf(at)))
			}
			at = at.Commands()[i]
		}
		return nil
	}
}

// namesOf returns the names of the commands below one.
func namesOf(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// completeCommands makes cobra's own commands answer mistakes as ours do.
func completeCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = noTopic(root)
		case "completion":
			c.Args = noTopic(c)
			c.RunE = func(cmd *cobra.Command, _ []string) error {
				return fmt.Errorf("no shell was given: completion has %s", listed(namesOf(cmd), "and"))
			}
		}
	}
}

func formatNames() (names []string) {
	for _, f := range render.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// knownChecks refuses checks that do not exist.
func knownChecks(ids []string) error {
	var all []string
	for _, id := range verify.Checks() {
		all = append(all, string(id))
	}
	for _, id := range ids {
		if slices.Contains(all, id) {
			continue
		}
		hint := didYouMean(id, all)
		if hint == "" {
			hint = "; there are " + strings.Join(all, ", ")
		}
		return fmt.Errorf("--require: the check %.80q does not exist%s", id, hint)
	}
	return nil
}
