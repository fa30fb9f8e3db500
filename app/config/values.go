package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/time/rate"

	"lethe/adapters/webhook"
	"lethe/receipt"
)

// PerSecond is a maximum rate per second; 0: no limit.
type PerSecond int

// Pace returns a function that waits until n more are allowed. After a pause, one
// second's worth passes without waiting.
func (r PerSecond) Pace() func(ctx context.Context, n int) error {
	if r == 0 {
		return func(ctx context.Context, _ int) error { return ctx.Err() }
	}
	limiter := rate.NewLimiter(rate.Limit(r), int(r))
	return func(ctx context.Context, n int) error {
		for n > 0 {
			part := min(n, limiter.Burst())
			if err := limiter.WaitN(ctx, part); err != nil {
				return err
			}
			n -= part
		}
		return nil
	}
}

const day = 24 * time.Hour

// ParseDays reads a number of days such as 365d.
func ParseDays(text string) (time.Duration, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || text != fmt.Sprintf("%dd", n) || n < 1 || n > 3650 {
		return 0, errors.New("must be a number of days such as 365d, from 1d to 3650d")
	}
	return time.Duration(n) * day, nil
}

// Limits of a PerSecond. A part of an erasure waits according to the number that it has
// erased, which must not take longer than a job's turn.
const (
	minRate = 100
	maxRate = 1_000_000
)

// value is a field of the configuration that parses and prints itself.
type value interface {
	// set parses a value, which is not nil. Its errors do not repeat the value.
	set(given any) error
	// printed is the value for Print; nil if it is unset.
	printed() any
}

// text is a text that must pass a check, whose error must not repeat it.
type text struct {
	field *string
	check func(string) error  // nil: any text is valid
	hide  func(string) string // what to print instead; nil: the text
	none  string              // a word that means no text; empty: there is none
}

func (t text) set(given any) error {
	said, is := given.(string)
	switch {
	case !is:
		return errors.New("must be text: put it in quotes")
	case t.none != "" && said == t.none:
		return nil
	}
	*t.field = said
	if t.check == nil {
		return nil
	}
	return t.check(said)
}

func (t text) printed() any {
	switch {
	case *t.field == "" && t.none != "":
		return t.none
	case *t.field == "":
		return nil
	case t.hide != nil:
		return t.hide(*t.field)
	}
	return *t.field
}

// scalar is a value that is written as one word.
type scalar[T any] struct {
	field *T
	parse func(string) (T, error)
	print func(T) any
}

func (s scalar[T]) set(given any) error {
	v, err := s.parse(fmt.Sprint(given))
	if err == nil {
		*s.field = v
	}
	return err
}

func (s scalar[T]) printed() any { return s.print(*s.field) }

func asIs[T any](v T) any { return v }

// number is a whole number within bounds; must says what it must be.
func number[T int | int64](field *T, least, most T, must string) value {
	return scalar[T]{field, func(word string) (T, error) {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n < int64(least) || n > int64(most) {
			return 0, errors.New(must)
		}
		return T(n), nil
	}, asIs[T]}
}

func whole(field *int) value { return number(field, 1, 1000, "must be a whole number from 1 to 1000") }

// count is a number of responses.
func count(field *int64) value {
	return number(field, 0, 1_000_000_000, "must be a whole number from 1 to 1000000000, or 0 for off")
}

// size is a number of bytes: there must be room for something, and it must fit on a disk.
func size(field *int64) value {
	return number(field, 1<<20, 1<<40, "must be a whole number of bytes from 1048576 to 1099511627776")
}

func perSecond(field *PerSecond) value {
	return scalar[PerSecond]{field, func(word string) (PerSecond, error) {
		n, err := strconv.Atoi(word)
		if err != nil || n != 0 && (n < minRate || n > maxRate) {
			return 0, fmt.Errorf("must be a whole number from %d to %d, or 0 for no limit", minRate, maxRate)
		}
		return PerSecond(n), nil
	}, func(r PerSecond) any { return int(r) }}
}

// maxWords is the maximum length of a text that is shown to people, in bytes.
const maxWords = 2000

