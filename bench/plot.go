package main

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plotCurve draws the cost of lists against the number of rows.
func plotCurve(curve []point, path string) error {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Text = "Cost of a list (median, one connection)"
	p.X.Label.Text, p.Y.Label.Text = "rows", "milliseconds"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Min = 0
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())

	series := map[string]plotter.XYs{}
	var names []string
	highest := 0.0
	for _, at := range curve {
		for name, cost := range at.P50 {
			if series[name] == nil {
				names = append(names, name)
			}
			series[name] = append(series[name], plotter.XY{X: float64(at.Rows), Y: cost})
			highest = max(highest, cost)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		line, points, err := plotter.NewLinePoints(series[name])
		if err != nil {
			return err
		}
		line.Color, points.Color = plotutil.Color(i), plotutil.Color(i)
		line.Width, points.Shape = vg.Points(1.5), draw.CircleGlyph{}
		p.Add(line, points)
		p.Legend.Add(name, line, points)
	}
	p.X.Min, p.X.Max = minRows, float64(max(curve[len(curve)-1].Rows, 10*minRows))
	p.Y.Max = highest * 1.6 // room for the legend
	return p.Save(20*vg.Centimeter, 11*vg.Centimeter, path)
}
