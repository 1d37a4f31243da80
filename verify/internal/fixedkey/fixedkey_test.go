package fixedkey

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"filippo.io/edwards25519"

	"github.com/qodverify/qodverify/testdata"
)

// vector is one signature to judge, with the judge that settles it.
type vector struct {
	name              string
	key, message, sig []byte
}

func (v vector) stdlib() bool {
	return len(v.key) == ed25519.PublicKeySize && ed25519.Verify(v.key, v.message, v.sig)
}

// agree holds this package to crypto/ed25519, each vector alone, and all of one
// key in groups, so that a bad one stands among good ones. It returns how many
// were accepted.
func agree(t *testing.T, vectors []vector) (accepted int) {
	t.Helper()
	var v Verifier
	byKey := map[string][]vector{}
	for _, c := range vectors {
		byKey[string(c.key)] = append(byKey[string(c.key)], c)
	}
	for key, list := range byKey {
		k, err := New([]byte(key))
		if err != nil {
			for _, c := range list {
				if c.stdlib() {
					t.Errorf("%s: crypto/ed25519 accepts under a key that New refuses: %v", c.name, err)
				}
			}
			continue
		}
		judge := func(group []vector) {
			messages, sigs, ok := make([][]byte, len(group)), make([][]byte, len(group)), make([]bool, len(group))
			for i, c := range group {
				messages[i], sigs[i], ok[i] = c.message, c.sig, i%2 == 0
			}
			v.Verify(k, messages, sigs, ok)
			for i, c := range group {
				if ok[i] != c.stdlib() {
					t.Errorf("%s: we say %v, crypto/ed25519 %v (group of %d)", c.name, ok[i], !ok[i], len(group))
				}
				if ok[i] {
					accepted++
				}
			}
		}
		for i := range list {
			judge(list[i : i+1])
		}
		for i := 0; i < len(list); i += Group {
			judge(list[i:min(i+Group, len(list))])
		}
	}
	return accepted
}

func shared(t *testing.T, name string, into any) {
	t.Helper()
	path, ok := testdata.Shared(name)
	if !ok {
		t.Skipf("shared %s is not here", name)
	}
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The counts of accepted vectors are those of crypto/ed25519, twice: alone and
// in a group.
func TestWycheproof(t *testing.T) {
	var file struct {
		TestGroups []struct {
			PublicKey struct{ PK string }
			Tests     []struct{ Comment, Msg, Sig string }
		}
	}
	shared(t, "vectors/wycheproof/ed25519_test.json", &file)
	var vectors []vector
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			vectors = append(vectors, vector{c.Comment, unhex(t, g.PublicKey.PK), unhex(t, c.Msg), unhex(t, c.Sig)})
		}
	}
	if n := agree(t, vectors); n != 2*88 {
		t.Errorf("%d accepted", n)
	}
}

func TestSpeccheck(t *testing.T) {
	var cases []struct {
		Message   string
		PubKey    string `json:"pub_key"`
		Signature string
	}
	shared(t, "vectors/speccheck/cases.json", &cases)
	var vectors []vector
	for i, c := range cases {
		vectors = append(vectors, vector{fmt.Sprint("case ", i), unhex(t, c.PubKey), unhex(t, c.Message), unhex(t, c.Signature)})
	}
	if n := agree(t, vectors); n != 2*5 {
		t.Errorf("%d accepted", n)
	}
}

func TestCCTV(t *testing.T) {
	var cases []struct{ Key, Sig, Msg string }
	shared(t, "vectors/cctv/ed25519vectors.json", &cases)
	var vectors []vector
	for i, c := range cases {
		vectors = append(vectors, vector{fmt.Sprint("vector ", i), unhex(t, c.Key), []byte(c.Msg), unhex(t, c.Sig)})
	}
	if n := agree(t, vectors); n != 2*208 {
		t.Errorf("%d accepted", n)
	}
}

// smallOrder are the encodings of the eight points of small order, the
// non-canonical ones too. Every one is a key and an R under which odd signatures
// hold.
func smallOrder(t *testing.T) [][]byte {
	var list [][]byte
	for _, s := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000080",
		"0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	} {
		list = append(list, unhex(t, s))
	}
	return list
}

// Under keys of small order, with R of small order and S at the edges.
func TestSmallOrder(t *testing.T) {
	order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	one, below := bytes.Clone(order[:0]), bytes.Clone(order)
	one = append(one, 1)
	one = append(one, make([]byte, 31)...)
	below[0]--
	var vectors []vector
	for i, a := range smallOrder(t) {
		for j, r := range smallOrder(t) {
			for k, s := range [][]byte{make([]byte, 32), one, below, order} {
				for m := range 8 {
					vectors = append(vectors, vector{fmt.Sprint(i, j, k, m), a, []byte{byte(m)}, append(bytes.Clone(r), s...)})
				}
			}
		}
	}
	if n := agree(t, vectors); n == 0 {
		t.Error("none accepted: the set does not reach the edge that it is for")
	}
}

