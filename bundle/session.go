package bundle

import "strings"

// NormalSessionID returns the one form of a session id in which two spellings
// can be compared: lower case with hyphens for a UUID, however it is spelled (see
// [SessionUUID]). Any other id has one spelling and is returned as it is, so that
// 1-23 is not 12-3.
func NormalSessionID(id string) string {
	if uuid, ok := SessionUUID(id); ok {
		return FormatUUID(uuid)
	}
	return id
}

// SessionUUID reads a session id that is a UUID: 8-4-4-4-12 hexadecimal digits or
// 32 of them without hyphens, in any case, alone, in braces or after urn:uuid:
// (RFC 9562, section 4). Services take all of these for one session. Without one
// form for them, a second record of a session would pass for another session's.
func SessionUUID[T string | []byte](id T) (uuid [16]byte, ok bool) {
	const prefix = "urn:uuid:"
	switch n := len(id); {
	case n > 2 && id[0] == '{' && id[n-1] == '}':
		id = id[1 : n-1]
	case n > len(prefix) && (id[0] == 'u' || id[0] == 'U') && strings.EqualFold(string(id[:len(prefix)]), prefix):
		id = id[len(prefix):]
	}
	places := &uuidDigits
	switch {
	case len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-':
	case len(id) == 32:
		places = &plainDigits
	default:
		return uuid, false
	}
	for n, i := range places {
		high, low := hexValue[id[i]], hexValue[id[i+1]]
		if high|low > 15 {
			return [16]byte{}, false
		}
		uuid[n] = high<<4 | low
	}
	return uuid, true
}

// FormatUUID writes a UUID as [NormalSessionID] does.
func FormatUUID(uuid [16]byte) string {
	var b [36]byte
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	for n, i := range uuidDigits {
		b[i], b[i+1] = lowerHex[uuid[n]>>4], lowerHex[uuid[n]&15]
	}
	return string(b[:])
}

const lowerHex = "0123456789abcdef"

// uuidDigits and plainDigits are where the sixteen bytes of a UUID stand in its
// text, with hyphens and without.
var (
	uuidDigits  = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}
	plainDigits = [16]int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}
)

// hexValue maps hexadecimal digits to their values, all else to 255.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range byte(16) {
		t[lowerHex[i]] = i
		t[strings.ToUpper(lowerHex)[i]] = i
	}
	return t
}()
