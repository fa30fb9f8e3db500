// Package app puts the service together: configuration, the graph of its
// parts, their life, and what the commands do.
package app

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// version is set by the linker.
var version string

// unknownCommit is that of a program that was not built in a clone, or by a go
// command that was told not to look there.
const unknownCommit = "unknown"

// Version is what is known of this build.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Target  string `json:"target"`
}

// BuildVersion reads it from the program itself.
func BuildVersion() Version {
	v := Version{Version: version, Commit: unknownCommit, Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = info.Main.Version
	}
	modified := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (modified)"
		}
	}
	v.Commit += modified
	return v
}

// PrintVersion writes it.
func PrintVersion(out io.Writer, asJSON bool) error {
	v := BuildVersion()
	if asJSON {
		return writeJSON(out, v)
	}
	if v.Commit == unknownCommit {
		v.Commit += " (not built in a clone, or with -buildvcs=false)"
	}
	_, err := fmt.Fprintf(out, "lethe %s\ncommit %s\n%s %s\n", v.Version, v.Commit, v.Go, v.Target)
	return err
}
