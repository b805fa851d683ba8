// Command platformd is the scripted telephone platform in a process of its own,
// so that calls go on while the router is being killed. It prints one JSON line
// with its address and its account once it serves.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/voicetest/platform"
	"github.com/taskrouter/taskrouter/wire"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "platformd:", err)
		os.Exit(1)
	}
}

func run() error {
	token := taskrouter.NewSID("")
	p := platform.New(platform.Options{
		Flavour: voice.FlavourTwilio, AccountSID: taskrouter.NewSID(taskrouter.PrefixAccount), Token: token,
		Sign: func(target string, form url.Values) string { return wire.Sign(target, form, token) },
	})
	defer p.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	about := url.URL{
		Scheme: "http", User: url.UserPassword(p.Network().AccountSID(), token),
		Host: l.Addr().String(), Path: p.BasePath(),
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"url": about.String()}); err != nil {
		return err
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	return srv.Serve(l)
}
