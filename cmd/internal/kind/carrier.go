package kind

import (
	"fmt"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// tools are the results of measuring tools, for whom they are no measurement.
func tools(o object, want Want) (Kind, bool) {
	tool, what := "", ""
	switch {
	case o.has("round_trips", "stats"), o.has("version", "config", "round_trips"):
		tool, what = "irtt", "the result of irtt"
	case o.has("start", "intervals", "end"):
		tool, what = "iperf3", "the result of iperf3"
	case o.has("ServerFQDN", "Download"), o.has("Download", "UUID"):
		tool, what = "ndt7", "the result of ndt7"
	default:
		return Kind{}, false
	}
	if want == Telemetry {
		return Kind{}, true
	}
	return named("measurement", what, "Give the result to qodverify telemetry import --from "+tool+" FILE.", want)
}

// carriers are the documents of tools in which an answer of a service stands.
func carriers(o object, want Want) (Kind, bool) {
	what := ""
	switch {
	case o.Get("log").Get("entries").Kind() == canonical.Array:
		what = "a HAR file (what a browser or a proxy recorded)"
	case o.Get("info").Get("_postman_id").Exists(), o.Get("info").Exists() && o.Get("item").Kind() == canonical.Array:
		what = "a Postman collection"
	case o.has("_postman_variable_scope"):
		what = "an environment of Postman"
	case o.Get("_type").Exists() && o.Get("resources").Kind() == canonical.Array:
		what = "an export of Insomnia"
	default:
		return Kind{}, false
	}
	if k, ok := wrapped(o.Value, what, want); ok {
		return k, true
	}
	return named(noun(what), what, "", want)
}

// wrapped tells of a document in which what is wanted stands deeper, and where.
func wrapped(root canonical.Value, what string, want Want) (Kind, bool) {
	is, thing, hint := isRecord, "a bundle or record", `"proof"`
	switch want {
	case Keys:
		is, thing, hint = isKeySet, "a JWK Set", `"keys"`
	case JSON:
		return Kind{}, false
	}
	p, count := within(root, is, hint)
	if count == 0 {
		return Kind{}, false
	}
	where, do := p.where(thing, count, want)
	if want != Bundle && want != Ledger && want != Keys {
		do = ""
	}
	k := kindOf("wrapped", what+" with "+where, do, want)
	return k, true
}

// list tells of a list what it lists.
func list(root canonical.Value, want Want) (Kind, bool) {
	first := root.At("/0")
	switch {
	case root.Len() == 0:
		return kindOf("empty-list", "an empty JSON list", "", want), true
	case first.Get("kty").Exists():
		return kindOf("jwk-list", "a JSON list of "+counted(root.Len(), "JWK", "JWKs")+", and no JWK Set", "Make a JWK Set of the list of JWKs ((printf '{\"keys\":'; cat FILE; printf '}') > NEW), and give it with --jwks.", want), true
	case isRecord(first) && (want == Bundle || want == Ledger):
		return kindOf("bundle-list", "a JSON list of "+counted(root.Len(), "bundle or record", "bundles or records"), "Take one out of the list (qodverify canon --pointer /0 FILE | qodverify -), or give them all, one a line, to qodverify audit.", want), true
	case first.Get("check_name").Exists() && first.Get("fingerprint").Exists():
		return kindOf("code-quality", "a GitLab Code Quality report", "", want), true
	case first.Get("type").Exists() && first.Get("dst_addr").Exists() && want != Telemetry:
		return kindOf("measurement", "a list of results of RIPE Atlas", "Give the list of results to qodverify telemetry import --from atlas FILE.", want), true
	}
	if k, ok := wrapped(root, "a JSON list", want); ok {
		return k, true
	}
	return kindOf("list", "a JSON list", "", want), true
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// quoted tells of a JSON text that was written as a JSON string once more.
func quoted(root canonical.Value, want Want) (Kind, bool) {
	text, _ := root.Bytes()
	if doc, err := canonical.Parse(text, canonical.Options{}); err == nil && (doc.Root().Kind() == canonical.Object || doc.Root().Kind() == canonical.Array) {
		return kindOf("quoted", "JSON within a JSON string (encoded twice)", "Take the JSON out of the string ("+through("jq -r . FILE", want)+").", want), true
	}
	return kindOf("scalar", "JSON of a single string", "", want), true
}
