package server

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// openAPI describes the service (OpenAPI 3.1). It is written by hand; a test
// holds it to the routes and to what they answer.
//
//go:embed openapi.json
var openAPI []byte

//go:embed docs.html
var docsPage string

func getOpenAPI(*request) reply { return reply{status: http.StatusOK, body: openAPI} }

// docsPolicy lets the page load nothing and run nothing: it is text.
const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func getDocs(r *request) reply {
	page, err := renderDocs()
	if err != nil {
		return detail(http.StatusInternalServerError, "The page can't be made.")
	}
	return reply{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: page}.with("Content-Security-Policy", docsPolicy)
}

// The parts of OpenAPI that the page shows.
type apiSchema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Format      string             `json:"format"`
	Pattern     string             `json:"pattern"`
	Const       any                `json:"const"`
	Enum        []any              `json:"enum"`
	AnyOf       []apiSchema        `json:"anyOf"`
	Items       *apiSchema         `json:"items"`
	Properties  ordered[apiSchema] `json:"properties"`
	Required    []string           `json:"required"`
	Minimum     *json.Number       `json:"minimum"`
	Maximum     *json.Number       `json:"maximum"`
	MinLength   *json.Number       `json:"minLength"`
	MaxLength   *json.Number       `json:"maxLength"`
	Default     any                `json:"default"`
	Description string             `json:"description"`
	Example     json.RawMessage    `json:"example"`
}

type apiContent map[string]struct{ Schema apiSchema }

type apiOperation struct {
	Summary, Description string
	Parameters           []struct {
		Name, In string
		Required bool
		Schema   apiSchema
	}
	RequestBody *struct{ Content apiContent }
	Responses   ordered[struct {
		Description string
		Content     apiContent
	}]
	Security []map[string][]string
}

type apiDocument struct {
	Info  struct{ Title, Version, Description string }
	Paths ordered[ordered[apiOperation]]

	Components struct{ Schemas ordered[apiSchema] }
}

// ordered is a JSON object in the order of its text.
type ordered[T any] []named[T]

type named[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *ordered[T]) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		v := named[T]{Name: fmt.Sprint(name)}
		if err := d.Decode(&v.Value); err != nil {
			return err
		}
		*o = append(*o, v)
	}
	return nil
}

// short says in a few words what values a schema admits.
func (s apiSchema) short() string {
	var words []string
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case s.Const != nil:
		return fmt.Sprintf("%q", s.Const)
	case s.Enum != nil:
		for _, v := range s.Enum {
			words = append(words, fmt.Sprint(v))
		}
		return strings.Join(words, " | ")
	case s.AnyOf != nil:
		for _, v := range s.AnyOf {
			words = append(words, v.short())
		}
		return strings.Join(words, " or ")
	case s.Items != nil:
		return "array of " + s.Items.short()
	case s.Type == nil:
		return "any"
	}
	text := cmp.Or(s.Format, fmt.Sprint(s.Type))
	if s.Minimum != nil && s.Maximum != nil {
		text += " " + s.Minimum.String() + " to " + s.Maximum.String()
	}
	if s.MaxLength != nil {
		text += ", at most " + s.MaxLength.String() + " characters"
	}
	if s.Pattern != "" {
		text += " " + s.Pattern
	}
	if s.Default != nil {
		text += fmt.Sprintf(", default %q", fmt.Sprint(s.Default))
	}
	return text
}

var renderDocs = sync.OnceValues(func() ([]byte, error) {
	var doc apiDocument
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		return nil, err
	}
	page, err := template.New("docs").Funcs(template.FuncMap{
		"short":    apiSchema.short,
		"contains": func(list []string, s string) bool { return slices.Contains(list, s) },
		"upper":    strings.ToUpper,
		"linked":   func(s apiSchema) bool { return s.Ref != "" },
		"text":     func(m json.RawMessage) string { return string(m) },
	}).Parse(docsPage)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, doc)
	return out.Bytes(), err
})
