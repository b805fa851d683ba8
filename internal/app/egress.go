package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/taskrouter/taskrouter/events"
)

// guarded makes the HTTP client for webhooks: no redirects, no private, loopback
// or link-local address unless it is allowed, checked after the name was
// resolved and on the address really dialled.
func guarded(allow []string, timeout time.Duration) (*http.Client, error) {
	var nets []netip.Prefix
	for _, c := range allow {
		p, err := network(c)
		if err != nil {
			return nil, fmt.Errorf("egress network: %w", err)
		}
		nets = append(nets, p)
	}
	d := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		return permitted(address, nets)
	}}
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return d.DialContext(ctx, network, addr)
		},
		Proxy:                 nil, // a proxy would dial for us, around the check
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       60 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: timeout,
	}
	return &http.Client{
		Transport: t, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// network reads a network, or a single address.
func network(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// nat64 and cgnat are private in fact although the library does not say so.
var (
	cgnat = netip.MustParsePrefix("100.64.0.0/10")
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// permitted checks the address a connection is about to be made to.
func permitted(address string, allow []netip.Prefix) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	ip = ip.WithZone("").Unmap()
	for _, p := range allow {
		if p.Contains(ip) {
			return nil
		}
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || cgnat.Contains(ip) || nat64.Contains(ip) {
		return events.ErrForbiddenAddress
	}
	return nil
}
