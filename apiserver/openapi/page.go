package openapi

import (
	"embed"
	"path"
)

// pageFiles show a Document in a browser. They fetch /openapi.json from where
// they come from, and nothing from anywhere else.
//
//go:embed page
var pageFiles embed.FS

// contentTypes are those of the files of the page.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
}

// Page returns a file of the page that shows the description, with its content
// type. No name is the page itself; an unknown one is not ok.
func Page(name string) (body []byte, contentType string, ok bool) {
	if name == "" {
		name = "index.html"
	}
	body, err := pageFiles.ReadFile(path.Join("page", path.Base(name)))
	return body, contentTypes[path.Ext(name)], err == nil
}
