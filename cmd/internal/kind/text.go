package kind

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/qodverify/qodverify/bundle/canonical"

	"github.com/qodverify/qodverify/cmd/internal/pattern"
)

// maxLook is how much of a text is looked at for what stands near its start.
const maxLook = 64 << 10

// starts are texts that are told by how they begin, in lower case.
var starts = []struct{ id, start, what, do string }{
	{"lfs-pointer", "version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the file that it stands for", doLFS},
	{"lfs-pointer", "version https://hawser.github.com/spec/", "a Git LFS pointer, not the file that it stands for", doLFS},
	{"annex-pointer", "/annex/objects/", "a git-annex pointer, not the file that it stands for", "Fetch the file that the git-annex pointer stands for (git annex get FILE)."},
	{"html", "<!doctype html", "a web page (HTML)", ""}, {"html", "<html", "a web page (HTML)", ""}, {"html", "<head", "a web page (HTML)", ""},
	{"html", "<body", "a web page (HTML)", ""}, {"html", "<script", "a web page (HTML)", ""}, {"html", "<title", "a web page (HTML)", ""},
	{"html", "<!--", "a web page (HTML)", ""}, {"html", "<h1", "a web page (HTML)", ""}, {"html", "<center", "a web page (HTML)", ""},
	{"junit", "<testsuite", "a JUnit report", ""},
	{"xml", "<?xml", "XML", ""}, {"xml", "<", "XML", ""},
	{"fence", "```", "Markdown with the file in a code fence", ""}, {"fence", "~~~", "Markdown with the file in a code fence", ""},
	{"data-url", "data:application/json", "a data: URL", "Save what the data: URL holds: what follows its comma, decoded."},
	{"percent-encoded", "%7b%22", "percent-encoded JSON, as it stands in a URL", "Decode the percent-encoded JSON first (python3 -c 'import sys, urllib.parse as u; print(u.unquote(sys.stdin.read()))' < FILE > NEW)."},
	{"tap", "tap version", "a TAP report", ""},
	{"pickle", "\x80\x04", "a Python pickle", ""},
	{"sql", "pragma foreign_keys", "SQL text, as sqlite3 .dump writes a database", doSQL}, {"sql", "begin transaction", "SQL text, as sqlite3 .dump writes a database", doSQL},
	{"sql", "create table", "SQL text, as sqlite3 .dump writes a database", doSQL},
	{"own-report", "## qodverify: ", "qodverify's own report (Markdown)", ""},
	{"patch", "diff --git ", "a patch (git diff)", "Apply the patch (git apply FILE), and give the file that it changes."},
	{"xssi", ")]}'", "JSON behind a guard against scripts ()]}')", "Cut off the first line, the guard against scripts (tail -n +2 FILE > NEW)."},
	{"log", "curl: (", "an error message of curl", ""},
	{"patch", "--- a/", "a patch (diff)", "Apply the patch (git apply FILE), and give the file that it changes."},
	{"ppk", "putty-user-key-file-", "a key of PuTTY", ""},
	{"uuencode", "begin 644 ", "uuencoded data", "Decode the uuencoded data (uudecode FILE)."},
	{"terminal", "$ ", "text copied from a terminal", "Save the output of the command by itself, not what the terminal shows."},
	{"python", "b'{", "a Python value as print() shows it, and no JSON", "Write the bytes themselves in place of the Python text (sys.stdout.buffer.write)."},
}

const (
	doLFS = "Fetch the file that the Git LFS pointer stands for (git lfs pull)."
	doSQL = "Make the database of the SQL text (sqlite3 NEW.sqlite3 < FILE), and audit it (qodverify audit NEW.sqlite3)."
)

