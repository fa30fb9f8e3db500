package boot

import (
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"lethe/adapters/telemetry"
	"lethe/app/config"
)

// version is set by the linker.
var version string

// UnknownCommit is the commit of a program that was built outside a clone or with
// -buildvcs=false.
const UnknownCommit = "unknown"

// Version describes this build.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Target  string `json:"target"`
}

// BuildVersion reads the version from the running program.
func BuildVersion() Version {
	v := Version{Version: version, Commit: UnknownCommit, Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
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

// NewLogger returns a logger that writes to standard error, as configured.
func NewLogger(cfg *config.Config) (*slog.Logger, error) {
	return telemetry.NewLogger(cfg.Log.Level, cfg.Log.Format, os.Stderr)
}
