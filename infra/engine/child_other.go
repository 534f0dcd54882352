//go:build unix && !linux

package engine

import "syscall"

// dieWithParent keeps a Ctrl-C in the terminal from the child, so that the parent decides when it stops. There is no
// parent death signal here: the launchers end when their standard input does, which the death of the parent brings.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
