package search

// NewFinder tells of values whether they hold one of the needles.
func NewFinder(needles []Needle) func(value []byte) bool {
	m := newMatcher(needles)
	return func(value []byte) (found bool) {
		m.find(value, func(int) { found = true })
		return found
	}
}

// Contains tells whether a value holds one of the needles.
func Contains(needles []Needle, value []byte) bool { return NewFinder(needles)(value) }
