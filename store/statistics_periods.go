package store

import "time"

// periodSizes are the lengths of periods, in seconds. Each divides the next,
// so that a window is a few periods of each length, and no window is more than
// some three hundred.
var periodSizes = [...]int64{1, 60, 60 * 60, 24 * 60 * 60}

// levelShift is where the number of a period tells its length. The rest counts
// periods since 1970.
const levelShift = 40

// period is the one of a length that a second lies in.
func period(level int, second int64) int64 {
	return int64(level)<<levelShift | second/periodSizes[level]
}

// periodsOf lists the periods, one of each length, that an instant lies in.
func periodsOf(at time.Time) [len(periodSizes)]int64 {
	var out [len(periodSizes)]int64
	for level := range periodSizes {
		out[level] = period(level, at.Unix())
	}
	return out
}

// cover lists the periods that together are the seconds from one to another,
// both included.
func cover(from, to time.Time) []int64 {
	// At most once around from both ends for each length.
	out := make([]int64, 0, 320)
	a, b := max(from.Unix(), 0), to.Unix()+1
	for level, size := range periodSizes {
		if level == len(periodSizes)-1 {
			for ; a < b; a += size {
				out = append(out, period(level, a))
			}
			break
		}
		next := periodSizes[level+1]
		for ; a < b && a%next != 0; a += size {
			out = append(out, period(level, a))
		}
		for ; a < b && b%next != 0; b -= size {
			out = append(out, period(level, b-size))
		}
	}
	return out
}
