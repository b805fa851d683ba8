package apiserver

import (
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/apiserver/openapi"
)

// Operation describes one row of the table for documentation.
type Operation = openapi.Operation

// Operations lists every operation of the API, served or not.
func Operations() []Operation {
	var out []Operation
	for _, r := range routes() {
		out = append(out, Operation{
			Method: r.method, Path: r.path, ID: r.operation, Status: r.status, Idempotent: r.createdPrefix() != "",
		})
	}
	for _, u := range unsupported() {
		out = append(out, Operation{
			Method: u.method, Path: u.path, ID: u.operation, Status: http.StatusNotImplemented, Unsupported: u.reason,
		})
	}
	return out
}

// pagePolicy lets the browsable description load its own files, ask this
// server, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountDescription serves the description of the API, and a page that shows
// it. They hold nothing of any account, so that no credentials are asked for.
func (s *Server) mountDescription(e *gin.Engine) {
	document := sync.OnceValues(func() ([]byte, error) {
		d, err := openapi.Build(Operations(), s.links.URL(""))
		if err != nil {
			return nil, err
		}
		return d.JSON()
	})
	e.GET("/openapi.json", func(c *gin.Context) {
		body, err := document()
		if err != nil {
			s.fail(c, err)
			return
		}
		s.describe(c, "application/json; charset=utf-8", body)
	})
	page := func(c *gin.Context) {
		body, contentType, ok := openapi.Page(c.Param("file"))
		if !ok {
			s.noRoute(c)
			return
		}
		c.Header("Content-Security-Policy", pagePolicy)
		c.Header("Referrer-Policy", "no-referrer")
		s.describe(c, contentType, body)
	}
	e.GET("/docs", page)
	e.GET("/docs/:file", page)
}

func (s *Server) describe(c *gin.Context, contentType string, body []byte) {
	c.Header("Cache-Control", "no-cache")
	c.Header("X-Content-Type-Options", "nosniff")
	c.Data(http.StatusOK, contentType, body)
}
