package twilioexpr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`languages >- 'ja'`:                 `languages HAS "ja"`,
		`a=1 or b<>2 and not c in [1,'x']`:  `a == 1 OR (b != 2 AND NOT (c IN [1, "x"]))`,
		`(a == 1 OR b == 2) AND c.d[2] > 3`: `(a == 1 OR b == 2) AND c.d[2] > 3`,
		`a == "q\"\\\'"`:                    `a == "q\"\\'"`,
		`a <- b and a not in []`:            `a IN b AND a NOT IN []`,
		`a == 1.0 AND b > 1.25`:             `a == 1.0 AND b > 1.25`,
		`a == 9223372036854775808`:          `a == 9223372036854776000.0`,
		`a != null AND b contains true`:     `a != null AND b CONTAINS true`,
		`NOT (NOT (a == 1 AND b == 2))`:     `NOT (NOT (a == 1 AND b == 2))`,
	} {
		x, err := twilioexpr.Parse(text, limits)
		require.NoError(t, err, text)
		got := twilioexpr.Format(x)
		require.Equal(t, want, got)
		again, err := twilioexpr.Parse(got, limits)
		require.NoError(t, err, got)
		require.Equal(t, got, twilioexpr.Format(again))
		first, err := twilioexpr.Translate(x, bare)
		require.NoError(t, err)
		second, err := twilioexpr.Translate(again, bare)
		require.NoError(t, err)
		require.Equal(t, first.Source, second.Source, "it means the same")
	}
}
