package domain

import (
	"strings"
	"unicode/utf8"
)

// Storable reports whether a row can contain a text: Postgres accepts UTF-8 without
// NUL. No row has any other text, so the database must not be asked for it.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
