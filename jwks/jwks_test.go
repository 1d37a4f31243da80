package jwks_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/qodverify/qodverify/bundle/canonical"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/testdata"
)

const goodX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" // RFC 8037 appendix A

// want is what must come of one hostile set: an error for the whole set, or a
// number of usable keys, a code for the first refused one, and a warning.
type want struct {
	set     canonical.Code
	usable  int
	refused canonical.Code
	warning string
}

var abuse = map[string]want{
	"ok":                       {usable: 1},
	"alg-Ed25519-rfc9864":      {usable: 1},
	"alg-bogus":                {refused: jwks.CodeKeyUse},
	"alg-RS256-on-OKP":         {refused: jwks.CodeKeyUse},
	"unknown-kty-first":        {usable: 1, refused: jwks.CodeKeyType},
	"unknown-crv":              {refused: jwks.CodeKeyType},
	"x25519-key":               {refused: jwks.CodeKeyType},
	"dup-kid-same-key":         {usable: 1, warning: "twice"},
	"dup-kid-different-keys":   {set: jwks.CodeAmbiguousKID},
	"private-d-present":        {set: jwks.CodePrivateKey},
	"short-x":                  {refused: jwks.CodeKeyEncoding},
	"empty-x":                  {refused: jwks.CodeKeyEncoding},
	"long-x-33":                {refused: jwks.CodeKeyEncoding},
	"missing-x":                {refused: jwks.CodeKeyEncoding},
	"padded-x":                 {refused: jwks.CodeKeyEncoding},
	"std-alphabet-x":           {refused: jwks.CodeKeyEncoding},
	"noncanonical-tail-x":      {refused: jwks.CodeKeyEncoding},
	"newline-in-x":             {refused: jwks.CodeKeyEncoding},
	"kid-number":               {refused: jwks.CodeKeyKID},
	"kid-missing":              {usable: 1, warning: "no kid"},
	"kid-empty":                {usable: 1, warning: "no kid"},
	"use-enc":                  {refused: jwks.CodeKeyUse},
	"key_ops-sign-only":        {refused: jwks.CodeKeyUse},
	"empty-set":                {warning: "no keys"},
	"no-keys-member":           {set: jwks.CodeNotJWKS},
	"keys-null":                {set: jwks.CodeNotJWKS},
	"single-jwk-not-set":       {usable: 1, warning: "single JWK"},
	"symmetric":                {set: jwks.CodePrivateKey},
	"small-order-key-identity": {refused: jwks.CodeKeyWeak},
	"small-order-key-zero":     {refused: jwks.CodeKeyWeak},
	"non-canonical-point":      {refused: jwks.CodeKeyEncoding}, // its base64url is not canonical either, and is looked at first
	"window-expired":           {usable: 1},
	"window-future":            {usable: 1},
	"revoked":                  {usable: 1},
	"x5c-garbage":              {usable: 1, warning: "certificates"},
	"many-keys":                {usable: 2000},
	"trailing-data":            {set: canonical.CodeTrailingData},
	"dup-member-x":             {set: canonical.CodeDuplicateName},
	"not-json":                 {set: canonical.CodeSyntax},
}

func TestAbuse(t *testing.T) {
	var file struct {
		Cases []struct {
			Name string
			JWKS json.RawMessage
		}
		Raw []struct{ Name, Raw string } `json:"raw_cases"`
	}
	if err := json.Unmarshal(testdata.Read("jwks-abuse/cases.json"), &file); err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(name, data string) {
		t.Helper()
		seen++
		w, ok := abuse[name]
		if !ok {
			t.Errorf("%s: no expectation", name)
			return
		}
		expect(t, name, data, w)
	}
	for _, c := range file.Cases {
		check(c.Name, string(c.JWKS))
	}
	for _, c := range file.Raw {
		check(c.Name, c.Raw)
	}
	if seen != 39 || len(abuse) != 39 {
		t.Errorf("%d sets and %d expectations, want 39 of each", seen, len(abuse))
	}
}

