package file

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"almanac/shared/fault"
)

// block is how much of an object one request reads: so little that a slow reader never holds a connection open, and so
// much that a hundred requests read the longest file there may be.
const block = 1 << 20

// Reader reads an object from its beginning, a block at a time. Each block is asked for under the tag, so that what is
// read is one content from beginning to end; an object that was replaced meanwhile is fault.Stale, one that is gone
// fault.NotFound.
type Reader struct {
	ctx   context.Context //nolint:containedctx // io.Reader has no place for it; a Reader lives as long as one run
	store *Store
	key   string
	of    Info
	next  int64 // of the object, after what is in rest
	rest  []byte
}

// Open makes the Reader of an object that was looked at with Stat.
func (s *Store) Open(ctx context.Context, key string, of Info) *Reader {
	return &Reader{ctx: ctx, store: s, key: key, of: of}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.next >= r.of.Size {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *Reader) fill() error {
	end := min(r.next+block, r.of.Size)
	res, err := r.store.do(r.ctx, request{
		method: http.MethodGet, key: r.key, most: end - r.next,
		header: http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", r.next, end-1)}, "If-Match": {r.of.Tag}},
	})
	if err != nil {
		return err
	}
	// A server that does not know the range sends the whole object, and one that lost its end sends less.
	if whole := r.next == 0 && end == r.of.Size; int64(len(res.body)) != end-r.next ||
		res.status != http.StatusPartialContent && !whole {
		return fault.New(fault.Stale, Changed, "The file is not the one that was there before.")
	}
	r.rest, r.next = res.body, end
	return nil
}
