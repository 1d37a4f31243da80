// Package policy reads policy files, YAML or JSON, into the rules of package
// verify:
//
//	version: 1
//	name: acme
//	keys:
//	  - {thumbprint: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k, kid: "2026", not_before: 2026-01-01T00:00:00Z, not_after: 2027-01-01T00:00:00Z}
//	max_age: 720h
//	latency: {percentile: 95, max_ms: 50}
//	require: [ledger.link]
//	claims: {constants: ignore, percentile: fail}
//
// A name that it does not know, a name twice, or a value of another kind is an
// error with its line: a rule that was misspelled must not silently be none. So is
// a value that one YAML reader takes for something else than another does (010,
// 1_000, 0x10, yes, 12:30), and whatever makes a file mean other than it shows
// (anchors, aliases, tags).
package policy

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

// MaxBytes bounds a policy file.
const MaxBytes = 1 << 20

// file is a policy as it is written.
type file struct {
	Version    *int             `yaml:"version"`
	Name       string           `yaml:"name"`
	Keys       []key            `yaml:"keys"`
	KID        string           `yaml:"kid"`
	Issuer     string           `yaml:"issuer"`
	Session    string           `yaml:"session"`
	QoSProfile string           `yaml:"qos_profile"`
	Canonical  string           `yaml:"canonical"`
	MaxAge     *duration        `yaml:"max_age"`
	NotFuture  bool             `yaml:"not_future"`
	Skew       duration         `yaml:"skew"`
	MinSamples int64            `yaml:"min_samples"`
	MinProbes  int64            `yaml:"min_probes"`
	Telemetry  string           `yaml:"telemetry"`
	Latency    *latency         `yaml:"latency"`
	Jitter     *jitter          `yaml:"jitter"`
	MaxLossPct *float64         `yaml:"max_loss_pct"`
	Limits     map[string]limit `yaml:"limits"`
	Available  float64          `yaml:"min_available_pct"`
	Require    []string         `yaml:"require"`
	Claims     yaml.Node        `yaml:"claims"`
}

type key struct {
	Thumbprint string    `yaml:"thumbprint"`
	KID        string    `yaml:"kid"`
	NotBefore  time.Time `yaml:"not_before"`
	NotAfter   time.Time `yaml:"not_after"`
}

type latency struct {
	Percentile *float64 `yaml:"percentile"`
	MaxMS      *float64 `yaml:"max_ms"`
	Lost       string   `yaml:"lost"`
	Average    string   `yaml:"average"`
}

type jitter struct {
	Percentile *float64 `yaml:"percentile"`
	MaxMS      *float64 `yaml:"max_ms"`
	Average    string   `yaml:"average"`
}

// limit has CAMARA's names. A whole QosProfile may stand here; Others are its
// members that no rule can hold a proof to.
type limit struct {
	PacketDelayBudget   *camaraDuration `yaml:"packetDelayBudget"`
	Jitter              *camaraDuration `yaml:"jitter"`
	PacketErrorLossRate *int            `yaml:"packetErrorLossRate"`
	// BeyondOperator is not CAMARA's: see [verify.Limits].
	BeyondOperator *camaraDuration `yaml:"beyond_operator"`
	Others         camaraOthers    `yaml:",inline"`
}

// camaraOthers are the other members of CAMARA's QosProfile.
type camaraOthers struct {
	Name                    any `yaml:"name"`
	Description             any `yaml:"description"`
	Status                  any `yaml:"status"`
	CountryAvailability     any `yaml:"countryAvailability"`
	TargetMinUpstreamRate   any `yaml:"targetMinUpstreamRate"`
	MaxUpstreamRate         any `yaml:"maxUpstreamRate"`
	MaxUpstreamBurstRate    any `yaml:"maxUpstreamBurstRate"`
	TargetMinDownstreamRate any `yaml:"targetMinDownstreamRate"`
	MaxDownstreamRate       any `yaml:"maxDownstreamRate"`
	MaxDownstreamBurstRate  any `yaml:"maxDownstreamBurstRate"`
	MinDuration             any `yaml:"minDuration"`
	MaxDuration             any `yaml:"maxDuration"`
	Priority                any `yaml:"priority"`
	ServiceClass            any `yaml:"serviceClass"`
	L4SQueueType            any `yaml:"l4sQueueType"`
}

