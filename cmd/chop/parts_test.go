package main_test

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strconv"
	"testing"

	"chop/internal/cms"
)

// A part is one signature of a PDF, taken out of the file's bytes by what ISO 32000 says about ByteRange and by
// nothing else: what it signs is all but one gap, and the gap holds the CMS in hexadecimal.
type part struct {
	start, gap, resume, end int
	der                     []byte // CMS, without padding
	signed                  []byte
}

var byteRange = regexp.MustCompile(`/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\]`)

// parts finds the signatures, the first made first. A file that was updated holds each only once.
func parts(t testing.TB, file []byte) []part {
	t.Helper()
	var all []part
	for _, m := range byteRange.FindAllSubmatch(file, -1) {
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(string(m[i+1]))
		}
		p := part{start: n[0], gap: n[0] + n[1], resume: n[2], end: n[2] + n[3]}
		if p.start != 0 || p.end > len(file) || file[p.gap] != '<' || file[p.resume-1] != '>' {
			t.Fatalf("ByteRange %v is not a file with one gap", n)
		}
		contents := make([]byte, hex.DecodedLen(p.resume-p.gap-2))
		if _, err := hex.Decode(contents, file[p.gap+1:p.resume-1]); err != nil {
			t.Fatal(err)
		}
		der, err := cms.TrimContents(contents)
		if err != nil {
			t.Fatal(err)
		}
		p.der = der
		p.signed = append(bytes.Clone(file[:p.gap]), file[p.resume:p.end]...)
		all = append(all, p)
	}
	return all
}

// parsed is the signature's CMS.
func (p part) parsed(t testing.TB) *cms.SignedData {
	t.Helper()
	sd, err := cms.Parse(p.der)
	if err != nil {
		t.Fatal(err)
	}
	return sd
}

// isTimestamp tells a document timestamp from a signature.
func (p part) isTimestamp(t testing.TB) bool {
	return p.parsed(t).ContentType.Equal(cms.OIDTSTInfo)
}

// put writes another CMS into the gap of the signature, where no signature can see it.
func (p part) put(t testing.TB, file, der []byte) []byte {
	t.Helper()
	room := file[p.gap+1 : p.resume-1]
	text := bytes.Repeat([]byte("0"), len(room))
	if hex.EncodedLen(len(der)) > len(room) {
		t.Fatalf("%d bytes do not fit into Contents", len(der))
	}
	hex.Encode(text, der)
	out := bytes.Clone(file)
	copy(out[p.gap+1:], text)
	return out
}
