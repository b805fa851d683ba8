package apiserver

// Creates tells tests whether an operation makes a resource each time it is
// called.
func Creates(operation string) bool {
	for _, r := range routes() {
		if r.operation == operation {
			return r.creates()
		}
	}
	return false
}
