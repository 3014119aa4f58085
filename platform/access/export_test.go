package access

// Parse reads other rows than the embedded ones.
func Parse(policy string) (*Policy, error) { return parse(modelText, policy) }
