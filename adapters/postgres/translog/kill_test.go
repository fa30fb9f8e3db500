package translog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"lethe/adapters/postgres"
	"lethe/receipt"
)

// The environment of a process that seals until it is killed.
const (
	sealerURL = "LETHE_TEST_SEALER_URL"
	sealerKey = "LETHE_TEST_SEALER_KEY"
)

func TestMain(m *testing.M) {
	if os.Getenv(sealerURL) == "" {
		os.Exit(m.Run())
	}
	fmt.Fprintln(os.Stderr, sealUntilKilled())
	os.Exit(1)
}

func sealUntilKilled() error {
	signers, err := receipt.ParsePrivateKeys([]byte(os.Getenv(sealerKey)))
	if err != nil {
		return err
	}
	db, err := postgres.Open(postgres.Config{URL: os.Getenv(sealerURL), MaxConns: 2})
	if err != nil {
		return err
	}
	l, err := New(db, Config{Signers: signers})
	if err != nil {
		return err
	}
	for {
		if _, err := l.Seal(context.Background()); err != nil {
			return err
		}
	}
}

// TestKilledSealers: three processes at a time seal receipts as they are written,
// and are killed at random moments.
func TestKilledSealers(t *testing.T) {
	t.Parallel()
	const kills, atATime = 12, 3
	b := newFixture(t)
	private, _, err := receipt.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signers, err := receipt.ParsePrivateKeys([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	b.signer = signers[0]
	b.Log = b.open(Config{Signers: signers})

	type process struct {
		cmd *exec.Cmd
		log *os.File
	}
	begin := func() process {
		t.Helper()
		log, err := os.CreateTemp(t.TempDir(), "sealer")
		if err != nil {
			t.Fatal(err)
		}
		p := process{exec.Command(os.Args[0], "-test.run=^$"), log}
		p.cmd.Env = append(os.Environ(), sealerURL+"="+b.database.RoleURL, sealerKey+"="+private)
		p.cmd.Stderr = log
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	end := func(p process) {
		t.Helper()
		_ = p.cmd.Process.Kill()
		if err := p.cmd.Wait(); err == nil || p.cmd.ProcessState.Exited() {
			said, _ := os.ReadFile(p.log.Name())
			t.Errorf("a sealer exited by itself: %v: %s", err, said)
		}
		_ = p.log.Close()
	}
	var running []process
	for range atATime {
		running = append(running, begin())
	}
	written, sealedByOthers := 0, int64(0)
	for range kills {
		for deadline := time.Now().Add(30 * time.Second); ; {
			b.fill(50)
			written += 50
			// Each process gets work before it is killed.
			if sealed := b.number("SELECT coalesce(max(size), 0) FROM lethe.checkpoints"); sealed > sealedByOthers {
				sealedByOthers = sealed
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("nothing was sealed")
			}
			time.Sleep(5 * time.Millisecond)
		}
		b.fill(500)
		written += 500
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		i := rand.IntN(len(running))
		end(running[i])
		running[i] = begin()
	}
	for _, p := range running {
		end(p)
	}
	for {
		n, err := b.Seal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if backlog, err := b.Backlog(t.Context()); err != nil || !backlog.Waiting {
			if err != nil {
				t.Fatal(err)
			}
			break
		} else if n == 0 {
			time.Sleep(10 * time.Millisecond) // until the server notices that the last process is gone
		}
	}
	b.sound(int64(written))
}
