package verify

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// The slots hold every record once, in its place, whatever the order and however
// far the times lie apart.
func TestTimeline(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const lastSecond = 253402300799 // of the year 9999
	for _, span := range []int64{1, 60, 63, 64, 86400, 40 * 86400 * 365, lastSecond} {
		times := make([]int64, 500)
		for i := range times {
			times[i] = random.Int64N(span+1) * 1_000_000
		}
		var want Timeline
		for round := range 5 {
			var line timeline
			for i, at := range times {
				line.add(at, i%5 != 0)
			}
			got := line.report()
			if len(got.Slots) > maxSlots || len(got.Slots) == 0 {
				t.Fatalf("span %d: %d slots", span, len(got.Slots))
			}
			records, bad := make([]int64, len(got.Slots)), make([]int64, len(got.Slots))
			for i, at := range times {
				slot := int(time.Unix(at/1_000_000, 0).Unix()-got.Start.Unix()) / int(got.Step/time.Second)
				records[slot]++
				if i%5 == 0 {
					bad[slot]++
				}
			}
			for i, s := range got.Slots {
				if s.Records != records[i] || s.NotVerified != bad[i] {
					t.Fatalf("span %d, slot %d: %+v, want %d and %d", span, i, s, records[i], bad[i])
				}
			}
			if round == 0 {
				want = got
			} else if want.Start != got.Start || want.Step != got.Step || len(want.Slots) != len(got.Slots) {
				t.Fatalf("span %d: the order of the records matters", span)
			}
			random.Shuffle(len(times), func(i, j int) { times[i], times[j] = times[j], times[i] })
		}
	}
	if got := (&timeline{}).report(); !reflect.DeepEqual(got, Timeline{}) {
		t.Errorf("without records: %+v", got)
	}
}
