package verify

import (
	"slices"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
)

// Explanation says what a code means to whoever reads it in a report.
type Explanation struct {
	Code  Code
	Means string // one sentence: what was found
	Why   string // why it matters
	Do    string // what to do about it
}

// Explanations returns the table of all codes, in the order of the checks.
func Explanations() []Explanation { return slices.Clone(explanations) }

// Explain returns the entry of one code.
func Explain(code Code) (Explanation, bool) {
	i := slices.IndexFunc(explanations, func(e Explanation) bool { return e.Code == code })
	if i < 0 {
		return Explanation{}, false
	}
	return explanations[i], true
}

// What several entries say.
const (
	whyTwoReaders = "Two programs could read the input in two ways, so a signature over one reading proves nothing about the other."
	whyBounded    = "Bounds keep hostile input from exhausting memory and time; genuine bundles stay far below them."
	whySigned     = "The value is covered by a hash or a signature; if it was changed, the proof is no longer the operator's."
	whyParts      = "Each part may be genuine, and together they claim what none of them proves."
	whyDerived    = "The figure must follow from what the proof commits to; one that does not was made up, or the samples were changed."
	whyKey        = "A key set with a doubtful key can't be trusted to say who signed."
	whyHistory    = "A ledger may only grow. A past that changed means that records were dropped or made anew after an auditor had seen them."
	doFetch       = "Fetch the bundle again from the operator, with a tool that keeps its bytes (curl -o)."
	doOperator    = "Keep the file as it is and ask the operator for an explanation."
	doKeys        = "Get the operator's current JWK Set by a way that you trust and give it with --jwks."
	doRegardless  = "Nothing; it decides no verdict."
	doWhole       = "Get the ledger whole and up to date, and audit it again with the same state."
	whyAbsent     = "An old copy, a part, or a file that was cut off on the way lacks records too, so nobody is accused of it."
	doKeepBoth    = "Keep the evidence file, check it with qodverify evidence, and put both versions before the operator."
)

var explanations = slices.Concat(
	[]Explanation{{OK, "the check passed", "Only verdicts whose required checks all say ok are verified.", "Nothing."}},
	readingCodes, cryptoCodes, consistencyCodes, telemetryCodes, claimCodes, noteCodes, keySetCodes, chainCodes, historyCodes,
)

var readingCodes = []Explanation{
	{NotLookedAt, "something in a folder was not judged", "It may be a proof that does not hold.", "Give it by itself, move it out of the folder, or name it with --ignore."},
	{IgnoreUnmatched, "a pattern of --ignore left nothing out", "What it was meant for was judged, or has another name.", "Mend the pattern, or take it away."},
	{InputUnreadable, "the input could not be read", "Nothing can be said about bytes that are not there.", "The message names what stands in the way: mend that, and try again."},
	{canonical.CodeEmpty, "the input is empty", "There is nothing to verify.", doFetch},
	{canonical.CodeSyntax, "the input is not JSON", "A proof is JSON (RFC 8259); anything close to it is read differently by different programs.", doFetch},
	{canonical.CodeTruncated, "the JSON ends too early", "A part is missing, and so whatever it said.", "Fetch it again; the download or the disk may have cut it off."},
	{canonical.CodeTrailingData, "something follows the JSON value", whyTwoReaders, "If the file holds one bundle a line, verify it with qodverify audit; else fetch it again."},
	{canonical.CodeDuplicateName, "an object has two members of one name", whyTwoReaders, doOperator},
	{canonical.CodeInvalidUTF8, "the input is not UTF-8", whyTwoReaders, doFetch},
	{canonical.CodeLoneSurrogate, "a string holds half of a surrogate pair", "It is no character, and canonical bytes for it do not exist.", doOperator},
	{canonical.CodeNotANumber, "a number is spelled NaN or Infinity", "JSON has no such numbers, and other readers refuse the whole document.", doOperator},
	{canonical.CodeNumberRange, "a number is beyond a 64-bit float", "Readers turn it into infinity, each in its own way.", doOperator},
	{canonical.CodeIntegerTooLong, "an integer has more than 4300 digits", "The original's own reader (CPython) refuses it, so it was never hashed.", doOperator},
	{canonical.CodeIntegerInexact, "an integer is beyond ±(2^53−1) under the jcs profile", "RFC 8785 would write two different integers alike.", "Verify with --profile qod-mock or auto, if the proof was made so."},
	{canonical.CodeTooLarge, "the input is longer than is read", whyBounded, "Genuine bundles have a few KiB: look at what the file is. A ledger is for qodverify audit."},
	{canonical.CodeTooDeep, "the JSON is nested more than 64 deep", whyBounded, doOperator},
	{canonical.CodeTooManyValues, "the JSON holds more than a million values", whyBounded, doOperator},
	{canonical.CodeByteOrderMark, "the text starts with a byte order mark where none may be", whyTwoReaders, "Save it without one (UTF-8 without BOM)."},
	{canonical.CodeProfileRequired, "no canonical form was named", "The same value has different bytes under each form.", "Name one: --profile qod-mock or jcs."},
	{bundle.CodeNotObject, "the input is not a JSON object", "A bundle and an artifact are objects.", "Look at whether it is the right file."},
	{bundle.CodeNotBundle, "the input is JSON, and no proof bundle", "It has no proof that could be held to anything.", "Give what the service answers to GET /proof/{session_id}/bundle, or its ledger record."},
	{bundle.CodeMemberMissing, "a member is missing that the format requires", "Without it a hash or signature can't be recomputed.", doFetch},
	{bundle.CodeMemberType, "a member is of another JSON type than the format has", whyTwoReaders, doOperator},
}