var (
	pem       = pattern.Lazy(`(?m)^\s*-----BEGIN ([A-Z0-9 ]{1,40})-----`)
	response  = pattern.Lazy(`(?m)\A(?:[*>] .*\n|[<>]\s*\n|\*.*\n)*<? ?HTTP/[0-9.]+ [0-9]{3}\b`)
	request   = pattern.Lazy(`\A(?:GET|POST|PUT|HEAD|DELETE|PATCH) \S+ HTTP/[0-9.]+\r?\n`)
	header    = pattern.Lazy(`\A(?:From \S+@?\S* .*\n)?([A-Za-z][A-Za-z0-9-]{0,40}):[ \t][^\n]*\n`)
	mail      = pattern.Lazy(`(?mi)^(?:from|to|subject|mime-version|received|return-path|message-id|delivered-to|date): `)
	httpOnly  = pattern.Lazy(`(?mi)^(?:server|content-length|access-control-[a-z-]+|x-request-id|etag|cache-control): `)
	compact   = pattern.Lazy(`\A[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+)?(?:~.*)?\z`)
	fence     = pattern.Lazy("(?m)^(?:```|~~~)")
	ours      = pattern.Lazy(`(?m)\A[^\n]{1,1000}: (?:VERIFIED|FAILED|INCONCLUSIVE|MALFORMED|UNREADABLE)\b`)
	yamlKey   = pattern.Lazy(`\A(?:---\s*\n|%YAML [^\n]*\n|#[^\n]*\n)*\s*[A-Za-z_][A-Za-z0-9_-]*:(?:[ \t][^\n]*)?\r?\n\s*(?:[A-Za-z_-][A-Za-z0-9_-]*:|- |#)`)
	csv       = pattern.Lazy(`\A"?[A-Za-z_][A-Za-z0-9_ ]*"?(?:[,;\t]"?[A-Za-z_][A-Za-z0-9_ ]*"?){2,}\r?\n`)
	numbered  = pattern.Lazy(`\A\s*1[:\s]\s*[{\[]`)
	hexdump   = pattern.Lazy(`\A0{4,8}[: ] ?[0-9a-f]{2}[0-9a-f ]+`)
	jsonp     = pattern.Lazy(`\A(?:/\*\*/)?[A-Za-z_$][A-Za-z0-9_$.]*\s*\(\s*[{\[]`)
	assigned  = pattern.Lazy(`\A(?:(?:var|let|const|window\.)\s*)?[A-Za-z_$][A-Za-z0-9_$.]*\s*=\s*[{\[]`)
	logLine   = pattern.Lazy(`\A[^\n{]{4,200}\{"`)
	pythonish = pattern.Lazy(`\A[\[{]\s*'`)
	bareKey   = pattern.Lazy(`\A(?:[A-Za-z0-9+/_-]{43}=?|[0-9A-Fa-f]{64})\s*\z`)
	linkText  = pattern.Lazy(`\A[^\s{}<>]{1,250}\.(?:json|jsonl|gz|zst|yaml|yml)\s*\z`)
	pingOut   = pattern.Lazy(`(?m)\A(?:PING|Ping|Pinging) |^\S+ : (?:\[\d+\]|[0-9.-]+ )`)
)

// textKind tells what text is that is no JSON, by how it begins and by where the
// parser stopped.
func textKind(data []byte, e *canonical.Error, want Want) (Kind, bool) {
	body := trimmed(data)
	head := body[:min(len(body), maxLook)]
	is := func(id, what, do string) (Kind, bool) { return kindOf(id, what, do, want), true }
	if m := pem().FindSubmatch(head); m != nil && body[0] != '{' && body[0] != '[' {
		return pemKind(string(m[1]), want), true
	}
	if conflict(data) {
		return is("conflict", "a file with the conflict marks of a merge in it (<<<<<<<, =======, >>>>>>>)", "Settle the merge conflict (git checkout --ours FILE, or --theirs), and give the file as one side has it.")
	}
	if body[0] == '{' || body[0] == '[' {
		return jsonish(data, body, e, want)
	}
	lower := bytes.ToLower(head[:min(len(head), 256)])
	for _, s := range starts {
		if !bytes.HasPrefix(lower, []byte(s.start)) {
			continue
		}
		switch {
		case s.id == "fence":
			return fenced(want), true
		case s.id == "html", s.id == "xml":
			return markup(head, want), true
		}
		return is(s.id, s.what, s.do)
	}
	if k, ok := transported(data, head, want); ok {
		return k, true
	}
	return plainText(head, want)
}

func pemKind(label string, want Want) Kind {
	do := ""
	switch {
	case strings.Contains(label, "PRIVATE KEY"):
		if want == Keys {
			do = "Keep the private key in the PEM file apart, and give the JWK Set of the public keys: --jwks takes no PEM."
		}
		return kindOf("pem-private-key", "a PEM private key ("+label+"), with which whoever has it can sign", do, want)
	case strings.Contains(label, "CERTIFICATE"):
		if want == Keys {
			do = "Give the operator's JWK Set, usually https://HOST/.well-known/jwks.json, in place of the PEM certificate: --jwks takes a JWK Set (RFC 7517)."
		}
		return kindOf("pem-certificate", "a PEM certificate", do, want)
	case strings.Contains(label, "PUBLIC KEY"):
		if want == Keys {
			do = "Give the operator's JWK Set, usually https://HOST/.well-known/jwks.json, in place of the PEM key: --jwks takes a JWK Set (RFC 7517)."
		}
		return kindOf("pem-public-key", "a PEM public key", do, want)
	}
	return kindOf("pem", "PEM ("+label+")", "", want)
}

