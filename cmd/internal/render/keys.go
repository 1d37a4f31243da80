package render

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/qodverify/qodverify/jwks"
)

// KeyList is one read key set, or why it can't be used.
type KeyList struct {
	Source string
	Set    *jwks.KeySet
	Err    error
	// Unread says in a word or two why there is nothing to look at: "not found", say. ""
	// where the set was read.
	Unread string
}

// Faulty reports whether the set has an Ed25519 key that may not verify. Keys
// of other types are no fault.
func Faulty(set *jwks.KeySet) bool {
	return slices.ContainsFunc(set.Refused(), func(r jwks.RefusedKeyError) bool { return r.Code != jwks.CodeKeyType })
}

// hintOf says what to do about an error, if it knows.
func hintOf(err error) string {
	var e interface{ Hint() string }
	if errors.As(err, &e) {
		return e.Hint()
	}
	return ""
}

// whyOf is what an error says where its hint is told apart from it.
func whyOf(err error) string {
	var e interface{ Finding() string }
	if errors.As(err, &e) {
		return e.Finding()
	}
	return err.Error()
}

// KeysText lists key sets for a person.
func KeysText(w io.Writer, lists []KeyList, o TextOptions) error {
	var b strings.Builder
	p := newPainter(&b, o)
	for i, list := range lists {
		if i > 0 {
			p.line("")
		}
		if list.Err != nil {
			p.line("%s: %s", p.bold.Sprint(Printable(list.Source)), p.bad.Sprint(strings.ToUpper(cmp.Or(list.Unread, "unusable"))))
			p.field("why", "%s", whyOf(list.Err))
			if hint := hintOf(list.Err); hint != "" {
				p.field("  hint", "%s", hint)
			}
			continue
		}
		p.line("%s: %d usable, %d not", p.bold.Sprint(Printable(list.Source)), list.Set.Len(), len(list.Set.Refused()))
		for k := range list.Set.All() {
			p.line("  %s  %s  %s  %s", p.good.Sprint("usable "), k.Thumbprint(), Printable(fmt.Sprintf("%q", k.KID)), Printable(k.Window.String()))
		}
		for _, r := range list.Set.Refused() {
			word := p.bad.Sprint("refused")
			if r.Code == jwks.CodeKeyType {
				word = p.subtle.Sprint("skipped")
			}
			p.line("  %s  %s  %s", word, Printable(fmt.Sprintf("%q", r.KID)), Printable(r.Pointer+": "+r.Reason))
		}
		for _, warning := range list.Set.Warnings() {
			p.line("  %s  %s", p.doubt.Sprint("warning"), Printable(warning))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// KeysJSON lists key sets as one document.
func KeysJSON(w io.Writer, tool Tool, lists []KeyList) error {
	type key struct {
		KID        string `json:"kid"`
		Usable     bool   `json:"usable"`
		Thumbprint string `json:"thumbprint,omitempty"`
		NotBefore  int64  `json:"nbf,omitempty"`
		Expires    int64  `json:"exp,omitempty"`
		RevokedAt  int64  `json:"revoked_at,omitempty"`
		Code       string `json:"code,omitempty"`
		Reason     string `json:"reason,omitempty"`
		Pointer    string `json:"pointer,omitempty"`
	}
	type set struct {
		Source   string   `json:"source"`
		Error    string   `json:"error,omitempty"`
		Hint     string   `json:"hint,omitempty"`
		Keys     []key    `json:"keys"`
		Warnings []string `json:"warnings"`
	}
	doc := struct {
		Schema string `json:"schema"`
		Tool   Tool   `json:"tool"`
		Sets   []set  `json:"sets"`
	}{"qodverify/keys/v1", tool, []set{}}
	for _, list := range lists {
		s := set{Source: list.Source, Keys: []key{}, Warnings: append([]string{}, list.Set.Warnings()...)}
		if list.Err != nil {
			s.Error, s.Hint = list.Err.Error(), hintOf(list.Err)
		}
		for k := range list.Set.All() {
			s.Keys = append(s.Keys, key{KID: k.KID, Usable: true, Thumbprint: k.Thumbprint().String(), NotBefore: k.Window.NotBefore, Expires: k.Window.Expires, RevokedAt: k.Window.RevokedAt})
		}
		for _, r := range list.Set.Refused() {
			s.Keys = append(s.Keys, key{KID: r.KID, Code: string(r.Code), Reason: r.Reason, Pointer: r.Pointer})
		}
		doc.Sets = append(doc.Sets, s)
	}
	return WriteJSON(w, doc)
}
