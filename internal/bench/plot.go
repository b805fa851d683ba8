package bench

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Size of a picture: a panel for each scenario, beside each other.
const (
	panelWidth  = 14 * vg.Centimeter
	panelHeight = 11 * vg.Centimeter
	margin      = 3 * vg.Millimeter
	resolution  = 144 // dots an inch
)

// logSpan is from where on figures are spread over a logarithmic axis: the
// largest is so many times the smallest.
const logSpan = 8

// CheckPlot reports what is wrong with a file for a picture, before anything is
// measured.
func CheckPlot(path string, scenarios []string) error {
	if _, err := formatOf(path); err != nil {
		return err
	}
	if len(scenarios) > 0 && !slices.Contains(scenarios, Plain) && !slices.Contains(scenarios, Voice) {
		return fmt.Errorf("a plot shows %s or %s, and neither is measured", Plain, Voice)
	}
	return nil
}

func formatOf(path string) (string, error) {
	switch format := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), ".")); format {
	case "svg", "png":
		return format, nil
	default:
		return "", fmt.Errorf("a plot is .svg or .png, not %q", filepath.Ext(path))
	}
}

// Plot draws latency over load: a panel for each scenario under load. The file's
// extension says whether it is SVG or PNG.
func (r *Report) Plot(out io.Writer, path string) error {
	format, err := formatOf(path)
	if err != nil {
		return err
	}
	panels, err := r.panels()
	if err != nil {
		return err
	}
	width := panelWidth * vg.Length(len(panels))
	var canvas vg.CanvasWriterTo = vgsvg.New(width, panelHeight)
	if format == "png" {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, panelHeight), vgimg.UseDPI(resolution))}
	}
	page := draw.New(canvas)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	tiles := draw.Tiles{
		Rows: 1, Cols: len(panels), PadX: 2 * margin, PadTop: margin, PadBottom: margin, PadLeft: margin, PadRight: margin,
	}
	for i, canvas := range plot.Align([][]*plot.Plot{panels}, tiles, page)[0] {
		panels[i].Draw(canvas)
	}
	_, err = canvas.WriteTo(out)
	return err
}

// panels has one plot for each scenario of the series.
func (r *Report) panels() ([]*plot.Plot, error) {
	low, high := math.Inf(1), 0.0 // the panels share an axis
	for _, s := range r.Series {
		for _, pt := range s.Points {
			low, high = min(low, pt.Ms), max(high, pt.Ms)
		}
	}
	var out []*plot.Plot
	for _, scenario := range []string{Plain, Voice} {
		var of []Series
		for _, s := range r.Series {
			if s.Scenario == scenario {
				of = append(of, s)
			}
		}
		if len(of) == 0 {
			continue
		}
		p, err := panel(scenario, of, low, high)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, errors.New("there is nothing to draw: no scenario under load was measured")
	}
	return out, nil
}

// panel draws the series of one scenario. The colour says which stage it is, the
// dashes which percentile.
func panel(scenario string, of []Series, low, high float64) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = map[string]string{Plain: "Tasks over REST", Voice: "Telephone calls"}[scenario]
	p.X.Label.Text = map[string]string{Plain: "tasks at a time", Voice: "calls at a time"}[scenario]
	p.Y.Label.Text = "latency, milliseconds"
	p.BackgroundColor = color.White
	p.Title.Padding = margin
	var loads []int
	for _, s := range of {
		for _, pt := range s.Points {
			loads = append(loads, pt.Load)
		}
	}
	slices.Sort(loads)
	scaleX(p, slices.Compact(loads))
	scaleY(p, low, high)
	p.Add(grid())
	for _, s := range of {
		if err := curve(p, s); err != nil {
			return nil, err
		}
	}
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding, p.Legend.ThumbnailWidth = vg.Millimeter, 9*vg.Millimeter
	for style, size := range map[*draw.TextStyle]vg.Length{
		&p.Title.TextStyle: 13, &p.X.Label.TextStyle: 11, &p.Y.Label.TextStyle: 11, &p.X.Tick.Label: 10, &p.Y.Tick.Label: 10, &p.Legend.TextStyle: 10,
	} {
		style.Font.Variant, style.Font.Size = "Sans", size
	}
	return p, nil
}

// curve adds a series.
func curve(p *plot.Plot, s Series) error {
	var points plotter.XYs
	for _, pt := range s.Points {
		points = append(points, plotter.XY{X: float64(pt.Load), Y: pt.Ms})
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Stage, err)
	}
	c := color.RGBA{R: 0x1f, G: 0x77, B: 0xb4, A: 0xff}
	dots.Shape = draw.CircleGlyph{}
	if s.Stage == StageDone {
		c = color.RGBA{R: 0xd6, G: 0x4f, B: 0x1a, A: 0xff}
		dots.Shape = draw.SquareGlyph{}
	}
	line.Color, dots.Color = c, c
	line.Width, dots.Radius = vg.Points(1.5), vg.Points(2.5)
	line.Dashes = map[int][]vg.Length{90: {vg.Points(6), vg.Points(3)}, 99: {vg.Points(1.5), vg.Points(2.5)}}[s.Percentile]
	p.Add(line, dots)
	p.Legend.Add(fmt.Sprintf("%s, %s", s.Stage, map[int]string{50: "half", 90: "90 of 100", 99: "99 of 100"}[s.Percentile]), line, dots)
	return nil
}

func grid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.Gray{0xdd}, color.Gray{0xdd}
	return g
}

// scaleX has a tick at each load that was measured, at equal steps when each is
// twice the one before.
func scaleX(p *plot.Plot, loads []int) {
	var ticks plot.ConstantTicks
	for _, l := range loads {
		ticks = append(ticks, plot.Tick{Value: float64(l), Label: strconv.Itoa(l)})
	}
	p.X.Tick.Marker = ticks
	first, last := float64(loads[0]), float64(loads[len(loads)-1])
	p.X.Scale = plot.LogScale{}
	p.X.Min, p.X.Max = first/1.15, last*1.15
}

// scaleY leaves room for the legend above the curves.
func scaleY(p *plot.Plot, low, high float64) {
	low = max(low, 0.01)
	high = max(high, low)
	if high/low < logSpan {
		p.Y.Min, p.Y.Max = 0, high*1.6
		return
	}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	p.Y.Min = low / 1.3
	p.Y.Max = high * math.Pow(high/low, 0.3)
}

// logTicks are 1, 2 and 5 of each power of ten.
func logTicks(low, high float64) []plot.Tick {
	var out []plot.Tick
	for decade := math.Pow(10, math.Floor(math.Log10(low))); decade <= high; decade *= 10 {
		for _, step := range []float64{1, 2, 5} {
			if v := decade * step; v >= low && v <= high {
				out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
			}
		}
	}
	return out
}
