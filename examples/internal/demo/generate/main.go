// Command generate draws the pictures that the demonstration serves: identity
// cards of people who do not exist, the pages of a contract, and the frames of
// a short film. They are committed; run it again only to change them:
//
//	go generate ./examples/internal/demo
//
// The film needs ffmpeg; without it, it stays as it is.
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: generate DIRECTORY")
	}
	dir := os.Args[1]
	for _, p := range people {
		save(filepath.Join(dir, "cards", p.file), p.card())
	}
	for n := 1; n <= pages; n++ {
		save(filepath.Join(dir, "contract", fmt.Sprintf("page-%02d.png", n)), page(n))
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		log.Print("no ffmpeg: the film stays as it is")
		return
	}
	if err := film(filepath.Join(dir, "film")); err != nil {
		log.Fatal(err)
	}
}

func save(name string, c canvas) {
	var b bytes.Buffer
	var err error
	if strings.HasSuffix(name, ".png") {
		err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, gray(c))
	} else {
		err = jpeg.Encode(&b, c, &jpeg.Options{Quality: 86})
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(name), 0o755)
	}
	if err == nil {
		err = os.WriteFile(name, b.Bytes(), 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// person is the fictitious holder of a card.
type person struct {
	file                    string
	surname, given          string
	born, number, code      string
	ground, accent          uint32
	skin, hair, shirt, back uint32
	style                   int // of the hair
}

var people = []person{
	{"ada.jpg", "LINDQVIST", "ADA", "14.03.1991", "LX 402 118", "910314F", 0xEAF3F1, 0x1F6F68, 0xF0C7A4, 0x7A3E1D, 0x1F6F68, 0xBFE0DA, 0},
	{"tomas.jpg", "FERRANTE", "TOMAS", "02.11.1984", "LX 377 905", "841102M", 0xEEF0FA, 0x3B4FA3, 0xE3B08A, 0x23201F, 0x34406F, 0xC8D0F2, 1},
	{"nia.jpg", "OKORO", "NIA", "27.07.1996", "LX 441 260", "960727F", 0xFBF0E6, 0xB4552D, 0x8A5A3C, 0x1E1513, 0xD98A3D, 0xF4D3B5, 2},
}

func (p person) card() canvas {
	const w, h = 640, 404
	c := newCanvas(w, h)
	ground, accent := rgb(p.ground), rgb(p.accent)
	c.paint(everywhere, func(x, y float64) color.RGBA {
		return mix(ground, mix(ground, accent, 0.22), (x/w+y/h)/2)
	})
	// The fine waves that are hard to copy on real cards.
	for i := range 26 {
		fi := float64(i)
		c.fill(func(x, y float64) float64 {
			wave := 96 + fi*11 + 26*math.Sin(x/74+fi*0.21) + 12*math.Sin(x/31-fi*0.37)
			return (math.Abs(y-wave) - 0.55) * 0.9
		}, alpha(accent, 0.13))
	}
	c.fill(box(-20, -20, w+20, 66, 0), accent)
	pen{20, 2.6, rgb(0xFFFFFF)}.write(c, 32, 23, "IDENTITY CARD")
	place := pen{11, 1.5, rgb(0xFFFFFF)}
	place.write(c, w-32-place.textWidth("FREE CITY OF LINDEN"), 29, "FREE CITY OF LINDEN")

	portrait := box(32, 92, 202, 304, 10)
	c.fill(portrait, rgb(p.back))
	p.face(c, portrait)
	c.fill(outline(portrait, 2), alpha(accent, 0.7))

	label := pen{8, 1.15, accent}
	value := pen{17, 2.1, rgb(0x1B2430)}
	for i, f := range [][2]string{{"SURNAME", p.surname}, {"GIVEN NAME", p.given}, {"DATE OF BIRTH", p.born}, {"CARD NUMBER", p.number}} {
		y := 100 + float64(i)*53
		label.write(c, 230, y, f[0])
		value.write(c, 230, y+16, f[1])
	}
	// A seal, as a hologram would be.
	for i := range 9 {
		c.fill(func(x, y float64) float64 {
			a := math.Atan2(y-150, x-550)
			return math.Abs(math.Hypot(x-550, y-150)-(20+float64(i)*4)-4*math.Sin(a*8+float64(i)*0.8)) - 0.7
		}, alpha(accent, 0.55))
	}
	specimen := pen{12, 1.6, alpha(accent, 0.85)}
	specimen.write(c, 550-specimen.textWidth("SPECIMEN")/2, 226, "SPECIMEN")

	c.fill(box(-20, 322, w+20, h+20, 0), alpha(rgb(0xFFFFFF), 0.72))
	machine := pen{15.2, 1.9, rgb(0x1B2430)}
	line := func(s string) string { return (s + strings.Repeat("<", 36))[:36] }
	machine.write(c, 34, 338, line("ID<LIN"+strings.ReplaceAll(p.number, " ", "")+"<<"+p.code))
	machine.write(c, 34, 368, line(p.surname+"<<"+p.given))
	return c
}

// face draws head and shoulders inside the portrait.
func (p person) face(c canvas, frame shape) {
	in := func(s shape, col color.RGBA) { c.fill(both(frame, s), col) }
	skin, hair := rgb(p.skin), rgb(p.hair)
	const x, y = 117, 182
	switch p.style { // the hair behind the head
	case 0:
		in(oval(x, y-2, 56, 66), hair)
		in(box(x-56, y-4, x+56, y+78, 26), hair)
	case 2:
		for i := range 14 {
			a := float64(i) / 14 * 2 * math.Pi
			in(oval(x+44*math.Cos(a), y-22+40*math.Sin(a), 25, 25), hair)
		}
		in(oval(x, y-22, 50, 48), hair)
	}
	in(oval(x, 318, 82, 64), rgb(p.shirt))
	in(box(x-17, y+30, x+17, y+86, 16), mix(skin, rgb(0x000000), 0.14))
	in(oval(x, y, 41, 52), skin)
	switch p.style { // and before it
	case 0:
		in(both(oval(x, y-12, 45, 50), func(px, py float64) float64 { return py - (y - 22) + (px-x+30)*0.22 }), hair)
	case 1:
		in(both(oval(x, y-8, 44, 52), func(px, py float64) float64 { return py - (y - 26) - 6*math.Sin((px-x)/12) }), hair)
		in(both(both(oval(x, y+1, 42, 53), func(px, py float64) float64 { return (y + 14) - py }),
			func(px, py float64) float64 { return -oval(x, y+8, 31, 32)(px, py) }), hair)
	case 2:
		in(both(oval(x, y-14, 43, 46), func(px, py float64) float64 { return py - (y - 32) - (px-x)*(px-x)/90 }), hair)
	}
	ink := rgb(0x2A1D18)
	for _, side := range []float64{-1, 1} {
		in(oval(x+side*16, y-2, 3.6, 4.4), ink)
		in(line([][2]float64{{x + side*10, y - 13}, {x + side*22, y - 14}}, 2.4), alpha(hair, 0.9))
	}
	in(line([][2]float64{{x, y}, {x - 3, y + 12}, {x + 2, y + 13}}, 1.8), alpha(ink, 0.45))
	smile := [][2]float64{}
	for i := range 9 {
		t := float64(i)/4 - 1
		smile = append(smile, [2]float64{x + 12*t, y + 28 - 4*t*t})
	}
	in(line(smile, 2.4), alpha(rgb(0x7A2E22), 0.85))
}

const pages = 12

// page draws a page of a contract that says nothing.
func page(n int) canvas {
	const w, h = 180, 240
	c := newCanvas(w, h)
	random := rand.New(rand.NewPCG(7, uint64(n)))
	c.fill(everywhere, rgb(0xFBFBFA))
	text := rgb(0x9AA3AD)
	y := 22.0
	if n == 1 {
		pen{11, 1.6, rgb(0x3C4650)}.write(c, 20, 30, "CONTRACT")
		y = 62
	}
	for y < 206 {
		for range 3 + random.IntN(4) {
			if y > 206 {
				break
			}
			c.fill(box(20, y, 118+42*random.Float64(), y+3, 1.5), text)
			y += 8
		}
		y += 8
	}
	if n == pages {
		c.fill(box(16, 150, 164, 212, 0), rgb(0xFBFBFA))
		scrawl := [][2]float64{}
		for i := range 60 {
			t := float64(i) / 59
			scrawl = append(scrawl, [2]float64{34 + 92*t + 7*math.Cos(t*31), 180 - 13*math.Sin(t*37)*(1-t*0.6)})
		}
		c.fill(line(scrawl, 1.6), rgb(0x20304F))
		c.fill(box(30, 199, 140, 200.4, 0), rgb(0x6A737C))
	}
	number := fmt.Sprint(n)
	p := pen{8, 1.1, rgb(0x6A737C)}
	p.write(c, w/2-p.textWidth(number)/2, 223, number)
	return c
}

// gray makes pages small: they have no colour, and 16 shades are enough.
func gray(c canvas) image.Image {
	palette := make(color.Palette, 16)
	for i := range palette {
		palette[i] = color.Gray{uint8(i * 17)}
	}
	out := image.NewPaletted(c.Rect, palette)
	for y := range c.Rect.Dy() {
		for x := range c.Rect.Dx() {
			out.Set(x, y, c.At(x, y))
		}
	}
	return out
}
