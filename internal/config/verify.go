package config

import (
	"crypto/x509"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
)

// Verify checks what the values mean and reports every problem at once, as
// Problems. It is what a process that serves needs; VerifyDatabase suffices
// for one that only touches the database.
func (c *Config) Verify() error {
	var ps Problems
	c.verifyListen(&ps)
	c.verifyTracing(&ps)
	c.verifyDatabase(&ps)
	c.verifyTemporal(&ps)
	c.verifyNumbers(&ps)
	c.verifyVoice(&ps)
	verifyCIDRs(&ps, "egress.allow_cidrs", c.Egress.AllowCIDRs)
	c.verifySecrets(&ps)
	c.verifyCodec(&ps)
	c.verifyLogging(&ps)
	return ps.orNil()
}

// VerifyDatabase checks the settings a migration needs.
func (c *Config) VerifyDatabase() error {
	var ps Problems
	c.verifyDatabase(&ps)
	c.verifyLogging(&ps)
	return ps.orNil()
}

// VerifySecrets checks the keys that seal tokens, which commands on accounts
// need beside the database.
func (c *Config) VerifySecrets() error {
	var ps Problems
	c.verifySecrets(&ps)
	return ps.orNil()
}

// maxHostLabels is how many dot-separated labels the host of the public URL
// may have before Twilio's own client for Go rewrites it wrongly.
// See https://github.com/twilio/twilio-go/blob/main/client/client.go.
const maxHostLabels = 5

// Warnings lists settings that are allowed and probably not meant.
func (c *Config) Warnings() []Problem {
	var ps Problems
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		host := u.Hostname()
		if n := strings.Count(host, ".") + 1; n > maxHostLabels && net.ParseIP(host) == nil {
			ps.addf("public_url", "", "the host has %d labels; official client libraries mangle hosts of more than %d", n, maxHostLabels)
		}
		if u.Scheme == "http" && !isLoopback(host) {
			ps.addf("public_url", "", "credentials and personal data travel unencrypted over http")
		}
	}
	if c.Voice.Insecure {
		ps.addf("voice.insecure", "", "anybody who can reach this process can pretend to be the telephone platform")
	}
	if kind, _ := c.Database.Kind(); kind == SQLite && !c.Database.URL.IsZero() {
		ps.addf("database.url", "", "SQLite serves one process on one machine; use PostgreSQL in production")
	}
	return ps
}

func (c *Config) verifyListen(ps *Problems) {
	verifyAddress(ps, "listen", c.Listen)
	if c.Metrics.Listen != "" {
		verifyAddress(ps, "metrics.listen", c.Metrics.Listen)
		if c.Metrics.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			ps.addf("metrics.listen", "", "must not be the address of the API")
		}
	}
	if c.PublicURL == "" {
		return
	}
	verifyURL(ps, "public_url", c.PublicURL)
}

func (c *Config) verifyTracing(ps *Problems) {
	t := c.Tracing
	if t.Endpoint != "" {
		verifyAddress(ps, "tracing.endpoint", t.Endpoint)
	}
	if r := t.SampleRatio; r < 0 || r > 1 || math.IsNaN(r) {
		ps.addf("tracing.sample_ratio", "", "is %v, must be from 0 to 1", r)
	}
}

func (c *Config) verifyDatabase(ps *Problems) {
	kind, target := c.Database.Kind()
	scheme, _, hasScheme := strings.Cut(target, "://")
	switch {
	case c.Database.URL.IsZero():
		ps.addf("database.url", "", "is required: postgres://… or the path of a SQLite file")
	case kind == Postgres:
		// The parser's error would quote the URL, password included.
		if u, err := url.Parse(target); err != nil || strings.Trim(u.Path, "/") == "" {
			ps.addf("database.url", "", "must look like postgres://user:password@host:5432/database")
		}
	case hasScheme && !strings.ContainsAny(scheme, "/."):
		ps.addf("database.url", "", "must be postgres://… or the path of a SQLite file, not %s://…", scheme)
	case target == "":
		ps.addf("database.url", "", "names no file")
	}
	atLeast(ps, "database.max_connections", c.Database.MaxConnections, 2)
}

