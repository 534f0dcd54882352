package engine

import "syscall"

// dieWithParent has the kernel kill the child when its parent ends, even by SIGKILL and even if the child hangs. Its
// own process group keeps a Ctrl-C in the terminal from it, so that the parent decides when it stops.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
