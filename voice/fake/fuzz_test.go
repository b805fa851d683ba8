package fake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseMarkup reads any document: no panic, nothing nested without bound,
// and what is accepted is one Response.
func FuzzParseMarkup(f *testing.F) {
	for _, seed := range []string{
		`<?xml version="1.0" encoding="UTF-8"?><Response><Gather action="/a" timeout="5"><Say language="en">Hello &amp; welcome</Say></Gather><Redirect method="POST">/b</Redirect></Response>`,
		`<Response><Dial action="/x"><Conference waitUrl="">WT1</Conference></Dial><!-- end --></Response>`,
		`<!DOCTYPE Response [<!ENTITY a "b">]><Response>&a;</Response>`,
		`<Response xmlns:x="y"><x:Say x:a="b"><![CDATA[<]]></x:Say></Response>`,
		`<Response/> text`, `text <Response/>`, `<Response/><Response/>`, `<Response>`, "<Response>\x00</Response>",
		strings.Repeat("<Response>", 20),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		verbs, err := parseMarkup(body)
		if err != nil {
			require.Empty(t, verbs)
			return
		}
		require.Contains(t, string(body), "Response")
		require.LessOrEqual(t, depthOf(verbs), maxDepth)
		for _, v := range verbs {
			v.number("timeout", 1)
			v.seconds("timeLimit", 1)
			v.flag("beep", true)
		}
	})
}

func depthOf(elements []element) int {
	deepest := 0
	for _, e := range elements {
		deepest = max(deepest, 1+depthOf(e.children))
	}
	return deepest
}

func TestMarkupAroundTheResponse(t *testing.T) {
	for text, ok := range map[string]bool{
		"<Response/>":                                   true,
		" \n<!-- a --><Response/><!-- b -->\n ":         true,
		`<?xml version="1.0"?><Response></Response>`:    true,
		"\ufeff<Response/>":                             true,
		"<Response/>busy":                               false,
		"busy<Response/>":                               false,
		"<Response/><Say/>":                             false,
		"<Response/><Response/>":                        false,
		strings.Repeat("<Response>", 2) + "</Response>": false,
	} {
		_, err := parseMarkup([]byte(text))
		require.Equal(t, ok, err == nil, text)
	}
}
