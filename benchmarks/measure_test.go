package benchmarks_test

import (
	"slices"
	"testing"
	"time"
)

// baseline is what an operation is held against.
type baseline struct {
	name string
	op   func()
}

// measure returns a benchmark of op that also reports, as x-NAME, how many
// times as long op takes as each baseline. Its ns/op is a median too, and not
// the mean, in which the time that other programs took would show.
func measure(op func(), baselines ...baseline) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			op()
		}
		t, ratios := compare(op, baselines, b.Elapsed())
		b.ReportMetric(t, "ns/op")
		for i, x := range ratios {
			b.ReportMetric(x, "x-"+baselines[i].name)
		}
	}
}

// compare runs op and the baselines by turns for about as long as it is told,
// in rounds that are much shorter than what disturbs a measurement (a change
// of clock speed, a neighbour on the machine). It returns the medians of the
// rounds: op's time in nanoseconds, and its ratio to each baseline's. Two
// benchmarks that run one after the other, seconds apart, give no such ratio.
func compare(op func(), baselines []baseline, total time.Duration) (float64, []float64) {
	const rounds = 51 // at least
	opTime := timesOf(op)
	baseTimes := make([]func() float64, len(baselines))
	for i, base := range baselines {
		baseTimes[i] = timesOf(base.op)
	}
	var times []float64
	found := make([][]float64, len(baselines))
	for begin := time.Now(); len(times) < rounds || time.Since(begin) < total; {
		t := opTime()
		times = append(times, t)
		for i, baseTime := range baseTimes {
			found[i] = append(found[i], t/baseTime())
		}
	}
	ratios := make([]float64, len(baselines))
	for i := range found {
		ratios[i] = median(found[i])
	}
	return median(times), ratios
}

// timesOf returns a function that measures how long op takes, in a round of as
// many runs as make its beginning and end count for nothing.
func timesOf(op func()) func() float64 {
	const round = 50 * time.Microsecond
	timeOf := func(n int) time.Duration {
		begin := time.Now()
		for range n {
			op()
		}
		return time.Since(begin)
	}
	n := 1
	for timeOf(n) < round {
		n *= 2
	}
	return func() float64 { return float64(timeOf(n)) / float64(n) }
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
