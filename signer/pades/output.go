package pades

import (
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"chop/internal/pdf"
)

// copyBlock is how much of the original is in memory at a time.
const copyBlock = 32 << 10

// An appender writes the output front to back and digests it in the same pass. A
// signature covers all but the gap of its own Contents, and the next one covers that
// gap too; so when more is to come, the state before the gap is kept, and continued
// once the gap is filled. Nothing is ever read twice.
type appender struct {
	out  Output
	n    int64     // bytes written
	all  hash.Hash // over all of them, up to gap if one is open
	gap  *gap
	more bool // whether another digest will be asked for
}

type gap struct {
	span pdf.Span // of the hexadecimal string with its delimiters
	tail []byte   // what was written behind it; nil unless more
}

func newAppender(out Output, h crypto.Hash, more bool) *appender {
	return &appender{out: out, all: h.New(), more: more}
}

// copy copies the original.
func (a *appender) copy(ctx context.Context, in io.ReaderAt, size int64) error {
	buf := make([]byte, min(size, copyBlock))
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), size-off)]
		if n, err := in.ReadAt(b, off); n < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read original at byte %d: %w", off, err)
		}
		if err := a.write(b); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}

func (a *appender) write(b []byte) error {
	a.all.Write(b)
	return a.writeOnly(b)
}

func (a *appender) writeOnly(b []byte) error {
	if _, err := a.out.Write(b); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	a.n += int64(len(b))
	return nil
}

// increment writes an increment that signs nothing.
func (a *appender) increment(inc *pdf.Increment) error {
	if inc.Base != a.n {
		return fmt.Errorf("increment for byte %d, but %d bytes are written", inc.Base, a.n)
	}
	return a.write(inc.Bytes)
}

// signed writes an increment with a signature dictionary, whose ByteRange it fills in,
// and returns the digest of everything but the gap.
func (a *appender) signed(inc *pdf.Increment) ([]byte, error) {
	if inc.Base != a.n {
		return nil, fmt.Errorf("increment for byte %d, but %d bytes are written", inc.Base, a.n)
	}
	contents, ok := inc.Marks[markContents]
	if !ok {
		return nil, errors.New("increment without Contents")
	}
	end := inc.Base + int64(len(inc.Bytes))
	at, ok := inc.Marks[markByteRange]
	if !ok {
		return nil, errors.New("increment without ByteRange")
	}
	room := inc.Bytes[at.Start-inc.Base : at.End-inc.Base]
	text := fmt.Sprintf("[0 %d %d %d]", contents.Start, contents.End, end-contents.End)
	if len(text) > len(room) {
		return nil, fmt.Errorf("%w: ByteRange %s", ErrTooLarge, text)
	}
	for i := copy(room, text); i < len(room); i++ {
		room[i] = ' '
	}

	head, tail := inc.Bytes[:contents.Start-inc.Base], inc.Bytes[contents.End-inc.Base:]
	a.all.Write(head)
	a.gap = &gap{span: contents}
	covered := a.all
	if a.more {
		before, err := a.all.(hash.Cloner).Clone()
		if err != nil {
			return nil, fmt.Errorf("keep digest: %w", err)
		}
		a.all, a.gap.tail = before, tail
	}
	covered.Write(tail)
	if err := a.writeOnly(inc.Bytes); err != nil {
		return nil, err
	}
	return covered.Sum(nil), nil
}

// room returns how many octets the open gap can take.
func (a *appender) room() int { return int(a.gap.span.Len()-2) / 2 }

// fill puts contents into the open gap, padded with zeros, and closes it. It returns
// the whole string, padding included, as a reader will see it.
func (a *appender) fill(contents []byte) ([]byte, error) {
	if len(contents) > a.room() {
		return nil, fmt.Errorf("%w: %d bytes for a place of %d", ErrTooLarge, len(contents), a.room())
	}
	padded := make([]byte, a.room())
	copy(padded, contents)
	text := make([]byte, a.gap.span.Len())
	text[0], text[len(text)-1] = '<', '>'
	hex.Encode(text[1:], padded)
	if _, err := a.out.WriteAt(text, a.gap.span.Start); err != nil {
		return nil, fmt.Errorf("write signature: %w", err)
	}
	if a.more {
		a.all.Write(text)
		a.all.Write(a.gap.tail)
	}
	a.gap = nil
	return padded, nil
}

// open reads what has been written so far as a PDF file.
func (a *appender) open() (*pdf.File, error) {
	f, err := pdf.Open(a.out, a.n, pdf.Limits{})
	if err != nil {
		return nil, fmt.Errorf("reread own output: %w", err)
	}
	return f, nil
}
