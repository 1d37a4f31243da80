// Package build compiles the verifier for browsers, the same way each time: the
// same source and Go release give the same bytes wherever they are built.
package build

import (
	"fmt"
	"os"
	"os/exec"
)

// WASM writes the program to a file.
func WASM(file string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", file, "github.com/qodverify/qodverify/cmd/internal/page/wasm")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GOWASM=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
