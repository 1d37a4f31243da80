package verify

import "slices"

// A copy of a record contradicts nothing, and must hide nothing either: neither what
// follows it, nor, by its number or without its signature, the rivals of the record.

// known are rows that share a session or an artifact, at most maxRivals: no copies,
// and the signer's own before those of which nobody knows whose they are.
type known struct {
	rows []row
	at   []int64 // where each stands first
}

func (k *known) add(r *row, at int64) {
	genuine := r.flags&genuineRow != 0
	if i := slices.IndexFunc(k.rows, func(o row) bool { return o.this == r.this && o.session == r.session }); i >= 0 {
		if genuine {
			k.rows[i] = *r
		}
		return
	}
	if len(k.rows) < maxRivals {
		k.rows, k.at = append(k.rows, *r), append(k.at, at)
		return
	}
	if i := slices.IndexFunc(k.rows, func(o row) bool { return o.flags&genuineRow == 0 }); genuine && i >= 0 {
		k.rows[i], k.at[i] = *r, at
	}
}

// rival returns a row of another session with r's artifact, if one is known; one that
// is the signer's own before others.
func (k *known) rival(r *row) (found *row) {
	for i := range k.rows {
		if o := &k.rows[i]; o.artifact == r.artifact && o.session != r.session && (found == nil || found.flags&genuineRow == 0 && o.flags&genuineRow != 0) {
			found = o
		}
	}
	return found
}

// first returns where the record that r is a copy of stands first, or noParent.
func (k *known) first(r *row) int64 {
	if i := slices.IndexFunc(k.rows, func(o row) bool { return o.this == r.this && o.session == r.session }); i >= 0 {
		return k.at[i]
	}
	return noParent
}

// followsCopy keeps the row that follows a copy in the input, unless the same follows
// the first one: of a ledger that is there twice nothing is kept.
func (l *ledger) followsCopy(at, first int64) {
	next, ok := l.follower(at)
	if !ok {
		return
	}
	if usual, ok := l.follower(first); ok && l.links.index.row(usual).this == l.links.index.row(next).this {
		return
	}
	if l.copied == nil {
		l.copied = map[int64][]int64{}
	}
	if rows := l.copied[first]; len(rows) < 4*maxRivals || l.rivalBeyond(rows[4*maxRivals:], next) {
		l.copied[first] = append(rows, next)
	}
}

// follower returns the row that stands behind another and follows it.
func (l *ledger) follower(at int64) (int64, bool) {
	return at + 1, at+1 < l.links.end(l.links.segmentOf(at))
}

// withCopies adds to rows that follow a record those that follow it, or a copy of it,
// where they stand.
func (l *ledger) withCopies(rows []int64, parent int64) []int64 {
	if next, ok := l.follower(parent); ok {
		rows = append(rows, next)
	}
	rows = append(rows, l.copied[parent]...)
	delete(l.copied, parent)
	return rows
}

// rivalBeyond reports whether a row is worth keeping though many are kept: it is the
// signer's own, and no copy of those kept for that.
func (l *ledger) rivalBeyond(kept []int64, at int64) bool {
	r := l.links.index.row(at)
	return r.flags&genuineRow != 0 && len(kept) < maxRivals &&
		!slices.ContainsFunc(kept, func(o int64) bool { return l.links.index.row(o).this == r.this })
}
