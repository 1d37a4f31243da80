package verify

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/qodverify/qodverify/bundle"
)

// row is what an audit remembers of one record: enough to find its neighbours,
// its doubles, and the place to name.
type row struct {
	prev, this [32]byte // as the record claims them; prev is zero for GENESIS
	artifact   [16]byte // start of the artifact's SHA-256, zero when there is none
	session    [16]byte // the UUID, else the start of the text's SHA-256
	signedAt   int64    // of the proof, in microseconds since 1970; noTime without one
	recordedAt int64    // of the ledger record, likewise
	number     int64    // of the record in the input, from 1
	line       int64
	names      int64 // offset of the texts in names, with their lengths
	kid        uint32
	flags      rowFlags
}

type rowFlags uint32

const (
	genesisRow  rowFlags = 1 << iota // prev is GENESIS
	uuidSession                      // session is a UUID in its canonical spelling
	hashHolds                        // this_hash follows from prev_hash and the proof
	afterUnread                      // the input right before it could not be read as a record
	hasArtifact                      // artifact is set
	soundRow                         // every required check but the signature passes
	noPrev                           // prev_hash is neither GENESIS nor a hash; prev is zero
	noThis                           // this_hash is no hash; this is zero
	genuineRow                       // hash and signature hold, so it is the signer's own
)

const (
	rowSize = 144
	noTime  = -1 << 63
)

func (r *row) encode(b *[rowSize]byte) {
	copy(b[0:], r.this[:])
	copy(b[32:], r.prev[:])
	copy(b[64:], r.artifact[:])
	copy(b[80:], r.session[:])
	le := binary.LittleEndian
	for i, v := range []int64{r.signedAt, r.recordedAt, r.number, r.line, r.names} {
		le.PutUint64(b[96+8*i:], uint64(v))
	}
	le.PutUint32(b[136:], r.kid)
	le.PutUint32(b[140:], uint32(r.flags))
}

func (r *row) decode(b []byte) {
	copy(r.this[:], b[0:])
	copy(r.prev[:], b[32:])
	copy(r.artifact[:], b[64:])
	copy(r.session[:], b[80:])
	le := binary.LittleEndian
	for i, v := range []*int64{&r.signedAt, &r.recordedAt, &r.number, &r.line, &r.names} {
		*v = int64(le.Uint64(b[96+8*i:]))
	}
	r.kid = le.Uint32(b[136:])
	r.flags = rowFlags(le.Uint32(b[140:]))
}

// index is the table of all rows on tapes.
type index struct {
	rows    *tape
	texts   *tape  // the input's name, and a session id that is no UUID
	count   int64  // rows
	input   string // of the row before
	inputAt int64  // where its text stands
	kids    []string
	kidOf   map[string]uint32
	doubted int64 // rows of records up to this number are not the signer's own for certain
	buffer  [rowSize]byte
}

// maxKIDs bounds the kids that an audit tells apart. A genuine ledger names a
// handful.
const maxKIDs = 4096

// append adds a row with the texts that it does not hold itself.
func (x *index) append(r *row, input, session string) {
	if input != x.input || x.count == 0 {
		x.input, x.inputAt = input, x.text(input)
	}
	r.names = x.inputAt << 1
	if r.flags&uuidSession == 0 {
		// One offset must do for both: the two texts stand together.
		x.inputAt = x.text(input)
		x.text(session)
		r.names = x.inputAt<<1 | 1
	}
	r.encode(&x.buffer)
	x.rows.append(x.buffer[:])
	x.count++
}

func (x *index) text(s string) int64 {
	s = bounded(s)
	return x.texts.append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(s))), s...))
}

func (x *index) readText(at int64) (string, int64) {
	var n [4]byte
	x.texts.read(n[:], at)
	b := make([]byte, min(binary.LittleEndian.Uint32(n[:]), 2*maxText))
	x.texts.read(b, at+4)
	return string(b), at + 4 + int64(len(b))
}

func (x *index) row(at int64) (r row) {
	var b [rowSize]byte
	x.rows.read(b[:], at*rowSize)
	if r.decode(b[:]); r.number <= x.doubted {
		r.flags &^= genuineRow
	}
	return r
}

// placeOf turns a row into what a finding names.
func (x *index) placeOf(r *row) Place {
	p := Place{Record: r.number, Line: r.line, ThisHash: r.hash()}
	var next int64
	p.Input, next = x.readText(r.names >> 1)
	if r.flags&uuidSession != 0 {
		p.SessionID = bundle.FormatUUID(r.session)
	} else if r.names&1 != 0 {
		p.SessionID, _ = x.readText(next)
	}
	if int(r.kid) < len(x.kids) {
		p.KID = x.kids[r.kid]
	}
	return p
}

// hash returns this_hash, or "" when it is none.
func (r *row) hash() string {
	if r.flags&noThis != 0 {
		return ""
	}
	return bundle.Digest(r.this).String()
}

// kid numbers a kid; those beyond maxKIDs share a number that has no text.
func (x *index) kid(s string) uint32 {
	n, ok := x.kidOf[s]
	if !ok {
		if len(x.kids) == maxKIDs {
			return maxKIDs
		}
		n = uint32(len(x.kids))
		if x.kidOf == nil {
			x.kidOf = map[string]uint32{}
		}
		x.kidOf[s] = n
		x.kids = append(x.kids, s)
	}
	return n
}

const lowerHex = "0123456789abcdef"

// hexValue maps lower-case hexadecimal digits to their values, all else to 255.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range lowerHex {
		t[c] = byte(i)
	}
	return t
}()

// parseHash reads 64 lower-case hexadecimal characters, and leaves zero where there
// are others.
func parseHash(dst *[32]byte, s []byte) bool {
	if len(s) != 64 {
		return false
	}
	var bad byte
	for i := range dst {
		high, low := hexValue[s[2*i]], hexValue[s[2*i+1]]
		bad |= high | low
		dst[i] = high<<4 | low
	}
	if bad > 15 {
		*dst = [32]byte{}
		return false
	}
	return true
}

// sessionKey is what two records of one session have in common, however each spells
// its id.
func sessionKey(id []byte) (key [16]byte, isUUID bool) {
	if key, isUUID = bundle.SessionUUID(id); isUUID {
		return key, true
	}
	sum := sha256.Sum256(id)
	return [16]byte(sum[:16]), false
}