var cryptoCodes = []Explanation{
	{HashMalformed, "a hash is not 64 lower-case hexadecimal characters (or, for prev_hash, GENESIS)", "The hash formula and the signature cover exactly these characters.", doFetch},
	{RuntimeHashMismatch, "the artifact's hash is not the one that the proof claims", "The measurement beside the proof is not the one that was signed for.", doFetch + " If the hint says that numbers were respelled, a tool in between rewrote them."},
	{RuntimeArtifactMissing, "the bundle has no runtime artifact", "What was measured can't be held to the proof.", "Give the artifact's file with --artifact, or the folder with --artifacts-dir."},
	{ArtifactUnreadable, "the runtime artifact's own file can't be read", "What was measured can't be held to the proof.", "Get the file again from the operator."},
	{ArtifactNotBound, "proofs of this generation hold no hash of an artifact", "Whatever artifact comes with it, nothing shows that it belongs to it.", "Ask for a proof of v0.4."},
	{LedgerHashMismatch, "this_hash does not follow from prev_hash and the proof", whySigned, doFetch + " If it stays so, keep the file and ask the operator."},
	{LedgerChainBroken, "prev_hash is not the hash of the record before", "A record was left out, exchanged or put in after the fact.", "Get both records from the operator's ledger and audit it."},
	{NoPredecessor, "the record before was not given, so the link was not checked", "The bundle alone does not show its place in the ledger.", "Give it with --previous, or audit the whole ledger."},
	{FirstRecord, "the record says that it is the first, and its place was not checked", "Anyone can start a chain of their own.", "Give --previous GENESIS if it must be the first, or audit the ledger."},
	{PublicKeyMissing, "the key set has no key of the record's kid", "Without the key nobody can tell who signed.", doKeys},
	{PublicKeyRefused, "the key of this kid can't be used", "A key that others would read differently, or that anyone can sign for, proves nothing.", "See qodverify keys FILE for the reason, and tell the operator."},
	{KIDMissing, "the record names no key", "Guessing the key would let anyone's key count.", "Ask the operator for the record with its kid."},
	{KeyNotPinned, "the key is none of those that --pin names", "The key set may have been exchanged.", "Compare the thumbprint with the operator by another way."},
	{KeyNotYetValid, "at the signed time the key was not valid yet", "Keys sign within their time; a proof outside of it was dated wrongly or made with another's key.", doOperator},
	{KeyExpired, "at the signed time the key had expired", "Keys sign within their time; a proof outside of it was dated wrongly or made with another's key.", doOperator},
	{KeyRevoked, "at the signed time the key had been revoked", "Whoever signed did so with a key that was withdrawn.", doOperator},
	{KeyCompromised, "the key was later revoked, and the reason does not rule out that it was compromised", "Whoever has the key can write any time into a proof, so an early date does not help.", "Ask for the proof under a new key, with a witness for its date."},
	{SignedTimeMissing, "the proof has no time that could be read, and the key's validity depends on it", "Whether the key was valid can't be told.", doOperator},
	{SignatureMissing, "the record has no signature", "Anyone could have made it.", "Ask the operator for the signed record."},
	{SignatureMalformed, "the signature is not 86 characters of canonical unpadded base64url", "One signature must have one spelling, else a record could be copied as another.", doFetch},
	{SignatureMismatch, "the signature is not one by this key over this_hash", whySigned, "See the hint. " + doOperator},
	{SharedSecret, "the record is authenticated by a shared secret", "Only who has the secret can check it, and who has it can make any record.", "Ask for a proof of v0.4."},
	{UnsignedGeneration, "records of this generation are not signed", "Nothing shows who made it.", "Ask for a proof of v0.4."},
	{NotInThisMode, "the check is left out in this mode of an audit", "What was not looked at is not shown.", "Run the audit with --signatures all."},
	{ProfileRefused, "the value has no bytes under this canonical profile", "Without canonical bytes there is no hash.", "Verify with --profile auto."},
	{InternalError, "the tool itself failed", "A check that broke is no check that passed, so nothing is verified.", "Please report it, with the input if you may."},
}

