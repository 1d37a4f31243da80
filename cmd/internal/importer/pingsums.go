package importer

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

var (
	pingParts    = pattern.Lazy(`,\s|[，、]\s*`)
	pingInteger  = pattern.Lazy(`\d+`)
	pingPercent  = pattern.Lazy(`(\d+(?:[.,]\d+)?)\pZ?%|%\pZ?(\d+(?:[.,]\d+)?)`)
	pingQuantile = pattern.Lazy(`= ?[\d.,]+/[\d.,]+/`)
)

// pingSums reads the line with how many probes were sent and answered. In another
// language than English that is the line of which the first two numbers have the loss
// in per cent that stands behind them.
func pingSums(line string) (sent, received int64, took time.Duration, is bool) {
	if total := pingTotal().FindStringSubmatch(line); total != nil {
		sent, errSent := strconv.ParseInt(total[1], 10, 64)
		received, errReceived := strconv.ParseInt(total[2], 10, 64)
		if t := pingTook().FindStringSubmatch(line); t != nil {
			ms, _ := strconv.ParseInt(t[1], 10, 64)
			took = time.Duration(ms) * time.Millisecond
		}
		return sent, received, took, errSent == nil && errReceived == nil
	}
	if !strings.Contains(line, "%") || pingQuantile().MatchString(line) {
		return 0, 0, 0, false
	}
	var numbers []int64
	loss := -1.0
	for _, part := range pingParts().Split(line, -1) {
		if p := pingPercent().FindStringSubmatch(part); p != nil && loss < 0 {
			loss, _ = strconv.ParseFloat(strings.Replace(p[1]+p[2], ",", ".", 1), 64)
			continue
		}
		list := pingInteger().FindAllString(part, -1)
		if len(list) == 0 || strings.Contains(part, "+") {
			continue
		}
		n, err := strconv.ParseInt(list[len(list)-1], 10, 64)
		switch {
		case err != nil:
			return 0, 0, 0, false
		case loss < 0:
			numbers = append(numbers, n)
		case n < 1e12:
			took = time.Duration(n) * time.Millisecond
		}
	}
	if len(numbers) != 2 || loss < 0 || numbers[0] < numbers[1] {
		return 0, 0, 0, false
	}
	sent, received = numbers[0], numbers[1]
	right := sent > 0 && math.Abs(loss-100*float64(sent-received)/float64(sent)) < 1
	return sent, received, took, right
}
