# Needs Go, for tests on PostgreSQL the Debian package of it (make test
# installs it where it may), and for those of the Node library Node 20.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODULE := github.com/taskrouter/taskrouter
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.buildVersion=$(VERSION)

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
WORKFLOWCHECK := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Packages that link the Temporal server. It takes minutes to build and is not
# built a second time with the race detector.
WHOLE := ^$(MODULE)/(cmd|test|examples|internal/(dev|devserver|testkit))(/|$$)
unit = $$(go list ./... | grep -Ev '$(WHOLE)|/audit$$')
whole = $$(go list ./... | grep -E '$(WHOLE)' | grep -vE '/test/(e2e|durability)')

# The race detector needs a C compiler.
RACE := $(if $(shell command -v gcc || command -v clang),-race,)
FUZZTIME ?= 20s

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z/-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/taskrouter
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/taskrouter ./cmd/taskrouter

.PHONY: dev
dev: ## run everything in one process, with a demo workspace
	go run ./cmd/taskrouter dev

.PHONY: test
test: test/unit test/whole e2e ## run every test this machine can run

.PHONY: test/unit
test/unit: postgres ## run the tests that do not link the Temporal server, with the race detector
	@echo '== unit tests $(if $(RACE),with,WITHOUT: no C compiler,) race detector'
	go test $(RACE) -timeout 20m $(unit)
	@echo '== properties in full and what only counts, without race detector'
	go test -timeout 10m -run 'Promises|Agree' ./dispatch
	go test -timeout 10m -run 'Grow|WholeTables' ./store
	go test -timeout 10m ./audit

.PHONY: test/whole
test/whole: postgres ## run the tests that link the Temporal server
	@echo '== tests with the Temporal server (its first build takes minutes)'
	@packages="$(whole)"; if [ -n "$$packages" ]; then set -x; go test -timeout 20m $$packages; fi
	@echo '== deaths of the whole system: a sample (make durability and make endurance do all)'
	go test -short -timeout 20m ./test/durability

.PHONY: e2e
e2e: postgres ## run the end-to-end tests
	@echo '== end-to-end tests'
	@if [ -n "$$(go list ./test/e2e/... 2>/dev/null)" ]; then set -x; go test -timeout 20m -v ./test/e2e/... | grep -vE '^=== (RUN|PAUSE|CONT|NAME)'; fi

.PHONY: e2e/clients
e2e/clients: postgres ## carry out every operation with the official Go and Node libraries
	go test -timeout 10m -count 1 -v -run 'TestGoLibrary|TestNodeLibrary' ./test/e2e | grep -vE '^=== (RUN|PAUSE|CONT|NAME)'

.PHONY: durability
durability: postgres ## kill the whole system at every named point and 100 times at random (DURABILITY_KILLS)
	DURABILITY_KILLS=$${DURABILITY_KILLS:-100} go test -timeout 60m -count 1 -v -skip '^TestEndurance$$' ./test/durability

.PHONY: endurance
endurance: postgres ## let everything fail at once for ENDURANCE (10m); nothing may be lost (ENDURANCE_SEED repeats)
	ENDURANCE=$${ENDURANCE:-10m} go test -timeout 40m -count 1 -v -run '^(TestEndurance|TestVerdict|TestScheduleOfFaults)$$' ./test/durability

.PHONY: growth
growth: postgres ## hold the time of each command in large workspaces against small ones (minutes; wants a quiet machine)
	GROWTH=1 go test -timeout 90m -count 1 -v -run 'TestGrowth$$' ./store

.PHONY: test/pg
test/pg: postgres ## run the storage tests; having no PostgreSQL is a failure
	CI=true go test -timeout 10m -count 1 ./internal/pgtest/... ./store/...

.PHONY: replay
replay: ## replay the recorded histories with today's Temporal workflows
	go test -timeout 5m -count 1 -run Replay ./workflows/...

.PHONY: replay/record
replay/record: ## record the histories anew: only when the logic version changes
	UPDATE_REPLAY=1 go test -timeout 20m -count 1 -run 'TestScenarios/sqlite' ./test/e2e
	UPDATE_REPLAY=1 go test -timeout 5m -count 1 -run TestReplay ./workflows

# Further flags of taskrouter bench, such as --plot latency.svg.
BENCHFLAGS ?=

.PHONY: bench
bench: build ## measure every scenario; a budget missed by more than noise is a failure (BENCHFLAGS)
	bin/taskrouter bench --assert $(BENCHFLAGS)

.PHONY: bench/quick
bench/quick: build ## show in a minute that every scenario works; measures nothing (BENCHFLAGS)
	bin/taskrouter bench --quick $(BENCHFLAGS)

.PHONY: release/freeze
release/freeze: ## write down what must not change after release RELEASE: migrations and recorded histories
	@test -n '$(RELEASE)' || { echo 'RELEASE=1.2.0, say'; exit 1; }
	FREEZE_RELEASE='$(RELEASE)' go test -count 1 -run '^TestReleasedMigrations$$' ./store
	FREEZE_RELEASE='$(RELEASE)' go test -count 1 -run '^TestReplayReleased$$' ./workflows

.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME (20s), all for FUZZBUDGET seconds at most
	@FUZZTIME=$(FUZZTIME) .ci/fuzz.sh

.PHONY: generate
generate: ## make generated files anew
	go generate ./...

.PHONY: verify
verify: generate ## fail when a generated file, go.mod or go.sum is not up to date
	go mod tidy -diff
	@git diff --exit-code || { echo 'generated files are not up to date: commit what make generate made' >&2; exit 1; }

.PHONY: lint
lint: lint/fast lint/workflows ## check everything that can be checked without running it
	go run $(GOLANGCI) run --timeout 15m ./...

.PHONY: lint/fast
lint/fast: ## check format, imports and go vet only
	@test -z "$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go'))" || { gofmt -d $$(git ls-files -co --exclude-standard '*.go'); exit 1; }
	go vet ./...
	go test -count 1 ./internal/archtest

.PHONY: lint/workflows
lint/workflows: ## check that Temporal workflows are deterministic
	@if [ -n "$$(go list ./workflows/... 2>/dev/null)" ]; then set -x; go run $(WORKFLOWCHECK) ./workflows/...; fi

.PHONY: vulncheck
vulncheck: ## look for known vulnerabilities in what is used
	go run $(GOVULNCHECK) ./...

.PHONY: ci
ci: ## do what continuous integration does
	.ci/run

.PHONY: postgres
postgres:
	@.ci/postgres.sh
