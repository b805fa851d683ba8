package workspace

import (
	"maps"
	"slices"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// find returns a resource of the loaded configuration by SID.
func find[T any](all map[string]*T, noun, sid string) (*T, error) {
	if v := all[sid]; v != nil {
		return v, nil
	}
	return nil, taskrouter.NotFoundf("%s %s was not found", noun, sid)
}

// findChannel returns a TaskChannel by SID or unique name.
func findChannel(all map[string]*taskrouter.TaskChannel, key string) (*taskrouter.TaskChannel, error) {
	if c := all[key]; c != nil {
		return c, nil
	}
	if c := channelNamed(all, key); c != nil {
		return c, nil
	}
	return nil, taskrouter.NotFoundf("TaskChannel %s was not found", key)
}

func channelNamed(all map[string]*taskrouter.TaskChannel, name string) *taskrouter.TaskChannel {
	for _, c := range all {
		if c.UniqueName == name {
			return c
		}
	}
	return nil
}

// sorted lists a configuration map by SID, so that refusals and bulk jobs do
// not depend on the order of a map.
func sorted[T any](all map[string]*T) []*T {
	out := make([]*T, 0, len(all))
	for _, sid := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[sid])
	}
	return out
}
