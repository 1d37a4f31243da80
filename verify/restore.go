package verify

import (
	"encoding/json"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// A tool that reads JSON and writes it again may change more than its spelling:
// numbers, times, quotes, branches that lie deep. Each such rewriting is undone here
// and the result is held to the hash, which alone tells whether that is what was
// signed. Nothing of this turns a verdict: the bytes at hand do not verify.

// rewriting is a kind of change that tools make. Each is undone or left as a whole.
type rewriting uint8

const (
	respelt  rewriting = 1 << iota // 100.0 became 100
	quoted                         // 100.0 became "100.0"
	noisy                          // 73.73 became 73.7300034, by less than a millionth
	redated                        // a time in another zone, or with other digits
	escaped                        // < became &lt;, a line feed became two characters
	flatten                        // an object or an array became one string
	emptied                        // "" was left out or became null
	allKinds rewriting = 1<<iota - 1
)

// by names the tools that are known for a rewriting.
func (k rewriting) by() string {
	switch {
	case k&respelt != 0:
		return "as jq, JavaScript and PowerShell rewrite numbers"
	case k&quoted != 0:
		return "as tools that keep numbers as strings write them"
	case k&noisy != 0:
		return "as tools write numbers that they keep in fewer bits"
	case k&redated != 0:
		return "as PowerShell 7 and date libraries rewrite times"
	case k&escaped != 0:
		return "as tools write text for web pages or other systems"
	case k&flatten != 0:
		return "as PowerShell's ConvertTo-Json writes what lies deeper than its -Depth"
	}
	return "as tools do that leave out what is empty"
}

// timeStyles are the ways in which a time was written before a tool rewrote it: as
// Python's isoformat with Z, with +00:00, and with all six digits.
const timeStyles = 3

// edit puts back what was signed at one place of a section.
type edit struct {
	kind          rewriting
	pointer       string
	found         string
	signed        [timeStyles]string // for all but times the first
	offset, width int                // in the section
}

// numberMembers are the numbers of the original's format and whether it writes
// them as floats, always with a decimal point, or as integers, always without.
var numberMembers = map[string]map[string]bool{
	"/proof": {
		"/measured_outcomes/samples_count": false, "/measured_outcomes/avg_p50_ms": true,
		"/measured_outcomes/avg_p95_ms": true, "/measured_outcomes/avg_jitter_ms": true,
		"/requested/intent/duration_s": false, "/requested/intent/target_jitter_ms": false,
		"/requested/intent/target_p95_latency_ms": false,
	},
	"/runtime_artifact": {
		"/inputs/targets/max_latency_ms": false, "/inputs/targets/min_throughput_mbps": true,
		"/inputs/targets/min_availability_pct": true, "/measured/latency_ms": true,
		"/measured/throughput_mbps": true, "/measured/availability_pct": true,
		"/measured/jitter_ms": true, "/measured/packet_loss_pct": true,
	},
	"sample": {"/p50_ms": true, "/p95_ms": true, "/jitter_ms": true},
}

// emptyMembers are the texts that the original writes when they are empty, too.
var emptyMembers = map[string]map[string][]string{
	"/proof":            {"/requested/intent": {"text", "flow_label"}, "/provider_observed": {"provider_note"}},
	"/runtime_artifact": {"/inputs/network": {"msisdn", "ip_address", "country"}},
}

// restorer collects the places of a section that a tool may have rewritten.
type restorer struct {
	section string
	root    canonical.Value
	edits   []edit
	kinds   rewriting
	cutOff  edit // the first place of which something is lost
}

// maxNamed and maxName bound how deep members are looked up by name, and how long a
// name may be; the format has none beyond, and the work stays linear.
const maxNamed, maxName = 4, 64

func newRestorer(v canonical.Value, section string) *restorer {
	r := &restorer{section: section, root: v}
	r.walk(v, nil)
	slices.SortStableFunc(r.edits, func(a, b edit) int { return a.offset - b.offset })
	return r
}

func (r *restorer) walk(v canonical.Value, path []string) {
	switch v.Kind() {
	case canonical.Object:
		r.empties(v, path)
		for name, member := range v.Members() {
			r.walk(member, append(path, name))
		}
	case canonical.Array:
		for i, element := range v.Elements() {
			r.walk(element, append(path, strconv.Itoa(i)))
		}
	case canonical.Number:
		r.number(v, path)
	case canonical.String:
		r.text(v, path)
	}
}

// local is a member's pointer within the section; "" where the format has no such.
func local(path []string) string {
	if len(path) == 0 || len(path) > maxNamed || slices.ContainsFunc(path, func(name string) bool { return len(name) > maxName }) {
		return ""
	}
	return "/" + strings.Join(path, "/")
}

func (r *restorer) pointer(path []string) string {
	p := r.section
	for _, name := range path {
		p += "/" + canonical.PointerToken(name)
	}
	return p
}

// add notes an edit of a whole value. Only the first of a kind needs its pointer.
func (r *restorer) add(kind rewriting, v canonical.Value, path []string, signed ...string) {
	e := edit{kind: kind, offset: v.Offset() - r.root.Offset(), width: len(v.Raw())}
	if r.kinds&kind == 0 {
		e.found, e.pointer = clip(string(v.Raw())), r.pointer(path)
	}
	copy(e.signed[:], signed)
	r.edits = append(r.edits, e)
	r.kinds |= kind
}

func (r *restorer) number(v canonical.Value, path []string) {
	float, known := numberMembers[r.section][local(path)]
	f, ok := v.Float()
	if !known || !ok {
		return
	}
	if signed, ok := spell(f, float); ok && float == v.IsInteger() {
		r.add(respelt, v, path, signed)
	} else if rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', 2, 64), 64); float && err == nil && rounded != f && math.Abs(rounded-f) < math.Abs(f)*1e-6 {
		r.add(noisy, v, path, canonical.PythonFloat(rounded))
	}
}

