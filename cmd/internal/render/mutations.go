package render

import (
	"fmt"
	"io"
	"strings"

	"github.com/qodverify/qodverify/verify"
)

// Mutations is what became of a bundle whose members were changed in turn.
type Mutations struct {
	Tool               Tool
	Input              string
	Outcomes           []Mutation
	Protected, Members int
	Open               []string // members of which some change goes unseen
	Left               int      // values of long arrays that were left out
}

// Mutation is one change.
type Mutation struct {
	Pointer, Kind string
	Caught        bool
	Verdict       verify.Verdict
	By            []verify.CheckID
}

// MutationsText writes them for a person: a line a member, each change with what
// caught it.
func MutationsText(w io.Writer, m Mutations, o TextOptions) error {
	var b strings.Builder
	p := newPainter(&b, o)
	p.line("%s: %d of %d members protected", p.bold.Sprint(Printable(m.Input)), m.Protected, m.Members)
	last := ""
	for _, x := range m.Outcomes {
		pointer := x.Pointer
		if pointer == "" {
			pointer = "(the bundle)"
		}
		if pointer == last {
			pointer = ""
		} else {
			last = pointer
		}
		caught := p.bad.Sprint("not seen")
		if x.Caught {
			var ids []string
			for _, id := range x.By {
				ids = append(ids, string(id))
			}
			caught = fmt.Sprintf("%s (%s)", strings.Join(ids, ", "), x.Verdict)
		}
		p.line("  %-58s  %-8s %s", Printable(pointer), x.Kind, caught)
	}
	if m.Left > 0 {
		p.line("  and %d values of long arrays, which are like their neighbours", m.Left)
	}
	p.line("")
	if len(m.Open) == 0 {
		p.line("No member can be changed or left out unseen.")
	} else {
		p.line("Nothing protects, or not against being left out:")
		for _, pointer := range m.Open {
			p.line("  %s", Printable(pointer))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// MutationsJSON writes them as one document.
func MutationsJSON(w io.Writer, m Mutations) error {
	type outcome struct {
		Pointer string   `json:"pointer"`
		Kind    string   `json:"kind"`
		Caught  bool     `json:"caught"`
		Verdict string   `json:"verdict"`
		By      []string `json:"by"`
	}
	doc := struct {
		Schema    string    `json:"schema"`
		Tool      Tool      `json:"tool"`
		Input     string    `json:"input"`
		Members   int       `json:"members"`
		Protected int       `json:"protected"`
		Open      []string  `json:"unprotected"`
		Left      int       `json:"left_out"`
		Outcomes  []outcome `json:"outcomes"`
	}{"qodverify/mutate/v1", m.Tool, m.Input, m.Members, m.Protected, append([]string{}, m.Open...), m.Left, []outcome{}}
	for _, x := range m.Outcomes {
		out := outcome{x.Pointer, x.Kind, x.Caught, x.Verdict.String(), []string{}}
		for _, id := range x.By {
			out.By = append(out.By, string(id))
		}
		doc.Outcomes = append(doc.Outcomes, out)
	}
	return WriteJSON(w, doc)
}
