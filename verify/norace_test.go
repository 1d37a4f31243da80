//go:build !race

package verify_test

const plantedRecords = 200_000
