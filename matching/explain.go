package matching

// Obstacles lists everything that keeps a candidate from the Task, in the
// order Check looks at it; none for one that fits. It asks Check again and
// again, each time as if what was found before were out of the way, so that
// an explanation never differs from the decision. What only the rules know
// comes last and is one reason.
func (d *Demand) Obstacles(c Candidate) []Reason {
	var out []Reason
	for {
		why := d.Check(&c)
		if why == Fits {
			return out
		}
		out = append(out, why)
		switch why {
		case HoldsTaskAlready:
			c.HoldsTask = false
		case ActivityAway:
			c.ActivityAvailable = true
		case ChannelOff:
			c.ChannelAvailable = true
		case NoCapacity:
			c.Used = c.Capacity - 1
		case Busy:
			c.Open = 0
		default: // the rules have spoken
			return out
		}
	}
}

// codes name the reasons for programs.
var codes = map[Reason]string{
	Fits: "fits", NotMember: "not_a_member", NotKnownWorker: "not_the_known_worker", ActivityAway: "activity_not_available",
	ChannelOff: "channel_not_available", NoCapacity: "no_capacity", HoldsTaskAlready: "has_an_offer", Busy: "busy",
	RuleSaysNo: "expression_false", RuleFailed: "expression_failed", Outranked: "outranked",
}

// Code is the reason as one word, which does not change between releases.
func (r Reason) Code() string { return codes[r] }
