// Package browser drives a headless Chromium for tests, by the DevTools protocol
// over a pipe: no port, no library, and a file chosen in a real file input.
package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Tab is one tab of a browser of its own.
type Tab struct {
	t       testing.TB
	in      *os.File
	session string

	mu       sync.Mutex
	last     int
	waiting  map[int]chan message
	requests []string // URLs that the page asked for
	errors   []string // what the console and the policies say
}

type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// patience bounds one call.
const patience = 60 * time.Second

// Open starts a browser, or skips the test where there is none.
func Open(t testing.TB) *Tab {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("there is no chromium on this machine")
	}
	theirs, ours, err := os.Pipe() // we write, it reads as file 3
	check(t, err)
	back, it, err := os.Pipe() // it writes as file 4
	check(t, err)
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
		"--disable-background-networking", "--disable-component-update", "--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirs, it}
	check(t, cmd.Start())
	theirs.Close()
	it.Close()
	tab := &Tab{t: t, in: ours, waiting: map[int]chan message{}}
	go tab.listen(back)
	t.Cleanup(func() {
		ours.Close() // it ends when its pipe does
		timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
	})
	var target struct{ TargetID string }
	tab.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	tab.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	tab.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "DOM", "Security"} {
		tab.Call(domain+".enable", nil, nil)
	}
	return tab
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *Tab) listen(r *os.File) {
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		data, err := lines.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(data[:len(data)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if ch := b.waiting[m.ID]; m.ID != 0 && ch != nil {
			delete(b.waiting, m.ID)
			ch <- m
		}
		b.note(m)
		b.mu.Unlock()
	}
}

// note keeps what a page did that it should not have.
func (b *Tab) note(m message) {
	switch m.Method {
	case "Network.requestWillBeSent":
		var v struct{ Request struct{ URL string } }
		if json.Unmarshal(m.Params, &v) == nil {
			b.requests = append(b.requests, v.Request.URL)
		}
	case "Log.entryAdded":
		var v struct {
			Entry struct{ Level, Text string }
		}
		if json.Unmarshal(m.Params, &v) == nil && v.Entry.Level == "error" {
			b.errors = append(b.errors, v.Entry.Text)
		}
	case "Runtime.exceptionThrown":
		b.errors = append(b.errors, string(m.Params))
	}
}

// Call carries out one method of the protocol.
func (b *Tab) Call(method string, params any, result any) {
	b.t.Helper()
	b.mu.Lock()
	b.last++
	id, ch := b.last, make(chan message, 1)
	b.waiting[id] = ch
	b.mu.Unlock()
	raw, err := json.Marshal(params)
	check(b.t, err)
	m := message{ID: id, SessionID: b.session, Method: method}
	if params != nil {
		m.Params = raw
	}
	data, err := json.Marshal(m)
	check(b.t, err)
	if _, err := b.in.Write(append(data, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	select {
	case answer := <-ch:
		if answer.Error != nil {
			b.t.Fatalf("%s: %s", method, answer.Error.Message)
		}
		if result != nil {
			check(b.t, json.Unmarshal(answer.Result, result))
		}
	case <-time.After(patience):
		b.t.Fatalf("%s: no answer", method)
	}
}

// Go opens an address, and waits until it is loaded.
func (b *Tab) Go(url string) {
	b.t.Helper()
	var v struct{ ErrorText string }
	b.Call("Page.navigate", map[string]any{"url": url}, &v)
	if v.ErrorText != "" {
		b.t.Fatalf("%s: %s", url, v.ErrorText)
	}
	b.Until(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// Eval returns the value of an expression in the page as JSON.
func (b *Tab) Eval(expression string, into any) {
	b.t.Helper()
	var v struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	b.Call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &v)
	if v.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s %s", expression, v.ExceptionDetails.Text, v.ExceptionDetails.Exception.Description)
	}
	if into != nil && v.Result.Value != nil {
		check(b.t, json.Unmarshal(v.Result.Value, into))
	}
}

// Text returns the value of an expression that is a string.
func (b *Tab) Text(expression string) (s string) {
	b.t.Helper()
	b.Eval(expression, &s)
	return s
}

// Until waits for an expression to become true.
func (b *Tab) Until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var ok bool
		b.Eval("!!("+expression+")", &ok)
		if ok {
			return
		}
	}
	b.t.Fatalf("never true: %s; the page says %q, errors %q", expression, b.Text("document.body ? document.body.innerText.slice(0, 2000) : ''"), b.Errors())
}

// Choose puts files into a file input, as a person does.
func (b *Tab) Choose(selector string, files ...string) {
	b.t.Helper()
	var root struct{ Root struct{ NodeID int } }
	b.Call("DOM.getDocument", nil, &root)
	var node struct{ NodeID int }
	b.Call("DOM.querySelector", map[string]any{"nodeId": root.Root.NodeID, "selector": selector}, &node)
	b.Call("DOM.setFileInputFiles", map[string]any{"nodeId": node.NodeID, "files": files}, nil)
}

// Requests returns the addresses that were asked for, and forgets them.
func (b *Tab) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.requests
	b.requests = nil
	return list
}

// Errors returns what the console and the policies complained of, and forgets it.
func (b *Tab) Errors() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.errors
	b.errors = nil
	return list
}

// Size makes the window of this size, in CSS pixels, as a phone's where mobile is
// set, and prefers dark or light.
func (b *Tab) Size(width, height int, mobile, dark bool) {
	b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Screenshot writes the whole page as PNG into the folder that the environment
// names as QODVERIFY_SCREENSHOTS, for a person to look at; without it, it does
// nothing.
func (b *Tab) Screenshot(name string) {
	dir := os.Getenv("QODVERIFY_SCREENSHOTS")
	if dir == "" {
		return
	}
	var v struct{ Data []byte }
	b.Call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &v)
	check(b.t, os.WriteFile(fmt.Sprintf("%s/%s.png", dir, name), v.Data, 0o644))
}

// PDF returns the page as printed.
func (b *Tab) PDF() []byte {
	b.t.Helper()
	var v struct{ Data []byte }
	b.Call("Page.printToPDF", map[string]any{"preferCSSPageSize": true, "printBackground": false}, &v)
	return v.Data
}
