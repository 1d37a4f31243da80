// Package fixedkey verifies many Ed25519 signatures of one key about four times
// as fast as crypto/ed25519, with exactly its accept set.
//
// A signature (R, S) of a message M under the key A holds when the canonical
// encoding of [S]B − [k]A, with k = SHA-512(R ‖ A ‖ M), is R byte for byte (RFC
// 8032 §5.1.7 without the cofactor, S below the group order). The key is fixed,
// so multiples of B and −A are looked up: a scalar is 32 signed 8-bit digits, and
// the table holds digit · 256^position · P for every position and digit. That
// makes 64 additions and no doubling. The result's coordinates need one field
// inversion, which a group of signatures shares (Montgomery's trick).
//
// Each signature is judged by itself. There is no batch equation here: those are
// cofactored, accept what crypto/ed25519 and OpenSSL refuse, and can't say which
// record is bad.
//
// Nothing is constant time. All inputs are public.
//
// Callers treat this package as guilty until proven: a reject is judged again by
// crypto/ed25519 before anyone is accused, and so is a random part of what is
// accepted.
package fixedkey

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"errors"
	"math/bits"
	"sync"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// Group is the largest number of signatures that share one inversion, and one way
// through the tables, which are larger than a processor's nearest caches. From
// some 64 on, more gains little.
const Group = 256

const (
	digits = 32  // signed 8-bit digits of a scalar below 2^253
	values = 128 // magnitudes of a digit
)

// Key is a public key with its table, about half a mebibyte. It is safe for
// concurrent use.
type Key struct {
	public [ed25519.PublicKeySize]byte
	minusA *table
}

// New builds the table of a key, which takes as long as some 40 verifications.
// The key must be the encoding of a point; whether one is wanted that is weak is
// for the caller to say.
func New(public []byte) (*Key, error) {
	if len(public) != ed25519.PublicKeySize {
		return nil, errors.New("a public key has 32 bytes")
	}
	a, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return nil, err
	}
	return &Key{public: [32]byte(public), minusA: newTable(a.Negate(a))}, nil
}

// base is the table of the generator, which all keys share.
var base = sync.OnceValue(func() *table { return newTable(edwards25519.NewGeneratorPoint()) })

// Verifier verifies groups of signatures. It has scratch memory, so it serves
// one goroutine at a time; the zero Verifier is ready to use.
type Verifier struct {
	points   [Group]point
	products [Group + 1]field.Element
	ofS, ofK [Group]scalar
	t        terms
}

// terms are the terms of one addition. They are no local variables because those
// would be cleared at every call, 64 times a signature.
type terms struct {
	a, b, c, d, e, h field.Element
	fg               [2]field.Element
}

// Verify judges up to [Group] signatures of a key: ok[i] is what
// ed25519.Verify(key, messages[i], signatures[i]) returns. It panics when the
// slices are of different lengths or longer.
func (v *Verifier) Verify(key *Key, messages, signatures [][]byte, ok []bool) {
	n := len(messages)
	if n > Group || len(signatures) != n || len(ok) != n {
		panic("fixedkey: lengths differ or exceed a group")
	}
	for i := range n {
		v.points[i].identity()
		ok[i] = prepare(&v.ofS[i], &v.ofK[i], key, messages[i], signatures[i])
	}
	v.add(base(), &v.ofS, ok)
	v.add(key.minusA, &v.ofK, ok)
	v.products[0].One()
	for i := range n {
		v.products[i+1].Multiply(&v.products[i], &v.points[i].z)
	}
	// The inverse of all z together; walking back it yields each one's.
	var inverse, z, x, y field.Element
	inverse.Invert(&v.products[n])
	for i := n - 1; i >= 0; i-- {
		p := &v.points[i]
		z.Multiply(&inverse, &v.products[i])
		inverse.Multiply(&inverse, &p.z)
		if !ok[i] {
			continue
		}
		x.Multiply(&p.x, &z)
		y.Multiply(&p.y, &z)
		r := y.Bytes()
		r[31] |= byte(x.IsNegative() << 7)
		ok[i] = bytes.Equal(r, signatures[i][:32])
	}
}

// prepare computes the digits of S and k, and returns false for a signature that
// can't be one.
func prepare(ofS, ofK *scalar, key *Key, message, signature []byte) bool {
	if len(signature) != ed25519.SignatureSize {
		return false
	}
	var s, k edwards25519.Scalar
	if _, err := s.SetCanonicalBytes(signature[32:]); err != nil {
		return false // S is not below the group order
	}
	var buffer [192]byte
	digest := sha512.Sum512(append(append(append(buffer[:0], signature[:32]...), key.public[:]...), message...))
	if _, err := k.SetUniformBytes(digest[:]); err != nil {
		return false
	}
	ofS.set(signature[32:])
	ofK.set(k.Bytes())
	return true
}

