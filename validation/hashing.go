package validation

import (
	"cmp"
	"context"
	"crypto"
	_ "crypto/sha1" // for old documents; the algorithm suite decides
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"fmt"
	"hash"
	"io"
	"slices"

	"chop/internal/pdf"
)

// hashBuffer is what is read at once; all the memory that hashing takes.
const hashBuffer = 32 << 10

// hashContents fills in the digests of what each signature covers, in one pass over
// the file for each algorithm. All signatures share their beginning, so one running
// state is forked at each one's Contents, and only what follows is hashed for it
// alone: the cost grows with the file, not with the number of signatures.
func hashContents(ctx context.Context, doc io.ReaderAt, list []*signature) error {
	byHash := map[crypto.Hash][]*signature{}
	for _, s := range list {
		s.content = map[crypto.Hash][]byte{}
		for _, h := range s.wanted() {
			if h != 0 && h.Available() && !slices.Contains(byHash[h], s) {
				byHash[h] = append(byHash[h], s)
			}
		}
	}
	longest := int64(0)
	for _, s := range list {
		longest = max(longest, s.byteRange[1].End)
	}
	buf := make([]byte, min(hashBuffer, longest))
	for h, group := range byHash {
		slices.SortFunc(group, func(a, b *signature) int {
			return cmp.Compare(a.byteRange[0].End, b.byteRange[0].End)
		})
		common := h.New()
		at := int64(0)
		for _, s := range group {
			if err := feed(ctx, common, doc, pdf.Span{Start: at, End: s.byteRange[0].End}, buf); err != nil {
				return err
			}
			at = s.byteRange[0].End
			own := common
			if s != group[len(group)-1] {
				var err error
				if own, err = fork(common); err != nil {
					return fmt.Errorf("hash document: %w", err)
				}
			}
			if err := feed(ctx, own, doc, s.byteRange[1], buf); err != nil {
				return err
			}
			s.content[h] = own.Sum(nil)
		}
	}
	return nil
}

func fork(h hash.Hash) (hash.Hash, error) {
	c, ok := h.(hash.Cloner)
	if !ok {
		return nil, fmt.Errorf("%T cannot be forked", h)
	}
	return c.Clone()
}

func feed(ctx context.Context, h hash.Hash, doc io.ReaderAt, s pdf.Span, buf []byte) error {
	for at := s.Start; at < s.End; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("hash document: %w", err)
		}
		part := buf[:min(int64(len(buf)), s.End-at)]
		n, err := doc.ReadAt(part, at)
		if n < len(part) {
			return fmt.Errorf("hash document at byte %d: %w", at+int64(n), err)
		}
		h.Write(part)
		at += int64(n)
	}
	return nil
}
