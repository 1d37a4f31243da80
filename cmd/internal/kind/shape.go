package kind

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// object is a document's root with what its members are called.
type object struct{ canonical.Value }

func (o object) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !o.Get(n).Exists() })
}

func (o object) any(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return o.Get(n).Exists() })
}

func (o object) text(name string) string {
	s, _ := o.Get(name).Text()
	return s
}

// shapeKind says what a JSON document is.
func shapeKind(root canonical.Value, want Want) (Kind, bool) {
	switch {
	case want == JSON && root.Kind() != canonical.Object:
		return Kind{}, false
	case root.Kind() == canonical.Object:
		o := object{root}
		if want == Policy && o.Get("version").Kind() == canonical.Number && o.text("schema") == "" {
			return Kind{}, false
		}
		if (want == Bundle || want == Ledger) && (o.Get("ledger").Get("this_hash").Exists() || o.has("this_hash", "proof") || o.At("/outputs/proof_record/this_hash").Exists()) {
			return Kind{}, false // whatever stands beside
		}
		for _, group := range []func(object, Want) (Kind, bool){own, service, keys, attested, tools, carriers, foreign} {
			if k, ok := group(o, want); ok {
				return k, k.ID != "" // what is wanted has no name
			}
		}
		if o.Len() == 0 && want != Keys {
			return kindOf("empty-object", "an empty JSON object", "", want), true
		}
		if k, ok := wrapped(root, "JSON", want); ok || o.Len() != 1 || o.any("proof", "ledger", "this_hash", "keys") {
			return k, ok
		}
		return envelope(o, want)
	case root.Kind() == canonical.Array:
		return list(root, want)
	case root.Kind() == canonical.String:
		return quoted(root, want)
	case root.Kind() == canonical.Null:
		return kindOf("null", "the JSON value null, as a program writes it where it has nothing", "", want), true
	}
	return kindOf("scalar", "JSON of a single "+root.Kind().String(), "", want), true
}

// envelope tells of an object with one member, and nothing of what is wanted in it.
func envelope(o object, want Want) (Kind, bool) {
	what := map[Want]string{Bundle: "bundle", Ledger: "bundle", Keys: "JWK Set"}[want]
	for name := range o.Members() {
		if what != "" {
			return named("envelope", fmt.Sprintf("JSON with one member, %q, and no %s in it", canonical.Clip(name, 64), what), "", want)
		}
	}
	return Kind{}, false
}

// named makes the answer of a group.
func named(id, what, do string, want Want) (Kind, bool) { return kindOf(id, what, do, want), true }

// wantedIf is the answer for a document that is what was wanted, if it was.
func wantedIf(is bool, k Kind) (Kind, bool) {
	if is {
		return Kind{}, true
	}
	return k, true
}

// own are the files that this program writes.
func own(o object, want Want) (Kind, bool) {
	if o.Get("version").Kind() == canonical.Number && o.any("max_age", "min_samples", "min_probes", "latency", "limits", "claims", "max_loss_pct", "not_future") {
		return named("policy", "a policy of qodverify (JSON)", "Give the policy with --policy FILE, and "+beside[want]+".", want)
	}
	parts := strings.Split(o.text("schema"), "/")
	if len(parts) != 3 || parts[0] != "qodverify" {
		return Kind{}, false
	}
	name := parts[1]
	what := "qodverify's own " + canonical.Clip(name, 32)
	switch name {
	case "state":
		return wantedIf(want == State, kindOf("own-state", what+" (of an audit)", "Give the state to qodverify audit --state FILE, and "+beside[want]+".", want))
	case "evidence":
		return wantedIf(want == Evidence, kindOf("own-evidence", what+" (of an audit)", "Check the evidence with qodverify evidence FILE.", want))
	case "report", "audit", "lines", "keys", "inspect", "explain", "mutate", "evidence-report":
		return named("own-"+name, what+" (qodverify -o json)", "Give "+inPlace[want]+", in place of qodverify's own "+name+" of it.", want)
	}
	return named("own", what, "", want)
}