var consistencyCodes = []Explanation{
	{SessionMismatch, "the parts name different sessions", whyParts, "Ask the service for the session that the signed proof names, or for the one that you meant."},
	{PathMismatch, "the artifact's path is not {session_id}/artifact.json, or differs between the parts", whyParts, doOperator},
	{LatencyMismatch, "the artifact's latency is not the proof's", whyParts, doOperator},
	{JitterMismatch, "the artifact's jitter is not the proof's", whyParts, doOperator},
	{TargetMismatch, "the artifact was judged against another target than the customer agreed to", whyParts, doOperator},
	{DecisionMismatch, "the decision does not follow from the values and the target", "A pass that the numbers do not give is the lie that this tool is for.", doOperator},
	{ReasonsMismatch, "the reasons do not fit the decision and the values", whyParts, doOperator},
	{ProfileMismatch, "the QoS profile does not follow from the latency target, or differs between the parts", whyParts, doOperator},
	{PercentileMismatch, "the percentiles are out of order: p50 above p95", "No measurement gives such numbers.", doOperator},
	{SamplesMissing, "the proof states averages of no samples", "There is nothing that the averages could be of.", doOperator},
	{ClaimsIncomplete, "members are missing, or of another type than the format has, that would be compared", "What is missing can't contradict, and proves nothing either.", doOperator},
	{ValueOutOfRange, "a value lies outside the range that it can have", "No measurement and no agreement gives such a value: it was made up, or the program that wrote it is broken.", doOperator},
	{SchemaUnknown, "the artifact or the telemetry is of a version, or has members, that this program does not know", "What is not understood is not judged: it neither contradicts nor passes.", "See whether a newer qodverify knows it; else ask the operator what it means."},
}

var telemetryCodes = []Explanation{
	{NotCommitted, "the proof commits to no samples", "Its averages can't be recomputed by anyone; they are the signer's word.", "Ask for proofs that commit to their telemetry (qodverify serve makes them)."},
	{NotDisclosed, "the samples are not in the bundle", "The proof is bound to them, and whether its figures follow from them was not checked.", "Ask for the bundle with ?telemetry=all."},
	{PartlyDisclosed, "only some of the samples are in the bundle", "Those shown belong to the proof; the figures over all of them were not recomputed.", "Ask for the bundle with ?telemetry=all."},
	{TelemetryMalformed, "what the proof or the bundle says of its telemetry can't be read", "What can't be read can't be recomputed.", doOperator},
	{SampleContradicts, "a sample's figures do not follow from its own delays", whyDerived, doOperator},
	{TelemetryProfile, "the samples are hashed under another canonical profile than the proof", whyTwoReaders, doOperator},
	{RootMismatch, "the samples are not those that the proof commits to", whyDerived, doFetch + " If it stays so, ask the operator."},
	{SamplesMismatch, "the number of samples differs between the parts", whyDerived, doOperator},
	{AverageMismatch, "an average is not that of the samples", whyDerived, doOperator},
	{PooledMismatch, "the delays are not distributed as the proof says", whyDerived, doOperator},
	{LossMismatch, "the packet loss is not that of the samples", whyDerived, doOperator},
	{WindowMismatch, "the measuring window is not that of the samples", whyDerived, doOperator},
	{SessionLife, "the times of the session contradict each other", "What was measured outside of the session says nothing about it.", doOperator},
}

