package verify

import "time"

// Timeline counts records by their signed times, in slots of equal length. It
// depends on the records alone and not on their order.
type Timeline struct {
	Start time.Time     // of the first slot; zero when no record has a time
	Step  time.Duration // length of a slot, a power of two of seconds
	Slots []Slot
}

// Slot is one slot of a [Timeline].
type Slot struct {
	Records     int64
	NotVerified int64 // of these, by themselves
}

// maxSlots bounds the slots: with one more, two become one.
const maxSlots = 64

// timeline is a Timeline in the making.
type timeline struct {
	shift uint  // a slot is 1<<shift seconds
	first int64 // number of the first slot since 1970
	slots []Slot
}

// add counts a record at a time in microseconds since 1970.
func (t *timeline) add(microseconds int64, verified bool) {
	seconds := microseconds / 1_000_000
	at := seconds >> t.shift
	if t.slots == nil {
		t.first, t.slots = at, []Slot{{}}
	}
	for max(at, t.first+int64(len(t.slots))-1)-min(at, t.first) >= maxSlots {
		t.halve()
		at = seconds >> t.shift
	}
	for ; at < t.first; t.first-- {
		t.slots = append([]Slot{{}}, t.slots...)
	}
	for at >= t.first+int64(len(t.slots)) {
		t.slots = append(t.slots, Slot{})
	}
	s := &t.slots[at-t.first]
	s.Records++
	if !verified {
		s.NotVerified++
	}
}

// halve makes slots of twice the length.
func (t *timeline) halve() {
	first := t.first >> 1
	var merged []Slot
	for i, s := range t.slots {
		n := int((t.first+int64(i))>>1 - first)
		if n == len(merged) {
			merged = append(merged, Slot{})
		}
		merged[n].Records += s.Records
		merged[n].NotVerified += s.NotVerified
	}
	t.shift, t.first, t.slots = t.shift+1, first, merged
}

func (t *timeline) report() Timeline {
	if t.slots == nil {
		return Timeline{}
	}
	return Timeline{time.Unix(t.first<<t.shift, 0).UTC(), time.Second << t.shift, t.slots}
}