// service are the answers and files of the proof service.
func service(o object, want Want) (Kind, bool) {
	switch {
	case !o.any("this_hash") && (o.Get("ledger").Get("thisHash").Exists() && !o.Get("ledger").Get("this_hash").Exists() || o.has("thisHash", "proof")):
		return named("renamed", "a bundle whose members were renamed (thisHash for this_hash)", "Fetch the bundle again with curl -o: one with renamed members is another text than what was signed.", want)
	case isRecord(o.Value):
		k := kindOf("bundle", "a proof bundle", "", want)
		if !o.Get("ledger").Exists() {
			k = kindOf("record", "a ledger record (a signed proof)", "", want)
		}
		switch want {
		case Keys:
			k.Do = "Give the proof bundle as the input, and with --jwks " + inPlace[Keys] + "."
		case Database:
			k.Do = "Export the proof bundle with qodverify export openssl, dsse or jws; export by itself takes " + inPlace[Database] + "."
		case Telemetry, Policy, State, Evidence:
			k.Do = "Verify the proof bundle (qodverify FILE), and give " + inPlace[want] + " in its place."
		}
		return wantedIf(want == Bundle || want == Ledger || want == JSON, k)
	case o.Get("outputs").Get("proof_record").Kind() == canonical.Object:
		return wantedIf(want == Bundle || want == Ledger || want == JSON, kindOf("artifact-v1", "the service's artifact_v1.json, which holds a record", "", want))
	case o.has("schema_version", "measured", "decision"):
		return wantedIf(want == Artifact || want == JSON, kindOf("artifact", "a runtime artifact (artifact.json)", artifactDo(want), want))
	case o.has("build", "env", "ids"):
		return named("run-summary", "a run summary of the service", "", want)
	case o.has("verified", "reason") && o.any("session_id", "signature_verified"):
		return named("verify-answer", "the answer of the service to /verify (its own word, and no proof)", "", want)
	case o.has("detail") && o.Len() <= 3:
		return named("detail", "an error that the service answered: "+detail(o), "Ask the service again (GET /proof/{session_id}/bundle), as its error says why there was no answer.", want)
	case o.has("text", "target_p95_latency_ms"):
		return named("intent", "an intent (the body of POST /intent)", "", want)
	case o.has("session_id", "qos_profile", "qos_status") && !o.has("proof"):
		return named("intent-answer", "the answer of the service to POST /intent", "", want)
	case o.has("p95_ms", "jitter_ms"), o.has("session_id", "input") && o.Get("input").Get("delays_ns").Exists(), o.has("session_id", "delays_ns"):
		return named("sample", "a telemetry sample (the body of POST /telemetry)", "", want)
	case o.has("status", "check"):
		return named("health", "the answer of a service to /health or /ready", "", want)
	case o.has("openapi", "paths"), o.has("swagger", "paths"):
		return named("openapi", "the OpenAPI description of a service", "", want)
	}
	return Kind{}, false
}

func artifactDo(want Want) string {
	if want == Bundle || want == Ledger {
		return "Give the proof that names the runtime artifact, and this file with --artifact (qodverify --artifact FILE PROOF)."
	}
	return ""
}

// detail quotes what an error answer says.
func detail(o object) string {
	text := o.text("detail")
	if text == "" {
		text, _ = o.Get("detail").At("/0/msg").Text()
	}
	return fmt.Sprintf("%q", canonical.Clip(text, 200))
}

// keys are key sets and what stands in for them.
func keys(o object, want Want) (Kind, bool) {
	set := o.Get("keys")
	give := "Give the %s with --jwks FILE, and " + beside[want] + "."
	switch {
	case o.any("ledger", "proof"):
		return Kind{}, false
	case set.Kind() == canonical.Array && set.At("/0/public_key_b64url").Exists():
		return named("public-keys", "the answer of the service to /public-keys, whose keys are no JWKs", "Give the JWK Set of /.well-known/jwks.json, in place of the /public-keys answer.", want)
	case want == SigningKey && o.has("kty", "d"):
		return Kind{}, true
	case set.Kind() == canonical.Array && (want == Keys || want == JSON):
		return Kind{}, true
	case set.Kind() == canonical.Array:
		k := kindOf("jwk-set", "a JWK Set (public keys)", fmt.Sprintf(give, "JWK Set"), want)
		for i, key := range set.Elements() {
			if i < 1000 && key.Get("d").Kind() == canonical.String {
				k = kindOf("jwk-private", "a JWK Set with a private key in it", "", want)
			}
		}
		return k, true
	case o.has("kty", "d"):
		return wantedIf(want == Keys || want == JSON, kindOf("jwk-private", "a private JWK, with which whoever has it can sign", "", want))
	case o.has("kty"):
		return wantedIf(want == Keys || want == JSON, kindOf("jwk", "a single JWK (a public key)", fmt.Sprintf(give, "JWK"), want))
	case o.has("jwks_uri"):
		return named("openid-configuration", "an OpenID or OAuth configuration, whose jwks_uri is the address of the keys", "Fetch the JWK Set from the jwks_uri that the OpenID configuration names (curl -o jwks.json URL).", want)
	case pemMap(o):
		return named("pem-map", "a map of key ids to PEM keys or certificates", "", want)
	}
	return Kind{}, false
}

// pemMap reports whether all members are PEM.
func pemMap(o object) bool {
	n := 0
	for _, v := range o.Members() {
		text, _ := v.Text()
		if n++; n > 64 || !strings.HasPrefix(text, "-----BEGIN ") {
			return false
		}
	}
	return n > 0
}