// Every bit of a signature, and every bit of a message, flipped.
func TestBitFlips(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		seed, message := make([]byte, 32), make([]byte, 64)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		for i := range message {
			message[i] = "0123456789abcdef"[random.IntN(16)]
		}
		private := ed25519.NewKeyFromSeed(seed)
		public, sig := private.Public().(ed25519.PublicKey), ed25519.Sign(private, message)
		vectors := []vector{{"genuine", public, message, sig}}
		for bit := range 8 * len(sig) {
			flipped := bytes.Clone(sig)
			flipped[bit/8] ^= 1 << (bit % 8)
			vectors = append(vectors, vector{fmt.Sprint("signature bit ", bit), public, message, flipped})
		}
		for bit := range 8 * len(message) {
			flipped := bytes.Clone(message)
			flipped[bit/8] ^= 1 << (bit % 8)
			vectors = append(vectors, vector{fmt.Sprint("message bit ", bit), public, flipped, sig})
		}
		for _, n := range []int{0, 1, 63, 65, 128} {
			vectors = append(vectors, vector{fmt.Sprint(n, " bytes"), public, message, make([]byte, n)})
		}
		if n := agree(t, vectors); n != 2 {
			t.Errorf("%d accepted, want the genuine one twice", n)
		}
	}
}

// The digits of edge scalars, against the library's own multiplication.
func TestScalars(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	b := base()
	check := func(s *edwards25519.Scalar) {
		t.Helper()
		var v Verifier
		v.points[0].identity()
		v.ofS[0].set(s.Bytes())
		v.add(b, &v.ofS, []bool{true})
		p := &v.points[0]
		got, err := new(edwards25519.Point).SetExtendedCoordinates(&p.x, &p.y, &p.z, &p.t)
		if err != nil || got.Equal(new(edwards25519.Point).ScalarBaseMult(s)) != 1 {
			t.Errorf("%x: %v", s.Bytes(), err)
		}
	}
	for _, fill := range []byte{0x00, 0x7f, 0x80, 0x81, 0xff} {
		wide := bytes.Repeat([]byte{fill}, 32)
		wide[31] = min(fill, 0x0f)
		s, err := new(edwards25519.Scalar).SetCanonicalBytes(wide)
		if err != nil {
			t.Fatal(err)
		}
		check(s)
		check(new(edwards25519.Scalar).Negate(s))
	}
	for range 200 {
		var wide [64]byte
		for i := range wide {
			wide[i] = byte(random.Uint32())
		}
		s, _ := new(edwards25519.Scalar).SetUniformBytes(wide[:])
		check(s)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, key := range [][]byte{nil, make([]byte, 31), make([]byte, 33), unhex(t, "0200000000000000000000000000000000000000000000000000000000000000")} {
		if _, err := New(key); err == nil {
			t.Errorf("%x is taken for a key", key)
		}
	}
}

// FuzzVerify holds any bytes as message and signature, and signatures one change
// away from a genuine one, to crypto/ed25519.
func FuzzVerify(f *testing.F) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	public := private.Public().(ed25519.PublicKey)
	key, err := New(public)
	if err != nil {
		f.Fatal(err)
	}
	message := []byte("df9d6e40fd1734ca64e584b685a72a4dcacd132bbe4e4f6ecbb9464942754282")
	f.Add(message, ed25519.Sign(private, message), uint16(0), byte(0))
	f.Add(message, ed25519.Sign(private, message), uint16(31), byte(0x80))
	f.Add([]byte{}, make([]byte, 64), uint16(63), byte(0x10))
	var v Verifier
	f.Fuzz(func(t *testing.T, message, sig []byte, at uint16, flip byte) {
		genuine := ed25519.Sign(private, message)
		genuine[int(at)%len(genuine)] ^= flip
		sigs := [][]byte{sig, genuine, ed25519.Sign(private, message)}
		messages, ok := [][]byte{message, message, message}, make([]bool, 3)
		v.Verify(key, messages, sigs, ok)
		for i := range ok {
			if want := ed25519.Verify(public, message, sigs[i]); ok[i] != want {
				t.Errorf("signature %d: %v, crypto/ed25519 says %v\nmessage %x\nsignature %x", i, ok[i], want, message, sigs[i])
			}
		}
		if !ok[2] {
			t.Error("a genuine signature is refused")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	public := private.Public().(ed25519.PublicKey)
	var messages, sigs [][]byte
	const group = 64
	for i := range group {
		m := fmt.Appendf(nil, "%064x", i)
		messages, sigs = append(messages, m), append(sigs, ed25519.Sign(private, m))
	}
	b.Run("fixedkey", func(b *testing.B) {
		key, err := New(public)
		if err != nil {
			b.Fatal(err)
		}
		var v Verifier
		ok := make([]bool, group)
		b.ReportAllocs()
		for b.Loop() {
			v.Verify(key, messages, sigs, ok)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/group, "ns/sig")
	})
	b.Run("stdlib", func(b *testing.B) {
		for b.Loop() {
			for i := range messages {
				ed25519.Verify(public, messages[i], sigs[i])
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/group, "ns/sig")
	})
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			if _, err := New(public); err != nil {
				b.Fatal(err)
			}
		}
	})
}
