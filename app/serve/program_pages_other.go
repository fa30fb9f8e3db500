//go:build !linux

package serve

func giveProgramPagesBack() {} // how differs between systems, and servers run Linux
