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

func TestPostgresShapes(t *testing.T) {
	for name, row := range map[string]struct {
		text   string
		shapes []string // none: the text is sent as it is
		values []driver.Value
	}{
		"text and numbers":     {"SELECT a FROM t WHERE b = 'x'/**/ AND n > 17", []string{"SELECT a FROM t WHERE b = $1 AND n > $2::int"}, []driver.Value{"x", int64(17)}},
		"large number":         {"SELECT a FROM t WHERE n > 2147483647 AND m > 2147483648", []string{"SELECT a FROM t WHERE n > $1::int AND m > $2::bigint"}, []driver.Value{int64(2147483647), int64(2147483648)}},
		"negative number":      {"SELECT a - 5, -5, a -7", []string{"SELECT a - $1::int, -5, a -7"}, []driver.Value{int64(5)}},
		"limit":                {"SELECT a FROM t WHERE n > 5 LIMIT 50 OFFSET 20", []string{"SELECT a FROM t WHERE n > $1::int LIMIT 50 OFFSET 20"}, []driver.Value{int64(5)}},
		"rows of an insert":    {"INSERT INTO t (a) VALUES (5, 'x'/**/), (0, ''), (-3, 'y') ON CONFLICT (a) DO UPDATE SET b = 6, c = 1, d = ''", []string{"INSERT INTO t (a) VALUES ($1::bigint, $2), ($3::bigint, $4), (-3, 'y') ON CONFLICT (a) DO UPDATE SET b = $5::int, c = 1, d = ''"}, []driver.Value{int64(5), "x", int64(0), "", int64(6)}},
		"rows of a select":     {"SELECT * FROM (VALUES (5)) AS v(n)", []string{"SELECT * FROM (VALUES ($1::int)) AS v(n)"}, []driver.Value{int64(5)}},
		"cast":                 {"SELECT 5::bigint, 'x'::text", []string{"SELECT $1::int::bigint, 'x'::text"}, []driver.Value{int64(5)}},
		"each its own numbers": {"UPDATE t SET a = 12;\nUPDATE t SET b = 13;\n", []string{"UPDATE t SET a = $1::int", "UPDATE t SET b = $1::int"}, []driver.Value{int64(12), int64(13)}},
		"commit":               {"UPDATE t SET a = 12;\nCOMMIT;\n", []string{"UPDATE t SET a = $1::int", "COMMIT"}, []driver.Value{int64(12)}},
		"commit alone":         {"COMMIT", []string{"COMMIT"}, nil},
		"operator":             {text: "SELECT a ? 'b' FROM t"},
		"array":                {text: "SELECT a[12] FROM t"},
		"own placeholder":      {text: "SELECT $1"},
		"dollar quotes":        {text: "SELECT $x$a$x$"},
		"escapes":              {text: "SELECT E'it\\'s', 12"},
		"commit and more":      {text: "COMMIT AND CHAIN"},
		"definition":           {text: "CREATE TABLE t (a TEXT)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := postgresSyntax.shapes(row.text)
			require.Equal(t, row.shapes != nil, ok)
			var texts []string
			var values []driver.Value
			for _, s := range got {
				texts = append(texts, s.text)
				for _, v := range s.values {
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
