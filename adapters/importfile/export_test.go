package importfile

// SetMaxResponse sets how many bytes a response may have, and returns what undoes that.
func SetMaxResponse(bytes int) (undo func()) {
	before := maxResponse
	maxResponse = bytes
	return func() { maxResponse = before }
}
