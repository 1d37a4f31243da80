package pattern

import "testing"

func TestLazy(t *testing.T) {
	digits := Lazy(`^\d+$`)
	if !digits().MatchString("12") || digits().MatchString("x") || digits() != digits() {
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
