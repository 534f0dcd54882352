package lambdahost

import (
	"os"
	"syscall"
)

// processAttributes put the process into a group of its own, and end it when we die, however we die.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the process and what it started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // an error means that they are gone already
}
