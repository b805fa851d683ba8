package wire

import (
	"bytes"
	"encoding/json"
)

// URIList is one page of a collection in the older dialect of the account API:
// an array under the collection's key with the page's place beside it, in URIs
// relative to the server.
type URIList struct {
	Items any
	Place URIPlace
	key   string
}

// URIPlace says where a page of a URIList is. Start and End count items from 0.
type URIPlace struct {
	Page            int     `json:"page"`
	PageSize        int     `json:"page_size"`
	Start           int     `json:"start"`
	End             int     `json:"end"`
	URI             string  `json:"uri"`
	FirstPageURI    string  `json:"first_page_uri"`
	NextPageURI     *string `json:"next_page_uri"`
	PreviousPageURI *string `json:"previous_page_uri"`
}

// MarshalJSON writes the array under its key among the place.
func (l URIList) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // page URIs hold ampersands
	err := e.Encode(map[string]any{
		l.key: l.Items, "page": l.Place.Page, "page_size": l.Place.PageSize, "start": l.Place.Start, "end": l.Place.End,
		"uri": l.Place.URI, "first_page_uri": l.Place.FirstPageURI,
		"next_page_uri": l.Place.NextPageURI, "previous_page_uri": l.Place.PreviousPageURI,
	})
	return b.Bytes(), err
}

// NewURIList renders a page in the older dialect.
func NewURIList[T, J any](key string, p Paging, s Slice[T], render func(T) J) URIList {
	list := NewList(key, p, s, Links{}, render)
	start := p.Number * p.Size
	return URIList{key: key, Items: list.Items, Place: URIPlace{
		Page: p.Number, PageSize: p.Size, Start: start, End: start + max(0, len(s.Items)-1),
		URI: list.Meta.URL, FirstPageURI: list.Meta.FirstPageURL,
		NextPageURI: list.Meta.NextPageURL, PreviousPageURI: list.Meta.PreviousPageURL,
	}}
}
