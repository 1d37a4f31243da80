package bundle

import (
	"time"

	"github.com/qodverify/qodverify/bundle/canonical"
)

// Time returns the time that the proof claims for itself. It is signed, yet by
// the same party that profits from it. v0.4 spells it as RFC 3339 in UTC, with
// no fraction when the microseconds are zero; older generations as seconds.
func (p Proof) Time() (time.Time, bool) {
	if !p.Value.Exists() {
		return ParseTime(p.CreatedAt)
	}
	return timeOf(p.Value.Get("created_at"))
}

// Time returns the artifact's own time, hashed but claimed by the signer.
func (a Artifact) Time() (time.Time, bool) {
	if !a.Value.Exists() {
		return ParseTime(a.CreatedAt)
	}
	return timeOf(a.Value.Get("created_at"))
}

// Time returns the time of the ledger record. Nothing protects it.
func (e Entry) Time() (time.Time, bool) { return ParseTime(e.CreatedAt) }

// ParseTime reads a time as the generations of the format spell it: RFC 3339, or
// seconds since 1970 as a plain decimal number. Whatever else a lenient reader
// would take for a time (hexadecimal, exponents, signs, blanks, one-digit hours) is
// none: two readers would tell two times. What is below a microsecond is left out.
func ParseTime(s string) (time.Time, bool) {
	if t, ok := rfc3339(s); ok {
		return time.UnixMicro(t).UTC(), true
	}
	t, ok := seconds(s)
	return time.UnixMicro(t).UTC(), ok
}

func timeOf(v canonical.Value) (time.Time, bool) {
	t, ok := Microseconds(v)
	return time.UnixMicro(t).UTC(), ok
}

// Microseconds reads a member as [ParseTime] does, in microseconds since 1970: a
// string as RFC 3339 alone, a number as seconds. It allocates nothing.
func Microseconds(v canonical.Value) (int64, bool) {
	if v.Kind() == canonical.Number {
		return seconds(v.Raw())
	}
	text, ok := v.Bytes()
	if !ok {
		return 0, false
	}
	return rfc3339(text)
}

// seconds reads seconds up to the year 9999, with decimals or without.
func seconds[T string | []byte](s T) (t int64, ok bool) {
	whole := 0
	for whole < len(s) && s[whole] != '.' {
		whole++
	}
	if whole == 0 || whole > 12 || whole == len(s)-1 {
		return 0, false
	}
	decimals := 0
	for i := range len(s) {
		switch c := s[i]; {
		case i == whole:
		case c < '0' || c > '9':
			return 0, false
		case i < whole:
			t = 10*t + int64(c-'0')
		case decimals < 6:
			t = 10*t + int64(c-'0')
			decimals++
		}
	}
	for ; decimals < 6; decimals++ {
		t *= 10
	}
	return t, t <= 253402300799_999999
}

// rfc3339 reads 2006-01-02T15:04:05, a fraction of any length or none, and Z or an
// offset.
func rfc3339[T string | []byte](s T) (int64, bool) {
	if len(s) < 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	year, month, day := digits(s[0:4]), digits(s[5:7]), digits(s[8:10])
	hour, minute, second := digits(s[11:13]), digits(s[14:16]), digits(s[17:19])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	at, micro := 19, int64(0)
	if s[at] == '.' {
		at++
		first, unit := at, int64(100_000)
		for ; at < len(s) && s[at] >= '0' && s[at] <= '9'; at++ {
			micro += unit * int64(s[at]-'0')
			unit /= 10
		}
		if at == first {
			return 0, false
		}
	}
	offset, ok := zone(s[at:])
	// Days from the civil date, by Howard Hinnant's algorithm: years start in March.
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	era := (y + 400) / 400 // from the year -400, so that none is negative
	yearOfEra := y + 400 - era*400
	days := (era-1)*146097 + yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + (153*m+2)/5 + day - 1 - 719468
	return (int64(days)*86400+int64(hour*3600+minute*60+second-offset*60))*1e6 + micro, ok
}

// zone reads Z or an offset in minutes.
func zone[T string | []byte](s T) (minutes int, ok bool) {
	switch {
	case len(s) == 1 && s[0] == 'Z':
		return 0, true
	case len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':':
		return 0, false
	}
	hour, minute := digits(s[1:3]), digits(s[4:6])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false
	}
	minutes = 60*hour + minute
	if s[0] == '-' {
		minutes = -minutes
	}
	return minutes, true
}

// digits reads a decimal number, negative where a character is no digit.
func digits[T string | []byte](s T) (n int) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = 10*n + int(s[i]-'0')
	}
	return n
}

func daysOf(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
