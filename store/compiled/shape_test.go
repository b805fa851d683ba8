package compiled

import (
	"database/sql/driver"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var many = strings.Repeat(", 12", maxValues)

func TestShapes(t *testing.T) {
	for name, row := range map[string]struct {
		text   string
		shapes []string // none: the text is run as it is
		values []driver.Value
	}{
		"marked text":            {"SELECT a FROM t WHERE b = 'x'/**/", []string{"SELECT a FROM t WHERE b = ?"}, []driver.Value{"x"}},
		"quotes":                 {"SELECT 'it''s'/**/, ''''/**/", []string{"SELECT ?, ?"}, []driver.Value{"it's", "'"}},
		"text of the statement":  {"SELECT a FROM t WHERE s = 'failed'", []string{"SELECT a FROM t WHERE s = 'failed'"}, nil},
		"empty text":             {"SELECT a FROM t WHERE s <> ''", []string{"SELECT a FROM t WHERE s <> ''"}, nil},
		"numbers":                {"SELECT a FROM t WHERE n > 17 AND m = -3 AND k > 0 AND j = 1", []string{"SELECT a FROM t WHERE n > ? AND m = -? AND k > 0 AND j = 1"}, []driver.Value{int64(17), int64(3)}},
		"no whole numbers":       {"SELECT 2.5, .5, 2e3, 2e-5, 2E+5, 0x1e-5, 99999999999999999999", []string{"SELECT 2.5, .5, 2e3, 2e-5, 2E+5, 0x1e-?, 99999999999999999999"}, []driver.Value{int64(5)}},
		"too many values":        {"UPDATE t SET a = 12; SELECT 12" + many, []string{"UPDATE t SET a = ?", "SELECT 12" + many}, []driver.Value{int64(12)}},
		"largest and smallest":   {"SELECT 9223372036854775807, -9223372036854775808", []string{"SELECT ?, -9223372036854775808"}, []driver.Value{int64(9223372036854775807)}},
		"names with numbers":     {`SELECT t1.c2, "c3" FROM t1`, []string{`SELECT t1.c2, "c3" FROM t1`}, nil},
		"blob":                   {"SELECT X'00ff', x'22'", []string{"SELECT X'00ff', x'22'"}, nil},
		"columns by number":      {"SELECT a, b FROM t GROUP BY 1, 2 HAVING n > 5 ORDER BY 2 LIMIT 7", []string{"SELECT a, b FROM t GROUP BY 1, 2 HAVING n > ? ORDER BY 2 LIMIT ?"}, []driver.Value{int64(5), int64(7)}},
		"columns by number deep": {"SELECT a FROM (SELECT b FROM t ORDER BY 2) WHERE n > 5", []string{"SELECT a FROM (SELECT b FROM t ORDER BY 2) WHERE n > ?"}, []driver.Value{int64(5)}},
		"several":                {"INSERT INTO t VALUES ('a;b'/**/, 2);\n UPDATE t SET a = 'c'/**/;\n", []string{"INSERT INTO t VALUES (?, ?)", "UPDATE t SET a = ?"}, []driver.Value{"a;b", int64(2), "c"}},
		"comments":               {"SELECT 1 -- ' 22\n, 33 /* '44 */", []string{"SELECT 1 -- ' 22\n, ? /* '44 */"}, []driver.Value{int64(33)}},
		"division":               {"SELECT 8/2-3", []string{"SELECT ?/?-?"}, []driver.Value{int64(8), int64(2), int64(3)}},
		"lower case":             {"select 'x'/**/ from t order by 2", []string{"select ? from t order by 2"}, []driver.Value{"x"}},

		"definition":       {text: "CREATE TABLE t (a TEXT DEFAULT 'x'/**/)"},
		"setting":          {text: "PRAGMA user_version = 17"},
		"begin":            {text: "BEGIN IMMEDIATE"},
		"looks like":       {text: "SELECTION 12"},
		"own placeholder":  {text: "SELECT 12 WHERE a = ?"},
		"named":            {text: "SELECT 12 WHERE a = :name"},
		"open quote":       {text: "SELECT 'abc"},
		"open comment":     {text: "SELECT 12 /* abc"},
		"nothing":          {text: " \n "},
		"mixed with other": {text: "INSERT INTO t VALUES (12); CREATE TABLE u (a)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := sqliteSyntax.shapes(row.text)
			require.Equal(t, row.shapes != nil, ok)
			var texts []string
			var values []driver.Value
			for _, s := range got {
				texts = append(texts, s.text)
				for i, v := range s.values {
					require.Equal(t, i+1, v.Ordinal, "numbered in each statement")
					values = append(values, v.Value)
				}
			}
			require.Equal(t, row.shapes, texts)
			require.Equal(t, row.values, values)
		})
	}
}

func BenchmarkShapes(b *testing.B) {
	text := `INSERT INTO "events" ("workspace_sid", "seq", "sid", "account_sid", "payload") VALUES ('WSabc'/**/, 1234, 'EVabc'/**/, 'ACabc'/**/, '{"a": "it''s"}'/**/), ('WSabc'/**/, 1235, 'EVabd'/**/, 'ACabc'/**/, '{}'/**/) ON CONFLICT (sid) DO UPDATE SET "seq" = EXCLUDED."seq", "account_sid" = EXCLUDED."account_sid", "payload" = EXCLUDED."payload"`
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, ok := sqliteSyntax.shapes(text)
		require.True(b, ok)
	}
}
