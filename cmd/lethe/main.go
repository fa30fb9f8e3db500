// Command lethe lists, fetches and erases the responses of LLM requests that are
// stored in PostgreSQL. See `lethe --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"lethe/app/client"
	"lethe/app/config"
)

// Exit codes; the help of the root command lists them.
const (
	exitOK      = 0
	exitFailed  = 1
	exitUsage   = 2 // the command line or the configuration is wrong
	exitProblem = 3 // the doctor found a problem that must be fixed
	exitFound   = 4 // a search found something
	exitUnread  = 5 // a search found nothing, but could not read everything

	exitNotConfirmed = 6 // an erasure was not confirmed
	exitPartly       = 7 // an erasure left something
	exitUnproven     = 8 // an erasure's proof is not saved yet
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the program at once
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{environ: environ, stdin: stdin, stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if exit, ok := errors.AsType[exitCode](err); ok {
		return int(exit)
	}
	code := exitUsage
	var text string
	if config, ok := errors.AsType[*config.Error](err); ok {
		text = strings.Join(config.Problems, "\nlethe: ")
	} else if !c.running {
		// The command line is wrong, or a command refused it.
		text = oneLine(err) + "; see " + cmd.CommandPath() + " --help"
	} else {
		code = exitFailed
		text = oneLine(err)
		switch {
		case errors.Is(err, client.ErrNotConfirmed):
			code = exitNotConfirmed
		case errors.Is(err, client.ErrPartly):
			code = exitPartly
		case errors.Is(err, client.ErrUnproven):
			code = exitUnproven
		}
		if code == exitFailed && errors.Is(err, context.Canceled) && ctx.Err() != nil {
			text = "stopped before it was done; start it again to continue"
		}
	}
	fmt.Fprintln(stderr, "lethe: "+text)
	return code
}

// exitCode is an error that has already been reported.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