func checkWords(words string) error {
	if len(words) > maxWords || !utf8.ValidString(words) || strings.ContainsFunc(words, unicode.IsControl) {
		return fmt.Errorf("must be one line of at most %d bytes", maxWords)
	}
	return nil
}

func duration(field *time.Duration) value {
	return scalar[time.Duration]{field, func(word string) (time.Duration, error) {
		d, err := time.ParseDuration(word)
		if err != nil || d < 0 || d > time.Minute {
			return 0, errors.New("must be a duration such as 5s, from 0 to 60s")
		}
		return d, nil
	}, func(d time.Duration) any { return d.String() }}
}

// durationIn is a duration of minutes or hours.
func durationIn(field *time.Duration, least, most time.Duration) value {
	return scalar[time.Duration]{field, func(word string) (time.Duration, error) {
		d, err := time.ParseDuration(word)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("must be a duration such as 30m or 12h, from %s to %s", brief(least), brief(most))
		}
		return d, nil
	}, func(d time.Duration) any { return brief(d) }}
}

// brief writes a duration without units that are zero.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func days(field *time.Duration) value {
	return scalar[time.Duration]{field, ParseDays, func(d time.Duration) any { return fmt.Sprintf("%dd", d/day) }}
}

func yes(field *bool) value {
	return scalar[bool]{field, func(word string) (bool, error) {
		if word != "true" && word != "false" {
			return false, errors.New("must be true or false")
		}
		return word == "true", nil
	}, asIs[bool]}
}

// list is a comma-separated list.
type list[T comparable] struct {
	field   *[]T
	parse   func(string) (T, error)
	print   func(T) string
	must    string // the error if parse fails or, unless allowed, there is a duplicate
	repeats bool
}

func (l list[T]) set(given any) error {
	said, _ := given.(string)
	for part := range strings.SplitSeq(said, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return errors.New("has an empty entry, perhaps from an unset variable: give it a value, or remove it with its comma")
		}
		v, err := l.parse(part)
		if err != nil || !l.repeats && slices.Contains(*l.field, v) {
			return errors.New(l.must)
		}
		*l.field = append(*l.field, v)
	}
	return nil
}

func (l list[T]) printed() any {
	if *l.field == nil {
		return nil
	}
	texts := make([]string, len(*l.field))
	for i, v := range *l.field {
		texts[i] = l.print(v)
	}
	return texts
}

func names(field *[]string) value {
	return list[string]{field: field, parse: func(part string) (string, error) {
		if len(part) > 63 {
			return "", errors.New("too long")
		}
		return part, nil
	}, print: func(name string) string { return name }, must: "must be distinct, comma-separated names of at most 63 bytes"}
}

func witnesses(field *[]receipt.PublicKey) value {
	return list[receipt.PublicKey]{field: field, parse: func(part string) (receipt.PublicKey, error) {
		key, err := receipt.ParsePublicKey(part)
		if err == nil && !key.Witness() {
			err = errors.New("not a witness's key")
		}
		return key, err
	}, print: receipt.PublicKey.String, must: "must be distinct, comma-separated public keys of witnesses, such as witness.example/w1+01234567+BASE64"}
}

func urls(field *[]string) value {
	return list[string]{field: field, parse: func(part string) (string, error) { return part, checkURL(part) }, print: hidePassword,
		must: "must be distinct, comma-separated URLs such as postgres://USER:PASSWORD@HOST:5432/DATABASE; write special characters in a password as %XX"}
}

func prefixes(field *[]netip.Prefix) value {
	return list[netip.Prefix]{field: field, parse: func(part string) (netip.Prefix, error) {
		if addr, err := netip.ParseAddr(part); err == nil {
			return addr.Prefix(addr.BitLen())
		}
		return netip.ParsePrefix(part)
	}, print: netip.Prefix.String, must: "must be comma-separated addresses such as 10.0.0.0/8 or 10.1.2.3", repeats: true}
}

