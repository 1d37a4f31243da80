package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/qodverify/qodverify/cmd/internal/cause"
	"github.com/qodverify/qodverify/cmd/internal/kind"
	"github.com/qodverify/qodverify/cmd/internal/policy"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/cmd/internal/source"
	"github.com/qodverify/qodverify/verify"
)

func (f *verifyFlags) registerPolicy(flags *pflag.FlagSet) {
	flags.StringVar(&f.policyFile, "policy", "", "what is expected beyond integrity: a `FILE` (YAML or JSON), or integrity, sla or strict")
	flags.StringVar(&f.at, "at", "", "judge the policy as of `TIME` (RFC 3339, with Z or an offset; default now)")
}

// rules reads the policy and the time to judge it at. The clock is read here, at
// the rim, and shown in the report.
func (f *verifyFlags) rules(p *verify.Policy) error {
	if f.policyFile == "" {
		if f.at != "" {
			return errors.New("--at is the time to judge a policy at: give --policy as well")
		}
		return nil
	}
	p.At = time.Now().UTC().Truncate(time.Second)
	if f.at != "" {
		t, err := timeOf("--at", f.at)
		if err != nil {
			return err
		}
		p.At = t
	}
	var err error
	if p.Rules, _, err = readPolicy(f.policyFile); err != nil {
		return &problemError{"policy", exitUsage, fmt.Errorf("--policy %s: %w", f.policyFile, err)}
	}
	return nil
}

// policyText returns the text of a preset or of a file.
func policyText(name string) ([]byte, error) {
	if data, ok := policy.Preset(name); ok {
		return data, nil
	}
	data, err := source.ReadFile(name, policy.MaxBytes)
	if hint := didYouMean(name, policy.Presets()); errors.Is(err, fs.ErrNotExist) && hint != "" {
		return nil, fmt.Errorf("there is no such file, and no policy of that name is built in%s", hint)
	}
	return data, err
}

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Show and check policies: what is expected of a proof beyond integrity",
		Long: `A policy says what verify --policy expects of a proof beyond its integrity: which
keys, how old, how many samples, which targets at which percentile. Each rule is a
check "policy.…" with what was expected and found. Integrity can't be switched off.

The rules of a file (YAML or JSON; a name that is not known is an error):

  version: 1, name                            of the file
  keys: [{thumbprint, kid, not_before, not_after}]
  kid, issuer, session, qos_profile           compared exactly
  canonical                                   qod-mock or jcs
  max_age, not_future, skew                   by the signed time: 5m, 720h, 30d
  min_samples, min_probes
  telemetry                                   committed or disclosed
  latency: {percentile, max_ms, lost, average}   lost: left_out; average: allow
  jitter: {percentile, max_ms, average}
  max_loss_pct, min_available_pct
  limits: {NAME: {packetDelayBudget, jitter, packetErrorLossRate}}   as CAMARA has them;
          a round trip of more than twice the budget needs beyond_operator, too
  require: [CHECK…]
  claims: {constants: ignore|warn|fail, …}`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use: "presets", Short: "List the policies that are built in", Args: takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if a.output == "json" {
				return a.written(render.WriteJSON(a.stdout, map[string]any{"presets": policy.Presets()}))
			}
			_, err := fmt.Fprintln(a.stdout, strings.Join(policy.Presets(), "\n"))
			return a.written(err)
		},
	}, &cobra.Command{
		Use: "show NAME|FILE", Short: "Print a policy, if it is sound, and the checks that it makes", Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return a.policyShow(args[0]) },
	}, &cobra.Command{
		Use: "lint FILE…", Short: "Check policy files; status 3 if one is faulty", Args: takes(1, -1),
		RunE: func(_ *cobra.Command, args []string) error { return a.policyLint(args) },
	})
	return cmd
}

func readPolicy(name string) (*verify.Rules, []byte, error) {
	data, err := policyText(name)
	if err != nil {
		return nil, nil, err
	}
	rules, err := policy.Parse(data)
	return rules, data, misnamed(kind.Explain(err, data, kind.Policy))
}

// unknownName is what is said of a name that no policy has.
var unknownName = regexp.MustCompile(`field (\S+) is not known here`)

// misnamed adds to an error of one name what was likely meant.
func misnamed(err error) error {
	if err == nil {
		return nil
	}
	if found := unknownName.FindAllStringSubmatch(err.Error(), 2); len(found) == 1 {
		if hint := didYouMean(found[0][1], policy.Names()); hint != "" {
			return fmt.Errorf("%w%s", err, hint)
		}
	}
	return err
}

func (a *app) policyShow(name string) error {
	rules, data, err := readPolicy(name)
	if err != nil {
		return &problemError{"policy", exitMalformed, fmt.Errorf("%s: %w", name, err)}
	}
	ids := verify.RuleChecks(rules)
	if a.output == "json" {
		return a.written(render.WriteJSON(a.stdout, map[string]any{"name": rules.Name, "checks": ids, "text": string(data), "rules": policy.Describe(rules), "not_held": policy.NotHeld(data)}))
	}
	text := render.PrintableLines(string(data)) + "\n# checks: "
	if len(ids) == 0 {
		text += "none beyond integrity"
	}
	for i, id := range ids {
		if i > 0 {
			text += ", "
		}
		text += string(id)
	}
	for _, rule := range policy.Describe(rules) {
		text += "\n# understood: " + render.Printable(rule)
	}
	for _, name := range policy.NotHeld(data) {
		text += "\n# not held: " + render.Printable(name) + " (no proof tells of it)"
	}
	_, err = fmt.Fprintln(a.stdout, text)
	return a.written(err)
}

func (a *app) policyLint(names []string) error {
	type line struct {
		File  string `json:"file"`
		Sound bool   `json:"sound"`
		Error string `json:"error,omitempty"`
		// NotHeld names members that no proof can be held to.
		NotHeld []string `json:"not_held,omitempty"`
	}
	var list []line
	for _, name := range names {
		_, data, err := readPolicy(name)
		l := line{File: name, Sound: err == nil}
		if err == nil {
			l.NotHeld = policy.NotHeld(data)
		}
		if err != nil {
			l.Error = cause.Words(err)
			a.exit = exitMalformed
		}
		list = append(list, l)
		if a.output == "json" {
			continue
		}
		word := "sound"
		if len(l.NotHeld) > 0 {
			word += " (not held, since no proof tells of them: " + strings.Join(l.NotHeld, ", ") + ")"
		}
		if err != nil {
			word = cmp.Or(unread(err), "faulty") + ": " + l.Error
		}
		if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", render.Printable(name), render.Printable(word)); err != nil {
			return a.written(err)
		}
	}
	if a.output == "json" {
		return a.written(render.WriteJSON(a.stdout, map[string]any{"policies": list}))
	}
	return nil
}
