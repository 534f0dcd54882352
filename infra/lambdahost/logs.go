package lambdahost

import (
	"bytes"
	"io"
	"sync"
)

// maxLine bounds what is held back of a line that does not end.
const maxLine = 256 << 10

// lineWriter writes whole lines of all functions to one writer.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// of is the writer for one process of the function.
func (l *lineWriter) of(function string) *processLog {
	return &processLog{to: l, name: function}
}

func (l *lineWriter) write(name string, line []byte) {
	if l.w == nil || len(line) == 0 {
		return
	}
	out := make([]byte, 0, len(name)+len(line)+2)
	out = append(append(append(out, name...), ' '), line...)
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write(append(out, '\n')) // there is nowhere to report that logging fails
}

// processLog cuts what a process writes into lines. exec gives stdout and stderr one goroutine if they are one writer.
type processLog struct {
	to   *lineWriter
	name string
	rest []byte
}

// Write implements io.Writer.
func (p *processLog) Write(b []byte) (int, error) {
	p.rest = append(p.rest, b...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			break
		}
		p.to.write(p.name, p.rest[:i])
		p.rest = p.rest[i+1:]
	}
	if len(p.rest) > maxLine {
		p.flush()
	}
	return len(b), nil
}

// flush writes what is left when the process has ended.
func (p *processLog) flush() {
	p.to.write(p.name, p.rest)
	p.rest = nil
}