// conflict reports whether a merge left its marks at the starts of lines.
func conflict(data []byte) bool {
	at := func(mark string) int {
		if bytes.HasPrefix(data, []byte(mark)) {
			return 0
		}
		return bytes.Index(data, []byte("\n"+mark))
	}
	if line := bytes.TrimSpace(data); !bytes.Contains(line, []byte("\n")) && (at("<<<<<<< ") == 0 || at(">>>>>>> ") == 0 || string(line) == "=======") {
		return true // a line of one
	}
	start, middle, end := at("<<<<<<< "), at("======="), at(">>>>>>> ")
	return start >= 0 && middle > start && end > middle
}

func fenced(want Want) Kind {
	return kindOf("fence", "Markdown with the file in a code fence (```)", "Take what stands in the Markdown code fence alone ("+through("sed -n '/^```/,/^```/p' FILE | sed '/^```/d'", want)+").", want)
}

func markup(head []byte, want Want) Kind {
	lower := bytes.ToLower(head)
	switch {
	case bytes.Contains(lower, []byte(`<meta name="generator" content="qodverify`)):
		return kindOf("own-report", "qodverify's own report (HTML)", "", want)
	case bytes.Contains(lower, []byte(`<testsuite`)):
		return kindOf("junit", "a JUnit report", "", want)
	case bytes.HasPrefix(lower, []byte("<?xml")) && !bytes.Contains(lower, []byte("<html")), !bytes.Contains(lower, []byte("<html")) && !webStart(lower):
		return kindOf("xml", "XML", "", want)
	}
	return kindOf("html", "a web page (HTML), as a login or an error page is answered in place of a file", "Fetch it again, and look at what the server answers in place of the web page (curl -f -o FILE URL): it may want a token, or the address is another.", want)
}

func webStart(lower []byte) bool {
	for _, s := range starts {
		if s.id == "html" && bytes.HasPrefix(lower, []byte(s.start)) {
			return true
		}
	}
	return false
}

// transported tells what carries a file, and what a file was encoded for the way.
func transported(data, head []byte, want Want) (Kind, bool) {
	is := func(id, what, do string) (Kind, bool) { return kindOf(id, what, do, want), true }
	switch {
	case response().Match(head):
		return is("http", "an HTTP answer with its headers, as curl -i prints it", "Leave out curl's -i and -v (curl -o FILE URL), or cut the headers off ("+through("sed '1,/^[[:space:]]*$/d' FILE", want)+").")
	case request().Match(head):
		return is("http-request", "an HTTP request", "")
	case header().Match(head) && len(mail().FindAll(head, 3)) >= 2 && !httpOnly().Match(head):
		return is("e-mail", "an e-mail (.eml)", "Open the e-mail, and save what is attached to it as a file of its own.")
	case header().Match(head) && (httpOnly().Match(head) || mail().Match(head) || bytes.Contains(bytes.ToLower(head), []byte("content-type:"))):
		return is("headers", "a file with HTTP or mail headers before it, as curl -i prints them", "Leave out curl's -i (curl -o FILE URL), or cut the headers off ("+through("sed '1,/^[[:space:]]*$/d' FILE", want)+").")
	case compact().Match(bytes.TrimSpace(data)) && jose(data):
		return is("jws", "a JWS or JWT in compact form (header.payload.signature)", doJWS(want))
	}
	if what, command, ok := base64Of(data); ok {
		return is("base64", "base64 of "+what, "Decode the base64 ("+through(command, want)+").")
	}
	return Kind{}, false
}

func doJWS(want Want) string {
	if want == Bundle || want == Ledger {
		return "Give the proof bundle that the JWS is about, in place of it; a JWS of qodverify export jws is verified with any JOSE library, over the bundle's report."
	}
	return ""
}

// jose reports whether the first part of a compact JWS is its header.
func jose(data []byte) bool {
	first, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("."))
	text, err := base64.RawURLEncoding.DecodeString(string(first))
	return err == nil && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{"))
}

