package policy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/verify"
)

// Describe tells the rules as they were understood, one a line.
func Describe(r *verify.Rules) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, k := range r.Keys {
		add("key %s%s%s%s", k.Thumbprint, some(" under the kid %q", k.KID), since(" from %s", k.NotBefore), since(" until %s", k.NotAfter))
	}
	for _, x := range []struct{ name, value string }{{"kid", r.KID}, {"issuer", r.Issuer}, {"session", r.SessionID}, {"qos_profile", r.QoSProfile}} {
		if x.value != "" {
			add("%s is %q", x.name, x.value)
		}
	}
	if r.Canonical != canonical.Unspecified {
		add("canonical form is %s", r.Canonical)
	}
	switch {
	case r.MaxAge > 0:
		add("signed at most %s ago, and not in the future, to %s", r.MaxAge, r.Skew)
	case r.NotFuture:
		add("not signed in the future, to %s", r.Skew)
	}
	if r.MinSamples > 0 {
		add("at least %d samples", r.MinSamples)
	}
	if r.MinProbes > 0 {
		add("at least %d probes", r.MinProbes)
	}
	switch r.Telemetry {
	case verify.Committed:
		add("the proof commits to its samples")
	case verify.Disclosed:
		add("the proof commits to its samples, and all are there")
	}
	if t := r.Latency; t != nil {
		add("latency at p%s is at most %s, lost probes %s%s", percentile(t.MilliPercent, 95_000), bound(t.Max), pickWord(t.AllowLost, "left out", "counted as never arrived"), pickWord(t.AllowAverage, "; an average is taken where there are no delays", ""))
	}
	if t := r.Jitter; t != nil {
		add("jitter at p%s is at most %s%s", percentile(t.MilliPercent, 99_000), bound(t.Max), pickWord(t.AllowAverage, "; an average is taken where there are no delays", ""))
	}
	if r.MaxLossPPM != nil {
		add("at most %s %% of the probes are lost", number(float64(*r.MaxLossPPM)/1e4))
	}
	if r.MinAvailablePPM > 0 {
		add("at least %s %% of the measured time inside AVAILABLE", number(float64(r.MinAvailablePPM)/1e4))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		lines = append(lines, describeLimits(name, r.Limits[name])...)
	}
	for _, id := range r.Require {
		add("%s must pass", id)
	}
	for _, id := range verify.ClaimChecks() {
		if treatment, ok := r.Claims[id]; ok {
			add("a warning of %s %s", id, map[verify.Treatment]string{verify.Bear: "is told", verify.Refuse: "is a failure", verify.Ignore: "is not told"}[treatment])
		}
	}
	return lines
}

func describeLimits(name string, l verify.Limits) (lines []string) {
	add := func(format string, args ...any) {
		lines = append(lines, fmt.Sprintf("profile %s: "+format, append([]any{name}, args...)...))
	}
	if l.PacketDelayBudget > 0 {
		beyond := ", and what lies beyond the operator's gateway is not known"
		if l.BeyondOperator != nil {
			beyond = fmt.Sprintf(", and %s of a round trip lie beyond the operator's gateway", *l.BeyondOperator)
		}
		add("packetDelayBudget %s one way%s", l.PacketDelayBudget, beyond)
	}
	if l.Jitter > 0 {
		add("jitter at p99 at most %s", l.Jitter)
	}
	if l.PacketErrorLossRate > 0 {
		add("packetErrorLossRate at most 10^-%d", l.PacketErrorLossRate)
	}
	return lines
}

// NotHeld names members of a sound policy that no rule can hold a proof to: CAMARA's
// other members of a QosProfile.
func NotHeld(data []byte) (names []string) {
	var f file
	if yaml.Unmarshal(data, &f) != nil {
		return nil
	}
	for _, profile := range slices.Sorted(maps.Keys(f.Limits)) {
		others := reflect.ValueOf(f.Limits[profile].Others)
		for i := range others.NumField() {
			if !others.Field(i).IsNil() {
				names = append(names, "limits."+profile+"."+others.Type().Field(i).Tag.Get("yaml"))
			}
		}
	}
	return names
}

func some(format, s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf(format, s)
}

func since(format string, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf(format, t.UTC().Format(time.RFC3339Nano))
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func percentile(milliPercent, standard int64) string {
	if milliPercent == 0 {
		milliPercent = standard
	}
	return number(float64(milliPercent) / 1000)
}

func bound(ns int64) string {
	if ns == 0 {
		return "the agreed target"
	}
	return number(float64(ns)/1e6) + " ms"
}

func pickWord(yes bool, word, other string) string {
	if yes {
		return word
	}
	return other
}
