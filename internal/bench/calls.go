package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdkclient "go.temporal.io/sdk/client"
)

const (
	// menu asks for one key, and waits for it longer than any call may take.
	menu = `{"steps":{"department":{"say":"For support, press 1.","timeout":60,"choices":{"1":{"set":{"department":"support"}}}}},` +
		`"waiting":{"say":"Please hold."},"goodbye":"Thank you for calling."}`
	// wrapUp is how long after-call work may take, in seconds. The agents
	// complete it at once; the deadline is set all the same.
	wrapUp = 60
	// caller is the number everybody calls from.
	caller = "+999000000001"
)

// callCenter is where calls come in: offices with a phone number each, and
// agents with phones.
type callCenter struct {
	ctx      context.Context
	client   *client
	phones   *phones
	temporal sdkclient.Client
	patience time.Duration
	talk     time.Duration
	// stamp is part of numbers and of agents' addresses, which are the
	// router's only ones.
	stamp  string
	prefix string
	work   sync.WaitGroup
	// vain counts phones that rang and led to no conversation.
	vain atomic.Int64

	mu    sync.Mutex
	seats map[string]seat     // by address
	jobs  map[string]*callJob // by the caller's CallSID
	// trouble is what went wrong last before it was known whose call it was.
	trouble error
}

// seat is an agent: a path of the API.
type seat struct{ workspace, worker string }

// callJob is one call on its way.
type callJob struct {
	rang     time.Time
	join     time.Duration
	talked   time.Duration
	complete time.Duration
	finished time.Time
	task     string
	early    bool
	err      error
	taken    atomic.Bool
	done     chan struct{}
}

// desk is an office with a phone number.
type desk struct {
	*callCenter
	number string
}

