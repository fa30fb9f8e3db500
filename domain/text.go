package domain

import (
	"strings"
	"unicode/utf8"
)

// Storable tells whether a row can hold a text: Postgres takes UTF-8 without
// NUL. What it cannot hold, no row has, and it must not be asked for it.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