// spell writes a number as the original does.
func spell(f float64, float bool) (string, bool) {
	if float {
		return canonical.PythonFloat(f), true
	}
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return "", false
	}
	return strconv.FormatInt(int64(f), 10), true
}

// unquote reads a number that was written as a string, with a comma for the point
// where the tool's language has one.
func unquote(s string, float bool) (string, bool) {
	if len(s) == 0 || len(s) > 32 || strings.Trim(s, "0123456789+-.,eE") != "" {
		return "", false
	}
	f, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	if err != nil {
		return "", false
	}
	return spell(f, float)
}

func (r *restorer) text(v canonical.Value, path []string) {
	s, ok := v.Text()
	if !ok || s == "" {
		return
	}
	at := local(path)
	if float, known := numberMembers[r.section][at]; known {
		if signed, ok := unquote(s, float); ok {
			r.add(quoted, v, path, signed)
		}
		return
	}
	if r.section == "/proof" && (strings.HasPrefix(at, "/telemetry/") || strings.HasPrefix(at, "/session/")) {
		if signed, ok := unquote(s, false); ok {
			r.add(quoted, v, path, signed)
			return
		}
	}
	switch signed, times := flattened(r.section, at, s), timeSpellings(s); {
	case signed != "":
		r.add(flatten, v, path, signed)
	case looksCutOff(s):
		if r.cutOff.pointer == "" {
			r.cutOff = edit{pointer: r.pointer(path), found: clip(s)}
		}
	case times != nil:
		r.add(redated, v, path, times...)
	default:
		if plain := strings.ReplaceAll(html.UnescapeString(s), "\r\n", "\n"); plain != s {
			r.add(escaped, v, path, quote(plain))
		}
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s) // of a string it can't fail
	return string(b)
}

// timeSpellings are the ways in which the time of s may have been written, quoted;
// nil if s is no time with a zone, or there is no other way.
func timeSpellings(s string) []string {
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > 40 || s[4] != '-' {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "T", 1))
	if err != nil || t.Nanosecond()%1000 != 0 {
		return nil
	}
	const micro, whole = "2006-01-02T15:04:05.000000", "2006-01-02T15:04:05"
	t = t.UTC()
	layout := micro
	if t.Nanosecond() == 0 {
		layout = whole
	}
	spellings := []string{quote(t.Format(layout) + "Z"), quote(t.Format(layout) + "+00:00"), quote(t.Format(micro) + "Z")}
	if quote(s) == spellings[0] {
		return nil // as the original writes it
	}
	return spellings
}

// flattened is the JSON of an object or an array that was cut off to a string, or ""
// if s is none or has lost something.
func flattened(section, at, s string) string {
	switch {
	case strings.HasPrefix(s, "@{") && strings.HasSuffix(s, "}"):
		return flatObject(section, at, s[2:len(s)-1])
	case at == "/decision/reasons" || at == "/telemetry/decision/reasons":
		// The original gives two reasons, and the second is about jitter.
		if first, second, ok := strings.Cut(s, " jitter "); ok {
			return "[" + quote(first) + "," + quote("jitter "+second) + "]"
		}
		return "[" + quote(s) + "]"
	case at == "/telemetry/not_measured":
		b, _ := json.Marshal(strings.Fields(s))
		return string(b)
	}
	return ""
}

