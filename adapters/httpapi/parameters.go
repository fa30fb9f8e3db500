package httpapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"lethe/domain"
)

// Limits of a query.
const (
	maxQueryBytes = 16 << 10
	maxQueryPairs = 1000
)

// guard refuses whatever breaks the contract before the generated code binds it, which
// ignores what it cannot parse and accepts more spellings. Unknown parameters are
// ignored and named in the response, but must be well formed.
func (o *operation) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		given, unknown, err := o.readQuery(r.URL.RawQuery)
		if err != nil {
			return err
		}
		recordUnknown(c.Response().Header(), unknown...)
		a := &asked{operation: o}
		for _, p := range o.parameters {
			s := p.Schema.Value
			for _, value := range valuesOf(p, c, given) {
				if problem := check(s, value); problem != "" {
					return invalid(p.Name, p.Name+": "+problem)
				}
				if !s.Type.Is(openapi3.TypeArray) {
					a.note(p.Name, s, value)
					continue
				}
				for _, entry := range entries(strings.Split(value, ",")) {
					a.note(p.Name, s.Items.Value, entry)
				}
			}
		}
		if strings.Contains(r.URL.RawQuery, ";") {
			// An ordinary character, but net/url drops a pair that has one.
			u := *r.URL
			u.RawQuery = strings.ReplaceAll(u.RawQuery, ";", "%3B")
			r = r.WithContext(r.Context())
			r.URL = &u
			c.SetRequest(r)
		}
		c.Set(askedKey, a)
		return o.unbound(next(c))
	}
}

// valuesOf returns the values of a parameter; query has those of the query.
func valuesOf(p *openapi3.Parameter, c echo.Context, query map[string]string) []string {
	switch p.In {
	case openapi3.ParameterInHeader:
		return c.Request().Header.Values(p.Name)
	case openapi3.ParameterInPath:
		value := c.Param(p.Name)
		if c.Request().URL.RawPath != "" {
			if decoded, err := url.PathUnescape(value); err == nil {
				value = decoded
			}
		}
		return []string{value}
	}
	if value, ok := query[p.Name]; ok {
		return []string{value}
	}
	return nil
}

// unbound replaces the error of the generated code, which has the Go parser's words,
// with the contract's words for the parameter that it could not bind.
func (o *operation) unbound(err error) error {
	e, ok := errors.AsType[*echo.HTTPError](err)
	if !ok {
		return err
	}
	text, _ := e.Message.(string)
	for _, p := range o.parameters {
		switch {
		case strings.HasPrefix(text, "Expected one value for "+p.Name+","): // of a header
			return invalid(p.Name, p.Name+": "+cmp.Or(ownWords(p.Schema.Value), "must be given once"))
		case strings.HasPrefix(text, "Invalid format for parameter "+p.Name+":"):
			return invalid(p.Name, p.Name+": "+mustBe(p.Schema.Value))
		}
	}
	return err
}

// readQuery returns the values of the operation's parameters and the names of unknown
// ones, or why the query is refused.
func (o *operation) readQuery(query string) (given map[string]string, unknown []string, err error) {
	if len(query) > maxQueryBytes {
		return nil, nil, invalid("", fmt.Sprintf("The query must have at most %d bytes", maxQueryBytes))
	}
	if strings.Count(query, "&") >= maxQueryPairs {
		return nil, nil, invalid("", fmt.Sprintf("The query must have at most %d parameters", maxQueryPairs))
	}
	given = make(map[string]string)
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, problem := decode(rawName)
		if problem != "" {
			return nil, nil, invalid("", "The name of a query parameter "+problem)
		}
		value, problem := decode(rawValue)
		if problem != "" {
			return nil, nil, invalid(name, name+": "+problem)
		}
		if o.query(name) == nil {
			if name != "" && len(unknown) <= maxUnknown {
				unknown = append(unknown, encodedBounded(name))
			}
			continue
		}
		if _, twice := given[name]; twice {
			return nil, nil, invalid(name, name+": must be given once")
		}
		given[name] = value
	}
	return given, unknown, nil
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

// These types parse their text themselves instead of leaving it to the generated code;
// an overlay of openapi.yaml names them.

// instant is a time in RFC 3339; lower case, and a space for the T, are accepted.
// Postgres keeps microseconds, so finer digits are dropped.
type instant time.Time

// time.Parse alone accepts hours of one digit, commas and offsets of any size.
var instantShape = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d+)?)(?:[Zz]|([+-](?:[01]\d|2[0-3]):[0-5]\d))$`)

var errNoInstant = errors.New("must be an RFC 3339 time with an offset, such as 2026-03-01T12:00:00Z")

// Bind is called by the generated code before it tries its own formats.
func (i *instant) Bind(text string) error {
	parts := instantShape.FindStringSubmatch(text)
	if parts == nil {
		return errNoInstant
	}
	date, clock, offset := parts[1], parts[2], parts[3]
	if offset == "" {
		offset = "Z"
	}
	t, err := time.Parse(time.RFC3339, date+"T"+clock+offset)
	*i = instant(t.UTC().Truncate(time.Microsecond))
	return err
}

func (i *instant) UnmarshalJSON(text []byte) error {
	var given string
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	return i.Bind(given)
}

func (i instant) MarshalJSON() ([]byte, error) { return time.Time(i).UTC().MarshalJSON() }

// onlyTrue can only be true; callers leave it out for false.
type onlyTrue bool

func (o *onlyTrue) UnmarshalJSON(text []byte) error {
	if string(text) != "true" {
		return errors.New("not true")
	}
	*o = true
	return nil
}

// cursor is parsed by domain.ParseCursor.
type cursor domain.Cursor

func (c *cursor) Bind(text string) error {
	parsed, err := domain.ParseCursor(text)
	*c = cursor(parsed)
	return err
}

// duration is a whole number of milliseconds, 0 or more.
type duration time.Duration

func (d *duration) Bind(text string) error {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 {
		return errors.New("not a number of milliseconds")
	}
	// Longer than 292 years does not fit, and no limit is that long.
	*d = duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * duration(time.Millisecond)
	return nil
}

func (d *duration) UnmarshalJSON(text []byte) error { return d.Bind(string(text)) }

func (d duration) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, time.Duration(d).Milliseconds(), 10), nil
}

// decimal is a number, written without an exponent.
type decimal domain.Decimal

func (d *decimal) Bind(text string) error {
	n, err := strconv.ParseFloat(text, 64)
	*d = decimal(strconv.FormatFloat(n, 'f', -1, 64))
	return err
}

// timeOfDay is parsed by domain.ParseTimeOfDay.
type timeOfDay domain.TimeOfDay

func (t *timeOfDay) UnmarshalText(text []byte) error {
	parsed, err := domain.ParseTimeOfDay(string(text))
	*t = timeOfDay(parsed)
	return err
}
