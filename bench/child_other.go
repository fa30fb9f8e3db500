//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

// endWithParent does nothing: this system has no such signal.
func endWithParent(*syscall.SysProcAttr) {}

func processorTime(int) (time.Duration, error) { return 0, errors.ErrUnsupported }
