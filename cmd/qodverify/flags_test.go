package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// No flag of any command takes an empty value for one that was not given.
func TestEmptyFlags(t *testing.T) {
	var commands []*cobra.Command
	var collect func(c *cobra.Command)
	collect = func(c *cobra.Command) {
		commands = append(commands, c)
		for _, sub := range c.Commands() {
			collect(sub)
		}
	}
	collect((&app{}).rootCommand())
	tried := 0
	for _, c := range commands {
		if !c.Runnable() {
			continue
		}
		c.InheritedFlags() // merges them into Flags
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if _, isList := f.Value.(pflag.SliceValue); f.Value.Type() != "string" && !isList || strings.HasPrefix(f.Value.Type(), "int") {
				return // an empty number or boolean is no value to pflag
			}
			tried++
			args := append(strings.Fields(c.CommandPath())[1:], "--"+f.Name+"=")
			// As many arguments as any command asks for: which of them decides that
			// the line makes no sense does not matter, but that the flag is named does.
			for n := range 4 {
				var stdout, stderr bytes.Buffer
				exit := run(append(args, []string{"a", "b", "c"}[:n]...), strings.NewReader(""), &stdout, &stderr)
				if strings.Contains(stderr.String(), "--"+f.Name+" is empty") && exit == exitUsage {
					return
				}
			}
			t.Errorf("%s --%s= is taken", c.CommandPath(), f.Name)
		})
	}
	if tried < 60 {
		t.Errorf("only %d flags", tried)
	}
}
