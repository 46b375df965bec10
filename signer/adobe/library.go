package adobe

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"time"

	digitorus "github.com/digitorus/pdf"
	"github.com/digitorus/pdfsign/revocation"
	"github.com/digitorus/pdfsign/sign"

	"chop/signer/pades"
)

// A witness stands in for the key while pdfsign works. It remembers the digest that it
// was asked to sign and answers with nothing of worth.
type witness struct {
	pub    crypto.PublicKey
	digest []byte
}

var errTwice = errors.New("the library asked for a second signature")

func (w *witness) Public() crypto.PublicKey { return w.pub }

// Sign is crypto.Signer's. pdfsign asks again when the signature did not fit.
func (w *witness) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if w.digest != nil {
		return nil, errTwice
	}
	w.digest = bytes.Clone(digest)
	return make([]byte, 64), nil
}

// write has pdfsign write the file, and returns it with the digest of its signed
// attributes. room is the number of octets to be kept free for what it does not know of.
func write(ctx context.Context, r *Request, original []byte, room int) (output, digest []byte, err error) {
	// It, and the reader below it, panic on files that they do not expect.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: the library panicked: %v", ErrUnsupported, p)
		}
	}()
	id := r.Identity
	archive, err := archiveOf(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	in := bytes.NewReader(original)
	reader, err := digitorus.NewReader(in, int64(len(original)))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	cert, err := roomy(id.Certificate(), room)
	if err != nil {
		return nil, nil, err
	}
	w := &witness{pub: id.Certificate().PublicKey}
	var out bytes.Buffer
	err = sign.Sign(in, &out, reader, int64(len(original)), sign.SignData{
		Signature: sign.SignDataSignature{
			CertType: sign.ApprovalSignature,
			Info:     sign.SignDataSignatureInfo{Reason: r.Reason, Location: r.Location, Date: r.Time},
		},
		Signer:          w,
		DigestAlgorithm: id.Hash(),
		Certificate:     cert,
		RevocationData:  *archive,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if w.digest == nil {
		return nil, nil, fmt.Errorf("%w: nothing was to be signed", ErrDamaged)
	}
	return out.Bytes(), w.digest, nil
}

// archiveOf gathers the evidence. It is signed with the document, so it is older than
// the signature: that is this form's weakness.
func archiveOf(ctx context.Context, r *Request) (*revocation.InfoArchival, error) {
	_, ocsps, crls, err := r.Evidence.Evidence(ctx, r.Identity.Certificate(), time.Time{})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pades.ErrEvidence, err)
	}
	archive := new(revocation.InfoArchival)
	for _, der := range ocsps {
		if err := archive.AddOCSP(der); err != nil {
			return nil, fmt.Errorf("archive OCSP response: %w", err)
		}
	}
	for _, der := range crls {
		if err := archive.AddCRL(der); err != nil {
			return nil, fmt.Errorf("archive CRL: %w", err)
		}
	}
	return archive, nil
}

// roomy returns the certificate with an issuer's name of room octets. pdfsign keeps as
// much place for the signature as that name takes, and the name goes nowhere else: the
// CMS that it makes is not the one that ends up in the file.
func roomy(cert *x509.Certificate, room int) (*x509.Certificate, error) {
	long := pkix.RDNSequence{{{Type: asn1.ObjectIdentifier{2, 5, 4, 13}, Value: string(bytes.Repeat([]byte{'x'}, room))}}}
	der, err := asn1.Marshal(long)
	if err != nil {
		return nil, fmt.Errorf("reserve room: %w", err)
	}
	c := *cert
	c.RawIssuer = der
	return &c, nil
}