type camaraDuration struct {
	Value int64  `yaml:"value"`
	Unit  string `yaml:"unit"`
}

// duration is a time.Duration in Go's spelling, with days: 30d, 720h, 5m.
type duration time.Duration

// UnmarshalYAML implements [yaml.Unmarshaler].
func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	text := n.Value
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		text = days + "h"
	}
	v, err := time.ParseDuration(text)
	if err != nil || n.Kind != yaml.ScalarNode || v < 0 {
		return fmt.Errorf("line %d: %q is no duration: want for instance 5m, 720h or 30d", n.Line, n.Value)
	}
	if text != n.Value {
		if v > math.MaxInt64/24 {
			return fmt.Errorf("line %d: %q is too long", n.Line, n.Value)
		}
		v *= 24
	}
	*d = duration(v)
	return nil
}

// Parse reads a policy. Errors name the line.
func Parse(data []byte) (*verify.Rules, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("the policy is larger than %d bytes", MaxBytes)
	}
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		// JSON is held to JSON: YAML alone would take more.
		if _, err := canonical.Parse(data, canonical.Options{}); err != nil {
			return nil, err
		}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("it is not YAML: %w", plain(err))
	}
	if err := oneReading(&root); err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	f := file{}
	if err := d.Decode(&f); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the policy is empty")
		}
		return nil, plain(err)
	}
	if err := d.Decode(&file{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds more than one policy")
	}
	return f.rules()
}

// plain rewords the decoder's errors, which speak of its Go types.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	for _, name := range []string{"policy.file", "policy.key", "policy.latency", "policy.jitter", "policy.limit", "policy.camaraDuration", "policy.plainDuration"} {
		text = strings.ReplaceAll(text, " not found in type "+name, " is not known here")
		text = strings.ReplaceAll(text, " already set in type "+name, " is there twice")
	}
	text = wrongType().ReplaceAllStringFunc(text, func(s string) string {
		m := wrongType().FindStringSubmatch(s)
		found, want := strings.ReplaceAll(m[2], "`", `"`), "a mapping of names to values"
		if found == "" {
			found = map[string]string{"seq": "a list", "map": "a mapping"}[m[1]]
		}
		switch kind := strings.TrimLeft(m[3], "*"); {
		case strings.HasPrefix(kind, "int"):
			want = "a whole number"
		case kind == "float64":
			want = "a number"
		case kind == "string":
			want = "a text"
		case kind == "bool":
			want = "true or false"
		case strings.HasPrefix(kind, "[]"):
			want = "a list"
		}
		return cmp.Or(found, "a value") + " stands where " + want + " is wanted"
	})
	return errors.New(strings.ReplaceAll(text, "\n  ", "; "))
}

// wrongType is what the decoder says of a value of another type, by Go's names of types.
var wrongType = pattern.Lazy("cannot unmarshal !!([a-z]+)(?: (`[^`]*`))? into ([^\\s;]+)")

