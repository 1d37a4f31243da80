package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
)

func (a *app) explainCommand() *cobra.Command {
	var words []string
	for _, w := range render.Words() {
		words = append(words, string(w.Code)+"\t"+w.Means)
	}
	return &cobra.Command{
		Use:   "explain [WORD…]",
		Short: "Say what a code, a check, a verdict or an exit status means, and what to do",
		Long: `explain prints what a word of a report means, why it matters and what to do about it:
a code, a check, a status, a verdict, or an exit status (0 to 4). Without one it lists
all of them. It is the table that reports use.`,
		Example: `  qodverify explain runtime_hash_mismatch
  qodverify explain signature.key inconclusive 4`,
		ValidArgsFunction: cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			list := render.Words()
			if len(args) > 0 {
				list = nil
				for _, word := range args {
					found := render.WordsFor(strings.ToLower(word))
					if found == nil {
						return unexplained(word)
					}
					list = append(list, found...)
				}
			}
			if a.output == "json" {
				return a.written(render.ExplainJSON(a.stdout, tool(), list))
			}
			return a.written(render.ExplainText(a.stdout, list, render.TextOptions{Color: a.color()}))
		},
	}
}

// unexplained names the words near one that is none.
func unexplained(word string) error {
	var all, near []string
	for _, w := range render.Words() {
		s := string(w.Code)
		all = append(all, s)
		if len(word) > 2 && len(near) < 8 && !slices.Contains(near, s) && (strings.Contains(s, word) || strings.HasPrefix(word, strings.SplitN(s, "_", 2)[0]+"_")) {
			near = append(near, s)
		}
	}
	hint := didYouMean(word, all)
	switch {
	case hint != "":
	case near != nil:
		hint = "; near it: " + strings.Join(near, ", ")
	default:
		hint = "; qodverify explain lists all"
	}
	return fmt.Errorf("no report has the word %.80q%s", word, hint)
}
