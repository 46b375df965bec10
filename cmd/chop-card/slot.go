package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"

	"chop/registration/hkic"
)

// A message of vpcd is two bytes of length, big-endian, and that many bytes. One
// of a single byte is about power or asks for the answer to reset.
const (
	controlOff   = 0
	controlOn    = 1
	controlReset = 2
	controlATR   = 4
)

// slot is a place in the virtual reader: while its connection is open, a card is in it.
type slot struct{ conn *net.TCPConn }

func dial(ctx context.Context, address string) (*slot, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reach the virtual reader: %w", err)
	}
	return &slot{conn.(*net.TCPConn)}, nil
}

// atr is the answer to reset (ISO/IEC 7816-3, 8.2): T=1, five historical bytes, check byte.
func atr() []byte {
	out := append([]byte{0x3B, 0x85, 0x80, 0x01}, "CHOPC"...)
	var check byte
	for _, b := range out[1:] {
		check ^= b
	}
	return append(out, check)
}

// play answers the reader until ctx ends, the reader goes away or the chip is
// pulled out, and returns how many commands there were.
func (s *slot) play(ctx context.Context, chip hkic.Chip, reset func()) (n int, err error) {
	defer s.conn.Close()
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	for {
		message, err := s.read()
		if ctx.Err() != nil || errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("play card: %w", err)
		}
		if len(message) == 1 {
			switch message[0] {
			case controlOff, controlOn, controlReset:
				reset()
			case controlATR:
				if err := s.write(atr()); err != nil {
					return n, fmt.Errorf("play card: %w", err)
				}
			}
			continue
		}
		n++
		response, err := chip.Transmit(message)
		if errors.Is(err, hkic.ErrRemoved) {
			return n, nil
		}
		if err == nil {
			err = s.write(response)
		}
		if err != nil {
			return n, fmt.Errorf("play card: %w", err)
		}
	}
}

// read takes one message. Linux delays acknowledgements by 40 ms on a connection like
// this one, unless it is told not to before each read.
func (s *slot) read() ([]byte, error) {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	if err = errors.Join(err, failed); err != nil {
		return nil, err
	}
	var head [2]byte
	if _, err := io.ReadFull(s.conn, head[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err = io.ReadFull(s.conn, message)
	return message, err
}

func (s *slot) write(message []byte) error {
	_, err := s.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}
