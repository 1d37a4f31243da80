package verify_test

import (
	"fmt"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
	"github.com/qodverify/qodverify/verify"
)

func ExampleVerifier_Bundle() {
	keys, err := jwks.Parse(testdata.Read("qod-mock-v0.4/jwks.json"))
	if err != nil {
		panic(err)
	}
	v, err := verify.New(verify.Policy{Keys: keys})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"good/00.bundle.json", "tampered/artifact-value.json"} {
		b, err := bundle.Parse(testdata.Read("qod-mock-v0.4/" + name))
		if err != nil {
			panic(err)
		}
		report := v.Bundle(b)
		fmt.Println(name, report.Verdict(), report.Reason())
		for _, c := range report.Checks() {
			if c.Status == verify.Fail {
				fmt.Println(" ", c.ID, c.Pointer)
			}
		}
	}
	// Output:
	// good/00.bundle.json verified ok
	// tampered/artifact-value.json failed runtime_hash_mismatch
	//   artifact.hash /runtime_artifact
	//   consistency /runtime_artifact/measured/latency_ms
}

func ExampleReport_Err() {
	b, err := bundle.Parse(testdata.Read("qod-mock-v0.4/good/00.bundle.json"))
	if err != nil {
		panic(err)
	}
	v, err := verify.New(verify.Policy{}) // trusts no key
	if err != nil {
		panic(err)
	}
	fmt.Println(v.Bundle(b).Err())
	// Output: proof bundle not verified: inconclusive (public_key_missing)
}
