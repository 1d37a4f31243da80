package mint

import (
	"time"

	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// File is one of the files that the original leaves beside its ledger. Name is
// relative to the artifacts folder, with forward slashes.
type File struct {
	Name string
	Data []byte
}

// Run says how a proof came about, for the run summary.
type Run struct {
	RequestID        string
	Start            time.Time
	End              time.Time
	Hostname         string
	GitSHA, ImageTag string
}

// Files returns the proof's files: the artifact that the proof names, a wrapper
// around the record, the record itself and the summary of the run.
func (p *Proof) Files(sessionID string, run Run) []File {
	record := p.Record()
	name := "proof_" + sessionID + "_" + run.stamp() + ".json"
	return []File{
		{ArtifactPath(sessionID), pyjson.Indent(p.Artifact)},
		{CopyPath(sessionID), pyjson.Indent(wrapper(record))},
		{name, pyjson.Indent(record)},
		{run.summaryName(sessionID), pyjson.Indent(p.summary(sessionID, name, run))},
	}
}

// CopyPath is where the wrapper around a session's record lies, a signed copy of it.
func CopyPath(sessionID string) string { return sessionID + "/artifact_v1.json" }

// Record returns what POST finalize answers.
func (p *Proof) Record() pyjson.Object {
	return pyjson.Object{
		{Name: "prev_hash", Value: p.PrevHash}, {Name: "this_hash", Value: p.ThisHash},
		{Name: "signature", Value: p.Signature}, {Name: "kid", Value: p.KID},
		{Name: "proof", Value: p.Object},
	}
}

func wrapper(record pyjson.Object) pyjson.Object {
	return pyjson.Object{
		{Name: "schema_version", Value: "v1"},
		{Name: "task", Value: "QoD proof finalize (wrapper)"},
		{Name: "summary", Value: "Generated proof record and runtime contract artifact."},
		{Name: "outputs", Value: pyjson.Object{{Name: "proof_record", Value: record}}},
		{Name: "citations", Value: []any{}},
		{Name: "quality", Value: pyjson.Object{
			{Name: "has_telemetry", Value: true}, {Name: "validated_in_test", Value: true},
		}},
	}
}

// summary is the original's run summary, with paths relative to the artifacts
// folder where the original tells the machine's absolute ones.
func (p *Proof) summary(sessionID, proofName string, run Run) pyjson.Object {
	return run.summary(sessionID, "ok", pyjson.Object{
		{Name: "kid", Value: p.KID}, {Name: "prev_hash", Value: p.PrevHash},
		{Name: "proof_artifact_path", Value: proofName},
		{Name: "run_summary_path", Value: nil},
		{Name: "runtime_artifact_path", Value: ArtifactPath(sessionID)},
		{Name: "signature", Value: p.Signature}, {Name: "this_hash", Value: p.ThisHash},
		{Name: "wrapper_artifact_path", Value: CopyPath(sessionID)},
	})
}

// Failure returns the summary of a finalize that made no proof, with the reason as
// the original writes it.
func Failure(sessionID, reason string, run Run) File {
	ids := pyjson.Object{}
	for _, name := range []string{"kid", "prev_hash", "proof_artifact_path", "run_summary_path", "runtime_artifact_path", "signature", "this_hash", "wrapper_artifact_path"} {
		ids = append(ids, pyjson.Member{Name: name})
	}
	return File{run.summaryName(sessionID), pyjson.Indent(run.summary(sessionID, reason, ids))}
}

func (run Run) stamp() string { return run.Start.UTC().Format("20060102_150405") }

func (run Run) summaryName(sessionID string) string {
	return "run_summaries/run_" + run.stamp() + "_" + sessionID + ".json"
}

func (run Run) summary(sessionID, reason string, ids pyjson.Object) pyjson.Object {
	return pyjson.Object{
		{Name: "build", Value: pyjson.Object{{Name: "git_sha", Value: run.GitSHA}, {Name: "image_tag", Value: run.ImageTag}}},
		{Name: "env", Value: pyjson.Object{{Name: "hostname", Value: run.Hostname}}},
		{Name: "ids", Value: ids},
		{Name: "request_id", Value: run.RequestID},
		{Name: "result", Value: pyjson.Object{{Name: "reason", Value: reason}, {Name: "success", Value: reason == "ok"}}},
		{Name: "run_type", Value: "finalize_proof"},
		{Name: "session_id", Value: sessionID},
		{Name: "timestamps", Value: pyjson.Object{
			{Name: "duration_ms", Value: run.End.Sub(run.Start).Milliseconds()},
			{Name: "end_utc", Value: Timestamp(run.End)}, {Name: "start_utc", Value: Timestamp(run.Start)},
		}},
	}
}