// base64Of tells what base64 decodes to, if data is that from end to end.
func base64Of(data []byte) (what, command string, ok bool) {
	text := bytes.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, data)
	text = bytes.TrimRight(text, "=")
	if len(text) < 16 {
		return "", "", false
	}
	encoding, command := base64.RawStdEncoding, "base64 -d FILE"
	if bytes.ContainsAny(text, "-_") {
		encoding, command = base64.RawURLEncoding, "basenc --base64url -d FILE"
	}
	decoded := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(decoded, text)
	if err != nil {
		return "", "", false
	}
	decoded = decoded[:n]
	switch {
	case bytes.HasPrefix(trimmed(decoded), []byte("{")), bytes.HasPrefix(trimmed(decoded), []byte("[")):
		return "JSON", command, true
	case bytes.HasPrefix(decoded, []byte{0x1f, 0x8b}):
		return "gzip", command + " | gunzip", true
	}
	return "", "", false
}

// plainText tells the rest by how its first lines look.
func plainText(head []byte, want Want) (Kind, bool) {
	is := func(id, what, do string) (Kind, bool) { return kindOf(id, what, do, want), true }
	switch {
	case fence().Match(head):
		return fenced(want), true
	case bytes.HasPrefix(head, []byte(`"`)):
		return Kind{}, false
	case bytes.Contains(head[:min(len(head), 4096)], []byte("\x1b[")):
		return is("coloured", "text with the colour codes of a terminal, as jq -C writes it", "Write it without the colour codes of a terminal (jq -M, or no -C).")
	case bareKey().Match(head) && len(bytes.TrimSpace(head)) < 70:
		return is("bare-key", "32 bytes in base64 or hexadecimal: a bare key or a thumbprint", bareDo(want))
	case linkText().Match(head):
		return is("link-text", "the path of another file, as Git writes a symbolic link where there are none (Windows)", "Give the file that the link names, or check it out with links (git -c core.symlinks=true checkout FILE).")
	case ours().Match(head):
		return is("own-report", "qodverify's own report (text)", "")
	case pingOut().Match(head) && want != Telemetry:
		return is("measurement", "the output of a measuring tool (ping or fping)", "Give the tool's output to qodverify telemetry import --from ping (or fping) FILE.")
	case numbered().Match(head):
		return is("numbered", "JSON with line numbers before its lines, as cat -n prints it", "Copy the JSON without the line numbers, or better the file itself.")
	case hexdump().Match(head):
		return is("hex", "a hex dump", "Turn the hex dump back into the file (xxd -r FILE > NEW).")
	case jsonp().Match(head):
		return is("jsonp", "JSONP or a script, with JSON in a call", "Fetch it without the callback parameter: JSONP is a script around JSON.")
	case assigned().Match(head):
		return is("script", "a script that assigns JSON to a name", "Save the JSON alone, without the script around it.")
	case logLine().Match(head) && want != Policy:
		return is("log", "a log, with JSON behind other text in its lines", "Take the JSON alone out of the log lines ("+through("sed 's/^[^{]*//' FILE", want)+").")
	case csv().Match(head):
		return is("csv", "a table (CSV)", "")
	case want != Policy && yamlKey().Match(head) && policyText(head):
		return is("policy", "a policy of qodverify (YAML)", "Give the policy with --policy FILE, and "+beside[want]+".")
	case want != Policy && yamlKey().Match(head):
		return is("yaml", "YAML", "")
	case want == Bundle || want == Ledger || want == Keys || want == Artifact || want == State || want == Evidence:
		return is("text", "plain text, and no JSON", "")
	}
	return Kind{}, false
}

func bareDo(want Want) string {
	if want == Keys {
		return "Give the operator's JWK Set with --jwks, in place of a bare key; a thumbprint is for --pin."
	}
	return ""
}

// policyText reports whether YAML has members that policies alone have.
func policyText(head []byte) bool {
	n := 0
	for _, name := range []string{"version:", "max_age:", "min_samples:", "min_probes:", "latency:", "jitter:", "limits:", "claims:", "require:", "keys:", "max_loss_pct:", "min_available_pct:", "not_future:"} {
		if bytes.HasPrefix(head, []byte(name)) || bytes.Contains(head, []byte("\n"+name)) {
			n++
		}
	}
	return n >= 2
}
