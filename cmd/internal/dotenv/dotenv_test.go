package dotenv

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// environment is the one in which the table is read.
var environment = map[string]string{"HOME_TOKEN": "from-env", "EMPTY": ""}

func lookup(name string) (string, bool) {
	v, there := environment[name]
	return v, there
}

// cases are what python-dotenv 1.2.2 makes of a text: the variables, and how many
// statements it can't read. TestOracle holds them to it.
var cases = []struct {
	name, text string
	want       map[string]string
	bad        int
}{
	{"plain", "A=1\nB = 2 \nC=\n", map[string]string{"A": "1", "B": "2", "C": ""}, 0},
	{"dollar", "A=abc$1def\nB=\"abc$Xdef\"\nC=a\\$b\nD=k$A\nE=$(id)", map[string]string{"A": "abc$1def", "B": "abc$Xdef", "C": `a\$b`, "D": "k$A", "E": "$(id)"}, 0},
	{"braces", "A=1\nB=${A}2\nC='${A}'\nD=\"${NONE:-x y}\"\nE=${NONE}\nF=${HOME_TOKEN}\nG=${EMPTY:-d}\nH=${A", map[string]string{"A": "1", "B": "12", "C": "1", "D": "x y", "E": "", "F": "from-env", "G": "", "H": "${A"}, 0},
	{"the environment wins in braces", "HOME_TOKEN=mine\nA=${HOME_TOKEN}\n", map[string]string{"HOME_TOKEN": "mine", "A": "from-env"}, 0},
	{"only what stands above", "A=${B}\nB=1\nB=${B}2\n", map[string]string{"A": "", "B": "12"}, 0},
	{"export", "export A=1\nexport  'B'=2\nexport\tC='3'\nexportD=4\nexport = 5\n", map[string]string{"A": "1", "B": "2", "C": "3", "exportD": "4"}, 1},
	{"quotes", "A='x y'\nB=\"x\\n\\ty\\\"\\'\\\\z\\q\"\nC='x\\ny\\'z'\nD=\"it's\"\nE='say \"hi\"'\nF=a'b'c\nG=\"\"\nH=''\n", map[string]string{"A": "x y", "B": "x\n\ty\"'\\z\\q", "C": "x\\ny'z", "D": "it's", "E": `say "hi"`, "F": "a'b'c", "G": "", "H": ""}, 0},
	{"a backslash before the last quote takes the next line in", "A='x\\\\'\nB='y'\nC=1\n", map[string]string{"C": "1"}, 1},
	{"quotes over lines", "A=\"one\ntwo\"\nB='three\nfour'\nC=5", map[string]string{"A": "one\ntwo", "B": "three\nfour", "C": "5"}, 0},
	{"quotes without end", "A=\"one\nB=2\nC='x\nD=4\n", map[string]string{"B": "2", "D": "4"}, 2},
	{"text after quotes", "A=\"x\" y\nB=\"x\"#c\nC='x' # c\nD=1\n", map[string]string{"B": "x", "C": "x", "D": "1"}, 1},
	{"backslash before the quote", `A="abc\"` + "\nB=1\n", map[string]string{"A": `abc\`, "B": "1"}, 0},
	{"comments", "# c\n  # d\nA=1 # e\nB=1#e\nC= #e\nD=#e\nE=a b  #e#f\n#F=1\nG=\t#\n", map[string]string{"A": "1", "B": "1#e", "C": "#e", "D": "#e", "E": "a b", "G": "#"}, 0},
	{"spaces", "  A=1\n\tB\t=\t2\t\n\n\n \nC=x\u00a0\nD=\u2003y\u2003z\u2003\n\u3000E=1\n", map[string]string{"A": "1", "B": "2", "C": "x", "D": "y\u2003z", "E": "1"}, 0},
	{"stray lines", "A=1\nthis is prose\n=2\n!!!\nB=2\n'C\nD: 4\nE\n", map[string]string{"A": "1", "B": "2"}, 4},
	{"a name alone takes the value back", "A=1\nA\nB=${A:-d}\n", map[string]string{"B": ""}, 0},
	{"last wins", "A=1\nA=2\n", map[string]string{"A": "2"}, 0},
	{"line ends", "A=1\r\nB=2\rC=\"x\r\ny\"\r\n\r\nD=4", map[string]string{"A": "1", "B": "2", "C": "x\ny", "D": "4"}, 0},
	{"equals in the value", "A=b64==\nB==x\nC='a=b'\n'k v'=1\n", map[string]string{"A": "b64==", "B": "=x", "C": "a=b", "k v": "1"}, 0},
	{"keys of the original", "QOD_PUBLIC_KEYS=a:AA;b=BB,c:CC\nQOD_SIGNING_PRIVATE_KEY_B64URL=\"a+b/c=\"\n", map[string]string{"QOD_PUBLIC_KEYS": "a:AA;b=BB,c:CC", "QOD_SIGNING_PRIVATE_KEY_B64URL": "a+b/c="}, 0},
	{"separators of C0", "A=1\x1c\nB\x1f=2\nC=a\x1c#d\n", map[string]string{"A": "1", "B": "2", "C": "a"}, 0},
	{"names of any letters", "Ä=1\na.b-c=2\n1=3\n\"Q\"=4\n", map[string]string{"Ä": "1", "a.b-c": "2", "1": "3", `"Q"`: "4"}, 0},
	{"names in a value of yaml", "A: 1\nB : 2\nC:=3\n", map[string]string{"C:": "3"}, 2},
	{"odd references", "A=${}\nB=${:-x}\nC=${A:x}\nD=$${HOME_TOKEN}\nE=${A:-${EMPTY}}\nF=${ HOME_TOKEN }\n", map[string]string{"A": "", "B": "x", "C": "${A:x}", "D": "$from-env", "E": "}", "F": ""}, 0},
	{"nothing", "", map[string]string{}, 0},
	{"no line end after quotes", "A='1'", map[string]string{"A": "1"}, 0},
}

func TestParse(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse([]byte(c.text), lookup)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name := range f.values {
				if v, set := f.Lookup(name); set {
					got[name] = v
				}
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
			bad := 0
			for _, note := range f.Notes {
				if strings.Contains(note, "is no NAME=VALUE") {
					bad++
				}
			}
			if bad != c.bad {
				t.Errorf("%d lines are told, want %d: %q", bad, c.bad, f.Notes)
			}
		})
	}
}

// What is wrong is told by the number of its line, and never by its content.
func TestNotes(t *testing.T) {
	for _, c := range []struct{ name, text, note, err string }{
		{"prose", "A=1\n\n  my secret token\n", "line 3 is no NAME=VALUE", ""},
		{"after a value of two lines", "A=\"1\n2\"\nsecret token\n", "line 3 is no NAME=VALUE", ""},
		{"a name alone", "A=1\r\nsecret\r\n", "line 2 has a name and no =", ""},
		{"byte order mark", "\ufeffA=1\n", "byte order mark, which is skipped", ""},
		{"UTF-16", "\xff\xfeA\x00=\x001\x00", "", "UTF-16"},
		{"Latin-1", "A=1\nB=secr\xe9t\n", "", "line 2 is not UTF-8"},
		{"NUL", "A=1\nB=sec\x00ret\n", "", "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse([]byte(c.text), lookup)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if (err != nil) != (c.err != "") || !strings.Contains(text, c.err) {
				t.Fatalf("error %q, want %q", text, c.err)
			}
			if f != nil {
				text += strings.Join(f.Notes, "\n")
				if v, _ := f.Lookup("A"); strings.HasPrefix(c.text, "\ufeff") && v != "1" {
					t.Errorf("A is %q", v)
				}
			}
			if !strings.Contains(text, c.note) || strings.Contains(text, "secr") {
				t.Errorf("it says %q, want %q", text, c.note)
			}
		})
	}
	f, err := Parse([]byte(strings.Repeat("some prose here\n", 5000)), lookup)
	if err != nil || len(f.Notes) > maxNotes+1 {
		t.Errorf("%d notes, %v", len(f.Notes), err)
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "checkout", "backend")
	if err := os.MkdirAll(filepath.Join(deep, Name), 0o755); err != nil { // a folder of that name is none
		t.Fatal(err)
	}
	write := func(dir string) string {
		name := filepath.Join(dir, Name)
		if err := os.WriteFile(name, []byte("A=1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	above := write(root)
	if got := Find(deep); got != above {
		t.Errorf("found %q, want %q", got, above)
	}
	nearer := write(filepath.Dir(deep))
	if got := Find(deep); got != nearer {
		t.Errorf("found %q, want %q", got, nearer)
	}
}

// TestOracle holds the table to python-dotenv, where it is installed.
func TestOracle(t *testing.T) {
	const script = `
import io, json, logging, os, sys
from dotenv.main import DotEnv
from dotenv.parser import parse_stream
logging.disable(logging.CRITICAL)
answer = []
for text in json.load(sys.stdin):
    text = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8").read()
    values = DotEnv(None, io.StringIO(text), override=False).dict()
    bad = sum(b.error for b in parse_stream(io.StringIO(text)))
    answer.append([{k: v for k, v in values.items() if v is not None}, bad])
json.dump(answer, sys.stdout)
`
	if err := exec.Command("python3", "-c", "import dotenv.main").Run(); err != nil {
		t.Skip("skipped: python3 with python-dotenv is not here")
	}
	var texts []string
	for _, c := range cases {
		texts = append(texts, c.text)
	}
	input, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", script)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(input)), os.Stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers [][2]json.RawMessage
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(cases) {
		t.Fatal(len(answers), err)
	}
	for i, c := range cases {
		var values map[string]string
		var bad int
		if err := json.Unmarshal(answers[i][0], &values); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(answers[i][1], &bad); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(values, c.want) || bad != c.bad {
			t.Errorf("%s: python-dotenv reads %q, %d bad; the table has %q, %d", c.name, values, bad, c.want, c.bad)
		}
	}
}
