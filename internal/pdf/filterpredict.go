package pdf

import (
	"bufio"
	"fmt"
	"io"
)

// maxRow bounds a row of predicted data, and with it the memory that undoing takes.
const maxRow = 1 << 20

// predicted undoes the predictor that the parameters of Flate and LZW name (7.4.4.4).
func predicted(parms Dict, r io.Reader) (io.Reader, error) {
	get := func(key Name, def int64) int64 {
		if v, ok := parms[key].(int64); ok {
			return v
		}
		return def
	}
	predictor := get("Predictor", 1)
	if predictor == 1 {
		return r, nil
	}
	colors, bits, columns := get("Colors", 1), get("BitsPerComponent", 8), get("Columns", 1)
	if colors < 1 || colors > 64 || columns < 1 || columns > maxRow ||
		bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 {
		return nil, fmt.Errorf("%w: predictor with %d colors, %d bits, %d columns", ErrMalformed, colors, bits, columns)
	}
	row := (colors*bits*columns + 7) / 8
	if row > maxRow {
		return nil, fmt.Errorf("%w: predictor row of %d bytes", ErrLimit, row)
	}
	p := &predict{r: bufio.NewReader(r), bpp: int((colors*bits + 7) / 8), colors: int(colors), bits: int(bits),
		row: make([]byte, row), last: make([]byte, row)}
	switch {
	case predictor == 2:
	case predictor >= 10 && predictor <= 15:
		p.png = true
	default:
		return nil, fmt.Errorf("%w: predictor %d", ErrMalformed, predictor)
	}
	return p, nil
}

type predict struct {
	r            io.Reader
	png          bool
	bpp          int // bytes of a pixel, at least 1
	colors, bits int
	row, last    []byte
	have         []byte
	err          error
}

func (p *predict) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(p.have) == 0 {
			if p.err != nil {
				break
			}
			p.fill()
			continue
		}
		m := copy(b[n:], p.have)
		p.have = p.have[m:]
		n += m
	}
	if n == 0 && len(b) > 0 {
		return 0, p.err
	}
	return n, nil
}

// fill undoes one row; a last row may be short.
func (p *predict) fill() {
	p.row, p.last = p.last, p.row
	tag := [1]byte{2}
	if p.png {
		if _, p.err = io.ReadFull(p.r, tag[:]); p.err != nil {
			return
		}
	}
	n, err := io.ReadFull(p.r, p.row)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	p.err = err
	row := p.row[:n]
	clear(p.row[n:])
	if !p.png {
		p.tiff(row)
	} else if !p.undoPNG(tag[0], row) {
		p.err = fmt.Errorf("%w: PNG predictor %d", ErrMalformed, tag[0])
		return
	}
	p.have = row
}

// undoPNG undoes one PNG filter (ISO/IEC 15948, clause 9).
func (p *predict) undoPNG(tag byte, row []byte) bool {
	for i := range row {
		var left, upleft byte
		up := p.last[i]
		if i >= p.bpp {
			left, upleft = row[i-p.bpp], p.last[i-p.bpp]
		}
		switch tag {
		case 0:
			return true
		case 1:
			row[i] += left
		case 2:
			row[i] += up
		case 3:
			row[i] += byte((int(left) + int(up)) / 2)
		case 4:
			row[i] += paeth(int(left), int(up), int(upleft))
		default:
			return false
		}
	}
	return tag <= 4
}

func paeth(a, b, c int) byte {
	pa, pb, pc := abs(b-c), abs(a-c), abs(a+b-2*c)
	switch {
	case pa <= pb && pa <= pc:
		return byte(a)
	case pb <= pc:
		return byte(b)
	}
	return byte(c)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// tiff undoes TIFF predictor 2, horizontal differencing (TIFF 6.0, section 14).
func (p *predict) tiff(row []byte) {
	switch p.bits {
	case 8:
		for i := p.colors; i < len(row); i++ {
			row[i] += row[i-p.colors]
		}
	case 16:
		for i := 2 * p.colors; i+1 < len(row); i += 2 {
			j := i - 2*p.colors
			v := (uint16(row[i])<<8 | uint16(row[i+1])) + (uint16(row[j])<<8 | uint16(row[j+1]))
			row[i], row[i+1] = byte(v>>8), byte(v)
		}
	default: // 1, 2 or 4 bits a component
		last := make([]byte, p.colors)
		mask := byte(1<<p.bits - 1)
		per := 8 / p.bits
		for k := range len(row) * per {
			shift := 8 - p.bits*(k%per+1)
			c := k % p.colors
			last[c] = (row[k/per]>>shift + last[c]) & mask
			row[k/per] = row[k/per]&^(mask<<shift) | last[c]<<shift
		}
	}
}
