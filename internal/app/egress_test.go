package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/events"
)

func TestEgressAddresses(t *testing.T) {
	lan := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	for _, tc := range []struct {
		name, address string
		allow         []netip.Prefix
		ok            bool
	}{
		{name: "public IPv4", address: "93.184.216.34:443", ok: true},
		{name: "public IPv6", address: "[2606:2800:220:1::1]:443", ok: true},
		{name: "loopback", address: "127.0.0.1:80"},
		{name: "loopback, IPv6", address: "[::1]:80"},
		{name: "loopback dressed as IPv6", address: "[::ffff:127.0.0.1]:80"},
		{name: "private", address: "10.1.2.3:80"},
		{name: "private, allowed", address: "10.1.2.3:80", allow: lan, ok: true},
		{name: "private, beside the allowed", address: "10.2.2.3:80", allow: lan},
		{name: "metadata service", address: "169.254.169.254:80"},
		{name: "link-local with zone", address: "[fe80::1%eth0]:80"},
		{name: "unique local", address: "[fd00::1]:80"},
		{name: "carrier-grade NAT", address: "100.64.0.1:80"},
		{name: "NAT64 of a private address", address: "[64:ff9b::a00:1]:80"},
		{name: "unspecified", address: "0.0.0.0:80"},
		{name: "multicast", address: "224.0.0.1:80"},
		{name: "broadcast", address: "255.255.255.255:80"},
		{name: "no address", address: "nonsense"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := permitted(tc.address, tc.allow)
			require.Equal(t, tc.ok, err == nil, "%v", err)
		})
	}
}

func TestEgressNetworks(t *testing.T) {
	_, err := guarded([]string{"10.0.0.0/8", "192.168.1.7", "::1"}, time.Second)
	require.NoError(t, err)
	_, err = guarded([]string{"10.0.0.0/99"}, time.Second)
	require.ErrorContains(t, err, "egress network")
}

// A name that resolves to loopback is refused at the moment of dialling, and a
// redirect is handed back instead of followed.
func TestGuardedClient(t *testing.T) {
	hits := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	defer srv.Close()
	request := func(c *http.Client) (*http.Response, error) {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, srv.URL, nil)
		require.NoError(t, err)
		return c.Do(req)
	}
	strict, err := guarded(nil, 5*time.Second)
	require.NoError(t, err)
	res, err := request(strict)
	if res != nil {
		_ = res.Body.Close()
	}
	require.ErrorIs(t, err, events.ErrForbiddenAddress)
	require.Zero(t, hits)

	lenient, err := guarded([]string{"127.0.0.0/8", "::1"}, 5*time.Second)
	require.NoError(t, err)
	res, err = request(lenient)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusFound, res.StatusCode)
	require.Equal(t, 1, hits)
}
