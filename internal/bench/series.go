package bench

// Series is how a percentile of a stage's latency goes with the load.
type Series struct {
	Scenario   string  `json:"scenario"`
	Stage      string  `json:"stage"`
	Percentile int     `json:"percentile"`
	Points     []Point `json:"points"`
}

// Point is a median of the rounds: milliseconds at so many Tasks, or calls, at
// a time.
type Point struct {
	Load int     `json:"at_a_time"`
	Ms   float64 `json:"ms"`
}

// drawn has the stages of each scenario that are drawn: how long somebody waits
// for an agent, and how long it all takes.
func drawn() map[string][]string {
	return map[string][]string{Plain: {StageOffer, StageDone}, Voice: {StageRing, StageDone}}
}

// series are those of the scenarios that were measured, in a steady order.
func (r *Report) series() []Series {
	var out []Series
	for _, l := range r.loads() {
		for _, stage := range drawn()[l.name] {
			for _, percentile := range []int{50, 90, 99} {
				s := Series{Scenario: l.name, Stage: stage, Percentile: percentile}
				for _, m := range l.result.Medians {
					if sp := m.Stages[stage]; sp.Count > 0 {
						s.Points = append(s.Points, Point{m.Concurrency, map[int]float64{50: sp.P50, 90: sp.P90, 99: sp.P99}[percentile]})
					}
				}
				if len(s.Points) > 0 {
					out = append(out, s)
				}
			}
		}
	}
	return out
}
