package apiserver

import (
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// listing is what lists of one kind of resource have in common.
type listing[T, J any] struct {
	// key names the array in the body.
	key    string
	prefix taskrouter.Prefix
	// mark says where an item stands in the list. With a SID alone a client
	// cannot go on behind an item that was removed.
	mark   func(T) string
	render func(T) J
	// fetch reads up to Size+1 items of a page.
	fetch func(taskrouter.Page) ([]T, error)
	// keep, when set, filters what was fetched.
	keep func(T) (bool, error)
}

// list answers a list request.
func list[T, J any](s *Server, c *gin.Context, l listing[T, J]) (any, error) {
	values, err := query(c)
	if err != nil {
		return nil, err
	}
	p, err := wire.ParsePaging(c.Request.URL.EscapedPath(), values, l.prefix)
	if err != nil {
		return nil, err
	}
	var slice wire.Slice[T]
	if l.keep == nil {
		items, err := l.fetch(p.Page)
		if err != nil {
			return nil, err
		}
		slice = wire.Cut(items, p.Page, l.mark)
	} else if slice, err = scan(p.Page, l); err != nil {
		return nil, err
	}
	return wire.NewList(l.key, p, slice, s.links, l.render), nil
}

// Bounds of a scan.
const (
	scanChunk  = 500
	scanBudget = 10000
)

// scan finds one page of the items that keep accepts. It looks at no more than
// scanBudget of them: a page may then be short, or even empty, and its
// neighbour continues where the scan stopped.
func scan[T, J any](p taskrouter.Page, l listing[T, J]) (wire.Slice[T], error) {
	if p.Before != "" {
		return scanBack(p, l)
	}
	out := wire.Slice[T]{HasPrior: p.After != ""}
	cursor := p.After
	for scanned := 0; ; {
		items, err := l.fetch(taskrouter.Page{Size: scanChunk, After: cursor})
		if err != nil {
			return out, err
		}
		more := len(items) > scanChunk
		if more {
			items = items[:scanChunk]
		}
		for _, item := range items {
			ok, err := l.keep(item)
			if err != nil {
				return out, err
			}
			if ok && len(out.Items) == p.Size {
				out.HasMore = true
				return ends(out, l.mark), nil
			}
			if ok {
				out.Items = append(out.Items, item)
			}
			cursor = l.mark(item)
		}
		if scanned += len(items); !more {
			return ends(out, l.mark), nil
		} else if scanned >= scanBudget {
			out = ends(out, l.mark)
			out.HasMore, out.Last = true, cursor
			return out, nil
		}
	}
}

// scanBack is scan towards the start of the list.
func scanBack[T, J any](p taskrouter.Page, l listing[T, J]) (wire.Slice[T], error) {
	out := wire.Slice[T]{HasMore: true}
	cursor := p.Before
	var found []T // last one first
	finish := func() wire.Slice[T] {
		slices.Reverse(found)
		out.Items = found
		return ends(out, l.mark)
	}
	for scanned := 0; ; {
		items, err := l.fetch(taskrouter.Page{Size: scanChunk, Before: cursor})
		if err != nil {
			return out, err
		}
		more := len(items) > scanChunk
		if more {
			items = items[len(items)-scanChunk:]
		}
		for _, item := range slices.Backward(items) {
			ok, err := l.keep(item)
			if err != nil {
				return out, err
			}
			if ok && len(found) == p.Size {
				out.HasPrior = true
				return finish(), nil
			}
			if ok {
				found = append(found, item)
			}
			cursor = l.mark(item)
		}
		if scanned += len(items); !more {
			return finish(), nil
		} else if scanned >= scanBudget {
			out = finish()
			out.HasPrior, out.First = true, cursor
			return out, nil
		}
	}
}

// ends notes the marks the neighbouring pages are counted from.
func ends[T any](s wire.Slice[T], mark func(T) string) wire.Slice[T] {
	if n := len(s.Items); n > 0 {
		s.First, s.Last = mark(s.Items[0]), mark(s.Items[n-1])
	}
	return s
}

// pageOf cuts a page out of a list that is in memory as a whole, in the order
// of its marks.
func pageOf[T any](items []T, p taskrouter.Page, mark func(T) string) ([]T, error) {
	// at is the first item that does not stand before a mark.
	at := func(want string) (int, bool, error) {
		i, there := slices.BinarySearchFunc(items, want, func(item T, want string) int { return taskrouter.CompareMarks(mark(item), want) })
		if _, numbers, _ := taskrouter.ParseMark(want); there || len(numbers) > 0 {
			return i, there, nil
		}
		sid := func(item T) bool { s, _, _ := taskrouter.ParseMark(mark(item)); return s == want }
		if i = slices.IndexFunc(items, sid); i < 0 {
			return 0, false, taskrouter.Invalidf("PageToken is not valid")
		}
		return i, true, nil
	}
	switch {
	case p.Before != "":
		i, _, err := at(p.Before)
		if err != nil {
			return nil, err
		}
		return items[max(0, i-p.Size-1):i], nil
	case p.After != "":
		i, there, err := at(p.After)
		if err != nil {
			return nil, err
		}
		if there {
			i++
		}
		items = items[i:]
	}
	return items[:min(len(items), p.Size+1)], nil
}
