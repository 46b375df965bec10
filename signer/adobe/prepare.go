package adobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"chop/internal/cms"
	"chop/internal/pdf"
)

// tokenRoom is the room for a timestamp, and signatureRoom for all else that pdfsign
// does not reckon with, in bytes.
const (
	tokenRoom     = 8192
	signatureRoom = 2048
)

// Prepare writes the file without its signature and returns what the key is to sign.
func Prepare(ctx context.Context, r Request) (*Document, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	before, err := pdf.Open(r.In, r.Size, pdf.Limits{})
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	if err := admit(before); err != nil {
		return nil, err
	}
	original := make([]byte, r.Size)
	if n, err := r.In.ReadAt(original, 0); n < len(original) {
		return nil, fmt.Errorf("read document: %w", errors.Join(err, io.ErrUnexpectedEOF))
	}
	room := signatureRoom
	for _, c := range r.Identity.Certificates()[1:] {
		room += len(c)
	}
	if r.Timestamper != nil {
		room += tokenRoom
	}
	output, dtbsr, err := write(ctx, &r, original, room)
	if err != nil {
		return nil, err
	}
	after, err := pdf.Open(bytes.NewReader(output), int64(len(output)), pdf.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := compare(before, after, original, output); err != nil {
		return nil, err
	}
	d := &Document{req: r, size: int64(len(output)), dtbsr: dtbsr}
	if err := d.read(after, output); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if _, err := r.Out.Write(output); err != nil {
		return nil, fmt.Errorf("write output: %w", err)
	}
	return d, nil
}

// read finds what pdfsign wants signed, and proves that it is this document and this
// certificate: what the key is about to sign was made by somebody else's code.
func (d *Document) read(f *pdf.File, output []byte) error {
	v := f.Latest()
	sigs, err := pdf.Signatures(v)
	if err != nil {
		return err
	}
	for _, s := range sigs {
		br, err := v.Array(s.Value["ByteRange"])
		if err != nil || len(br) != 4 {
			continue
		}
		var n [4]int64
		for i := range n {
			if n[i], err = v.Int(br[i]); err != nil {
				return err
			}
		}
		if n[2]+n[3] != d.size {
			continue // an earlier one
		}
		if d.gap, err = f.StringSpan(v, s.Ref, append(s.Path, "Contents")...); err != nil {
			return err
		}
		if n[0] != 0 || n[1] != d.gap.Start || n[2] != d.gap.End {
			return fmt.Errorf("the ByteRange %v does not enclose the Contents at %v", n, d.gap)
		}
		d.field = s.Field.Name
		h := d.req.Identity.Hash().New()
		h.Write(output[:n[1]])
		h.Write(output[n[2]:])
		d.digest = h.Sum(nil)
		contents, err := v.String(s.Value["Contents"])
		if err != nil {
			return err
		}
		return d.readAttributes(contents)
	}
	return errors.New("no signature covers the whole file")
}

func (d *Document) readAttributes(contents []byte) error {
	der, err := cms.TrimContents(contents)
	if err != nil {
		return err
	}
	sd, err := cms.Parse(der)
	if err != nil {
		return err
	}
	if len(sd.SignerInfos) != 1 {
		return fmt.Errorf("%d signers", len(sd.SignerInfos))
	}
	si := sd.SignerInfos[0]
	if got, err := si.MessageDigest(); err != nil || !bytes.Equal(got, d.digest) {
		return fmt.Errorf("the message digest is not the document's: %w", err)
	}
	if err := si.BindsCertificate(d.req.Identity.Certificate().Raw); err != nil {
		return err
	}
	if archive, err := si.AdobeRevocation(); err != nil || archive == nil {
		return fmt.Errorf("no revocation archive: %w", err)
	}
	if d.attrs, err = attributesOf(der); err != nil {
		return err
	}
	if _, err := cms.ParseSignedAttributes(d.attrs); err != nil {
		return err
	}
	h := d.req.Identity.Hash().New()
	h.Write(d.attrs)
	if !bytes.Equal(h.Sum(nil), d.dtbsr) {
		return errors.New("what was to be signed is not the digest of the signed attributes")
	}
	return nil
}

// attributesOf cuts the signed attributes out of a CMS with one signer, as the SET OF
// that is hashed. RFC 5652, 5.3 and 5.4.
func attributesOf(der []byte) ([]byte, error) {
	in := cryptobyte.String(der)
	var info, content, sd, signers, signer, attrs cryptobyte.String
	constructed := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).Constructed().ContextSpecific() }
	ok := in.ReadASN1(&info, cbasn1.SEQUENCE) && info.SkipASN1(cbasn1.OBJECT_IDENTIFIER) &&
		info.ReadASN1(&content, constructed(0)) && content.ReadASN1(&sd, cbasn1.SEQUENCE) &&
		sd.SkipASN1(cbasn1.INTEGER) && sd.SkipASN1(cbasn1.SET) && sd.SkipASN1(cbasn1.SEQUENCE) &&
		sd.SkipOptionalASN1(constructed(0)) && sd.SkipOptionalASN1(constructed(1)) &&
		sd.ReadASN1(&signers, cbasn1.SET) && signers.ReadASN1(&signer, cbasn1.SEQUENCE) &&
		signer.SkipASN1(cbasn1.INTEGER) && signer.SkipASN1(cbasn1.SEQUENCE) && signer.SkipASN1(cbasn1.SEQUENCE) &&
		signer.ReadASN1Element(&attrs, constructed(0))
	if !ok {
		return nil, errors.New("no signed attributes")
	}
	set := bytes.Clone(attrs)
	set[0] = byte(cbasn1.SET)
	return set, nil
}
