module github.com/qodverify/qodverify/testdata/bench

go 1.26.0

require (
	github.com/go-json-experiment/json v1.27.2
	github.com/gowebpki/jcs v1.0.2
	github.com/qodverify/qodverify v0.0.0
)

replace github.com/qodverify/qodverify => ../..