var claimCodes = []Explanation{
	{PolicyUnmet, "the proof does not meet the policy", "It may be genuine and still not what was agreed.", "See the rule in the message; qodverify policy show prints the policy."},
	{PolicyNoEvidence, "the bundle lacks what the policy asks about", "What is not there can't be met, and can't be called broken either.", "Ask the operator for a proof with that evidence, or take the rule out of the policy."},
	{NotMeasured, "values are constants that nobody measured", "They are signed, and say nothing about the session.", "Do not rely on throughput, availability and packet loss in such proofs."},
	{JitterIgnored, "the jitter target did not take part in the decision", "A pass says nothing about jitter.", "Hold the jitter yourself: a policy has a rule for it."},
	{NotAvailable, "the session was not AVAILABLE when the proof was made", "It may have been measured before or after QoS was provided.", "Ask when the session was available."},
	{LatencyClamped, "the latency or its target stands at the clamp of 5 s", "The true value may be any above it.", doOperator},
	{TimesOutOfLine, "the times stand in an odd order", "Clocks differ, or a time was set by hand.", "Compare with your own records of the session."},
	{AveragedPercentiles, "the stated percentile is an average of percentiles", "Such an average can hide most of the slow probes.", "Look at the pooled percentile, where the proof has one."},
	{SessionShorter, "the session lasted less time than was agreed, or than it is said to have lasted", "The provider granted less, or ended the session early, and statusInfo says who ended it.", "Hold it to what was agreed; ask the operator where the network ended it."},
	{OutsideAvailable, "it was measured while the session was not AVAILABLE", "Measurements outside of the provided time say nothing about it.", "Ask for measurements within it."},
}

var noteCodes = []Explanation{
	{NoteUnknownMember, "the format does not know a member", "It was not read. If something relies on it, it relies on nothing that was checked.", "Ask who added it. Inside the proof or the artifact it is covered by the hash."},
	{NoteNumberRespelt, "a number is spelled otherwise than it was hashed", "The values are equal, and the hash can't tell.", doRegardless},
	{NoteSmallOrderR, "the signature's R is a point of small order", "It is valid, and made by no ordinary signer.", "Ask the operator what signs."},
	{NoteRevokedLater, "the key was revoked after the signed time", "The signed time is the signer's own claim.", "Ask for the reason of the revocation."},
	{NoteKeysBeside, "the keys lay beside the bundle", "They fit each other; whose they are is not shown.", "Compare the thumbprint with the operator by another way and give --pin."},
	{NoteKeysSameOrigin, "keys and bundle came from one server", "They fit each other; whose they are is not shown.", "Compare the thumbprint with the operator by another way and give --pin."},
	{NoteArtifactFile, "the runtime artifact was read from a file of its own", "The bundle came without it.", doRegardless},
	{NoteUnpacked, "the input was unpacked", "Its digest is that of what was judged, not of the compressed file.", "Compare the digest with that of what gunzip -c FILE or zstd -dc FILE writes."},
}

