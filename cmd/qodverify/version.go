package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/qodverify/qodverify/cmd/internal/render"
)

// version is set by the release build with -ldflags "-X main.version=v1.2.3";
// otherwise the build's own record of the module version is used.
var version = ""

func tool() render.Tool { return render.Tool{Name: "qodverify", Version: toolVersion()} }

func toolVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version and how this binary was built",
		Args:  takes(0, 0),
		RunE: func(*cobra.Command, []string) error {
			build := map[string]string{}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision", "vcs.time", "vcs.modified", "CGO_ENABLED":
						build[s.Key] = s.Value
					}
				}
			}
			if a.output == "json" {
				return a.written(render.WriteJSON(a.stdout, struct {
					render.Tool
					Go       string            `json:"go"`
					Platform string            `json:"platform"`
					Report   string            `json:"report_schema"`
					Build    map[string]string `json:"build"`
				}{tool(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, render.SchemaID, build}))
			}
			_, err := fmt.Fprintf(a.stdout, "qodverify %s\n%s %s/%s, report %s\n", toolVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, render.SchemaID)
			return a.written(err)
		},
	}
}
