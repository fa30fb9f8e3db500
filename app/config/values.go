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

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/time/rate"

	"lethe/receipt"
)

// PerSecond is how many there may be a second; 0: no bound.
type PerSecond int

// Pace returns what waits until so many more may be done. Who was at rest may
// begin with a second's worth.
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

// days is a duration that is written in days.
type days time.Duration

const day = 24 * time.Hour

// ParseDays reads a number of days such as 365d.
func ParseDays(text string) (time.Duration, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || text != fmt.Sprintf("%dd", n) || n < 1 || n > 3650 {
		return 0, errors.New("must be a number of days such as 365d, from 1d to 3650d")
	}
	return time.Duration(n) * day, nil
}

// Bounds of a PerSecond. A part of an erasure waits for as many as it has
// erased, which should not take longer than a job may.
const (
	minRate = 100
	maxRate = 1_000_000
)

// urls are databases, whose passwords are hidden.
type urls []string

// assign reads a value of any source into the setting's field. Its errors do
// not repeat values.
func (s setting) assign(c *Config, value any) error {
	if value == nil {
		return nil
	}
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, v := range list {
			text, ok := v.(string)
			if !ok {
				return errors.New("must be a list of texts")
			}
			texts[i] = text
		}
		value = strings.Join(texts, ",")
	}
	text, isText := value.(string)
	switch field := s.field(c).(type) {
	case *string:
		if !isText {
			return errors.New("must be text: put it in quotes")
		}
		if s.key == "database.url" && text == embeddedWord {
			return nil
		}
		*field = text
		if s.check != nil {
			return s.check(text)
		}
	case *int:
		n, err := strconv.Atoi(fmt.Sprint(value))
		if err != nil || n < 1 || n > 1000 {
			return errors.New("must be a whole number from 1 to 1000")
		}
		*field = n
	case *PerSecond:
		n, err := strconv.Atoi(fmt.Sprint(value))
		if err != nil || n != 0 && (n < minRate || n > maxRate) {
			return fmt.Errorf("must be a whole number from %d to %d, or 0 for no bound", minRate, maxRate)
		}
		*field = PerSecond(n)
	case *time.Duration:
		d, err := time.ParseDuration(fmt.Sprint(value))
		if err != nil || d < 0 || d > time.Minute {
			return errors.New("must be a duration such as 5s, from 0 to 60s")
		}
		*field = d
	case *days:
		d, err := ParseDays(text)
		if err != nil {
			return err
		}
		*field = days(d)
	case *bool:
		switch fmt.Sprint(value) {
		case "true":
			*field = true
		case "false":
			*field = false
		default:
			return errors.New("must be true or false")
		}
	case *[]string:
		return eachPart(text, isText, func(part string) error {
			if len(part) > 63 || slices.Contains(*field, part) {
				return errors.New("must be different names of at most 63 bytes, with commas between")
			}
			*field = append(*field, part)
			return nil
		})
	case *[]receipt.PublicKey:
		return eachPart(text, isText, func(part string) error {
			key, err := receipt.ParsePublicKey(part)
			if err != nil || !key.Witness() || slices.Contains(*field, key) {
				return errors.New("must be different public keys of witnesses, such as witness.example/w1+01234567+BASE64, with commas between")
			}
			*field = append(*field, key)
			return nil
		})
	case *urls:
		return eachPart(text, isText, func(part string) error {
			if checkURL(part) != nil || slices.Contains(*field, part) {
				return errors.New("must be different URLs such as postgres://USER:PASSWORD@HOST:5432/DATABASE with commas between; special characters of a password are written as %XX")
			}
			*field = append(*field, part)
			return nil
		})
	case *[]netip.Prefix:
		return eachPart(text, isText, func(part string) error {
			prefix, err := netip.ParsePrefix(part)
			if addr, errAddr := netip.ParseAddr(part); err != nil && errAddr == nil {
				prefix, err = addr.Prefix(addr.BitLen())
			}
			if err != nil {
				return errors.New("must be addresses such as 10.0.0.0/8 or 10.1.2.3 with commas between")
			}
			*field = append(*field, prefix)
			return nil
		})
	}
	return nil
}

// eachPart takes what stands between the commas of a list.
func eachPart(text string, isText bool, take func(part string) error) error {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return errors.New("has an empty entry, as when it is filled from a variable that is not set: give it a value, or take it out with its comma")
		}
		if err := take(part); err != nil {
			return err
		}
	}
	if !isText {
		return errors.New("must be text or a list of texts")
	}
	return nil
}

func checkURL(text string) error {
	const hint = "must be a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE"
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New(hint + "; special characters of a password are written as %XX")
	}
	if hasEmptyPart(u) {
		return errors.New("has an empty part, as when it is filled from a variable that is not set; it " + hint)
	}
	if _, err := pgconn.ParseConfig(text); err != nil {
		// The error may repeat the password.
		return errors.New(hint + "; a part after the ? may be misspelt, or a file that it names missing")
	}
	return nil
}

// hasEmptyPart tells whether a URL has a place for a part, and nothing in it; a
// host or a database may stand after the ? instead.
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
		return errors.New("is shorter than 16 bytes: make one with `openssl rand -hex 32`, or take dwctl's")
	}
	return nil
}

func checkProxySecret(text string) error {
	if len(text) < 16 || len(text) > 1024 || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("must be 16 to 1024 letters, digits and signs of ASCII, without spaces, as it is sent in a header: make one with `openssl rand -hex 32`")
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
		return errors.New("is a file: name a folder, or one that is yet to be made")
	}
	return nil
}

func checkKeys(text string) error {
	if _, err := receipt.ParsePrivateKeys([]byte(text)); err != nil {
		return fmt.Errorf("holds no signing keys: %w; make one with `lethe keys new`", err)
	}
	return nil
}

func checkOrigin(text string) error {
	_, err := receipt.FormatCheckpoint(receipt.Checkpoint{Origin: text, Size: 1})
	if err != nil {
		return errors.New("must be a name such as example.com/erasures, without spaces, pluses, quotes and backslashes")
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

func hideAll(string) string { return "(hidden)" }

// hidePassword hides what pgx takes for a password, wherever it is in the URL.
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
