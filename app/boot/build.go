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

// UnknownCommit is that of a program that was not built in a clone, or by a go
// command that was told not to look there.
const UnknownCommit = "unknown"

// Version is what is known of this build.
type Version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Target  string `json:"target"`
}

// BuildVersion reads it from the program itself.
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

// NewLogger writes to standard error, as the configuration says.
func NewLogger(cfg *config.Config) (*slog.Logger, error) {
	return telemetry.NewLogger(cfg.Log.Level, cfg.Log.Format, os.Stderr)
}
