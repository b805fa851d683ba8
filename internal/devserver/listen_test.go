package devserver_test

import (
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"go.temporal.io/api/workflowservice/v1"
)

// assertCollect is what EventuallyWithT hands to its condition.
type assertCollect = assert.CollectT

func countRequest(query string) *workflowservice.CountWorkflowExecutionsRequest {
	return &workflowservice.CountWorkflowExecutionsRequest{Namespace: "default", Query: query}
}

// listeningAddresses returns the IP addresses this process listens on over
// TCP, as the kernel tells them.
func listeningAddresses(t *testing.T) []string {
	t.Helper()
	const listen = "0A"
	inodes := socketInodes(t)
	var found []string
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, line := range strings.Split(string(text), "\n")[1:] {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != listen || !inodes[f[9]] {
				continue
			}
			raw, err := hex.DecodeString(strings.Split(f[1], ":")[0])
			require.NoError(t, err)
			// Each 32-bit word is printed in the byte order of the machine.
			for i := 0; i < len(raw); i += 4 {
				slices.Reverse(raw[i : i+4])
			}
			found = append(found, net.IP(raw).String())
		}
	}
	require.NotEmpty(t, found)
	return found
}

func socketInodes(t *testing.T) map[string]bool {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	inodes := map[string]bool{}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil {
			continue // a descriptor that was closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return inodes
}
