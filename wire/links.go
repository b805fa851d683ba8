package wire

import (
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Links builds the absolute URLs bodies carry. Clients follow some of them
// verbatim, so they come from one configured address and never from a request.
type Links struct{ base string }

// NewLinks takes the public address of the server, such as
// https://router.example.com, with or without a trailing slash.
func NewLinks(publicURL string) Links { return Links{base: strings.TrimRight(publicURL, "/")} }

// URL is the absolute form of a path that begins with a slash.
func (l Links) URL(path string) string { return l.base + path }

// Workspace is the URL of a Workspace, followed by path segments.
func (l Links) Workspace(sid string, segments ...string) string {
	u := l.base + "/v1/Workspaces/" + sid
	for _, s := range segments {
		u += "/" + s
	}
	return u
}

// statistics adds the links to the three kinds of statistics below a URL.
func statistics(links map[string]*string, below string) {
	for key, segment := range map[string]string{
		"statistics":            "/Statistics",
		"real_time_statistics":  "/RealTimeStatistics",
		"cumulative_statistics": "/CumulativeStatistics",
	} {
		links[key] = link(below + segment)
	}
}

func link(u string) *string { return &u }

// nullable is nil for an empty string.
func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// instant is nil for the zero time.
func instant(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return link(taskrouter.Timestamp(t))
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
