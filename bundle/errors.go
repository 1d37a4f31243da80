package bundle

import "github.com/qodverify/qodverify/bundle/canonical"

// The codes of [Parse] beside those of the JSON reader.
const (
	CodeNotObject     canonical.Code = "not_an_object"
	CodeNotBundle     canonical.Code = "not_a_bundle"
	CodeMemberMissing canonical.Code = "member_missing"
	CodeMemberType    canonical.Code = "member_type"
	CodeHashMalformed canonical.Code = "hash_malformed"
)
