package setup

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Story prints what happens, each line with the seconds since the beginning.
// Several goroutines may tell it together.
type Story struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
}

// NewStory begins a story.
func NewStory(out io.Writer) *Story { return &Story{out: out, began: time.Now()} }

// Began is when the story began.
func (s *Story) Began() time.Time { return s.began }

// Chapter prints a heading.
func (s *Story) Chapter(title string) { s.print("\n" + title + "\n") }

// Say prints a line.
func (s *Story) Say(format string, args ...any) {
	s.print(fmt.Sprintf("%6.1f s  ", time.Since(s.began).Seconds()) + fmt.Sprintf(format, args...) + "\n")
}

// Line prints a line without the time.
func (s *Story) Line(format string, args ...any) { s.print(fmt.Sprintf(format, args...) + "\n") }

func (s *Story) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprint(s.out, text)
}
