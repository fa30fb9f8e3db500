package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// DidYouMean asks for the name that is the most like what was given, if one is
// so like it that it may have been meant; else it is empty.
func DidYouMean(given string, names []string) string {
	likest, least := "", len(given)/4+1 // a letter in four may be wrong
	for _, name := range slices.Sorted(slices.Values(names)) {
		distance := levenshtein.ComputeDistance(strings.ToLower(given), strings.ToLower(name))
		if distance < least || distance == least && likest == "" {
			likest, least = name, distance
		}
	}
	if likest == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s? If not, ", likest)
}
