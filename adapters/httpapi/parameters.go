package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"lethe/domain"
)

// What a query may be at most.
const (
	maxQueryBytes  = 16 << 10
	maxQueryPairs  = 1000
	maxListEntries = 1000
)

const (
	mustBeInteger = "must be a whole number of at most 64 bits"
	mustBeBoolean = "must be true or false"
	mustBeInstant = "must be a time as of RFC 3339 with an offset, such as 2026-03-01T12:00:00Z"
)

// mustBe says of each parameter, or field of a body, what it must be, in the words of the answer.
var mustBe = map[string]string{
	"request_id":     domain.ErrNoID.Error(),
	"skip":           mustBeInteger,
	"limit":          mustBeInteger,
	"created_after":  mustBeInstant,
	"created_before": mustBeInstant,
	"active_first":   mustBeBoolean,
	"member_id":      domain.ErrNoID.Error(),

	"after":               domain.ErrNoCursor.Error(),
	"count":               "must be auto, exact, estimate or none",
	"response_status_min": mustBeInteger,
	"response_status_max": mustBeInteger,
	"min_duration_ms":     "must be a whole number, 0 or more, of at most 64 bits",
	"has_error":           mustBeBoolean,

	"body": "must be full or omit",

	"include_later_turns": mustBeBoolean,

	"response_id":     domain.ErrNoID.Error(),
	"accessed_by":     domain.ErrNoID.Error(),
	"accessed_after":  mustBeInstant,
	"accessed_before": mustBeInstant,

	"erasure_id":      domain.ErrNoID.Error(),
	"owner":           domain.ErrNoID.Error(),
	"all":             "must be true, for everything; leave it out where there are conditions",
	"Idempotency-Key": "must be given once, in 1 to 255 visible ASCII characters",

	"hold_id":    domain.ErrNoID.Error(),
	"active":     mustBeBoolean,
	"responses":  domain.ErrNoID.Error(),
	"owners":     domain.ErrNoID.Error(),
	"expires_at": mustBeInstant,

	"rule_id":     domain.ErrNoID.Error(),
	"version":     "must be a whole number of at most 64 bits, 1 or more",
	"removed":     mustBeBoolean,
	"run_at":      domain.ErrNoTimeOfDay.Error(),
	"age_days":    mustBeInteger,
	"max_per_run": mustBeInteger,

	"reached": "must be replicated, vacuumed, rewritten or expired",

	"level": "must be a whole number from 0 to 63 without leading zeroes, or entries",
	"index": "must be elements of three digits, all but the last after an x, with .p/ and 1 to 255 where the tile is not full; such as x001/x234/067.p/41",
}

// listParameters are the query parameters of listResponses; true for lists.
var listParameters = map[string]bool{
	"skip": false, "limit": false, "status": false, "model": true, "service_tiers": true,
	"created_after": false, "created_before": false, "active_first": false, "member_id": false,
	"after": false, "count": false, "statuses": true, "response_status_min": false, "response_status_max": false,
	"min_duration_ms": false, "has_error": false, "created_by_email": false,
}

// getParameters are those of getResponse, eraseParameters those of eraseResponse.
var (
	getParameters   = map[string]bool{"body": false}
	eraseParameters = map[string]bool{"include_later_turns": false}
)

// holdParameters are those of listHolds.
var holdParameters = map[string]bool{"active": false, "limit": false, "after": false}

// erasureParameters are those of listErasures, receiptParameters those of
// listErasureReceipts.
var (
	erasureParameters = map[string]bool{"state": true, "trigger": false, "limit": false, "after": false}
	receiptParameters = map[string]bool{"limit": false, "after": false}
)

// proofParameters are those of getReceipt.
var proofParameters = map[string]bool{"reached": false}

// ruleParameters are those of listRetentionRules.
var ruleParameters = map[string]bool{"removed": false, "limit": false, "after": false}

// accessLogParameters are those of listAccessLog.
var accessLogParameters = map[string]bool{
	"limit": false, "after": false, "response_id": false, "owner": false, "accessed_by": false, "accessed_after": false, "accessed_before": false,
}

