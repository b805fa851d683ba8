package bench

import (
	"slices"
	"sync"
	"time"
)

// Spread is the distribution of a duration, in milliseconds.
type Spread struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

// samples collects durations from several goroutines.
type samples struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *samples) add(d time.Duration) {
	s.mu.Lock()
	s.all = append(s.all, d)
	s.mu.Unlock()
}

func (s *samples) spread() Spread {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.all)
	return Spread{
		Count: len(s.all), P50: percentile(s.all, 50), P90: percentile(s.all, 90), P99: percentile(s.all, 99), Max: percentile(s.all, 100),
	}
}

// percentile is the smallest of the sorted durations that is not exceeded by p
// in a hundred of them.
func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return milliseconds(sorted[max(rank, 1)-1])
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median of numbers; the mean of the middle two when their count is even, and
// zero when there are none.
func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(of))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// medianSpread is the median of each figure over several runs. Its Count is
// that of all of them.
func medianSpread(of []Spread) Spread {
	var out Spread
	pick := func(f func(Spread) float64) float64 {
		var all []float64
		for _, s := range of {
			all = append(all, f(s))
		}
		return median(all)
	}
	for _, s := range of {
		out.Count += s.Count
	}
	out.P50 = pick(func(s Spread) float64 { return s.P50 })
	out.P90 = pick(func(s Spread) float64 { return s.P90 })
	out.P99 = pick(func(s Spread) float64 { return s.P99 })
	out.Max = pick(func(s Spread) float64 { return s.Max })
	return out
}
