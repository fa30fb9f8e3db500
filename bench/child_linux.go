package main

import (
	"runtime"
	"syscall"
)

// The signal is sent when the thread that started the child ends, so children
// are started from the main goroutine, on a thread that lasts.
func init() { runtime.LockOSThread() }

// endWithParent stops a child even if this program is killed.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