func (c *Config) verifyTemporal(ps *Problems) {
	t := c.Temporal
	verifyAddress(ps, "temporal.address", t.Address)
	required(ps, "temporal.namespace", t.Namespace)
	if (t.TLS.CertFile == "") != (t.TLS.KeyFile == "") {
		ps.addf("temporal.tls", "", "cert_file and key_file belong together")
	}
	if !t.TLS.Enabled {
		if t.TLS.CAFile != "" || t.TLS.CertFile != "" || t.TLS.ServerName != "" {
			ps.addf("temporal.tls.enabled", "", "must be true when other temporal.tls settings are given")
		}
		if !t.APIKey.IsZero() {
			ps.addf("temporal.tls.enabled", "", "must be true when temporal.api_key is given")
		}
	}
	for _, f := range []struct{ path, file string }{
		{"temporal.tls.ca_file", t.TLS.CAFile}, {"temporal.tls.cert_file", t.TLS.CertFile}, {"temporal.tls.key_file", t.TLS.KeyFile},
	} {
		if f.file == "" {
			continue
		}
		text, err := os.ReadFile(f.file)
		if err != nil {
			ps.addf(f.path, "", "cannot be read: %v", err)
		} else if f.path == "temporal.tls.ca_file" && !x509.NewCertPool().AppendCertsFromPEM(text) {
			ps.addf(f.path, "", "holds no certificate")
		}
	}
}

func (c *Config) verifyNumbers(ps *Problems) {
	atLeast(ps, "worker.concurrency", c.Worker.Concurrency, 1)
	duration(ps, "worker.drain_timeout", c.Worker.DrainTimeout, time.Second)
	atLeast(ps, "limits.max_backlog", c.Limits.MaxBacklog, 1)
	atLeast(ps, "limits.body_bytes", int(c.Limits.BodyBytes), minBody)
	duration(ps, "limits.request_timeout", c.Limits.RequestTimeout, time.Second)
	c.verifyAdmission(ps)
	atLeast(ps, "routing.max_assignments", c.Routing.MaxAssignments, 1)
	duration(ps, "routing.assigned_limit", c.Routing.AssignedLimit, time.Minute)
	duration(ps, "routing.grace_period", c.Routing.GracePeriod, 0)
	duration(ps, "routing.event_retention", c.Routing.EventRetention, time.Hour)
	if c.Retention.FinishedTasks != 0 {
		duration(ps, "retention.finished_tasks", c.Retention.FinishedTasks, minRetention)
	}
	atLeast(ps, "routing.default_capacity", c.Routing.DefaultCapacity, 0)
	atLeast(ps, "events.callback_retries", c.Events.CallbackRetries, 0)
	if n := c.Events.CallbackRetries; n > 10 {
		ps.addf("events.callback_retries", "", "is %d, must be at most 10", n)
	}
}

// minRetention is as long as idempotency tokens are remembered.
const minRetention = 24 * time.Hour

// minBody leaves room for the largest attributes, escaped, and their envelope.
const minBody = 16 << 10

func (c *Config) verifySecrets(ps *Problems) {
	s := c.Secrets
	if s.SealingKey.IsZero() {
		ps.addf("secrets.sealing_key", "", "is required: 32 bytes in base64 or hexadecimal (make one with: openssl rand -base64 32)")
	}
	for _, k := range []struct {
		path string
		key  Secret
	}{
		{"secrets.sealing_key", s.SealingKey}, {"secrets.previous_key", s.PreviousKey},
	} {
		if k.key.IsZero() {
			continue
		}
		if _, err := k.key.Key(); err != nil {
			ps.addf(k.path, "", "%v", err)
		}
	}
}

func (c *Config) verifyLogging(ps *Problems) {
	if _, err := logging.ParseLevel(c.Logging.Level); err != nil {
		ps.addf("logging.level", "", "%v", err)
	}
	if err := logging.CheckFormat(c.Logging.Format); err != nil {
		ps.addf("logging.format", "", "%v", err)
	}
}

func required(ps *Problems, path, value string) {
	if value == "" {
		ps.addf(path, "", "is required")
	}
}

func atLeast(ps *Problems, path string, value, least int) {
	if value < least {
		ps.addf(path, "", "is %d, must be at least %d", value, least)
	}
}

func duration(ps *Problems, path string, value, least time.Duration) {
	if value < least {
		ps.addf(path, "", "is %v, must be at least %v", value, least)
	}
}

func verifyAddress(ps *Problems, path, value string) {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		ps.addf(path, "", "%q must be host:port", value)
	}
}

func verifyURL(ps *Problems, path, value string) {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		ps.addf(path, "", "must be an absolute http or https URL")
	case u.User != nil:
		ps.addf(path, "", "must not contain credentials")
	case u.RawQuery != "" || u.Fragment != "":
		ps.addf(path, "", "must not have a query or a fragment")
	}
}

func verifyCIDRs(ps *Problems, path string, list []string) {
	for _, item := range list {
		if _, err := netip.ParsePrefix(item); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(item); err != nil {
			ps.addf(path, "", "%q is not a network such as 10.0.0.0/8", item)
		}
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	numberPattern = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
)
