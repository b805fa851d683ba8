package dispatch_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// watching remembers what an observer is told.
type watching struct {
	mu           sync.Mutex
	commands     []error
	took         time.Duration
	transactions []dispatch.Transaction
}

func (w *watching) CommandDone(took time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands, w.took = append(w.commands, err), took
}

func (w *watching) TransactionDone(t dispatch.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.transactions = append(w.transactions, t)
}

// take returns what was told since the last time.
func (w *watching) take() (commands []error, transactions []dispatch.Transaction) {
	w.mu.Lock()
	defer w.mu.Unlock()
	commands, transactions = w.commands, w.transactions
	w.commands, w.transactions = nil, nil
	return commands, transactions
}

func TestObserver(t *testing.T) {
	w := &watching{}
	b := office(t, func(s *settings) { s.options.Observer = w })
	b.worker("Ann", "{}")
	w.take()

	b.task()
	commands, transactions := w.take()
	require.Equal(t, []error{nil}, commands)
	require.Len(t, transactions, 1)
	done := transactions[0]
	require.NoError(t, done.Err)
	require.Equal(t, 1, done.Commands)
	require.Contains(t, done.Events, taskrouter.TaskCreated)
	require.Contains(t, done.Events, taskrouter.ReservationWasCreated)
	require.Positive(t, done.LockWait)
	require.GreaterOrEqual(t, done.Took, done.LockWait)
	require.GreaterOrEqual(t, w.took, done.Took, "the command's time includes its transaction")
}

func TestObserverIsToldOfFailures(t *testing.T) {
	w := &watching{}
	b := office(t, func(s *settings) { s.options.Observer = w })
	w.take()

	err := b.d.DeleteTask(b.ctx, dispatch.Subject{AccountSID: b.account, WorkspaceSID: taskrouter.NewSID(taskrouter.PrefixWorkspace), SID: taskrouter.NewSID(taskrouter.PrefixTask)})
	require.Error(t, err)
	commands, transactions := w.take()
	require.Len(t, commands, 1)
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(commands[0]))
	require.Len(t, transactions, 1)
	require.Error(t, transactions[0].Err)
	require.Empty(t, transactions[0].Events)
}
