// Command testrun runs `go test` with the given arguments and shows its progress and
// the time left, estimated from the last run with the same arguments in this
// checkout, else from the usual time.
//
//	testrun [-usual DURATION] [-also COMMAND] -- GO-TEST-ARGUMENTS...
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"gotest.tools/gotestsum/testjson"
)

// every is the interval of progress lines.
const every = 20 * time.Second

// timesFile stores how long each kind of run took, below the current folder.
var timesFile = filepath.Join(".cache", "test-times.json")

func main() {
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: testrun [-usual DURATION] [-also COMMAND] -- GO-TEST-ARGUMENTS...")
		flag.PrintDefaults()
	}
	usual := flag.Duration("usual", 0, "how long the run usually takes")
	also := flag.String("also", "", "shell `command` to run beside the tests; its output is printed when it ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Args(), *also, *usual)
	stop()
	if err != nil {
		// The tests or the command have already printed what is wrong.
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, "testrun:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, also string, usual time.Duration) error {
	name := strings.Join(args, " ")
	times := readTimes()
	expected, measured := times[name]
	if !measured {
		expected = usual
	}
	p := &progress{started: time.Now(), expected: expected, measured: measured, running: map[string]time.Time{}}
	p.formatter = testjson.NewEventFormatter(p.out(os.Stdout), "standard-quiet", testjson.FormatOptions{})
	p.say("testing", "")
	stop := p.tick()
	err := errors.Join(p.both(ctx, args, also)...)
	stop()
	if err != nil {
		return err
	}
	if p.limit < p.cached*2 { // cached results say nothing about the next run
		return nil
	}
	times[name] = time.Since(p.started).Round(time.Second)
	return writeTimes(times)
}

// both runs the tests and the command at the same time.
func (p *progress) both(ctx context.Context, args []string, also string) []error {
	var beside sync.WaitGroup
	var said bytes.Buffer
	var alsoErr error
	if also != "" {
		p.begin(also)
		beside.Go(func() {
			cmd := command(ctx, "sh", "-c", also)
			cmd.Stdout, cmd.Stderr = &said, &said
			alsoErr = cmd.Run()
			p.end(also)
		})
	}
	testErr := p.test(ctx, args)
	beside.Wait()
	_, _ = p.out(os.Stdout).Write(said.Bytes())
	if alsoErr != nil {
		fmt.Fprintf(os.Stderr, "testrun: %s failed: see above\n", also)
	}
	return []error{testErr, alsoErr}
}

// command is one that ends, with everything it has started, when ctx does: neither
// a shell nor go test forwards signals.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (p *progress) test(ctx context.Context, args []string) error {
	cmd := command(ctx, "go", append([]string{"test", "-json"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	execution, scanErr := testjson.ScanTestOutput(testjson.ScanConfig{
		Stdout: stdout, Stderr: stderr, Handler: p, IgnoreNonJSONOutputLines: true,
	})
	err = cmd.Wait()
	if scanErr != nil {
		return errors.Join(scanErr, err)
	}
	testjson.PrintSummary(p.out(os.Stdout), execution, testjson.SummarizeAll)
	return err
}

// progress tracks the run and prints its progress.
type progress struct {
	formatter testjson.EventFormatter
	started   time.Time
	expected  time.Duration // zero: unknown
	measured  bool          // expected is from an earlier run

	mu                  sync.Mutex
	running             map[string]time.Time // since when
	limit, done, cached int                  // packages
}

var _ testjson.EventHandler = (*progress)(nil)

func (p *progress) Event(event testjson.TestEvent, execution *testjson.Execution) error {
	if event.PackageEvent() {
		switch event.Action {
		case "start":
			p.begin(event.Package)
		case testjson.ActionPass, testjson.ActionFail, testjson.ActionSkip:
			p.end(event.Package)
			p.mu.Lock()
			p.done++
			p.mu.Unlock()
		case testjson.ActionOutput:
			if strings.Contains(event.Output, "\t(cached)") {
				p.mu.Lock()
				p.cached++
				p.mu.Unlock()
			}
		}
	}
	return p.formatter.Format(event, execution)
}

// Err is testjson.EventHandler's: lines of go's standard error.
func (p *progress) Err(text string) error {
	_, err := fmt.Fprintln(p.out(os.Stderr), text)
	return err
}

func (p *progress) begin(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[name] = time.Now()
	p.limit++
}

func (p *progress) end(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, name)
}

// out writes whole pieces, so that progress lines do not split others.
func (p *progress) out(w io.Writer) io.Writer { return &piece{p, w} }

type piece struct {
	p *progress
	w io.Writer
}

func (o *piece) Write(b []byte) (int, error) {
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	return o.w.Write(b)
}

func (p *progress) tick() (stop func()) {
	ended, quit := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				p.say(p.state())
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// state lists what is done and what is running, longest first.
func (p *progress) state() (done, running string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	done = fmt.Sprintf("%d packages tested", p.done)
	names := slices.SortedFunc(maps.Keys(p.running), func(a, b string) int { return p.running[a].Compare(p.running[b]) })
	if len(names) == 0 {
		return done, "compiling"
	}
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, "lethe/")
	}
	return done, "now " + strings.Join(names, ", ")
}

func (p *progress) say(what, more string) {
	elapsed := time.Since(p.started)
	left := ""
	switch {
	case p.expected == 0:
	case elapsed > p.expected:
		left = fmt.Sprintf(", longer than the %s that it takes as a rule", clock(p.expected))
	case p.measured:
		left = fmt.Sprintf(", about %s left by the last run", clock(p.expected-elapsed))
	default:
		left = fmt.Sprintf(", about %s left on two cores", clock(p.expected-elapsed))
	}
	if more != "" {
		more = ": " + more
	}
	fmt.Fprintf(p.out(os.Stderr), "%s  %s%s%s\n", clock(elapsed), what, left, more)
}

// clock is a duration as minutes and seconds.
func clock(d time.Duration) string {
	seconds := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// readTimes returns nothing if the file is unusable: it is only a guess.
func readTimes() map[string]time.Duration {
	times := map[string]time.Duration{}
	if text, err := os.ReadFile(timesFile); err == nil && json.Unmarshal(text, &times) != nil {
		return map[string]time.Duration{}
	}
	return times
}

func writeTimes(times map[string]time.Duration) error {
	text, err := json.MarshalIndent(times, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(timesFile), 0o755); err != nil {
		return err
	}
	return os.WriteFile(timesFile, append(text, '\n'), 0o644)
}
