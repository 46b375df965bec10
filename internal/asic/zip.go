package asic

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// The records of a ZIP file (PKWARE's APPNOTE 4.3): their first bytes, and their length
// without what varies.
const (
	localMagic, localSize     = "PK\x03\x04", 30
	centralMagic, centralSize = "PK\x01\x02", 46
	endMagic, endSize         = "PK\x05\x06", 22
)

const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3 // sizes and checksum stand behind the data
	flagPatched    = 1 << 5
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
	flagMasked     = 1 << 13

	methodStored   = 0
	methodDeflated = 8
)

// Is reports whether some bytes begin as a ZIP file does.
func Is(start []byte) bool {
	return bytes.HasPrefix(start, []byte(localMagic)) || bytes.HasPrefix(start, []byte(endMagic))
}

// An entry is what the directory says of one file.
type entry struct {
	flags, method        uint16
	sum                  uint32
	packed, size, offset int
	rawName              []byte
	name                 string
	link                 bool
	end                  int // of its data
}

// Open reads a container.
func Open(b []byte) (*Container, error) {
	if len(b) > maxSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrLimit, len(b))
	}
	end, err := findEnd(b)
	if err != nil {
		return nil, err
	}
	entries, err := readDirectory(b, end)
	if err != nil {
		return nil, err
	}
	if err := checkNames(entries); err != nil {
		return nil, err
	}
	c := &Container{byName: map[string]int{}, Comment: string(b[end+endSize:])}
	for _, e := range entries {
		if err := e.checkLocal(b); err != nil {
			return nil, err
		}
	}
	directory := int(binary.LittleEndian.Uint32(b[end+16:]))
	if err := checkPlaces(b, entries, directory); err != nil {
		return nil, err
	}
	left := maxUnpacked
	for _, e := range entries {
		data, err := e.unpack(b, left)
		if err != nil {
			return nil, err
		}
		left -= len(data)
		if e.name[len(e.name)-1] == '/' {
			if len(data) > 0 {
				return nil, malformed("folder %q with a content", e.name)
			}
			continue
		}
		c.byName[e.name] = len(c.Files)
		c.Files = append(c.Files, File{Name: e.name, Data: data})
	}
	c.Stored = len(entries) > 0 && slices.ContainsFunc(entries, func(e *entry) bool {
		return e.offset == 0 && e.name == MIMEFile && e.method == methodStored && e.end-e.packed == localSize+len(MIMEFile)
	})
	return c, nil
}

// findEnd finds the record at the end of the directory. A comment may look like one: the
// one counts whose comment ends the file and behind whose directory it stands, and there
// must not be two.
func findEnd(b []byte) (int, error) {
	found := -1
	for at := len(b) - endSize; at >= 0 && at >= len(b)-endSize-0xffff; at-- {
		if string(b[at:at+4]) != endMagic || int(binary.LittleEndian.Uint16(b[at+20:])) != len(b)-at-endSize {
			continue
		}
		size, offset := int(binary.LittleEndian.Uint32(b[at+12:])), int(binary.LittleEndian.Uint32(b[at+16:]))
		if offset+size != at {
			continue
		}
		if found >= 0 {
			return 0, malformed("two ends of the directory")
		}
		found = at
	}
	if found < 0 {
		return 0, malformed("no directory at its end")
	}
	r := b[found:]
	disk, first := binary.LittleEndian.Uint16(r[4:]), binary.LittleEndian.Uint16(r[6:])
	here, all := binary.LittleEndian.Uint16(r[8:]), binary.LittleEndian.Uint16(r[10:])
	if disk != 0 || first != 0 || here != all {
		return 0, malformed("several volumes")
	}
	if all > maxEntries {
		return 0, fmt.Errorf("%w: %d entries", ErrLimit, all)
	}
	return found, nil
}

func readDirectory(b []byte, end int) ([]*entry, error) {
	at := int(binary.LittleEndian.Uint32(b[end+16:]))
	var list []*entry
	for range binary.LittleEndian.Uint16(b[end+8:]) {
		if end-at < centralSize || string(b[at:at+4]) != centralMagic {
			return nil, malformed("directory")
		}
		r := b[at:]
		e := &entry{
			flags: binary.LittleEndian.Uint16(r[8:]), method: binary.LittleEndian.Uint16(r[10:]), sum: binary.LittleEndian.Uint32(r[16:]),
			packed: int(binary.LittleEndian.Uint32(r[20:])), size: int(binary.LittleEndian.Uint32(r[24:])), offset: int(binary.LittleEndian.Uint32(r[42:])),
		}
		name, extra, comment := int(binary.LittleEndian.Uint16(r[28:])), int(binary.LittleEndian.Uint16(r[30:])), int(binary.LittleEndian.Uint16(r[32:]))
		if end-at < centralSize+name+extra+comment {
			return nil, malformed("directory")
		}
		if name > maxName {
			return nil, fmt.Errorf("%w: name of %d bytes", ErrLimit, name)
		}
		e.rawName = r[centralSize : centralSize+name]
		const unix, links = 3, 0xa000
		e.link = r[5] == unix && binary.LittleEndian.Uint16(r[40:])&0xf000 == links
		var err error
		if e.name, err = readName(e.rawName, e.flags, r[centralSize+name:centralSize+name+extra]); err != nil {
			return nil, err
		}
		list = append(list, e)
		at += centralSize + name + extra + comment
	}
	if at != end {
		return nil, malformed("%d bytes in the directory that belong to no entry", end-at)
	}
	return list, nil
}

