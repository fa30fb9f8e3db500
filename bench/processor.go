package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// postmaster is the process whose children are the database server's processes.
type postmaster int

// findPostmaster fails if the server is not on this machine, or the machine has
// no /proc.
func findPostmaster(ctx context.Context, conn *pgx.Conn) (postmaster, error) {
	var backend int
	var database string
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid(), current_database()").Scan(&backend, &database); err != nil {
		return 0, err
	}
	folder := "/proc/" + strconv.Itoa(backend)
	// The title names the database, whose name is random: this is no process of
	// another machine's number.
	if title, err := os.ReadFile(folder + "/cmdline"); err != nil || !strings.Contains(string(title), database) {
		return 0, errors.New("the processes of the database server are not visible here")
	}
	parent, err := strconv.Atoi(procField(folder+"/status", "PPid"))
	if err != nil {
		return 0, err
	}
	_, err = postmaster(parent).time()
	return postmaster(parent), err
}

// time is the processor time of all server processes, ended ones included.
func (p postmaster) time() (sum time.Duration, err error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p, p))
	if err != nil {
		return 0, err
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			return 0, err
		}
		// One that has just ended is counted below.
		if used, err := processorTime(pid); err == nil {
			sum += used
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if err != nil {
		return 0, err
	}
	const ended, tick = 13, 10 * time.Millisecond // the place of cutime after the name, before cstime
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	for _, field := range fields[ended : ended+2] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ticks) * tick
	}
	return sum, nil
}

// used is processor time.
type used struct{ process, database time.Duration }

func usedBy(p *program, db postmaster) (u used, err error) {
	if db == 0 {
		return u, nil
	}
	if u.process, err = processorTime(p.cmd.Process.Pid); err != nil {
		return u, fmt.Errorf("processor time of %s: %w", p.name, err)
	}
	if u.database, err = db.time(); err != nil {
		return u, fmt.Errorf("processor time of the database: %w", err)
	}
	return u, nil
}

// metered is play with the processor time that it took.
func metered(p *program, db postmaster, play func() (sample, error)) (sample, error) {
	before, err := usedBy(p, db)
	if err != nil {
		return sample{}, err
	}
	made, err := play()
	if err != nil {
		return made, err
	}
	after, err := usedBy(p, db)
	made.Process = (after.process - before.process) / time.Duration(made.N)
	made.Database = (after.database - before.database) / time.Duration(made.N)
	return made, err
}
