package httpapi

import (
	"time"

	"github.com/labstack/echo/v4"
)

// profile is how an operation is served, as far as the contract does not say it.
type profile struct {
	cost cost
	// remembered operations are those that are asked for all the time, and may go by
	// who the caller was a moment ago. Every other one, whatever it is and whenever it
	// came, asks who is calling now.
	remembered bool
	compressed bool
	keeps      bool // holds contents in memory until they are answered
	reserved   bool // goes by the connections that are kept for holds
}

// cost is what a request takes of the database, which bounds how long it may work, and
// how many of its kind are worked on at a time.
type cost int

const (
	_         cost = iota
	lists          // a page
	fetches        // one thing
	changes        // one thing is changed
	estimates      // all that would be erased is counted, or all that was asked for is erased
	streams        // bound themselves
)

// profiles has a row for each operation of the contract, and is the only place that
// names any.
var profiles = map[string]profile{
	"listResponses": {cost: lists, remembered: true, compressed: true},
	"getResponse":   {cost: fetches, remembered: true, compressed: true, keeps: true},
	"eraseResponse": {cost: changes},

	"previewErasure":      {cost: estimates},
	"startErasure":        {cost: estimates},
	"listErasures":        {cost: lists, compressed: true},
	"getErasure":          {cost: fetches, remembered: true, compressed: true},
	"listErasureReceipts": {cost: lists, compressed: true},
	"cancelErasure":       {cost: changes},
	"watchErasure":        {cost: streams},

	"listHolds":   {cost: lists, reserved: true},
	"placeHold":   {cost: changes, reserved: true},
	"getHold":     {cost: fetches, reserved: true},
	"releaseHold": {cost: changes, reserved: true},

	"listRetentionRules":      {cost: lists, compressed: true},
	"createRetentionRule":     {cost: changes},
	"getRetentionRule":        {cost: fetches},
	"changeRetentionRule":     {cost: changes},
	"removeRetentionRule":     {cost: changes},
	"getRetentionRuleVersion": {cost: fetches},
	"dryRunRetentionRule":     {cost: estimates},
	"enableRetentionRule":     {cost: changes},
	"disableRetentionRule":    {cost: changes},

	"getReceipt":    {cost: fetches, remembered: true},
	"getCheckpoint": {cost: fetches, remembered: true},
	"getLogKeys":    {cost: fetches, remembered: true},
	"getTile":       {cost: fetches, remembered: true, compressed: true},

	"listAccessLog": {cost: lists, compressed: true},
}

// limit is how long a request of that cost may work; 0: as long as it wants.
func (c Config) limit(of cost) time.Duration {
	return map[cost]time.Duration{
		lists: c.ListTimeout, fetches: c.GetTimeout, changes: c.EraseTimeout, estimates: c.EstimateTimeout,
	}[of]
}

// middlewares are those of each operation, the outermost first.
func middlewares(operations map[string]*operation, cfg Config) map[string][]echo.MiddlewareFunc {
	compress := newCompress()
	of := make(map[string][]echo.MiddlewareFunc)
	for id, o := range operations {
		of[id] = []echo.MiddlewareFunc{o.guard}
		if o.keeps {
			of[id] = append(of[id], keeping)
		}
		if o.compressed {
			of[id] = append(of[id], compress)
		}
		if o.conditional {
			of[id] = append(of[id], conditional)
		}
		if limit := cfg.limit(o.cost); limit > 0 {
			of[id] = append(of[id], deadline(limit))
		}
	}
	return of
}

// askedKey is of echo's context.
const askedKey = "asked"

// askedOf is what guard has found of the request.
func askedOf(c echo.Context) *asked { return c.Get(askedKey).(*asked) }