// openCallCenter connects to the telephones, for offices with so many agents
// each. It ends with close.
func openCallCenter(ctx context.Context, o *Options, c *client, started time.Time) (*callCenter, error) {
	k := &callCenter{
		ctx: ctx, client: c, temporal: o.Temporal, patience: o.Patience, talk: o.Talk,
		stamp: fmt.Sprintf("%09d", started.UnixMilli()%1_000_000_000),
		seats: map[string]seat{}, jobs: map[string]*callJob{},
	}
	k.prefix = "client:bench-" + k.stamp + "-"
	var numbers []string
	for i := range o.Concurrency {
		numbers = append(numbers, k.number(i))
	}
	var err error
	if k.phones, err = listen(ctx, c, mineOnly(k.prefix, numbers), k.ringing); err != nil {
		return nil, err
	}
	if err := k.phones.manual(ctx, k.prefix+"*"); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// number is a phone number nobody has: there is no country 999.
func (k *callCenter) number(i int) string { return fmt.Sprintf("+999%s%02d", k.stamp, i) }

func (k *callCenter) close() {
	k.phones.close()
	k.work.Wait()
}

// desk opens the office of the i-th phone number. What there is of the office is
// returned with an error, too.
func (k *callCenter) desk(ctx context.Context, name string, i, agents int) (*desk, *office, error) {
	address := func(agent int) string { return k.prefix + strconv.Itoa(i) + "-" + strconv.Itoa(agent) }
	o, err := open(ctx, k.client, plan{name: name, agents: agents, attributes: func(agent int) string {
		return fmt.Sprintf(`{"contact_uri":%q}`, address(agent))
	}})
	if err != nil {
		return nil, o, err
	}
	k.mu.Lock()
	for agent, sid := range o.agents {
		k.seats[address(agent)] = seat{o.path, o.path + "/Workers/" + sid}
	}
	k.mu.Unlock()
	_, _, err = k.client.post(ctx, o.path+"/CallQueues", "FriendlyName", "Line", "PhoneNumbers", k.number(i),
		"WorkflowSid", o.workflow, "Menu", menu, "WrapUp", strconv.Itoa(wrapUp))
	return &desk{k, k.number(i)}, o, err
}

// one is a call from the dialling to the end of the wrap-up.
func (d *desk) one(ctx context.Context, t *tally) {
	limit, stop := context.WithTimeout(ctx, d.patience)
	defer stop()
	sid, err := d.phones.dial(limit, caller, d.number)
	if err != nil {
		t.fail(err)
		return
	}
	defer d.phones.forget(sid)
	j := d.job(sid)
	defer d.forget(sid)
	began, err := d.choose(limit, sid)
	if err != nil {
		t.fail(err)
		_ = d.phones.do(ctx, sid, "hangup")
		return
	}
	select {
	case <-limit.Done():
		t.fail(errors.Join(fmt.Errorf("%w: the call %s", errLost, sid), d.lastTrouble()))
		_ = d.phones.do(ctx, sid, "hangup")
		return
	case <-j.done:
	}
	if j.err != nil {
		t.fail(j.err)
		return
	}
	if j.early {
		t.early.Add(1)
	}
	t.stages[StageRing].add(j.rang.Sub(began))
	t.stages[StageJoin].add(j.join)
	t.stages[StageComplete].add(j.complete)
	began = began.Add(j.talked)
	t.stages[StageDone].add(j.finished.Sub(began))
	t.finished(ctx, j.task, began, d.temporal, d.patience)
}

// choose goes through the menu, and says when the last key was pressed.
func (d *desk) choose(ctx context.Context, sid string) (time.Time, error) {
	if _, _, err := d.phones.await(ctx, sid, "the menu listens", func(c call) bool { return c.Listening }); err != nil {
		return time.Time{}, err
	}
	pressed := time.Now()
	return pressed, d.phones.do(ctx, sid, "press", "Digits", "1")
}

// ringing makes the agent whose phone rings answer it.
func (k *callCenter) ringing(leg call, at time.Time) {
	k.mu.Lock()
	s, known := k.seats[leg.To]
	k.mu.Unlock()
	if !known {
		return
	}
	k.work.Go(func() {
		ctx, stop := context.WithTimeout(k.ctx, k.patience)
		defer stop()
		defer k.phones.forget(leg.SID)
		if err := k.serve(ctx, s, leg.SID, at); err != nil {
			k.vain.Add(1)
			k.mu.Lock()
			k.trouble = err
			k.mu.Unlock()
		}
	})
}

// serve answers the phone, and sees the call through. The error is that of a
// phone that came to nothing; the call may ring elsewhere.
func (k *callCenter) serve(ctx context.Context, s seat, leg string, rang time.Time) error {
	answered := time.Now()
	if err := k.phones.do(ctx, leg, "answer"); err != nil {
		return err
	}
	c, joined, err := k.phones.await(ctx, leg, "both are in the room", func(c call) bool { return c.Bridged && len(c.Peers) > 0 })
	if err != nil {
		return err
	}
	j := k.job(c.Peers[0])
	if !j.taken.CompareAndSwap(false, true) {
		// The router has lost sight of the first conversation and made another.
		return k.converse(ctx, s, &callJob{}, leg, c.Peers[0], joined)
	}
	j.rang, j.join = rang, joined.Sub(answered)
	j.err = k.converse(ctx, s, j, leg, c.Peers[0], joined)
	j.finished = time.Now()
	close(j.done)
	return nil
}

// converse talks, ends the call and completes the Task. While they talk the
// agent's screen learns which Task it is. It is the caller who hangs up: when
// that has ended the agent's leg, the router has put the Task into wrap-up.
func (k *callCenter) converse(ctx context.Context, s seat, j *callJob, leg, customer string, joined time.Time) (err error) {
	if j.task, err = k.taskOf(ctx, s.worker); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(k.talk - time.Since(joined)):
	}
	j.talked = time.Since(joined)
	if err := k.phones.do(ctx, customer, "hangup"); err != nil {
		return err
	}
	if _, _, err := k.phones.await(ctx, leg, "the agent's phone is free", func(c call) bool { return c.State == callEnded }); err != nil {
		return err
	}
	path := s.workspace + "/Tasks/" + j.task
	task, took, err := k.client.post(ctx, path, "AssignmentStatus", "completed")
	j.complete, j.early = took, strings.HasPrefix(task.Reason, hungUpEarly)
	if err == nil {
		return nil
	}
	// A router that is behind may have given the join up, and ended the Task.
	var now struct {
		Status string `json:"assignment_status"`
	}
	if k.client.get(ctx, path, &now) == nil && now.Status == "completed" {
		j.early = true
		return nil
	}
	return err
}

// hungUpEarly is the reason of a Task whose caller left before the router knew
// that both were in the room.
const hungUpEarly = "hangup before"

// taskOf reads which Task an agent has accepted.
func (k *callCenter) taskOf(ctx context.Context, worker string) (string, error) {
	var list struct {
		Reservations []struct {
			Task string `json:"task_sid"`
		} `json:"reservations"`
	}
	if err := k.client.get(ctx, worker+"/Reservations?ReservationStatus=accepted", &list); err != nil {
		return "", err
	}
	if len(list.Reservations) != 1 {
		return "", fmt.Errorf("the agent on the phone has %d accepted reservations", len(list.Reservations))
	}
	return list.Reservations[0].Task, nil
}

// job finds or makes the job of a call: the agent may be faster than the answer
// to the caller's dialling.
func (k *callCenter) job(caller string) *callJob {
	k.mu.Lock()
	defer k.mu.Unlock()
	j := k.jobs[caller]
	if j == nil {
		j = &callJob{done: make(chan struct{})}
		k.jobs[caller] = j
	}
	return j
}

func (k *callCenter) forget(caller string) {
	k.mu.Lock()
	delete(k.jobs, caller)
	k.mu.Unlock()
}

func (k *callCenter) lastTrouble() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trouble
}
