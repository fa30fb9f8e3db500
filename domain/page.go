package domain

// pageOf reads one page of a list: limit is brought into 1 to MaxLimit, and is
// DefaultLimit where it is nil. read is asked for one more than that, which
// tells whether anything follows. CodeInvalid where after belongs to another
// list.
func pageOf[T any](list fingerprint, after *Cursor, limit *int64, read func(after *Position, limit int64) ([]T, error), position func(T) Position) (
	items []T, next *Cursor, applied int64, err error,
) {
	applied = DefaultLimit
	if limit != nil {
		applied = min(max(*limit, 1), MaxLimit)
	}
	var from *Position
	if after != nil {
		at, err := list.position(*after)
		if err != nil {
			return nil, nil, 0, errParameter("after", "after: "+err.Error())
		}
		from = &at
	}
	if items, err = read(from, applied+1); err != nil {
		return nil, nil, 0, err
	}
	if int64(len(items)) > applied {
		items = items[:applied]
		at := list.cursor(position(items[applied-1]))
		next = &at
	}
	return items, next, applied, nil
}
