package telemetry

import (
	"encoding/json"
	"testing"

	"github.com/qodverify/qodverify/testdata"
)

// The means are CPython 3.12's, which adds with compensation; older versions
// differ on every one of these lists.
func TestAverages(t *testing.T) {
	var data struct {
		Cases []struct {
			Values []float64
			Want   float64 `json:"py312_compensated_sum"`
		}
	}
	if err := json.Unmarshal(testdata.Read("pycanon/aggregate-round.json"), &data); err != nil {
		t.Fatal(err)
	}
	for _, c := range data.Cases {
		var m Averages
		for _, v := range c.Values {
			m.Add(0, v, 0)
		}
		if got := m.P95(); got != min(c.Want, Clamp) {
			t.Errorf("%v: %v, want %v", c.Values, got, c.Want)
		}
	}
	var rounds struct{ Cases [][2]float64 }
	if err := json.Unmarshal(testdata.Read("pycanon/round2.json"), &rounds); err != nil {
		t.Fatal(err)
	}
	for _, c := range rounds.Cases {
		if got := round2(c[0]); got != c[1] {
			t.Errorf("round(%v, 2) = %v, want %v", c[0], got, c[1])
		}
	}
	if len(data.Cases) < 10 || len(rounds.Cases) < 10 {
		t.Errorf("%d lists and %d numbers", len(data.Cases), len(rounds.Cases))
	}
}
