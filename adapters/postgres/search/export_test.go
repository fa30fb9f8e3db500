package search

// NewFinder returns a function that tells whether a value contains a needle.
func NewFinder(needles []Needle) func(value []byte) bool {
	m := newMatcher(needles)
	return func(value []byte) (found bool) {
		m.find(value, func(int) { found = true })
		return found
	}
}

// Contains tells whether a value contains a needle.
func Contains(needles []Needle, value []byte) bool { return NewFinder(needles)(value) }
