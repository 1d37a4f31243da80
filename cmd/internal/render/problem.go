package render

import (
	"fmt"
	"io"
)

// AnnotateProblem writes a problem of the invocation, beside its report, as an
// annotation of GitHub Actions.
func AnnotateProblem(w io.Writer, p Problem) error {
	_, err := fmt.Fprintf(w, "::error title=%s::%s\n", commandProperty("qodverify ("+p.Code+")"), commandData(Printable(p.Message)))
	return err
}
