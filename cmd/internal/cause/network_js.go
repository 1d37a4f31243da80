package cause

// network explains nothing in a browser: the page has no network, and its program none
// of what speaks over one.
func network(error) *Error { return nil }
