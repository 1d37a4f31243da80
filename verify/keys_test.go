package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qodverify/qodverify/bundle"
	"github.com/qodverify/qodverify/jwks"
	"github.com/qodverify/qodverify/verify"
)

// What the set says of the record's key counts under whatever kid and in whatever
// spelling it says it, and the finding tells where it stands.
func TestKeySets(t *testing.T) {
	const x, other = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
	f := newForge(t).seal()
	key, err := f.keySet("").Lookup("forged")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.TrimSuffix(string(key.JWK), "}")
	twin := strings.Replace(own, `"kid":"forged"`, `"kid":"old"`, 1)
	padded := strings.Replace(strings.Replace(twin, `"x":"`, `"x":" `, 1), `"kid":"old"`, `"kid":"padded"`, 1)
	foreign := func(kid string) string {
		return fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":%q,"x":%q`, kid, x)
	}
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"k%d","x":%q}`, i, other))
	}
	for name, c := range map[string]struct {
		keys    []string
		verdict verify.Verdict
		id      verify.CheckID
		code    verify.Code
		says    string
	}{
		"sound":                               {[]string{own + `}`}, verify.Verified, verify.SignatureKey, verify.OK, ""},
		"twin compromised":                    {[]string{own + `}`, twin + `,"revoked":{"revoked_at":4000000000,"reason":"keyCompromise"}}`}, verify.Inconclusive, verify.SignatureKey, verify.KeyCompromised, "the same key so under another kid"},
		"twin superseded later":               {[]string{own + `}`, twin + `,"revoked":{"revoked_at":4000000000,"reason":"superseded"}}`}, verify.Verified, verify.SignatureKey, verify.OK, ""},
		"twin expired":                        {[]string{own + `}`, twin + `,"exp":5}`}, verify.Failed, verify.SignatureKey, verify.KeyExpired, "the same key so under another kid"},
		"expired itself":                      {[]string{own + `,"exp":5}`, foreign("z") + `}`}, verify.Failed, verify.SignatureKey, verify.KeyExpired, "had expired"},
		"twin revoked in another spelling":    {[]string{own + `}`, padded + `,"revoked":{"revoked_at":4000000000}}`}, verify.Inconclusive, verify.SignatureKey, verify.PublicKeyRefused, "the same key stands at /keys/1/x"},
		"no key names itself":                 {[]string{strings.Replace(own, `"kid":"forged"`, `"kid":null`, 1) + `}`}, verify.Inconclusive, verify.SignatureKey, verify.PublicKeyMissing, "the keys given (1) have no kid"},
		"all refused":                         {[]string{foreign("z") + `,"use":"enc"}`}, verify.Inconclusive, verify.SignatureKey, verify.PublicKeyMissing, `use is "enc", not sig`},
		"refused":                             {[]string{own + `,"alg":5}`}, verify.Inconclusive, verify.SignatureKey, verify.PublicKeyRefused, "alg is a number"},
		"no keys at all":                      {nil, verify.Inconclusive, verify.SignatureKey, verify.PublicKeyMissing, "the key set that was given has no keys"},
		"another's key under the kid":         {[]string{foreign("forged") + `}`}, verify.Failed, verify.Signature, verify.SignatureMismatch, "another one under the same kid"},
		"another's key, more keys than tried": {append([]string{foreign("forged") + `}`}, many...), verify.Failed, verify.Signature, verify.SignatureMismatch, "not tried: 4"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := jwks.Parse([]byte(`{"keys":[` + strings.Join(c.keys, ",") + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			b, err := bundle.Parse(f.json())
			if err != nil {
				t.Fatal(err)
			}
			r := verifier(t, verify.Policy{Keys: set}).Bundle(b)
			if r.Verdict() != c.verdict {
				t.Errorf("%v, want %v: %s", r.Verdict(), c.verdict, describe(r))
			}
			for _, check := range r.Checks() {
				if check.ID == c.id && check.Code == c.code && strings.Contains(check.Message+check.Hint, c.says) {
					return
				}
			}
			t.Errorf("no %s %s that says %q: %+v", c.id, c.code, c.says, r.Checks())
		})
	}
}
