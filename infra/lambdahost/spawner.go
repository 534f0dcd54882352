package lambdahost

import (
	"os/exec"
	"runtime"
)

// spawner starts all processes on one operating-system thread that lives as long as the host. Linux ends a child when
// the thread that made it ends, not when the process does, and Go ends threads as it likes.
type spawner struct {
	work chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.done)
		for f := range s.work {
			f()
		}
	}()
	return s
}

// start starts the command.
func (s *spawner) start(cmd *exec.Cmd) error {
	failed := make(chan error, 1)
	s.work <- func() { failed <- cmd.Start() }
	return <-failed
}

// close ends the thread. Every process must be gone.
func (s *spawner) close() {
	close(s.work)
	<-s.done
}
