package dispatch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func cachedClass(c *classCache, key string) *classRule {
	r := &classRule{DemandClass: &DemandClass{Key: key}}
	c.keep(r)
	return r
}

func agentCalled(name string, attributes taskrouter.Attributes) *Agent {
	return &Agent{Worker: &taskrouter.Worker{SID: "WK1", FriendlyName: name, Attributes: attributes}}
}

func TestVerdictsAreOfOneAgentAsTheyAre(t *testing.T) {
	t.Parallel()
	var c classCache
	a, b := cachedClass(&c, "a"), cachedClass(&c, "b")
	v := c.verdictsOf(agentCalled("Ann", `{"n":1}`))
	_, decided := v.get(a)
	require.False(t, decided)
	v.put(a, matching.Fits)
	v.put(b, matching.RuleSaysNo)
	later := cachedClass(&c, "later")
	v.put(later, matching.NotKnownWorker)

	v = c.verdictsOf(agentCalled("Ann", `{"n":1}`))
	for r, want := range map[*classRule]bool{a: true, b: false, later: false} {
		fits, decided := v.get(r)
		require.True(t, decided, r.Key)
		require.Equal(t, want, fits, r.Key)
	}
	for _, other := range []*Agent{
		agentCalled("Bob", `{"n":1}`), agentCalled("Ann", `{"n":2}`),
		{Worker: &taskrouter.Worker{SID: "WK2", FriendlyName: "Ann", Attributes: `{"n":1}`}},
	} {
		_, decided = c.verdictsOf(other).get(a)
		require.False(t, decided, "%+v", other.Worker)
	}
	_, decided = c.verdictsOf(agentCalled("Ann", `{"n":1}`)).get(a)
	require.False(t, decided, "what was said of an agent under the former name and attributes is forgotten")
}

// A rule that failed may have been out of time: that is no answer.
func TestFailureIsNoVerdict(t *testing.T) {
	t.Parallel()
	var c classCache
	a := cachedClass(&c, "a")
	v := c.verdictsOf(agentCalled("Ann", `{}`))
	v.put(a, matching.RuleFailed)
	_, decided := v.get(a)
	require.False(t, decided)
}

// Places are given anew when the cache was full: nobody's answer may be taken
// for that to another class.
func TestVerdictsEndWithTheirShelf(t *testing.T) {
	t.Parallel()
	var c classCache
	first := cachedClass(&c, "first")
	held := c.verdictsOf(agentCalled("Ann", `{}`))
	held.put(first, matching.Fits)
	for i := range maxClassRules - 1 {
		cachedClass(&c, fmt.Sprint(i))
	}
	found, missing := c.find([]string{"first", "none"})
	require.Equal(t, []*classRule{first}, found)
	require.Equal(t, []string{"none"}, missing)
	next := cachedClass(&c, "next")
	require.Equal(t, first.place, next.place)
	_, missing = c.find([]string{"first"})
	require.Equal(t, []string{"first"}, missing)

	for _, v := range []*verdicts{held, c.verdictsOf(agentCalled("Ann", `{}`))} {
		_, decided := v.get(next)
		require.False(t, decided)
	}
	held.put(next, matching.Fits)
	_, decided := held.get(next)
	require.False(t, decided, "answers of before are not added to")
	v := c.verdictsOf(agentCalled("Ann", `{}`))
	v.put(first, matching.Fits)
	_, decided = v.get(next)
	require.False(t, decided, "nor those to a class of before")
}

func TestVerdictsAreBounded(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]taskrouter.Attributes{"many classes": `{}`, "long attributes": taskrouter.Attributes(strings.Repeat("x", 8000))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c classCache
			classes := maxClassRules
			if name != "many classes" {
				classes = 1
			}
			for i := range classes {
				cachedClass(&c, fmt.Sprint(i))
			}
			r := c.rules["0"]
			each := classes + len(attributes)
			for i := range 3 * maxVerdicts / each {
				a := agentCalled("Ann", attributes)
				a.SID = fmt.Sprint(i)
				c.verdictsOf(a).put(r, matching.Fits)
				require.LessOrEqual(t, len(c.verdicts), maxVerdicts/each+1)
			}
		})
	}
}

func TestSamplesAreBounded(t *testing.T) {
	t.Parallel()
	var c classCache
	sample := taskrouter.Attributes(strings.Repeat("x", 4096))
	for i := range 3 * maxSamples / len(sample) {
		c.keep(&classRule{DemandClass: &DemandClass{Key: fmt.Sprint(i), Sample: sample}})
		require.LessOrEqual(t, len(c.rules), maxSamples/len(sample)+2)
	}
}
