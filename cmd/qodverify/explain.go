package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/verify"
)

func (a *app) explainCommand() *cobra.Command {
	var codes []string
	for _, e := range render.Explanations() {
		codes = append(codes, string(e.Code)+"\t"+e.Means)
	}
	return &cobra.Command{
		Use:   "explain [CODE…]",
		Short: "Say what a code of a report means, why it matters and what to do",
		Long: `explain prints what a code of a report means, why it matters and what to do about it.
Without a code it lists all of them. It is the table that reports use.`,
		Example:           `  qodverify explain runtime_hash_mismatch`,
		ValidArgsFunction: cobra.FixedCompletions(codes, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			list := render.Explanations()
			if len(args) > 0 {
				list = nil
				for _, code := range args {
					e, err := explanation(code)
					if err != nil {
						return err
					}
					list = append(list, e)
				}
			}
			if a.output == "json" {
				return a.written(render.ExplainJSON(a.stdout, tool(), list))
			}
			return a.written(render.ExplainText(a.stdout, list, render.TextOptions{Color: a.color()}))
		},
	}
}

func explanation(code string) (verify.Explanation, error) {
	all := render.Explanations()
	if i := slices.IndexFunc(all, func(e verify.Explanation) bool { return string(e.Code) == code }); i >= 0 {
		return all[i], nil
	}
	var near []string
	for _, e := range all {
		if s := string(e.Code); code != "" && (strings.Contains(s, code) || strings.HasPrefix(code, strings.SplitN(s, "_", 2)[0])) && len(near) < 8 {
			near = append(near, s)
		}
	}
	if near != nil {
		return verify.Explanation{}, fmt.Errorf("there is no code %q; near it: %s", code, strings.Join(near, ", "))
	}
	return verify.Explanation{}, fmt.Errorf("there is no code %q; qodverify explain lists all", code)
}
