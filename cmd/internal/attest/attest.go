// Package attest puts a verdict, or the proof itself, into forms that other
// programs check: an in-toto Statement in a DSSE envelope, a detached JWS, and
// files for sha256sum and openssl.
package attest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/qodverify/qodverify/cmd/internal/files"
	"github.com/qodverify/qodverify/cmd/internal/render"
	"github.com/qodverify/qodverify/verify"
)

// The types of the statement: in-toto Statement v1 with a Simple Verification
// Result as its predicate.
const (
	PayloadType   = "application/vnd.in-toto+json"
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://in-toto.io/attestation/svr/v0.2"
)

// Signer is the auditor's key.
type Signer struct {
	KID string
	Key ed25519.PrivateKey
}

// Statement is what the auditor says of one bundle.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	Verifier   verifier  `json:"verifier"`
	Created    time.Time `json:"timeCreated"`
	Properties []string  `json:"properties"`
	// Verdict and Report are ours: a reader of the predicate passes over them.
	Verdict string          `json:"qodverifyVerdict"`
	Report  json.RawMessage `json:"qodverifyReport"`
}

type verifier struct {
	ID       string   `json:"id"`
	Version  string   `json:"version"`
	Policies []policy `json:"policies"`
}

type policy struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest,omitempty"`
}

// The properties that a verified bundle has. One that is not verified has none,
// also where single checks passed: a reader who asks for one property must not
// get it from a bundle that failed.
const (
	Verified      = "QOD_VERIFIED"
	RuntimeHash   = "QOD_RUNTIME_HASH"
	LedgerHash    = "QOD_LEDGER_HASH"
	SignatureHeld = "QOD_SIGNATURE"
	LedgerLink    = "QOD_LEDGER_LINK"
	Samples       = "QOD_TELEMETRY_SAMPLES"
	PolicyMet     = "QOD_POLICY"
)

// NewStatement returns the statement on one result, with the policy's digest where
// one was judged. local are further paths that the report may name: it is signed and
// given away, and says nothing of the auditor's folders.
func NewStatement(tool render.Tool, r render.Result, at time.Time, policyDigest string, local ...string) (Statement, error) {
	if r.Digest == "" {
		return Statement{}, errors.New("the input's bytes are not known")
	}
	var report []byte
	var err error
	if report, err = render.ResultJSON(r); err == nil {
		report, err = withoutPaths(report, append(append(local, r.Input), strings.Split(r.Report.Key().Source, ", ")...))
	}
	if err != nil {
		return Statement{}, err
	}
	p := predicate{
		Verifier: verifier{ID: render.Home, Version: tool.Version, Policies: []policy{}}, Created: at.UTC().Truncate(time.Second), Properties: []string{},
		Verdict: r.Report.Verdict().String(), Report: report,
	}
	if j := r.Report.Judged(); j.Policy != "" {
		p.Verifier.Policies = append(p.Verifier.Policies, policy{j.Policy, map[string]string{"sha256": policyDigest}})
	}
	if r.Report.Verdict() == verify.Verified {
		p.Properties = append(p.Properties, Verified, RuntimeHash, LedgerHash, SignatureHeld)
		if r.Report.Outcome(verify.LedgerLink) == verify.Pass {
			p.Properties = append(p.Properties, LedgerLink)
		}
		if r.Report.Outcome(verify.TelemetrySamples) == verify.Pass {
			p.Properties = append(p.Properties, Samples)
		}
		if len(p.Verifier.Policies) > 0 {
			p.Properties = append(p.Properties, PolicyMet)
		}
	}
	return Statement{
		Type: StatementType, PredicateType: PredicateType, Predicate: p,
		Subject: []subject{{subjectName(r.Input), map[string]string{"sha256": r.Digest}}},
	}, nil
}

// PAE is DSSE's pre-authentication encoding: the bytes that are signed.
func PAE(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// DSSE returns the statement in a signed envelope, as one line of JSON.
func (s Signer) DSSE(v Statement) ([]byte, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	type signature struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}
	envelope, err := json.Marshal(struct {
		PayloadType string      `json:"payloadType"`
		Payload     string      `json:"payload"`
		Signatures  []signature `json:"signatures"`
	}{PayloadType, base64.StdEncoding.EncodeToString(payload), []signature{{s.KID, base64.StdEncoding.EncodeToString(ed25519.Sign(s.Key, PAE(PayloadType, payload)))}}})
	return append(envelope, '\n'), err
}

// JWS returns a detached JWS (RFC 7515, appendix F) in compact form over exactly
// these bytes.
func (s Signer) JWS(data []byte) ([]byte, error) {
	headers := jws.NewHeaders()
	if err := errors.Join(headers.Set(jws.KeyIDKey, s.KID), headers.Set(jws.ContentTypeKey, "json")); err != nil {
		return nil, err
	}
	signed, err := jws.Sign(nil, jws.WithKey(jwa.EdDSA, s.Key, jws.WithProtectedHeaders(headers)), jws.WithDetachedPayload(data))
	return append(signed, '\n'), err
}

// PEM returns a public key as openssl and cosign read it.
func PEM(spki []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}) }

// Commands are what checks the files of WriteFiles.
var Commands = []string{
	"sha256sum -c SHA256SUMS",
	"openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in message -sigfile signature",
}

// WriteFiles writes what the commands need into a new folder, all of it or nothing. The
// names are fixed: nothing of the input becomes one.
func WriteFiles(dir string, r render.Recompute) error {
	sums := r.ThisHash + "  record\n"
	contents := map[string][]byte{
		"record": r.Record, "message": []byte(r.ThisHash), "signature": r.Signature, "key.pem": PEM(r.Key),
		"README.txt": fmt.Appendf(nil, readme, Commands[0], Commands[1]),
	}
	if r.ArtifactHash != "" {
		// Also without an artifact: then the command fails, as it must.
		sums = r.ArtifactHash + "  artifact.json\n" + sums
	}
	if r.Artifact != nil {
		contents["artifact.json"] = r.Artifact
	}
	contents["SHA256SUMS"] = []byte(sums)
	return files.Folder(dir, contents)
}

const readme = `One Quality-on-Demand proof, in files that two common programs check:

    %s
    %s

Both must succeed. They need OpenSSL 3.0 or newer ("openssl version" tells).
"unknown option -rawin", or the like, means that openssl is older, or that it is the
LibreSSL of macOS; it says nothing about the proof. On macOS:

    shasum -a 256 -c SHA256SUMS
    brew install openssl@3
    "$(brew --prefix openssl@3)/bin/openssl" pkeyutl ... (the rest as above)

The files:

  artifact.json  the runtime artifact in canonical form; its SHA-256 is what the proof
                 has as runtime_artifact_sha256 (look for it in record)
  record         prev_hash, "|" and the proof in canonical form; its SHA-256 is this_hash
  message        this_hash, 64 characters: what is signed
  signature      Ed25519, 64 bytes
  key.pem        the public key that the record's kid names in the key set that was given
  SHA256SUMS     the two hashes as the bundle claims them; that of record must be the
                 content of message

What they do not show: whose key it is (compare it with the operator), the record's
place in the ledger, and whether the parts contradict each other: the session, the
path, the decision. qodverify checks those.
`
