package openapi

// Tables lists the tables of words and facts by what their keys name: members
// of bodies, parameters of operations, schemas, or tags.
func Tables() (members, parameters, schemas, tags map[string]string) {
	members, parameters = map[string]string{}, map[string]string{}
	for key, text := range fieldWords {
		members[key] = text
	}
	for _, flags := range []map[string]bool{neverNull, nullableMembers, moments} {
		for key := range flags {
			members[key] += ""
		}
	}
	for key, text := range parameterWords {
		parameters[key] = text
	}
	for key := range defaults {
		parameters[key] += ""
	}
	return members, parameters, schemaWords, tagWords
}