func expect(t *testing.T, name, data string, w want) {
	t.Helper()
	set, err := jwks.Parse([]byte(data))
	if w.set != "" {
		if e, _ := err.(*canonical.Error); e == nil || e.Code != w.set || set != nil {
			t.Errorf("%s: got %v, want the set refused as %s", name, err, w.set)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if set.Len() != w.usable {
		t.Errorf("%s: %d usable keys, want %d (%v)", name, set.Len(), w.usable, set.Refused())
	}
	switch refused := set.Refused(); {
	case w.refused == "" && len(refused) > 0:
		t.Errorf("%s: refused %v", name, refused)
	case w.refused != "" && (len(refused) == 0 || refused[0].Code != w.refused || !strings.HasPrefix(refused[0].Pointer, "/keys/0")):
		t.Errorf("%s: refused %v, want %s at /keys/0", name, refused, w.refused)
	}
	if got := strings.Join(set.Warnings(), "; "); w.warning != "" && !strings.Contains(got, w.warning) || w.warning == "" && got != "" {
		t.Errorf("%s: warnings %q, want %q", name, got, w.warning)
	}
}

func jwkJSON(x, kid, more string) string {
	return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q,"kid":%q%s}`, x, kid, more)
}

func setJSON(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// otherX is a second good key.
func otherX() string {
	return base64.RawURLEncoding.EncodeToString(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey))
}

// revokedTwin are the members of a second entry for a key that was revoked.
const revokedTwin = `,"revoked":{"revoked_at":1000,"reason":"keyCompromise"}`

func TestMoreSets(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want want
	}{
		"bom":                         {"\xef\xbb\xbf" + setJSON(jwkJSON(goodX, "a", "")), want{usable: 1}},
		"duplicate keys member":       {`{"keys":[],"keys":[]}`, want{set: canonical.CodeDuplicateName}},
		"array":                       {`[]`, want{set: jwks.CodeNotJWKS}},
		"key is a string":             {setJSON(`"x"`), want{set: jwks.CodeKeyNotObject}},
		"case variant of keys":        {`{"Keys":[]}`, want{set: jwks.CodeNotJWKS}},
		"different keys, other order": {setJSON(jwkJSON(otherX(), "a", ""), jwkJSON(goodX, "a", "")), want{set: jwks.CodeAmbiguousKID}},
		"refused and good, one kid":   {setJSON(jwkJSON("AAAA", "a", ""), jwkJSON(goodX, "a", "")), want{set: jwks.CodeAmbiguousKID}},
		"same key, other window":      {setJSON(jwkJSON(goodX, "a", ""), jwkJSON(goodX, "a", `,"exp":5`)), want{set: jwks.CodeAmbiguousKID}},
		"other type, same kid":        {setJSON(`{"kty":"EC","crv":"P-256","kid":"a"}`, jwkJSON(goodX, "a", "")), want{usable: 1, refused: jwks.CodeKeyType}},
		"private RSA key":             {setJSON(`{"kty":"RSA","kid":"r","n":"AA","e":"AQAB","p":"AA"}`, jwkJSON(goodX, "a", "")), want{set: jwks.CodePrivateKey}},
		"private AKP key":             {setJSON(`{"kty":"AKP","kid":"r","pub":"AA","priv":"AA"}`, jwkJSON(goodX, "a", "")), want{set: jwks.CodePrivateKey}},
		"public member k":             {setJSON(`{"kty":"NEW","kid":"r","k":"AA","p":"AA"}`, jwkJSON(goodX, "a", "")), want{usable: 1, refused: jwks.CodeKeyType}},
		"private key of a new type":   {setJSON(`{"kty":"NEW","kid":"r","d":"AA"}`, jwkJSON(goodX, "a", "")), want{set: jwks.CodePrivateKey}},
		"nbf is text":                 {setJSON(jwkJSON(goodX, "a", `,"nbf":"1"`)), want{refused: jwks.CodeKeyWindow}},
		"exp beyond time":             {setJSON(jwkJSON(goodX, "a", `,"exp":1e300`)), want{refused: jwks.CodeKeyWindow}},
		"revoked is true":             {setJSON(jwkJSON(goodX, "a", `,"revoked":true`)), want{refused: jwks.CodeKeyWindow}},
		"alg is null":                 {setJSON(jwkJSON(goodX, "a", `,"alg":null`)), want{usable: 1}},
		"all optional members null":   {setJSON(jwkJSON(goodX, "a", `,"d":null,"dp":null,"k":null,"use":null,"alg":null,"key_ops":null,"nbf":null,"exp":null,"revoked":null,"x5c":null,"x5u":null`)), want{usable: 1}},
		"d, use and alg empty":        {setJSON(jwkJSON(goodX, "a", `,"d":"","use":"","alg":""`)), want{usable: 1}},
		"key_ops empty":               {setJSON(jwkJSON(goodX, "a", `,"key_ops":[]`)), want{usable: 1, warning: "key_ops is empty"}},
		"kid null":                    {setJSON(`{"kty":"OKP","crv":"Ed25519","x":"` + goodX + `","kid":null}`), want{usable: 1, warning: "no kid"}},
		"RSA with null privates":      {setJSON(`{"kty":"RSA","kid":"r","n":"AA","e":"AQAB","d":null,"p":null,"oth":null}`, jwkJSON(goodX, "a", "")), want{usable: 1, refused: jwks.CodeKeyType}},
		"twin is for encryption":      {setJSON(jwkJSON(goodX, "b", `,"use":"enc"`), jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyUse}},
		"twin has no readable window": {setJSON(jwkJSON(goodX, "b", `,"revoked":true`), jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyWindow}},
		"empty lists as RSA privates": {setJSON(`{"kty":"RSA","kid":"r","n":"AA","e":"AQAB","oth":[],"p":""}`, jwkJSON(goodX, "a", "")), want{usable: 1, refused: jwks.CodeKeyType}},
		"twin is padded":              {setJSON(jwkJSON(goodX+"=", "b", revokedTwin), jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyEncoding}},
		"twin in another alphabet":    {setJSON(jwkJSON(strings.NewReplacer("_", "/", "-", "+").Replace(goodX), "b", revokedTwin), jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyEncoding}},
		"twin with inner blanks":      {setJSON(jwkJSON(goodX[:9]+" "+goodX[9:], "b", revokedTwin), jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyEncoding}},
		"twin of kty okp":             {setJSON(`{"kty":"okp","crv":"ed25519","kid":"b","x":"`+goodX+`"`+revokedTwin+`}`, jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyType}},
		"twin without crv":            {setJSON(`{"kty":"OKP","kid":"b","x":"`+goodX+`"`+revokedTwin+`}`, jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyType}},
		"twin's kid is a number":      {setJSON(`{"kty":"OKP","crv":"Ed25519","kid":7,"x":"`+goodX+`"`+revokedTwin+`}`, jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyKID}},
		"same bytes for agreement":    {setJSON(`{"kty":"OKP","crv":"X25519","kid":"e","x":"`+goodX+`"}`, jwkJSON(goodX, "a", "")), want{usable: 1, refused: jwks.CodeKeyType}},
		"alg is a number":             {setJSON(jwkJSON(goodX, "a", `,"alg":5`)), want{refused: jwks.CodeKeyUse}},
		"key_ops of odd types":        {setJSON(jwkJSON(otherX(), "b", `,"key_ops":[5,null]`), jwkJSON(goodX, "a", "")), want{usable: 1, refused: jwks.CodeKeyUse}},
		"one JWK with keys null":      {`{"kty":"OKP","crv":"Ed25519","kid":"a","x":"` + goodX + `","keys":null}`, want{usable: 1, warning: "single JWK"}},
		"twin is refused, one kid":    {setJSON(jwkJSON(goodX, "a", `,"use":"enc"`), jwkJSON(goodX, "a", "")), want{refused: jwks.CodeKeyUse}},
		"key_ops with verify":         {setJSON(jwkJSON(goodX, "a", `,"key_ops":["sign","verify"]`)), want{usable: 1}},
		"too many keys":               {setJSON(strings.Repeat(`{"kty":"x"},`, jwks.MaxKeys) + `{"kty":"x"}`), want{set: jwks.CodeTooManyKeys}},
		"too large":                   {strings.Repeat(" ", jwks.MaxBytes) + "{}", want{set: canonical.CodeTooLarge}},
	} {
		expect(t, name, c.data, c.want)
	}
}

// A revocation leaves earlier proofs valid for three reasons alone, matched whole.
func TestRevocationReasons(t *testing.T) {
	before := time.Unix(999, 0)
	long := strings.Repeat("Revoked on 2026-11-24 after an incident. ", 4) + "signing key compromised"
	for _, c := range []struct {
		reason string // as JSON; "" leaves it out
		want   error
	}{
		{`"superseded"`, nil}, {`"cessationOfOperation"`, nil}, {`"affiliationChanged"`, nil},
		{``, jwks.ErrCompromised}, {`null`, jwks.ErrCompromised}, {`""`, jwks.ErrCompromised}, {`1`, jwks.ErrCompromised}, {`4`, jwks.ErrCompromised},
		{`["superseded"]`, jwks.ErrCompromised}, {`{"superseded":true}`, jwks.ErrCompromised}, {`true`, jwks.ErrCompromised},
		{`"Superseded"`, jwks.ErrCompromised}, {`"superseded "`, jwks.ErrCompromised}, {`"superseded, keyCompromise"`, jwks.ErrCompromised},
		{`"keyCompromise"`, jwks.ErrCompromised}, {`"cACompromise"`, jwks.ErrCompromised}, {`"key stolen"`, jwks.ErrCompromised},
		{`"unspecified"`, jwks.ErrCompromised}, {`"certificateHold"`, jwks.ErrCompromised}, {`"removeFromCRL"`, jwks.ErrCompromised}, {strconv.Quote(long), jwks.ErrCompromised},
	} {
		t.Run(c.reason, func(t *testing.T) {
			member := ""
			if c.reason != "" {
				member = `,"reason":` + c.reason
			}
			set, err := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", `,"revoked":{"revoked_at":1000`+member+`}`))))
			if err != nil {
				t.Fatal(err)
			}
			key, err := set.Lookup("a")
			if err != nil {
				t.Fatal(err)
			}
			if got := key.ValidAt(before); !errors.Is(got, c.want) {
				t.Errorf("before the revocation: %v, want %v", got, c.want)
			}
			if got := key.ValidAt(time.Unix(1000, 0)); !errors.Is(got, jwks.ErrRevoked) {
				t.Errorf("at the revocation: %v, want %v", got, jwks.ErrRevoked)
			}
		})
	}
}

// What bounds a key bounds it under every kid, in one set and in several.
func TestWindowsBindTheKey(t *testing.T) {
	const plain, bounded = "", `,"nbf":100,"exp":900,"revoked":{"revoked_at":800,"reason":"keyCompromise"}`
	one := setJSON(jwkJSON(goodX, "a", bounded), jwkJSON(goodX, "b", plain))
	for name, sets := range map[string][]string{
		"one set":       {one},
		"two sets":      {setJSON(jwkJSON(goodX, "a", bounded)), setJSON(jwkJSON(goodX, "b", plain))},
		"other order":   {setJSON(jwkJSON(goodX, "b", plain)), setJSON(jwkJSON(goodX, "a", bounded))},
		"three entries": {setJSON(jwkJSON(goodX, "c", `,"nbf":100,"exp":900`)), setJSON(jwkJSON(goodX, "b", plain)), setJSON(jwkJSON(goodX, "d", `,"revoked":{"revoked_at":800}`))},
	} {
		t.Run(name, func(t *testing.T) {
			var parsed []*jwks.KeySet
			for _, s := range sets {
				set, err := jwks.Parse([]byte(s))
				if err != nil {
					t.Fatal(err)
				}
				parsed = append(parsed, set)
			}
			set, err := jwks.Merge(parsed...)
			if err != nil {
				t.Fatal(err)
			}
			key, err := set.Lookup("b")
			if err != nil {
				t.Fatal(err)
			}
			for at, want := range map[int64]error{50: jwks.ErrNotYetValid, 500: jwks.ErrCompromised, 850: jwks.ErrRevoked, 950: jwks.ErrExpired} {
				if got := key.ValidAt(time.Unix(at, 0)); !errors.Is(got, want) {
					t.Errorf("at %d: %v, want %v", at, got, want)
				}
			}
		})
	}
}

// A key whose bounds come from another entry says so, and no other key does.
func TestBoundElsewhere(t *testing.T) {
	set, err := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", `,"exp":900`), jwkJSON(goodX, "b", ""), jwkJSON(otherX(), "c", `,"exp":900`))))
	if err != nil {
		t.Fatal(err)
	}
	for kid, want := range map[string]bool{"a": false, "b": true, "c": false} {
		if key, err := set.Lookup(kid); err != nil || key.BoundElsewhere != want {
			t.Errorf("%s: %v (%v), want %v", kid, key.BoundElsewhere, err, want)
		}
	}
}

// One key under one kid with and without a revocation refuses the set, and the
// reason does not speak of two keys.
func TestOneKeyTwoWindows(t *testing.T) {
	plain, _ := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", ""))))
	revoked, _ := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", revokedTwin))))
	_, err := jwks.Merge(plain, revoked)
	if err == nil || !strings.Contains(err.Error(), "stands there twice, with different") {
		t.Errorf("got %v", err)
	}
}

// Setting a key aside refuses it under every kid and leaves the others.
func TestSetAside(t *testing.T) {
	set, err := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", ""), jwkJSON(otherX(), "b", ""), jwkJSON(goodX, "c", ""))))
	if err != nil {
		t.Fatal(err)
	}
	key, _ := set.Lookup("a")
	set.SetAside(key.Public, "for a test")
	for _, kid := range []string{"a", "c"} {
		var refused *jwks.RefusedKeyError
		if _, err := set.Lookup(kid); !errors.As(err, &refused) || refused.Code != jwks.CodeKeyDisputed {
			t.Errorf("%s: %v", kid, err)
		}
	}
	if _, err := set.Lookup("b"); err != nil || set.Len() != 1 {
		t.Errorf("b: %v, %d usable", err, set.Len())
	}
}

// A key says which of several sets it stood in.
func TestSource(t *testing.T) {
	first, _ := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", ""))))
	second, _ := jwks.Parse([]byte(setJSON(jwkJSON(otherX(), "b", ""))))
	set, err := jwks.Merge(first.From("one.json"), second.From("two.json"))
	if err != nil {
		t.Fatal(err)
	}
	for kid, want := range map[string]string{"a": "one.json", "b": "two.json"} {
		if key, err := set.Lookup(kid); err != nil || key.Source != want {
			t.Errorf("%s: from %q (%v), want %q", kid, key.Source, err, want)
		}
	}
}

// All 14 encodings of points of small order, canonical or not (CCTV ed25519):
// crypto/ed25519 accepts every one as a key.
func TestSmallOrderKeys(t *testing.T) {
	for _, h := range []string{
		"0100000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000080",
		"0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	} {
		key, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		if err := jwks.CheckPublicKey(key); err == nil {
			t.Errorf("%s: accepted", h)
		}
		expect(t, h, setJSON(jwkJSON(base64.RawURLEncoding.EncodeToString(key), "a", "")), want{refused: jwks.CodeKeyWeak})
	}
}

func TestThumbprint(t *testing.T) {
	set, err := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", ""))))
	if err != nil {
		t.Fatal(err)
	}
	key, err := set.Lookup("a")
	if err != nil {
		t.Fatal(err)
	}
	const want = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" // RFC 8037 appendix A.3
	if got := key.Thumbprint().String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for s, ok := range map[string]bool{
		want: true, "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + want: true,
		want + "=": false, want[:42]: false, want[:42] + "l": false, "": false, strings.ToLower(want): true, "+" + want[1:]: false,
	} {
		if got, err := jwks.ParseThumbprint(s); (err == nil) != ok || s == want && got != key.Thumbprint() {
			t.Errorf("ParseThumbprint(%q): %v", s, err)
		}
	}
}

// A key is found by exactly its kid: never the only key, never a folded name.
func TestLookup(t *testing.T) {
	set, err := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "Kid", ""), jwkJSON("AAAA", "bad", ""), `{"kty":"OKP","crv":"Ed25519","x":"`+otherX()+`"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if k, err := set.Lookup("Kid"); err != nil || k.KID != "Kid" {
		t.Errorf("Kid: %v %v", k, err)
	}
	for _, kid := range []string{"", "kid", "KID", "\u212aid", "other", "Kid "} {
		if _, err := set.Lookup(kid); !errors.Is(err, jwks.ErrUnknownKID) {
			t.Errorf("Lookup(%q): %v", kid, err)
		}
	}
	var refused *jwks.RefusedKeyError
	if _, err := set.Lookup("bad"); !errors.As(err, &refused) || refused.Code != jwks.CodeKeyEncoding {
		t.Errorf("Lookup(bad): %v", err)
	}
	var none *jwks.KeySet
	if _, err := none.Lookup("a"); !errors.Is(err, jwks.ErrUnknownKID) || none.Len() != 0 || none.Refused() != nil {
		t.Error("a nil set is not simply empty")
	}
}

func TestMerge(t *testing.T) {
	parse := func(s string) *jwks.KeySet {
		set, err := jwks.Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	a, b := parse(setJSON(jwkJSON(goodX, "a", ""))), parse(setJSON(jwkJSON(otherX(), "b", ""), jwkJSON(goodX, "a", "")))
	merged, err := jwks.Merge(a, b)
	if err != nil || merged.Len() != 2 {
		t.Errorf("merged %d keys, %v; want 2", merged.Len(), err)
	}
	for name, other := range map[string]string{
		"different keys": setJSON(jwkJSON(otherX(), "a", "")),
		"a refused key":  setJSON(jwkJSON("AAAA", "a", "")),
		"another window": setJSON(jwkJSON(goodX, "a", `,"nbf":7`)),
	} {
		if _, err := jwks.Merge(a, parse(other)); err == nil {
			t.Errorf("%s under one kid were merged", name)
		}
		if _, err := jwks.Merge(parse(other), a); err == nil {
			t.Errorf("%s under one kid were merged in the other order", name)
		}
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		more string
		at   int64
		want error
	}{
		{"", 5, nil},
		{`,"nbf":100`, 99, jwks.ErrNotYetValid},
		{`,"nbf":100`, 100, nil},
		{`,"exp":100`, 99, nil},
		{`,"exp":100`, 100, jwks.ErrExpired},
		{`,"exp":0`, 100, jwks.ErrExpired},
		{`,"nbf":100,"exp":200.5`, 150, nil},
		{`,"revoked":{"revoked_at":100,"reason":"superseded"}`, 99, nil},
		{`,"revoked":{"revoked_at":100,"reason":"superseded"}`, 100, jwks.ErrRevoked},
		{`,"revoked":{"revoked_at":100}`, 101, jwks.ErrRevoked},
		{`,"revoked":{"revoked_at":100,"reason":"keyCompromise"}`, 99, jwks.ErrCompromised},
		{`,"revoked":null`, 100, nil},
	} {
		set, err := jwks.Parse([]byte(setJSON(jwkJSON(goodX, "a", c.more))))
		if err != nil {
			t.Fatal(err)
		}
		key, err := set.Lookup("a")
		if err != nil {
			t.Fatal(err)
		}
		if got := key.ValidAt(time.Unix(c.at, 0)); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s at %d: got %v, want %v", c.more, c.at, got, c.want)
		}
	}
}

// FuzzParse: no panic; every usable key is 32 good bytes that jwx reads just so
// and that verifies without a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(setJSON(jwkJSON(goodX, "a", `,"use":"sig","alg":"EdDSA","nbf":1,"exp":2e9`))))
	f.Add([]byte(jwkJSON(goodX, "a", "")))
	f.Add([]byte(setJSON(jwkJSON("AAAA", "a", `,"revoked":{"revoked_at":1}`), `{"kty":"AKP"}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := jwks.Parse(data)
		if err != nil {
			var e *canonical.Error
			if !errors.As(err, &e) || e.Code == "" || set != nil {
				t.Fatalf("%q: badly made error %#v", data, err)
			}
			return
		}
		for k := range set.All() {
			if err := jwks.CheckPublicKey(k.Public[:]); err != nil {
				t.Fatalf("%q: usable key is %v", data, err)
			}
			k.Verify([]byte("message"), make([]byte, 64))
			k.Verify(nil, nil)
			parsed, err := jwk.ParseKey(k.JWK)
			if err != nil {
				continue // stricter than us about members that we ignore
			}
			var theirs ed25519.PublicKey
			if err := parsed.Raw(&theirs); err != nil || string(theirs) != string(k.Public[:]) {
				t.Fatalf("%q: jwx reads %x (%v), we read %x", data, theirs, err, k.Public)
			}
		}
	})
}
