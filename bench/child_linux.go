package main

import (
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The signal is sent when the thread that started the child ends, so children
// are started from the main goroutine, on a thread that lasts.
func init() { runtime.LockOSThread() }

// endWithParent stops a child even if this program is killed.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }

// processorTime is what a process has used, in user mode and in the system: the
// sum of /proc/PID/stat, without its rounding to ticks of 10 ms.
func processorTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	// The clock that clock_getcpuclockid(3) returns.
	err := unix.ClockGettime(int32(^pid<<3|2), &t)
	return time.Duration(t.Nano()), err
}
