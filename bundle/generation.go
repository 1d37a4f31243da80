package bundle

// Generation is the version of the proof format that a record belongs to. The
// format carries no version member, so it is recognised by what a record has.
// The guess decides only which rules and which words apply: it never makes a
// check pass, and leaving members out to look older never verifies.
type Generation string

// The generations of the original service. v0.1 is known from its real
// ledgers; v0.2 and v0.3 are the steps between it and v0.4, told apart by the
// members that had been added by then.
const (
	// V01 records are linked by hash and not signed. Their hash is over
	// json.dumps(proof, sort_keys=True) with Python's default separators.
	V01 Generation = "v0.1"
	// V02 records are signed and do not name their key.
	V02 Generation = "v0.2"
	// V03 records are signed and name their key, and bind no runtime artifact.
	V03 Generation = "v0.3"
	// V04 records are signed, name their key and bind a runtime artifact.
	V04 Generation = "v0.4"
)

// Signed reports whether records of this generation carry a signature.
func (g Generation) Signed() bool { return g != V01 }

// NamesKey reports whether records of this generation name their key.
func (g Generation) NamesKey() bool { return g == V03 || g == V04 }

// BindsArtifact reports whether proofs of this generation hold the hash of a
// runtime artifact.
func (g Generation) BindsArtifact() bool { return g == V04 }

// recognise names the generation. A proof with an artifacts member is v0.4
// whatever else was taken away from it: a stripped signature is a failure of a
// v0.4 record, not a property of an older one.
func recognise(signed, namesKey, hasArtifacts bool) Generation {
	switch {
	case hasArtifacts:
		return V04
	case !signed && !namesKey:
		return V01
	case !namesKey:
		return V02
	case signed:
		return V03
	}
	return V04
}
