package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnThisMachine(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:7233": true, "[::1]:7233": true, "localhost:7233": true, "127.9.9.9:1": true,
		"temporal:7233": false, "10.0.0.4:7233": false, "0.0.0.0:7233": false, "localhost.example.com:7233": false,
		"dns:///temporal:7233": false, "": false,
	} {
		require.Equal(t, want, onThisMachine(address), address)
	}
}
