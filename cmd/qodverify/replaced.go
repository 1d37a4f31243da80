package main

import (
	"iter"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/cmd/internal/source"
)

// maxSnapshots bounds the proofs of one session that are held to each other.
const maxSnapshots = 1000

// withoutReplaced takes from the records of an artifacts folder an artifact that a later
// proof of the same session has put in the place of theirs, as [batch.findReplaced] does:
// the artifact of such a record is missing, and nobody changed it. Of a folder with one
// proof a session nothing is read twice.
func (r *auditRun) withoutReplaced(records iter.Seq2[bundle.Raw, error], dir string) iter.Seq2[bundle.Raw, error] {
	return func(yield func(bundle.Raw, error) bool) {
		judged := map[string]map[string]bool{} // by the session's first proof, the names of replaced ones
		for raw, err := range records {
			if names := r.ledger.Snapshots(raw.Input); err == nil && raw.Err == nil && raw.Artifact != nil && len(names) > 1 && len(names) <= maxSnapshots {
				if judged[names[0]] == nil {
					judged[names[0]] = r.replacedOf(names, dir)
				}
				if judged[names[0]][raw.Input] {
					raw.Artifact = nil
				}
			}
			if !yield(raw, err) {
				return
			}
		}
	}
}

func (r *auditRun) replacedOf(names []string, dir string) map[string]bool {
	places := make([]source.Place, len(names))
	for i, name := range names {
		places[i] = source.Held(source.FolderInput(name, dir))
	}
	which := map[string]bool{}
	b, err := r.flags.newBatch(r.policy, r.keyring, places)
	if err == nil {
		err = b.look(r.ctx)
	}
	if err != nil {
		return which // the audit judges them as they are
	}
	for i := range b.replaced {
		which[names[i]] = true
	}
	return which
}
