//go:build !linux

package main

import "syscall"

// endWithParent does nothing: this system has no such signal.
func endWithParent(*syscall.SysProcAttr) {}
