package serve

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// giveProgramPagesBack takes the program's read-only data out of resident memory.
// Starting reads nearly all of it, and the tables of functions are large. What is read
// again comes from the system's cache of the file. Code stays, because a debugger
// writes its breakpoints there. Errors are ignored: memory is then only held longer.
func giveProgramPagesBack() {
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer func() { _ = maps.Close() }()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Text()
		if !strings.Contains(line, " r--p ") || !strings.HasSuffix(line, " "+program) {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
