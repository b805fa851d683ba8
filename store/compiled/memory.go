package compiled

import (
	"sync"

	"modernc.org/libc"
)

// SQLite's memory comes from an allocator that asks the system for a page of
// 64 KB when it has no room for a size left, and gives each page back when the
// last thing on it is freed. With few things alive that is several times for
// each statement. One of each page's places is kept for good instead, and the
// others are free.
const (
	smallest  = 4  // 16 bytes
	largest   = 14 // 16 KB; what is larger has pages of its own
	pageBytes = 1 << 16
	pages     = 8
)

var settle = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	for log := smallest; log <= largest; log++ {
		places := make([]uintptr, pages*pageBytes>>log)
		for i := range places {
			places[i] = libc.Xmalloc(tls, libc.Tsize_t(1)<<log)
		}
		each := pageBytes >> log
		for i, p := range places {
			if i%(each-1) != 0 {
				libc.Xfree(tls, p)
			}
		}
	}
})
