package ops

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
	"golang.org/x/time/rate"
)

const (
	progressLogged = 15 * time.Second
	barRefreshed   = 100 * time.Millisecond
)

// Terminal returns the terminal that is written to; nil: it is none.
func Terminal(out io.Writer) *os.File {
	file, is := out.(*os.File)
	if !is || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// progress shows how far something has been read.
type progress struct {
	out      io.Writer
	total    int64                    // -1: unknown
	bar      *progressbar.ProgressBar // on a terminal
	reported rate.Sometimes
}

func newProgress(out io.Writer, total int64) *progress {
	if total == 0 {
		total = 1
	}
	p := &progress{out: out, total: total, reported: rate.Sometimes{Interval: progressLogged}}
	if file := Terminal(out); file != nil {
		p.bar = progressbar.NewOptions64(p.total, progressbar.OptionSetWriter(file), progressbar.OptionThrottle(barRefreshed),
			progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())
		p.reported.Interval = barRefreshed // the bar itself draws more often if the total is unknown
	}
	p.reported.Do(func() {}) // what is short logs no progress
	return p
}

// at reports that done bytes have been read, and what is read now.
func (p *progress) at(done int64, what string) {
	if p.total > 0 {
		done = min(done, p.total)
	}
	p.reported.Do(func() {
		switch {
		case p.bar != nil:
			p.bar.Describe(cell(what))
			_ = p.bar.Set64(done) // fails only if the bar cannot be drawn
		case p.total < 0:
			_, _ = fmt.Fprintf(p.out, "Read %s, now %s\n", megabytes(done), cell(what))
		default:
			_, _ = fmt.Fprintf(p.out, "Read %d %% of %s on disk, now %s\n", 100*done/p.total, megabytes(p.total), cell(what))
		}
	})
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
