package verify

import (
	"fmt"

	"github.com/qodverify/qodverify/bundle"
)

// A record that is missing may lie outside of the ledger: the original keeps each proof
// in a file of its own, and replaces a session's record in the ledger when it is
// finalized again. What is found there counts if it is genuinely signed: then the signer
// has made two proofs of one session.

// maxElsewhere bounds the records that are looked for outside of the ledger.
const maxElsewhere = 1000

// spare is a genuine record that was found outside.
type spare struct {
	place  Place
	this   [32]byte
	prev   string
	names  int64 // row that names it, or follows one that does
	unseen bool  // the input does not have it
}

// lookElsewhere asks for the records that the first rows of segments name and the input
// does not have, and for those that these name in turn: a session may be finalized often.
func (l *ledger) lookElsewhere() {
	if l.options.Elsewhere == nil {
		return
	}
	l.spares = map[string]*spare{}
	sessions := map[[16]byte][]*spare{}
	var walks []walk
	for i := range l.links.segments {
		s := &l.links.segments[i]
		if s.parent != noParent || s.lost || s.start == 0 && l.options.StartsAtHead {
			continue
		}
		r := l.links.index.row(s.start)
		if len(walks) == maxElsewhere {
			l.notAllAsked = true
			break
		}
		walks = append(walks, walk{bundle.Digest(r.prev).String(), s.start})
	}
	// What one missing record leads to must not use up what the others need: all go one
	// step, and twice as many each time until they are back in the ledger.
	asked := 0
	for steps := 1; len(walks) > 0; steps *= 2 {
		var on []walk
		for _, w := range walks {
			if l.walkElsewhere(&w, steps, &asked, sessions) {
				on = append(on, w)
			}
		}
		walks = l.stillOutside(on)
	}
	if len(sessions) > 0 {
		l.replacedElsewhere(sessions)
	}
}

// walk goes back from a missing record to those before it.
type walk struct {
	hash  string // the next to be asked for
	names int64
}

// walkElsewhere asks for the next records of a walk, and reports whether it goes on.
func (l *ledger) walkElsewhere(w *walk, steps int, asked *int, sessions map[[16]byte][]*spare) bool {
	for range steps {
		if w.hash == l.start() || w.hash == bundle.Genesis || l.spares[w.hash] != nil {
			return false
		}
		if *asked == maxElsewhere {
			l.notAllAsked = true
			return false
		}
		*asked++
		found, session := l.genuineElsewhere(w.hash)
		if found == nil {
			return false
		}
		found.names = w.names
		l.spares[w.hash], w.hash = found, found.prev
		sessions[session] = append(sessions[session], found)
	}
	return true
}

// stillOutside leaves out the walks that are back in the ledger.
func (l *ledger) stillOutside(walks []walk) (outside []walk) {
	if len(walks) == 0 {
		return nil
	}
	there := map[[32]byte]bool{}
	var hash [32]byte
	for _, w := range walks {
		if parseHash(&hash, []byte(w.hash)) {
			there[hash] = false
		}
	}
	l.links.scan(func(_ int64, encoded []byte) {
		if _, ok := there[[32]byte(encoded[:32])]; ok {
			there[[32]byte(encoded[:32])] = true
		}
	})
	for _, w := range walks {
		if parseHash(&hash, []byte(w.hash)) && !there[hash] {
			outside = append(outside, w)
		}
	}
	return outside
}

func (l *ledger) genuineElsewhere(hash string) (*spare, [16]byte) {
	raw := l.options.Elsewhere(hash)
	if raw.Data == nil || raw.Err != nil {
		return nil, [16]byte{}
	}
	b, err := bundle.Parse(raw.Data)
	if err != nil || b.Entry.ThisHash != hash || !l.Bundle(b).Proven() {
		return nil, [16]byte{}
	}
	f := &spare{prev: b.Entry.PrevHash, unseen: true, place: Place{Input: bounded(raw.Input), SessionID: bounded(b.Proof.SessionID), KID: bounded(b.Entry.KID), ThisHash: hash}}
	key, isUUID := sessionKey([]byte(b.Proof.SessionID))
	if isUUID {
		f.place.SessionID = bundle.FormatUUID(key)
	}
	if !parseHash(&f.this, []byte(hash)) {
		return nil, key
	}
	return f, key
}

// replacedElsewhere tells of the sessions for which the input has another record than
// the one that was found outside.
func (l *ledger) replacedElsewhere(sessions map[[16]byte][]*spare) {
	type pair struct {
		spare *spare
		at    int64
	}
	var pairs []pair
	l.links.scan(func(at int64, encoded []byte) {
		for _, s := range sessions[[16]byte(encoded[80:96])] {
			if s.this == [32]byte(encoded[:32]) {
				s.unseen = false
			} else if len(pairs) < maxElsewhere {
				pairs = append(pairs, pair{s, at})
			}
		}
	})
	for _, p := range pairs {
		if !p.spare.unseen {
			continue // session_duplicate tells
		}
		x := l.links.index
		r, names := x.row(p.at), x.row(p.spare.names)
		f := Finding{Status: Fail, Code: RecordReplaced, Place: x.placeOf(&r), Others: []Place{p.spare.place, x.placeOf(&names)}, Pointer: "/proof/session_id",
			Expected: p.spare.place.ThisHash, Actual: r.hash(),
			Message: "the session was finalized again: another record of it, genuinely signed, lies in " + p.spare.place.Input + ", and this one stands in the ledger instead"}
		if r.flags&genuineRow == 0 {
			f.Status = NotRun
			f.Message += "; that this one is the signer's own is not shown"
		}
		l.found(f)
	}
}

// keptElsewhere begins a hint with where a missing record lies, or ends it with where it
// may lie.
func (l *ledger) keptElsewhere(hash, hint string) string {
	switch s := l.spares[hash]; {
	case s != nil:
		return joined("the record itself, of session "+s.place.SessionID+" and genuinely signed, lies in "+s.place.Input, hint)
	case l.notAllAsked:
		return joined(hint, fmt.Sprintf("outside of the ledger, only %d missing records were looked for", maxElsewhere))
	case l.options.Elsewhere == nil:
		return joined(hint, "a session that was finalized again may have lost its first record: the proof files of the artifacts folder may still have it (--artifacts-dir)")
	}
	return hint
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
