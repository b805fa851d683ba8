package bench

import (
	"runtime"
	"syscall"
	"time"
)

// usage is what this process has used since it started.
type usage struct {
	cpu       time.Duration
	allocated uint64 // bytes, freed ones included
}

func usageNow() usage {
	var r syscall.Rusage
	var u usage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err == nil {
		u.cpu = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.allocated = m.TotalAlloc
	return u
}

// Use is what one Task, or one floor run, cost this process.
type Use struct {
	// CPU is user and system time in milliseconds, AllocatedKB the memory
	// allocated in units of 1024 bytes, freed or not.
	CPU         float64 `json:"cpu_ms"`
	AllocatedKB float64 `json:"allocated_kb"`
}

// since is the use for each of n since an earlier point.
func (u usage) since(n int) Use {
	if n == 0 {
		return Use{}
	}
	now := usageNow()
	return Use{
		CPU:         milliseconds(now.cpu-u.cpu) / float64(n),
		AllocatedKB: float64(now.allocated-u.allocated) / 1024 / float64(n),
	}
}

func medianUse(of []Use) Use {
	var cpu, kb []float64
	for _, u := range of {
		cpu, kb = append(cpu, u.CPU), append(kb, u.AllocatedKB)
	}
	return Use{CPU: median(cpu), AllocatedKB: median(kb)}
}
