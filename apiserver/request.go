package apiserver

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

const formType = "application/x-www-form-urlencoded"

// readBody reads a request's body as it is.
func readBody(c *gin.Context) ([]byte, error) {
	body, err := io.ReadAll(c.Request.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, tooLarge(large.Limit)
	case err != nil:
		return nil, &taskrouter.Error{Kind: taskrouter.KindInvalid, Message: "The request body could not be read", Cause: err}
	case len(body) > 0 && packed(c):
		return nil, taskrouter.Invalidf("Content-Encoding is not supported")
	}
	return body, nil
}

// form reads the parameters of a POST.
func form(c *gin.Context) (url.Values, error) {
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return url.Values{}, nil
	}
	if t := c.GetHeader("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != formType {
			return nil, taskrouter.Invalidf("Content-Type must be %s", formType)
		}
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, taskrouter.Invalidf("The request body is not a well-formed form")
	}
	return values, nil
}

// packed reports whether a body is said to be compressed. Read as it is, it
// would be a form without any parameter.
func packed(c *gin.Context) bool {
	encoding := strings.TrimSpace(c.GetHeader("Content-Encoding"))
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// query reads the parameters of a GET.
func query(c *gin.Context) (url.Values, error) {
	values, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, taskrouter.Invalidf("The query string is not well-formed")
	}
	return values, nil
}

// parseForm reads the form of a POST with one of wire's parsers.
func parseForm[T any](c *gin.Context, parse func(url.Values) (T, error)) (T, error) {
	values, err := form(c)
	if err != nil {
		var zero T
		return zero, err
	}
	return parse(values)
}

// parseQuery reads the query of a GET with one of wire's parsers.
func parseQuery[T any](c *gin.Context, parse func(url.Values) (T, error)) (T, error) {
	values, err := query(c)
	if err != nil {
		var zero T
		return zero, err
	}
	return parse(values)
}

func account(c *gin.Context) string { return c.GetString(keyAccount) }

func workspaceSID(c *gin.Context) string { return c.Param("ws") }

// actor is who events name as their cause.
func actor(c *gin.Context) taskrouter.Actor {
	return taskrouter.Actor{Type: "account", SID: account(c), Source: "api", SourceIP: c.ClientIP()}
}

// subject names the resource at the end of the path, with the version the
// client saw.
func subject(c *gin.Context, sid string) dispatch.Subject {
	return dispatch.Subject{
		AccountSID: account(c), WorkspaceSID: workspaceSID(c), SID: sid,
		IfMatch: wire.ParseIfMatch(c.GetHeader("If-Match")), Actor: actor(c),
	}
}

// pathSID returns a path parameter that must be a SID: what has another form
// names nothing.
func pathSID(c *gin.Context, param string, prefix taskrouter.Prefix) (string, error) {
	sid := c.Param(param)
	if !taskrouter.IsSID(prefix, sid) {
		return "", notFound()
	}
	return sid, nil
}

// found turns the nil of an unknown resource into the error for it.
func found[T any](v *T, err error) (*T, error) {
	if err == nil && v == nil {
		err = notFound()
	}
	return v, err
}

// tagged puts the entity tag of a version on the answer.
func tagged(c *gin.Context, version int64) { c.Header("ETag", wire.ETag(version)) }

// refused decides which error a refused change answers with: that the resource
// does not exist, or that its version is another one, comes before any fault
// in the parameters. version reads the resource's version.
func refused(c *gin.Context, err error, version func() (int64, error)) error {
	if taskrouter.KindOf(err) != taskrouter.KindInvalid {
		return err
	}
	current, missing := version()
	if missing != nil {
		return missing
	}
	if want := wire.ParseIfMatch(c.GetHeader("If-Match")); want != nil && current != unversioned && *want != current {
		return taskrouter.Errorf(taskrouter.KindPrecondition, "The resource has changed: If-Match does not match its current version")
	}
	return err
}

// unversioned is the version of a resource that has no entity tag.
const unversioned int64 = -2

// exists is the version reader of resources without one.
func exists[T any](v *T, err error) (int64, error) {
	_, err = found(v, err)
	return unversioned, err
}

// pathKey returns a path parameter that is a SID or a unique name.
func pathKey(c *gin.Context, param string) (string, error) {
	key := c.Param(param)
	if key == "" || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return "", notFound()
	}
	return key, nil
}
