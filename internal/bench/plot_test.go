package bench

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
)

// drawnReport has latencies that span several powers of ten.
func drawnReport() *Report {
	at := func(c int, first, done float64, stage string) Stretch {
		return Stretch{Concurrency: c, Stages: map[string]Spread{
			stage: {Count: 9, P50: first, P90: 2 * first, P99: 5 * first}, StageDone: {Count: 9, P50: done, P90: 2 * done, P99: 4 * done},
		}}
	}
	r := &Report{
		Plain: &LoadResult{Medians: []Stretch{at(16, 20, 540, StageOffer), at(32, 1000, 1100, StageOffer), at(64, 2300, 2337, StageOffer)}},
		Voice: &LoadResult{Medians: []Stretch{at(16, 300, 900, StageRing), at(64, 400, 1000, StageRing)}},
	}
	r.Series = r.series()
	return r
}

func TestAPlotIsAPicture(t *testing.T) {
	r := drawnReport()
	var svg bytes.Buffer
	require.NoError(t, r.Plot(&svg, "x.svg"))
	for _, text := range []string{"Tasks over REST", "Telephone calls", "tasks at a time", "latency, milliseconds", "offer, half", "done, 99 of 100", "ring, 90 of 100"} {
		require.Contains(t, svg.String(), text)
	}
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
	}
	var picture bytes.Buffer
	require.NoError(t, r.Plot(&picture, "x.PNG"))
	img, err := png.Decode(&picture)
	require.NoError(t, err)
	require.Greater(t, img.Bounds().Dx(), img.Bounds().Dy())
}

func TestOnePointIsDrawn(t *testing.T) {
	r := &Report{Series: []Series{{Plain, StageOffer, 50, []Point{{8, 0}}}}}
	require.NoError(t, r.Plot(&bytes.Buffer{}, "x.svg"))
	require.Error(t, (&Report{}).Plot(&bytes.Buffer{}, "x.svg"), "nothing to draw")
}

func TestPlotsAreCheckedBefore(t *testing.T) {
	require.NoError(t, CheckPlot("a/b.svg", nil))
	require.NoError(t, CheckPlot("b.PNG", []string{Idle, Voice}))
	require.ErrorContains(t, CheckPlot("b.pdf", nil), ".pdf")
	require.Error(t, CheckPlot("b", nil))
	require.ErrorContains(t, CheckPlot("b.svg", []string{Idle, Burst}), Plain)
}

func TestAxes(t *testing.T) {
	labels := func(ticks []plot.Tick) (out []string) {
		for _, x := range ticks {
			out = append(out, x.Label)
		}
		return out
	}
	require.Equal(t, []string{"10", "20", "50", "100", "200"}, labels(logTicks(9, 300)))
	require.Equal(t, []string{"0.5", "1", "2"}, labels(logTicks(0.4, 2)))

	near, far := plot.New(), plot.New()
	scaleY(near, 100, 300)
	require.IsType(t, plot.LinearScale{}, near.Y.Scale)
	require.Zero(t, near.Y.Min)
	scaleY(far, 10, 3000)
	require.IsType(t, plot.LogScale{}, far.Y.Scale)
	require.Greater(t, far.Y.Max, 3000.0)
}
