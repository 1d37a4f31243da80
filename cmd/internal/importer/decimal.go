package importer

import (
	"fmt"
	"strings"
	"time"
)

// nanoseconds reads decimal milliseconds exactly, without a detour over floats. The
// fraction may stand after a comma, as some languages have it, and a power of ten
// after an e, as C's %g writes it.
func nanoseconds(ms string) (int64, error) {
	number, exponent, scaled := strings.Cut(ms, "e")
	whole, fraction, _ := strings.Cut(strings.Replace(number, ",", ".", 1), ".")
	var moved int
	if scaled {
		if _, err := fmt.Sscanf(exponent, "%d", &moved); err != nil || moved < 0 || moved > 8 {
			return 0, fmt.Errorf("%q is no delay in milliseconds", ms)
		}
	}
	if zeros := moved - len(fraction); zeros > 0 {
		fraction += strings.Repeat("0", zeros)
	}
	whole, fraction = whole+fraction[:moved], fraction[moved:]
	if len(fraction) > 6 || len(whole) == 0 || len(whole) > 8 {
		return 0, fmt.Errorf("%q is no delay in milliseconds", ms)
	}
	fraction += strings.Repeat("0", 6-len(fraction))
	var n int64
	for _, c := range whole + fraction {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is no delay in milliseconds", ms)
		}
		n = 10*n + int64(c-'0')
	}
	if n > int64(time.Minute) {
		return 0, fmt.Errorf("a delay of %s ms is beyond the 60 s that a sample takes", ms)
	}
	return n, nil
}

// lastPlace is what the last digit of decimal milliseconds stands for, in nanoseconds.
func lastPlace(ms string) int64 {
	number, exponent, _ := strings.Cut(ms, "e")
	_, fraction, _ := strings.Cut(strings.Replace(number, ",", ".", 1), ".")
	moved := 0
	if exponent != "" {
		_, _ = fmt.Sscanf(exponent, "%d", &moved)
	}
	place := int64(time.Millisecond)
	for range len(fraction) {
		place /= 10
	}
	for range min(max(moved, 0), 8) {
		place *= 10
	}
	return place
}
