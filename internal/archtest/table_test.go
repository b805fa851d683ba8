package archtest_test

// row says what the non-test files of one package may import besides the
// standard library and package taskrouter, which everything may import.
type row struct {
	// ours are packages of this module.
	ours []string
	// third are prefixes of import paths of other modules.
	third []string
	// logs allows zap and internal/logging.
	logs bool
	// all allows everything but what exclusive reserves to others.
	all bool
}

// temporalSDK is what code that runs on Temporal needs. The server is not
// among it.
var temporalSDK = []string{"go.temporal.io/sdk", "go.temporal.io/api", "google.golang.org/protobuf", "google.golang.org/grpc"}

// assertions may be imported by packages that exist to test others. The
// official client library says what its users accept; the JSON Schema validator
// holds answers against their description.
var assertions = []string{
	"github.com/stretchr/testify", "pgregory.net/rapid", "github.com/twilio/twilio-go", "github.com/santhosh-tekuri/jsonschema/v6",
}

// table has a row for every package. Imports point downwards only: doors
// (apiserver, worker), effects (workflows, activities, callqueue), decisions
// (workspace, dispatch, rules, matching), outside (store, events, voice), wire
// form (wire), meaning (taskrouter). A package without a row fails the test;
// whoever adds one adds a row, and can say what the package owns.
var table = map[string]row{
	// Meaning and pure decisions: no third party, no log.
	"taskrouter":       {},
	"matching":         {},
	"wire":             {},
	"rules":            {ours: []string{"rules/twilioexpr"}, third: []string{"github.com/google/cel-go", "cel.dev/expr", "google.golang.org/protobuf"}},
	"rules/twilioexpr": {},
	"rules/offline":    {ours: []string{"rules"}},

	// Decisions. They reach the outside through interfaces of their own.
	"dispatch":  {ours: []string{"rules", "matching"}, logs: true},
	"workspace": {ours: []string{"rules", "matching", "dispatch"}, logs: true},

	// The outside. The store knows the packages whose interfaces it fills,
	// because these name the rows that go in and out.
	"store": {
		ours: []string{"dispatch", "workspace", "store/migrations", "store/compiled"},
		third: []string{
			"github.com/uptrace/bun", "github.com/pressly/goose/v3", "github.com/jackc/pgx/v5", "modernc.org/sqlite",
			"modernc.org/libc", // tests count SQLite's instructions
		},
		logs: true,
	},
	"store/migrations": {},
	"store/compiled":   {third: []string{"github.com/jackc/pgx/v5", "modernc.org/libc", "modernc.org/sqlite"}},
	// It edits what is stored, and asks the dispatcher to change live Tasks.
	"privacy": {ours: []string{"store", "dispatch"}},
	// The judge must not know how the dispatcher decides.
	"audit":           {ours: []string{"rules", "store"}},
	"store/storetest": {ours: []string{"dispatch", "workspace", "store"}, third: assertions},
	"events":          {ours: []string{"wire"}, logs: true},

	"voice":                    {logs: true},
	"voice/fake":               {ours: []string{"voice"}, logs: true},
	"voice/rest":               {ours: []string{"voice"}, logs: true},
	"voice/voicetest":          {ours: []string{"voice", "voice/fake", "voice/rest", "voice/voicetest/platform"}, third: assertions},
	"voice/voicetest/platform": {ours: []string{"voice", "voice/fake"}, logs: true},

	// Effects.
	"activities":              {third: temporalSDK, logs: true},
	"workflows":               {ours: []string{"activities"}, third: temporalSDK, logs: true},
	"workflows/workflowstest": {third: append(temporalSDK[:len(temporalSDK):len(temporalSDK)], assertions...)},
	"callqueue":               {ours: []string{"voice", "dispatch"}, logs: true},

	// Doors.
	"worker": {ours: []string{"workflows", "activities"}, third: temporalSDK, logs: true},
	"apiserver": {
		ours:  []string{"apiserver/openapi", "wire", "workspace", "dispatch", "callqueue", "internal/admission"},
		third: []string{"github.com/gin-gonic/gin", "github.com/coder/websocket", "github.com/gorilla/websocket"},
		logs:  true,
	},
	"apiserver/openapi": {ours: []string{"wire"}},
	"console":           {},

	// For programs that use the router.
	"twilioclient": {third: []string{"github.com/twilio/twilio-go"}},

	// Machinery.
	"internal/codec":   {third: temporalSDK},
	"internal/logging": {third: []string{"go.uber.org/zap", "go.temporal.io/sdk/log"}},
	"internal/config":  {ours: []string{"internal/logging"}, third: []string{"go.yaml.in/yaml/v3", "github.com/spf13/pflag"}},
	"internal/devserver": {
		ours: []string{"internal/logging"},
		third: append([]string{"go.temporal.io/server", "github.com/temporalio/ui-server/v2", "go.uber.org/zap"},
			temporalSDK...),
	},
	"internal/devserver/cmd/devtemporal": {ours: []string{"internal/devserver", "internal/logging"}, third: []string{"go.temporal.io/api"}},
	"internal/admission":                 {third: []string{"golang.org/x/time/rate"}},
	// Machinery that watches. It reads what waits from the store.
	"internal/health":    {logs: true},
	"internal/telemetry": {ours: []string{"dispatch", "store", "internal/admission"}, third: []string{"github.com/prometheus/client_golang", "go.temporal.io/sdk/client"}, logs: true},
	"internal/tracing": {
		ours:  []string{"dispatch"},
		third: []string{"go.opentelemetry.io/otel", "go.temporal.io/sdk/contrib/opentelemetry", "go.temporal.io/sdk/interceptor"},
		logs:  true,
	},
	"internal/pgtest":   {third: []string{"github.com/jackc/pgx/v5"}},
	"internal/archtest": {},
	"internal/frozen":   {},
	// The load generator sees of the router what users see; names and costs of
	// runs are what it reads on Temporal.
	"internal/bench":   {ours: []string{"rules", "workflows", "workflows/workflowstest", "worker"}, third: append([]string{"gonum.org/v1/plot"}, temporalSDK...)},
	"internal/app":     {all: true},
	"internal/dev":     {all: true},
	"internal/testkit": {all: true},
	"cmd/taskrouter":   {all: true},
	"test/e2e":         {all: true},

	// Examples are for people who use the router: they see of it what users
	// see. Their tests run the router itself.
	"examples":             {},
	"examples/setup":       {ours: []string{"twilioclient"}, third: []string{"github.com/twilio/twilio-go"}},
	"examples/supportdesk": {ours: []string{"examples/setup"}, third: []string{"github.com/twilio/twilio-go"}},
	"examples/ticketqueue": {ours: []string{"examples/setup"}, third: []string{"github.com/twilio/twilio-go"}},
	"examples/leads":       {ours: []string{"examples/setup"}, third: []string{"github.com/twilio/twilio-go"}},
}

