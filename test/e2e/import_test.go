package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"lethe/internal/pgtest"
)

// TestImportKilled: an import that was killed has kept nothing of a file, or with --resume
// whole units, and goes on.
func TestImportKilled(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	conn := connect(t, database.URL)
	const mine = "SELECT count(*) FROM fusillade.requests WHERE model = 'imported'"
	lines := func(from, to int) string {
		var b strings.Builder
		for n := from; n < to; n++ {
			fmt.Fprintf(&b, `{"id":"resp_%d","object":"response","created_at":1741476542,"model":"imported","output":[]}`+"\n", n)
		}
		return b.String()
	}
	words := []string{"import", "--owner", "alice@example.test", "-"}
	for _, resume := range []bool{false, true} {
		if resume {
			words = append(words, "--resume")
		}
		cmd := exec.Command(program, words...)
		cmd.Dir = t.TempDir()
		cmd.Env = environ(cmd.Dir, databaseURL(database.URL))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write([]byte(lines(0, 3000))); err != nil { // all but what its buffers hold is read by then
			t.Fatal(err)
		}
		if resume {
			await(t, "a unit is kept", startTimeout, func() bool { return scan[int](t, conn, mine) > 0 })
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if kept := scan[int](t, conn, mine); kept%1000 != 0 || (kept > 0) != resume {
			t.Errorf("resume %t: got %d responses", resume, kept)
		}
	}
	r := runWith(t, strings.NewReader(lines(0, 3500)), []string{databaseURL(database.URL)}, words...)
	if kept := scan[int](t, conn, mine); r.code != 0 || kept != 3500 {
		t.Errorf("want all, got %d, %d %s%s", kept, r.code, r.stdout, r.stderr)
	}
}
