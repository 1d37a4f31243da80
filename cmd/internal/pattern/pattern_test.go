package pattern

import "testing"

func TestLazy(t *testing.T) {
	digits := Lazy(`^\d+$`)
	first := digits()
	if again := digits(); again != first || !first.MatchString("12") || first.MatchString("x") {
		t.Error("it is not compiled once")
	}
	wrong := Lazy(`(`) // as long as nobody asks, nothing happens
	defer func() {
		if recover() == nil {
			t.Error("a wrong expression was taken")
		}
	}()
	wrong()
}
