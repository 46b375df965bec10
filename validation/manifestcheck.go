package validation

// A manifestCheck judges the files that a signed manifest names.
type manifestCheck struct {
	check  func() conclusion
	signed func() []string
}
