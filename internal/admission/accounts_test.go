package admission

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// hands is a clock moved by hand.
type hands struct{ at time.Time }

func newHands() *hands { return &hands{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (h *hands) now() time.Time { return h.at }

func (h *hands) move(d time.Duration) { h.at = h.at.Add(d) }

func TestAccountRate(t *testing.T) {
	clock := newHands()
	d := New(Options{Everybody: Limits{PerSecond: 10}, Accounts: map[string]Limits{"slow": {PerSecond: 1}, "free": {}}, Now: clock.now})
	let := func(sid string, n int) (in int) {
		for range n {
			done, err := d.Account(sid)
			if err != nil {
				r := refused(t, err, AccountRate)
				require.Equal(t, taskrouter.KindCapacity, r.Public.Kind)
				require.Positive(t, r.After)
				require.LessOrEqual(t, r.After, time.Second)
				continue
			}
			done()
			in++
		}
		return in
	}
	require.Equal(t, 10, let("a", 50))
	require.Equal(t, 10, let("b", 50), "each for itself")
	require.Equal(t, 1, let("slow", 50))
	require.Equal(t, 500, let("free", 500))
	clock.move(300 * time.Millisecond)
	require.Equal(t, 3, let("a", 50), "who is refused does not pay")
	require.Zero(t, let("slow", 50))
	clock.move(time.Hour)
	require.Equal(t, 10, let("a", 50))
}

func TestAccountConcurrency(t *testing.T) {
	d := New(Options{Everybody: Limits{Concurrent: 2}})
	first, err := d.Account("a")
	require.NoError(t, err)
	second, err := d.Account("a")
	require.NoError(t, err)
	_, err = d.Account("a")
	require.Equal(t, "Too many requests: the account may have 2 in work at a time", refused(t, err, AccountConcurrency).Error())
	other, err := d.Account("b")
	require.NoError(t, err)
	other()
	first()
	third, err := d.Account("a")
	require.NoError(t, err)
	second()
	third()
}

// desk counts waiting tasks as a database does: it knows what was committed
// when it was asked.
type desk struct {
	waiting, asked int
	fault          error
}

func (d *desk) count(context.Context, string) (int, error) {
	d.asked++
	return d.waiting, d.fault
}

func TestAccountWaiting(t *testing.T) {
	clock, desk := newHands(), &desk{waiting: 7}
	d := New(Options{Everybody: Limits{Waiting: 10}, Accounts: map[string]Limits{"free": {PerSecond: 1000}}, CountWaiting: desk.count, Now: clock.now})
	begin := func() func(bool) {
		t.Helper()
		done, err := d.Create(t.Context(), "a")
		require.NoError(t, err)
		return done
	}
	full := func() {
		t.Helper()
		_, err := d.Create(t.Context(), "a")
		require.Equal(t, afterWaiting, refused(t, err, AccountWaiting).After)
	}
	made := func(done func(bool)) {
		desk.waiting++
		done(true)
	}
	one, two := begin(), begin()
	made(one)
	three := begin()
	full()
	require.Equal(t, 1, desk.asked, "once for all")
	two(false)
	made(begin())
	full()

	clock.move(countAgain)
	desk.waiting-- // an agent took one
	made(begin())
	require.Equal(t, 2, desk.asked, "the limit seemed to be reached")
	full()
	require.Equal(t, 2, desk.asked)
	made(three)
	clock.move(countEvery)
	full()
	require.Equal(t, []int{10, 3}, []int{desk.waiting, desk.asked}, "exactly as many as may wait")

	desk.waiting = 0
	desk.fault = errors.New("the database is away")
	clock.move(countEvery)
	full()
	desk.fault = nil
	clock.move(countEvery)
	begin()(false)

	for range 100 {
		_, err := d.Create(t.Context(), "free")
		require.NoError(t, err)
	}
	d = New(Options{Everybody: Limits{Waiting: 1}})
	for range 10 {
		_, err := d.Create(t.Context(), "a")
		require.NoError(t, err, "nobody counts")
	}
}

// The first count is waited for: nobody is let in on a guess.
func TestFirstCount(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	d := New(Options{Everybody: Limits{Waiting: 1}, CountWaiting: func(context.Context, string) (int, error) {
		close(asked)
		<-answer
		return 1, nil
	}})
	errs := make(chan error, 5)
	for range cap(errs) {
		go func() {
			_, err := d.Create(t.Context(), "a")
			errs <- err
		}()
	}
	<-asked
	require.Empty(t, errs)
	close(answer)
	for range cap(errs) {
		refused(t, <-errs, AccountWaiting)
	}
}

func TestAccountsAreForgotten(t *testing.T) {
	d := New(Options{Everybody: Limits{Concurrent: 1}})
	_, err := d.Account("busy")
	require.NoError(t, err)
	for i := range 3 * maxAccounts {
		done, err := d.Account(fmt.Sprint("AC", i))
		require.NoError(t, err)
		done()
		require.LessOrEqual(t, len(d.accounts.known), maxAccounts)
	}
	_, err = d.Account("busy")
	refused(t, err, AccountConcurrency)
}

func TestReasons(t *testing.T) {
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		require.False(t, seen[r])
		seen[r] = true
	}
	require.Len(t, seen, 10)
}