// flatObject reads PowerShell's "name=value; name=value".
func flatObject(section, at, s string) string {
	if at == "" {
		return ""
	}
	out := []byte{'{'}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			return ""
		}
		value := rest
		s = ""
		if end := nextMember(rest); end >= 0 {
			value, s = rest[:end], rest[end+2:]
		}
		if looksCutOff(value) {
			return ""
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, quote(name)...), ':')
		float, known := numberMembers[section][at+"/"+name]
		if number, ok := unquote(value, float); ok && (known || strings.HasPrefix(at, "/telemetry") || strings.HasPrefix(at, "/session")) {
			out = append(out, number...)
		} else {
			out = append(out, quote(value)...)
		}
	}
	return string(append(out, '}'))
}

// nextMember is where "; name=" follows in s, or -1.
func nextMember(s string) int {
	for from := 0; ; {
		i := strings.Index(s[from:], "; ")
		if i < 0 {
			return -1
		}
		rest := s[from+i+2:]
		if n := strings.IndexFunc(rest, func(c rune) bool {
			return c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
		}); n > 0 && rest[n] == '=' {
			return from + i
		}
		from += i + 2
	}
}

// looksCutOff reports whether a text is what a tool writes for a value that it did
// not write out.
func looksCutOff(s string) bool {
	for _, prefix := range []string{"@{", "System.Collections.", "System.Management.Automation.", "/Date("} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return s == "System.Object[]" || s == "[object Object]"
}

// empties puts texts back that a tool left out, or made null, because they were empty.
func (r *restorer) empties(v canonical.Value, path []string) {
	for _, name := range emptyMembers[r.section][local(path)] {
		switch member := v.Get(name); member.Kind() {
		case canonical.Null:
			r.add(emptied, member, append(path, name), `""`)
		case canonical.Missing:
			text := quote(name) + `:""`
			if v.Len() > 0 || slices.ContainsFunc(r.edits, func(e edit) bool { return e.width == 0 && e.offset == v.Offset()-r.root.Offset()+1 }) {
				text += ","
			}
			e := edit{kind: emptied, pointer: r.pointer(append(path, name)), found: "no such member", offset: v.Offset() - r.root.Offset() + 1}
			e.signed[0] = text
			// Members that are put in later stand in front, so that none ends with a comma.
			r.edits, r.kinds = slices.Insert(r.edits, r.insertion(e.offset), e), r.kinds|emptied
		}
	}
}

// insertion is where an edit at offset goes to stand before others of it.
func (r *restorer) insertion(offset int) int {
	i := len(r.edits)
	for i > 0 && r.edits[i-1].width == 0 && r.edits[i-1].offset == offset {
		i--
	}
	return i
}

// apply undoes the rewritings of these kinds and returns the section with the first
// edit that it made.
func (r *restorer) apply(kinds rewriting, style int) (canonical.Value, edit) {
	var out []byte
	var first edit
	raw, end := r.root.Raw(), 0
	for _, e := range r.edits {
		if e.kind&kinds == 0 {
			continue
		}
		signed := e.signed[0]
		if e.kind == redated {
			signed = e.signed[style]
		}
		if first.pointer == "" {
			first = e
			first.signed[0] = signed
		}
		out = append(append(out, raw[end:e.offset]...), signed...)
		end = e.offset + e.width
	}
	doc, err := canonical.Parse(append(out, raw[end:]...), canonical.Options{})
	if err != nil {
		return canonical.Value{}, first
	}
	return doc.Root(), first
}

// maxRestoredBytes bounds what is written and hashed to explain one section; the
// likeliest combinations are tried first.
const maxRestoredBytes = 1 << 20

// restore tries the combinations of rewritings that tools make: all that were found,
// each alone, and all but each. It returns the kinds that were undone when the result
// matched, and 0 when none did.
func (r *restorer) restore(matches func(canonical.Value) bool) (rewriting, edit) {
	combinations := []rewriting{r.kinds}
	for k := rewriting(1); k < allKinds; k <<= 1 {
		if r.kinds&k != 0 && r.kinds != k {
			combinations = append(combinations, k, r.kinds&^k)
		}
	}
	slices.Sort(combinations[1:])
	spent := 0
	for i, kinds := range slices.Compact(combinations) {
		for style := range timeStyles {
			if kinds == 0 || style > 0 && kinds&redated == 0 || spent > maxRestoredBytes && i+style > 0 {
				continue
			}
			spent += len(r.root.Raw())
			if v, first := r.apply(kinds, style); v.Exists() && matches(v) {
				return kinds, first
			}
		}
	}
	return 0, edit{}
}
