package hsm

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"
)

// The protocol between Worker and WorkerMain, over a socket pair that only
// they hold. A frame is
//
//	uint32 length of the rest | uint64 id | byte op | fields
//
// and a field is a uint32 length and its bytes; all numbers big-endian. Many
// requests are in flight at the same time, and answers come in any order, with
// the request's id. An id of 0 is a message that is not answered.
type op byte

const (
	opHello op = 1 + iota
	opKey
	opGenerateKey
	opDestroyKey
	opKeys
	opSign
	opVault
	opVaultGenerate
	opUseSign  // unwrap, sign, keep until opUseEnd
	opUseAgain // sign with what opUseSign kept
	opUseEnd   // id 0: destroy it
	opSealer
	opSeal
	opOpen
	opMAC
	opMACSum

	opOK    op = 100 // the answer
	opError op = 101 // sentinels (uint64 mask), text
	opPulse op = 102 // id 0: what is running, and for how long
)

// Limits of a frame. Seal's plaintext and associated data are the largest
// fields; Keys answers with the most of them.
const (
	maxFrame  = 4 << 20
	maxFields = 4 * maxObjects
)

// load is how many bytes make posted messages worth a system call: those of
// about eight signatures.
const load = 640

var errFrame = errors.New("malformed frame")

// message is one decoded frame. Its fields alias one buffer of its own.
type message struct {
	id     uint64
	op     op
	fields [][]byte
}

// appendMessage encodes a frame behind b.
func appendMessage(b []byte, id uint64, op op, fields ...[]byte) ([]byte, error) {
	n := 8 + 1
	for _, f := range fields {
		n += 4 + len(f)
	}
	if n > maxFrame || len(fields) > maxFields {
		return b, fmt.Errorf("frame of %d bytes: %w", n, ErrTooLarge)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint64(b, id)
	b = append(b, byte(op))
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b, nil
}

// parseMessage decodes a frame without its length.
func parseMessage(b []byte) (message, error) {
	if len(b) < 9 {
		return message{}, errFrame
	}
	m := message{id: binary.BigEndian.Uint64(b), op: op(b[8])}
	for b = b[9:]; len(b) > 0; {
		if len(b) < 4 || len(m.fields) == maxFields {
			return message{}, errFrame
		}
		n := binary.BigEndian.Uint32(b)
		b = b[4:]
		if uint64(n) > uint64(len(b)) {
			return message{}, errFrame
		}
		if m.fields == nil {
			m.fields = make([][]byte, 0, 8)
		}
		m.fields = append(m.fields, b[:n:n])
		b = b[n:]
	}
	return m, nil
}

// wire sends and receives messages on one connection. send may be called
// concurrently, receive by one goroutine.
type wire struct {
	conn    net.Conn
	r       *bufio.Reader
	timeout time.Duration // for the peer to take what was sent

	mu      sync.Mutex
	out     []byte // encoded, not yet written
	spare   []byte
	writing bool
	posted  bool // a flush is due
	err     error
}

func newWire(conn net.Conn, timeout time.Duration) *wire {
	return &wire{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), timeout: timeout}
}

// send queues a message and sees to it that it is written. The first sender
// writes for all who come while it does, and lets those go first who are about
// to: under load, one system call carries many messages.
func (w *wire) send(id uint64, op op, fields ...[]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.queue(id, op, fields); err != nil {
		return err
	}
	return w.flush()
}

// post queues a message that can wait a moment. It travels with the next one
// that is sent, or when there is a load of them, or after a millisecond.
func (w *wire) post(id uint64, op op, fields ...[]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.queue(id, op, fields); err != nil {
		return err
	}
	if len(w.out) >= load {
		return w.flush()
	}
	if !w.posted {
		w.posted = true
		time.AfterFunc(time.Millisecond, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.posted = false
			if w.flush() != nil {
				w.conn.Close() // the other end must not wait in vain
			}
		})
	}
	return nil
}

func (w *wire) queue(id uint64, op op, fields [][]byte) (err error) {
	if w.err != nil {
		return w.err
	}
	w.out, err = appendMessage(w.out, id, op, fields...)
	return err
}

// flush writes what is queued, unless somebody does already. It is called
// with mu held, and gives it up while it writes.
func (w *wire) flush() error {
	if w.writing {
		return w.err
	}
	w.writing = true
	w.mu.Unlock()
	runtime.Gosched()
	w.mu.Lock()
	for len(w.out) > 0 && w.err == nil {
		out := w.out
		w.out = w.spare[:0]
		w.mu.Unlock()
		err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout))
		if err == nil {
			_, err = w.conn.Write(out)
		}
		clear(out) // it may have held a PIN or a data key
		w.mu.Lock()
		w.spare = out
		if err != nil {
			w.err = err
		}
	}
	w.writing = false
	return w.err
}

func (w *wire) receive() (message, error) {
	var head [4]byte
	if _, err := io.ReadFull(w.r, head[:]); err != nil {
		return message{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return message{}, errFrame
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(w.r, b); err != nil {
		return message{}, err
	}
	return parseMessage(b)
}
