package durability

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/workflows"
	sealing "github.com/taskrouter/taskrouter/workspace"
)

// fleet is the router as production runs it: processes for the API and for
// durable work behind a load balancer, PostgreSQL, and a Temporal server on a
// disk, each of which may die.
type fleet struct {
	*system
	cluster   *pgtest.Cluster
	temporald *supervised
	routers   []*supervised
	// settings is the environment of every router process and tool.
	settings []string
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	b, cluster := built(t), pgtest.StartCluster(t)
	// Outside of what the test removes: whoever looks into a failure needs it.
	dir, err := os.MkdirTemp("", "taskrouter-endurance-")
	require.NoError(t, err)
	f := &fleet{system: &system{t: t, dir: dir}, cluster: cluster}
	t.Cleanup(func() { f.leave(dir) })
	addresses := quietAddresses(t, 3)
	apis := addresses[:2]
	way := newFront(t, apis...)
	f.listen, f.temporalAddress = way.address, addresses[2]
	f.platform, f.postgres = startPlatform(t), f.cluster.Database(t)

	_, port, err := net.SplitHostPort(f.temporalAddress)
	require.NoError(t, err)
	f.temporald = supervise(t, dir, onTemporal, b.temporal, nil, "--data", filepath.Join(dir, "temporal"), "--port", port,
		"--namespace", "default", "--keywords", strings.Join(slices.Sorted(maps.Keys(workflows.SearchAttributes())), ","),
		"--env-file", filepath.Join(dir, "temporal.env"))
	f.temporald.up()
	until(t, startPatience, "Temporal serves", func() error { _, err := readEnv(filepath.Join(dir, "temporal.env")); return err })

	f.settings = []string{
		"TASKROUTER_DATABASE_URL=" + f.postgres, "TASKROUTER_TEMPORAL_ADDRESS=" + f.temporalAddress,
		"TASKROUTER_PUBLIC_URL=http://" + way.address, "TASKROUTER_SECRETS_SEALING_KEY=" + sealing.NewSealingKey(),
		"TASKROUTER_EGRESS_ALLOW_CIDRS=127.0.0.0/8", "TASKROUTER_METRICS_LISTEN=127.0.0.1:0",
		"TASKROUTER_VOICE_INSECURE=true", "TASKROUTER_VOICE_BACKENDS=" + f.platform.backend(),
		// Rows are removed while all this goes on.
		"TASKROUTER_ROUTING_GRACE_PERIOD=1m",
	}
	f.tool("migrate")
	var account struct {
		SID   string `json:"account_sid"`
		Token string `json:"auth_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(f.tool("account", "create", "--json")), &account))
	f.env = map[string]string{
		"TASKROUTER_ACCOUNT_SID": account.SID, "TASKROUTER_AUTH_TOKEN": account.Token,
		"TEMPORAL_ADDRESS": f.temporalAddress, "TEMPORAL_NAMESPACE": "default",
	}
	for i, address := range apis {
		f.routers = append(f.routers, supervise(t, dir, fmt.Sprintf("api-%d", i+1), b.router, append(slices.Clip(f.settings), "TASKROUTER_LISTEN="+address), "api"))
	}
	for i := range 2 {
		f.routers = append(f.routers, supervise(t, dir, fmt.Sprintf("worker-%d", i+1), b.router, f.settings, "worker"))
	}
	for _, p := range f.routers {
		p.up()
	}
	until(t, startPatience, "the API answers", func() error {
		return errors.Join(f.answers(apis[0]), f.answers(apis[1]))
	})
	return f
}

// leave removes what the processes wrote, or says where it is.
func (f *fleet) leave(dir string) {
	if !f.t.Failed() {
		_ = os.RemoveAll(dir)
		return
	}
	if text, err := f.cluster.Log(); err == nil {
		_ = os.WriteFile(filepath.Join(dir, onPostgres+".log"), []byte(text), 0o600)
	}
	for _, p := range f.processes() {
		f.t.Logf("%s said last:\n%s", p.name, p.tail())
	}
	f.t.Logf("the logs of all processes, and the data of Temporal, are in %s", dir)
}

// answers asks one process whether it is ready.
func (f *fleet) answers(address string) error {
	return f.api().get("http://"+address+"/readyz", nil)
}

// process finds a process by its name; nil for none.
func (f *fleet) process(name string) *supervised {
	for _, p := range f.processes() {
		if p.name == name {
			return p
		}
	}
	return nil
}

// processes are all that may be killed.
func (f *fleet) processes() []*supervised {
	all := slices.Clone(f.routers)
	if f.temporald != nil {
		all = append(all, f.temporald)
	}
	return all
}

// tool runs a command of the router and returns what it printed.
func (f *fleet) tool(args ...string) string {
	f.t.Helper()
	out, err := f.command(args...)
	require.NoError(f.t, err, "taskrouter %v", args)
	return out
}

// command runs a command of the router.
func (f *fleet) command(args ...string) (string, error) {
	cmd := exec.CommandContext(f.t.Context(), built(f.t).router, args...)
	cmd.Env = append(os.Environ(), f.settings...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &errs)
	}
	return string(out), err
}

// backend is the platform as a setting of the router.
func (p *platform) backend() string {
	scheme, rest, _ := strings.Cut(p.url, "://")
	user, host, _ := strings.Cut(rest, "@")
	account, token, _ := strings.Cut(user, ":")
	text, _ := json.Marshal([]map[string]string{{
		"name": "platform", "flavour": "twilio", "base_url": scheme + "://" + host, "account_sid": account, "auth_token": token,
	}})
	return string(text)
}

// quietAddresses are some nobody listens on, outside of the range from which
// connections get their own ports: they are still free when a process comes
// back.
func quietAddresses(t *testing.T, n int) []string {
	t.Helper()
	const least, most = 10_000, 32_000
	var out []string
	for i := 0; len(out) < n; i++ {
		require.Less(t, i, most-least, "no port is free")
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(least+(os.Getpid()+i)%(most-least))))
		if err == nil {
			out = append(out, l.Addr().String())
			require.NoError(t, l.Close())
		}
	}
	return out
}
