package ops

import (
	"fmt"
	"io"

	"lethe/app/boot"
)

// PrintVersion writes it.
func PrintVersion(out io.Writer, asJSON bool) error {
	v := boot.BuildVersion()
	if asJSON {
		return writeJSON(out, v)
	}
	if v.Commit == boot.UnknownCommit {
		v.Commit += " (not built in a clone, or with -buildvcs=false)"
	}
	_, err := fmt.Fprintf(out, "lethe %s\ncommit %s\n%s %s\n", v.Version, v.Commit, v.Go, v.Target)
	return err
}