// guardQuery refuses a query that cannot be read in one way only, before the
// generated code binds it: that ignores what it cannot parse. known are the
// parameters of the operation; all others are passed over and named in the
// answer, but must be well formed too.
func guardQuery(known map[string]bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			unknown, err := checkQuery(r.URL.RawQuery, known)
			if err != nil {
				return err
			}
			recordUnknown(c.Response().Header(), unknown...)
			if strings.Contains(r.URL.RawQuery, ";") {
				// An ordinary character, but net/url drops a pair that has one.
				u := *r.URL
				u.RawQuery = strings.ReplaceAll(u.RawQuery, ";", "%3B")
				r = r.WithContext(r.Context())
				r.URL = &u
				c.SetRequest(r)
			}
			return next(c)
		}
	}
}

// checkQuery returns the names that are not known, or why the query is refused.
func checkQuery(query string, known map[string]bool) (unknown []string, err error) {
	if len(query) > maxQueryBytes {
		return nil, invalid("", fmt.Sprintf("The query must have at most %d bytes", maxQueryBytes))
	}
	if strings.Count(query, "&") >= maxQueryPairs {
		return nil, invalid("", fmt.Sprintf("The query must have at most %d parameters", maxQueryPairs))
	}
	given := make(map[string]bool)
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, problem := decode(rawName)
		if problem != "" {
			return nil, invalid("", "The name of a query parameter "+problem)
		}
		value, problem := decode(rawValue)
		if problem != "" {
			return nil, invalid(name, name+": "+problem)
		}
		isList, ok := known[name]
		if !ok {
			if name != "" && len(unknown) <= maxUnknown {
				unknown = append(unknown, encodedBounded(name))
			}
			continue
		}
		if given[name] {
			return nil, invalid(name, name+": must be given once")
		}
		given[name] = true
		if isList && strings.Count(value, ",") >= maxListEntries {
			return nil, invalid(name, fmt.Sprintf("%s: must have at most %d entries", name, maxListEntries))
		}
	}
	return unknown, nil
}

// decode undoes the percent-encoding; problem says what is wrong, if anything.
func decode(raw string) (text, problem string) {
	text, err := url.QueryUnescape(raw)
	switch {
	case err != nil:
		return "", "has a malformed percent-escape; write a percent sign as %25"
	case !domain.Storable(text):
		return "", "must be UTF-8, without NUL bytes"
	}
	return text, ""
}

// parameterOf finds the parameter that a binding error of the generated code
// is about. Its words are the Go parser's and are not shown to anyone.
func parameterOf(message any) (string, bool) {
	text, _ := message.(string)
	rest, ok := strings.CutPrefix(text, "Invalid format for parameter ")
	if !ok {
		// Of a header.
		if rest, ok = strings.CutPrefix(text, "Expected one value for "); !ok {
			return "", false
		}
	}
	name, _, _ := strings.Cut(rest, ":")
	name, _, _ = strings.Cut(name, ",")
	_, ok = mustBe[name]
	return name, ok
}

// The types below replace lax parsers of the generated code; openapi.yaml is
// overlaid with their names. Their errors are never shown.

// identifier is a UUID in the spellings of domain.ParseID.
type identifier uuid.UUID