// Names returns all names that a policy may have, wherever they stand.
func Names() []string {
	names := map[string]bool{}
	for _, t := range []any{file{}, key{}, latency{}, jitter{}, limit{}, camaraOthers{}, camaraDuration{}} {
		of := reflect.TypeOf(t)
		for i := range of.NumField() {
			if name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ","); name != "" {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (f *file) rules() (*verify.Rules, error) {
	switch {
	case f.Version == nil:
		return nil, errors.New("the version is missing: want version: 1")
	case *f.Version != 1:
		return nil, fmt.Errorf("version is %d: want version: 1", *f.Version)
	}
	r := &verify.Rules{
		Name: f.Name, KID: f.KID, Issuer: f.Issuer, SessionID: f.Session, QoSProfile: f.QoSProfile,
		Skew: time.Duration(f.Skew), NotFuture: f.NotFuture, MinSamples: f.MinSamples, MinProbes: f.MinProbes,
	}
	if f.MaxAge != nil {
		if r.MaxAge = time.Duration(*f.MaxAge); r.MaxAge == 0 {
			return nil, errors.New("max_age is 0: no proof is that young")
		}
	}
	if r.Name == "" {
		r.Name = "unnamed"
	}
	steps := []func(*verify.Rules) error{f.keys, f.words, f.targets, f.shares, f.limits, f.checks}
	for _, step := range steps {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	// What the rules mean together is the verifier's to say; the time is the
	// caller's.
	if _, err := verify.New(verify.Policy{Rules: r, At: time.Unix(0, 0)}); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "policy: "))
	}
	return r, nil
}

func (f *file) keys(r *verify.Rules) error {
	for i, k := range f.Keys {
		t, err := jwks.ParseThumbprint(k.Thumbprint)
		if err != nil {
			return fmt.Errorf("keys, entry %d: thumbprint %q: %w", i+1, k.Thumbprint, err)
		}
		r.Keys = append(r.Keys, verify.KeyRule{Thumbprint: t, KID: k.KID, NotBefore: k.NotBefore, NotAfter: k.NotAfter})
	}
	return nil
}

// pick maps a word to its meaning.
func pick[T any](name, word string, meanings map[string]T) (T, error) {
	v, ok := meanings[word]
	if !ok {
		var words []string
		for w := range meanings {
			if w != "" {
				words = append(words, w)
			}
		}
		slices.Sort(words)
		return v, fmt.Errorf("%s is %q: want %s", name, word, strings.Join(words, " or "))
	}
	return v, nil
}

func (f *file) words(r *verify.Rules) (err error) {
	if r.Canonical, err = pick("canonical", f.Canonical, map[string]canonical.Profile{"": 0, "auto": 0, "qod-mock": canonical.QodMock, "jcs": canonical.JCS}); err != nil {
		return err
	}
	r.Telemetry, err = pick("telemetry", f.Telemetry, map[string]verify.TelemetryRule{"": verify.AnyTelemetry, "any": verify.AnyTelemetry, "committed": verify.Committed, "disclosed": verify.Disclosed})
	return err
}

func (f *file) targets(r *verify.Rules) (err error) {
	average := map[string]bool{"": false, "refuse": false, "allow": true}
	if l := f.Latency; l != nil {
		t := &verify.Target{}
		if t.MilliPercent, t.Max, err = target("latency", l.Percentile, l.MaxMS); err != nil {
			return err
		}
		if t.AllowLost, err = pick("latency.lost", l.Lost, map[string]bool{"": false, "never_arrived": false, "left_out": true}); err != nil {
			return err
		}
		if t.AllowAverage, err = pick("latency.average", l.Average, average); err != nil {
			return err
		}
		r.Latency = t
	}
	if j := f.Jitter; j != nil {
		t := &verify.Target{}
		if t.MilliPercent, t.Max, err = target("jitter", j.Percentile, j.MaxMS); err != nil {
			return err
		}
		if t.AllowAverage, err = pick("jitter.average", j.Average, average); err != nil {
			return err
		}
		r.Jitter = t
	}
	return nil
}

// target reads what a rule says of both; 0 means that it says nothing.
func target(name string, percentile, maxMS *float64) (milliPercent, ns int64, err error) {
	if percentile != nil {
		if milliPercent = int64(math.Round(*percentile * 1000)); !(*percentile <= 100) || milliPercent < 1 {
			return 0, 0, fmt.Errorf("%s.percentile is %v: want more than 0, and at most 100", name, *percentile)
		}
	}
	if maxMS != nil {
		if ns = int64(math.Round(*maxMS * 1e6)); !(*maxMS <= 1e9) || ns < 1 {
			return 0, 0, fmt.Errorf("%s.max_ms is %v: want a positive number of milliseconds; without it, it is the agreed one", name, *maxMS)
		}
	}
	return milliPercent, ns, nil
}

func (f *file) shares(r *verify.Rules) error {
	share := func(name string, percent float64) (int64, error) {
		if !(percent >= 0 && percent <= 100) {
			return 0, fmt.Errorf("%s is %v: want 0 to 100", name, percent)
		}
		return int64(math.Round(percent * 1e4)), nil
	}
	var err error
	if r.MinAvailablePPM, err = share("min_available_pct", f.Available); err != nil {
		return err
	}
	if f.Available > 0 && r.MinAvailablePPM == 0 {
		return fmt.Errorf("min_available_pct is %v: too little to be a rule", f.Available)
	}
	if f.MaxLossPct != nil {
		ppm, err := share("max_loss_pct", *f.MaxLossPct)
		r.MaxLossPPM = &ppm
		return err
	}
	return nil
}

var units = map[string]time.Duration{"Milliseconds": time.Millisecond, "Microseconds": time.Microsecond, "Nanoseconds": time.Nanosecond, "Seconds": time.Second, "Minutes": time.Minute, "Hours": time.Hour, "Days": 24 * time.Hour}

func (f *file) limits(r *verify.Rules) error {
	for name, l := range f.Limits {
		var out verify.Limits
		var beyond time.Duration
		for _, x := range []struct {
			name string
			from *camaraDuration
			to   *time.Duration
			low  int64
		}{{"packetDelayBudget", l.PacketDelayBudget, &out.PacketDelayBudget, 1}, {"jitter", l.Jitter, &out.Jitter, 1}, {"beyond_operator", l.BeyondOperator, &beyond, 0}} {
			if x.from == nil {
				continue
			}
			unit, err := pick("limits."+name+"."+x.name+".unit", x.from.Unit, units)
			if err != nil {
				return err
			}
			if x.from.Value < x.low || x.from.Value > int64(math.MaxInt64/unit)/4 {
				return fmt.Errorf("limits.%s.%s.value is %d: want a positive number", name, x.name, x.from.Value)
			}
			*x.to = time.Duration(x.from.Value) * unit
		}
		if l.BeyondOperator != nil {
			out.BeyondOperator = &beyond
		}
		if n := l.PacketErrorLossRate; n != nil {
			if *n < 1 || *n > 10 {
				return fmt.Errorf("limits.%s.packetErrorLossRate is %d: want an exponent of 1 to 10 (CAMARA)", name, *n)
			}
			out.PacketErrorLossRate = *n
		}
		if out.PacketDelayBudget == 0 && out.Jitter == 0 && out.PacketErrorLossRate == 0 {
			return fmt.Errorf("limits.%s has nothing that a proof can be held to: want packetDelayBudget, jitter or packetErrorLossRate", name)
		}
		if r.Limits == nil {
			r.Limits = map[string]verify.Limits{}
		}
		r.Limits[name] = out
	}
	return nil
}

func (f *file) checks(r *verify.Rules) error {
	for _, id := range f.Require {
		if slices.Contains(r.Require, verify.CheckID(id)) {
			return fmt.Errorf("require lists %s twice", id)
		}
		r.Require = append(r.Require, verify.CheckID(id))
	}
	return f.claims(r)
}

// claims are read from the nodes, for the lines.
func (f *file) claims(r *verify.Rules) error {
	if f.Claims.Kind == 0 {
		return nil
	}
	if f.Claims.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: claims: want names with ignore, warn or fail", f.Claims.Line)
	}
	r.Claims = map[verify.CheckID]verify.Treatment{}
	for i := 0; i+1 < len(f.Claims.Content); i += 2 {
		name, word := f.Claims.Content[i], f.Claims.Content[i+1]
		treatment, err := pick("claims."+name.Value, word.Value, map[string]verify.Treatment{"ignore": verify.Ignore, "warn": verify.Bear, "fail": verify.Refuse})
		if err != nil {
			return fmt.Errorf("line %d: %w", word.Line, err)
		}
		id := verify.CheckID("claims." + strings.TrimPrefix(name.Value, "claims."))
		if !slices.Contains(verify.ClaimChecks(), id) {
			return fmt.Errorf("line %d: claims.%s is not known here: want one of %v", name.Line, name.Value, verify.ClaimChecks())
		}
		if _, twice := r.Claims[id]; twice {
			return fmt.Errorf("line %d: %s is there twice", name.Line, id)
		}
		r.Claims[id] = treatment
	}
	return nil
}

//go:embed presets/*.yaml
var presets embed.FS

// Presets returns the names of the embedded policies, the mildest first.
func Presets() []string { return []string{"integrity", "sla", "strict"} }

// Preset returns the text of an embedded policy.
func Preset(name string) ([]byte, bool) {
	if !slices.Contains(Presets(), name) {
		return nil, false
	}
	data, err := presets.ReadFile("presets/" + name + ".yaml")
	return data, err == nil
}
