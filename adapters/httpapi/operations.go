package httpapi

import (
	"time"

	"github.com/labstack/echo/v4"
)

// profile says how to serve an operation, beyond what the contract says.
type profile struct {
	cost cost
	// remembered marks frequent operations, which can use a cached identity of the
	// caller. All others, including new ones, identify the caller again.
	remembered bool
	compressed bool
	keeps      bool // holds contents in memory until the response is written
	reserved   bool // uses the connections reserved for holds
	byKey      bool // only a key identifies the caller, whatever its purpose
	identifies bool // its use case identifies the caller
}

// cost is what a request costs the database. It bounds how long the request may work,
// and how many of its kind run at a time.
type cost int

const (
	_         cost = iota
	lists          // a page
	fetches        // one thing
	changes        // one thing is changed
	estimates      // counts everything that matches, or starts to erase it
	streams        // bound themselves
)

// profiles has a row for each operation of the contract, and is the only place that
// names operations.
var profiles = map[string]profile{
	"listResponses": {cost: lists, remembered: true, compressed: true},
	"getResponse":   {cost: fetches, remembered: true, compressed: true, keeps: true},
	"eraseResponse": {cost: changes},
	"listModels":    {cost: lists, compressed: true},
	"listSteps":     {cost: fetches, compressed: true, keeps: true},
	"getFigures":    {cost: estimates, remembered: true, compressed: true},

	"exportResponses": {cost: streams, compressed: true},

	"listPersonFiles":    {cost: lists, compressed: true},
	"startPersonFile":    {cost: changes},
	"getPersonFile":      {cost: fetches},
	"downloadPersonFile": {cost: streams},
	"deletePersonFile":   {cost: changes},

	"previewErasure":      {cost: estimates},
	"startErasure":        {cost: estimates},
	"listErasures":        {cost: lists, compressed: true},
	"getErasure":          {cost: fetches, remembered: true, compressed: true},
	"listErasureReceipts": {cost: lists, compressed: true},
	"cancelErasure":       {cost: changes},
	"approveErasure":      {cost: changes},
	"refuseErasure":       {cost: changes},
	"watchErasure":        {cost: streams},

	"listHolds":   {cost: lists, reserved: true},
	"placeHold":   {cost: changes, reserved: true},
	"getHold":     {cost: fetches, reserved: true},
	"releaseHold": {cost: changes, reserved: true},

	"listSubjectRequests":  {cost: lists, compressed: true},
	"openSubjectRequest":   {cost: changes},
	"getSubjectRequest":    {cost: fetches},
	"checkSubjectIdentity": {cost: changes},
	"extendSubjectRequest": {cost: changes},
	"answerSubjectRequest": {cost: changes},
	"refuseSubjectRequest": {cost: changes},
	"getSubjectLetter":     {cost: fetches},

	"listRetentionRules":      {cost: lists, compressed: true},
	"createRetentionRule":     {cost: changes},
	"getRetentionRule":        {cost: fetches},
	"changeRetentionRule":     {cost: changes},
	"removeRetentionRule":     {cost: changes},
	"getRetentionRuleVersion": {cost: fetches},
	"dryRunRetentionRule":     {cost: estimates},
	"enableRetentionRule":     {cost: changes},
	"approveRetentionRule":    {cost: changes},
	"disableRetentionRule":    {cost: changes},

	"getReceipt":    {cost: fetches, remembered: true},
	"getCheckpoint": {cost: fetches, remembered: true},
	"getLogKeys":    {cost: fetches, remembered: true},
	"getTile":       {cost: fetches, remembered: true, compressed: true},

	"getCaller":  {cost: fetches},
	"findOwners": {cost: lists},

	"startSession": {cost: changes, identifies: true},
	"endSession":   {cost: changes, identifies: true},

	"listAccessLog": {cost: lists, compressed: true},

	"retrieveOpenAIResponse": {cost: fetches, remembered: true, compressed: true, keeps: true, byKey: true},
	"listOpenAIInputItems":   {cost: fetches, remembered: true, compressed: true, keeps: true, byKey: true},
	"deleteOpenAIResponse":   {cost: changes, byKey: true},

	"getStatus": {cost: fetches},
}

// limit returns how long a request of that cost may work; 0: without limit.
func (c Config) limit(of cost) time.Duration {
	return map[cost]time.Duration{
		lists: c.ListTimeout, fetches: c.GetTimeout, changes: c.EraseTimeout, estimates: c.EstimateTimeout,
	}[of]
}

// middlewares returns the middlewares of each operation, the outermost first.
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

// askedKey is a key of echo's context.
const askedKey = "asked"

// askedOf returns what guard has found in the request.
func askedOf(c echo.Context) *asked { return c.Get(askedKey).(*asked) }
