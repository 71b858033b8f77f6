package main

import (
	"image"
	"image/color"
	"math"
)

// canvas is a picture on which shapes are drawn with smooth edges. A shape is
// its distance function: the distance of a point from it in pixels, which is
// negative inside. Half a pixel on both sides of the edge is blended.
type canvas struct{ *image.RGBA }

type shape func(x, y float64) float64

func newCanvas(width, height int) canvas {
	return canvas{image.NewRGBA(image.Rect(0, 0, width, height))}
}

// fill draws a shape in one colour, whose alpha counts.
func (c canvas) fill(s shape, col color.RGBA) {
	c.paint(s, func(x, y float64) color.RGBA { return col })
}

// paint draws a shape whose colour depends on the place.
func (c canvas) paint(s shape, at func(x, y float64) color.RGBA) {
	for y := c.Rect.Min.Y; y < c.Rect.Max.Y; y++ {
		for x := c.Rect.Min.X; x < c.Rect.Max.X; x++ {
			px, py := float64(x)+0.5, float64(y)+0.5
			cover := min(max(0.5-s(px, py), 0), 1)
			if cover == 0 {
				continue
			}
			col := at(px, py)
			a := cover * float64(col.A) / 255
			i := c.PixOffset(x, y)
			for k, v := range [3]uint8{col.R, col.G, col.B} {
				c.Pix[i+k] = uint8(float64(c.Pix[i+k])*(1-a) + float64(v)*a + 0.5)
			}
			c.Pix[i+3] = 255
		}
	}
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

func alpha(c color.RGBA, a float64) color.RGBA {
	c.A = uint8(a * 255)
	return c
}

func mix(a, b color.RGBA, t float64) color.RGBA {
	part := func(x, y uint8) uint8 { return uint8(float64(x)*(1-t) + float64(y)*t + 0.5) }
	return color.RGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 255}
}

func everywhere(x, y float64) float64 { return -1 }

// box is a rectangle with round corners.
func box(x0, y0, x1, y1, radius float64) shape {
	cx, cy, hw, hh := (x0+x1)/2, (y0+y1)/2, (x1-x0)/2-radius, (y1-y0)/2-radius
	return func(x, y float64) float64 {
		dx, dy := math.Abs(x-cx)-hw, math.Abs(y-cy)-hh
		return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius
	}
}

// oval is an ellipse; its distance is right to first order, which is enough
// for an edge.
func oval(cx, cy, rx, ry float64) shape {
	return func(x, y float64) float64 {
		dx, dy := (x-cx)/rx, (y-cy)/ry
		k := math.Hypot(dx, dy)
		if k == 0 {
			return -min(rx, ry)
		}
		return (k - 1) * k / math.Hypot(dx/rx, dy/ry)
	}
}

func both(a, b shape) shape { return func(x, y float64) float64 { return max(a(x, y), b(x, y)) } }

func outline(s shape, width float64) shape {
	return func(x, y float64) float64 { return math.Abs(s(x, y)) - width/2 }
}

// arc is a ring from twelve o'clock, clockwise, over a part of the circle.
func arc(cx, cy, radius, width, part float64) shape {
	return func(x, y float64) float64 {
		angle := math.Mod(math.Atan2(x-cx, cy-y)+2*math.Pi, 2*math.Pi)
		d := math.Abs(math.Hypot(x-cx, y-cy)-radius) - width/2
		return max(d, (angle-part*2*math.Pi)*radius)
	}
}

// within is the part of the canvas that a line of the given width can touch.
func (c canvas) within(points [][2]float64, width float64) canvas {
	r := image.Rectangle{}
	for _, p := range points {
		at := image.Pt(int(p[0]), int(p[1]))
		r = r.Union(image.Rectangle{at, at.Add(image.Pt(1, 1))})
	}
	return canvas{c.SubImage(r.Inset(-int(width/2) - 2)).(*image.RGBA)}
}
