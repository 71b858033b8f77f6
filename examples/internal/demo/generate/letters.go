package main

import (
	"image/color"
	"math"
	"strings"
)

// letters are drawn with a pen of round tip. A letter is a few strokes, apart
// by spaces; a stroke is a row of points, each a digit for x (0 to 4, from the
// left) and one for y (0 to 6, from the top).
var letters = map[rune]string{
	'A': "062046 1434", 'B': "060030414232 03324445361606", 'C': "41301001051636 3645",
	'D': "0600304145360606", 'E': "40000646 0333", 'F': "400006 0333",
	'G': "41301001051636454323", 'H': "0006 4046 0343", 'I': "1030 2026 1636", 'J': "4045361605",
	'K': "0006 400346", 'L': "000646", 'M': "0600234046", 'N': "06004640",
	'O': "103041453616050110", 'P': "0600304142330303", 'Q': "103041453616050110 2446",
	'R': "0600304142330303 2346", 'S': "413010010213334445361605", 'T': "0040 2026",
	'U': "000516364540", 'V': "002640", 'W': "0016233640", 'X': "0046 4006",
	'Y': "002340 2326", 'Z': "00400646",
	'0': "103041453616050110", '1': "012026 0646", '2': "0110304142060646", '3': "0110304142334445361605 1333",
	'4': "36300444", '5': "400002334445361605", '6': "4130100105163645443303", '7': "004016",
	'8': "103041423313020110 133344453616050413", '9': "0516364541301001021343",
	'<': "310335", '-': "1333", '.': "2526", '/': "4006", ':': "2122 2425",
}

// pen writes capital letters, digits and a few signs.
type pen struct {
	size  float64 // height of a letter in pixels
	width float64 // of the stroke
	col   color.RGBA
}

func (p pen) advance() float64 { return p.size }

// textWidth is how wide a text becomes, from the first stroke to the last.
func (p pen) textWidth(s string) float64 {
	return p.advance()*float64(len([]rune(s))-1) + p.size*4/6
}

// write draws a text whose upper left corner is at x, y.
func (p pen) write(c canvas, x, y float64, text string) {
	unit := p.size / 6
	for i, r := range []rune(strings.ToUpper(text)) {
		left := x + float64(i)*p.advance()
		for _, stroke := range strings.Fields(letters[r]) {
			var points [][2]float64
			for k := 0; k+1 < len(stroke); k += 2 {
				points = append(points, [2]float64{
					left + float64(stroke[k]-'0')*unit, y + float64(stroke[k+1]-'0')*unit,
				})
			}
			c.within(points, p.width).fill(line(points, p.width), p.col)
		}
	}
}

// line is a row of segments, drawn with a round tip.
func line(points [][2]float64, width float64) shape {
	return func(x, y float64) float64 {
		nearest := math.Inf(1)
		for i := 1; i < len(points); i++ {
			a, b := points[i-1], points[i]
			dx, dy := b[0]-a[0], b[1]-a[1]
			t := 0.0
			if dx != 0 || dy != 0 {
				t = min(max(((x-a[0])*dx+(y-a[1])*dy)/(dx*dx+dy*dy), 0), 1)
			}
			nearest = min(nearest, math.Hypot(x-a[0]-t*dx, y-a[1]-t*dy))
		}
		return nearest - width/2
	}
}
