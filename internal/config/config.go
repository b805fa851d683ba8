package config

import (
	"strings"
	"time"
)

// Config is everything an operator can set. The tag `key` names a setting in
// the file; TASKROUTER_ and the upper-case path is its environment variable,
// the path with dashes its flag.
type Config struct {
	Listen    string    `key:"listen" usage:"address the REST API listens on"`
	PublicURL string    `key:"public_url" usage:"URL at which clients and voice platforms reach the REST API"`
	Metrics   Metrics   `key:"metrics"`
	Tracing   Tracing   `key:"tracing"`
	Database  Database  `key:"database"`
	Temporal  Temporal  `key:"temporal"`
	Worker    Worker    `key:"worker"`
	Limits    Limits    `key:"limits"`
	Routing   Routing   `key:"routing"`
	Retention Retention `key:"retention"`
	Events    Events    `key:"events"`
	Voice     Voice     `key:"voice"`
	Egress    Egress    `key:"egress"`
	Secrets   Secrets   `key:"secrets"`
	Codec     Codec     `key:"codec"`
	Logging   Logging   `key:"logging"`
}

// Metrics says where operators look at this process.
type Metrics struct {
	Listen string `key:"listen" usage:"address of /metrics, /healthz and /readyz for operators, without authentication; empty for none"`
}

// Tracing says which traces are sent, and where to.
type Tracing struct {
	Endpoint    string  `key:"endpoint" usage:"host:port of the OpenTelemetry collector (OTLP over gRPC) traces are sent to; empty for none"`
	Insecure    bool    `key:"insecure" usage:"send traces without encryption"`
	SampleRatio float64 `key:"sample_ratio" usage:"share of traces that are kept, 0 to 1"`
	Propagate   bool    `key:"propagate" usage:"send traceparent along with webhooks, to whoever receives them"`
}

// Database says where the state is.
type Database struct {
	// URL is postgres://… or the path of a SQLite file. It is a secret
	// because it may carry a password.
	URL            Secret `key:"url" usage:"postgres://… or the path of a SQLite file"`
	MaxConnections int    `key:"max_connections" usage:"connections this process may open"`
}

// Kind is a database system.
type Kind string

// The database systems.
const (
	Postgres Kind = "postgres"
	SQLite   Kind = "sqlite"
)

// Kind tells which system the URL names and what to open: the URL itself for
// PostgreSQL, the path for SQLite.
func (d Database) Kind() (kind Kind, target string) {
	url := d.URL.Reveal()
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return Postgres, url
	}
	for _, prefix := range []string{"sqlite://", "sqlite:"} {
		if path, ok := strings.CutPrefix(url, prefix); ok {
			return SQLite, path
		}
	}
	return SQLite, url
}

// Temporal says how to reach the cluster that conducts.
type Temporal struct {
	Address   string `key:"address" usage:"host:port of the Temporal frontend"`
	Namespace string `key:"namespace" usage:"Temporal namespace"`
	APIKey    Secret `key:"api_key" usage:"API key for Temporal Cloud"`
	// EncryptionKeys is a list; Keys reads it.
	EncryptionKeys Secret      `key:"encryption_keys" usage:"keys that encrypt what Temporal stores, 32 bytes each, the one to encrypt with first; none leaves it readable"`
	TLS            TemporalTLS `key:"tls"`
}

// TemporalTLS says how the connection to Temporal is encrypted.
type TemporalTLS struct {
	Enabled    bool   `key:"enabled" usage:"encrypt the connection to Temporal"`
	CAFile     string `key:"ca_file" usage:"certificates to trust instead of the system's"`
	CertFile   string `key:"cert_file" usage:"client certificate"`
	KeyFile    string `key:"key_file" usage:"key of the client certificate"`
	ServerName string `key:"server_name" usage:"name the server's certificate must have"`
}

