package render

import (
	"fmt"
	"io"

	"github.com/qodverify/qodverify/verify"
)

// SARIF 2.1.0 (OASIS). A result is a problem, a warning or a note; a verified
// input has none of the first. Rules are the codes, with what the table of codes
// says of them.

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
	ColumnKind  string            `json:"columnKind"`
	Invocations []sarifInvocation `json:"invocations"`
	Artifacts   []sarifArtifact   `json:"artifacts,omitempty"`
	Results     []sarifResult     `json:"results"`
	Properties  map[string]string `json:"properties"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	URI     string      `json:"informationUri"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID     string     `json:"id"`
	Short  sarifText  `json:"shortDescription"`
	Full   *sarifText `json:"fullDescription,omitempty"`
	Help   *sarifText `json:"help,omitempty"`
	Config struct {
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

// sarifNotification tells what was left out of a folder.
type sarifNotification struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifArtifact struct {
	Location   sarifURI          `json:"location"`
	Properties map[string]string `json:"properties"`
}

type sarifURI struct {
	URI string `json:"uri"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]string `json:"properties"`
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

// sarifWriter keeps the results, worst first, until the document can be written.
type sarifWriter struct {
	w       io.Writer
	run     sarifRun
	results [ranks][]sarifResult
	rules   map[verify.Code]int
	seen    map[string]int
	left    []sarifNotification
	failed  bool // the run itself could not do its work
}

func newSARIF(w io.Writer, tool Tool) sheetWriter {
	s := &sarifWriter{w: w, rules: map[verify.Code]int{}, seen: map[string]int{}}
	s.run = sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	s.run.Tool.Driver = sarifDriver{Name: Printable(tool.Name), Version: Printable(tool.Version), URI: Home, Rules: []sarifRule{}}
	return s
}

func (s *sarifWriter) unit(u suite) error {
	if file := u.items[0].at.file; file != "" {
		properties := map[string]string{}
		for _, p := range u.about {
			properties[p.name] = Printable(p.value)
		}
		s.run.Artifacts = append(s.run.Artifacts, sarifArtifact{sarifURI{uri(file)}, properties})
	} else if len(u.about) == 0 {
		s.failed = true
	}
	s.left = append(s.left, u.notifications()...)
	rank := u.rank()
	for _, i := range append(u.problems(), u.remarks()...) {
		if i.leftOut() {
			continue // told by a notification
		}
		s.results[rank] = append(s.results[rank], i.sarif(u, s.run.Tool.Driver.rule(s.rules, i), s.seen))
	}
	return nil
}

func (s *sarifWriter) end(v verify.Verdict) error {
	s.run.Properties = map[string]string{"verdict": v.String()}
	for _, list := range s.results {
		s.run.Results = append(s.run.Results, list...)
	}
	s.run.Invocations = []sarifInvocation{{Successful: !s.failed, Notifications: s.left}}
	return WriteJSON(s.w, sarifLog{sarifSchema, "2.1.0", []sarifRun{s.run}})
}

func (*sarifWriter) drop() error { return nil }

// notifications are one for each file or folder that was left out.
func (u suite) notifications() (list []sarifNotification) {
	add := func(s Skipped, level string) {
		n := sarifNotification{Level: level, Message: sarifText{Printable("left out: " + s.Name + ": " + s.Reason)}}
		if file := u.place(s.Name); file != "" {
			n.Locations = []sarifLocation{{Physical: &sarifPhysical{Artifact: sarifURI{uri(file)}}}}
		}
		list = append(list, n)
	}
	for _, s := range u.left.evidence() {
		add(s, "error")
	}
	benign, more := u.left.benign()
	for _, s := range benign {
		add(s, "note")
	}
	if more > 0 {
		list = append(list, sarifNotification{Level: "note", Message: sarifText{fmt.Sprintf("and %d more were left out of folders: --output json lists all", more)}})
	}
	for _, pattern := range u.left.Unused {
		list = append(list, sarifNotification{Level: "warning", Message: sarifText{Printable("--ignore " + pattern + " left nothing out")}})
	}
	return list
}

func (i item) sarif(u suite, rule int, seen map[string]int) sarifResult {
	r := sarifResult{
		RuleID: string(i.code), RuleIndex: rule, Level: i.sarifLevel(), Message: sarifText{i.prose()},
		Fingerprints: map[string]string{"qodverify/v1": i.fingerprint(u, seen)},
		Properties:   map[string]string{"check": Printable(i.id), "input": Printable(u.name)},
	}
	var at sarifLocation
	if i.at.file != "" {
		at.Physical = &sarifPhysical{Artifact: sarifURI{uri(i.at.file)}}
		if i.at.line > 0 {
			at.Physical.Region = &sarifRegion{i.at.line, i.at.column, i.at.endLine, i.at.endColumn}
		}
	}
	if i.pointer != "" {
		at.Logical = []sarifLogical{{Printable(i.pointer), "member"}}
	}
	if at.Physical != nil || at.Logical != nil {
		r.Locations = []sarifLocation{at}
	}
	return r
}

func (i item) sarifLevel() string {
	switch i.level {
	case warned:
		return "warning"
	case noted:
		return "note"
	}
	return "error"
}

// rule returns the index of the code's rule, which it adds at the first call.
func (d *sarifDriver) rule(have map[verify.Code]int, i item) int {
	if n, ok := have[i.code]; ok {
		return n
	}
	r := sarifRule{ID: string(i.code), Short: sarifText{string(i.code)}}
	if e, ok := verify.Explain(i.code); ok {
		r.Short, r.Full, r.Help = sarifText{e.Means}, &sarifText{e.Why}, &sarifText{e.Do}
	}
	r.Config.Level = i.sarifLevel()
	d.Rules = append(d.Rules, r)
	have[i.code] = len(d.Rules) - 1
	return len(d.Rules) - 1
}
