package policy

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

// Plain scalars that every version of YAML reads alike.
var (
	plainInt   = pattern.Lazy(`^-?(0|[1-9][0-9]*)$`)
	plainFloat = pattern.Lazy(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
	// YAML 1.1 reads these as booleans, nulls or numbers, and others as text.
	twoReadings = pattern.Lazy(`(?i)^(y|n|yes|no|on|off|true|false|null|~|[-+]?(0[0-9_]+|0o[0-7_]+|0x[0-9a-f_]+|0b[01_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]+_[0-9_.]*|\.(inf|nan)))$`)
)

// oneReading refuses values that say nothing (a list of no keys, an issuer of no
// name: they would read as no rule at all), and those that have more than one
// reading.
func oneReading(n *yaml.Node) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("line %d: "+format, append([]any{n.Line}, args...)...)
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge":
		return refuse("anchors, aliases and merged names are not taken: write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		return refuse("a tag (%s) is not taken: write the value alone", n.Tag)
	case n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || n.Value == ""),
		(n.Kind == yaml.SequenceNode || n.Kind == yaml.MappingNode) && len(n.Content) == 0:
		return refuse("a value is empty: leave its name out, or give one")
	case n.Kind == yaml.ScalarNode:
		if why := ambiguous(n); why != "" {
			return refuse("%q has more than one reading (%s): write it plainly, or put it in quotes if it is text", n.Value, why)
		}
	}
	for _, child := range n.Content {
		if err := oneReading(child); err != nil {
			return err
		}
	}
	return nil
}

// ambiguous says why an unquoted scalar is not read alike everywhere, "" if it is.
func ambiguous(n *yaml.Node) string {
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return ""
	}
	switch n.Tag {
	case "!!int":
		if !plainInt().MatchString(n.Value) {
			return "as a number it may be octal, hexadecimal, or with separators"
		}
	case "!!float":
		if !plainFloat().MatchString(n.Value) {
			return "as a number it may be one with separators, or none"
		}
	case "!!bool":
		if n.Value != "true" && n.Value != "false" {
			return "true or false, or text"
		}
	case "!!timestamp":
		if _, err := time.Parse(time.RFC3339Nano, n.Value); err != nil || !strings.Contains(n.Value, "T") {
			return "a time needs its zone, as in 2026-01-01T00:00:00Z"
		}
	default:
		if twoReadings().MatchString(n.Value) {
			return "true or false, a number, or text"
		}
	}
	return ""
}

// UnmarshalYAML implements [yaml.Unmarshaler]: a duration of CAMARA, a value with
// its unit, or one as the other rules have it.
func (d *camaraDuration) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		var plain duration
		if err := plain.UnmarshalYAML(n); err != nil {
			return err
		}
		*d = camaraDuration{Value: int64(plain), Unit: "Nanoseconds"}
		return nil
	}
	type plainDuration camaraDuration
	if err := onlyNames(n, "value", "unit"); err != nil {
		return err
	}
	return n.Decode((*plainDuration)(d))
}

// onlyNames refuses other names: a node that is decoded by itself takes any.
func onlyNames(n *yaml.Node, names ...string) error {
	for i := 0; i+1 < len(n.Content); i += 2 {
		known := false
		for _, name := range names {
			known = known || n.Content[i].Value == name
		}
		if !known {
			return fmt.Errorf("line %d: field %s is not known here", n.Content[i].Line, n.Content[i].Value)
		}
	}
	return nil
}
