package canonical_test

import (
	"slices"
	"testing"

	"github.com/qodverify/qodverify/bundle/canonical"
)

func TestRegions(t *testing.T) {
	const text = "\ufeff{\"é\": 1,\n  \"a\": {\"b\": [10, \"日本\"]},\n  \"a/b\": {\n  }\n}"
	doc, err := canonical.Parse([]byte(text), canonical.Options{AllowBOM: true})
	if err != nil {
		t.Fatal(err)
	}
	pointers := []string{"/a/b/1", "/é", "", "/a/b/0", "/a/missing/x", "/a~1b", "/none", "nonsense", "/a/b/7"}
	want := []canonical.Region{
		{2, 19, 2, 23}, {1, 7, 1, 8}, {1, 1, 5, 2}, {2, 15, 2, 17}, {2, 8, 0, 0}, {3, 10, 4, 4}, {1, 1, 0, 0}, {1, 1, 0, 0}, {2, 14, 0, 0},
	}
	if got := doc.Regions(pointers); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for i, pointer := range pointers {
		v := doc.Root().At(pointer)
		if line, column := v.Position(); v.Exists() && (line != want[i].Line || column != want[i].Column) {
			t.Errorf("%s: Position says %d:%d", pointer, line, column)
		}
	}
}
