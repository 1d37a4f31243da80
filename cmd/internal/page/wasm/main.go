//go:build js && wasm

// Command wasm is the verifier for browsers: the same packages as the command
// line's, behind one function. It reads what it is given and nothing else.
//
//	qodverify({version, files: [{name, data: Uint8Array}], keys: [likewise], pins: ["…"]})
//	  → {verdict, json, html} or {error}
package main

import (
	"bytes"
	"fmt"
	"syscall/js"

	"github.com/qodverify/qodverify/cmd/internal/judge"
	"github.com/qodverify/qodverify/cmd/internal/render"
)

func main() {
	js.Global().Set("qodverify", js.FuncOf(func(_ js.Value, args []js.Value) any {
		answer, err := verify(args[0])
		if err != nil {
			return map[string]any{"error": render.Printable(err.Error())}
		}
		return answer
	}))
	js.Global().Call("qodverifyReady")
	select {}
}

func verify(request js.Value) (answer map[string]any, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("internal error: %v", p)
		}
	}()
	var pins []string
	for i := range request.Get("pins").Length() {
		pins = append(pins, request.Get("pins").Index(i).String())
	}
	report, err := judge.Files(render.Tool{Name: "qodverify", Version: request.Get("version").String()}, filesOf(request.Get("files")), filesOf(request.Get("keys")), pins)
	if err != nil {
		return nil, err
	}
	answer = map[string]any{"verdict": report.Verdict().String()}
	for _, format := range []string{"json", "html"} {
		var b bytes.Buffer
		if err := render.Write(&b, format, report, render.Options{}); err != nil {
			return nil, err
		}
		answer[format] = b.String()
	}
	return answer, nil
}

// filesOf copies files out of the browser's memory.
func filesOf(list js.Value) (files []judge.File) {
	for i := range list.Length() {
		data := make([]byte, list.Index(i).Get("data").Get("length").Int())
		js.CopyBytesToGo(data, list.Index(i).Get("data"))
		files = append(files, judge.File{Name: list.Index(i).Get("name").String(), Data: data})
	}
	return files
}
