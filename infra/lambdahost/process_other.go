//go:build !linux

package lambdahost

import (
	"os"
	"syscall"
)

// processAttributes put the process into a group of its own. Only Linux can end it when we die.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// killGroup kills the process and what it started.
func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL) // an error means that they are gone already
}