// checkLocal compares the entry's own header with the directory: programs that read from the
// front see the one, others the other.
func (e *entry) checkLocal(b []byte) error {
	const inherited = flagEncrypted | flagPatched | flagStrong | flagMasked
	switch {
	case e.flags&inherited != 0:
		return malformed("%q is encrypted or patched", e.name)
	case e.method != methodStored && e.method != methodDeflated:
		return malformed("%q is compressed by method %d", e.name, e.method)
	case e.link:
		return malformed("%q is a link", e.name)
	case e.offset < 0 || e.offset > len(b)-localSize || string(b[e.offset:e.offset+4]) != localMagic:
		return malformed("%q has no header of its own", e.name)
	}
	r := b[e.offset:]
	name, extra := int(binary.LittleEndian.Uint16(r[26:])), int(binary.LittleEndian.Uint16(r[28:]))
	start := localSize + name + extra
	if len(r) < start || len(r)-start < e.packed {
		return malformed("%q reaches over the end", e.name)
	}
	if !bytes.Equal(r[localSize:localSize+name], e.rawName) {
		return malformed("%q has another name in its own header", e.name)
	}
	flags := binary.LittleEndian.Uint16(r[6:])
	if binary.LittleEndian.Uint16(r[8:]) != e.method || (flags^e.flags)&(inherited|flagDescriptor|flagUTF8) != 0 {
		return malformed("%q has another method or other flags in its own header", e.name)
	}
	if again, err := readName(e.rawName, flags, r[localSize+name:start]); err != nil || again != e.name {
		return malformed("%q has another name in its own header", e.name)
	}
	sum, packed, size := binary.LittleEndian.Uint32(r[14:]), binary.LittleEndian.Uint32(r[18:]), binary.LittleEndian.Uint32(r[22:])
	left := flags&flagDescriptor != 0 && sum == 0 && packed == 0 && size == 0
	if !left && (sum != e.sum || int(packed) != e.packed || int(size) != e.size) {
		return malformed("%q has another size or checksum in its own header", e.name)
	}
	e.end = e.offset + start + e.packed
	return nil
}

// checkPlaces wants the entries to lie one behind the other, from the first byte to the
// directory, with nothing between them but descriptors.
func checkPlaces(b []byte, entries []*entry, directory int) error {
	order := slices.Clone(entries)
	slices.SortFunc(order, func(a, b *entry) int { return a.offset - b.offset })
	at := 0
	for _, e := range order {
		if e.offset != at {
			return malformed("%d bytes before %q that belong to no entry, or to two", e.offset-at, e.name)
		}
		at = e.end
		if e.flags&flagDescriptor != 0 {
			n, err := e.descriptor(b, directory)
			if err != nil {
				return err
			}
			at += n
		}
	}
	if at != directory {
		return malformed("%d bytes before the directory that belong to no entry, or to two", directory-at)
	}
	return nil
}

// descriptor reads what stands behind the data, with or without its first bytes, and gives
// its length.
func (e *entry) descriptor(b []byte, limit int) (int, error) {
	want := binary.LittleEndian.AppendUint32(nil, e.sum)
	want = binary.LittleEndian.AppendUint32(want, uint32(e.packed))
	want = binary.LittleEndian.AppendUint32(want, uint32(e.size))
	for _, form := range [][]byte{append([]byte("PK\x07\x08"), want...), want} {
		if e.end <= limit && bytes.HasPrefix(b[e.end:limit], form) {
			return len(form), nil
		}
	}
	return 0, malformed("%q has no descriptor that says what the directory says", e.name)
}

// unpack gives the entry's content, which is as long as declared and no longer than limit.
func (e *entry) unpack(b []byte, limit int) ([]byte, error) {
	if e.size > limit {
		return nil, fmt.Errorf("%w: more than %d bytes unpacked", ErrLimit, maxUnpacked)
	}
	packed := b[e.end-e.packed : e.end]
	data := packed
	if e.method == methodDeflated {
		in := bytes.NewReader(packed)
		unpacker := flate.NewReader(in)
		var out bytes.Buffer
		if _, err := io.Copy(&out, io.LimitReader(unpacker, int64(e.size)+1)); err != nil {
			return nil, malformed("%q: %v", e.name, err)
		}
		if in.Len() > 0 {
			return nil, malformed("%q has %d bytes behind its content", e.name, in.Len())
		}
		data = out.Bytes()
	}
	if len(data) != e.size || crc32.ChecksumIEEE(data) != e.sum {
		return nil, malformed("%q has not the size or checksum that it declares", e.name)
	}
	return data, nil
}
