package upload

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"unicode/utf8"
)

const (
	// MaxLine is the greatest number of bytes in a line, quoted line breaks included.
	MaxLine = 64 << 10
	// MaxLines is the greatest number of lines that hold a patient.
	MaxLines = 100_000
	// MaxSize is the greatest number of bytes in a file.
	MaxSize = 100_000_000
	// MinSize keeps out what cannot be a file of patients.
	MinSize = 1
)

// source reads a file's bytes, counts them and works out their digest.
type source struct {
	in     *bufio.Reader
	offset int64
	sum    hash.Hash
	line   int // how many lines were begun
}

const buffer = 64 << 10

func newSource(r io.Reader) *source {
	sum := sha256.New()
	return &source{in: bufio.NewReaderSize(io.TeeReader(r, sum), buffer), sum: sum}
}

// digest is that of all that was read, in hex. At the end of the file it is the file's.
func (s *source) digest() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// begin skips a byte order mark of UTF-8, and refuses those of other encodings.
func (s *source) begin() error {
	head, err := s.in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err := s.in.Discard(3)
		s.offset += 3
		return err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return refuse(NotUTF8, 1)
	}
	return nil
}

// next reads one byte.
func (s *source) next() (byte, error) {
	b, err := s.in.ReadByte()
	if err == nil {
		s.offset++
	}
	return b, err
}

// physical reads a line up to its line break, which it leaves out. A longer one than may be is skipped to its end.
// At the end of the file the error is io.EOF.
func (s *source) physical() ([]byte, bool, error) {
	var line []byte
	for long := false; ; {
		piece, err := s.in.ReadSlice('\n')
		s.offset += int64(len(piece))
		long = long || len(line)+len(piece) > MaxLine
		if !long {
			line = append(line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(line) > 0 || long):
		case err != nil:
			return nil, false, err
		}
		s.line++
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if !utf8.Valid(line) {
			return nil, long, refuse(NotUTF8, s.line)
		}
		return line, long, nil
	}
}
