package rest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// Twilio's numbers that decide a verdict, see
// https://www.twilio.com/docs/api/errors.
const (
	codeRateLimit       = 20429
	codeCallConcurrency = 10004
	codeNotFound        = 20404
	codeUnauthorized    = 20003
	codeNotInProgress   = 21220
)

// attemptFatalCodes say that this target cannot be called this way.
var attemptFatalCodes = map[int]bool{
	21201: true, // no To
	21205: true, // bad URL
	21210: true, // From not verified
	21211: true, // bad To
	21212: true, // bad From
	21213: true, // no From
	21214: true, // To cannot be reached
	21215: true, // geographic permission
	21216: true, // To is blocked
	21217: true, // not a phone number
}

// maxDetail is how much of the platform's own text is kept.
const maxDetail = 300

// failure makes the error of a reply that is not 2xx.
func failure(f voice.Flavour, op operation, status int, header http.Header, body []byte, now time.Time) *voice.Error {
	e := &voice.Error{Op: op.name, Status: status, RetryAfter: retryAfter(header.Get("Retry-After"), now)}
	text := strings.TrimSpace(string(body))
	var parsed struct {
		Code    flexString `json:"code"`
		Message flexString `json:"message"`
	}
	if json.Unmarshal(body, &parsed) == nil {
		e.Code, _ = strconv.Atoi(string(parsed.Code))
		e.Detail = string(parsed.Message)
	} else if !strings.HasPrefix(text, "<") {
		e.Detail = text
	}
	if len(e.Detail) > maxDetail {
		e.Detail = strings.ToValidUTF8(e.Detail[:maxDetail], "")
	}
	e.Class = classify(f, op, status, e.Code, e.Detail != "")
	return e
}

// classify is the verdict on a reply. said tells that the platform explained
// itself.
func classify(f voice.Flavour, op operation, status, code int, said bool) voice.Class {
	switch {
	case status == http.StatusTooManyRequests, code == codeRateLimit, code == codeCallConcurrency:
		return voice.ClassRetryable
	case status == http.StatusUnauthorized, code == codeUnauthorized:
		return voice.ClassFatal
	case attemptFatalCodes[code]:
		return voice.ClassAttemptFatal
	case op.onLeg && (code == codeNotInProgress || code == codeNotFound):
		return voice.ClassGone
	case op.onLeg && (status == http.StatusNotFound || status == http.StatusNotAcceptable || status == http.StatusGone):
		return voice.ClassGone
	case status == http.StatusRequestTimeout:
		return undecided(op)
	case status < 400, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusConflict:
		return voice.ClassFatal
	case status < 500 && op == opOriginate:
		return voice.ClassAttemptFatal
	case status < 500:
		return voice.ClassFatal
	case f == voice.FlavourRestcomm && op == opOriginate && status == http.StatusInternalServerError && said:
		// Restcomm answers 500 with the exception's text for a target it cannot
		// reach. A 500 without one is an ordinary fault.
		return voice.ClassAttemptFatal
	default:
		return undecided(op)
	}
}

// undecided is the verdict when the platform may or may not have acted.
func undecided(op operation) voice.Class {
	if op.safe {
		return voice.ClassRetryable
	}
	return voice.ClassUnknownOutcome
}

// transportFailure makes the error of a request without a reply.
func transportFailure(op operation, err error) *voice.Error {
	// The address of the request, which url.Error repeats, may hold numbers.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := &voice.Error{Op: op.name, Cause: err, Class: undecided(op)}
	var (
		opErr *net.OpError
		dns   *net.DNSError
		cert  *tls.CertificateVerificationError
		host  x509.HostnameError
	)
	switch {
	case errors.As(err, &cert), errors.As(err, &host):
		e.Class = voice.ClassFatal
	case errors.As(err, &dns), errors.As(err, &opErr) && opErr.Op == "dial":
		e.Class = voice.ClassRetryable // nothing was sent
	case op.safe && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		e.Class = voice.ClassRetryable
	}
	return e
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		return time.Duration(max(0, min(n, 24*3600))) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}
