package asic

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// Write makes a container: the media type first and as it is, so that programs know the
// container by its first bytes (EN 319 162-1, A.1), then the files in their order. Times are
// left out: nobody signs them.
func Write(mimeType string, files []File) ([]byte, error) {
	all := append([]File{{Name: MIMEFile, Data: []byte(mimeType)}}, files...)
	if len(all) > maxEntries {
		return nil, fmt.Errorf("%w: %d files", ErrLimit, len(all))
	}
	var out, directory bytes.Buffer
	for i, f := range all {
		if err := CheckName(f.Name); err != nil {
			return nil, err
		}
		packed, method := f.Data, uint16(methodStored)
		if i > 0 {
			var b bytes.Buffer
			w, err := flate.NewWriter(&b, flate.DefaultCompression)
			if err != nil {
				return nil, fmt.Errorf("compress: %w", err)
			}
			if _, err = w.Write(f.Data); err == nil {
				err = w.Close()
			}
			if err != nil {
				return nil, fmt.Errorf("compress %q: %w", f.Name, err)
			}
			if b.Len() < len(f.Data) {
				packed, method = b.Bytes(), methodDeflated
			}
		}
		offset := out.Len()
		if offset+len(packed) > maxSize {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, maxSize)
		}
		var flags uint16
		if strings.ContainsFunc(f.Name, func(r rune) bool { return r >= 0x80 }) {
			flags = flagUTF8
		}
		fields := binary.LittleEndian.AppendUint16(nil, 20) // version needed
		fields = binary.LittleEndian.AppendUint16(fields, flags)
		fields = binary.LittleEndian.AppendUint16(fields, method)
		fields = binary.LittleEndian.AppendUint16(fields, 0)    // time
		fields = binary.LittleEndian.AppendUint16(fields, 0x21) // 1 January 1980
		fields = binary.LittleEndian.AppendUint32(fields, crc32.ChecksumIEEE(f.Data))
		fields = binary.LittleEndian.AppendUint32(fields, uint32(len(packed)))
		fields = binary.LittleEndian.AppendUint32(fields, uint32(len(f.Data)))
		fields = binary.LittleEndian.AppendUint16(fields, uint16(len(f.Name)))
		fields = binary.LittleEndian.AppendUint16(fields, 0) // extra

		out.WriteString(localMagic)
		out.Write(fields)
		out.WriteString(f.Name)
		out.Write(packed)

		directory.WriteString(centralMagic)
		directory.Write([]byte{20, 0}) // made by
		directory.Write(fields)
		directory.Write(make([]byte, 10)) // comment, volume, attributes
		directory.Write(binary.LittleEndian.AppendUint32(nil, uint32(offset)))
		directory.WriteString(f.Name)
	}
	end := binary.LittleEndian.AppendUint32([]byte(endMagic), 0) // volumes
	end = binary.LittleEndian.AppendUint16(end, uint16(len(all)))
	end = binary.LittleEndian.AppendUint16(end, uint16(len(all)))
	end = binary.LittleEndian.AppendUint32(end, uint32(directory.Len()))
	end = binary.LittleEndian.AppendUint32(end, uint32(out.Len()))
	end = append(end, 0, 0) // comment
	out.Write(directory.Bytes())
	out.Write(end)
	return out.Bytes(), nil
}
