package render

import (
	"slices"

	"github.com/qodverify/qodverify/verify"
)

// Word is what a report may say, with what it means: a code, a check, a status, a
// verdict, or an exit status.
type Word struct {
	Kind string // "code", "check", …
	verify.Explanation
}

// What several entries say.
const (
	doCode   = "See the code that stands with it in the report: qodverify explain CODE."
	doPolicy = "qodverify policy show prints what the policy expects; the report has what was found."
	whyRule  = "It is expected beyond integrity, so without it the policy is not met."
	whyClaim = "It warns and decides nothing: no signature can vouch for what was measured."
)

// others are the words that are no codes.
var others = []Word{
	{"check", entry("format", "the input is one well-formed bundle", "What can be read in two ways proves nothing.", doCode)},
	{"check", entry("artifact.hash", "the runtime artifact has the SHA-256 that the proof claims", "The artifact is signed only through its hash.", doCode)},
	{"check", entry("ledger.hash", "this_hash follows from prev_hash and the proof", "It is the hash that the operator signed.", doCode)},
	{"check", entry("ledger.link", "prev_hash is the this_hash of the record before", "It shows the record's place in the ledger; skipped where the record before was not given.", "Give --previous, or the whole ledger to qodverify audit.")},
	{"check", entry("signature.key", "the key set has a usable key of exactly the record's kid, pinned where pins are given, valid at the signed time", whyKeyCheck, "qodverify keys FILE lists the keys of a set and what is wrong with them.")},
	{"check", entry("signature", "the Ed25519 signature by that key is over this_hash", "It shows who claims what the proof says.", doCode)},
	{"check", entry("consistency", "every member is there, of its type and within its range, and they do not contradict each other", "A proof that contradicts itself is none, whoever signed it.", doCode)},
	{"check", entry("telemetry", "what the proof says of its samples follows from what it commits to", "Figures that do not follow were made up; skipped where the proof commits to no samples.", doCode)},
	{"check", entry("telemetry.samples", "the samples in the bundle are those committed to, and all figures follow from them", "Only the samples themselves show what was measured; skipped where not all are there.", "Ask for the bundle with ?telemetry=all.")},
	{"check", entry("claims.constants", "throughput, availability and packet loss were measured, and are no constants", whyClaim, doCode)},
	{"check", entry("claims.jitter_target", "the jitter is within its target", whyClaim, doCode)},
	{"check", entry("claims.qos_status", "the session was AVAILABLE when the proof was made, and lasted as long as was agreed", whyClaim, doCode)},
	{"check", entry("claims.clamp", "neither the latency nor its target stands at the clamp of 5000 ms", whyClaim, doCode)},
	{"check", entry("claims.times", "the times of artifact, proof and ledger record stand in order", whyClaim, doCode)},
	{"check", entry("claims.percentile", "the stated percentile is one, and decides as that of all probes does", whyClaim, doCode)},
	{"check", entry("claims.window", "all of it was measured while the session was AVAILABLE", whyClaim, doCode)},
	{"check", entry("policy.key", "the key is one of the policy's, in its time", whyRule, doPolicy)},
	{"check", entry("policy.kid", "the record names the kid that the policy wants", whyRule, doPolicy)},
	{"check", entry("policy.issuer", "the proof names the issuer that the policy wants", whyRule, doPolicy)},
	{"check", entry("policy.session", "the proof is of the session that the policy wants", whyRule, doPolicy)},
	{"check", entry("policy.qos_profile", "the proof is of the QoS profile that the policy wants", whyRule, doPolicy)},
	{"check", entry("policy.canonical", "the hashes match under the canonical profile that the policy wants", whyRule, doPolicy)},
	{"check", entry("policy.age", "by its signed time the proof is neither too old nor of the future", whyRule, doPolicy)},
	{"check", entry("policy.samples", "there are enough samples and probes", whyRule, doPolicy)},
	{"check", entry("policy.telemetry", "the proof commits to its samples, or they are all there", whyRule, doPolicy)},
	{"check", entry("policy.latency", "the latency of all probes at a percentile is within its target", whyRule, doPolicy)},
	{"check", entry("policy.jitter", "the jitter of all probes at a percentile is within its target", whyRule, doPolicy)},
	{"check", entry("policy.loss", "no more probes than allowed were lost", whyRule, doPolicy)},
	{"check", entry("policy.limits", "the limits of the session's CAMARA profile are kept", whyRule, doPolicy)},
	{"check", entry("policy.available", "enough of it was measured while the session was AVAILABLE", whyRule, doPolicy)},
	{"check", entry("policy.require", "the checks that the policy lists passed", whyRule, doPolicy)},
	{"check", entry("policy.claims", "there is no warning that the policy refuses", whyRule, doPolicy)},

	{"status", entry("pass", "the check ran, and holds", "Only a check that ran can pass.", "Nothing.")},
	{"status", entry("fail", "the check ran, and something that is signed or hashed contradicts", "One failure makes the verdict failed.", doCode)},
	{"status", entry("warn", "the check found something that decides nothing", "The proof may be genuine and still say less than it seems to.", doCode)},
	{"status", entry("skip", "the check does not apply, or what it needs was not given", "It is never a pass.", "Give what it needs, or --require it.")},
	{"status", entry("not_run", "the check could not run", "It is never a pass: where it is required, the verdict is inconclusive.", doCode)},

	{"verdict", entry("verified", "every required check passed, and nothing failed", "Nobody changed the proof since it was signed. That its measurements are true is not said.", "Read the warnings, and what the report says that it does not cover.")},
	{"verdict", entry("failed", "some check failed", "What the bundle says must not be relied on before that is explained.", doCode)},
	{"verdict", entry("inconclusive", "nothing failed, and something required could not be checked", "It is not a proof, and accuses nobody.", "See what is not_run in the report; often the keys are missing: --jwks FILE.")},
	{"verdict", entry("malformed", "what was read is no proof bundle", "Nothing in it was verified, and it accuses nobody.", doCode)},
	{"verdict", entry("unreadable", "the input's bytes could not be had", "Nothing is known of it.", "See the message: it names what stands in the way, and what to do.")},

	{"exit status", entry("0", "verified, or the command did its work", "Every input is verified.", "Nothing.")},
	{"exit status", entry("1", "failed: some check failed", "Of several inputs the worst counts, in the order 1, 3, 4, 0.", "See the report, which has the failures first.")},
	{"exit status", entry("2", "usage: the command line makes no sense", "Nothing was verified.", "See the message, and qodverify COMMAND --help.")},
	{"exit status", entry("3", "malformed or unreadable: an input is no bundle or can't be read, or a report can't be written", "Nothing is known of that input.", "See the message.")},
	{"exit status", entry("4", "inconclusive: nothing failed, and a required check could not run", "It is not a proof, and accuses nobody.", "See what is not_run in the report; often the keys are missing: --jwks FILE.")},
}

const whyKeyCheck = "A signature proves something only by a key that the operator is known to have."

func entry(word verify.Code, means, why, do string) verify.Explanation {
	return verify.Explanation{Code: word, Means: means, Why: why, Do: do}
}

// Words returns all words that are explained: the codes first.
func Words() []Word {
	var list []Word
	for _, e := range Explanations() {
		list = append(list, Word{"code", e})
	}
	return slices.Concat(list, others)
}

// WordsFor returns what a word means, by each of its kinds.
func WordsFor(word string) (list []Word) {
	for _, w := range Words() {
		if string(w.Code) == word {
			list = append(list, w)
		}
	}
	return list
}
