package callqueue

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzMarkup puts any text into a document: what platforms read is well-formed,
// and is that text wherever XML can hold it.
func FuzzMarkup(f *testing.F) {
	f.Add(`Press 1 for "tax" & <more>`, "https://a.example/?a=1&b='2'")
	f.Add("\x00\x0b\ufffe\xff", "\t\r\n")
	f.Add("]]>", "&#0;")
	f.Fuzz(func(t *testing.T, text, value string) {
		body := document{gather(value, 5, attribute{"finishOnKey", "#"}, []element{say(text, value, text)}), redirect(value), hangup()}.encode()
		var read struct {
			XMLName xml.Name `xml:"Response"`
			Gather  struct {
				Action string `xml:"action,attr"`
				Say    struct {
					Language string `xml:"language,attr"`
					Text     string `xml:",chardata"`
				}
			}
			Redirect string
		}
		require.NoError(t, xml.Unmarshal(body, &read), "%s", body)
		held := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 {
					return r
				}
				return '\ufffd'
			}, s)
		}
		if utf8.ValidString(text) {
			require.Equal(t, held(text), read.Gather.Say.Text)
		}
		if utf8.ValidString(value) {
			require.Equal(t, held(value), read.Gather.Action)
			require.Equal(t, held(value), read.Redirect)
		}
	})
}
