package telemetry

import (
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a hash of the tree: SHA-256, RFC 6962, 2.1.
type Hash = tlog.Hash

// LeafHash returns the hash of a leaf, SHA-256(0x00 || leaf).
func LeafHash(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// Tree is the Merkle tree over samples. The zero Tree is empty.
type Tree struct {
	n      int64
	hashes stored
}

// stored holds hashes as tlog numbers them.
type stored []Hash

// ReadHashes implements [tlog.HashReader].
func (s stored) ReadHashes(indexes []int64) ([]Hash, error) {
	list := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(s)) {
			return nil, errors.New("no such hash")
		}
		list[i] = s[index]
	}
	return list, nil
}

// Add appends a leaf.
func (t *Tree) Add(leaf Hash) error {
	list, err := tlog.StoredHashesForRecordHash(t.n, leaf, t.hashes)
	if err != nil {
		return err
	}
	t.hashes = append(t.hashes, list...)
	t.n++
	return nil
}

// Root returns the tree's hash.
func (t *Tree) Root() (Hash, error) { return tlog.TreeHash(t.n, t.hashes) }

// Prove returns the inclusion path of a leaf, counted from 0 (RFC 6962, 2.1.1).
func (t *Tree) Prove(index int64) ([]Hash, error) { return tlog.ProveRecord(t.n, index, t.hashes) }

// Check returns nil if the path shows that the leaf stands at index in the tree of
// n leaves with this root.
func Check(path []Hash, n, index int64, root, leaf Hash) error {
	if n < 1 || index < 0 || index >= n {
		return fmt.Errorf("there is no sample %d of %d", index, n)
	}
	return tlog.CheckRecord(path, n, root, index, leaf)
}

// Hex returns a hash as 64 lower-case hexadecimal characters.
func Hex(h Hash) string { return hex.EncodeToString(h[:]) }
