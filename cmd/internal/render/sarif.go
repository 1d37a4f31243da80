package render

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/qodverify/qodverify/verify"
)

// SARIF 2.1.0 (OASIS), as GitHub's code scanning takes it. A result is a problem, a
// warning or a note; a verified input has none of the first. Rules are the codes, with
// what the table of codes says of them.

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Automation  sarifAutomation     `json:"automationDetails"`
	Bases       map[string]sarifURI `json:"originalUriBaseIds"`
	ColumnKind  string              `json:"columnKind"`
	Invocations []sarifInvocation   `json:"invocations"`
	Artifacts   []sarifArtifact     `json:"artifacts,omitempty"`
	Results     []sarifResult       `json:"results"`
	Properties  map[string]string   `json:"properties"`
}

// sarifAutomation tells runs apart: those of one id replace each other.
type sarifAutomation struct {
	ID string `json:"id"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	URI     string      `json:"informationUri"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string    `json:"id"`
	Short   sarifText `json:"shortDescription"`
	Full    sarifText `json:"fullDescription"`
	Help    sarifText `json:"help"`
	HelpURI string    `json:"helpUri"`
	Config  struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level      string          `json:"level"`
	Message    sarifText       `json:"message"`
	Locations  []sarifLocation `json:"locations,omitempty"`
	Properties map[string]any  `json:"properties,omitempty"`
}

type sarifArtifact struct {
	Location   sarifURI          `json:"location"`
	Properties map[string]string `json:"properties"`
}

type sarifURI struct {
	URI         string     `json:"uri,omitempty"`
	Base        string     `json:"uriBaseId,omitempty"`
	Description *sarifText `json:"description,omitempty"`
}

// sourceRoot is the name by which code scanning knows the root of the repository. Where
// that lies on the machine that judged is nobody's business.
const sourceRoot = "%SRCROOT%"

func sarifFile(p position) sarifURI {
	u := sarifURI{URI: uri(p.file)}
	if p.inside() {
		u.Base = sourceRoot
	}
	return u
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifURI     `json:"artifactLocation"`
	Region   *sarifRegion `json:"region,omitempty"`
}

