package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/internal/config"
)

func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good_*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := config.Load(config.Sources{File: file})
			require.NoError(t, err)
			require.NoError(t, c.Verify())
			require.NoError(t, c.VerifyDatabase())
		})
	}
}

// TestBadFiles compares the exact text an operator reads with the file of the
// same name that ends in .txt.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad_*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
			require.NoError(t, err)
			c, err := config.Load(config.Sources{File: file})
			if err == nil {
				err = c.Verify()
			}
			require.Error(t, err)
			require.Equal(t, string(want), err.Error()+"\n")
			require.NotContains(t, err.Error(), "hunter2")
			var problems config.Problems
			require.ErrorAs(t, err, &problems)
		})
	}
}

func TestMissingFile(t *testing.T) {
	_, err := config.Load(config.Sources{File: "testdata/none.yaml"})
	require.EqualError(t, err, "configuration file: open testdata/none.yaml: no such file or directory")
}

func TestFileValues(t *testing.T) {
	c, err := config.Load(config.Sources{File: "testdata/good_full.yaml"})
	require.NoError(t, err)
	require.Equal(t, "postgres://router:hunter2@db:5432/router", c.Database.URL.Reveal())
	require.Equal(t, 40, c.Database.MaxConnections)
	require.Equal(t, 2*time.Hour, c.Routing.AssignedLimit)
	require.Equal(t, config.Default().Routing.EventRetention, c.Routing.EventRetention, "what is not set keeps its default")
	require.Len(t, c.Voice.Backends, 3)
	require.Equal(t, "token-of-the-cloud", c.Voice.Backends[0].AuthToken.Reveal())
	require.Equal(t, config.FlavourRestcomm, c.Voice.Backends[1].Flavour)
	require.Equal(t, []string{"10.0.0.0/8", "192.168.1.7"}, c.Egress.AllowCIDRs)
	key, err := c.Secrets.SealingKey.Key()
	require.NoError(t, err)
	other, err := c.Secrets.PreviousKey.Key()
	require.NoError(t, err)
	require.Equal(t, key, other, "hexadecimal and base64 of the same bytes")
	keys, err := c.Temporal.EncryptionKeys.Keys()
	require.NoError(t, err)
	require.Len(t, keys, 2, "a line each")
	require.Equal(t, byte(0x20), keys[0][0], "the one to encrypt with is first")
	require.Equal(t, key, keys[1])
	require.Equal(t, "0123456789abcdef", c.Codec.Token.Reveal())
	require.Equal(t, 48*time.Hour, c.Retention.FinishedTasks)
}

func TestDatabaseKind(t *testing.T) {
	for _, tc := range []struct {
		url    string
		kind   config.Kind
		target string
	}{
		{"postgres://a@b/c", config.Postgres, "postgres://a@b/c"},
		{"postgresql://a@b/c", config.Postgres, "postgresql://a@b/c"},
		{"/var/lib/router.db", config.SQLite, "/var/lib/router.db"},
		{"sqlite:router.db", config.SQLite, "router.db"},
		{"sqlite:///var/lib/router.db", config.SQLite, "/var/lib/router.db"},
	} {
		t.Run(tc.url, func(t *testing.T) {
			kind, target := config.Database{URL: config.NewSecret(tc.url)}.Kind()
			require.Equal(t, tc.kind, kind)
			require.Equal(t, tc.target, target)
		})
	}
}

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "router.yaml")
	require.NoError(t, os.WriteFile(file, []byte("listen: file:1\npublic_url: http://file\nlogging: {level: warn}\n"), 0o600))
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(fs)
	require.NoError(t, fs.Parse([]string{"--listen=flag:1", "--voice-insecure", "--egress-allow-cidrs", "10.0.0.0/8, 10.1.0.0/16"}))
	c, err := config.Load(config.Sources{
		Environ: []string{
			"TASKROUTER_CONFIG=" + file, "TASKROUTER_LISTEN=env:1", "TASKROUTER_PUBLIC_URL=http://env",
			"TASKROUTER_DATABASE_URL_FILE=testdata/secrets/database_url", "PATH=/bin",
			`TASKROUTER_VOICE_BACKENDS=[{"name": "lab", "flavour": "fake"}]`,
		},
		Flags: fs,
	})
	require.NoError(t, err)
	require.Equal(t, "flag:1", c.Listen)
	require.Equal(t, "http://env", c.PublicURL)
	require.Equal(t, "warn", c.Logging.Level)
	require.Equal(t, "json", c.Logging.Format)
	require.True(t, c.Voice.Insecure)
	require.Equal(t, []string{"10.0.0.0/8", "10.1.0.0/16"}, c.Egress.AllowCIDRs)
	require.Equal(t, "postgres://router:hunter2@db:5432/router", c.Database.URL.Reveal())
	require.Equal(t, []config.VoiceBackend{{Name: "lab", Flavour: config.FlavourFake}}, c.Voice.Backends)
}

func TestFlags(t *testing.T) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(fs)
	require.Nil(t, fs.Lookup("database-url"), "a secret on the command line is no secret")
	require.Nil(t, fs.Lookup("voice-backends"))
	require.Equal(t, "24h0m0s", fs.Lookup("routing-assigned-limit").DefValue)
	require.Equal(t, "duration", fs.Lookup("routing-assigned-limit").Value.Type())
	require.Equal(t, "int", fs.Lookup("limits-body-bytes").Value.Type())
	require.NoError(t, fs.Parse([]string{
		"--config", "testdata/good_minimal.yaml", "--database-url-file", "testdata/secrets/database_url",
		"--limits-max-backlog=x", "--secrets-previous-key-file=testdata/secrets/empty",
	}))
	_, err := config.Load(config.Sources{Flags: fs})
	require.EqualError(t, err, strings.Join([]string{
		`--limits-max-backlog: limits.max_backlog: "x" is not a whole number`,
		`--secrets-previous-key-file: secrets.previous_key: testdata/secrets/empty is empty`,
	}, "\n"))
}