var keySetCodes = []Explanation{
	{jwks.CodeNotJWKS, "the file is no JWK Set", "RFC 7517 has an object with an array keys.", "Give what the operator serves at /.well-known/jwks.json."},
	{jwks.CodeNoKeys, "the key set is empty", "Without keys nothing can be verified.", doKeys},
	{jwks.CodeTooManyKeys, "the key set has too many keys", whyBounded, doKeys},
	{jwks.CodePrivateKey, "the key set holds a private or symmetric key", "Whoever got the file can sign as the operator, so no signature proves anything.", "Tell the operator at once: the key has leaked."},
	{jwks.CodeAmbiguousKID, "two different keys have one kid", "Which of them signed would depend on who looks.", "Tell the operator; each key needs a kid of its own."},
	{jwks.CodeKeyNotObject, "a key is no JSON object", whyKey, doKeys},
	{jwks.CodeKeyType, "the key is not an Ed25519 key", "Proofs are signed with Ed25519; other keys of the set are left out.", doRegardless},
	{jwks.CodeKeyKID, "the key's kid is no string", whyKey, doKeys},
	{jwks.CodeKeyUse, "use, key_ops or alg forbid verifying with the key", "The operator has it for something else.", doKeys},
	{jwks.CodeKeyEncoding, "x is not 32 bytes of canonical base64url", whyKey, doKeys},
	{jwks.CodeKeyWeak, "x is no point of the curve, not canonical, or of small order", "Anyone can make signatures that such a key accepts.", "Tell the operator at once."},
	{jwks.CodeKeyDisputed, "two readers take the key for different ones", whyKey, doKeys},
	{jwks.CodeKeyTwin, "the same key stands elsewhere in the set, and is refused there", "A record's kid is not signed: what forbids a key forbids it under every kid.", doKeys},
	{jwks.CodeKeyWindow, "nbf, exp or revoked can't be read", "Whether the key may sign can't be told.", doKeys},
}

var chainCodes = []Explanation{
	{RecordMissing, "a record names a predecessor that is not there", "A session's proof was taken out of the ledger.", "Ask the operator for the record with the hash in the message."},
	{LedgerFork, "several records follow one", "There are two histories, and each reader may be shown the one that suits.", "Ask the operator which is true; both are signed."},
	{GenesisRepeated, "several records say that they are the first", "The ledger was started anew, beside or in place of an older one.", doOperator},
	{GenesisMissing, "no record says that it is the first", "The beginning was cut off, or this is a part of a ledger.", "Give --previous with the record before, if it is a part."},
	{RecordReplaced, "a record stands where its session's first one was", "The session was finalized again and the first answer erased.", "Ask for both; the customer may hold the first one."},
	{RecordDuplicate, "one record is there twice", "It is counted twice in every sum.", "Remove the copy if the ledger was joined from parts; else ask the operator."},
	{SessionDuplicate, "one session has several records", "It has several results, and each reader may be shown the one that suits.", doOperator},
	{ArtifactReused, "one artifact stands under several sessions", "One measurement is sold as several.", doOperator},
	{SignedTimeBack, "a record's signed time is before that of the one it follows", "Clocks differ, or a record was made later and dated back.", "Compare with your own records of the session."},
	{LedgerTimeBack, "created_at is not in the order of the links", "It is unsigned; the links have the order.", doRegardless},
	{OlderGeneration, "a record of v0.1 to v0.3", "It can't be held to all checks of v0.4.", "Read what it lacks in the message."},
	{HeadNotVerified, "the signature of the last record does not hold", "In this mode it is the only one that vouches for the chain.", "Run the audit with --signatures all."},
	{LedgerEmpty, "there is no record", "Nothing was verified.", "Look at whether it is the right file."},
	{Interrupted, "the audit was interrupted", "What follows was not looked at.", "Run it again."},
}

var historyCodes = []Explanation{
	{HistoryRewritten, "records that an earlier audit saw are others now", whyHistory, doKeepBoth},
	{HistoryTruncated, "the input ends before where an earlier audit saw the ledger end", whyAbsent, doWhole},
	{HistoryMoved, "the record that ended an earlier audit stands at another position", whyAbsent, doWhole},
	{PastNotGiven, "the records of an earlier audit are not in this input", whyAbsent, doWhole},
	{OtherLedger, "the state is of another ledger", "Its first record is another one; what one ledger holds says nothing of another.", "Give the state of this ledger, or a new one."},
	{TrustChanged, "keys, pins or revocations are not those of the earlier audit", "Trust is judged as of now, for old records too, and they were not read again.", "Run the audit with --whole."},
	{HistoryForked, "the record that ended an earlier audit stands on a side branch now", whyHistory, doKeepBoth},
	{EarlierFindings, "findings of an earlier audit were not looked for again", "What was wrong then is still wrong.", "Run the audit with --whole."},
	{PastSealsChanged, "signatures or kids of records that an earlier audit covered are others now", "What was verified then is not what stands here.", "Run the audit with --whole."},
	{PastNotInOrder, "records that an earlier audit covered can't be told from new ones", "The input is not in the order of the chain.", "Run the audit with --whole."},
}