// add adds to each point its scalar times the table's P. It goes by position, not
// by point: a position's row of the table stays in the nearest cache while all
// points use it, and neighbouring additions don't wait for each other.
//
// The z of a sum by complete formulas is never zero, so one signature can't spoil
// the inversion of the others.
func (v *Verifier) add(t *table, scalars *[Group]scalar, ok []bool) {
	for position := range digits {
		row := &t[position]
		for i := range ok {
			if !ok[i] {
				continue
			}
			d := int(scalars[i][position])
			if d == 0 {
				continue
			}
			sign := d >> (bits.UintSize - 1) // 0, or −1 for a negative digit
			v.points[i].add(&row[(d^sign)-sign-1], sign&1, &v.t)
		}
	}
}

// scalar is the signed digits of a scalar, lowest first, each from −127 to 128.
type scalar [digits]int16

// set takes 32 bytes little-endian below 2^253.
func (s *scalar) set(b []byte) {
	carry := int16(0)
	for i := range s {
		d := int16(b[i]) + carry
		carry = 0
		if d > values {
			d -= 2 * values
			carry = 1
		}
		s[i] = d
	}
	// No carry is left: the highest byte of a reduced scalar is at most 16.
}

// affine is a point (x, y) as the addition wants it: y+x and y−x, and 2dxy.
type affine struct {
	sums    [2]field.Element
	product field.Element
}

// table holds j · 256^i · P at [i][j-1].
type table [digits][values]affine

func newTable(p *edwards25519.Point) *table {
	const n = digits * values
	points := make([]edwards25519.Point, n)
	step := new(edwards25519.Point).Set(p)
	for i := range digits {
		row := points[i*values : (i+1)*values]
		row[0].Set(step)
		for j := 1; j < values; j++ {
			row[j].Add(&row[j-1], step)
		}
		step.Add(&row[values-1], &row[values-1]) // 256 · step
	}
	// To affine coordinates with one inversion for all, as in Verify.
	products := make([]field.Element, n+1)
	products[0].One()
	for i := range points {
		_, _, z, _ := points[i].ExtendedCoordinates()
		products[i+1].Multiply(&products[i], z)
	}
	var inverse, z, x, y field.Element
	inverse.Invert(&products[n])
	t := new(table)
	for i := n - 1; i >= 0; i-- {
		px, py, pz, _ := points[i].ExtendedCoordinates()
		z.Multiply(&inverse, &products[i])
		inverse.Multiply(&inverse, pz)
		x.Multiply(px, &z)
		y.Multiply(py, &z)
		e := &t[i/values][i%values]
		e.sums[0].Add(&y, &x)
		e.sums[1].Subtract(&y, &x)
		e.product.Multiply(&x, &y)
		e.product.Multiply(&e.product, twoD())
	}
	return t
}

// twoD is twice the curve's d = −121665/121666 (RFC 8032 §5.1).
var twoD = sync.OnceValue(func() *field.Element {
	var numerator, denominator field.Element
	one := new(field.Element).One()
	numerator.Mult32(one, 121665)
	denominator.Mult32(one, 121666)
	d := new(field.Element).Negate(&numerator)
	d.Multiply(d, denominator.Invert(&denominator))
	return d.Add(d, d)
})

// point is in extended coordinates (x, y, z, t) with t = xy/z, for −x² + y² = 1 +
// dx²y².
type point struct{ x, y, z, t field.Element }

func (p *point) identity() {
	p.x.Zero()
	p.y.One()
	p.z.One()
	p.t.Zero()
}

// add adds q, or −q when sign is 1: the mixed addition of Hisil, Wong, Carter and
// Dawson (2008, §3.1, with z2 = 1), complete on this curve. The negative of (y+x,
// y−x, 2dxy) is (y−x, y+x, −2dxy), which swaps operands and never branches: signs
// are random, and no processor guesses them.
func (p *point) add(q *affine, sign int, t *terms) {
	t.a.Subtract(&p.y, &p.x)
	t.a.Multiply(&t.a, &q.sums[1^sign])
	t.b.Add(&p.y, &p.x)
	t.b.Multiply(&t.b, &q.sums[sign])
	t.c.Multiply(&p.t, &q.product)
	t.d.Add(&p.z, &p.z)
	t.e.Subtract(&t.b, &t.a)
	t.h.Add(&t.b, &t.a)
	t.fg[sign].Subtract(&t.d, &t.c)
	t.fg[1^sign].Add(&t.d, &t.c)
	p.x.Multiply(&t.e, &t.fg[0])
	p.y.Multiply(&t.fg[1], &t.h)
	p.t.Multiply(&t.e, &t.h)
	p.z.Multiply(&t.fg[0], &t.fg[1])
}