// Worker says how much a worker process does at once.
type Worker struct {
	Concurrency  int           `key:"concurrency" usage:"assignment callbacks a worker process has under way at once"`
	DrainTimeout time.Duration `key:"drain_timeout" usage:"time a process has to finish its work when told to stop"`
	BuildID      string        `key:"build_id" usage:"name of this version for Temporal's Worker Versioning; empty: any worker process takes any durable run"`
}

// Limits says where this program stops accepting.
type Limits struct {
	MaxBacklog     int           `key:"max_backlog" usage:"unsent notices above which new work is answered 503"`
	BodyBytes      int64         `key:"body_bytes" usage:"largest request body, in bytes"`
	RequestTimeout time.Duration `key:"request_timeout" usage:"time a request may take"`
	Writes         int           `key:"writes" usage:"changing requests in work at a time; 0: 8 for each database connection. Four times as many may wait"`
	Reads          int           `key:"reads" usage:"reading requests in work at a time; 0: 4 for each database connection. Four times as many may wait"`
	AdmissionWait  time.Duration `key:"admission_wait" usage:"time a request may wait for its turn before it is answered 503"`
	QueueWait      time.Duration `key:"queue_wait" usage:"time changes of a workspace may wait before new tasks are answered 503"`
	// Account holds for accounts that are not among Accounts.
	Account  AccountLimits  `key:"account"`
	Accounts []AccountLimit `key:"accounts" usage:"accounts with limits of their own, as a YAML or JSON list"`
}

// AccountLimits is what one account may ask of one process.
type AccountLimits struct {
	RequestsPerSecond  int `key:"requests_per_second" usage:"requests of an account a second, above which it is answered 429; 0: any number"`
	ConcurrentRequests int `key:"concurrent_requests" usage:"requests of an account at a time, above which it is answered 429; 0: any number"`
	WaitingTasks       int `key:"waiting_tasks" usage:"tasks of an account waiting for an agent, above which new ones are answered 429; 0: any number"`
}

// NoLimit in an AccountLimit lifts the limit that holds for everybody.
const NoLimit = -1

// AccountLimit is what one account may do instead of what everybody may. Zero
// keeps the limit that holds for everybody, NoLimit lifts it.
type AccountLimit struct {
	AccountSID         string `key:"account_sid" usage:"account these limits hold for"`
	RequestsPerSecond  int    `key:"requests_per_second" usage:"instead of limits.account.requests_per_second; -1: any number"`
	ConcurrentRequests int    `key:"concurrent_requests" usage:"instead of limits.account.concurrent_requests; -1: any number"`
	WaitingTasks       int    `key:"waiting_tasks" usage:"instead of limits.account.waiting_tasks; -1: any number"`
}

// Of are the limits of one account.
func (l Limits) Of(accountSID string) AccountLimits {
	out := l.Account
	for _, a := range l.Accounts {
		if a.AccountSID != accountSID {
			continue
		}
		for _, own := range []struct {
			limit *int
			value int
		}{
			{&out.RequestsPerSecond, a.RequestsPerSecond}, {&out.ConcurrentRequests, a.ConcurrentRequests}, {&out.WaitingTasks, a.WaitingTasks},
		} {
			switch own.value {
			case 0:
			case NoLimit:
				*own.limit = 0
			default:
				*own.limit = own.value
			}
		}
	}
	return out
}

// Routing says what the router does when a Workflow does not.
type Routing struct {
	MaxAssignments  int           `key:"max_assignments" usage:"offers a Task may have before it is canceled"`
	AssignedLimit   time.Duration `key:"assigned_limit" usage:"time a Task may stay assigned before it is removed"`
	GracePeriod     time.Duration `key:"grace_period" usage:"time a closed Task stays readable"`
	EventRetention  time.Duration `key:"event_retention" usage:"time events and statistics stay readable"`
	DefaultCapacity int           `key:"default_capacity" usage:"capacity of a new agent on each channel"`
}

