package wire

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Page sizes.
const (
	DefaultPageSize = 50
	MaxPageSize     = 1000
)

// The names of the paging parameters.
const (
	paramPageSize  = "PageSize"
	paramPage      = "Page"
	paramPageToken = "PageToken"
)

// Prefixes of a page token: behind or in front of the item whose mark follows.
const (
	tokenAfter  = "PA"
	tokenBefore = "PB"
)

// maxMarkNumbers bounds the numbers a list is ordered by.
const maxMarkNumbers = 3

// Paging is what a list request says about its page.
type Paging struct {
	taskrouter.Page
	// Number is the client's own page counter, echoed only.
	Number int
	// filters are all other parameters; they are repeated in page URLs.
	filters url.Values
	path    string
}

// ParsePaging reads the paging parameters of a list of resources with the given
// SID prefix. Sizes above MaxPageSize are lowered to it.
func ParsePaging(path string, query url.Values, prefix taskrouter.Prefix) (Paging, error) {
	return parsePaging(bind(query), path, prefix)
}

func parsePaging(b *binder, path string, prefix taskrouter.Prefix) (Paging, error) {
	p := Paging{Page: taskrouter.Page{Size: DefaultPageSize}, path: path, filters: url.Values{}}
	if n := b.integer(paramPageSize, 1, 0); n != nil {
		p.Size = int(min(*n, MaxPageSize))
	}
	if n := b.integer(paramPage, 0, 0); n != nil {
		p.Number = int(min(*n, 1<<31-1))
	}
	token := b.text(paramPageToken)
	if b.err != nil {
		return Paging{}, b.fault()
	}
	switch {
	case token != nil:
		if err := p.setToken(*token, prefix); err != nil {
			return Paging{}, err
		}
	case p.Number > 0:
		return Paging{}, taskrouter.InvalidCode(CodeAbsolutePaging, "Page is not supported without PageToken: follow next_page_url instead")
	}
	for name, values := range b.values {
		if name != paramPageSize && name != paramPage && name != paramPageToken {
			p.filters[name] = values
		}
	}
	return p, nil
}

func (p *Paging) setToken(token string, prefix taskrouter.Prefix) error {
	if len(token) > len(tokenAfter) {
		kind, mark := token[:len(tokenAfter)], token[len(tokenAfter):]
		sid, at, ok := taskrouter.ParseMark(mark)
		switch {
		case !ok || len(at) > maxMarkNumbers || !taskrouter.IsSID(prefix, sid):
		case kind == tokenAfter:
			p.After = mark
			return nil
		case kind == tokenBefore:
			p.Before = mark
			return nil
		}
	}
	return taskrouter.Invalidf("PageToken is not valid")
}

// Meta is the part of a list that says where its page is.
type Meta struct {
	Key             string  `json:"key"`
	Page            int     `json:"page"`
	PageSize        int     `json:"page_size"`
	URL             string  `json:"url"`
	FirstPageURL    string  `json:"first_page_url"`
	PreviousPageURL *string `json:"previous_page_url"`
	NextPageURL     *string `json:"next_page_url"`
}

// List is one page of a collection: an array under the collection's key.
type List struct {
	Items any
	Meta  Meta
}

// MarshalJSON writes the array under its key, then meta.
func (l List) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // page URLs hold ampersands
	err := e.Encode(map[string]any{l.Meta.Key: l.Items, "meta": l.Meta})
	return b.Bytes(), err
}

// Slice is what a reader found for a page: its items in list order, and
// whether the list goes on at either end.
type Slice[T any] struct {
	Items []T
	// First and Last are the marks the neighbouring pages are counted from,
	// usually those of the first and last item.
	First, Last       string
	HasMore, HasPrior bool
}

// Cut makes a page of up to Size+1 items a reader returned: the extra one only
// tells that the list goes on. It lies at the end, or at the start when the
// page was asked for by what follows it.
func Cut[T any](items []T, p taskrouter.Page, mark func(T) string) Slice[T] {
	s := Slice[T]{Items: items}
	over := len(items) > p.Size
	if p.Before != "" {
		if over {
			s.Items = items[len(items)-p.Size:]
		}
		s.HasPrior, s.HasMore = over, true
	} else {
		if over {
			s.Items = items[:p.Size]
		}
		s.HasPrior, s.HasMore = p.After != "", over
	}
	if n := len(s.Items); n > 0 {
		s.First, s.Last = mark(s.Items[0]), mark(s.Items[n-1])
	}
	return s
}

// NewList renders a page. Every URL repeats the request's filters.
func NewList[T, J any](key string, p Paging, s Slice[T], l Links, render func(T) J) List {
	items := make([]J, 0, len(s.Items))
	for _, item := range s.Items {
		items = append(items, render(item))
	}
	meta := Meta{
		Key: key, Page: p.Number, PageSize: p.Size,
		URL: p.url(l, p.Number, p.token()), FirstPageURL: p.url(l, 0, ""),
	}
	if s.HasPrior && s.First != "" {
		meta.PreviousPageURL = link(p.url(l, max(0, p.Number-1), tokenBefore+s.First))
	}
	if s.HasMore && s.Last != "" {
		meta.NextPageURL = link(p.url(l, p.Number+1, tokenAfter+s.Last))
	}
	return List{Items: items, Meta: meta}
}

func (p Paging) token() string {
	switch {
	case p.After != "":
		return tokenAfter + p.After
	case p.Before != "":
		return tokenBefore + p.Before
	default:
		return ""
	}
}

func (p Paging) url(l Links, number int, token string) string {
	q := p.filters.Encode()
	if q != "" {
		q += "&"
	}
	q += paramPageSize + "=" + strconv.Itoa(p.Size) + "&" + paramPage + "=" + strconv.Itoa(number)
	if token != "" {
		q += "&" + paramPageToken + "=" + token
	}
	return l.URL(p.path) + "?" + q
}