func TestEnvironmentMistakes(t *testing.T) {
	_, err := config.Load(config.Sources{Environ: []string{
		"TASKROUTER_LISTN=x", "TASKROUTER_WHATEVER=1", "TASKROUTER_WORKER_CONCURRENCY=ten",
		"TASKROUTER_DATABASE_URL=a", "TASKROUTER_DATABASE_URL_FILE=b",
		"TASKROUTER_VOICE_BACKENDS=[{nam: x}]",
		"TASKROUTER_PORT=tcp://10.0.0.1:80", "TASKROUTER_SERVICE_HOST=10.0.0.1", "TASKROUTER_SERVICE_PORT_HTTP=80",
		"TASKROUTER_PORT_80_TCP_ADDR=10.0.0.1", "TASKROUTER_API_SERVICE_HOST=10.0.0.1",
		"TASKROUTER_URL=http://127.0.0.1:8080", "TASKROUTER_ACCOUNT_SID=AC1", "TASKROUTER_AUTH_TOKEN=t",
		"TASKROUTER_WORKSPACE_SID=WS1", "TASKROUTER_WORKFLOW_SID=WW1",
	}})
	require.EqualError(t, err, strings.Join([]string{
		"TASKROUTER_DATABASE_URL_FILE: database.url: TASKROUTER_DATABASE_URL is set too: use one of them",
		`TASKROUTER_WORKER_CONCURRENCY: worker.concurrency: "ten" is not a whole number`,
		"TASKROUTER_VOICE_BACKENDS:1: voice.backends[0].nam: unknown key; did you mean name?",
		"TASKROUTER_LISTN: unknown environment variable; did you mean TASKROUTER_LISTEN?",
		"TASKROUTER_WHATEVER: unknown environment variable",
	}, "\n"))
}

func TestWarnings(t *testing.T) {
	c := config.Default()
	c.PublicURL = "http://a.b.c.d.e.example"
	c.Voice.Insecure = true
	c.Database.URL = config.NewSecret("router.db")
	var got []string
	for _, w := range c.Warnings() {
		got = append(got, w.String())
	}
	require.Equal(t, []string{
		"public_url: the host has 6 labels; official client libraries mangle hosts of more than 5",
		"public_url: credentials and personal data travel unencrypted over http",
		"voice.insecure: anybody who can reach this process can pretend to be the telephone platform",
		"database.url: SQLite serves one process on one machine; use PostgreSQL in production",
	}, got)
	quiet := config.Default()
	quiet.PublicURL = "http://127.0.0.1:8080"
	require.Empty(t, quiet.Warnings())
}

func TestSecretsNeverShow(t *testing.T) {
	const text = "hunter2-and-more"
	c := config.Default()
	c.Database.URL = config.NewSecret(text)
	c.Voice.Backends = []config.VoiceBackend{{Name: "a", AuthToken: config.NewSecret(text)}}
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown[verb] = fmt.Sprintf(verb, *c) + fmt.Sprintf(verb, c.Database.URL)
	}
	asJSON, err := json.Marshal(c)
	require.NoError(t, err)
	shown["json"] = string(asJSON)
	asYAML, err := yaml.Marshal(c.Database.URL)
	require.NoError(t, err)
	shown["yaml"] = string(asYAML)
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", c.Database.URL)
	shown["slog"] = out.String()
	out.Reset()
	require.NoError(t, c.Print(&out))
	shown["print"] = out.String()
	for how, s := range shown {
		require.NotContains(t, s, text, how)
		require.NotContains(t, s, fmt.Sprintf("%x", text), how)
	}
	require.Contains(t, shown["print"], "database.url = <secret>\n")
	require.Contains(t, shown["print"], "voice.backends[0].auth_token = <secret>\n")
	require.Contains(t, shown["print"], "temporal.api_key = \n", "an empty secret is seen to be empty")
}

func TestReferenceNamesEverySetting(t *testing.T) {
	ref := config.Reference()
	require.Contains(t, ref, "| `routing.max_assignments` | `TASKROUTER_ROUTING_MAX_ASSIGNMENTS` | `1000` | offers a Task may have before it is canceled |\n")
	for _, line := range strings.Split(strings.TrimSpace(ref), "\n")[2:] {
		cells := strings.Split(line, "|")
		require.Len(t, cells, 6, line)
		require.NotEmpty(t, strings.TrimSpace(cells[4]), line)
	}
}

func TestLoadNeverPanics(t *testing.T) {
	file := filepath.Join(t.TempDir(), "any.yaml")
	piece := rapid.SampledFrom([]string{
		"listen", "voice", "backends", "url", "url_file", ":", " ", "\n", "- ", "[", "]", "{", "}", "&a", "*a", "1", "~", "\"", "!!int", "<<",
	})
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 20).Draw(rt, "text"), "")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			rt.Fatal(err)
		}
		_, err := config.Load(config.Sources{File: file})
		var problems config.Problems
		if err != nil && !errors.As(err, &problems) {
			rt.Fatalf("not a problem: %v", err)
		}
	})
}
