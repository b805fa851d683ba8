package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sameAsReadme compares what a program printed with what its README says it
// prints. Times differ from run to run, and so does the order of lines that
// several people say at once; chapters and what is said in them do not.
func sameAsReadme(t *testing.T, name, printed string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(name, "README.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "```text\n")
	require.True(t, found, "%s/README.md shows what is printed in a block of text", name)
	shown, _, found := strings.Cut(after, "```")
	require.True(t, found)
	require.Equal(t, chapters(shown), chapters(printed), "%s", printed)
}

var (
	seconds = regexp.MustCompile(`\d+(\.\d+)? s\b`)
	spaces  = regexp.MustCompile(`\s+`)
	// measured are lines of statistics that depend on how fast a machine is.
	measured = regexp.MustCompile(`^taken (within|later).*`)
)

// chapters is a story without what differs from run to run.
func chapters(text string) [][]string {
	var out [][]string
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var lines []string
		for line := range strings.Lines(strings.TrimSpace(part)) {
			line = spaces.ReplaceAllString(strings.TrimSpace(seconds.ReplaceAllString(line, "#")), " ")
			lines = append(lines, measured.ReplaceAllString(line, "taken $1"))
		}
		slices.Sort(lines[1:]) // the first one is the heading
		out = append(out, lines)
	}
	return out
}

// inOrder checks that texts come one after the other.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, part := range parts {
		_, after, found := strings.Cut(rest, part)
		require.True(t, found, "%q is not in its place in\n%s", part, text)
		rest = after
	}
}
