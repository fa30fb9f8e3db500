package boot

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/domain"
	"lethe/receipt"
)

// LookAtPlacesEvery is the interval between checks of places of content and of the
// ledger of credits. dwctl may be upgraded while the service runs.
const LookAtPlacesEvery = 5 * time.Second

// Places watches places of content that Lethe cannot serve. While one of them contains
// rows, the service must not answer: a 404 or a receipt could be wrong.
type Places struct {
	main, fusillade *postgres.DB // may be the same
	schemas         inspect.Schemas
	lookAt          atomic.Int64                 // Unix time in nanoseconds; 0: never checked
	holding         atomic.Pointer[domain.Error] // nil: none holds anything, as far as known
	gaps            atomic.Pointer[[]receipt.Gap]
	ledger          atomic.Bool // costs can be read from the ledger of credits
	arsenal         atomic.Bool // fusillade-arsenal's prompts by day exist
	retained        atomic.Bool // its retained responses exist and can be read

	known atomic.Pointer[fusillade.Known] // tables that erasures need since they were seen
	gone  atomic.Pointer[domain.Error]    // one of them is missing; nil: none is
}

// NewPlaces returns the places of these databases, which may be the same.
func NewPlaces(main, fusillade *postgres.DB, schemas inspect.Schemas) *Places {
	return &Places{main: main, fusillade: fusillade, schemas: schemas}
}

// Look queries the databases.
func (p *Places) Look(ctx context.Context) error {
	var holding []string
	var arsenal, retained bool
	gaps := []receipt.Gap{}
	in := func(db *postgres.DB, sides ...inspect.Side) error {
		return db.Use(ctx, func(c postgres.Conn) error {
			content, err := inspect.FindContent(ctx, c, inspect.WatchedOn(p.schemas, sides...))
			holding = append(holding, content.Unserved...)
			arsenal, retained = arsenal || content.Arsenal, retained || content.Retained
			for _, p := range content.OfPerson {
				gaps = append(gaps, receipt.Gap(p.Gap))
			}
			return err
		})
	}
	var err error
	if p.main == p.fusillade {
		err = in(p.fusillade, inspect.Main, inspect.Fusillade)
	} else if err = in(p.main, inspect.Main); err == nil {
		err = in(p.fusillade, inspect.Fusillade)
	}
	var ledger inspect.LedgerState
	if err == nil {
		err = p.main.Use(ctx, func(c postgres.Conn) (err error) {
			ledger, err = inspect.FindLedger(ctx, c)
			return err
		})
	}
	if err == nil {
		err = p.lookForKnown(ctx)
	}
	if err != nil {
		return err
	}
	p.ledger.Store(ledger.There && ledger.Granted)
	p.gaps.Store(&gaps)
	p.arsenal.Store(arsenal)
	p.retained.Store(retained)
	p.lookAt.Store(time.Now().Add(LookAtPlacesEvery).UnixNano())
	if len(holding) == 0 {
		p.holding.Store(nil)
		return nil
	}
	p.holding.Store(unserved(holding))
	return nil
}

// lookForKnown checks whether tables are missing that erasures need.
func (p *Places) lookForKnown(ctx context.Context) error {
	before := p.known.Load()
	var known *fusillade.Known
	err := p.fusillade.Use(ctx, func(c postgres.Conn) (err error) {
		known, err = fusillade.Look(ctx, c, p.schemas.Outlet, p.schemas.OutletApart, before)
		return err
	})
	gone, is := errors.AsType[*domain.Error](err)
	switch {
	case err == nil:
		gone = nil
	case known == before || !is: // the check itself failed
		return err
	}
	p.gone.Store(gone)
	p.known.CompareAndSwap(before, known)
	return nil
}

// unserved returns the error for tables with content that cannot be served.
func unserved(tables []string) *domain.Error {
	return domain.Errorf(domain.CodeUnavailable,
		"The database holds responses in %s that can be neither shown nor erased: the role may not read them, or related tables are missing; run `lethe doctor` for what to do",
		strings.Join(tables, " and "))
}

// Check queries the databases unless that was done within LookAtPlacesEvery. The error
// names the table that cannot be served or is missing.
func (p *Places) Check(ctx context.Context) error {
	if time.Now().UnixNano() >= p.lookAt.Load() {
		if err := p.Look(ctx); err != nil {
			return err
		}
	}
	if holding := p.holding.Load(); holding != nil {
		return holding
	}
	if gone := p.gone.Load(); gone != nil {
		return gone
	}
	return nil
}

// Ledger reports whether costs can be read from the ledger of credits.
func (p *Places) Ledger() bool { return p.ledger.Load() }

// Arsenal reports whether fusillade-arsenal's prompts by day exist.
func (p *Places) Arsenal() bool { return p.arsenal.Load() }

// Retained reports whether its retained responses exist and can be read.
func (p *Places) Retained() bool { return p.retained.Load() }

// Known are the tables that erasures need since they were seen.
func (p *Places) Known() *fusillade.Known { return p.known.Load() }

// Reason is why requests must not be answered; nil: no reason.
func (p *Places) Reason(ctx context.Context) *domain.Error {
	if p.lookAt.Load() == 0 {
		_ = p.Look(ctx) // if the database is unreachable, the request itself fails
	}
	return p.holding.Load()
}

// beyond returns the gaps of receipts: places that no response leads to. Before the
// first check, every possible place counts.
func (p *Places) beyond() []receipt.Gap {
	if seen := p.gaps.Load(); seen != nil {
		return *seen
	}
	var all []receipt.Gap
	for _, place := range inspect.Places(p.schemas) {
		if place.Treatment == inspect.OfPerson {
			all = append(all, receipt.Gap(place.Gap))
		}
	}
	return all
}

// Issuer returns the issuer of receipts for the log of this origin.
func (p *Places) Issuer(origin string) fusillade.Issuer {
	return fusillade.Issuer{Origin: origin, Build: BuildVersion().Version, Now: time.Now, Beyond: p.beyond}
}