// Retention says how long the router keeps what nobody works on any more.
type Retention struct {
	FinishedTasks time.Duration `key:"finished_tasks" usage:"age at which what belongs to finished Tasks is removed: their rows, calls and events; 0 leaves that to routing.grace_period and routing.event_retention"`
}

// Events says how events are sent to callback URLs.
type Events struct {
	CallbackRetries int `key:"callback_retries" usage:"times an event is sent again that its receiver could not take, 0 to 10"`
}

// Voice says which telephone platforms there are.
type Voice struct {
	// Insecure allows plain HTTP and webhooks nobody vouches for.
	Insecure bool           `key:"insecure" usage:"allow plain HTTP and unprotected voice webhooks"`
	Backends []VoiceBackend `key:"backends" usage:"telephone platforms, as a YAML or JSON list"`
}

// Flavour is a kind of telephone platform.
type Flavour string

// The kinds of telephone platform.
const (
	FlavourTwilio   Flavour = "twilio"
	FlavourRestcomm Flavour = "restcomm"
	FlavourFake     Flavour = "fake"
)

// VoiceBackend is an account on one telephone platform.
type VoiceBackend struct {
	Name       string  `key:"name" usage:"name in URLs, logs and the database"`
	Flavour    Flavour `key:"flavour" usage:"twilio, restcomm or fake"`
	BaseURL    string  `key:"base_url" usage:"where the platform's REST API is"`
	AccountSID string  `key:"account_sid" usage:"account on the platform"`
	AuthToken  Secret  `key:"auth_token" usage:"token of the account"`
	// WebhookSecret protects webhooks of a platform that does not sign them:
	// it becomes part of the webhook's URL.
	WebhookSecret Secret   `key:"webhook_secret" usage:"secret in the webhook URLs of a platform that does not sign"`
	Numbers       []string `key:"numbers" usage:"telephone numbers to point at this router, such as +14155550100"`
}

// Egress says where webhooks may go.
type Egress struct {
	AllowCIDRs []string `key:"allow_cidrs" usage:"private networks webhooks may be sent to"`
}

// Secrets are the keys this program encrypts with.
type Secrets struct {
	SealingKey Secret `key:"sealing_key" usage:"key that seals stored tokens, 32 bytes"`
	// PreviousKey opens what was sealed before the key was changed.
	PreviousKey Secret `key:"previous_key" usage:"former sealing key, still accepted for reading"`
}

// Codec says who may have encrypted payloads of Temporal decrypted.
type Codec struct {
	Token    Secret `key:"token" usage:"token operators need for /codec, which decrypts for the Temporal UI; none turns it off"`
	UIOrigin string `key:"ui_origin" usage:"where browsers open the Temporal UI that may use /codec, such as https://temporal.example.com"`
}

// Logging says how the log is written.
type Logging struct {
	Level  string `key:"level" usage:"debug, info, warn or error"`
	Format string `key:"format" usage:"json or console"`
}

// Default returns the settings of a process that was told nothing.
func Default() *Config {
	return &Config{
		Listen:   "127.0.0.1:8080",
		Metrics:  Metrics{Listen: "127.0.0.1:9464"},
		Tracing:  Tracing{SampleRatio: 1},
		Database: Database{MaxConnections: 20},
		Temporal: Temporal{Address: "127.0.0.1:7233", Namespace: "default"},
		Worker:   Worker{Concurrency: 1000, DrainTimeout: 30 * time.Second},
		Limits: Limits{
			MaxBacklog: 10000, BodyBytes: 4 << 20, RequestTimeout: 8 * time.Second,
			AdmissionWait: time.Second, QueueWait: 5 * time.Second,
		},
		Routing: Routing{
			MaxAssignments: 1000, AssignedLimit: 24 * time.Hour, GracePeriod: 5 * time.Minute,
			EventRetention: 30 * 24 * time.Hour, DefaultCapacity: 1,
		},
		Events:  Events{CallbackRetries: 1},
		Logging: Logging{Level: "info", Format: "json"},
	}
}
