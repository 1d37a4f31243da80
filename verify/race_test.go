//go:build race

package verify_test

// The race detector makes an audit some ten times slower.
const plantedRecords = 20_000
