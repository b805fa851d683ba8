package apiserver

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// memory is a list of n numbered items that is read like the store's.
func memory(n int, keep func(int) bool) (listing[string, string], []string) {
	var items, kept []string
	for i := range n {
		items = append(items, fmt.Sprintf("%06d", i))
		if keep(i) {
			kept = append(kept, items[i])
		}
	}
	self := func(s string) string { return s }
	return listing[string, string]{
		mark: self, render: self,
		fetch: func(p taskrouter.Page) ([]string, error) { return pageOf(items, p, self) },
		keep:  func(s string) (bool, error) { _, ok := slices.BinarySearch(kept, s); return ok, nil },
	}, kept
}

// forth and back follow the pages of a scan from one end to the other.
func forth(t require.TestingT, l listing[string, string], size int) (out []string, pages int) {
	p := taskrouter.Page{Size: size}
	for {
		s, err := scan(p, l)
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.Items), size)
		out, pages = append(out, s.Items...), pages+1
		if !s.HasMore {
			return out, pages
		}
		p.After = s.Last
	}
}

func back(t require.TestingT, l listing[string, string], size int, from string) (out []string) {
	p := taskrouter.Page{Size: size, Before: from}
	for {
		s, err := scan(p, l)
		require.NoError(t, err)
		require.LessOrEqual(t, len(s.Items), size)
		out = append(slices.Clone(s.Items), out...)
		if !s.HasPrior {
			return out
		}
		p.Before = s.First
	}
}

func TestScanFindsEachItemOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step, size := rapid.IntRange(1, 700).Draw(t, "step"), rapid.IntRange(1, 60).Draw(t, "size")
		l, kept := memory(rapid.IntRange(1, 3000).Draw(t, "items"), func(i int) bool { return i%step == 0 })
		got, _ := forth(t, l, size)
		require.Equal(t, kept, got)
		last := kept[len(kept)-1]
		require.Equal(t, kept[:len(kept)-1], append([]string{}, back(t, l, size, last)...))
	})
}

// TestScanIsBounded shows that a filter few items pass costs a bounded amount a
// page: pages are short then, and the client still comes to the end.
func TestScanIsBounded(t *testing.T) {
	const n = 3*scanBudget + 17
	l, kept := memory(n, func(i int) bool { return i == 5 || i == n-2 })
	read := 0
	fetch := l.fetch
	l.fetch = func(p taskrouter.Page) ([]string, error) { read += p.Size; return fetch(p) }
	s, err := scan(taskrouter.Page{Size: 50}, l)
	require.NoError(t, err)
	require.LessOrEqual(t, read, scanBudget+scanChunk)
	require.Equal(t, kept[:1], s.Items)
	require.True(t, s.HasMore)
	got, pages := forth(t, l, 50)
	require.Equal(t, kept, got)
	require.Equal(t, 4, pages)
	require.Equal(t, kept[:1], back(t, l, 50, kept[1]))
}

func TestScanStopsAtErrors(t *testing.T) {
	l, _ := memory(10, func(int) bool { return true })
	l.keep = func(string) (bool, error) { return false, errors.New("interrupted") }
	for _, p := range []taskrouter.Page{{Size: 1}, {Size: 1, Before: "000005"}} {
		_, err := scan(p, l)
		require.ErrorContains(t, err, "interrupted")
	}
	l.fetch = func(taskrouter.Page) ([]string, error) { return nil, errors.New("down") }
	for _, p := range []taskrouter.Page{{Size: 1}, {Size: 1, Before: "000005"}} {
		_, err := scan(p, l)
		require.ErrorContains(t, err, "down")
	}
}

func TestEmptyScanHasNoNeighbours(t *testing.T) {
	l, _ := memory(3, func(int) bool { return false })
	s, err := scan(taskrouter.Page{Size: 2}, l)
	require.NoError(t, err)
	require.Equal(t, wire.Slice[string]{}, s)
}
