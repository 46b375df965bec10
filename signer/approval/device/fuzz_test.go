package device

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"testing"

	"chop/internal/solecontrol"
)

// Whatever the page is told of a document: if it takes the file for what will be signed, another reader of the signed
// attributes finds the file's digest in them, and the byte range is all of it but one gap.
func FuzzCheckDocument(f *testing.F) {
	head, tail := "%PDF-1.7 /Contents ", " %%EOF"
	file := []byte(head + "<0000>" + tail)
	digest := sha256.Sum256([]byte(head + tail))
	attribute := append([]byte("\x30\x2f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04\x31\x22\x04\x20"), digest[:]...)
	good := append([]byte{0x31, byte(len(attribute))}, attribute...)
	a, b := int64(len(head)), int64(len(head)+6)
	f.Add(good, file, a, b, int64(len(tail)))
	f.Add(good, file, int64(0), b, int64(len(tail)))
	f.Add(append(good, 0), file, a, int64(1)<<62, int64(1)<<62)
	f.Add(good, file, int64(77), int64(88), int64(-57)) // behind the file's end, and back
	f.Add([]byte{0x31, 0x80}, []byte{}, int64(-1), int64(-1), int64(-1))
	f.Fuzz(func(t *testing.T, attributes, file []byte, a, b, rest int64) {
		d := &solecontrol.OfferDocument{
			Name: "a.pdf", Type: solecontrol.TypePDF, Size: int64(len(file)), Policy: "1.2", Hash: solecontrol.SHA256,
			Attributes: attributes, ByteRange: [4]int64{0, a, b, rest},
		}
		line, err := CheckDocument(d, file)
		if err != nil {
			if !errors.Is(err, ErrPage) {
				t.Fatalf("got %v, want ErrPage", err)
			}
			return
		}
		signed := append(bytes.Clone(file[:a]), file[b:]...)
		digest := sha256.Sum256(signed)
		if !bytes.Equal(line.SHA256, digest[:]) || b+rest != int64(len(file)) {
			t.Fatalf("taken for another file: %q, %d %d %d", file, a, b, rest)
		}
		var list []struct {
			ID     asn1.ObjectIdentifier
			Values []asn1.RawValue `asn1:"set"`
		}
		if _, err := asn1.UnmarshalWithParams(attributes, &list, "set"); err != nil {
			return // the activation process refuses it
		}
		for _, l := range list {
			if l.ID.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}) && (len(l.Values) != 1 || !bytes.Equal(l.Values[0].Bytes, digest[:])) {
				t.Fatalf("another reader finds %+v in %x", l.Values, attributes)
			}
		}
	})
}
