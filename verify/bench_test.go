package verify_test

import (
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

// BenchmarkParse reads one genuine bundle.
func BenchmarkParse(b *testing.B) {
	data := testdata.Read(fixtures + "good/01.bundle.json")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bundle.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBundle judges one genuine bundle, reading included. About half of it
// is the Ed25519 verification.
func BenchmarkBundle(b *testing.B) {
	data := testdata.Read(fixtures + "good/01.bundle.json")
	v := verifier(b, verify.Policy{Keys: keys(b, "jwks.json")})
	b.ReportAllocs()
	for b.Loop() {
		if r := judge(v, data); r.Err() != nil {
			b.Fatal(r.Err())
		}
	}
}