// attested are signed statements in other formats.
func attested(o object, want Want) (Kind, bool) {
	media, context := o.text("mediaType"), o.Get("@context")
	switch {
	case strings.HasPrefix(media, "application/vnd.dev.sigstore.bundle"), o.has("verificationMaterial"):
		return named("sigstore", "a sigstore bundle", attestedDo("the sigstore bundle with cosign verify-blob-attestation --bundle FILE", want), want)
	case o.has("base64Signature", "cert"), o.has("rekorBundle"):
		return named("cosign", "a cosign signature", "", want)
	case o.has("payloadType", "payload", "signatures"):
		if text, err := base64.StdEncoding.DecodeString(o.text("payload")); err == nil && strings.Contains(string(text), "qodverify") {
			return named("own-dsse", "a DSSE envelope, qodverify's own attestation (qodverify export dsse)", attestedDo("the DSSE envelope with cosign verify-attestation, or with what --key's public half was given to", want), want)
		}
		return named("dsse", "a DSSE envelope (a signed attestation)", attestedDo("the DSSE envelope with cosign verify-blob-attestation", want), want)
	case strings.HasPrefix(o.text("_type"), "https://in-toto.io/"), o.has("predicateType", "subject"):
		return named("in-toto", "an in-toto statement (an attestation, not signed)", "", want)
	case o.has("payload", "signatures"), o.has("payload", "signature") && o.any("protected", "header"), o.has("protected", "signature"):
		return named("jws-json", "a JWS in JSON form", doJWS(want), want)
	case o.has("protected", "ciphertext"):
		return named("jwe", "a JWE (encrypted)", "", want)
	case context.Exists() && isCredential(o, "VerifiableCredential"):
		return named("vc", "a W3C Verifiable Credential (VC)", "", want)
	case context.Exists() && isCredential(o, "VerifiablePresentation"):
		return named("vp", "a W3C Verifiable Presentation", "", want)
	case o.has("active_manifest", "manifests"), o.has("claim_generator"), o.has("claim_generator_info"):
		return named("c2pa", "a C2PA manifest (content credentials)", "", want)
	case o.has("signed", "signatures"):
		return named("tuf", "TUF metadata or another signed document", "", want)
	case o.Get("proof").Get("type").Exists() && (o.Get("proof").Get("proofValue").Exists() || o.Get("proof").Get("jws").Exists() || o.has("receipt")), o.has("receipt"):
		return named("receipt", "a signed receipt or credential of another format (its proof is a data-integrity proof, and none of a QoD session)", "", want)
	case o.has("bomFormat"), o.has("spdxVersion"):
		return named("sbom", "an SBOM (CycloneDX or SPDX)", "", want)
	}
	return Kind{}, false
}

func attestedDo(with string, want Want) string {
	return "Verify " + with + "; give " + inPlace[want] + " in its place."
}

// isCredential reports whether the type, a text or a list of them, is one.
func isCredential(o object, name string) bool {
	if o.text("type") == name {
		return true
	}
	for _, v := range o.Get("type").Elements() {
		if s, _ := v.Text(); s == name {
			return true
		}
	}
	return false
}

// foreign are documents of the field that are not ours.
func foreign(o object, want Want) (Kind, bool) {
	switch {
	case o.has("specversion", "type", "source"):
		what := "a CloudEvent"
		if strings.HasPrefix(o.text("type"), "org.camaraproject.") {
			what = "a CAMARA event (CloudEvents)"
		}
		k, _ := wrapped(o.Value, what, want)
		if k.ID == "" {
			k = kindOf("camara-event", what, "", want)
		}
		return k, true
	case o.has("sessionId", "qosStatus"), o.has("qosProfile", "applicationServer"), o.has("sessionId", "qosProfile"):
		return named("camara-session", "a CAMARA session (what the QoD API answers), not signed", "", want)
	case o.any("packetDelayBudget", "targetMinDownstreamRate") && o.has("name"):
		return named("camara-profile", "a CAMARA QoS profile", "", want)
	case o.Get("event").Get("eventType").Exists(), o.has("eventType", "eventTime"):
		return named("camara-event", "a CAMARA event (of an older version)", "", want)
	case o.has("id", "verificationMethod"):
		return named("did", "a DID document", "", want)
	case o.has("prev_hash", "hash"), o.has("previous_hash", "hash"), o.has("prevHash", "hash"):
		return named("chain-event", "an entry of another hash chain", "", want)
	case o.has("href") && strings.Contains(o.text("href"), "/slaManagement/"), o.has("violationDate"):
		return named("tmf", "a TM Forum SLA document", "", want)
	case o.text("version") == "2.1.0" && o.has("runs"):
		return named("sarif", "a SARIF report", "", want)
	case o.has("error") && o.Len() <= 4, o.has("errors") && o.Len() <= 4, o.has("message") && o.Len() <= 4, o.has("status", "error") && o.Len() <= 8, o.has("status", "code", "message"), o.has("title", "status") && o.any("type", "instance"):
		return named("error-answer", "an error that a service answered"+errorText(o), "Ask the service again, as its error says why there was no answer.", want)
	case o.has("$schema") && o.any("properties", "$defs", "definitions"):
		return named("json-schema", "a JSON Schema", "", want)
	case o.has("cells", "nbformat"):
		return named("notebook", "a Jupyter notebook", "", want)
	case o.has("_type") && o.text("_type") == "export":
		return named("insomnia", "an export of Insomnia", "", want)
	}
	return Kind{}, false
}

func errorText(o object) string {
	for _, at := range []string{"/message", "/error/message", "/error", "/error_description", "/errors/0/message", "/detail", "/title"} {
		if text, ok := o.At(at).Text(); ok {
			return fmt.Sprintf(": %q", canonical.Clip(text, 200))
		}
	}
	return ""
}