func (i *identifier) UnmarshalText(text []byte) error {
	id, err := domain.ParseID(string(text))
	*i = identifier(id)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (i identifier) MarshalText() ([]byte, error) { return uuid.UUID(i).MarshalText() }

// instant is a time in RFC 3339; lower case, and a space for the T, may be
// taken. Postgres keeps microseconds, so finer digits are dropped.
type instant time.Time

// time.Parse alone takes hours of one digit, commas and offsets of any size.
var instantShape = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d+)?)(?:[Zz]|([+-](?:[01]\d|2[0-3]):[0-5]\d))$`)

// Bind implements runtime.Binder, which the generated code asks before it
// tries its own formats.
func (i *instant) Bind(text string) error {
	parts := instantShape.FindStringSubmatch(text)
	if parts == nil {
		return errors.New("not in the shape of RFC 3339")
	}
	date, clock, offset := parts[1], parts[2], parts[3]
	if offset == "" {
		offset = "Z"
	}
	t, err := time.Parse(time.RFC3339, date+"T"+clock+offset)
	*i = instant(t.UTC().Truncate(time.Microsecond))
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *instant) UnmarshalJSON(text []byte) error {
	var given string
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	return i.Bind(given)
}

// MarshalJSON implements json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) { return time.Time(i).UTC().MarshalJSON() }

// boolean is exactly true or false.
type boolean bool

// Bind implements runtime.Binder.
func (b *boolean) Bind(text string) error {
	if text != "true" && text != "false" {
		return errors.New("neither true nor false")
	}
	*b = text == "true"
	return nil
}

// onlyTrue is true; what it is not is said by leaving it out.
type onlyTrue bool

// UnmarshalJSON implements json.Unmarshaler.
func (o *onlyTrue) UnmarshalJSON(text []byte) error {
	if string(text) != "true" {
		return errors.New("not true")
	}
	*o = true
	return nil
}

// cursor is what domain.ParseCursor reads.
type cursor domain.Cursor

// Bind implements runtime.Binder.
func (c *cursor) Bind(text string) error {
	parsed, err := domain.ParseCursor(text)
	*c = cursor(parsed)
	return err
}

// countMode is one of the words of countModes.
type countMode domain.CountMode

var countModes = map[string]domain.CountMode{
	"auto": domain.CountAuto, "exact": domain.CountExact, "estimate": domain.CountEstimate, "none": domain.CountNone,
}

// Bind implements runtime.Binder.
func (m *countMode) Bind(text string) error {
	mode, ok := countModes[text]
	if !ok {
		return errors.New("no mode of counting")
	}
	*m = countMode(mode)
	return nil
}

// level is one of the words of levels.
type level domain.Level

var levels = []domain.Level{domain.LevelReplicated, domain.LevelVacuumed, domain.LevelRewritten, domain.LevelExpired}

// Bind implements runtime.Binder.
func (l *level) Bind(text string) error {
	if !slices.Contains(levels, domain.Level(text)) {
		return errors.New("no later level")
	}
	*l = level(text)
	return nil
}

// duration is a whole number of milliseconds, 0 or more.
type duration time.Duration

// Bind implements runtime.Binder.
func (d *duration) Bind(text string) error {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 {
		return errors.New("no number of milliseconds")
	}
	// What is longer than 292 years, nothing takes.
	*d = duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * duration(time.Millisecond)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *duration) UnmarshalJSON(text []byte) error { return d.Bind(string(text)) }

// MarshalJSON implements json.Marshaler.
func (d duration) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, time.Duration(d).Milliseconds(), 10), nil
}

// idempotencyKey is 1 to domain.MaxIdempotencyKey visible ASCII characters.
type idempotencyKey string

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *idempotencyKey) UnmarshalText(text []byte) error {
	if len(text) < 1 || len(text) > domain.MaxIdempotencyKey || bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("no key")
	}
	*k = idempotencyKey(text)
	return nil
}

// omission is whether contents are left out: full or omit.
type omission bool

// Bind implements runtime.Binder.
func (o *omission) Bind(text string) error {
	if text != "full" && text != "omit" {
		return errors.New("neither full nor omit")
	}
	*o = text == "omit"
	return nil
}

// timeOfDay is what domain.ParseTimeOfDay reads.
type timeOfDay domain.TimeOfDay

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *timeOfDay) UnmarshalText(text []byte) error {
	parsed, err := domain.ParseTimeOfDay(string(text))
	*t = timeOfDay(parsed)
	return err
}

// ruleVersion is a whole number, 1 or more.
type ruleVersion int64

// Bind implements runtime.Binder.
func (v *ruleVersion) Bind(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return errors.New("no version")
	}
	*v = ruleVersion(n)
	return nil
}
