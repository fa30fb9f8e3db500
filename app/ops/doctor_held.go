package ops

import (
	"context"
	"fmt"

	"lethe/adapters/postgres/fusillade"
	"lethe/app/boot"
)

// held looks whether something has passed by holds, or waits to.
func (d *doctor) held(ctx context.Context, name, url string) {
	const check = "what is held"
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	db, err := boot.OpenPool(d.cfg, url, 1, boot.SearchPath(d.cfg)...)
	if d.failed(name, check, err) {
		return
	}
	defer db.Close()
	holds, err := fusillade.NewHolds(db)
	if d.failed(name, check, err) {
		return
	}
	found, err := holds.Bypassed(ctx)
	if d.failed(name, check, err) {
		return
	}
	const guard = "have the database refuse that: the owner of dwctl's tables installs what `lethe guard` prints"
	if n := len(found.Gone); n > 0 {
		number := fmt.Sprint(n)
		if n == fusillade.MaxGone {
			number += " or more"
		}
		d.add(Check{name, check, Warning, fmt.Sprintf("of the responses that holds name, gone without Lethe: %s, such as %s of hold %s", number, found.Gone[0].Response, found.Gone[0].Hold),
			"find out who deleted them, such as dwctl's own DELETE or purge, and release the hold when that is done; " + guard, nil})
	}
	if found.Waiting > 0 {
		d.add(Check{name, check, Warning, count(int(found.Waiting), "purge") + " of dwctl's (purge-user-data) that waits, or is at work, is to remove what is held",
			"stop it in underway.task before it runs, or release the hold; " + guard, nil})
	}
	if found.Failed > 0 {
		d.add(Check{name, check, Warning, count(int(found.Failed), "purge") + " of dwctl's (purge-user-data) failed, and some of what it was to remove is held",
			"with what `lethe guard` prints this is as it should be; what else that person has stays too: erase it by owner with Lethe, or all of it when the hold is over", nil})
	}
	if len(found.Gone)+int(found.Waiting+found.Failed) == 0 {
		d.add(Check{Database: name, Name: check, Finding: OK, Detail: "no response that a hold names is gone, and no purge of what is held waits"})
	}
}
