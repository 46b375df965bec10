package xmldsig

import (
	"context"
	"fmt"
)

// A budget bounds the work on one document and on those that transforms read from it. A
// unit is about an octet that is written, or a node that is passed.
type budget struct {
	ctx   context.Context //nolint:containedctx // of the one run that the document belongs to
	left  int64
	spent int64
	// given are the files that were counted, by their first octet.
	given map[*byte]bool
}

// fileShare is how many times a file beside the document may be digested: for its
// reference, and for each time-stamp that is over it.
const fileShare = 32

// spend returns ErrLimit when the budget is used up, or nobody waits any more; from then
// on always.
func (b *budget) spend(n int) error {
	b.spent += int64(n)
	if b.left -= int64(n); b.left < 0 {
		b.left = -1
		return fmt.Errorf("%w: %d units of work", ErrLimit, b.spent)
	}
	if err := b.ctx.Err(); err != nil {
		b.left = -1
		return fmt.Errorf("%w: nobody waits any more: %w", ErrLimit, err)
	}
	return nil
}

// give adds what a file of the caller's may cost, once a file.
func (b *budget) give(file []byte) {
	if len(file) == 0 || b.given[&file[0]] {
		return
	}
	if b.given == nil {
		b.given = map[*byte]bool{}
	}
	b.given[&file[0]] = true
	if b.left >= 0 {
		b.left += fileShare * int64(len(file))
	}
}