// exclusive names what only some packages may import, tests included.
var exclusive = map[string][]string{
	// Linking the server takes minutes of processor time and 200 MB.
	"go.temporal.io/server":           {"internal/devserver"},
	"github.com/temporalio/ui-server": {"internal/devserver"},
	"github.com/gin-gonic/gin":        {"apiserver", "internal/app"},
	"github.com/uptrace/bun":          {"store", "store/storetest"},
	"github.com/pressly/goose":        {"store"},
	"github.com/google/cel-go":        {"rules"},
	"go.opentelemetry.io":             {"internal/tracing", "internal/app"},
	// These link the server, or everything, for whoever imports them.
	modulePath + "/internal/devserver": {
		"internal/dev", "internal/testkit", "cmd/taskrouter", "test/e2e", "internal/devserver", "internal/devserver/cmd/devtemporal",
	},
	modulePath + "/internal/dev": {"internal/dev", "internal/testkit", "cmd/taskrouter", "test/e2e", "examples"},
	modulePath + "/internal/app": {"internal/app", "internal/dev", "internal/testkit", "cmd/taskrouter", "test/e2e"},
	// Settings stop at the place that wires everything: other packages get
	// their own small options.
	modulePath + "/internal/config": {"internal/config", "internal/app", "internal/dev", "internal/testkit", "cmd/taskrouter", "test/e2e"},
}

// underAll are folders whose packages may import everything: programs, and
// tests of the whole.
var underAll = []string{"cmd/", "test/"}

// bannedNames are package names that say nothing about what a package owns.
var bannedNames = []string{"common", "util", "utils", "helper", "helpers", "models", "types", "interfaces", "manager", "misc", "shared", "lib", "pkg"}
