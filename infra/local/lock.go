package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockFile is held by the start that uses the data folder. It stays there afterwards: who removed it could pull it from
// under a start that has just taken it.
const lockFile = "in-use"

// lock takes the data folder for this start alone, until it is let go or the process ends, however it ends. Two engines
// on the same files would write over each other.
func lock(data string) (func(), error) {
	if data == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	name := filepath.Join(data, lockFile)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // named by the developer
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil // which lets go of it
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the folder %s is in use: the product already runs on it; stop that start first, "+
			"or name another folder in DATA", data)
	}
	return nil, fmt.Errorf("lock the folder %s: %w", data, err)
}
