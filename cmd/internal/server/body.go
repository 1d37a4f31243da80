package server

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/qodverify/qodverify/cmd/internal/pyjson"
)

// readBody reads a JSON body as FastAPI does. A body whose Content-Type is not
// JSON is a string, which no endpoint accepts; that is what keeps a web page of
// another origin from posting here without a CORS preflight.
func readBody(r *http.Request) (any, *reply) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		refused := detail(http.StatusBadRequest, "There was an error parsing the body")
		if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
			refused = detail(http.StatusRequestEntityTooLarge, tooLarge)
		}
		return nil, &refused
	}
	if len(data) == 0 {
		return nil, nil
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return strings.ToValidUTF8(string(data), "\ufffd"), nil
	}
	v, err := pyjson.Decode(data)
	if err == nil {
		return v, nil
	}
	refused := detail(http.StatusBadRequest, "There was an error parsing the body")
	if syntax := (*pyjson.SyntaxError)(nil); errors.As(err, &syntax) {
		refused = invalid(faults{fault{
			kind: "json_invalid", message: "JSON decode error", input: pyjson.Object{},
			ctx: pyjson.Object{{Name: "error", Value: syntax.Message}},
		}.at("body", syntax.Offset)})
	}
	return nil, &refused
}

// isJSON reports whether a media type is application/json or application/…+json.
func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	kind, subtype, _ := strings.Cut(strings.ToLower(strings.TrimSpace(media)), "/")
	return kind == "application" && (subtype == "json" || strings.HasSuffix(subtype, "+json"))
}
