package hkic

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Groups are data groups 1 to 3 as they lie on the card: holder, issue, key.
type Groups [3][]byte

const tagSecurity = 0x77

func groupTag(i int) byte { return 0x61 + byte(i) }

// ChipData is what the data groups say. Made by anybody it proves nothing: see CardData.
type ChipData struct {
	Card    Card
	Serial  [8]byte // the chip's own
	Expires Date    // the last day; none where the card has no end
	Key     *ecdsa.PublicKey
}

// member is one primitive data object of a data group: its tag, the most bytes that it has, whether it must be there.
type member struct {
	tag    byte
	most   int
	needed bool
}

// The members, in their order. ISO/IEC 7816-4, 6.2: context-specific tags.
var members = [3][]member{
	{ // holder
		{0x80, 9, true},   // number with check digit, without brackets
		{0x81, 82, true},  // English name, "SURNAME, Given Names"
		{0x82, 24, false}, // Chinese name, UTF-8
		{0x83, 24, false}, // Chinese commercial codes, four digits a character
		{0x84, 1, false},  // M or F; old cards do not say
		{0x85, 8, true},   // date of birth, YYYYMMDD, with 00 for what is not known
	},
	{ // issue
		{0x80, 8, true},   // the chip's serial number
		{0x81, 8, true},   // date of issue, YYYYMMDD
		{0x82, 5, false},  // month of first registration, MM-YY
		{0x83, 16, false}, // symbols as printed
		{0x84, 8, false},  // last day, YYYYMMDD
	},
	{ // key
		{0x80, 65, true}, // P-256, uncompressed (SEC 1, 2.3.3)
	},
}

// objectSize is the length of the data object at the beginning of b, tag and
// length included. Lengths are as short as they can be (ISO/IEC 7816-4, 5.2.2.2).
func objectSize(b []byte, tag byte) (int, error) {
	switch {
	case len(b) < 2 || b[0] != tag:
	case b[1] < 0x80:
		return 2 + int(b[1]), nil
	case b[1] == 0x81 && len(b) >= 3 && b[2] >= 0x80:
		return 3 + int(b[2]), nil
	case b[1] == 0x82 && len(b) >= 4 && b[2] > 0:
		return 4 + int(b[2])<<8 + int(b[3]), nil
	}
	return 0, fmt.Errorf("%w: no data object %02X", ErrUnreadable, tag)
}

// values splits data group i into its members' values; nil for one that is absent.
func values(i int, group []byte) ([][]byte, error) {
	s := cryptobyte.String(group)
	var inside cryptobyte.String
	if len(group) > maxGroup || !s.ReadASN1(&inside, asn1.Tag(groupTag(i))) || !s.Empty() {
		return nil, fmt.Errorf("%w: data group %d", ErrUnreadable, i+1)
	}
	out := make([][]byte, len(members[i]))
	for j, m := range members[i] {
		if !inside.PeekASN1Tag(asn1.Tag(m.tag)) {
			if m.needed {
				return nil, fmt.Errorf("%w: data group %d lacks %02X", ErrUnreadable, i+1, m.tag)
			}
			continue
		}
		var v cryptobyte.String
		if !inside.ReadASN1(&v, asn1.Tag(m.tag)) || len(v) == 0 || len(v) > m.most {
			return nil, fmt.Errorf("%w: data group %d, %02X", ErrUnreadable, i+1, m.tag)
		}
		out[j] = v
	}
	if !inside.Empty() {
		return nil, fmt.Errorf("%w: data group %d has more than it may", ErrUnreadable, i+1)
	}
	return out, nil
}

// parseGroups reads the data groups strictly: there is one way to write each value,
// and nothing besides. No error quotes a value.
func parseGroups(g Groups) (*ChipData, error) {
	var v [3][][]byte
	for i := range g {
		var err error
		if v[i], err = values(i, g[i]); err != nil {
			return nil, err
		}
	}
	holder, issue := v[0], v[1]
	d := &ChipData{Card: Card{
		ChineseName: string(holder[2]), CommercialCodes: spaced(string(holder[3])), Gender: string(holder[4]),
		FirstIssued: string(issue[2]), Symbols: string(issue[3]),
	}}
	d.Card.Surname, d.Card.GivenNames = SplitName(string(holder[1]))
	var errs [5]error
	d.Card.Number, errs[0] = Parse(string(holder[0]))
	d.Card.Birth, errs[1] = compactDate(holder[5])
	d.Card.Issued, errs[2] = compactDate(issue[1])
	if issue[4] != nil {
		d.Expires, errs[3] = compactDate(issue[4])
	}
	copy(d.Serial[:], issue[0])
	d.Key, errs[4] = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), v[2][0])
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	// What is written again must be what was read: no second spelling of anything.
	again, err := d.Groups()
	if err != nil {
		return nil, err
	}
	for i := range g {
		if !bytes.Equal(again[i], g[i]) {
			return nil, fmt.Errorf("%w: data group %d is not written as it must be", ErrUnreadable, i+1)
		}
	}
	return d, nil
}

// Groups writes the data groups.
func (d *ChipData) Groups() (g Groups, err error) {
	c := d.Card
	var key []byte
	if d.Key != nil && d.Key.Curve == elliptic.P256() {
		key, err = d.Key.Bytes()
	}
	if key == nil || err != nil || !utf8.ValidString(c.ChineseName) || d.Expires != (Date{}) && !d.Expires.Whole() {
		return g, fmt.Errorf("%w: key, name or last day", ErrUnreadable)
	}
	number := strings.NewReplacer("(", "", ")", "").Replace(c.Number.Secret())
	for i, texts := range [3][]string{
		{number, c.EnglishName(), c.ChineseName, strings.ReplaceAll(c.CommercialCodes, " ", ""), c.Gender, compact(c.Birth)},
		{string(d.Serial[:]), compact(c.Issued), c.FirstIssued, c.Symbols, compact(d.Expires)},
		{string(key)},
	} {
		var b cryptobyte.Builder
		b.AddASN1(asn1.Tag(groupTag(i)), func(b *cryptobyte.Builder) {
			for j, text := range texts {
				m := members[i][j]
				if text == "" && !m.needed {
					continue
				}
				if text == "" || len(text) > m.most {
					b.SetError(fmt.Errorf("%w: data group %d, %02X", ErrUnreadable, i+1, m.tag))
				}
				b.AddASN1(asn1.Tag(m.tag), func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
			}
		})
		if g[i], err = b.Bytes(); err != nil {
			return g, err
		}
	}
	return g, nil
}

// compact writes a date as YYYYMMDD; "" for none.
func compact(d Date) string { return strings.ReplaceAll(d.String(), "-", "") }

func compactDate(b []byte) (Date, error) {
	if len(b) != 8 {
		return Date{}, fmt.Errorf("%w: a date has eight digits", ErrCard)
	}
	return ParseDate(string(b[:4]) + "-" + string(b[4:6]) + "-" + string(b[6:]))
}

// spaced puts a blank between each four digits.
func spaced(s string) string {
	var parts []string
	for ; len(s) > 4; s = s[4:] {
		parts = append(parts, s[:4])
	}
	return strings.Join(append(parts, s), " ")
}
