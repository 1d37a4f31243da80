package canonical_test

import (
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/testdata"
)

// BenchmarkReader reads one genuine bundle into memory that is there.
func BenchmarkReader(b *testing.B) {
	data := testdata.Read("qod-mock-v0.4/good/01.bundle.json")
	var r canonical.Reader
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Parse(data, canonical.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse reads one genuine bundle into memory of its own.
func BenchmarkParse(b *testing.B) {
	data := testdata.Read("qod-mock-v0.4/good/01.bundle.json")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := canonical.Parse(data, canonical.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
