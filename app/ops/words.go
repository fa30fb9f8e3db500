package ops

import (
	"fmt"
	"strings"
)

// oneLine makes an error's text fit on a line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// count says how many there are of something: one is what one of it is called,
// as in "1 erasure", and more have an s.
func count[N int | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
