package kind

import "strings"

// inPlace says what was wanted, and how to get it.
var inPlace = map[Want]string{
	Bundle:     "the proof bundle, as the service answers GET /proof/{session_id}/bundle",
	Ledger:     "the ledger: bundles, one a line, a folder of them, the service's database or its URL",
	Keys:       "the operator's JWK Set, usually https://HOST/.well-known/jwks.json",
	Artifact:   "the runtime artifact, artifact.json of the session",
	Telemetry:  "what the measuring tool printed (irtt, iperf3, ping, fping, ndt7 or RIPE Atlas)",
	Policy:     "a policy, as qodverify policy show strict prints one",
	State:      "the state that qodverify audit --state wrote",
	Evidence:   "the evidence that qodverify audit wrote",
	Database:   "the service's SQLite database",
	SigningKey: "a private JWK, as qodverify keys generate writes it",
	JSON:       "a JSON file",
}

// beside says how what was wanted is to be given, beside the file at hand.
var beside = map[Want]string{
	Bundle: "the proof bundle as the input", Ledger: "the ledger as the input", Keys: "the operator's JWK Set with --jwks",
	Artifact: "the runtime artifact with --artifact", Telemetry: "the measuring tool's output here", Policy: "the policy with --policy",
	State: "the state with --state", Evidence: "the evidence here", Database: "the database here", SigningKey: "the private JWK here", JSON: "the JSON file here",
}

// weak are the kinds of which the name says less than a parser's own error.
var weak = []string{"list", "empty-list", "null", "scalar", "documents", "json-lines", "text", "log", "yaml", "csv", "measurement", "error-answer"}

// kindOf makes a kind. Without a sentence on what to do, what was wanted is to be given
// in its place.
func kindOf(id, what, do string, want Want) Kind {
	if do == "" {
		do = "Give " + inPlace[want] + ", in place of the " + noun(what) + "."
	}
	return Kind{ID: id, What: what, Do: do}
}

// noun is the thing alone: "a DSSE envelope (a signed attestation)" is a DSSE envelope.
func noun(what string) string {
	for _, end := range []string{" (", ", ", ": "} {
		what, _, _ = strings.Cut(what, end)
	}
	for _, article := range []string{"a ", "an ", "the "} {
		if rest, ok := strings.CutPrefix(what, article); ok {
			return rest
		}
	}
	return what
}

// through is a command that writes the file as it was meant, into what reads it.
func through(command string, want Want) string {
	switch want {
	case Bundle:
		return command + " | qodverify -"
	case Ledger:
		return command + " | qodverify audit -"
	case Telemetry:
		return command + " | qodverify telemetry import --from TOOL -"
	}
	return command + " > NEW"
}
