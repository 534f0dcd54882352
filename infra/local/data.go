package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// founded is the file in the data folder that says that the demonstration clinic is complete. A diary without it comes
// from a start that was stopped half-way, and nobody could log in to it.
const founded = "demonstration-founded"

// diaries matches the files in which DynamoDB Local keeps tables.
const diaries = "*.db*"

// discardUnfinished removes what a start that was stopped half-way left in the folder.
func discardUnfinished(data string) error {
	if data == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(data, founded)); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	left, err := filepath.Glob(filepath.Join(data, diaries))
	if err != nil {
		return err
	}
	for _, file := range left {
		fmt.Println("the last start was stopped before the demonstration clinic was complete: beginning afresh")
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

func markFounded(data string) error {
	if data == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(data, founded), []byte("complete\n"), 0o600)
}
