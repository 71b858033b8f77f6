package main

import (
	"fmt"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
)

// The film is as short as a film with several segments can be.
const (
	filmWidth, filmHeight = 320, 180
	framesPerSecond       = 12
	segmentSeconds        = 2
	segments              = 4
)

// film draws the frames, from which ffmpeg makes an HLS playlist of fragmented
// MP4 (RFC 8216, section 3.3).
func film(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgba",
		"-s", fmt.Sprintf("%dx%d", filmWidth, filmHeight), "-r", fmt.Sprint(framesPerSecond), "-i", "-",
		"-c:v", "libx264", "-profile:v", "baseline", "-level", "1.3", "-pix_fmt", "yuv420p", "-preset", "veryslow", "-crf", "27",
		"-g", fmt.Sprint(framesPerSecond*segmentSeconds), "-sc_threshold", "0", "-map_metadata", "-1", "-fflags", "+bitexact",
		"-f", "hls", "-hls_time", fmt.Sprint(segmentSeconds), "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4",
		"-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", filepath.Join(dir, "segment-%d.m4s"),
		filepath.Join(dir, "playlist.m3u8"))
	cmd.Stderr = os.Stderr
	frames, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for n := range framesPerSecond * segmentSeconds * segments {
		if _, err := frames.Write(frame(n).Pix); err != nil {
			return err
		}
	}
	frames.Close()
	return cmd.Wait()
}

// frame draws a clock that runs round once in each segment.
func frame(n int) canvas {
	c := newCanvas(filmWidth, filmHeight)
	const perSegment = framesPerSecond * segmentSeconds
	segment, part := n/perSegment, float64(n%perSegment+1)/perSegment
	top, bottom := rgb(0x15393A), rgb(0x0B1B26)
	c.paint(everywhere, func(x, y float64) color.RGBA { return mix(top, bottom, y/filmHeight) })
	c.fill(arc(90, 90, 46, 10, 1), rgb(0x24504F))
	c.fill(arc(90, 90, 46, 10, part), rgb(0x5FD0B8))
	digit := pen{34, 5, rgb(0xFFFFFF)}
	digit.write(c, 90-digit.textWidth("0")/2, 73, fmt.Sprint(segment+1))
	pen{13, 1.8, rgb(0x9AD9CD)}.write(c, 168, 62, "SEGMENT")
	pen{13, 1.8, rgb(0xFFFFFF)}.write(c, 168, 84, fmt.Sprintf("%d OF %d", segment+1, segments))
	for i := range segments {
		col := rgb(0x24504F)
		if i <= segment {
			col = rgb(0x5FD0B8)
		}
		x := 168 + float64(i)*30
		c.fill(box(x, 110, x+22, 117, 3), col)
	}
	return c
}
