package callqueue

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
)

// document is the list of verbs of one reply.
type document []element

// element is a verb or a noun. It holds either text or children.
type element struct {
	name     string
	attrs    []attribute
	text     string
	children []element
}

type attribute struct{ name, value string }

// with adds an attribute unless its value is empty.
func (e element) with(name, value string) element {
	if value != "" {
		e.attrs = append(e.attrs, attribute{name, value})
	}
	return e
}

// encode writes the document as UTF-8 XML. Whatever XML cannot hold is replaced
// by U+FFFD, so that a reply is never malformed.
func (d document) encode() []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	root := element{name: "Response", children: d}
	root.write(&b, 0)
	return b.Bytes()
}

func (e element) write(b *bytes.Buffer, depth int) {
	indent := strings.Repeat("  ", depth)
	b.WriteString(indent + "<" + e.name)
	for _, a := range e.attrs {
		b.WriteString(" " + a.name + `="`)
		escape(b, a.value)
		b.WriteByte('"')
	}
	switch {
	case len(e.children) > 0:
		b.WriteString(">\n")
		for _, c := range e.children {
			c.write(b, depth+1)
		}
		b.WriteString(indent + "</" + e.name + ">\n")
	case e.text != "":
		// Text stands without white space around it: a room is named by it.
		b.WriteByte('>')
		escape(b, e.text)
		b.WriteString("</" + e.name + ">\n")
	default:
		b.WriteString("/>\n")
	}
}

// escape writes text for element content or an attribute value.
func escape(b *bytes.Buffer, s string) {
	_ = xml.EscapeText(b, []byte(s)) // a bytes.Buffer does not fail
}

func say(text, language, voice string) element {
	return element{name: "Say", text: text}.with("language", language).with("voice", voice)
}

func play(url string) element { return element{name: "Play", text: url} }

// gather waits for one key. Its action is always named: one platform drops the
// keys of a Gather without it.
func gather(action string, timeout int, finishKey attribute, prompts []element) element {
	return element{name: "Gather", children: prompts, attrs: []attribute{
		{"action", action},
		{"method", "POST"},
		{"numDigits", "1"},
		{"timeout", strconv.Itoa(timeout)},
		finishKey,
	}}
}

func pause(seconds int) element {
	return element{name: "Pause"}.with("length", strconv.Itoa(seconds))
}

func redirect(url string) element {
	return element{name: "Redirect", text: url}.with("method", "POST")
}

func hangup() element { return element{name: "Hangup"} }

func reject() element { return element{name: "Reject"}.with("reason", "rejected") }

// dialRoom puts the leg into a room; action is requested when it leaves.
func dialRoom(action string, record string, conference element) element {
	return element{name: "Dial", children: []element{conference}}.
		with("action", action).with("method", "POST").with("record", record)
}