// assign parses a value from any source into the setting's field; nil: unset.
func (s setting) assign(c *Config, given any) error {
	if parts, is := given.([]any); is {
		texts := make([]string, len(parts))
		for i, part := range parts {
			if texts[i], is = part.(string); !is {
				return errors.New("must be a list of texts")
			}
		}
		given = strings.Join(texts, ",")
	}
	if given == nil {
		return nil
	}
	return s.value(c).set(given)
}

func checkURL(text string) error {
	const hint = "must be a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New(hint + "; write special characters in a password as %XX")
	}
	if hasEmptyPart(u) {
		return errors.New("has an empty part, perhaps from an unset variable; it " + hint)
	}
	if _, err := pgconn.ParseConfig(text); err != nil {
		// The error may repeat the password.
		return errors.New(hint + "; a parameter after the ? may be misspelled, or a file that it names may be missing")
	}
	return nil
}

// hasEmptyPart reports whether a URL has an empty part. The host and the database can
// also come after the ?.
func hasEmptyPart(u *url.URL) bool {
	elsewhere := u.Query()
	noHost := u.Hostname() == "" && !elsewhere.Has("host") && !elsewhere.Has("service")
	noDatabase := strings.Trim(u.Path, "/") == "" && !elsewhere.Has("dbname") && !elsewhere.Has("service")
	if noHost && (noDatabase || u.User != nil) || u.Path == "/" && noDatabase || strings.HasSuffix(u.Host, ":") {
		return true
	}
	password, given := u.User.Password()
	return u.User != nil && u.User.Username() == "" || given && password == ""
}

func checkSchema(text string) error {
	if text == "" || len(text) > 63 || strings.ContainsRune(text, 0) {
		return errors.New("must be the name of a schema, of 1 to 63 bytes")
	}
	return nil
}

func checkAddr(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be HOST:PORT such as 127.0.0.1:8080, with a port from 0 to 65535")
	}
	return nil
}

func checkSecret(text string) error {
	if len(text) < 16 {
		return errors.New("is shorter than 16 bytes: use dwctl's secret, or generate one with `openssl rand -hex 32`")
	}
	return nil
}

func checkProxySecret(text string) error {
	if len(text) < 16 || len(text) > 1024 || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("must be 16 to 1024 printable ASCII characters without spaces, because it is sent in a header: generate one with `openssl rand -hex 32`")
	}
	return nil
}

var token = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

func checkToken(text string) error {
	if !token.MatchString(text) {
		return errors.New("must be a name of letters, digits and hyphens")
	}
	return nil
}

func checkDir(text string) error {
	if strings.ContainsRune(text, 0) {
		return errors.New("must be the path of a folder")
	}
	if info, err := os.Stat(text); err == nil && !info.IsDir() {
		return errors.New("is a file: name a folder, which need not exist yet")
	}
	return nil
}

func checkKeys(text string) error {
	if _, err := receipt.ParsePrivateKeys([]byte(text)); err != nil {
		return fmt.Errorf("contains no valid signing key: %w; create one with `lethe keys new`", err)
	}
	return nil
}

func checkOrigin(text string) error {
	_, err := receipt.FormatCheckpoint(receipt.Checkpoint{Origin: text, Size: 1})
	if err != nil {
		return errors.New("must be a name such as example.com/erasures, without spaces, pluses, quotes or backslashes")
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(words, text) {
			return errors.New("must be " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1])
		}
		return nil
	}
}

func checkWebhookSecret(text string) error {
	_, err := webhook.ParseSecret(text)
	return err
}

func hideAll(string) string { return "(hidden)" }

// hideQuery hides the query of a URL, where services expect secrets.
func hideQuery(text string) string {
	if address, _, found := strings.Cut(text, "?"); found {
		return address + "?hidden"
	}
	return text
}

// hidePassword hides everything in the URL that pgx treats as a password.
func hidePassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(hidden)"
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), "hidden")
	}
	query := u.Query()
	for key := range query {
		if strings.Contains(strings.ToLower(key), "password") {
			query.Set(key, "hidden")
		}
	}
	if len(query) > 0 {
		u.RawQuery = query.Encode()
	}
	return u.String()
}
