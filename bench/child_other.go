//go:build !linux

package main

import "syscall"

// endWithParent is left to Ctrl-C where the system has no such signal.
func endWithParent(*syscall.SysProcAttr) {}
