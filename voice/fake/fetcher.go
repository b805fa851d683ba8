package fake

import (
	"bytes"
	"io"
	"net/http"
)

// HandlerFetcher makes a Fetcher that calls a handler in this process instead of
// going through a socket.
func HandlerFetcher(h http.Handler) Fetcher { return handlerFetcher{h} }

type handlerFetcher struct{ handler http.Handler }

// Do serves the request and returns what the handler wrote.
func (f handlerFetcher) Do(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	if req.Body == nil {
		req.Body = http.NoBody
	}
	// A server sees the target in RequestURI and the host in Host.
	req.RequestURI = req.URL.RequestURI()
	req.Host = req.URL.Host
	req.RemoteAddr = "127.0.0.1:0"
	w := &memoryWriter{header: http.Header{}}
	f.handler.ServeHTTP(w, req)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: req,
	}, nil
}

// memoryWriter is an http.ResponseWriter that keeps the reply.
type memoryWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *memoryWriter) Header() http.Header { return w.header }

func (w *memoryWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *memoryWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