type sarifRegion struct {
	StartLine   int64 `json:"startLine"`
	StartColumn int64 `json:"startColumn,omitempty"`
	EndLine     int64 `json:"endLine,omitempty"`
	EndColumn   int64 `json:"endColumn,omitempty"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

// maxSARIF is how many results a report has: code scanning refuses one of more than
// 25,000, and keeps 5,000 of them.
const maxSARIF = 5000

// sarifLevels are the levels of results, the worst first.
var sarifLevels = [...]string{"error", "warning", "note"}

// sarifWriter keeps as many results as the report may have, the worst, and counts the
// rest.
type sarifWriter struct {
	w         io.Writer
	run       sarifRun
	results   [len(sarifLevels)][ranks][]sarifResult
	left      map[sarifKind]int
	artifacts [ranks][]sarifArtifact
	notes     []sarifNotification
	rules     map[verify.Code]int
	seen      seenKeys
	scope     scope
	failed    bool // the run itself could not do its work
}

// sarifKind is what results that are left out are counted by.
type sarifKind struct {
	level int
	code  string
}

func newSARIF(w io.Writer, tool Tool, _ Options) sheetWriter {
	s := &sarifWriter{w: w, rules: map[verify.Code]int{}, seen: seenKeys{}, left: map[sarifKind]int{}}
	s.run = sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	s.run.Bases = map[string]sarifURI{sourceRoot: {Description: &sarifText{"the root of the repository"}}}
	s.run.Tool.Driver = sarifDriver{Name: Printable(tool.Name), Version: Printable(tool.Version), URI: Home, Rules: []sarifRule{}}
	return s
}

func (s *sarifWriter) unit(u suite) error {
	s.scope.add(u)
	rank := u.rank()
	if at := u.items[0].at; at.file == "" {
		s.failed = s.failed || len(u.about) == 0
	} else if list := &s.artifacts[rank]; len(*list) < maxSARIF {
		properties := map[string]string{}
		for _, p := range u.about {
			properties[p.name] = Printable(p.value)
		}
		*list = append(*list, sarifArtifact{sarifFile(at), properties})
	}
	s.notes = append(s.notes, u.notifications()...)
	for _, i := range append(u.problems(), u.remarks()...) {
		if i.leftOut() {
			continue // told by a notification
		}
		level := i.level.sarif()
		if i.unlisted.count > 0 {
			s.left[sarifKind{i.unlisted.level.sarif(), string(i.code)}] += int(i.unlisted.count)
			continue
		}
		if i.level == noted && i.at.file == "" {
			// It is about the run, and about no file that could be shown.
			s.notes = append(s.notes, sarifNotification{Level: "note", Message: sarifText{clipped(i.prose())}, Properties: map[string]any{"code": Printable(string(i.code)), "input": Printable(u.name)}})
			continue
		}
		rule := s.run.Tool.Driver.rule(s.rules, i)
		list := &s.results[level][rank]
		if len(*list) == maxSARIF {
			s.left[sarifKind{level, string(i.code)}]++
			continue
		}
		*list = append(*list, i.sarif(u, rule, s.seen))
	}
	return nil
}

func (s *sarifWriter) end(all standing) error {
	s.run.Properties = map[string]string{"verdict": all.verdict.String(), "headline": all.String()}
	s.run.Automation.ID = s.scope.id()
	for level := range s.results {
		for _, list := range s.results[level] {
			n := min(len(list), maxSARIF-len(s.run.Results))
			s.run.Results = append(s.run.Results, list[:n]...)
			for _, r := range list[n:] {
				s.left[sarifKind{level, r.RuleID}]++
			}
		}
	}
	for _, list := range s.artifacts {
		s.run.Artifacts = append(s.run.Artifacts, list[:min(len(list), maxSARIF-len(s.run.Artifacts))]...)
	}
	s.run.Invocations = []sarifInvocation{{!s.failed, append(s.notes, leftNotifications(s.left)...)}}
	return WriteJSON(s.w, sarifLog{sarifSchema, "2.1.0", []sarifRun{s.run}})
}

func (*sarifWriter) drop() error { return nil }

// notifications are one for each file or folder that was left out.
func (u suite) notifications() (list []sarifNotification) {
	add := func(s Skipped, level string) {
		n := sarifNotification{Level: level, Message: sarifText{Printable("left out: " + s.Name + ": " + s.Reason)}}
		if file := u.place(s.Name); file != "" {
			n.Locations = []sarifLocation{{Physical: &sarifPhysical{Artifact: sarifFile(position{file: file})}}}
		}
		list = append(list, n)
	}
	listed, more := u.left.listed()
	for _, s := range listed {
		if s.Evidence {
			add(s, "error")
		} else {
			add(s, "note")
		}
	}
	if more > 0 {
		list = append(list, sarifNotification{Level: "note", Message: sarifText{fmt.Sprintf("and %d more were left out of folders: --output json lists all", more)}})
	}
	for _, pattern := range u.left.Unused {
		list = append(list, sarifNotification{Level: "warning", Message: sarifText{Printable("--ignore " + pattern + " left nothing out")}})
	}
	return list
}

// leftNotifications tell how many results of which code and level are not in the report.
func leftNotifications(left map[sarifKind]int) (list []sarifNotification) {
	kinds := slices.SortedFunc(maps.Keys(left), func(a, b sarifKind) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.code, b.code))
	})
	for _, k := range kinds {
		level := sarifLevels[k.level]
		list = append(list, sarifNotification{
			Level:      "warning",
			Message:    sarifText{fmt.Sprintf("%d more results of the level %s with the code %s: a report has at most %d results, the worst, and an audit lists at most --max-findings of a code; --output json has all inputs, --findings FILE all findings", left[k], level, k.code, maxSARIF)},
			Properties: map[string]any{"code": k.code, "level": level, "left_out": left[k]},
		})
	}
	return list
}

// sarif is the item as a result. One that stands in no file, or in one that holds no
// text, has no location at all, since a location without a file makes code scanning
// refuse the whole report: the place is in its properties, as it always is.
func (i item) sarif(u suite, rule int, seen seenKeys) sarifResult {
	r := sarifResult{
		RuleID: Printable(string(i.code)), RuleIndex: rule, Level: sarifLevels[i.level.sarif()], Message: sarifText{clipped(i.prose())},
		Fingerprints: map[string]string{"qodverify/v1": i.fingerprint(u, seen)},
		Properties:   map[string]any{"check": Printable(i.id), "input": Printable(u.name)},
	}
	for name, value := range map[string]string{"pointer": i.pointer, "session": i.record.SessionID, "this_hash": i.record.ThisHash, "file": i.record.Input} {
		if value != "" {
			r.Properties[name] = Printable(value)
		}
	}
	for name, value := range map[string]int64{"record": i.record.Record, "line": max(i.record.Line, i.at.line), "column": i.at.column} {
		if value > 0 {
			r.Properties[name] = value
		}
	}
	if i.at.file == "" || i.at.opaque {
		return r
	}
	at := sarifLocation{Physical: &sarifPhysical{Artifact: sarifFile(i.at)}}
	if i.at.line > 0 {
		at.Physical.Region = &sarifRegion{i.at.line, i.at.column, i.at.endLine, i.at.endColumn}
	}
	if i.pointer != "" {
		at.Logical = []sarifLogical{{Printable(i.pointer), "member"}}
	}
	r.Locations = []sarifLocation{at}
	return r
}

// sarif is the level as an index of sarifLevels.
func (l level) sarif() int {
	switch l {
	case warned:
		return 1
	case usual, noted:
		return 2
	}
	return 0
}

// rule returns the index of the code's rule, which it adds at the first call.
func (d *sarifDriver) rule(have map[verify.Code]int, i item) int {
	if n, ok := have[i.code]; ok {
		return n
	}
	id := Printable(string(i.code))
	r := sarifRule{ID: id, HelpURI: Home + "#codes", Short: sarifText{id}, Full: sarifText{id}, Help: sarifText{id}}
	list := Explanations()
	if at := slices.IndexFunc(list, func(e verify.Explanation) bool { return e.Code == i.code }); at >= 0 {
		r.Short, r.Full, r.Help = sarifText{list[at].Means}, sarifText{list[at].Why}, sarifText{list[at].Do}
	}
	r.Config.Level = sarifLevels[i.level.sarif()]
	d.Rules = append(d.Rules, r)
	have[i.code] = len(d.Rules) - 1
	return len(d.Rules) - 1
}
