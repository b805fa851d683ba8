package devserver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/dynamicconfig"
)

// TestSettingsSettle holds what costs every run a millisecond to the moments
// after something was registered.
func TestSettingsSettle(t *testing.T) {
	forced := dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key()
	interval := dynamicconfig.NamespaceCacheRefreshInterval.Key()
	for name, registered := range map[string]bool{"nothing registered": false, "something registered": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSettings()
			require.Equal(t, true, s.GetValue(forced)[0].Value)
			require.Equal(t, freshInterval, s.GetValue(interval)[0].Value)
			s.settle(registered)
			require.Equal(t, registered, s.GetValue(forced) != nil, "until all services have read it")
			require.Eventually(t, func() bool { return s.GetValue(forced) == nil && s.GetValue(interval) == nil },
				10*freshFor, 10*time.Millisecond, "the defaults")
			require.NotEmpty(t, s.GetValue(dynamicconfig.HistoryRPS.Key()), "the others stay")
		})
	}
}
