package video_test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

// Some tests let a thing happen at each call that the product makes, or in each of many ways. That takes long, and
// infra/faults does so, too: here a third of them is drawn anew each time.
var (
	every    = flag.Bool("every", false, "whatever may happen at a call happens at every one, not at a third of them")
	drawSeed = flag.Uint64("draw-seed", 0, "repeats the third that an earlier run drew; 0 draws another one")
)

// some tells at which calls, counted from 1, a thing is to happen: at one of each three, and at the least-th, as there
// must be so many.
func some(t *testing.T, least int) func(call int) bool {
	t.Helper()
	if *every {
		return func(int) bool { return true }
	}
	seed := *drawSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("a third of the calls, -draw-seed %d", seed)
	return func(call int) bool {
		draw := rand.New(rand.NewPCG(seed, uint64(call/third)))
		return call == least || call%third == draw.IntN(third)
	}
}

// third is how many calls one is drawn of.
const third = 3
